// SPDX-License-Identifier: Apache-2.0
#include "metrics/set_fit.h"

#include <math.h>
#include <string.h>

#include "core/base/system.h"
#include "metrics/compare_parts.h"
#include "metrics/frechet_leave.h"
#include "metrics/stats.h"

static cm_fit_method method_of(cm_set_score *score) {
    if (score == cm_score_frechet) return CM_FIT_FRECHET;
    if (score == cm_score_kid || score == cm_score_kernel) return CM_FIT_CUBIC;
    return score == cm_score_cmmd ? CM_FIT_GAUSSIAN : CM_FIT_GROUPS;
}

cm_status cm_fitting_open(const cm_set_arms *s, cm_arena *out, cm_arena *scratch, cm_fitting *f) {
    *f = (cm_fitting){.s = s, .by = method_of(s->score), .out = out, .scratch = scratch};
    if (f->by == CM_FIT_GROUPS) return CM_OK; /* the score itself knows what it needs */
    if (f->by == CM_FIT_FRECHET && s->statistics) return cm_frechet_prepare(s->statistics, scratch, &f->side);
    if (!s->y) return cm_fail(CM_EUNDEFINED, "a distance from no reference");
    if (f->by == CM_FIT_FRECHET) return cm_frechet_prepare_rows(s->y, s->m, s->width, scratch, &f->side);
    return cm_kernel_prepare_side(f->by == CM_FIT_CUBIC ? CM_KERNEL_CUBIC : CM_KERNEL_GAUSSIAN, s->y, s->m, s->width,
                                  scratch, &f->kernel);
}

/* --- views ------------------------------------------------------------------------------ */

static cm_status count_rows(const cm_set_arms *s, size_t arm, const bool *keep, size_t *first, bool *whole) {
    memset(first, 0, (s->prompts + 1) * sizeof *first);
    *whole = true;
    for (size_t i = 0; i < s->rows[arm]; i++) {
        const size_t p = s->prompt_of[arm][i];
        if (p >= s->prompts)
            return cm_fail(CM_EUSAGE, "image %zu of arm %zu is of prompt %zu, of which there are %zu", i, arm, p,
                           s->prompts);
        *whole = *whole && (!keep || keep[p]) && (i == 0 || p >= s->prompt_of[arm][i - 1]);
        if (!keep || keep[p]) first[p + 1]++;
    }
    for (size_t p = 0; p < s->prompts; p++) first[p + 1] += first[p];
    return CM_OK;
}

cm_status cm_set_view_of(const cm_fitting *f, size_t arm, const bool *keep, cm_set_view *v) {
    const cm_set_arms *s = f->s;
    size_t *start = CM_PUSH(f->scratch, size_t, s->prompts + 1), *first = CM_PUSH(f->scratch, size_t, s->prompts + 1);
    size_t *prompt = CM_PUSH(f->scratch, size_t, s->prompts + 1), count = 0;
    bool whole;
    CM_TRY(cm_arena_check(f->scratch));
    CM_TRY(count_rows(s, arm, keep, start, &whole));
    for (size_t p = 0; p < s->prompts; p++) {
        if (start[p + 1] == start[p]) continue;
        prompt[count] = p;
        first[count++] = start[p];
    }
    first[count] = start[s->prompts];
    *v = (cm_set_view){s->x[arm], {count, prompt, first}};
    if (whole) return CM_OK;
    float *x = CM_PUSH(f->scratch, float, first[count] * s->width + 1);
    CM_TRY(cm_arena_check(f->scratch));
    for (size_t i = 0; i < s->rows[arm]; i++) {
        const size_t p = s->prompt_of[arm][i];
        if (!keep || keep[p]) memcpy(x + start[p]++ * s->width, s->x[arm] + i * s->width, s->width * sizeof *x);
    }
    v->x = x;
    return CM_OK;
}

/* --- fits --------------------------------------------------------------------------------- */

static cm_status score(const cm_fitting *f, const float *x, size_t n, cm_set_values *values) {
    const cm_set_arms *s = f->s;
    const cm_sets sets = {.x = x,
                          .y = s->y,
                          .n = n,
                          .m = s->m,
                          .width = s->width,
                          .statistics = s->statistics,
                          .kid_subset = s->kid_subset};
    *values = (cm_set_values){0};
    return s->score(&sets, f->scratch, values);
}

static cm_status fit_frechet(const cm_fitting *f, cm_set_fit *t) {
    double value;
    const size_t n = cm_cluster_total(&t->v.c);
    if (t->units) {
        CM_TRY(cm_frechet_leave_out(&f->side, t->v.x, &t->v.c, f->scratch, &value, t->without[0]));
    } else {
        CM_TRY(cm_frechet_distance(&f->side, t->v.x, NULL, n, f->scratch, &value));
    }
    cm_set_value(&t->values, "", value);
    t->above = 0;
    t->values.note = cm_frechet_warning(f->side.n && f->side.n < n ? f->side.n : n, f->s->width, f->out);
    return CM_OK;
}

