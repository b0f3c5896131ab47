// SPDX-License-Identifier: Apache-2.0
#include "metrics/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void cm_stats_sort(double *x, size_t n) {
    qsort(x, n, sizeof *x, ascending);
}

double cm_stats_quantile(const double *sorted, size_t n, double q) {
    const double at = q * (double)(n - 1);
    const size_t i = (size_t)at;
    if (i + 1 >= n) return sorted[n - 1];
    const double part = at - (double)i;
    return sorted[i] + part * (sorted[i + 1] - sorted[i]);
}

void cm_stats_draw(cm_rng *rng, size_t n, size_t *picks) {
    for (size_t i = 0; i < n; i++) picks[i] = cm_rng_below(rng, (uint32_t)n);
}

/* Mean of column means with each row taken weight[i] times; NaN when a column has nothing. */
static double weighted(const double *x, size_t n, size_t columns, const double *weight) {
    double all = 0;
    for (size_t c = 0; c < columns; c++) {
        double sum = 0, count = 0;
        for (size_t i = 0; i < n; i++) {
            const double v = x[i * columns + c], w = weight ? weight[i] : 1;
            if (isnan(v) || w == 0) continue;
            sum += w * v;
            count += fabs(w);
        }
        all += sum / count; /* 0/0 is NaN, as meant */
    }
    return all / (double)columns;
}

cm_status cm_stats_value(const double *x, size_t n, size_t columns, double *value, size_t *counted) {
    const double v = weighted(x, n, columns, NULL);
    if (!isfinite(v)) return cm_fail(CM_EUNDEFINED, "no prompt has a value");
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        size_t present = 0;
        for (size_t c = 0; c < columns; c++) present += !isnan(x[i * columns + c]);
        rows += present > 0;
    }
    *value = v;
    if (counted) *counted = rows;
    return CM_OK;
}

static double normal_cdf(double z) {
    return 0.5 * erfc(-z / sqrt(2.0));
}

/* Inverse of the normal distribution by bisection and Newton steps: called four times an interval. */
static double normal_quantile(double p) {
    double lo = -9, hi = 9;
    for (int i = 0; i < 80; i++) {
        const double mid = 0.5 * (lo + hi);
        if (normal_cdf(mid) < p) lo = mid;
        else hi = mid;
    }
    return 0.5 * (lo + hi);
}

/* Efron's acceleration, from leaving out each row once. */
static double acceleration(const double *x, size_t n, size_t columns, double *weight) {
    double mean = 0, squares = 0, cubes = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) weight[i] = 1;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            weight[i] = 0;
            const double v = weighted(x, n, columns, weight);
            weight[i] = 1;
            if (!isfinite(v)) continue;
            if (pass == 0) {
                mean += v;
                count++;
            } else {
                const double d = mean - v;
                squares += d * d;
                cubes += d * d * d;
            }
        }
        if (pass == 0 && count) mean /= (double)count;
    }
    return squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
}

/* The two quantiles of the BCa interval: percentiles moved by bias z0 and acceleration a. */
static void bca_levels(const double *sorted, size_t b, double value, double a, double level[2]) {
    double below = 0;
    for (size_t i = 0; i < b; i++) below += sorted[i] < value ? 1 : sorted[i] == value ? 0.5 : 0;
    const double least = 0.5 / (double)b;
    const double z0 = normal_quantile(fmin(fmax(below / (double)b, least), 1 - least));
    for (int side = 0; side < 2; side++) {
        const double z = z0 + normal_quantile(side ? 0.975 : 0.025);
        level[side] = normal_cdf(z0 + z / (1 - a * z));
    }
}

