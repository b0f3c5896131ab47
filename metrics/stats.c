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

/* --- the mean of column means ----------------------------------------------------- */

/* A table whose empty cells are 0, each row followed by its columns' counts: sums of rows are sums and counts. */
typedef struct filled {
    size_t n, columns;
    double *rows; /* [n, 2 columns] */
    double *sums; /* [2 columns] */
} filled;

static void add_row(const filled *t, size_t row, double *sums) {
    const double *r = t->rows + row * 2 * t->columns;
    for (size_t c = 0; c < 2 * t->columns; c++) sums[c] += r[c];
}

static cm_status fill(const double *x, size_t n, size_t columns, cm_arena *out, filled *t) {
    *t = (filled){n, columns, CM_PUSH(out, double, 2 * n * columns + 1), CM_PUSH_ZERO(out, double, 2 * columns + 1)};
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < columns; c++) {
            const double v = x[i * columns + c];
            t->rows[i * 2 * columns + c] = isnan(v) ? 0 : v;
            t->rows[(i * 2 + 1) * columns + c] = isnan(v) ? 0 : 1;
        }
    for (size_t i = 0; i < n; i++) add_row(t, i, t->sums);
    return CM_OK;
}

/* Of the sums less a row (NULL: less nothing); not finite when a column has nothing. */
static double value_of(const double *sums, const double *row, size_t columns) {
    double all = 0;
    for (size_t c = 0; c < columns; c++)
        all += row ? (sums[c] - row[c]) / (sums[columns + c] - row[columns + c])
                   : sums[c] / sums[columns + c]; /* 0/0 is NaN, as meant */
    return all / (double)columns;
}

static size_t count_rows(const double *x, size_t n, size_t columns) {
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        bool any = false;
        for (size_t c = 0; c < columns; c++) any = any || !isnan(x[i * columns + c]);
        rows += any;
    }
    return rows;
}

static double mean_of_means(const double *x, size_t n, size_t columns) {
    double all = 0;
    for (size_t c = 0; c < columns; c++) {
        double sum = 0, count = 0;
        for (size_t i = 0; i < n; i++) {
            const double v = x[i * columns + c];
            sum += isnan(v) ? 0 : v;
            count += !isnan(v);
        }
        all += sum / count;
    }
    return all / (double)columns;
}

cm_status cm_stats_value(const double *x, size_t n, size_t columns, double *value, size_t *counted) {
    const double v = mean_of_means(x, n, columns);
    if (!isfinite(v)) return cm_fail(CM_EUNDEFINED, "no prompt has a value");
    *value = v;
    if (counted) *counted = count_rows(x, n, columns);
    return CM_OK;
}

cm_status cm_stats_parts(const double *x, size_t n, size_t columns, double *parts) {
    double value;
    CM_TRY(cm_stats_value(x, n, columns, &value, NULL));
    memset(parts, 0, n * sizeof *parts);
    for (size_t c = 0; c < columns; c++) {
        double count = 0;
        for (size_t i = 0; i < n; i++) count += !isnan(x[i * columns + c]);
        for (size_t i = 0; i < n; i++)
            if (!isnan(x[i * columns + c])) parts[i] += x[i * columns + c] / (count * (double)columns);
    }
    return CM_OK;
}

/* --- the BCa interval ---------------------------------------------------------------- */

static double normal_cdf(double z) {
    return 0.5 * erfc(-z / sqrt(2.0));
}

