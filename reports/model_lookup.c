// SPDX-License-Identifier: Apache-2.0
/* Look-ups among records, by hash: a JSON object from "kind, names" to the record. */
#include <stdlib.h>
#include <string.h>

#include "reports/report_model.h"

enum { KEY = 1024 };

/* false: too long to be a key; such a record is not found. */
static bool make_key(char key[KEY], const char *kind, const char *a, const char *b, const char *c) {
    return snprintf(key, KEY, "%s\n%s\n%s\n%s", kind, a, b, c) < KEY;
}

static cm_status add(cm_report_model *r, const json_t *record, const char *kind, const char *a, const char *b,
                     const char *c) {
    char key[KEY];
    if (!make_key(key, kind, a, b, c)) return CM_OK;
    if (json_object_set(r->index, key, (json_t *)record) != 0)
        return cm_fail(CM_ENOMEM, "out of memory while reading records");
    return CM_OK;
}

static const json_t *find(const cm_report_model *r, const char *kind, const char *a, const char *b, const char *c) {
    char key[KEY];
    return make_key(key, kind, a, b, c) ? json_object_get(r->index, key) : NULL;
}

cm_status cm_report_model_index(cm_report_model *r) {
    double v;
    for (size_t i = 0; i < r->scores.count; i++)
        CM_TRY(add(r, r->scores.at[i], "score", cm_text_of(r->scores.at[i], "arm"),
                   cm_text_of(r->scores.at[i], "score"), ""));
    for (size_t i = 0; i < r->ceilings.count; i++)
        CM_TRY(add(r, r->ceilings.at[i], "ceiling", cm_text_of(r->ceilings.at[i], "score"), "", ""));
    for (size_t i = 0; i < r->chances.count; i++)
        CM_TRY(add(r, r->chances.at[i], "chance", cm_text_of(r->chances.at[i], "score"), "", ""));
    for (size_t i = 0; i < r->kept.count; i++)
        CM_TRY(add(r, r->kept.at[i], "kept", cm_text_of(r->kept.at[i], "arm"), cm_text_of(r->kept.at[i], "group"), ""));
    for (size_t i = 0; i < r->pairs.count; i++) {
        const json_t *p = r->pairs.at[i];
        CM_TRY(add(r, p, "pair", cm_text_of(p, "a"), cm_text_of(p, "b"), cm_text_of(p, "score")));
    }
    for (size_t i = 0; i < r->parts.count; i++) {
        const json_t *p = r->parts.at[i];
        CM_TRY(add(r, p, "part", cm_text_of(p, "arm"), cm_text_of(p, "group"), cm_text_of(p, "score")));
    }
    for (size_t i = 0; i < r->arm_count; i++)
        CM_TRY(add(r, json_array_get(json_object_get(r->run, "arms"), i), "arm", r->arms[i], "", ""));
    for (size_t i = 0; i < r->sgemms.count; i++)
        if (cm_number_of(r->sgemms.at[i], "gflops", &v))
            CM_TRY(add(r, r->sgemms.at[i], "sgemm", cm_text_of(r->sgemms.at[i], "backend"), "", ""));
    return CM_OK;
}

cm_status cm_report_model_index_image(cm_report_model *r, const json_t *image) {
    char k[8];
    snprintf(k, sizeof k, "%d", (int)json_integer_value(json_object_get(image, "k")) & 15);
    return add(r, image, "image", cm_text_of(image, "arm"), cm_text_of(image, "id"), k);
}

cm_status cm_report_model_index_column(cm_report_model *r, size_t column) {
    json_t *place = json_integer((json_int_t)column);
    if (!place) return cm_fail(CM_ENOMEM, "out of memory while reading records");
    const cm_status s = add(r, place, "column", r->columns[column].score, "", "");
    json_decref(place);
    return s;
}

const cm_column *cm_column_find(const cm_report_model *r, const char *score) {
    const json_t *place = find(r, "column", score, "", "");
    return place ? &r->columns[json_integer_value(place)] : NULL;
}

const json_t *cm_report_model_score(const cm_report_model *r, const char *arm, const char *score) {
    return find(r, "score", arm, score, "");
}

const json_t *cm_report_model_ceiling(const cm_report_model *r, const char *score) {
    return find(r, "ceiling", score, "", "");
}

const json_t *cm_report_model_chance(const cm_report_model *r, const char *score) {
    return find(r, "chance", score, "", "");
}

const json_t *cm_report_model_kept(const cm_report_model *r, const char *arm, const char *group) {
    return find(r, "kept", arm, group, "");
}

const json_t *cm_report_model_pair(const cm_report_model *r, const char *a, const char *b, const char *score) {
    return find(r, "pair", a, b, score);
}

const json_t *cm_report_model_part(const cm_report_model *r, const char *arm, const char *group, const char *score) {
    return find(r, "part", arm, group, score);
}

