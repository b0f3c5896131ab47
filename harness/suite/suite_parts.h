// SPDX-License-Identifier: Apache-2.0
/* What the two readers of a suite share: its own keys (suite.c), its arms' (suite_arms.c). */
#ifndef CM_HARNESS_SUITE_SUITE_PARTS_H
#define CM_HARNESS_SUITE_SUITE_PARTS_H

#include "harness/suite/suite.h"

enum { CM_MOST_SIDE = 16384, CM_USUAL_STEPS = 30, CM_GATE_ARMS = 256 };
#define CM_USUAL_GUIDANCE 5.0 /* both as generate's */

/* Keys of a suite and of an arm alike. */
#define CM_MAKING_KEYS                                                                                                 \
    {"recipe", CM_JSON_NAME}, {"sampler", CM_JSON_NAME}, {"steps", CM_JSON_WHOLE, 1, 1000},                            \
        {"guidance", CM_JSON_NUMBER}, {"negative", CM_JSON_TEXT}, {"width", CM_JSON_WHOLE, 8, CM_MOST_SIDE},           \
        {"height", CM_JSON_WHOLE, 8, CM_MOST_SIDE}, {                                                                  \
        "backend", CM_JSON_NAME                                                                                        \
    }

/* What o says takes the place of what m has: first a recipe's settings, then those named. */
cm_status cm_making_read(const json_t *o, cm_arena *out, cm_making *m);

/* Arms, of which `only` ("a,b"; NULL: all) are kept, and pairs. */
cm_status cm_suite_read_arms(cm_suite *s, const char *only, cm_arena *out);

#endif
