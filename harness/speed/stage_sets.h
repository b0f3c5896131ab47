// SPDX-License-Identifier: Apache-2.0
/* A score of two given sets of features, again and again: to be timed beside other programs (`cosmicman stage`).
 *
 * File: safetensors with x [n,width] and y [m,width], f32. Inside the window: all from the features on (moments too).
 */
#ifndef CM_HARNESS_SPEED_STAGE_SETS_H
#define CM_HARNESS_SPEED_STAGE_SETS_H

#include "core/base/arena.h"

typedef struct cm_sets_stage cm_sets_stage;

extern const char *const cm_sets_stages[]; /* "frechet", "kid", "prdc", "cmmd"; NULL after the last */

cm_status cm_sets_stage_open(cm_sets_stage **out, const char *stage, const char *inputs);
void cm_sets_stage_close(cm_sets_stage **s);
cm_status cm_sets_stage_run(cm_sets_stage *s, double *seconds);
cm_status cm_sets_stage_write(const cm_sets_stage *s, const char *path); /* "values" of the last run, f32 */

#endif
