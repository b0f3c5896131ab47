// SPDX-License-Identifier: Apache-2.0
/* FID with what a reader must know of it, and FID infinity: the score_frechet functions of set_score.h, settings free. */
#ifndef CM_METRICS_FRECHET_SCORE_H
#define CM_METRICS_FRECHET_SCORE_H

#include "metrics/set_score.h"
#include "metrics/stats.h"

/* The distance, and a 95 % interval by the jackknife: the pictures are left out by `groups` interleaved groups in turn, the
 * reference stays; 1.96 deviations about the value. It covers the choice of pictures, not the bias at small N.
 * groups 0, or fewer than 4 pictures a group: no interval. Costs an eigenproblem a group; products of the features, where there
 * are more pictures than features, only those of one more distance. */
cm_status cm_frechet_jackknife(const cm_frechet_side *reference, const cm_sets *s, size_t groups, cm_arena *scratch, cm_interval *out);

/* FID infinity (Chong and Forsyth 2020, arXiv 1911.07023): distances of `sizes` subsets from `least` to n pictures, evenly spaced
 * (drawn without replacement by RandomState(seed), nested in none), a line through them over 1/size, its value at 0. */
cm_status cm_frechet_infinity(const cm_frechet_side *reference, const cm_sets *s, size_t sizes, size_t least, uint32_t seed,
                              cm_arena *scratch, double *value);

#endif
