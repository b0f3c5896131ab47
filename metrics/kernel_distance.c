// SPDX-License-Identifier: Apache-2.0
#include "metrics/kernel_distance.h"

#include <math.h>
#include <string.h>

#include "core/base/system.h"
#include "metrics/set_score.h"

static double kernel(const float *x, const float *y, size_t width) {
    double dot = 0;
    for (size_t k = 0; k < width; k++) dot += (double)x[k] * (double)y[k];
    const double base = dot / (double)width + 1;
    return base * base * base;
}

static double mean_within(const float *x, size_t n, size_t width) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) sum += kernel(x + i * width, x + j * width, width);
    return 2 * sum / ((double)n * (double)(n - 1));
}

cm_status cm_kernel_prepare(const float *x, size_t n, const float *y, size_t m, size_t width, cm_arena *out,
                            cm_kernel_table *t) {
    if (m < 2) return cm_fail(CM_EUNDEFINED, "a kernel distance needs a reference of at least 2 images");
    cm_kernel_table r = {n, CM_PUSH(out, double, n * n + 1), CM_PUSH(out, double, n + 1), mean_within(y, m, width)};
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < n; i++) {
        const float *a = x + i * width;
        for (size_t j = 0; j <= i; j++) r.within[i * n + j] = r.within[j * n + i] = kernel(a, x + j * width, width);
        double sum = 0;
        for (size_t j = 0; j < m; j++) sum += kernel(a, y + j * width, width);
        r.across[i] = sum / (double)m;
    }
    *t = r;
    return CM_OK;
}

/* weight [n]: how often each row was drawn, count in all. Pairs of a row with its own copies are left out. */
static cm_status weighted_distance(const cm_kernel_table *t, const double *weight, double count, double *distance) {
    double within = 0, across = 0, same = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (weight[i] == 0) continue;
        const double *row = t->within + i * t->n;
        double sum = 0;
        for (size_t j = 0; j < i; j++) sum += weight[j] * row[j];
        within += weight[i] * sum;
        across += weight[i] * t->across[i];
        same += weight[i] * weight[i];
    }
    const double pairs = count * count - same;
    if (pairs <= 0) return cm_fail(CM_EUNDEFINED, "a kernel distance needs two different images");
    const double d = 2 * within / pairs + t->reference - 2 * across / count;
    if (!isfinite(d)) return cm_fail(CM_EUNDEFINED, "a feature is not finite");
    *distance = d;
    return CM_OK;
}

cm_status cm_kernel_distance(const cm_kernel_table *t, const size_t *picks, size_t count, cm_arena *scratch,
                             double *distance) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    double *weight = CM_PUSH_ZERO(scratch, double, t->n + 1);
    CM_TRY(cm_arena_check(scratch));
    if (!picks) count = t->n;
    for (size_t k = 0; k < count; k++) weight[picks ? picks[k] : k] += 1;
    const cm_status s = weighted_distance(t, weight, (double)count, distance);
    cm_arena_reset(scratch, mark);
    return s;
}

/* --- as a score of sets -------------------------------------------------------------- */

/* One distance needs no table: the same sums in the same order, whatever the number of images. */
cm_status cm_score_kernel(const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    (void)scratch;
    if (!s->y || s->m < 2) return cm_fail(CM_EUNDEFINED, "a kernel distance needs a reference of at least 2 images");
    if (s->n < 2) return cm_fail(CM_EUNDEFINED, "a kernel distance needs two different images");
    CM_TRY(cm_sets_finite(s));
    const double n = (double)s->n, reference = mean_within(s->y, s->m, s->width);
    double within = 0, across = 0;
    for (size_t i = 0; i < s->n; i++) {
        const float *x = s->x + i * s->width;
        double same = 0, other = 0;
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        for (size_t j = 0; j < i; j++) same += kernel(x, s->x + j * s->width, s->width);
        for (size_t j = 0; j < s->m; j++) other += kernel(x, s->y + j * s->width, s->width);
        within += same;
        across += other / (double)s->m;
    }
    cm_set_value(out, "", 2 * within / (n * n - n) + reference - 2 * across / n);
    return CM_OK;
}
