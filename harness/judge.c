// SPDX-License-Identifier: Apache-2.0
#include "harness/judge.h"

#include <math.h>
#include <string.h>

#include "core/base/progress.h"
#include "metrics/frechet.h"
#include "metrics/kernel_distance.h"

/* --- scores that pictures have ------------------------------------------------ */

static const double *picture(const cm_results *r, size_t arm, size_t i) {
    return r->scores + (arm * r->count + i) * CM_SCORES;
}

/* The columns whose means make a score: itself, or the three accuracies. */
static size_t columns_of(cm_score_index which, cm_score_index first[3]) {
    first[0] = which;
    if (which != CM_SCORE_ACC_ALL) return 1;
    first[0] = CM_SCORE_ACC_OBJ;
    first[1] = CM_SCORE_ACC_TEX;
    first[2] = CM_SCORE_ACC_SHAPE;
    return 3;
}

/* [count,columns] of one arm, or of a - b when b is an arm. */
static double *table_of(const cm_results *r, cm_score_index which, size_t a, size_t b, size_t *columns, cm_arena *out) {
    cm_score_index from[3];
    *columns = columns_of(which, from);
    double *x = CM_PUSH(out, double, r->count * *columns);
    for (size_t i = 0; x && i < r->count; i++)
        for (size_t c = 0; c < *columns; c++)
            x[i * *columns + c] = picture(r, a, i)[from[c]] - (b < r->arms ? picture(r, b, i)[from[c]] : 0);
    return x;
}

/* --- scores of the set ---------------------------------------------------------- */

/* Everything that distances need, made once. Rows of all arms stand in one table: arm a's picture i is a*count+i. */
typedef struct distances {
    const cm_results *r;
    size_t width;
    cm_frechet_side side;
    cm_kernel_table kernels;
    cm_arena *scratch;
} distances;

static cm_status open_distances(distances *d, const cm_results *r, const cm_reference *ref, cm_arena *out) {
    cm_moments m;
    *d = (distances){.r = r, .width = ref->width, .scratch = out};
    CM_TRY(cm_moments_of(ref->features, NULL, ref->count, ref->width, out, &m));
    CM_TRY(cm_frechet_prepare(&m, out, &d->side));
    return cm_kernel_prepare(r->features, r->arms * r->count, ref->features, ref->count, ref->width, out, &d->kernels);
}

static cm_status distance(const distances *d, cm_score_index which, const size_t *rows, size_t n, double *value) {
    return which == CM_SCORE_FD ? cm_frechet_distance(&d->side, d->r->features, rows, n, d->scratch, value)
                                : cm_kernel_distance(&d->kernels, rows, n, d->scratch, value);
}

static size_t rows_of(const cm_results *r, size_t arm, const size_t *picks, size_t *rows) {
    size_t n = 0;
    for (size_t k = 0; k < r->count; k++) {
        const size_t i = picks ? picks[k] : k;
        if (r->present[arm * r->count + i]) rows[n++] = arm * r->count + i;
    }
    return n;
}

/* An arm's distance, and draws[CM_SET_DRAWS] with prompts drawn again: the same prompts for every arm. */
static cm_status draw_distances(const distances *d, cm_score_index which, size_t arm, double *value, double *draws,
                                size_t *n) {
    const size_t count = d->r->count;
    size_t *picks = CM_PUSH(d->scratch, size_t, count), *rows = CM_PUSH(d->scratch, size_t, count);
    CM_TRY(cm_arena_check(d->scratch));
    *n = rows_of(d->r, arm, NULL, rows);
    CM_TRY(distance(d, which, rows, *n, value));
    cm_rng rng = cm_rng_named(CM_JUDGE_SEED, "prompts");
    for (size_t k = 0; k < CM_SET_DRAWS; k++) {
        cm_stats_draw(&rng, count, picks);
        const size_t drawn = rows_of(d->r, arm, picks, rows);
        if (distance(d, which, rows, drawn, &draws[k]) != CM_OK) draws[k] = *value; /* one picture only, at tiny N */
    }
    return CM_OK;
}

/* The draws' spread around their median, put around the value. */
static cm_interval spread(double value, const double *draws, size_t n, double *sorted) {
    memcpy(sorted, draws, CM_SET_DRAWS * sizeof *sorted);
    cm_stats_sort(sorted, CM_SET_DRAWS);
    const double middle = cm_stats_quantile(sorted, CM_SET_DRAWS, 0.5);
    return (cm_interval){value, value + cm_stats_quantile(sorted, CM_SET_DRAWS, 0.025) - middle,
                         value + cm_stats_quantile(sorted, CM_SET_DRAWS, 0.975) - middle, n};
}

