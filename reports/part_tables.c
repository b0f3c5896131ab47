// SPDX-License-Identifier: Apache-2.0
/* Accuracy by body group: which parts of a person an arm gets right. */
#include <string.h>

#include "core/base/system.h"
#include "reports/content.h"
#include "reports/part_groups.h"

cm_status cm_part_groups_find(const cm_rows *r, cm_arena *out, cm_part_groups *g) {
    json_t *seen = json_object();
    *g = (cm_part_groups){.names = CM_PUSH(out, const char *, r->parts.count + 1), .score = ""};
    cm_status s = seen ? cm_arena_check(out) : cm_fail(CM_ENOMEM, "out of memory while a report is made");
    for (size_t i = 0; s == CM_OK && i < r->parts.count; i++) {
        const char *group = cm_text_of(r->parts.at[i], "group"), *score = cm_text_of(r->parts.at[i], "score");
        if (!*g->score || strcmp(score, "acc_all") == 0) g->score = score;
        if (json_object_get(seen, group)) continue;
        g->names[g->count++] = group;
        if (json_object_set_new(seen, group, json_true()) != 0) s = cm_fail(CM_ENOMEM, "out of memory while a report is made");
    }
    json_decref(seen);
    return s;
}

static void part_cell(const cm_content *c, cm_table *t, size_t arm, const char *group, const char *score) {
    const json_t *row = cm_rows_part(c->r, c->r->arms[arm], group, score);
    double v, lo, hi;
    if (!cm_number_of(row, "value", &v)) {
        cm_table_empty(t);
        return;
    }
    const bool interval = cm_number_of(row, "lo", &lo) && cm_number_of(row, "hi", &hi);
    (interval ? cm_table_interval(t, v, lo, hi) : cm_table_number(t, v))->link = cm_arm_anchor(c, arm);
}

/* Of the first arm that has the group: every arm is asked the same. */
static void questions_cell(const cm_content *c, cm_table *t, const char *group, const char *score) {
    double n;
    for (size_t a = 0; a < c->r->arm_count; a++) {
        if (!cm_number_of(cm_rows_part(c->r, c->r->arms[a], group, score), "n", &n)) continue;
        cm_table_number(t, n);
        return;
    }
    cm_table_empty(t);
}

void cm_add_part_table(const cm_content *c) {
    cm_part_groups g;
    cm_table_column *columns = CM_PUSH_ZERO(&c->d->arena, cm_table_column, c->r->arm_count + 2);
    if (!c->r->parts.count || !columns || cm_part_groups_find(c->r, &c->d->arena, &g) != CM_OK) return;
    const cm_column *of = cm_column_find(c->r, g.score);
    columns[0] = (cm_table_column){.title = "group", .left = true};
    for (size_t a = 0; a < c->r->arm_count; a++) columns[1 + a] = (cm_table_column){.title = c->r->arms[a], .better = CM_HIGHER, .digits = 1};
    columns[c->r->arm_count + 1] = (cm_table_column){.title = "questions", .key = "n"};
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, "parts", columns, c->r->arm_count + 2);
    t->caption = cm_arena_print(&c->d->arena, "%s by group, %%", of ? of->title : g.score);
    t->note = "Of the questions about a group, the share answered as the prompt says. Small: 95 % intervals; groups with few questions have wide ones.";
    for (size_t i = 0; i < g.count && !cm_interrupted(); i++) {
        cm_table_row(t);
        cm_table_text(t, g.names[i]);
        for (size_t a = 0; a < c->r->arm_count; a++) part_cell(c, t, a, g.names[i], g.score);
        questions_cell(c, t, g.names[i], g.score);
    }
}

static void arm_details(const cm_content *c, const cm_part_groups *g, size_t arm) {
    static const cm_table_column columns[] = {{.title = "group", .left = true}, {.title = "Acc_obj", .better = CM_HIGHER, .digits = 1},
                                              {.title = "Acc_tex", .better = CM_HIGHER, .digits = 1}, {.title = "Acc_shape", .better = CM_HIGHER, .digits = 1}};
    static const char *const scores[] = {"acc_obj", "acc_tex", "acc_shape"};
    cm_table *t = cm_document_table(c->d);
    const char *name = cm_arena_print(&c->d->arena, "parts-%zu", arm);
    cm_table_begin(t, &c->d->arena, name ? name : "", columns, sizeof columns / sizeof *columns);
    t->caption = cm_arena_print(&c->d->arena, "%s: objects, textures and shapes by group, %%", c->r->arms[arm]);
    for (size_t i = 0; i < g->count && !cm_interrupted(); i++) {
        cm_table_row(t);
        cm_table_text(t, g->names[i]);
        for (size_t k = 0; k < 3; k++) part_cell(c, t, arm, g->names[i], scores[k]);
    }
}

void cm_add_part_details(const cm_content *c) {
    enum { MOST_ARMS = 6 };
    cm_part_groups g;
    if (!c->r->parts.count || cm_part_groups_find(c->r, &c->d->arena, &g) != CM_OK) return;
    for (size_t a = 0; a < c->r->arm_count && a < MOST_ARMS; a++) arm_details(c, &g, a);
}