/* KID's value is the mean over its subsets; its changes are those of all images' distance. */
static cm_status fit_kernel(const cm_fitting *f, cm_set_fit *t) {
    double value;
    CM_TRY(cm_kernel_open(&f->kernel, t->v.x, &t->v.c, f->scratch, &t->kernel));
    CM_TRY(cm_kernel_leave_out(&f->kernel, &t->kernel, &value, t->units ? t->without[0] : NULL));
    t->above = cm_kernel_above(&f->kernel, &t->kernel);
    cm_set_value(&t->values, "", value);
    if (f->s->score != cm_score_kid) return CM_OK;
    CM_TRY(score(f, t->v.x, cm_cluster_total(&t->v.c), &t->values));
    const double deviation = t->values.parts[0].deviation;
    t->drawn = deviation * deviation / CM_KID_DRAWS;
    return CM_OK;
}

/* Without every units-th prompt from the g-th on; x: room for all rows. */
static cm_status fit_without(const cm_fitting *f, cm_set_fit *t, size_t g, float *x) {
    const cm_clusters *c = &t->v.c;
    const size_t w = f->s->width;
    cm_set_values values;
    size_t n = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (i % t->units == g) continue;
        memcpy(x + n * w, t->v.x + c->first[i] * w, cm_cluster_rows(c, i) * w * sizeof *x);
        n += cm_cluster_rows(c, i);
    }
    CM_TRY(score(f, x, n, &values));
    for (size_t part = 0; part < values.count; part++) t->without[part][g] = values.parts[part].value;
    return CM_OK;
}

static cm_status fit_groups(const cm_fitting *f, cm_set_fit *t) {
    CM_TRY(score(f, t->v.x, cm_cluster_total(&t->v.c), &t->values));
    float *x = CM_PUSH(f->scratch, float, cm_cluster_total(&t->v.c) * f->s->width + 1);
    CM_TRY(cm_arena_check(f->scratch));
    for (size_t g = 0; g < t->units; g++) {
        const cm_arena_mark mark = cm_arena_get_mark(f->scratch);
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        const cm_status s = fit_without(f, t, g, x);
        cm_arena_reset(f->scratch, mark);
        if (s != CM_OK && s != CM_EUNDEFINED) return s;
        if (s == CM_OK) continue;
        t->why = cm_compare_why(f->out); /* a value, but none from fewer prompts: no interval */
        t->units = 0;
    }
    return CM_OK;
}

static size_t units_of(const cm_fitting *f, size_t prompts) {
    if (prompts < CM_FEWEST_PROMPTS) return 0;
    return f->by == CM_FIT_GROUPS && prompts > CM_SET_GROUPS ? CM_SET_GROUPS : prompts;
}

cm_status cm_set_fit_of(const cm_fitting *f, const cm_set_view *v, cm_set_fit *fit) {
    const size_t prompts = v->c.count;
    cm_set_fit t = {.v = *v, .units = units_of(f, prompts), .above = (double)NAN};
    if (!t.units) t.why = cm_arena_print(f->out, "no interval from %zu prompt%s", prompts, prompts == 1 ? "" : "s");
    for (size_t part = 0; part < CM_SET_PARTS; part++) t.without[part] = CM_PUSH(f->scratch, double, t.units + 1);
    CM_TRY(cm_arena_check(f->scratch));
    const cm_status s = f->by == CM_FIT_FRECHET  ? fit_frechet(f, &t)
                        : f->by == CM_FIT_GROUPS ? fit_groups(f, &t)
                                                 : fit_kernel(f, &t);
    if (s != CM_OK && s != CM_EUNDEFINED) return s;
    t.defined = s == CM_OK;
    if (s != CM_OK) t.why = cm_compare_why(f->out);
    if (t.values.note) t.values.note = cm_arena_string(f->out, t.values.note);
    *fit = t;
    return cm_arena_check(f->out);
}

double cm_set_fit_error(const cm_set_fit *a, const cm_set_fit *b, size_t part) {
    const double *x = a->without[part], *y = b ? b->without[part] : NULL;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < a->units; i++) mean += (x[i] - (y ? y[i] : 0)) / (double)a->units;
    for (size_t i = 0; i < a->units; i++) {
        const double d = x[i] - (y ? y[i] : 0) - mean;
        squares += d * d;
    }
    return sqrt(squares * (double)(a->units - 1) / (double)a->units + a->drawn + (b ? b->drawn : 0));
}

/* How well the standard error itself is known: 2 / (relative variance of its square), from the changes' kurtosis
 * (Satterthwaite 1946); u - 1 or less. */
static size_t freedom(const cm_set_fit *t, size_t part) {
    const double *x = t->without[part], u = (double)t->units;
    double mean = 0, second = 0, fourth = 0;
    for (size_t i = 0; i < t->units; i++) mean += x[i] / u;
    for (size_t i = 0; i < t->units; i++) {
        const double square = (x[i] - mean) * (x[i] - mean);
        second += square / u;
        fourth += square * square / u;
    }
    const double excess = second > 0 ? fourth / (second * second) - 1 : 2;
    return excess <= 2 ? t->units - 1 : (size_t)fmax(fmin(2 * u / excess, u - 1), 1);
}

void cm_set_fit_limits(const cm_set_fit *t, size_t part, double *lo, double *hi) {
    const double value = t->values.parts[part].value, v = value + t->above;
    const double reach =
        t->units ? cm_stats_t_quantile(0.975, freedom(t, part)) * cm_set_fit_error(t, NULL, part) : (double)NAN;
    *lo = value - reach;
    *hi = value + reach;
    if (!(v > 0)) return;
    *lo = v * exp(-reach / v) - t->above;
    *hi =
        reach < v ? v * exp(reach / v) - t->above : value + reach * expm1(1); /* far out the exponential says nothing */
}