typedef struct exchange {
    const distances *d;
    cm_score_index which;
    cm_pair pair;
    size_t *rows; /* [2,count] */
} exchange;

static cm_status exchanged(void *arg, const unsigned char *swapped, double *difference) {
    const exchange *e = arg;
    const size_t n = e->d->r->count;
    for (size_t i = 0; i < n; i++) {
        e->rows[i] = (swapped[i] ? e->pair.b : e->pair.a) * n + i;
        e->rows[n + i] = (swapped[i] ? e->pair.a : e->pair.b) * n + i;
    }
    double a, b;
    CM_TRY(distance(e->d, e->which, e->rows, n, &a));
    CM_TRY(distance(e->d, e->which, e->rows + n, n, &b));
    *difference = a - b;
    return CM_OK;
}

static cm_status permute_distances(const distances *d, cm_score_index which, cm_pair pair, double *p) {
    exchange e = {d, which, pair, CM_PUSH(d->scratch, size_t, 2 * d->r->count)};
    CM_TRY(cm_arena_check(d->scratch));
    return cm_stats_permute(exchanged, &e, d->r->count, CM_SET_DRAWS, CM_JUDGE_SEED, d->scratch, p);
}

static bool is_complete(const cm_results *r, size_t arm) {
    for (size_t i = 0; i < r->count; i++)
        if (!r->present[arm * r->count + i]) return false;
    return true;
}

cm_status cm_judge_distance(const float *features, size_t count, const cm_reference *reference, cm_score_index which,
                            cm_arena *scratch, cm_interval *out) {
    if (count < 2) return cm_fail(CM_EUNDEFINED, "a distance needs at least 2 images");
    bool *present = CM_PUSH(scratch, bool, count);
    double *draws = CM_PUSH(scratch, double, 2 * CM_SET_DRAWS), value;
    float *copy = CM_PUSH(scratch, float, count * reference->width);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < count; i++) present[i] = true;
    memcpy(copy, features, count * reference->width * sizeof *copy);
    const cm_results r = {.arms = 1, .count = count, .features = copy, .present = present};
    distances d;
    size_t n;
    CM_TRY(open_distances(&d, &r, reference, scratch));
    CM_TRY(draw_distances(&d, which, 0, &value, draws, &n));
    *out = spread(value, draws, n, draws + CM_SET_DRAWS);
    if (which == CM_SCORE_FD) out->lo = fmax(out->lo, 0);
    return CM_OK;
}

/* --- records -------------------------------------------------------------------- */

static json_t *interval_record(const char *kind, const cm_results *r, cm_score_index which, const char *key,
                               const cm_interval *v) {
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:I}", "kind", kind, "suite", r->suite, "prompts", r->prompts,
                     "score", cm_nano_metrics[which].name, key, v->value, "lo", v->lo, "hi", v->hi, "n", (json_int_t)v->n);
}

/* An arm's score, or a line that says why there is none. */
static void add_score(json_t *records, const cm_results *r, size_t arm, cm_score_index which, cm_status s,
                      const cm_interval *v, const char *note) {
    json_t *o = s == CM_OK ? interval_record("score", r, which, "value", v)
                           : json_pack("{s:s, s:s, s:s, s:s}", "kind", "score", "suite", r->suite, "prompts", r->prompts,
                                       "score", cm_nano_metrics[which].name);
    json_object_set_new(o, "arm", json_string(r->names[arm]));
    json_object_set_new(o, "better", json_string(cm_nano_metrics[which].higher_is_better ? "higher" : "lower"));
    if (s != CM_OK) note = cm_why();
    if (note && note[0]) json_object_set_new(o, "note", json_string(note));
    json_array_append_new(records, o);
}

static void add_pair(json_t *records, const cm_results *r, cm_pair pair, cm_score_index which, const cm_interval *v,
                     double p) {
    json_t *o = interval_record("pair", r, which, "difference", v);
    json_object_set_new(o, "a", json_string(r->names[pair.a]));
    json_object_set_new(o, "b", json_string(r->names[pair.b]));
    json_object_set_new(o, "p", json_real(p));
    json_array_append_new(records, o);
}

