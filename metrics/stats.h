// SPDX-License-Identifier: Apache-2.0
/* Statistics of a run: intervals, paired tests, corrections.
 *
 * The unit that is drawn again is always the prompt. A table of values is [n, columns], one row a
 * prompt, NaN where a prompt has no value; its score is the mean over columns of each column's mean
 * (one column: the plain mean; three: acc_all, as in the paper's tables). For a paired comparison the
 * table holds differences a - b. Everything is seeded: the same table gives the same answer.
 */
#ifndef CM_METRICS_STATS_H
#define CM_METRICS_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/rng.h"

enum { CM_BOOTSTRAPS = 2000, CM_FLIPS = 20000, CM_EXACT_FLIPS = 16 };

typedef struct cm_interval {
    double value, lo, hi; /* 95 % */
    size_t n;             /* prompts that counted */
    double error;         /* standard error: the draws' standard deviation */
} cm_interval;

/* Mean of column means; CM_EUNDEFINED when a column has no value at all. */
cm_status cm_stats_value(const double *x, size_t n, size_t columns, double *value, size_t *counted);

/* The same with its BCa bootstrap interval (Efron 1987), prompts drawn with replacement.
 * One prompt only, or all rows equal: lo = hi = value. */
cm_status cm_stats_interval(const double *x, size_t n, size_t columns, uint64_t seed, cm_arena *scratch,
                            cm_interval *out);

/* Two-sided p of the hypothesis that the signs of u[n] mean nothing: the share of flips of signs whose |sum| reaches
 * the one seen. n <= CM_EXACT_FLIPS: all 2^n; else CM_FLIPS random ones, p = (1 + count) / (1 + CM_FLIPS). */
cm_status cm_stats_flip_sum(const double *u, size_t n, uint64_t seed, cm_arena *scratch, double *p);

/* The same for a table of differences: exchanging the arms' names flips a row's sign. */
cm_status cm_stats_flip(const double *x, size_t n, size_t columns, uint64_t seed, cm_arena *scratch, double *p);

/* Each row's part of a table's value: with every column's count fixed, their sum is the value. parts [n]; 0 for an
 * empty row. */
cm_status cm_stats_parts(const double *x, size_t n, size_t columns, double *parts);

/* Holm's step-down correction (1979): adjusted[i] >= p[i], monotone, at most 1. */
cm_status cm_stats_holm(const double *p, size_t n, cm_arena *scratch, double *adjusted);

/* Student's t: two-sided p of |t|, and the quantile; degrees of freedom >= 1 (Abramowitz and Stegun 26.7.3, 26.7.4). */
double cm_stats_t_p(double t, size_t freedom);
double cm_stats_t_quantile(double p, size_t freedom);

/* Sorted ascending; linear between order statistics (Hyndman and Fan's type 7, NumPy's default). */
double cm_stats_quantile(const double *sorted, size_t n, double q);
void cm_stats_sort(double *x, size_t n);

#endif
