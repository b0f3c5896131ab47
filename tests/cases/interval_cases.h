// SPDX-License-Identifier: Apache-2.0
/* Arms drawn again and again: how often intervals hold the truth, and how often tests see a difference where there is
 * none.
 *
 * The truth of an arm is the mean of its values over all runs, that of a pair the mean of its differences: the target
 * that metrics/compare.h states, the bias at this N included.
 */
#ifndef CM_TESTS_INTERVAL_CASES_H
#define CM_TESTS_INTERVAL_CASES_H

#include "metrics/compare.h"

typedef enum cm_case_kind {
    CM_CASE_MEAN,  /* one column: a skewed score, some prompts without one */
    CM_CASE_RATIO, /* three columns of shares of few questions, as acc_all; many prompts without a question of a kind */
    CM_CASE_SET    /* features: correlated, skewed, the prompt's part common to both arms */
} cm_case_kind;

typedef struct cm_interval_case {
    const char *name;
    cm_case_kind kind;
    size_t prompts, images;  /* images a prompt */
    size_t width, reference; /* of sets: features, reference images */
    cm_set_score *score;
    double apart;      /* 0: both arms are draws of one kind; else how much b differs */
    const float *pool; /* [pool_prompts,2,width]: real features of two images a prompt to draw from; NULL: synthetic */
    size_t pool_prompts;
    const float *pool_reference; /* [reference,width] */
} cm_interval_case;

typedef struct cm_interval_tally {
    size_t runs, parts;
    double arm[CM_SET_PARTS], pair[CM_SET_PARTS]; /* shares of intervals that hold the truth */
    double found[CM_SET_PARTS];                   /* of p <= 0.05: false alarms where apart is 0 */
    double arm_width[CM_SET_PARTS],
        pair_width[CM_SET_PARTS]; /* mean length of intervals over what normal ones would need */
    double seconds;               /* a run */
} cm_interval_tally;

cm_status cm_interval_simulate(const cm_interval_case *c, size_t runs, uint64_t seed, cm_interval_tally *out);

#endif
