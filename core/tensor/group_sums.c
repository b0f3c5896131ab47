// SPDX-License-Identifier: Apache-2.0
#include "core/tensor/group_sums.h"

#include <math.h>

/* with x = center + d: mean over the group, then sum (d - (mean - center))^2 */
cm_group_moments cm_group_moments_of(const cm_norm_shape *s, size_t group, const float *center, const double *sum,
                                     const double *squares) {
    const size_t per = s->c / s->groups, c0 = group * per;
    const double count = (double)(s->hw * per);
    double all = 0.0, around = 0.0;
    for (size_t c = c0; c < c0 + per; c++) all += sum[c] + (double)s->hw * center[c];
    const double mean = all / count;
    for (size_t c = c0; c < c0 + per; c++) {
        const double away = mean - center[c];
        around += squares[c] - 2.0 * away * sum[c] + (double)s->hw * away * away;
    }
    const double variance = around / count;
    return (cm_group_moments){mean, 1.0 / sqrt((variance < 0.0 ? 0.0 : variance) + (double)s->eps)};
}

void cm_group_scale_by(const cm_norm_shape *s, size_t group, cm_group_moments m, const float *gamma, const float *beta,
                       float *scale, float *shift) {
    const size_t per = s->c / s->groups, c0 = group * per;
    for (size_t c = c0; c < c0 + per; c++) {
        scale[c] = (float)(gamma[c] * m.rstd);
        shift[c] = (float)(beta[c] - m.mean * gamma[c] * m.rstd);
    }
}
