// SPDX-License-Identifier: Apache-2.0
/* Scores that images have, and accuracy by body group. */
#include <math.h>
#include <string.h>

#include "core/io/jsonl.h"
#include "harness/scores/evaluation_finish_parts.h"

/* --- scores that images have ----------------------------------------------------------------- */

/* What an image has under key and label; NaN: nothing. */
static double value_of(const cm_side *s, size_t row, const char *key, const char *label) {
    const json_t *v = json_object_get(json_object_get(s->lines[row], key), label);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

/* A prompt's mean over its images. */
static double of_unit(const cm_side *s, size_t unit, const char *key, const char *label) {
    double sum = 0, n = 0;
    for (size_t k = 0; k < s->images; k++) {
        const double v = value_of(s, unit * s->images + k, key, label);
        if (isnan(v)) continue;
        sum += v;
        n++;
    }
    return n > 0 ? sum / n : (double)NAN;
}

const char *cm_finish_label(const cm_finish *r, const char *metric) {
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(json_object_get(r->header, "plan"), "metrics"), i, o)
        if (!strcmp(cm_text_of(o, "metric"), metric)) return cm_text_of(o, "label");
    return metric;
}

/* The labels whose means make the score: its own, or those of its columns. */
size_t cm_finish_columns(const cm_finish *r, const cm_scored *x, const char *labels[CM_METRIC_MEMBERS]) {
    const cm_metric *members[CM_METRIC_MEMBERS];
    const size_t n = cm_metric_members(x->m, members);
    labels[0] = x->label;
    for (size_t i = 0; i < n; i++) labels[i] = cm_finish_label(r, members[i]->name);
    return n ? n : 1;
}

/* Over all images that have it. */
static double mean_of(const cm_side *s, const char *key, const char *label) {
    double sum = 0, n = 0;
    for (size_t row = 0; row < s->count; row++) {
        const double v = value_of(s, row, key, label);
        if (isnan(v)) continue;
        sum += v;
        n++;
    }
    return n > 0 ? sum / n : (double)NAN;
}

double *cm_finish_table(cm_finish *r, const cm_side *const *sides, size_t count, size_t units, const char *key,
                        const char *const *labels, size_t columns) {
    double *x = CM_PUSH(&r->arena, double, count *units *columns + 1);
    for (size_t a = 0; x && a < count; a++)
        for (size_t u = 0; u < units; u++)
            for (size_t c = 0; c < columns; c++)
                x[(a * units + u) * columns + c] = of_unit(sides[a], u, key, labels[c]);
    return x;
}

static void total(const cm_scored *x, cm_arm_value *v) {
    if (!x->m->of_text || !v->defined) return;
    v->value = cm_text_image_total(x->m->of_text, v->value);
    v->lo = cm_text_image_total(x->m->of_text, v->lo);
    v->hi = cm_text_image_total(x->m->of_text, v->hi);
}

static bool is_model(const cm_finish *r, size_t arm) {
    return strcmp(cm_text_of(json_array_get(json_object_get(r->header, "arms"), arm), "kind"), "model") == 0;
}

/* Beside a score of attention: what even attention would have, the least there can be, and the phrases that take no
 * part. */
static void note_attention(cm_finish *r, const cm_side *s, const cm_scored *x) {
    json_t *o = json_array_get(r->out, json_array_size(r->out) - 1);
    double phrases = 0, lost = 0;
    for (size_t row = 0; row < s->count; row++) {
        phrases += json_number_value(json_object_get(s->lines[row], "watched"));
        lost += json_number_value(json_object_get(s->lines[row], "lost"));
    }
    cm_finish_number(o, "even", mean_of(s, "even", x->label));
    cm_finish_number(o, "floor", mean_of(s, "floor", x->label));
    json_object_set_new(o, "phrases", json_integer((json_int_t)phrases));
    json_object_set_new(o, "lost", json_integer((json_int_t)lost));
}