cm_status cm_stats_interval(const double *x, size_t n, size_t columns, uint64_t seed, cm_arena *scratch,
                            cm_interval *out) {
    cm_interval r = {0};
    CM_TRY(cm_stats_value(x, n, columns, &r.value, &r.n));
    r.lo = r.hi = r.value;

    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    double *weight = CM_PUSH(scratch, double, n), *values = CM_PUSH(scratch, double, CM_BOOTSTRAPS);
    size_t *picks = CM_PUSH(scratch, size_t, n);
    CM_TRY(cm_arena_check(scratch));

    cm_rng rng = cm_rng_named(seed, "bootstrap");
    size_t b = 0;
    for (size_t i = 0; i < CM_BOOTSTRAPS; i++) {
        cm_stats_draw(&rng, n, picks);
        memset(weight, 0, n * sizeof *weight);
        for (size_t k = 0; k < n; k++) weight[picks[k]] += 1;
        const double v = weighted(x, n, columns, weight);
        if (isfinite(v)) values[b++] = v;
    }
    cm_stats_sort(values, b);
    if (b && values[b - 1] > values[0]) {
        double level[2];
        bca_levels(values, b, r.value, acceleration(x, n, columns, weight), level);
        r.lo = cm_stats_quantile(values, b, level[0]);
        r.hi = cm_stats_quantile(values, b, level[1]);
    }
    cm_arena_reset(scratch, mark);
    *out = r;
    return CM_OK;
}

/* One random exchange of names: a bit a prompt. */
static void draw_swaps(cm_rng *rng, size_t n, unsigned char *swapped) {
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        if (i % 32 == 0) bits = cm_rng_u32(rng);
        swapped[i] = bits >> (i % 32) & 1;
    }
}

cm_status cm_stats_permute(cm_difference *difference, void *arg, size_t n, size_t flips, uint64_t seed,
                           cm_arena *scratch, double *p) {
    if (n == 0) return cm_fail(CM_EUNDEFINED, "no prompt has both arms");
    unsigned char *swapped = cm_arena_push_zero(scratch, n);
    CM_TRY(cm_arena_check(scratch));
    double seen;
    CM_TRY(difference(arg, swapped, &seen));
    const double reach = fabs(seen) * (1 - 1e-12); /* the same sum in another order counts as equal */

    const int exact = n <= CM_EXACT_FLIPS;
    const size_t total = exact ? (size_t)1 << n : flips;
    cm_rng rng = cm_rng_named(seed, "permute");
    size_t count = 0;
    for (size_t f = 0; f < total; f++) {
        if (exact)
            for (size_t i = 0; i < n; i++) swapped[i] = f >> i & 1;
        else
            draw_swaps(&rng, n, swapped);
        double d;
        CM_TRY(difference(arg, swapped, &d));
        count += fabs(d) >= reach;
    }
    *p = exact ? (double)count / (double)total : (1 + (double)count) / (1 + (double)total);
    return CM_OK;
}

typedef struct flip_table {
    const double *x;
    size_t n, columns;
    double *sign;
} flip_table;

static cm_status flipped(void *arg, const unsigned char *swapped, double *difference) {
    const flip_table *t = arg;
    for (size_t i = 0; i < t->n; i++) t->sign[i] = swapped[i] ? -1 : 1;
    *difference = weighted(t->x, t->n, t->columns, t->sign);
    return CM_OK;
}

cm_status cm_stats_flip(const double *x, size_t n, size_t columns, uint64_t seed, cm_arena *scratch, double *p) {
    double value;
    CM_TRY(cm_stats_value(x, n, columns, &value, NULL));
    flip_table t = {x, n, columns, CM_PUSH(scratch, double, n)};
    CM_TRY(cm_arena_check(scratch));
    return cm_stats_permute(flipped, &t, n, CM_FLIPS, seed, scratch, p);
}

cm_status cm_stats_holm(const double *p, size_t n, cm_arena *scratch, double *adjusted) {
    size_t *order = CM_PUSH(scratch, size_t, n ? n : 1);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n; i++) { /* insertion sort: a handful of scores */
        size_t j = i;
        for (; j > 0 && p[order[j - 1]] > p[i]; j--) order[j] = order[j - 1];
        order[j] = i;
    }
    double floor = 0;
    for (size_t i = 0; i < n; i++) {
        floor = fmax(floor, fmin(1, p[order[i]] * (double)(n - i)));
        adjusted[order[i]] = floor;
    }
    return CM_OK;
}
