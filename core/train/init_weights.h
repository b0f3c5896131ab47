// SPDX-License-Identifier: Apache-2.0
/* What training begins with: folders that a recipe names, weights copied from one, weights set to zero. */
#ifndef CM_CORE_TRAIN_INIT_WEIGHTS_H
#define CM_CORE_TRAIN_INIT_WEIGHTS_H

#include <jansson.h>

#include "core/networks/params.h"

/* A recipe's folder setting: as it stands when absolute or "./...", else below the shipped models. */
cm_status cm_recipe_folder(const json_t *recipe, const char *key, const char *otherwise, cm_arena *out, char **path);

/* Copies trained weights into fresh ones of the same names and shapes (init from a folder). */
cm_status cm_params_copy(cm_params *to, const char *folder);
/* Sets every parameter whose name ends so to zero. */
void cm_params_clear(cm_params *p, const char *ending);

#endif