cm_status cm_finish_images(cm_finish *r, const cm_scored *x) {
    const char *labels[CM_METRIC_MEMBERS];
    const size_t columns = cm_finish_columns(r, x, labels);
    const cm_side **run = CM_PUSH(&r->arena, const cm_side *, r->arm_count + 1);
    size_t *index = CM_PUSH(&r->arena, size_t, r->arm_count + 1), *place = CM_PUSH(&r->arena, size_t, r->arm_count + 1),
           count = 0;
    cm_arm_value *arms = CM_PUSH_ZERO(&r->arena, cm_arm_value, r->arm_count + 1);
    cm_pair_value *values = CM_PUSH_ZERO(&r->arena, cm_pair_value, r->pair_count + 1);
    cm_arm_pair *pairs = CM_PUSH(&r->arena, cm_arm_pair, r->pair_count + 1);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t a = 0; a < r->arm_count; a++) {
        place[a] = count;
        if (!r->sides[a].count) continue;
        index[count] = a;
        run[count++] = &r->sides[a];
    }
    for (size_t k = 0; k < r->pair_count; k++) pairs[k] = (cm_arm_pair){place[r->pairs[k].a], place[r->pairs[k].b]};
    const cm_columns c = {.arms = count,
                          .prompts = r->unit_count,
                          .columns = columns,
                          .x = cm_finish_table(r, run, count, r->unit_count, "scores", labels, columns),
                          .higher_is_better = x->m->higher_is_better,
                          .pair_count = r->pair_count,
                          .pairs = pairs,
                          .seed = CM_FINISH_SEED};
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_compare_columns(&c, &r->arena, arms, values));
    for (size_t i = 0; i < count; i++) {
        if (x->m->of_attention && !is_model(r, index[i])) continue; /* whose attention nobody sees */
        total(x, &arms[i]);
        CM_TRY(cm_finish_score(r, index[i], x, "", &arms[i], cm_finish_weights_note(r, x),
                               mean_of(run[i], "read", x->label)));
        if (x->m->of_attention) note_attention(r, run[i], x);
    }
    for (size_t k = 0; k < r->pair_count; k++) {
        if (x->m->of_attention && !(is_model(r, r->pairs[k].a) && is_model(r, r->pairs[k].b))) continue;
        CM_TRY(cm_finish_pair(r, &r->pairs[k], x, "", &values[k]));
    }
    return CM_OK;
}

/* --- by body group ------------------------------------------------------------------------------ */

/* Right over asked, with the interval of a ratio whose units are prompts: the linearised variance (Cochran 1977,
 * sec. 6.4). */
typedef struct ratio {
    double right, asked, *r, *a; /* sums; [units] */
} ratio;

static void add_counts(const cm_side *s, const char *group, const char *kind, ratio *x) {
    for (size_t row = 0; row < s->count; row++) {
        const json_t *counts = json_object_get(json_object_get(json_object_get(s->lines[row], "parts"), group), kind);
        if (json_array_size(counts) != 2) continue;
        const double right = json_number_value(json_array_get(counts, 0)),
                     asked = json_number_value(json_array_get(counts, 1));
        x->r[row / s->images] += right;
        x->a[row / s->images] += asked;
        x->right += right;
        x->asked += asked;
    }
}

static double half_width(const ratio *x, size_t units) {
    const double p = x->right / x->asked;
    double squares = 0, n = 0;
    for (size_t u = 0; u < units; u++) {
        if (x->a[u] == 0) continue;
        squares += (x->r[u] - p * x->a[u]) * (x->r[u] - p * x->a[u]);
        n++;
    }
    return n > 1 ? 1.959964 * sqrt(squares * n / (n - 1)) / x->asked : (double)NAN;
}

static cm_status add_part(cm_finish *r, const cm_side *s, const char *group, const char *score,
                          const char *const *kinds, size_t kind_count) {
    ratio x = {0, 0, CM_PUSH_ZERO(&r->arena, double, r->unit_count + 1),
               CM_PUSH_ZERO(&r->arena, double, r->unit_count + 1)};
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t k = 0; k < kind_count; k++) add_counts(s, group, kinds[k], &x);
    if (x.asked == 0) return CM_OK;
    const double value = 100 * x.right / x.asked, half = 100 * half_width(&x, r->unit_count);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:f, s:I, s:I}", "kind", "part", "arm", s->name, "group", group,
                          "score", score, "value", value, "n", (json_int_t)x.asked, "right", (json_int_t)x.right);
    cm_finish_number(o, "lo", fmax(value - half, 0));
    cm_finish_number(o, "hi", fmin(value + half, 100));
    return cm_finish_add(r, o);
}

cm_status cm_finish_parts(cm_finish *r) {
    static const char *const kinds[3] = {"acc_obj", "acc_tex", "acc_shape"};
    for (size_t a = 0; a < r->arm_count; a++) {
        for (int g = CM_GROUP_SHOT; g < CM_GROUPS; g++) {
            const char *group = cm_prompt_group_name(g);
            const cm_arena_mark mark = cm_arena_get_mark(&r->arena);
            for (int k = 0; k < 3; k++) CM_TRY(add_part(r, &r->sides[a], group, kinds[k], &kinds[k], 1));
            CM_TRY(add_part(r, &r->sides[a], group, "acc_all", kinds, 3));
            cm_arena_reset(&r->arena, mark);
        }
    }
    return CM_OK;
}
