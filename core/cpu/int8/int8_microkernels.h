// SPDX-License-Identifier: Apache-2.0
/* The inner loops of products with int8 operands and i32 sums, one table an instruction set.
 *
 * A row of n values becomes int8 by one scale: the largest magnitude is 127, the others are the nearest whole multiples
 * of a 127th of it (symmetric; what is below 2^-100 is 0). A weight's column (an output) has one scale, a row of
 * activations another, so sum a b = row scale * column scale * whole sum.
 *
 * Tiles are those of AMX: of A 16 rows of 64 values, of B 16 fours of values for 16 columns, 1 KiB each. Sums are whole
 * numbers, so that all tables give the same ones; the portable table, in plain C, is the definition.
 */
#ifndef CM_CORE_CPU_INT8_INT8_MICROKERNELS_H
#define CM_CORE_CPU_INT8_INT8_MICROKERNELS_H

#include "core/cpu/bf16/bf16_microkernels.h"

enum {
    INT8_DEPTH = 64,
    INT8_TILE = BF16_ROWS * INT8_DEPTH,
    INT8_MAX_DEPTH = 1 << 17 /* values of a row whose sums surely fit 31 bits: 127 * 127 * 2^17 < 2^31 */
};

/* The end of a product of at most 32 rows by 32 columns: the sums, scaled, go one of two ways. */
typedef struct int8_epilogue {
    size_t rows, cols;
    const int32_t *c;        /* rows of 32 sums */
    const float *rows_scale; /* [rows] */
    const float *cols_scale; /* [32] */
    const float
        *rows_offset;      /* [rows], or NULL: what was taken off a row's whole numbers, which cols_sum brings back */
    const float *cols_sum; /* [32]: the sum of a column's whole numbers; with rows_offset */
    const float *bias;     /* [cols], or NULL; of gated sums [16] */

    /* y = c + bias + plus */
    const float *plus; /* rows plus_row apart, or NULL; may be y */
    size_t plus_row;
    float *y;
    size_t y_row;
    bool relu; /* max(0, y), last */
    bool more; /* 32 further columns of y and plus come next: they are fetched */

    /* or, where `gated` is there, (c + bias) * gelu(c[16:] + bias_gate) as bf16 */
    uint16_t *gated; /* rows gated_row apart */
    size_t gated_row;
    const float *bias_gate; /* [16] */
} int8_epilogue;

/* C [halves*16, 32] = (or +=) sum over steps of 64 values. B's tiles follow one another: for each step two of 16
 * columns. */
typedef struct int8_block {
    size_t steps;
    const int8_t *a[2];  /* first rows of two halves of 16; the second may be NULL */
    const ptrdiff_t *at; /* [steps]: where a step's values lie from there */
    size_t a_row;        /* from one row to the next */
    const int8_t *b;
    bool add;
    int32_t *c;             /* rows of 32 */
    const int8_t *prefetch; /* fetched into the second-level cache on the way: prefetch_bytes from there */
    size_t prefetch_bytes;
    const int8_epilogue *overlapped; /* or NULL: of other sums, done meanwhile */
} int8_block;

typedef struct cm_int8_microkernels {
    const char *name; /* "amx", "avx512-vnni", "avx512", "avx2", "portable" */
    bool direct;      /* multiplies int8 as such */

    void (*begin)(void); /* in each thread before block */
    void (*end)(void);
    void (*block)(const int8_block *p);
    void (*epilogue)(const int8_epilogue *f);

    /* n values -> pieces of 64 that stand y_step apart, the last filled up with zeros; the scale, NaN where a value is
     */
    float (*pack_a)(const bf16_prologue *r, size_t n, const float *x, int8_t *y, size_t y_step);
    /* in two steps of bf16 numbers, as many as wished of one scale: the largest magnitude (NaN where a value is), and
     * then n values, a multiple of 64, times an inverse of it, less an offset, a whole number */
    float (*absmax)(size_t n, const uint16_t *x);
    void (*quantize)(size_t n, float inverse, float offset, const uint16_t *x, int8_t *y, size_t y_step);
} cm_int8_microkernels;

/* A row's scale by its largest magnitude, and what its values are multiplied by. */
static inline float int8_scale(float top) {
    return top < 0x1p-100f ? 0.0f : top / 127.0f;
}

static inline float int8_inverse_scale(float top) {
    return top < 0x1p-100f ? 0.0f : 127.0f / top;
}

const cm_int8_microkernels *cm_int8_microkernels_portable(void);
const cm_int8_microkernels *cm_int8_microkernels_avx2(void);
const cm_int8_microkernels *cm_int8_microkernels_avx512(void);
const cm_int8_microkernels *cm_int8_microkernels_vnni(void);
const cm_int8_microkernels *cm_int8_microkernels_amx(void);
/* those of the level in use (core/base/cpu_level.h) */
const cm_int8_microkernels *cm_int8_microkernels_get(void);
/* All that this CPU runs, the plainest first; NULL-terminated. */
const cm_int8_microkernels *const *cm_int8_microkernels_all(void);

#endif
