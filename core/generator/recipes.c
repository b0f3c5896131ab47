// SPDX-License-Identifier: Apache-2.0
#include "core/generator/recipes.h"

#include <string.h>

#include "core/base/closest.h"
#include "core/generator/table.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"

static const cm_json_key recipe_keys[] = {{"name", CM_JSON_NAME},
                                          {"about", CM_JSON_TEXT},
                                          {"sampler", CM_JSON_NAME},
                                          {"negative", CM_JSON_TEXT},
                                          {"suffix", CM_JSON_TEXT},
                                          {"steps", CM_JSON_WHOLE, 1, 1000},
                                          {"width", CM_JSON_WHOLE, 8, 65536},
                                          {"height", CM_JSON_WHOLE, 8, 65536},
                                          {"guidance", CM_JSON_NUMBER},
                                          {"seed", CM_JSON_WHOLE},
                                          {0}};

static cm_status read_recipe(const json_t *row, const char *folder, cm_arena *out, void *entry) {
    cm_recipe *r = entry;
    (void)folder;
    const char *name, *sampler;
    CM_TRY(cm_json_check(row, "recipe", recipe_keys));
    CM_TRY(cm_json_text(row, "name", &name));
    CM_TRY(cm_json_text(row, "sampler", &sampler));
    const char *negative = cm_json_text_or(row, "negative", NULL);
    *r = (cm_recipe){.name = cm_arena_string(out, name),
                     .about = cm_arena_string(out, cm_json_text_or(row, "about", "")),
                     .negative = negative ? cm_arena_string(out, negative) : NULL,
                     .suffix = cm_arena_string(out, cm_json_text_or(row, "suffix", "")),
                     .steps = cm_json_size_or(row, "steps", 0),
                     .width = cm_json_size_or(row, "width", 0),
                     .height = cm_json_size_or(row, "height", 0),
                     .guidance = cm_json_number_or(row, "guidance", 1),
                     .seed = cm_json_size_or(row, "seed", 0)};
    CM_TRY(cm_sampler_choose("sampler", sampler, &r->sampler));
    if (!r->steps || !r->width || !r->height)
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
