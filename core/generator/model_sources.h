// SPDX-License-Identifier: Apache-2.0
/* Where a model's parts lie: a diffusers folder, a repository in the hub's cache, a single file, a row of models.json,
 * and what stands in place of its UNet or autoencoder. */
#ifndef CM_CORE_GENERATOR_MODEL_SOURCES_H
#define CM_CORE_GENERATOR_MODEL_SOURCES_H

#include "core/generator/pipeline.h"

/* Every folder of the entry is there. Texts live in `out`. */
cm_status cm_model_find(const char *name, const cm_model_options *o, cm_arena *out, cm_model_entry *e);

#endif