const json_t *cm_report_model_arm(const cm_report_model *r, const char *arm) {
    return find(r, "arm", arm, "", "");
}

const json_t *cm_report_model_image_of(const cm_report_model *r, const char *arm, const char *id, size_t k) {
    char text[8];
    snprintf(text, sizeof text, "%d", (int)k & 15);
    return find(r, "image", arm, id, text);
}

const json_t *cm_report_model_image(const cm_report_model *r, const char *arm, const char *id) {
    return cm_report_model_image_of(r, arm, id, 0);
}

double cm_report_model_sgemm(const cm_report_model *r, const char *backend) {
    double v = 0;
    cm_number_of(find(r, "sgemm", backend, "", ""), "gflops", &v);
    return v;
}

bool cm_pair_is_apart(const json_t *pair) {
    double difference, p;
    return cm_number_of(pair, "difference", &difference) && difference != 0 && cm_number_of(pair, "p_holm", &p) &&
           p < 0.05;
}

cm_verdict cm_pair_verdict(const json_t *pair, const cm_column *of) {
    double d = 0, p;
    cm_number_of(pair, "difference", &d);
    if (!cm_number_of(pair, "p_holm", &p)) return CM_NOT_JUDGED;
    if (!cm_pair_is_apart(pair)) return CM_NOT_APART;
    if (of->better == CM_NEITHER || of->mechanism) return CM_APART;
    return (d < 0) == (of->better == CM_LOWER) ? CM_IS_BETTER : CM_IS_WORSE;
}

/* --- growth ----------------------------------------------------------------------------- */

typedef struct sized {
    size_t group, order; /* group: in order of first appearance */
    const json_t *row;
    cm_growth_row values;
} sized;

static int compare(const void *a, const void *b) {
    const sized *x = a, *y = b;
    const double x_area = x->values.width * x->values.height, y_area = y->values.width * y->values.height;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    if (x_area != y_area) return x_area < y_area ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* Numbers the stages of models on backends; groups: a JSON object from what they are to their number. */
static cm_status group_of(json_t *groups, const json_t *row, size_t *group) {
    char key[KEY];
    if (!make_key(key, cm_text_of(row, "model"), cm_text_of(row, "backend"), cm_text_of(row, "dtype"),
                  cm_text_of(row, "stage"))) {
        *group = SIZE_MAX;
        return CM_OK;
    }
    const json_t *known = json_object_get(groups, key);
    *group = known ? (size_t)json_integer_value(known) : json_object_size(groups);
    if (!known && json_object_set_new(groups, key, json_integer((json_int_t)*group)) != 0)
        return cm_fail(CM_ENOMEM, "out of memory while reading records");
    return CM_OK;
}

static cm_status list_sizes(const cm_report_model *r, json_t *groups, sized *list, size_t *count) {
    for (size_t i = 0; i < r->speeds.count; i++) {
        sized s = {.order = i, .row = r->speeds.at[i]};
        cm_growth_row *v = &s.values;
        if (!cm_number_of(s.row, "median_s", &v->seconds) || v->seconds <= 0) continue;
        cm_number_of(s.row, "width", &v->width);
        cm_number_of(s.row, "height", &v->height);
        cm_number_of(s.row, "gflop", &v->gflop);
        CM_TRY(group_of(groups, s.row, &s.group));
        if (s.group != SIZE_MAX) list[(*count)++] = s;
    }
    return CM_OK;
}

static void add_growth(cm_report_model *r, const sized *list, size_t count, cm_growth_row *rows) {
    const json_t *first = list[0].row;
    for (size_t i = 0; i < count; i++) {
        rows[i] = list[i].values;
        rows[i].more_seconds = rows[i].seconds / rows[0].seconds;
        rows[i].more_gflop = rows[0].gflop > 0 ? rows[i].gflop / rows[0].gflop : 0;
    }
    r->growths[r->growth_count++] =
        (cm_growth){cm_text_of(first, "model"), cm_text_of(first, "backend"), cm_text_of(first, "stage"), count, rows};
}

cm_status cm_report_model_find_growths(cm_report_model *r) {
    const size_t n = r->speeds.count;
    sized *list = CM_PUSH(&r->arena, sized, n + 1);
    cm_growth_row *rows = CM_PUSH(&r->arena, cm_growth_row, n + 1);
    r->growths = CM_PUSH(&r->arena, cm_growth, n / 2 + 1);
    CM_TRY(cm_arena_check(&r->arena));
    json_t *groups = json_object();
    size_t count = 0;
    const cm_status s =
        groups ? list_sizes(r, groups, list, &count) : cm_fail(CM_ENOMEM, "out of memory while reading records");
    json_decref(groups);
    CM_TRY(s);
    qsort(list, count, sizeof *list, compare);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && list[end].group == list[i].group; end++) {
        }
        if (end - i > 1) add_growth(r, list + i, end - i, rows + i);
    }
    return CM_OK;
}
