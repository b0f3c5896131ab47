// SPDX-License-Identifier: Apache-2.0
#include "core/generator/recipes.h"

#include <string.h>

#include "core/base/closest.h"
#include "core/generator/table.h"
#include "core/io/jsonl.h"

static const cm_json_key own_keys[] = {{"name", CM_JSON_NAME}, {"about", CM_JSON_TEXT}, {0}};
enum { KEYS = CM_SETTING_COUNT + sizeof own_keys / sizeof *own_keys };

static cm_status read_recipe(const json_t *row, const char *folder, cm_arena *out, void *entry) {
    cm_recipe *r = entry;
    (void)folder;
    cm_json_key keys[KEYS];
    const char *name, *sampler;
    cm_settings_keys(CM_IN_RECIPE, own_keys, keys, KEYS);
    CM_TRY(cm_json_check(row, "recipe", keys));
    CM_TRY(cm_json_text(row, "name", &name));
    CM_TRY(cm_json_text(row, "sampler", &sampler));
    *r = (cm_recipe){.name = cm_arena_string(out, name),
                     .about = cm_arena_string(out, cm_json_text_or(row, "about", "")),
                     .settings = {.suffix = "", .guidance = 1}};
    CM_TRY(cm_settings_read(row, CM_IN_RECIPE, out, &r->settings));
    if (!r->settings.steps || !r->settings.width || !r->settings.height)
        return cm_fail(CM_EFORMAT, "recipe '%s' lacks steps, width or height", name);
    return CM_OK;
}

cm_status cm_recipes_list(cm_arena *out, cm_recipe **recipes, size_t *count) {
    void *rows;
    CM_TRY(cm_table_read("recipes", sizeof **recipes, read_recipe, out, &rows, count));
    *recipes = rows;
    return CM_OK;
}

cm_status cm_recipe_find(const char *name, cm_arena *out, cm_recipe *recipe) {
    cm_recipe *r;
    size_t count;
    CM_TRY(cm_recipes_list(out, &r, &count));
    const char **names = CM_PUSH_ZERO(out, const char *, count + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(r[i].name, name) == 0) {
            *recipe = r[i];
            return CM_OK;
        }
        names[i] = r[i].name;
    }
    return cm_unknown_choice("--recipe", name, names);
}

void cm_recipe_follow(const cm_recipe *recipe, cm_settings *s) {
    cm_settings_copy(CM_IN_RECIPE, &recipe->settings, s);
    s->recipe = recipe->name;
}
