// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "core/train/trainer.h"

extern const cm_stage cm_stage_vae, cm_stage_clip, cm_stage_parser, cm_stage_features, cm_stage_unet;

const cm_stage *const cm_stages[] = {&cm_stage_vae,      &cm_stage_clip, &cm_stage_parser,
                                     &cm_stage_features, &cm_stage_unet, NULL};

const cm_stage *cm_stage_find(const char *name) {
    for (size_t i = 0; cm_stages[i]; i++)
        if (strcmp(cm_stages[i]->name, name) == 0) return cm_stages[i];
    return NULL;
}
