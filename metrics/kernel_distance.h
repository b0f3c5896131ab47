// SPDX-License-Identifier: Apache-2.0
/* Kernel distances between two sets of features, without each prompt's images, and between two arms, from sums of
 * kernel values.
 *
 * Cubic: the unbiased MMD^2 with k(x,y) = (x.y/width + 1)^3 (Binkowski et al. 2018, "KID"), over all pairs of different
 * images:
 *
 *     sum_{i!=j} k(x_i,x_j) / n(n-1) + sum_{i!=j} k(y_i,y_j) / m(m-1) - 2 sum k(x_i,y_j) / nm
 *
 * It may be negative. The published form, by subsets, is kid.h. Gaussian: CMMD (Jayasumana et al. 2024, arXiv
 * 2401.09603), MMD^2 of L2-normalised embeddings with k(a,b) = exp(-|a-b|^2 / (2 10^2)), an image with itself among the
 * pairs as its code has it, x 1000.
 *
 * A distance is quadratic in the set's distribution, so that the difference of two arms under an exchange of some
 * prompts' images is linear in the exchange: the sum of parts with the signs of the exchanged ones turned, exactly.
 */
#ifndef CM_METRICS_KERNEL_DISTANCE_H
#define CM_METRICS_KERNEL_DISTANCE_H

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

/* CM_EUNDEFINED for fewer than 2 rows (Gaussian: 1), a feature that is not finite, and with the Gaussian for a row of
 * length 0. */
cm_status cm_kernel_prepare_side(cm_kernel_kind kind, const float *y, size_t m, size_t width, cm_arena *out,
                                 cm_kernel_side *side);
cm_status cm_kernel_open(const cm_kernel_side *side, const float *x, const cm_clusters *c, cm_arena *out,
                         cm_kernel_arm *arm);
/* value: of all rows; without [clusters] (NULL: not wanted): without each. CM_EUNDEFINED: fewer than 2 rows
 * (Gaussian: 1) are left somewhere. */
cm_status cm_kernel_leave_out(const cm_kernel_side *side, const cm_kernel_arm *arm, double *value, double *without);
/* The biased MMD^2, each row with itself among the pairs, less the distance: the biased one cannot be negative. */
double cm_kernel_above(const cm_kernel_side *side, const cm_kernel_arm *arm);
/* parts [clusters]; both arms have the same prompts with the same number of rows. */
cm_status cm_kernel_contrast(const cm_kernel_side *side, const cm_kernel_arm *a, const cm_kernel_arm *b,
                             cm_arena *scratch, double *parts);

#endif
