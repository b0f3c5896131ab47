// SPDX-License-Identifier: Apache-2.0
/* Images: 8-bit, 1 or 3 channels, rows without padding.
 *
 * PNG, JPEG, WebP, BMP and GIF are read (of an animation the first frame); which one a file is its first bytes say,
 * never its name. Pixels are those of Pillow's Image.open(path).convert("RGB"): palettes are expanded, alpha is
 * dropped, CMYK becomes RGB by Pillow's formula, EXIF's orientation and colour profiles are left alone. One difference
 * is on purpose: of 16-bit grey PNG the high byte counts, as of 16-bit RGB, where Pillow clips at 255 and gives an all
 * but white image. PNG is written, and read back bit for bit; JPEG is written too. A damaged file is an error naming
 * it, never a partial image. Reading stops when the user asks for it (CM_EINTERRUPTED).
 */
#ifndef CM_CORE_IO_IMAGE_H
#define CM_CORE_IO_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

typedef struct cm_image {
    size_t width, height, channels; /* channels: 3 (RGB) or 1 */
    uint8_t *pixels;                /* height*width*channels, top row first */
    bool lost_alpha;                /* the file had transparency, which was dropped */
    bool lossy;                     /* the file was JPEG or lossy WebP */
} cm_image;

/* channels wanted: 3 or 1 (grey by BT.601 luma when the file has colour; a grey file gives its values). pixels live in
 * `out`. */
cm_status cm_image_read(const char *path, size_t channels, cm_arena *out, cm_image *image);
/* A label map: 8-bit grey or palette PNG, values as stored (palette indices are not expanded). */
cm_status cm_image_read_labels(const char *path, cm_arena *out, cm_image *image);
enum { CM_JPEG_QUALITY = 95 };
/* Through a temporary name, then renamed. text: pairs key, value, ..., NULL; or NULL. In PNG they are tEXt, in JPEG one
 * comment that holds a JSON object. JPEG is of CM_JPEG_QUALITY, colours at full resolution (4:4:4). */
cm_status cm_image_write_png(const char *path, const cm_image *image, const char *const *text);
cm_status cm_image_write_jpeg(const char *path, const cm_image *image, const char *const *text);
/* Which of both, the name's ending says: .jpg and .jpeg, else PNG. */
cm_status cm_image_write(const char *path, const cm_image *image, const char *const *text);
/* CM_EUSAGE for a name that ends as another kind of file (.webp, .json, ...), for "-", and for a file that is
 * there without an ending and is no image; a pipe or a device may have any. */
cm_status cm_image_check_name(const char *path);
cm_status cm_image_new(cm_arena *out, size_t width, size_t height, size_t channels, cm_image *image); /* cleared */

/* The resampling filters, each equal to its original within 1 of 255 (uint8) or 1e-5 (float).
 * Pillow's: antialiased, support scaled when shrinking. CM_TORCH_BILINEAR: torch's with half-pixel centres, no
 * antialias; CM_TORCH_ANTIALIAS: the same with it. CM_TF1_BILINEAR: TensorFlow 1's, src = dst*in/out, no antialias. */
typedef enum cm_filter {
    CM_BOX,
    CM_BILINEAR,
    CM_BICUBIC,
    CM_LANCZOS,
    CM_TORCH_BILINEAR,
    CM_NEAREST,
    CM_TORCH_ANTIALIAS,
    CM_TF1_BILINEAR,
    CM_FILTER_COUNT
} cm_filter;
/* Bytes to bytes; of torch's and TensorFlow's, which are of floats, the nearest byte. */
cm_status cm_image_resize(const cm_image *from, size_t width, size_t height, cm_filter filter, cm_arena *out,
                          cm_image *to);
/* Bytes 0..255 to floats [height,width,channels] on the same scale, neither clipped nor rounded (Pillow's mode "F"). */
cm_status cm_image_resize_float(const cm_image *from, size_t width, size_t height, cm_filter filter, cm_arena *scratch,
                                float *to);
/* float [h,w,c] -> [oh,ow,c] */
cm_status cm_resize_float(const float *from, size_t h, size_t w, size_t c, size_t oh, size_t ow, cm_filter filter,
                          cm_arena *scratch, float *to);

/* pixels -> [-1,1] floats (value/127.5 - 1), and back (round(127.5*(clamp(x)+1)), nearest). */
void cm_image_to_float(const cm_image *image, float *out);
void cm_image_from_float(const float *values, cm_image *image);

#endif
