// SPDX-License-Identifier: Apache-2.0
/* The operations of the bf16 backends. `pairs`: operands are an upper and a lower part (bf16_microkernels.h), which
 * keeps f32's accuracy to about 2e-6; else bf16 alone. Sums, and all that lies between two operations, are f32 either
 * way. */
#ifndef CM_CORE_CPU_BF16_BF16_OPS_H
#define CM_CORE_CPU_BF16_BF16_OPS_H

#include "core/cpu/bf16/bf16_microkernels.h"

/* rows of x, `in` wide, from images of `per_image` rows each (for a group norm's scale). turned: w is [in,out], as it
 * is for the gradient that goes back through a layer. */
typedef struct bf16_linear_shape {
    size_t rows, in, out, per_image;
    bool turned;
} bf16_linear_shape;

void cm_bf16_linear(bool pairs, const cm_exec *e, const bf16_linear_shape *s, const cm_fusion *a, const float *x,
                    const float *w, const float *bias, float *y);
void cm_bf16_conv2d(bool pairs, const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a, const float *x,
                    const float *w, const float *bias, float *y);
/* dx += the gradient through a convolution of stride 1 whose padding is less than its kernel */
void cm_bf16_conv2d_dx(bool pairs, const cm_exec *e, const cm_conv_shape *s, const float *w, const float *dy,
                       float *dx);
/* dw += the gradient of its weights; a linear layer is the 1x1 convolution of one line */
void cm_bf16_conv2d_dw(bool pairs, const cm_exec *e, const cm_conv_shape *s, const float *x, const float *dy,
                       float *dw);
void cm_bf16_linear_grad(bool pairs, const cm_exec *e, size_t rows, size_t in, size_t out, const float *x,
                         const float *w, const float *dy, float *dx, float *dw, float *dbias);
void cm_bf16_conv2d_grad(bool pairs, const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w,
                         const float *dy, float *dx, float *dw, float *dbias);
/* lse [n,heads,lq], when not NULL, is of what was rounded: cm_bf16_attention_grad makes the same probabilities with it.
 */
void cm_bf16_attention(bool pairs, const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,
                       const float *v, float *out, float *lse);
/* without a causal mask */
void cm_bf16_attention_grad(bool pairs, const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,
                            const float *v, const float *lse, const float *dout, float *dq, float *dk, float *dv);

/* y = x + w2 geglu(w1 layer_norm(x) + b1) + b2, c and hidden multiples of 32: the hidden values never leave the cache.
 */
void cm_bf16_feed_forward(bool pairs, const cm_exec *e, const cm_feed_forward_shape *s, const float *x, float *y);
bool cm_bf16_feed_forward_fits(const cm_feed_forward_shape *s);

/* A convolution that is a linear layer of pixels. */
bool cm_bf16_is_linear(const cm_conv_shape *s, const cm_fusion *a);

/* The tiles of a linear layer's weights: strips of 32 columns, or of 16 and their 16 gates, after one another. */
const uint16_t *cm_bf16_linear_weights(bool pairs, const cm_exec *e, size_t in, size_t out, bool geglu, const float *w);

/* A convolution's kernel as it is multiplied: [o,c,kh,kw] in PyTorch's order. folded: of an input doubled by nearest
 * neighbour, four 2x2 kernels. back: of the gradient that goes back, mirrored and with o and c exchanged in w,
 * [c,o,kh,kw]. */
typedef struct bf16_kernel {
    size_t o, c, kh, kw;
    bool folded, back;
} bf16_kernel;

/* Its tiles: for each kernel that it folds into, and each 32 columns, steps of 32 input channels times taps. */
const uint16_t *cm_bf16_conv_weights(bool pairs, const cm_exec *e, const bf16_kernel *k, const float *w);

/* Kinds of packs of one weight; times two, plus pairs. */
enum {
    BF16_PACK_LINEAR,
    BF16_PACK_GEGLU,
    BF16_PACK_CONV,
    BF16_PACK_CONV_UPSAMPLE,
    BF16_PACK_INT8,
    BF16_PACK_INT8_GEGLU,
    BF16_PACK_LINEAR_BACK,
    BF16_PACK_CONV_BACK
};

/* Values of scratch, or of a pack, that hold `n` bf16 numbers. */
static inline size_t bf16_floats(size_t n) {
    return (n + 1) / 2;
}

static inline size_t bf16_min(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t bf16_ceil_div(size_t n, size_t to) {
    return (n + to - 1) / to;
}

/* Rows of a block, pairs of 16: at most `most` or little more, of which each thread gets as many. */
static inline size_t bf16_block_rows(size_t rows, size_t most, size_t threads) {
    return bf16_ceil_div(bf16_ceil_div(rows, bf16_ceil_div(bf16_ceil_div(rows, most), threads) * threads), BF16_COLS) *
           BF16_COLS;
}

/* The kept pack of the weight at hand, or one for this call in scratch; NULL (and scratch has failed) without memory.
 */
const uint16_t *cm_bf16_pack(const cm_exec *e, int kind, bool pairs, size_t values, cm_pack_fill *fill, void *arg);

/* How an input of so many channels is read, from channel `from` on. */
bf16_prologue cm_bf16_prologue_of(const cm_fusion *a, size_t image, size_t channels, size_t from, size_t low);

enum { BF16_PAIRS = 4 }; /* of 16 rows, that pass together: their sums, and weights, fit the first-level cache */
typedef float bf16_sums[BF16_COLS * BF16_COLS];

/* sums (+)= rows of tiles by a strip's weights: up to BF16_PAIRS pairs of 16 rows. */
typedef struct bf16_tile_product {
    const cm_bf16_microkernels *u;
    const uint16_t *tiles; /* 16 rows' tiles, the next 16's `held` tiles further on */
    size_t held, halves;   /* halves: 16s of rows */
    size_t low;            /* from an upper to its lower part; 0: bf16 alone */
    const uint16_t *w;
    size_t steps; /* of 32 values */
    bool add;
    bf16_sums *sums;
} bf16_tile_product;
void cm_bf16_tile_product(const bf16_tile_product *r);

#endif