/* Inverse of the normal distribution by bisection: called four times an interval. */
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
static double acceleration(const filled *t, double *without) {
    double mean = 0, squares = 0, cubes = 0;
    size_t count = 0;
    for (size_t i = 0; i < t->n; i++) {
        const double v = value_of(t->sums, t->rows + i * 2 * t->columns, t->columns);
        if (isfinite(v)) without[count++] = v;
    }
    for (size_t i = 0; i < count; i++) mean += without[i] / (double)count;
    for (size_t i = 0; i < count; i++) {
        const double d = mean - without[i];
        squares += d * d;
        cubes += d * d * d;
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

/* Values of CM_BOOTSTRAPS draws of rows; those that leave a column empty do not count. */
static size_t draw_values(const filled *t, uint64_t seed, double *sums, double *values) {
    cm_rng rng = cm_rng_named(seed, "bootstrap");
    size_t b = 0;
    for (size_t i = 0; i < CM_BOOTSTRAPS; i++) {
        memset(sums, 0, 2 * t->columns * sizeof *sums);
        for (size_t k = 0; k < t->n; k++) add_row(t, cm_rng_below(&rng, (uint32_t)t->n), sums);
        const double v = value_of(sums, NULL, t->columns);
        if (isfinite(v)) values[b++] = v;
    }
    cm_stats_sort(values, b);
    return b;
}

static double deviation_of(const double *x, size_t n) {
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
}

static cm_status interval_of(const double *x, size_t n, size_t columns, uint64_t seed, cm_arena *scratch,
                             cm_interval *r) {
    filled t;
    CM_TRY(fill(x, n, columns, scratch, &t));
    double *sums = CM_PUSH(scratch, double, 2 * columns), *values = CM_PUSH(scratch, double, CM_BOOTSTRAPS);
    double *without = CM_PUSH(scratch, double, n);
    CM_TRY(cm_arena_check(scratch));
    const size_t b = draw_values(&t, seed, sums, values);
    if (!b || values[b - 1] - values[0] <= 1e-13 * fabs(r->value)) return CM_OK; /* equal but for the order of sums */
    double level[2];
    bca_levels(values, b, r->value, acceleration(&t, without), level);
    r->lo = cm_stats_quantile(values, b, level[0]);
    r->hi = cm_stats_quantile(values, b, level[1]);
    r->error = deviation_of(values, b);
    return CM_OK;
}

cm_status cm_stats_interval(const double *x, size_t n, size_t columns, uint64_t seed, cm_arena *scratch,
                            cm_interval *out) {
    cm_interval r = {0};
    CM_TRY(cm_stats_value(x, n, columns, &r.value, &r.n));
    r.lo = r.hi = r.value;
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const cm_status s = interval_of(x, n, columns, seed, scratch, &r);
    cm_arena_reset(scratch, mark);
    if (s == CM_OK) *out = r;
    return s;
}

/* --- exchanges of names ------------------------------------------------------------ */

/* The sums of all subsets of eight numbers, for each eight of u: a random flip then costs n/8 additions. */
static double *subset_sums(const double *u, size_t n, cm_arena *scratch) {
    double *sums = CM_PUSH_ZERO(scratch, double, (n + 7) / 8 * 256 + 1);
    for (size_t i = 0; sums && i < n; i++) {
        double *table = sums + i / 8 * 256;
        const size_t bit = (size_t)1 << i % 8;
        for (size_t k = bit; k < 256; k++)
            if (k & bit) table[k] = table[k ^ bit] + u[i];
    }
    return sums;
}

/* The sum of those of u that random bits choose. */
static double draw_subset(const double *sums, size_t n, cm_rng *rng) {
    double sum = 0;
    for (size_t i = 0; i < (n + 7) / 8;) {
        uint32_t bits = cm_rng_u32(rng);
        for (size_t k = 0; k < 4 && i < (n + 7) / 8; k++, i++, bits >>= 8) sum += sums[i * 256 + (bits & 255)];
    }
    return sum;
}

static double chosen_subset(const double *sums, size_t n, size_t bits) {
    double sum = 0;
    for (size_t i = 0; i < (n + 7) / 8; i++) sum += sums[i * 256 + (bits >> 8 * i & 255)];
    return sum;
}

cm_status cm_stats_flip_sum(const double *u, size_t n, uint64_t seed, cm_arena *scratch, double *p) {
    if (n == 0) return cm_fail(CM_EUNDEFINED, "no prompt has both arms");
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const double *sums = subset_sums(u, n, scratch);
    CM_TRY(cm_arena_check(scratch));
    double seen = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        seen += u[i];
        size += fabs(u[i]);
    }
    const double reach = fabs(seen) - 1e-12 * size; /* the same sum in another order counts as equal */
    const bool exact = n <= CM_EXACT_FLIPS;
    const size_t total = exact ? (size_t)1 << n : CM_FLIPS;
    cm_rng rng = cm_rng_named(seed, "permute");
    size_t count = 0;
    for (size_t f = 0; f < total; f++) {
        const double flipped = exact ? chosen_subset(sums, n, f) : draw_subset(sums, n, &rng);
        count += fabs(seen - 2 * flipped) >= reach;
    }
    cm_arena_reset(scratch, mark);
    *p = exact ? (double)count / (double)total : (1 + (double)count) / (1 + (double)total);
    return CM_OK;
}

cm_status cm_stats_flip(const double *x, size_t n, size_t columns, uint64_t seed, cm_arena *scratch, double *p) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    double *parts = CM_PUSH(scratch, double, n + 1);
    CM_TRY(cm_arena_check(scratch));
    cm_status s = cm_stats_parts(x, n, columns, parts);
    size_t m = 0; /* rows without a value have no sign */
    for (size_t i = 0; s == CM_OK && i < n; i++)
        if (count_rows(x + i * columns, 1, columns)) parts[m++] = parts[i];
    if (s == CM_OK) s = cm_stats_flip_sum(parts, m, seed, scratch, p);
    cm_arena_reset(scratch, mark);
    return s;
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
