// SPDX-License-Identifier: Apache-2.0
/* Kernel distances without each prompt's images, and each prompt's part in the difference of two arms, from sums of kernel values.
 *
 * Cubic: the unbiased MMD^2 with (x.y/width + 1)^3 (kernel_distance.h; KID is its mean over subsets). Gaussian: CMMD (cmmd.c).
 *
 * A distance is quadratic in the set's distribution, so that the difference of two arms under an exchange of some prompts' images is
 * linear in the exchange: the sum of parts with the signs of the exchanged ones turned, exactly.
 */
#ifndef CM_METRICS_KERNEL_LEAVE_H
#define CM_METRICS_KERNEL_LEAVE_H

#include "core/base/arena.h"
#include "metrics/clusters.h"

typedef enum cm_kernel_kind { CM_KERNEL_CUBIC, CM_KERNEL_GAUSSIAN } cm_kernel_kind;

/* The reference, made once: y [m,width]. */
typedef struct cm_kernel_side {
    cm_kernel_kind kind;
    size_t m, width;
    const float *y;
    double *norms;      /* [m]: squared */
    double within, own; /* mean over pairs of different rows; of a row with itself */
} cm_kernel_side;

/* Of an arm's rows, in the clusters' order. */
typedef struct cm_kernel_arm {
    const float *x;
    cm_clusters c;
    double *norms;    /* [n]: squared */
    double *within;   /* [n]: sum over the arm's other rows */
    double *across;   /* [n]: mean over the reference */
    double *together; /* [clusters]: sum over its pairs of rows, each both ways */
    double own;       /* mean kernel value of a row with itself */
} cm_kernel_arm;

/* CM_EUNDEFINED for m < 2, a feature that is not finite, and with the Gaussian for a row of length 0. */
cm_status cm_kernel_prepare_side(cm_kernel_kind kind, const float *y, size_t m, size_t width, cm_arena *out, cm_kernel_side *side);
cm_status cm_kernel_open(const cm_kernel_side *side, const float *x, const cm_clusters *c, cm_arena *out, cm_kernel_arm *arm);
/* value: of all rows; without [clusters] (NULL: not wanted): without each. CM_EUNDEFINED: fewer than 2 rows are left somewhere. */
cm_status cm_kernel_leave_out(const cm_kernel_side *side, const cm_kernel_arm *arm, double *value, double *without);
/* The biased MMD^2, each row with itself among the pairs, less the distance: the biased one cannot be negative. */
double cm_kernel_above(const cm_kernel_side *side, const cm_kernel_arm *arm);
/* parts [clusters]; both arms have the same prompts with the same number of rows. */
cm_status cm_kernel_contrast(const cm_kernel_side *side, const cm_kernel_arm *a, const cm_kernel_arm *b, cm_arena *scratch, double *parts);

#endif
