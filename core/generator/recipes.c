// SPDX-License-Identifier: Apache-2.0
#include "core/generator/recipes.h"

#include <stdio.h>
#include <string.h>

#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"

static cm_status read_recipe(const json_t *row, cm_arena *out, cm_recipe *r) {
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
    return cm_arena_check(out);
}

cm_status cm_recipes_list(cm_arena *out, cm_recipe **recipes, size_t *count) {
    char *folder;
    CM_TRY(cm_models_folder(out, &folder));
    const char *path = cm_arena_print(out, "%s/recipes.json", folder);
    CM_TRY(cm_arena_check(out));
    json_t *table = NULL;
    CM_TRY(cm_json_read(path, &table));
    const json_t *rows = json_object_get(table, "recipes");
    const size_t n = json_array_size(rows);
    cm_recipe *r = CM_PUSH_ZERO(out, cm_recipe, n + 1);
    cm_status s = cm_arena_check(out);
    if (s == CM_OK && n == 0) s = cm_fail(CM_EFORMAT, "no list \"recipes\"");
    for (size_t i = 0; i < n && s == CM_OK; i++) s = read_recipe(json_array_get(rows, i), out, &r[i]);
    json_decref(table);
    if (s != CM_OK) return cm_fail_in(s, "%s", path);
    *recipes = r;
    *count = n;
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
