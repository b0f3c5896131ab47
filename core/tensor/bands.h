// SPDX-License-Identifier: Apache-2.0
/* Layers on some lines of one image at a time, without gradients: what is large between two layers then never lies
 * whole in memory.
 *
 * A convolution's lines need one line above and below, which is all that joins pieces; a group norm needs its whole
 * image, so its statistics are gathered in a sweep of their own. Pieces that begin at a multiple of cm_band_step give
 * the bits of the whole image on our own fast backends: sums are then made over the same rows, and tiles lie where they
 * lay.
 */
#ifndef CM_CORE_TENSOR_BANDS_H
#define CM_CORE_TENSOR_BANDS_H

#include "core/tensor/nn.h"

/* Lines [first, first+count) of an image [height,width,channels]. */
typedef struct cm_band {
    float *data; /* of line `first` */
    size_t first, count, height, width, channels;
} cm_band;

/* Image i of x [N,H,W,C], whole; NULL x: no lines. */
cm_band cm_band_of(const cm_tensor *x, size_t i);
/* Some of these; they must be there. */
cm_band cm_band_part(const cm_band *x, size_t first, size_t count);
size_t cm_band_step(size_t width);

typedef struct cm_band_norm {
    cm_group group;
    float *center, *scale, *shift; /* [c] */
    double *sums;                  /* [2][c] */
    size_t pixels;
} cm_band_norm;
/* Memory is the context's; false when there is none. Pieces come in order, each line once. */
bool cm_band_norm_begin(cm_ctx *g, const cm_group *group, size_t channels, cm_band_norm *n);
void cm_band_norm_add(cm_ctx *g, cm_band_norm *n, const cm_band *x);
void cm_band_norm_end(cm_band_norm *n);

/* y's lines = conv2d(norm(x)) of stride 1 and the same size, + what y held when `plus`. norm NULL: none. x must have
 * the lines that y's want. */
void cm_band_conv(cm_ctx *g, const cm_band *x, const cm_band_norm *norm, cm_tensor *weight, cm_tensor *bias, bool plus,
                  const cm_band *y);

/* The 3x3 convolution of x doubled by nearest neighbour: lines [y->first, y->first + y->count) of it, both even, in a
 * new tensor that y then points into. x: whole. */
cm_tensor *cm_band_upsample_conv(cm_ctx *g, const cm_band *x, cm_tensor *weight, cm_tensor *bias, cm_band *y);

#endif
