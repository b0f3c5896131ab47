// SPDX-License-Identifier: Apache-2.0
/* From a channel's sums to a group norm, the same wherever the sums were made: about a center (the first pixel), so
 * that a large mean does not eat the variance, in runs of CM_SUM_ROWS pixels that are added in order. */
#ifndef CM_CORE_TENSOR_GROUP_SUMS_H
#define CM_CORE_TENSOR_GROUP_SUMS_H

#include "core/tensor/ops.h"

enum { CM_SUM_ROWS = 1024 };

typedef struct cm_group_moments {
    double mean, rstd;
} cm_group_moments;

/* sum [c] of x - center and squares [c] of (x - center)^2 over s->hw pixels; group: which of s->groups */
cm_group_moments cm_group_moments_of(const cm_norm_shape *s, size_t group, const float *center, const double *sum,
                                     const double *squares);
/* y = x*scale + shift, [c] each, of the group's channels */
void cm_group_scale_by(const cm_norm_shape *s, size_t group, cm_group_moments m, const float *gamma, const float *beta,
                       float *scale, float *shift);

#endif
