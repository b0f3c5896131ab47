// SPDX-License-Identifier: Apache-2.0
/* A training run of a moment: an autoencoder of two levels on eight people of 16x32. */
#ifndef CM_TESTS_UNIT_TINY_RUN_H
#define CM_TESTS_UNIT_TINY_RUN_H

#include <jansson.h>
#include <stdbool.h>

#include "core/base/status.h"

/* Its recipe, with the keys of the JSON object `changes` set. Caller json_decref. */
json_t *tiny_recipe(int steps, const char *changes);

/* A recipe of any stage in a folder, its weights below it; the recipe is taken. loss: NULL, or of the last stretch. */
cm_status run_recipe(const char *stage, json_t *recipe, const char *folder, double *loss);

/* The tiny recipe unchanged; anything but `want` fails the test. Returns the loss. */
double train_tiny(const char *folder, int steps, cm_status want);

void weights_hash(const char *folder, char sha[65]);
void checkpoint_hash(const char *folder, char sha[65]);

/* Does the run's record have a line of this kind with this in its "why"? */
bool recorded(const char *folder, const char *kind, const char *why);

void remove_run(const char *folder);

#endif
