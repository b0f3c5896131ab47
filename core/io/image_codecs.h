// SPDX-License-Identifier: Apache-2.0
/* The two formats behind image.h. Each reads as many channels as the file has (1 or 3). */
#ifndef CM_CORE_IO_IMAGE_CODECS_H
#define CM_CORE_IO_IMAGE_CODECS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/io/image.h"

/* No picture of ours comes near. */
#define CM_IMAGE_MAX_PIXELS ((size_t)1 << 28)

/* A cleared image, unless the file is too short to hold that many pixels: a damaged header is refused before memory is
 * asked for. */
cm_status cm_image_new_from(FILE *f, const char *path, cm_arena *out, size_t width, size_t height, size_t channels,
                            cm_image *image);

/* indices: palette and low-depth values as stored, nothing expanded */
cm_status cm_png_decode(FILE *f, const char *path, bool indices, cm_arena *out, cm_image *image);
cm_status cm_jpeg_decode(FILE *f, const char *path, cm_arena *out, cm_image *image);

#endif
