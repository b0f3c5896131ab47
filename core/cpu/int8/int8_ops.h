// SPDX-License-Identifier: Apache-2.0
/* Linear and feed-forward layers with int8 operands (int8_microkernels.h says how values become int8): weights once, a
 * scale an output; activations as they are read, after the norm in front of them, a scale a row. */
#ifndef CM_CORE_CPU_INT8_INT8_OPS_H
#define CM_CORE_CPU_INT8_INT8_OPS_H

#include "core/cpu/int8/int8_microkernels.h"
#include "core/cpu/bf16/bf16_ops.h"

/* With a norm before it, or a sum after: what else carries values on unchanged otherwise, and its errors with them (a
 * UNet's step then is off by 1.9e-2 instead of 1.5e-2). No geglu, and not of fewer than 64 values. Nothing depends on
 * how many rows come together. */
bool cm_int8_linear_fits(const bf16_linear_shape *s, const cm_fusion *a);
void cm_int8_linear(const cm_exec *e, const bf16_linear_shape *s, const cm_fusion *a, const float *x, const float *w,
                    const float *bias, float *y);

/* y = x + w2 geglu(w1 layer_norm(x) + b1) + b2; the hidden values have a scale a row and 640 of them. */
bool cm_int8_feed_forward_fits(const cm_feed_forward_shape *s);
void cm_int8_feed_forward(const cm_exec *e, const cm_feed_forward_shape *s, const float *x, float *y);

/* 3x3 of stride 1 that keeps the size, lines of a multiple of 16 pixels; a scale an input line, after the norm and SiLU
 * (whose results reach from -0.28 up, so that they get an offset too). */
bool cm_int8_conv2d_fits(const cm_conv_shape *s, const cm_fusion *a);
void cm_int8_conv2d(const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a, const float *x, const float *w,
                    const float *bias, float *y);

/* A layer's weights: strips of 32 columns, or of 16 and their 16 gates: tiles, and a scale a column. */
typedef struct int8_weights {
    size_t steps, strips, strip_bytes;
    const int8_t *tiles; /* [strips][steps][2] tiles; NULL: no memory, and scratch has failed */
    const float *scales; /* [strips][32] */
} int8_weights;
int8_weights cm_int8_pack_weights(const cm_exec *e, size_t in, size_t out, bool geglu, const float *w);

/* Products one after the other, each finished while the next is made. */
enum { INT8_PAIRS = 4 /* of 16 rows, that pass together */, INT8_SUMS = BF16_COLS * BF16_COLS };
typedef struct int8_ring {
    int32_t sums[INT8_PAIRS + 1][INT8_SUMS];
    size_t next;
    bool waits;
    int8_epilogue last; /* of the sums that wait */
} int8_ring;

/* Rows by a strip's weights. In parts that have scales of their own: the first is ended by `end`, the others' sums are
 * added to its y. c, and what `end` says of later rows and parts, is filled in. */
typedef struct int8_tile_product {
    const cm_int8_microkernels *u;
    const int8_t *a;
    size_t half, a_row; /* bytes from 16 rows to the next 16, and from a row to the next */
    size_t width, line; /* 0, or rows of a line, a multiple of 16, and bytes from one line to the next */
    const ptrdiff_t *at;
    size_t steps;
    size_t parts, part_a,
        part_scales; /* bytes of a, and rows' scales and offsets, from one to the next; 0 parts: one */
    const int8_t *w; /* [parts][steps][2] tiles */
    int8_epilogue end;
} int8_tile_product;
void cm_int8_tile_product(const int8_tile_product *p, int8_ring *ring);
void cm_int8_ring_begin(int8_ring *ring); /* in each item, before its first pass */
void cm_int8_ring_end(const cm_int8_microkernels *u, int8_ring *ring);

/* Steps of tiles that follow one another; NULL without memory. */
const ptrdiff_t *cm_int8_tiles_at(size_t steps, cm_arena *scratch);

/* Where row r of `held` steps lies in its tiles. */
static inline int8_t *int8_row_at(int8_t *tiles, size_t held, size_t r) {
    return tiles + r / BF16_ROWS * held * INT8_TILE + r % BF16_ROWS * INT8_DEPTH;
}
/* Rows [rows, the next 16) as zeros. */
void cm_int8_fill_up(int8_t *tiles, size_t held, size_t steps, size_t rows);

#endif
