// SPDX-License-Identifier: Apache-2.0
/* Attention over an image: where a phrase looked. */
#ifndef CM_HARNESS_ATTENTION_OVERLAY_H
#define CM_HARNESS_ATTENTION_OVERLAY_H

#include "core/io/image.h"

/* The image, twice as large and darkened, lit where map [height,width] is high (its own maximum is full light). */
cm_status cm_overlay(const cm_image *picture, const double *map, size_t height, size_t width, cm_arena *out,
                     cm_image *overlay);

#endif