static cm_status judge_pictures(const cm_results *r, cm_score_index which, cm_arena *scratch, json_t *records) {
    for (size_t a = 0; a < r->arms; a++) {
        size_t columns;
        const double *x = table_of(r, which, a, r->arms, &columns, scratch);
        CM_TRY(cm_arena_check(scratch));
        cm_interval v;
        const cm_status s = cm_stats_interval(x, r->count, columns, CM_JUDGE_SEED, scratch, &v);
        if (s != CM_OK && s != CM_EUNDEFINED) return s;
        add_score(records, r, a, which, s, &v, NULL);
    }
    for (size_t k = 0; k < r->pair_count; k++) {
        size_t columns;
        const double *x = table_of(r, which, r->pairs[k].a, r->pairs[k].b, &columns, scratch);
        CM_TRY(cm_arena_check(scratch));
        cm_interval v;
        double p;
        if (cm_stats_interval(x, r->count, columns, CM_JUDGE_SEED, scratch, &v) != CM_OK) continue;
        CM_TRY(cm_stats_flip(x, r->count, columns, CM_JUDGE_SEED, scratch, &p));
        add_pair(records, r, r->pairs[k], which, &v, p);
    }
    return CM_OK;
}

static cm_status judge_distances(const distances *d, cm_score_index which, json_t *records) {
    const cm_results *r = d->r;
    double *draws = CM_PUSH(d->scratch, double, (r->arms + 2) * CM_SET_DRAWS), *values = CM_PUSH(d->scratch, double, r->arms);
    double *sorted = draws + r->arms * CM_SET_DRAWS, *gaps = sorted + CM_SET_DRAWS;
    CM_TRY(cm_arena_check(d->scratch));
    for (size_t a = 0; a < r->arms; a++) {
        size_t n;
        const cm_status s = draw_distances(d, which, a, &values[a], draws + a * CM_SET_DRAWS, &n);
        if (s != CM_OK) values[a] = NAN;
        cm_interval v = s == CM_OK ? spread(values[a], draws + a * CM_SET_DRAWS, n, sorted) : (cm_interval){0};
        if (which == CM_SCORE_FD) v.lo = fmax(v.lo, 0); /* a Fréchet distance cannot be less */
        add_score(records, r, a, which, s, &v, which == CM_SCORE_FD ? cm_frechet_warning(n, d->width, d->scratch) : NULL);
    }
    for (size_t k = 0; k < r->pair_count; k++) {
        const cm_pair pair = r->pairs[k];
        if (!is_complete(r, pair.a) || !is_complete(r, pair.b) || isnan(values[pair.a] - values[pair.b])) continue;
        for (size_t i = 0; i < CM_SET_DRAWS; i++)
            gaps[i] = draws[pair.a * CM_SET_DRAWS + i] - draws[pair.b * CM_SET_DRAWS + i];
        const cm_interval v = spread(values[pair.a] - values[pair.b], gaps, r->count, sorted);
        double p;
        CM_TRY(permute_distances(d, which, pair, &p));
        add_pair(records, r, pair, which, &v, p);
    }
    return CM_OK;
}

/* Sets p_holm over the scores of each pair. */
static cm_status correct(const cm_results *r, cm_arena *scratch, json_t *records) {
    for (size_t k = 0; k < r->pair_count; k++) {
        json_t *rows[CM_SCORES], *row;
        double p[CM_SCORES], adjusted[CM_SCORES];
        size_t n = 0, i;
        json_array_foreach(records, i, row) {
            if (strcmp(json_string_value(json_object_get(row, "kind")), "pair") != 0) continue;
            if (strcmp(json_string_value(json_object_get(row, "a")), r->names[r->pairs[k].a]) != 0 ||
                strcmp(json_string_value(json_object_get(row, "b")), r->names[r->pairs[k].b]) != 0)
                continue;
            p[n] = json_real_value(json_object_get(row, "p"));
            rows[n++] = row;
        }
        CM_TRY(cm_stats_holm(p, n, scratch, adjusted));
        for (i = 0; i < n; i++) json_object_set_new(rows[i], "p_holm", json_real(adjusted[i]));
    }
    return CM_OK;
}

static cm_status judge_all(const cm_results *r, const cm_reference *reference, cm_arena *scratch, json_t *records) {
    distances d = {0};
    cm_status ready = cm_fail(CM_EUNDEFINED, "no reference set");
    if (reference->count) ready = open_distances(&d, r, reference, scratch);
    for (cm_score_index which = 0; which < CM_SCORES; which++) {
        cm_detail("scores: %s", cm_nano_metrics[which].name);
        if (!cm_nano_metrics[which].of_set) {
            CM_TRY(judge_pictures(r, which, scratch, records));
        } else if (ready == CM_OK) {
            CM_TRY(judge_distances(&d, which, records));
        } else {
            for (size_t a = 0; a < r->arms; a++) add_score(records, r, a, which, ready, NULL, NULL);
        }
    }
    return correct(r, scratch, records);
}

cm_status cm_judge(const cm_results *r, const cm_reference *reference, json_t *records) {
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    const cm_status s = judge_all(r, reference, &scratch, records);
    cm_arena_free(&scratch);
    return s;
}
