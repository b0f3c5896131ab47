// SPDX-License-Identifier: Apache-2.0
/* Records as they are, a column a key: for CSV. Columns stay where they are; new ones follow on the right. */
#include "core/base/system.h"
#include "reports/content.h"
#include "reports/render.h"

static void cell(cm_table *t, const json_t *row, const char *key) {
    const json_t *v = json_object_get(row, key);
    if (json_is_string(v)) cm_table_text(t, json_string_value(v));
    else if (json_is_number(v)) cm_table_number(t, json_number_value(v));
    else if (json_is_boolean(v)) cm_table_text(t, json_is_true(v) ? "yes" : "no");
    else cm_table_empty(t);
}

typedef struct record_table {
    const char *file;
    size_t list; /* of cm_report_model: where its list is */
    const char *const *keys;
} record_table;

static cm_status write_table(const cm_report_model *r, const record_table *of) {
    const cm_row_list *rows = (const cm_row_list *)((const char *)r + of->list);
    enum { MOST_KEYS = 32 };
    cm_table_column columns[MOST_KEYS] = {{0}};
    size_t count = 0;
    cm_arena arena;
    cm_table t;
    for (; of->keys[count]; count++) columns[count].title = of->keys[count];
    cm_arena_init(&arena, 0);
    cm_table_begin(&t, &arena, of->file, columns, count);
    for (size_t i = 0; i < rows->count && !cm_interrupted(); i++) {
        cm_table_row(&t);
        for (size_t k = 0; k < count; k++) cell(&t, rows->at[i], of->keys[k]);
    }
    cm_status s = cm_arena_check(&arena);
    if (s == CM_OK) s = cm_render_csv(&t, r->folder, of->file);
    cm_arena_free(&arena);
    return s;
}

cm_status cm_report_csv(const cm_report_model *r) {
    static const char *const scores[] = {"suite", "prompts", "arm",     "score", "value",     "lo",
                                         "hi",    "n",       "better",  "note",  "deviation", "reference_n",
                                         "read",  "images",  "leading", NULL};
    static const char *const pairs[] = {"suite",      "prompts", "score", "a", "b",      "difference",
                                        "lo",         "hi",      "p",     "n", "p_holm", "effect",
                                        "detectable", "primary", "note",  NULL};
    static const char *const speed[] = {"model", "backend",  "dtype", "width", "height", "batch",
                                        "stage", "median_s", "p10_s", "p90_s", "n",      "peak_rss_mb",
                                        "gflop", "apart",    "note",  NULL};
    static const char *const peers[] = {"model",   "stage",       "engine",  "version",     "precision", "layout",
                                        "width",   "height",      "batch",   "threads",     "min_s",     "median_s",
                                        "ratio",   "relative_l2", "agrees",  "peak_rss_mb", "n",         "cpu",
                                        "started", "note",        "psnr_db", "steps",       NULL};
    static const char *const parts[] = {"suite", "prompts", "arm", "group", "score", "value",
                                        "lo",    "hi",      "n",   "right", NULL};
    static const record_table tables[] = {{"scores.csv", offsetof(cm_report_model, scores), scores},
                                          {"pairs.csv", offsetof(cm_report_model, pairs), pairs},
                                          {"speed.csv", offsetof(cm_report_model, speeds), speed},
                                          {"peers.csv", offsetof(cm_report_model, peers), peers},
                                          {"parts.csv", offsetof(cm_report_model, parts), parts}};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) CM_TRY(write_table(r, &tables[i]));
    return CM_OK;
}
