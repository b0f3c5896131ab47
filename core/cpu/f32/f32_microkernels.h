// SPDX-License-Identifier: Apache-2.0
/* The inner loops of this backend, one table an instruction set.
 *
 * f32_microkernels_portable.c, f32_microkernels_avx2.c and f32_microkernels_avx512.c compile the same bodies
 * (*-inl.h over simd.h); cm_f32_microkernels_get picks the best this CPU has. What is
 * above the table (blocking, threads, scratch) knows no instruction set.
 */
#ifndef CM_CORE_CPU_F32_F32_MICROKERNELS_H
#define CM_CORE_CPU_F32_F32_MICROKERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/tensor/ops.h"

/* C [m,n] (+)= sum over segments s and steps k of A[s][k][row] B[s][k][column], n <= cols.
 * Strides in floats: A's element is a + row*a_row + k*a_step + s*a_segment, B's columns are contiguous at
 * b + k*b_step + s*b_segment and readable up to a whole vector. C starts from bias, plus, or their sum, where given. */
typedef struct cm_panel {
    size_t k, segments;
    size_t a_row, a_step, a_segment;
    size_t b_step, b_segment;
    size_t c_row, plus_row;
    const float *plus; /* [m,n] or NULL */
    bool add;
    bool relu; /* max(0, C) at the end */
} cm_panel;

/* Winograd F(4x4,3x3): 6x6 input tiles that overlap by two, 36 products, 4x4 output tiles.
 * Values of the 36 positions lie at v + position*step + tile*row + channel; row is a multiple of the vector. */
enum { CM_WINOGRAD_POSITIONS = 36 };

typedef struct cm_winograd_plane {
    size_t h, w;      /* the image's size; what lies outside is 0, and not written */
    size_t c;         /* values from one pixel to the next */
    size_t channels;  /* of them, from the pointers given */
    size_t step, row; /* of the transformed values */
    bool add;         /* image side: += instead of = */
    bool relu;        /* output: max(0, y) at the end */
} cm_winograd_plane;

typedef struct cm_pool_pixel {
    size_t c;
    bool most, relu;
    float share;       /* of a sum */
    const float *bias; /* [c] or NULL */
} cm_pool_pixel;

/* Statistics and gradients of norms, over a slice of rows of one image. */
typedef struct cm_norm_rows {
    size_t rows, c;
    const float *scale, *shift; /* [c]: z = x*scale + shift */
    const float *center;        /* [c]: sums are made of x - center */
    cm_act act;
} cm_norm_rows;

typedef struct cm_adamw_step {
    float beta1, beta2, eps, keep, rate, root_correction, grad_scale; /* keep 1-lr*decay, rate lr/(1-beta1^t) */
} cm_adamw_step;

/* In gradients, fresh: dx is written, not added to (cm_exec). */
typedef struct cm_f32_microkernels {
    const char *name;
    size_t width, rows, cols; /* of a vector; of a tile */

    void (*panel)(const cm_panel *p, size_t m, size_t n, const float *a, const float *b, const float *bias, float *c);
    /* B [k,n] by strides -> strips [ceil(n/cols)][k][cols], times alpha, cleared beyond n */
    void (*pack)(size_t k, size_t n, float alpha, const float *b, size_t k_step, size_t n_step, float *y);
    void (*transpose)(size_t rows, size_t cols, const float *x, size_t ldx, float *y, size_t ldy);
    void (*column_sums)(size_t rows, size_t c, const float *x, float *sum); /* adds */

    /* one tile of the image side, its corner at (y, x), <-> the 36 positions at v */
    void (*winograd_input)(const cm_winograd_plane *p, ptrdiff_t y, ptrdiff_t x, const float *image,
                           float *v); /* B'dB */
    void (*winograd_input_back)(const cm_winograd_plane *p, ptrdiff_t y, ptrdiff_t x, const float *v,
                                float *image); /* B v B', adds */
    void (*winograd_output)(const cm_winograd_plane *p, size_t y, size_t x, const float *v, const float *bias,
                            float *image); /* A'vA */
    void (*winograd_output_back)(const cm_winograd_plane *p, size_t y, size_t x, const float *image,
                                 float *v); /* A d A' */
    /* `lanes` 3x3 filters that stand `stride` floats apart -> G g G' at v + position*step, cols wide, cleared beyond */
    void (*winograd_weight)(const float *w, size_t stride, size_t lanes, float *v, size_t step);
    void (*winograd_weight_back)(const float *v, size_t step, size_t lanes, float *dw, size_t stride); /* adds G' v G */

    /* y [c] = the sum, or the most, of `count` pixels x[i] [c]; times share, + bias, max(0, y) */
    void (*pool)(const cm_pool_pixel *p, size_t count, const float *const *x, float *y);

    void (*act)(cm_act kind, size_t n, const float *x, float *y);
    void (*act_grad)(cm_act kind, bool fresh, size_t n, const float *x, const float *dy, float *dx);
    void (*geglu)(size_t half, const float *x, float *y);
    void (*geglu_grad)(bool fresh, size_t half, const float *x, const float *dy, float *dx);
    void (*add)(size_t n, const float *a, const float *b, float *y);
    void (*axpy)(size_t n, float alpha, const float *x, float *y);
    void (*adamw)(const cm_adamw_step *s, size_t n, const float *g, float *w, float *m, float *v);

    float (*row_max)(size_t n, const float *x);                      /* -inf for n = 0 */
    float (*row_exp)(size_t n, const float *x, float top, float *y); /* y = exp(x - top); returns the sum */
    void (*row_scale)(size_t n, float alpha, float *x);
    float (*dot)(size_t n, const float *a, const float *b);
    /* ds = p (dp - mean) alpha, into dp */
    void (*row_softmax_grad)(size_t n, const float *p, float mean, float alpha, float *dp);

    void (*norm_sums)(const cm_norm_rows *s, const float *x, double *sum, double *squares); /* [c] each, overwritten */
    void (*norm_apply)(const cm_norm_rows *s, const float *x, float *y);
    /* dz = dy act'(z) (kept in dz when not NULL); sums [c] of dz and of dz (x - center), overwritten */
    void (*norm_grad_sums)(const cm_norm_rows *s, const float *x, const float *dy, float *dz, double *sum,
                           double *along);
    /* dx += a dz - b - c (x - center), a, b, c per channel */
    void (*norm_grad_apply)(bool fresh, size_t rows, size_t c, const float *x, const float *dz, const float *abc,
                            const float *center, float *dx);
    void (*layer_norm)(size_t c, float eps, const float *x, const float *gamma, const float *beta, float *y,
                       float *mean, float *rstd);
    void (*layer_norm_grad)(bool fresh, size_t c, const float *x, const float *gamma, float mean, float rstd,
                            const float *dy, float *dx, float *dgamma, float *dbeta);
} cm_f32_microkernels;

const cm_f32_microkernels *cm_f32_microkernels_portable(void);
const cm_f32_microkernels *cm_f32_microkernels_avx2(void);
const cm_f32_microkernels *cm_f32_microkernels_avx512(void);
const cm_f32_microkernels *cm_f32_microkernels_get(void);

#endif
