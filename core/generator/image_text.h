// SPDX-License-Identifier: Apache-2.0
/* What the file of a generated image says about its making, so that the image can be made again. */
#ifndef CM_CORE_GENERATOR_IMAGE_TEXT_H
#define CM_CORE_GENERATOR_IMAGE_TEXT_H

#include "core/generator/pipeline.h"

/* What a request does not hold; each may be NULL. */
typedef struct cm_image_origin {
    const char *unet, *vae; /* those that took the model's place */
    const char *recipe;
    size_t preview; /* the image is a preview after this step; 0: it is the result */
} cm_image_origin;

enum { CM_IMAGE_TEXTS = 2 * (CM_SETTING_COUNT + 10) };

/* text [CM_IMAGE_TEXTS]: pairs of key and value, then NULL, as cm_image_write takes them. Numbers live in `a`, which
 * holds a failure; texts of the model and the request are borrowed. */
void cm_image_text(const cm_model *m, const cm_request *q, const cm_image_origin *o, cm_arena *a, const char **text);

#endif
