// SPDX-License-Identifier: Apache-2.0
/* The formats behind image.h. Each reads as many channels as the file has (1 or 3). Long ones look at cm_interrupted()
 * on the way. */
#ifndef CM_CORE_IO_IMAGE_PARTS_H
#define CM_CORE_IO_IMAGE_PARTS_H

#include <stdbool.h>

#include "core/io/image.h"

/* No image of ours comes near. */
#define CM_IMAGE_MAX_PIXELS ((size_t)1 << 28)

/* A cleared image, unless a file of so many bytes is too short to hold that many pixels: a damaged header is refused
 * before memory is asked for. */
cm_status cm_image_new_from(size_t file_bytes, cm_arena *out, size_t width, size_t height, size_t channels,
                            cm_image *image);

/* From a file's bytes; the caller says which file in front of the reason.
 * indices: palette and low-depth values as stored, nothing expanded */
cm_status cm_png_decode(const unsigned char *data, size_t bytes, bool indices, cm_arena *out, cm_image *image);
cm_status cm_jpeg_decode(const unsigned char *data, size_t bytes, cm_arena *out, cm_image *image);
cm_status cm_webp_decode(const unsigned char *data, size_t bytes, cm_arena *out, cm_image *image);
cm_status cm_bmp_decode(const unsigned char *data, size_t bytes, cm_arena *out, cm_image *image);
cm_status cm_gif_decode(const unsigned char *data, size_t bytes, cm_arena *out, cm_image *image);

#endif
