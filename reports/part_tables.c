// SPDX-License-Identifier: Apache-2.0
/* Accuracy by body group: which parts of a person an arm gets right. */
#include <string.h>

#include "core/base/system.h"
#include "reports/content.h"
#include "reports/part_groups.h"

enum { MOST_ARMS = 4 };

cm_status cm_part_groups_find(const cm_report_model *r, cm_arena *out, cm_part_groups *g) {
    json_t *seen = json_object();
    *g = (cm_part_groups){.names = CM_PUSH(out, const char *, r->parts.count + 1), .score = ""};
    cm_status s = seen ? cm_arena_check(out) : cm_fail(CM_ENOMEM, "out of memory while a report is made");
    for (size_t i = 0; s == CM_OK && i < r->parts.count; i++) {
        const char *group = cm_text_of(r->parts.at[i], "group"), *score = cm_text_of(r->parts.at[i], "score");
        if (!*g->score || strcmp(score, "acc_all") == 0) g->score = score;
        if (json_object_get(seen, group)) continue;
        g->names[g->count++] = group;
        if (json_object_set_new(seen, group, json_true()) != 0)
            s = cm_fail(CM_ENOMEM, "out of memory while a report is made");
    }
    json_decref(seen);
    return s;
}

static bool has_parts(const cm_content *c, const cm_part_groups *g, size_t arm) {
    for (size_t i = 0; i < g->count; i++)
        if (cm_report_model_part(c->r, c->r->arms[arm], g->names[i], g->score)) return true;
    return false;
}

static void part_cell(const cm_content *c, cm_table *t, size_t arm, const char *group, const char *score,
                      bool with_interval) {
    const json_t *row = cm_report_model_part(c->r, c->r->arms[arm], group, score);
    double v, lo, hi;
    if (!cm_number_of(row, "value", &v)) {
        cm_table_empty(t);
        return;
    }
    const bool interval = with_interval && cm_number_of(row, "lo", &lo) && cm_number_of(row, "hi", &hi);
    (interval ? cm_table_interval(t, v, lo, hi) : cm_table_number(t, v))->link = cm_arm_anchor(c, arm);
}

/* Of the first arm that has the group: every arm is asked the same. */
static void questions_cell(const cm_content *c, cm_table *t, const char *group, const char *score) {
    double n;
    for (size_t a = 0; a < c->r->arm_count; a++) {
        if (!cm_number_of(cm_report_model_part(c->r, c->r->arms[a], group, score), "n", &n)) continue;
        cm_table_number(t, n);
        return;
    }
    cm_table_empty(t);
}

void cm_add_part_table(const cm_content *c) {
    cm_part_groups g;
    cm_table_column *columns = CM_PUSH_ZERO(&c->d->arena, cm_table_column, c->r->arm_count + 2);
    size_t count = 1;
    if (!c->r->parts.count || !columns || cm_part_groups_find(c->r, &c->d->arena, &g) != CM_OK) return;
    const cm_column *of = cm_column_find(c->r, g.score);
    columns[0] = (cm_table_column){.title = "group", .left = true};
    for (size_t a = 0; a < c->r->arm_count; a++)
        if (has_parts(c, &g, a))
            columns[count++] = (cm_table_column){.title = c->r->arms[a], .better = CM_HIGHER, .digits = 1};
    columns[count++] = (cm_table_column){.title = "questions", .key = "n"};
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, "parts", columns, count);
    t->caption = cm_arena_print(&c->d->arena, "%s by group, %%", of ? of->title : g.score);
    t->note = "Of the questions about a group, the share answered as the prompt says. Small: 95 % intervals; groups "
              "with few questions have wide ones.";
    for (size_t i = 0; i < g.count && !cm_interrupted(); i++) {
        cm_table_row(t);
        cm_table_text(t, g.names[i]);
        for (size_t a = 0; a < c->r->arm_count; a++)
            if (has_parts(c, &g, a)) part_cell(c, t, a, g.names[i], g.score, true);
        questions_cell(c, t, g.names[i], g.score);
    }
}

/* The arms that have parts, the first few: three columns each must fit a page. */
static size_t list_arms(const cm_content *c, const cm_part_groups *g, size_t arms[MOST_ARMS]) {
    size_t count = 0;
    for (size_t a = 0; a < c->r->arm_count && count < MOST_ARMS; a++)
        if (has_parts(c, g, a)) arms[count++] = a;
    return count;
}

void cm_add_part_details(const cm_content *c) {
    enum { KINDS = 3 };
    static const char *const scores[KINDS] = {"acc_obj", "acc_tex", "acc_shape"}, *const titles[KINDS] = {"obj", "tex",
                                                                                                          "shape"};
    cm_part_groups g;
    size_t arms[MOST_ARMS];
    cm_table_column columns[1 + KINDS * MOST_ARMS] = {{.title = "group", .left = true}};
    if (!c->r->parts.count || cm_part_groups_find(c->r, &c->d->arena, &g) != CM_OK) return;
    const size_t count = list_arms(c, &g, arms);
    for (size_t i = 0; i < KINDS * count; i++) {
        const char *title = cm_arena_print(&c->d->arena, "%s %s", c->r->arms[arms[i / KINDS]], titles[i % KINDS]);
        columns[1 + i] = (cm_table_column){.title = title ? title : "", .better = CM_HIGHER, .digits = 1};
    }
    cm_table *t = cm_document_table(c->d);
    cm_table_begin(t, &c->d->arena, "part-details", columns, 1 + KINDS * count);
    t->caption = "Objects (obj), textures and colours (tex), shapes and lengths (shape) by group, %";
    for (size_t i = 0; i < g.count && !cm_interrupted(); i++) {
        cm_table_row(t);
        cm_table_text(t, g.names[i]);
        for (size_t k = 0; k < KINDS * count; k++)
            part_cell(c, t, arms[k / KINDS], g.names[i], scores[k % KINDS], false);
    }
}
