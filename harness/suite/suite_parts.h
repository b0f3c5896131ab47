// SPDX-License-Identifier: Apache-2.0
/* What the two readers of a suite share: its own keys (suite.c), its arms' (suite_arms.c). */
#ifndef CM_HARNESS_SUITE_SUITE_PARTS_H
#define CM_HARNESS_SUITE_SUITE_PARTS_H

#include "harness/suite/suite.h"

enum { CM_GATE_ARMS = 256 };

/* What o, a suite or an arm, says takes the place of what s has: first a recipe's settings, then those named. */
cm_status cm_suite_read_settings(const json_t *o, cm_arena *out, cm_settings *s);

/* Arms, of which `only` ("a,b"; NULL: all) are kept, and pairs. */
cm_status cm_suite_read_arms(cm_suite *s, const char *only, cm_arena *out);

#endif
