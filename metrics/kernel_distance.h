// SPDX-License-Identifier: Apache-2.0
/* Kernel distance: unbiased MMD^2 with k(x,y) = (x.y/width + 1)^3 (Binkowski et al. 2018, "KID").
 *
 *     sum_{i!=j} k(x_i,x_j) / n(n-1) + sum_{i!=j} k(y_i,y_j) / m(m-1) - 2 sum k(x_i,y_j) / nm
 *
 * It may be negative. Kernel values are made once; drawing rows again then costs a sum. A row that is
 * drawn several times does not pair with its own copies, so that drawing again adds no bias. cm_score_kernel of
 * set_score.h is the distance of all rows once. The published form, by subsets, is kid.h.
 */
#ifndef CM_METRICS_KERNEL_DISTANCE_H
#define CM_METRICS_KERNEL_DISTANCE_H

#include <stddef.h>

#include "core/base/arena.h"

/* Sums against one reference, for sets whose rows all lie in one table x. */
typedef struct cm_kernel_table {
    size_t n;
    double *within;  /* [n,n] */
    double *across;  /* [n]: mean over the reference of k(x_i, y_j) */
    double reference; /* the reference's own within mean */
} cm_kernel_table;

/* x [n,width] all candidates, y [m,width] the reference; m >= 2. */
cm_status cm_kernel_prepare(const float *x, size_t n, const float *y, size_t m, size_t width, cm_arena *out,
                            cm_kernel_table *t);
/* Distance of the multiset picks[count] of x's rows (NULL: all rows once). CM_EUNDEFINED for fewer than two different rows. */
cm_status cm_kernel_distance(const cm_kernel_table *t, const size_t *picks, size_t count, cm_arena *scratch,
                             double *distance);

#endif
