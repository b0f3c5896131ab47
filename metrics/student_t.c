// SPDX-License-Identifier: Apache-2.0
/* Student's t by its finite series (Abramowitz and Stegun 26.7.3 and 26.7.4, whole degrees of freedom). */
#include <float.h>
#include <math.h>

#include "metrics/stats.h"

double cm_stats_t_p(double t, size_t freedom) {
    const double angle = atan(fabs(t) / sqrt((double)freedom)), c = cos(angle), s = sin(angle);
    const size_t odd = freedom % 2;
    double term = odd ? c : 1, sum = freedom > 1 ? term : 0;
    for (size_t k = odd + 2; k + 1 < freedom; k += 2) { /* to the power freedom - 2 */
        term *= c * c * (double)(k - 1) / (double)k;
        sum += term;
    }
    const double inside = odd ? 2 / acos(-1.0) * (angle + s * sum) : s * sum;
    return fmin(fmax(1 - inside, DBL_EPSILON), 1);
}

double cm_stats_t_quantile(double p, size_t freedom) {
    const double tail = 2 * fmin(p, 1 - p);
    double lo = 0, hi = 1;
    while (cm_stats_t_p(hi, freedom) > tail && hi < 1e15) hi *= 2;
    for (int i = 0; i < 100; i++) {
        const double mid = 0.5 * (lo + hi);
        if (cm_stats_t_p(mid, freedom) > tail) lo = mid;
        else hi = mid;
    }
    return p < 0.5 ? -lo : lo;
}
