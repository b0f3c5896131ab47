// SPDX-License-Identifier: Apache-2.0
#include "core/generator/recipes.h"

#include <stdio.h>
#include <string.h>

#include "core/generator/table.h"
#include "core/io/jsonl.h"

static cm_status read_recipe(const json_t *row, const char *folder, cm_arena *out, void *entry) {
    cm_recipe *r = entry;
    (void)folder;
    const char *name, *sampler;
    CM_TRY(cm_json_text(row, "name", &name));
    CM_TRY(cm_json_text(row, "sampler", &sampler));
    *r = (cm_recipe){.name = cm_arena_string(out, name),
                     .about = cm_arena_string(out, cm_json_text_or(row, "about", "")),
                     .sampler = cm_sampler_find(sampler),
                     .negative = cm_arena_string(out, cm_json_text_or(row, "negative", "")),
                     .suffix = cm_arena_string(out, cm_json_text_or(row, "suffix", "")),
                     .steps = cm_json_size_or(row, "steps", 0),
                     .width = cm_json_size_or(row, "width", 0),
                     .height = cm_json_size_or(row, "height", 0),
                     .guidance = cm_json_number_or(row, "guidance", 1),
                     .seed = cm_json_size_or(row, "seed", 0)};
    if (!r->sampler) return cm_fail(CM_EFORMAT, "recipe '%s': there is no sampler '%s'", name, sampler);
    if (!r->steps || !r->width || !r->height) return cm_fail(CM_EFORMAT, "recipe '%s' lacks steps, width or height", name);
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
    char list[400] = "";
    CM_TRY(cm_recipes_list(out, &r, &count));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(r[i].name, name) == 0) {
            *recipe = r[i];
            return CM_OK;
        }
        const size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", r[i].name);
    }
    return cm_fail(CM_EUSAGE, "no recipe '%s': one of %s", name, list);
}
