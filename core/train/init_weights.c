// SPDX-License-Identifier: Apache-2.0
#include "core/train/init_weights.h"

#include <string.h>

#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"

cm_status cm_recipe_folder(const json_t *recipe, const char *key, const char *otherwise, cm_arena *out, char **path) {
    const char *folder = cm_json_text_or(recipe, key, otherwise);
    if (folder[0] == '/' || folder[0] == '.') {
        *path = cm_arena_string(out, folder);
        return cm_arena_check(out);
    }
    char *models;
    CM_TRY(cm_models_folder(out, &models));
    *path = cm_arena_print(out, "%s/%s", models, folder);
    return cm_arena_check(out);
}

cm_status cm_params_copy(cm_params *to, const char *folder) {
    cm_params *from;
    CM_TRY(cm_params_open(&from, folder));
    for (size_t i = 0; i < cm_params_count(to); i++) {
        const cm_tensor *w = cm_params_at(to, i);
        const cm_tensor *read = cm_param(from, CM_INIT_ZERO, w->ndim, w->shape, "%s", cm_params_name(to, i));
        memcpy(w->data, read->data, cm_count(w) * sizeof(float));
    }
    cm_status s = cm_params_check(from, true);
    if (s != CM_OK) s = cm_fail_in(s, "%s", folder);
    cm_params_close(&from);
    return s;
}

void cm_params_clear(cm_params *p, const char *ending) {
    const size_t n = strlen(ending);
    for (size_t i = 0; i < cm_params_count(p); i++) {
        const char *name = cm_params_name(p, i);
        const size_t length = strlen(name);
        cm_tensor *w = cm_params_at(p, i);
        if (length >= n && strcmp(name + length - n, ending) == 0) memset(w->data, 0, cm_count(w) * sizeof(float));
    }
}
