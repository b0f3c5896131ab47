// SPDX-License-Identifier: Apache-2.0
/* Precision and recall (Kynkäänniemi et al. 2019, arXiv 1904.06991), density and coverage (Naeem et al. 2020, arXiv
 * 2002.09797).
 *
 * A point's ball reaches to its k-th neighbour in its own set, itself not counted. precision: share of images in a
 * ball of the reference's; recall: share of the reference in a ball of the images'; density: balls of the reference
 * that hold an image, over k, mean over images (it may be above 1); coverage: share of the reference whose ball
 * holds an image. closed: a point on a ball's edge is inside, as torch-fidelity has it (k = 3); open, as prdc and
 * dgm-eval (k = 5). Distances come from dot products in double, a block at a time: memory is that of the features.
 */
#ifndef CM_METRICS_PRDC_H
#define CM_METRICS_PRDC_H

#include "metrics/set_score.h"

typedef struct cm_prdc {
    double precision, recall, density, coverage;
} cm_prdc;

cm_status cm_prdc_of(const cm_sets *s, size_t k, bool closed, cm_arena *scratch, cm_prdc *out);

#endif
