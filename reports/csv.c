// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "reports/rows.h"

/* RFC 4180: quoted when it holds a comma, a quote or a line end. */
static void field(FILE *f, const char *text, bool last) {
    if (strpbrk(text, ",\"\r\n")) {
        fputc('"', f);
        for (; *text; text++) {
            if (*text == '"') fputc('"', f);
            fputc(*text, f);
        }
        fputc('"', f);
    } else {
        fputs(text, f);
    }
    fputc(last ? '\n' : ',', f);
}

static void cell(FILE *f, const json_t *row, const char *key, bool last) {
    const json_t *v = json_object_get(row, key);
    char text[40] = "";
    if (json_is_integer(v)) {
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(v));
    } else if (json_is_number(v)) {
        snprintf(text, sizeof text, "%.9g", json_number_value(v));
    }
    if (json_is_boolean(v)) snprintf(text, sizeof text, "%s", json_is_true(v) ? "yes" : "no");
    field(f, json_is_string(v) ? json_string_value(v) : text, last);
}

static cm_status write_table(const cm_rows *r, const char *file, const cm_row_list *rows, const char *const *keys,
                             size_t count) {
    char *text = NULL, path[4096];
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f) return cm_fail(CM_ENOMEM, "out of memory while writing %s", file);
    for (size_t k = 0; k < count; k++) field(f, keys[k], k + 1 == count);
    for (size_t i = 0; i < rows->count; i++)
        for (size_t k = 0; k < count; k++) cell(f, rows->at[i], keys[k], k + 1 == count);
    fclose(f);
    snprintf(path, sizeof path, "%s/%s", r->folder, file);
    const cm_status s = cm_write_whole(path, text, size);
    free(text);
    return s;
}

cm_status cm_report_csv(const cm_rows *r) {
    static const char *const scores[] = {"suite", "prompts", "arm", "score", "value", "lo", "hi", "n", "better", "note",
                                         "deviation", "reference_n", "read"};
    static const char *const pairs[] = {"suite", "prompts", "score", "a", "b", "difference", "lo", "hi", "p", "n"};
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
