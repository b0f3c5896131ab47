// SPDX-License-Identifier: Apache-2.0
/* Scores of one set of images against another, from features: what each takes and gives.
 *
 * Rows are in the order of the lists of images, so that a score does not depend on who looked at which image when.
 * Features are f32, everything made from them is double.
 */
#ifndef CM_METRICS_SET_SCORE_H
#define CM_METRICS_SET_SCORE_H

#include "metrics/frechet.h"

typedef struct cm_sets {
    const float *x, *y; /* images [n,width], reference [m,width]; y NULL: there is none, or statistics */
    size_t n, m, width;
    const cm_moments *statistics; /* the reference's, from a file; NULL: none */
    size_t kid_subset;            /* 0: KID's published CM_KID_SUBSET */
} cm_sets;

enum { CM_SET_PARTS = 4, CM_KID_SUBSET = 1000, CM_KID_DRAWS = 100 };

/* A score's values: one, or several with names of their own ("precision", "recall"). */
typedef struct cm_set_part {
    const char *name; /* "" when it is the only one */
    double value;
    double deviation; /* NaN: none; over subsets or splits, as the protocol has it */
} cm_set_part;

typedef struct cm_set_values {
    size_t count;
    cm_set_part parts[CM_SET_PARTS];
    const char *note; /* what a reader must be told, or NULL */
} cm_set_values;

/* CM_EUNDEFINED with the reason where no value exists: too few images, features that are not finite. */
typedef cm_status cm_set_score(const cm_sets *s, cm_arena *scratch, cm_set_values *out);

/* A value without a deviation. */
void cm_set_value(cm_set_values *out, const char *part, double value);
/* CM_EUNDEFINED naming the first row of either side that is not finite. */
cm_status cm_sets_finite(const cm_sets *s);

/* The scores, a file each. */
cm_status cm_score_frechet(const cm_sets *s, cm_arena *scratch, cm_set_values *out);          /* frechet_score.c */
cm_status cm_score_frechet_infinity(const cm_sets *s, cm_arena *scratch, cm_set_values *out); /* frechet_score.c */
cm_status cm_score_kid(const cm_sets *s, cm_arena *scratch, cm_set_values *out);              /* kid.c */
cm_status cm_score_kernel(const cm_sets *s, cm_arena *scratch, cm_set_values *out);           /* kernel_distance.c */
cm_status cm_score_inception(const cm_sets *s, cm_arena *scratch, cm_set_values *out);        /* inception_score.c */
cm_status cm_score_prdc(const cm_sets *s, cm_arena *scratch, cm_set_values *out);             /* prdc.c, k = 5 */
cm_status cm_score_cmmd(const cm_sets *s, cm_arena *scratch, cm_set_values *out);             /* kernel_distance.c */

#endif
