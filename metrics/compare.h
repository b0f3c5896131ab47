// SPDX-License-Identifier: Apache-2.0
/* Arms against each other: values with intervals, paired differences, tests, and the group that leads.
 *
 * The unit is the prompt; its images move together. All intervals are 95 %, all tests two-sided, everything is seeded.
 *
 * A value without spread (lo, hi, effect, detectable) is NaN where none can be given; `why` then says so, or NULL. Where `defined`
 * is false nothing but `why` holds.
 *
 * Leading: the arm with the best value, and every arm that the paired test does not find worse on their common prompts. The p of
 * these comparisons are corrected by Holm's rule, each times (arms / 2) because the best arm was itself chosen by the data: together
 * the correction for all pairs of arms. Nobody leads where fewer than two arms have a value; an arm without a common prompt
 * never does.
 *
 * detectable: the smallest true difference that a test at 5 % finds in 8 of 10 runs of this size, (t_0.975 + t_0.8) standard errors
 * of the paired difference (Bloom 1995, "Minimum detectable effects"). effect: Cohen's d_z, the mean difference in standard
 * deviations of the prompts' differences; for several columns and for sets difference / (standard error x sqrt n), which is the same
 * for one mean.
 */
#ifndef CM_METRICS_COMPARE_H
#define CM_METRICS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "metrics/set_score.h"

typedef struct cm_arm_pair {
    size_t a, b; /* reported is a - b */
} cm_arm_pair;

typedef struct cm_arm_value {
    bool defined, leading;
    const char *why;
    double value, lo, hi;
    double deviation; /* what the score's own protocol prints (over subsets or splits); NaN: nothing */
    size_t n;         /* prompts that counted */
} cm_arm_value;

typedef struct cm_pair_value {
    bool defined;
    const char *why;
    double difference, lo, hi, p, effect, detectable;
    size_t n; /* prompts that both arms have */
} cm_pair_value;

/* Scores that images have. The score of an arm is the mean of its columns' means (one column: the plain mean; three: acc_all). A
 * pair counts the prompts that both arms have, column by column. */
typedef struct cm_columns {
    size_t arms, prompts, columns;
    const double *x; /* [arms][prompts][columns]: the prompt's mean over its images; NaN: none */
    bool higher_is_better;
    size_t pair_count;
    const cm_arm_pair *pairs;
    uint64_t seed;
} cm_columns;

/* Intervals: BCa bootstrap over prompts (Efron 1987), CM_BOOTSTRAPS draws; p: sign flips (metrics/stats.h). One prompt has a value but
 * no interval; where all prompts are equal, lo = hi = value. arms [c->arms], pairs [c->pair_count]. */
cm_status cm_compare_columns(const cm_columns *c, cm_arena *out, cm_arm_value *arms, cm_pair_value *pairs);

#endif
