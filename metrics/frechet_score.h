// SPDX-License-Identifier: Apache-2.0
/* FID with what a reader must know of it, and FID infinity: the score_frechet functions of set_score.h, settings free.
 */
#ifndef CM_METRICS_FRECHET_SCORE_H
#define CM_METRICS_FRECHET_SCORE_H

#include <stdint.h>

#include "metrics/set_score.h"

/* FID infinity (Chong and Forsyth 2020, arXiv 1911.07023): distances of `sizes` subsets from `least` to n images,
 * evenly spaced (drawn without replacement by RandomState(seed), nested in none), a line through them over 1/size, its
 * value at 0. */
cm_status cm_frechet_infinity(const cm_frechet_side *reference, const cm_sets *s, size_t sizes, size_t least,
                              uint32_t seed, cm_arena *scratch, double *value);

#endif
