// SPDX-License-Identifier: Apache-2.0
#include "core/generator/table.h"

#include "core/generator/pipeline.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"

static cm_status read_rows(const json_t *rows, const char *folder, size_t entry_bytes, cm_table_row *read_row,
                           cm_arena *out, void **entries) {
    const size_t n = json_array_size(rows);
    char *all = CM_PUSH_ZERO(out, char, n *entry_bytes);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < n; i++) {
        const cm_status s = read_row(json_array_get(rows, i), folder, out, all + i * entry_bytes);
        if (s != CM_OK) return cm_fail_in(s, "row %zu", i + 1);
    }
    *entries = all;
    return cm_arena_check(out);
}

cm_status cm_table_read(const char *name, size_t entry_bytes, cm_table_row *read_row, cm_arena *out, void **entries,
                        size_t *count) {
    char *folder;
    CM_TRY(cm_models_folder(out, &folder));
    const char *path = cm_arena_print(out, "%s/%s.json", folder, name);
    CM_TRY(cm_arena_check(out));
    json_t *table = NULL;
    CM_TRY(cm_json_read(path, &table));
    const json_t *rows = json_object_get(table, name);
    const size_t n = json_array_size(rows);
    const cm_json_key keys[] = {{name, CM_JSON_LIST}, {0}};
    cm_status s = cm_json_check(table, "table", keys);
    if (s == CM_OK)
        s = n ? read_rows(rows, folder, entry_bytes, read_row, out, entries)
              : cm_fail(CM_EFORMAT, "no list \"%s\"", name);
    json_decref(table);
    if (s != CM_OK) return cm_fail_in(s, "%s", path);
    *count = n;
    return CM_OK;
}
