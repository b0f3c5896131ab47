// SPDX-License-Identifier: Apache-2.0
/* Arms against each other: values with intervals, paired differences, tests, and the group that leads.
 *
 * The unit is the prompt; its images move together. All intervals are 95 %, all tests two-sided, everything is seeded.
 *
 * A value without spread (lo, hi, effect, detectable) is NaN where none can be given; `why` then says so, or NULL.
 * Where `defined` is false nothing but `why` holds.
 *
 * Leading: the arm with the best value, and every arm that the paired test does not find worse on their common prompts.
 * The p of these comparisons are corrected by Holm's rule, each times (arms / 2) because the best arm was itself chosen
 * by the data: together the correction for all pairs of arms. Nobody leads where fewer than two arms have a value; an
 * arm without a common prompt never does.
 *
 * detectable: the smallest true difference that a test at 5 % finds in 8 of 10 runs of this size, (t_0.975 + t_0.8)
 * standard errors of the paired difference (Bloom 1995, "Minimum detectable effects"). effect: Cohen's d_z, the mean
 * difference in standard deviations of the prompts' differences; for several columns and for sets difference /
 * (standard error x sqrt n), which is the same for one mean.
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

/* Scores that images have. The score of an arm is the mean of its columns' means (one column: the plain mean; three:
 * acc_all). A pair counts the prompts that both arms have, column by column. */
typedef struct cm_columns {
    size_t arms, prompts, columns;
    const double *x; /* [arms][prompts][columns]: the prompt's mean over its images; NaN: none */
    bool higher_is_better;
    size_t pair_count;
    const cm_arm_pair *pairs;
    uint64_t seed;
} cm_columns;

/* Intervals: BCa bootstrap over prompts (Efron 1987), CM_BOOTSTRAPS draws; p: sign flips (metrics/stats.h). One prompt
 * has a value but no interval; where all prompts are equal, lo = hi = value. arms [c->arms], pairs [c->pair_count]. */
cm_status cm_compare_columns(const cm_columns *c, cm_arena *out, cm_arm_value *arms, cm_pair_value *pairs);

/* Scores of sets. The score is of all of an arm's images; its images of one prompt are a cluster. */
typedef struct cm_set_arms {
    size_t arms, prompts, width;
    const float *const *x;          /* [arms]: features [rows,width] */
    const size_t *rows;             /* [arms]: images */
    const size_t *const *prompt_of; /* [arms]: of each row, below prompts */
    const float *y;                 /* the reference [m,width], or NULL */
    size_t m;
    const cm_moments *statistics; /* the reference's mean and covariance, or NULL */
    size_t kid_subset;            /* as in cm_sets */
    cm_set_score *score;
    bool higher_is_better;
    size_t pair_count;
    const cm_arm_pair *pairs;
    uint64_t seed;
} cm_set_arms;

typedef struct cm_set_comparison {
    size_t parts; /* values of the score: 1, or several with names */
    const char *names[CM_SET_PARTS];
    const char *note;                   /* what a reader must be told, or NULL */
    cm_arm_value *arms[CM_SET_PARTS];   /* [arms] */
    cm_pair_value *pairs[CM_SET_PARTS]; /* [pair_count] */
} cm_set_comparison;

enum { CM_SET_GROUPS = 12 }; /* of prompts, that a score without a closed form is made again without */

/* The target of an interval is the score's mean over runs of this many prompts, the reference fixed. It covers the
 * choice of prompts and of noise; not the bias at small N, nor the reference's own choice, nor another training seed.
 *
 * One arm: the jackknife's standard error over prompts, exact for Fréchet distances (frechet_leave.h) and for kernel
 * distances (kernel_distance.h; KID: by all images' distance, plus what its drawn subsets add). On average it is never
 * too small (Efron and Stein 1981); with fewer images than about four times the features it is too large, up to 1.5
 * times. Around it t, in the logarithm for distances. Any other score (is, prdc, fid-inf) is made again without each of
 * CM_SET_GROUPS groups of prompts.
 *
 * A pair: the interval from the two arms' and their correlation over prompts (Zou and Donner 2008). p from CM_FLIPS
 * exchanges of the arms' images, prompt by prompt: a kernel distance's difference is then exactly a sum of parts with
 * signs, a Fréchet distance's to second order (Rippl, Munk and Sturm 2016), and the null distribution is exact at every
 * N and width. effect and detectable belong to that test. Since the interval is the more careful of the two, it may
 * hold 0 beside a p below 0.05. Other scores: the jackknife over groups, and t.
 *
 * Fewer than 6 prompts: values, and p of distances, but no interval. Arms with different prompts are paired on the
 * common ones, by scores made anew; different numbers of images for a common prompt: no pair (`why`). r's arrays are in
 * out. Linear algebra runs on the threads that it was given (cm_blas_all_threads). docs/SCORES.md has the coverage over
 * 2,000 draws. */
cm_status cm_compare_sets(const cm_set_arms *s, cm_arena *out, cm_set_comparison *r);

#endif
