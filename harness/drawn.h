// SPDX-License-Identifier: Apache-2.0
/* Drawn people in a run: the reference set, and the scorers' own ceiling on drawings they never saw.
 *
 * Person i of a set has seed + i; docs/DATA.md gives each use its range of seeds, so that no drawing is met twice. */
#ifndef CM_HARNESS_DRAWN_H
#define CM_HARNESS_DRAWN_H

#include "harness/crew.h"
#include "harness/judge.h"
#include "harness/suite.h"
#include "metrics/scorer.h"

/* Features [count, width] of a set's drawings. */
cm_status cm_drawn_features(const cm_drawn_set *set, const cm_scorer *scorer, cm_crew *crew, cm_arena *out,
                            float **features);

/* Appends to `records` what the scorers reach on drawings with their own descriptions: accuracies, clip, the
 * parser's pixels, and the distances of other drawings from the reference at N = images (their floor). */
cm_status cm_drawn_ceiling(const cm_suite *suite, const cm_scorer *scorer, const cm_reference *reference, size_t images,
                           cm_crew *crew, json_t *records);

#endif
