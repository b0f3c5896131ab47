// SPDX-License-Identifier: Apache-2.0
#include "core/base/system.h"
#include "reports/pages.h"

static void cell(cm_writer *w, const json_t *row, const char *key) {
    const json_t *v = json_object_get(row, key);
    if (json_is_string(v)) cm_text(w, json_string_value(v));
    else if (json_is_number(v)) cm_number(w, json_is_integer(v) ? "%.0f" : "%.9g", json_number_value(v));
    else if (json_is_boolean(v)) cm_text(w, json_is_true(v) ? "yes" : "no");
}

static cm_status write_table(const cm_rows *r, const char *file, const cm_row_list *rows, const char *const *keys, size_t count) {
    cm_writer *w;
    CM_TRY(cm_writer_open(&w, CM_CSV, r->folder, file));
    for (size_t k = 0; k < count; k++) {
        if (k) cm_markup(w, ",");
        cm_text(w, keys[k]);
    }
    cm_markup(w, "\n");
    for (size_t i = 0; i < rows->count && !cm_interrupted(); i++) {
        for (size_t k = 0; k < count; k++) {
            if (k) cm_markup(w, ",");
            cell(w, rows->at[i], keys[k]);
        }
        cm_markup(w, "\n");
    }
    return cm_writer_close(&w, CM_OK);
}

cm_status cm_report_csv(const cm_rows *r) {
    static const char *const scores[] = {"suite", "prompts", "arm", "score", "value", "lo", "hi", "n", "better", "note",
                                         "deviation", "reference_n", "read"};
    static const char *const pairs[] = {"suite", "prompts", "score", "a", "b", "difference", "lo", "hi", "p", "n", "p_holm"};
    static const char *const speed[] = {"model", "backend", "dtype", "width", "height", "batch", "stage", "median_s", "p10_s",
                                        "p90_s", "n",       "peak_rss_mb", "gflop", "apart", "note"};
    static const char *const peers[] = {"model", "stage", "engine", "version", "precision", "layout", "width", "height",
                                        "batch", "threads", "min_s", "median_s", "ratio", "relative_l2", "agrees",
                                        "peak_rss_mb", "n", "cpu", "started", "note", "psnr_db", "steps"};
    CM_TRY(write_table(r, "scores.csv", &r->scores, scores, sizeof scores / sizeof *scores));
    CM_TRY(write_table(r, "pairs.csv", &r->pairs, pairs, sizeof pairs / sizeof *pairs));
    CM_TRY(write_table(r, "speed.csv", &r->speeds, speed, sizeof speed / sizeof *speed));
    return write_table(r, "peers.csv", &r->peers, peers, sizeof peers / sizeof *peers);
}
