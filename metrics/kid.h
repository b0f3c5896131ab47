// SPDX-License-Identifier: Apache-2.0
/* KID by drawn subsets, with the settings free: score_kid of set_score.h has the published ones. */
#ifndef CM_METRICS_KID_H
#define CM_METRICS_KID_H

#include "metrics/set_score.h"

/* whole: all kernel values are made once, in double, memory 8 (n + m) bytes a subset; else each subset's products, in
 * f32. */
cm_status cm_kid_subsets(const cm_sets *s, size_t subsets, size_t size, bool whole, cm_arena *scratch, double *mean,
                         double *deviation);

#endif
