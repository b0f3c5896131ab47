// SPDX-License-Identifier: Apache-2.0
/* In a network's place: results that follow from an image's bytes alone, so that tests of the harness need no weights.
 *
 * pixels [CM_MOCK_HEIGHT,CM_MOCK_WIDTH,3] in [-1,1], as the rule "nano" makes them; of other rules' pixels, what lies
 * beyond is clipped.
 */
#ifndef CM_METRICS_MOCK_H
#define CM_METRICS_MOCK_H

#include "metrics/accuracy.h"

enum { CM_MOCK_WIDTH = 64, CM_MOCK_HEIGHT = 96, CM_MOCK_VALUES = CM_MOCK_WIDTH * CM_MOCK_HEIGHT * 3 };
enum { CM_MOCK_FEATURES = 8, CM_MOCK_EMBEDDING = 2 };

/* The means of eight bands of bytes, each from 0 to 1. */
void cm_mock_features(const float *pixels, float out[CM_MOCK_FEATURES]);
/* Of length 1, and its cosine with every text's embedding is the first of the features. */
void cm_mock_image(const float *pixels, float out[CM_MOCK_EMBEDDING]);
void cm_mock_text(float out[CM_MOCK_EMBEDDING]);
/* Slots and classes from single bytes. seen's map lives in `out`. */
cm_status cm_mock_parse(const float *pixels, cm_arena *out, cm_parsed *seen);

#endif
