// SPDX-License-Identifier: Apache-2.0
/* A score of one arm's images, and how it changes without some of its prompts: what the comparison of sets is made
 * from. */
#ifndef CM_METRICS_SET_FIT_H
#define CM_METRICS_SET_FIT_H

#include "metrics/clusters.h"
#include "metrics/compare.h"
#include "metrics/frechet.h"
#include "metrics/kernel_distance.h"

/* How the score changes: a Fréchet distance and the kernel distances in closed form, prompt by prompt; any other score
 * by being made again without each of CM_SET_GROUPS groups of prompts. */
typedef enum cm_fit_method { CM_FIT_FRECHET, CM_FIT_CUBIC, CM_FIT_GAUSSIAN, CM_FIT_GROUPS } cm_fit_method;

typedef struct cm_fitting {
    const cm_set_arms *s;
    cm_fit_method by;
    cm_frechet_side side;    /* the reference, for Fréchet distances */
    cm_kernel_side kernel;   /* for kernel distances */
    cm_arena *out, *scratch; /* reasons and notes go to out, all else to scratch */
} cm_fitting;

/* An arm's rows, or those of some prompts, in the order of prompts. */
typedef struct cm_set_view {
    const float *x;
    cm_clusters c;
} cm_set_view;

typedef struct cm_set_fit {
    bool defined;
    const char *why; /* not defined; or no interval; or NULL */
    cm_set_view v;
    cm_set_values values;          /* of all rows */
    size_t units;                  /* what is left out in turn: prompts, or groups of prompts; 0: no interval */
    double *without[CM_SET_PARTS]; /* [units]; a kernel distance's up to a constant */
    double drawn;                  /* variance that the protocol's own subsets add (KID) */
    double above;                  /* value + above cannot be negative; NaN: no such bound is known */
    cm_kernel_arm kernel;
} cm_set_fit;

/* CM_EUNDEFINED: no reference, or none that the score can use. */
cm_status cm_fitting_open(const cm_set_arms *s, cm_arena *out, cm_arena *scratch, cm_fitting *f);
/* The rows that belong to prompts with keep [prompts] (NULL: all), copied where they do not lie in order. */
cm_status cm_set_view_of(const cm_fitting *f, size_t arm, const bool *keep, cm_set_view *v);
/* A score without a value is a fit that is not defined. */
cm_status cm_set_fit_of(const cm_fitting *f, const cm_set_view *v, cm_set_fit *fit);

/* Standard error by the jackknife over units: a's, or with b that of the paired difference, sqrt((u-1)/u sum (v -
 * mean)^2). Never too small on average (Efron and Stein 1981). */
double cm_set_fit_error(const cm_set_fit *a, const cm_set_fit *b, size_t part);
/* The 95 % interval of a value, NaN without units: where the value has a bound, symmetric in the logarithm of its
 * distance from it, because a distance's draws are skewed and vary the more the larger they are; else value -+ t
 * standard errors. */
void cm_set_fit_limits(const cm_set_fit *t, size_t part, double *lo, double *hi);

#endif
