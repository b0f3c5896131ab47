// SPDX-License-Identifier: Apache-2.0
/* The inner loops of products with bf16 operands and f32 sums, one table an instruction set.
 *
 * A value is its nearest bf16 alone, or that and the bf16 nearest to what is left
 * (24 bits become 16): a product of two such pairs is three bf16 products, upper
 * times upper, upper times lower and lower times upper, with a relative error of
 * about 2e-6, as a Winograd convolution's in f32 (the split of Henry, Tang and
 * Heinecke 2019, arXiv 1904.06376, with two terms).
 *
 * Tiles are those of AMX: of A 16 rows of 32 values, of B 16 pairs of values for
 * 16 columns, 1 KiB each. Every table does the same sums in the same layout.
 */
#ifndef CM_CORE_CPU_BF16_BF16_MICROKERNELS_H
#define CM_CORE_CPU_BF16_BF16_MICROKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tensor/ops.h"

enum { BF16_ROWS = 16, BF16_DEPTH = 32, BF16_TILE = BF16_ROWS * BF16_DEPTH, BF16_COLS = 2 * BF16_ROWS };

/* C [halves*16, cols] = (or +=) sum over segments and steps of 32 values.
 * B's tiles follow one another: for each segment and step, one or two tiles of 16 columns of the upper parts, and
 * after them, where there are lower parts, the same of those. */
typedef struct bf16_block {
    size_t segments, steps;
    const uint16_t *a[2];       /* first rows of two halves of 16; the second may be NULL */
    const ptrdiff_t *a_segment; /* [segments], in values */
    size_t a_row, a_step;       /* in values */
    size_t a_low;               /* from an upper to its lower part; 0: bf16 alone */
    const uint16_t *b;
    bool one_tile; /* 16 columns, not 32 */
    bool add;
    float *c;
    size_t c_row;
    const uint16_t *prefetch; /* fetched into the second-level cache on the way: prefetch_values from there */
    size_t prefetch_values;
    const void *const *prefetch_lines; /* and the cache lines at these addresses */
    size_t prefetch_count;
} bf16_block;

/* What happens to a row of values on its way to bf16. */
typedef struct bf16_prologue {
    enum { BF16_PLAIN, BF16_AFFINE, BF16_LAYER_NORM } kind;
    const float *scale, *shift; /* [n]: x*scale + shift; of a layer norm gamma and beta */
    float eps;
    float factor; /* BF16_PLAIN: x*factor */
    cm_act act;   /* after that: CM_IDENTITY or CM_SILU */
    size_t low;   /* from an upper to its lower part; 0: bf16 alone */
} bf16_prologue;

/* The end of a product: c + bias + plus -> y. */
typedef struct bf16_epilogue {
    size_t rows, cols; /* cols <= 32 */
    const float *c;
    size_t c_row;
    const float *bias, *image; /* [cols] each, or NULL */
    const float *plus;         /* rows plus_row apart, or NULL */
    size_t plus_row;
    float *y;
    size_t y_row;
    bool near; /* geglu: as exact as bf16 is */
    bool relu; /* max(0, y), last */
} bf16_epilogue;

/* (c + bias) * gelu(c[16:] + bias_gate) of [rows][32] sums -> half of the columns of tiles. */
typedef struct bf16_geglu_tiles {
    size_t rows;
    const float *c, *bias, *bias_gate; /* [16] */
    uint16_t *y;                       /* rows of 32 values; 16 rows, then `half` values further on the next 16 */
    size_t half, low;
} bf16_geglu_tiles;

/* 32 queries and strips of 32 keys: their products, scores, become powers of two as tiles of bf16; of keys [n, 32
 * strips) they are zeros.
 *
 * With lower parts a score becomes 2^(score + shift). Without, scores are in units of BF16_EXP2_STEPS to a doubling,
 * and the nearest whole number to score + shift is a bf16 number's bits but for the curve between powers of two, which
 * is looked up: 2^(word/BF16_EXP2_STEPS - 127). Those of 32 keys stand in the order 0-3, 16-19, 4-7, 20-23, ...
 * (bf16_order). */
enum { BF16_EXP2_STEPS = 128, BF16_MAX_EXPONENT = 60 };
typedef struct bf16_softmax_tile {
    const uint16_t *queries; /* two halves of 16: tiles [steps] each */
    size_t steps, low_q;     /* of 32 values; low_q, low: from an upper to its lower part; 0: bf16 alone */
    const uint16_t *keys;    /* for each strip its steps' pairs of tiles, those of lower parts after them */
    size_t strips, n;
    const float *shift; /* [32] */
    uint16_t *y;        /* rows of 32 values, a tile for each strip; the second half's `half` values further on */
    size_t half, low;
    float *scores; /* room for two strips' [32][32] */
} bf16_softmax_tile;

/* Which pair of columns in their own order stands at pair i of 16. */
static inline size_t bf16_order(size_t i) {
    return i / 4 * 2 + i % 2 + (i % 4 < 2 ? 0 : BF16_ROWS / 2);
}

typedef struct cm_bf16_microkernels {
    const char *name; /* "amx", "avx512-bf16", "avx512", "avx2", "portable" */
    bool matrix;      /* has matrix registers: three products are faster than one f32 product */
    bool direct;      /* multiplies bf16 as such */

    void (*begin)(void); /* in each thread before block */
    void (*end)(void);
    void (*block)(const bf16_block *p);

    /* n values -> pieces of 32 that stand y_step apart, the last filled up with zeros */
    void (*pack_a)(const bf16_prologue *r, size_t n, const float *x, uint16_t *y, size_t y_step);
    /* [k, n] by strides -> tiles [steps][16 pairs][16 columns][2] that stand y_step apart; beyond k and n zeros */
    void (*pack_b)(size_t k, size_t n, const float *x, size_t k_step, size_t n_step, size_t low, uint16_t *y,
                   size_t y_step);
    /* [k, n] with columns side by side -> 16 rows of values that stand y_row apart, as A wants them, 32s of k after one
     * another; beyond k and n zeros */
    void (*pack_a_transposed)(size_t k, size_t n, const float *x, size_t k_step, size_t low, uint16_t *y, size_t y_row);

    void (*epilogue)(const bf16_epilogue *f);
    /* the first 16 columns of c times gelu of the next 16; bias and image belong to the first, and at + gate to these
     */
    void (*epilogue_geglu)(const bf16_epilogue *f, size_t gate);

    void (*geglu_tiles)(const bf16_geglu_tiles *g);
    bool (*softmax_tile)(const bf16_softmax_tile *p);                /* is a power beyond 2^BF16_MAX_EXPONENT? */
    void (*softmax_row_max)(const bf16_softmax_tile *p, float *top); /* [32]: the greatest score of each, without y */
    float (*absmax)(size_t n, const float *x);                       /* the greatest absolute value; NaN is greatest */
    void (*scale)(size_t n, float alpha, float *x);
    void (*copy_scaled)(size_t n, float alpha, const float *x, float *y);
} cm_bf16_microkernels;

const cm_bf16_microkernels *cm_bf16_microkernels_portable(void);
const cm_bf16_microkernels *cm_bf16_microkernels_avx2(void);
const cm_bf16_microkernels *cm_bf16_microkernels_avx512(void);
const cm_bf16_microkernels *cm_bf16_microkernels_avx512bf16(void);
const cm_bf16_microkernels *cm_bf16_microkernels_amx(void);
/* those of the level in use (core/base/cpu_level.h) */
const cm_bf16_microkernels *cm_bf16_microkernels_get(void);

#endif
