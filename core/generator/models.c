// SPDX-License-Identifier: Apache-2.0
/* The table of models by name: core/models/models.json. */
#include <string.h>

#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/generator/table.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"

/* A part's folder as an absolute path; a part that the row lacks is an error. */
static cm_status part_folder(const json_t *row, const char *key, const char *folder, cm_arena *out, const char **path) {
    const char *relative;
    CM_TRY(cm_json_text(row, key, &relative));
    *path = cm_arena_print(out, "%s/%s", folder, relative);
    return cm_arena_check(out);
}

static bool is_present(const cm_model_entry *e) {
    const char *const parts[] = {e->text_encoder, e->unet,          e->vae,       e->scheduler,
                                 e->tokenizer,    e->text_encoder2, e->tokenizer2};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i] && !cm_path_is_dir(parts[i])) return false;
    }
    return true;
}

static const cm_json_key model_keys[] = {{"name", CM_JSON_NAME},
                                         {"about", CM_JSON_TEXT},
                                         {"tokenizer", CM_JSON_NAME},
                                         {"tokenizer_2", CM_JSON_NAME},
                                         {"text_encoder", CM_JSON_NAME},
                                         {"text_encoder_2", CM_JSON_NAME},
                                         {"unet", CM_JSON_NAME},
                                         {"vae", CM_JSON_NAME},
                                         {"scheduler", CM_JSON_NAME},
                                         {"force_zeros_for_empty_prompt", CM_JSON_BOOL},
                                         {"width", CM_JSON_WHOLE, 8, 65536},
                                         {"height", CM_JSON_WHOLE, 8, 65536},
                                         {0}};

static cm_status read_row(const json_t *row, const char *folder, cm_arena *out, void *entry) {
    cm_model_entry *e = entry;
    const char *name;
    CM_TRY(cm_json_check(row, "model", model_keys));
    CM_TRY(cm_json_text(row, "name", &name));
    CM_TRY(part_folder(row, "text_encoder", folder, out, &e->text_encoder));
    CM_TRY(part_folder(row, "unet", folder, out, &e->unet));
    CM_TRY(part_folder(row, "vae", folder, out, &e->vae));
    CM_TRY(part_folder(row, "scheduler", folder, out, &e->scheduler));
    CM_TRY(part_folder(row, "tokenizer", folder, out, &e->tokenizer));
    if (json_object_get(row, "text_encoder_2")) {
        CM_TRY(part_folder(row, "text_encoder_2", folder, out, &e->text_encoder2));
        CM_TRY(part_folder(row, "tokenizer_2", folder, out, &e->tokenizer2));
        e->xl = true;
        e->zero_empty = cm_json_bool_or(row, "force_zeros_for_empty_prompt", true);
    }
    e->name = cm_arena_string(out, name);
    e->about = cm_arena_string(out, cm_json_text_or(row, "about", ""));
    e->width = cm_json_size_or(row, "width", 0);
    e->height = cm_json_size_or(row, "height", 0);
    e->random = strncmp(name, "random:", 7) == 0;
    e->present = is_present(e);
    return CM_OK;
}

cm_status cm_models_list(cm_arena *out, cm_model_entry **entries, size_t *count) {
    void *rows;
    CM_TRY(cm_table_read("models", sizeof **entries, read_row, out, &rows, count));
    *entries = rows;
    return CM_OK;
}
