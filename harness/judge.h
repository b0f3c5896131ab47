// SPDX-License-Identifier: Apache-2.0
/* From the scores of pictures to the scores of arms: values, intervals, pairs.
 *
 * Scores that pictures have: mean over prompts with a BCa interval; pairs by sign flips. Scores of the set
 * (distances): prompts are drawn again, the same ones in every arm; the interval is the spread of those draws
 * around their median, put around the value, because drawing again makes a distance larger by itself; p from exchanging
 * arms' names prompt by prompt. p_holm corrects over a pair's scores.
 */
#ifndef CM_HARNESS_JUDGE_H
#define CM_HARNESS_JUDGE_H

#include <jansson.h>
#include <stdbool.h>

#include "harness/suite.h"
#include "metrics/nano_scores.h"
#include "metrics/stats.h"

/* The set that distances are measured from; count 0: none. */
typedef struct cm_reference {
    size_t count, width;
    float *features; /* [count,width] */
} cm_reference;

/* All arms' pictures, in the order of prompts. */
typedef struct cm_results {
    const char *suite, *prompts;
    size_t arms, count;
    const char *const *names; /* [arms] */
    double *scores;           /* [arms,count,CM_SCORES]; NaN: has none */
    float *features;          /* [arms,count,width] */
    bool *present;            /* [arms,count] */
    size_t pair_count;
    const cm_pair *pairs;
} cm_results;

/* Appends "score" and "pair" records. */
cm_status cm_judge(const cm_results *r, const cm_reference *reference, json_t *records);

/* Distance of one set alone from the reference, with its interval: value, lo, hi for CM_SCORE_FD or CM_SCORE_KD. */
cm_status cm_judge_distance(const float *features, size_t count, const cm_reference *reference, cm_score_index which,
                            cm_arena *scratch, cm_interval *out);

enum { CM_SET_DRAWS = 1000, CM_JUDGE_SEED = 20240402 };

#endif
