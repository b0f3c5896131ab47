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
} cm_interval;

/* Mean of column means; CM_EUNDEFINED when a column has no value at all. */
cm_status cm_stats_value(const double *x, size_t n, size_t columns, double *value, size_t *counted);

/* The same with its BCa bootstrap interval (Efron 1987), prompts drawn with replacement.
 * One prompt only, or all rows equal: lo = hi = value. */
cm_status cm_stats_interval(const double *x, size_t n, size_t columns, uint64_t seed, cm_arena *scratch,
                            cm_interval *out);

/* The difference of two arms when the arms of the prompts with swapped[i] are exchanged. */
typedef cm_status cm_difference(void *arg, const unsigned char *swapped, double *difference);

/* Two-sided p of the hypothesis that the arms' names mean nothing: the share of exchanges of names whose
 * |difference| reaches the one seen. n <= 16: all 2^n; else `flips` random ones, p = (1+count)/(1+flips). */
cm_status cm_stats_permute(cm_difference *difference, void *arg, size_t n, size_t flips, uint64_t seed,
                           cm_arena *scratch, double *p);

/* cm_stats_permute over a table of differences: exchanging names flips the row's sign. */
cm_status cm_stats_flip(const double *x, size_t n, size_t columns, uint64_t seed, cm_arena *scratch, double *p);

/* Holm's step-down correction (1979): adjusted[i] >= p[i], monotone, at most 1. */
cm_status cm_stats_holm(const double *p, size_t n, cm_arena *scratch, double *adjusted);

/* Sorted ascending; linear between order statistics (Hyndman and Fan's type 7, NumPy's default). */
double cm_stats_quantile(const double *sorted, size_t n, double q);
void cm_stats_sort(double *x, size_t n);
void cm_stats_draw(cm_rng *rng, size_t n, size_t *picks); /* n of n with replacement */

#endif
