// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/show_scores.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/progress.h"
#include "core/io/jsonl.h"
#include "core/io/record_lines.h"
#include "reports/report.h"

enum { ARM_WIDTH = 16 };

/* arms: are there several? Then each row says whose it is. */
static void print_row(const json_t *o, bool arms) {
    const double value = cm_json_number_or(o, "value", (double)NAN), lo = cm_json_number_or(o, "lo", (double)NAN),
                 hi = cm_json_number_or(o, "hi", (double)NAN),
                 deviation = cm_json_number_or(o, "deviation", (double)NAN),
                 read = cm_json_number_or(o, "read", (double)NAN);
    char interval[64] = "", spread[48] = "", n[48] = "", share[24] = "";
    if (isfinite(lo) && isfinite(hi)) snprintf(interval, sizeof interval, "[%.5g, %.5g]", lo, hi);
    if (isfinite(deviation)) snprintf(spread, sizeof spread, "+- %.4g", deviation);
    if (json_object_get(o, "n")) snprintf(n, sizeof n, "%zu", cm_json_size_or(o, "n", 0));
    if (json_object_get(o, "reference_n"))
        snprintf(n + strlen(n), sizeof n - strlen(n), "/%zu", cm_json_size_or(o, "reference_n", 0));
    if (isfinite(read)) snprintf(share, sizeof share, "%.0f %% read", 100 * read);
    if (arms) printf("%-*s ", ARM_WIDTH, cm_json_text_or(o, "arm", ""));
    if (isfinite(value))
        printf("%-28s %12.6g  %-24s %-12s %-12s %s\n", cm_json_text_or(o, "score", ""), value, interval, spread, n,
               share);
    else printf("%-28s %12s  %s\n", cm_json_text_or(o, "score", ""), "undefined", cm_json_text_or(o, "note", ""));
}

static void print_title(bool arms) {
    if (arms) printf("%-*s ", ARM_WIDTH, "arm");
    printf("%-28s %12s  %-24s %-12s %s\n", "score", "value", "95 %", "deviation", "n/reference");
}

static cm_status print_scores(const char *path) {
    cm_record_lines *lines = NULL;
    const json_t *record = NULL;
    bool arms = false;
    cm_status s;
    CM_TRY(cm_record_lines_open(&lines, path));
    while ((s = cm_record_lines_next(lines, &record)) == CM_OK && record) {
        const char *kind = cm_json_text_or(record, "kind", "");
        if (!strcmp(kind, "run")) print_title((arms = json_array_size(json_object_get(record, "arms")) > 1));
        if (!strcmp(kind, "score")) print_row(record, arms);
    }
    cm_record_lines_close(&lines);
    return s;
}

cm_status cm_show_scores(const char *folder) {
    cm_arena arena;
    cm_arena_init(&arena, 0);
    const char *path = cm_arena_print(&arena, "%s/records.jsonl", folder);
    cm_status s = cm_arena_check(&arena);
    if (s == CM_OK) s = cm_report_write(folder, NULL);
    if (s == CM_OK) s = print_scores(path);
    if (s == CM_OK) printf("%s/report.html\n", folder);
    cm_arena_free(&arena);
    return s;
}

int cm_exit_of(const cm_evaluation_counts *n) {
    if (n->gates_failed)
        cm_warn("%zu of the suite's gates failed (exit status 5; the report says which)", n->gates_failed);
    if (n->gates_undecided)
        cm_warn("%zu of the suite's gates cannot be decided at this N%s", n->gates_undecided,
                n->gates_failed ? "" : " (exit status 4)");
    if (n->gates_failed || n->gates_undecided) return n->gates_failed ? 5 : 4;
    return n->failed || n->without_image || n->undefined ? 3 : 0;
}

int cm_show_counts(const cm_evaluation_counts *n) {
    printf("%zu scored, %zu failed, %zu prompts without an image, %zu images without a prompt\n", n->scored, n->failed,
           n->without_image, n->without_prompt);
    if (n->undefined)
        cm_warn("%zu score%s undefined (exit status 3); %s above says why", n->undefined,
                n->undefined == 1 ? " is" : "s are", n->undefined == 1 ? "its row" : "each row");
    return cm_exit_of(n);
}
