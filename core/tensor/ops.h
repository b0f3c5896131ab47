// SPDX-License-Identifier: Apache-2.0
/* The table of operations: what a backend must be able to do.
 *
 * `ref` (plain C, double accumulation, one thread, -ffp-contract=off) fills every
 * entry and is the definition; a faster backend starts from ref's table and
 * replaces what it does better. The kernel tests compare every replaced entry
 * with ref's. Sizes are numbers of values, buffers do not overlap unless said,
 * layouts are channels last, weights PyTorch's. Every *_grad ADDS into its
 * outputs, and an output that is NULL is not computed. The gradients of linear,
 * norms, activations and geglu instead WRITE dx when told that it is fresh, and
 * attention's all three of its outputs.
 */
#ifndef CM_CORE_TENSOR_OPS_H
#define CM_CORE_TENSOR_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"
#include "core/tensor/pack.h"

/* How a kernel runs: threads it may use, and scratch that is gone when it returns. */
typedef struct cm_exec {
    int threads;
    cm_arena *scratch;
    bool fresh;          /* dx holds nothing yet: saves clearing it, and reading the zeros back */
    cm_pack_slot *packs; /* of the operation's weight; NULL: pack for this call only */
} cm_exec;

typedef enum cm_act { CM_IDENTITY, CM_SILU, CM_GELU, CM_QUICK_GELU, CM_RELU, CM_TANH, CM_SIGMOID, CM_ACT_COUNT } cm_act;
/* silu x*s(x); gelu x*Phi(x) with erf; quick_gelu x*s(1.702x) */

/* y[n,oh,ow,o] = bias[o] + sum x[n, y*stride-pad_top+i, x*stride-pad_left+j, c] w[o,c,i,j]; outside is 0. */
typedef struct cm_conv_shape {
    size_t n, h, w, c; /* input [n,h,w,c] */
    size_t o, kh, kw;  /* weight [o,c,kh,kw] */
    size_t stride, pad_top, pad_left;
    size_t oh, ow; /* output [n,oh,ow,o] */
} cm_conv_shape;

/* A convolution that stands among others: values from one pixel to the next, at least c and o, so that it reads some
 * channels of its input and writes some of its output (the pointers are at the first), and max(0, y) at the end. */
typedef struct cm_channel_strides {
    size_t x_row, y_row;
    bool relu;
} cm_channel_strides;

/* y[n,oh,ow,c] = the most, or the mean, of the k*k values of x [n,h,w,c] under it, + bias, then max(0, y) where asked.
 * Outside is nothing: never the most (pad < k), and for a mean either zeros that count or left out of it. */
typedef enum cm_pool { CM_POOL_MAX, CM_POOL_MEAN, CM_POOL_MEAN_INSIDE, CM_POOL_COUNT } cm_pool;
typedef struct cm_pool_shape {
    size_t n, h, w, c, k, stride, pad, oh, ow;
    size_t x_row, y_row; /* as of cm_channel_strides */
    cm_pool kind;
    bool relu;
} cm_pool_shape;

/* q [n,lq,heads*d], k and v [n,lk,heads*d], out as q.
 * P = softmax(scale q k' + mask), mask: causal (key j visible to query i when j <= i). */
typedef struct cm_attention_shape {
    size_t n, heads, lq, lk, d;
    float scale;
    bool causal;
} cm_attention_shape;

typedef struct cm_norm_shape {
    size_t n, hw, c, groups; /* x [n,hw,c]; group norm: one mean per (n, group) over hw and c/groups */
    float eps;
    cm_act act; /* applied after the norm: CM_IDENTITY or CM_SILU */
} cm_norm_shape;

/* What a product does to its input as it reads it, and to its result before it writes it. All zero: nothing. */
typedef struct cm_fusion {
    const float *scale, *shift; /* [n,c]: x*scale + shift per image and channel (a group norm), then act */
    cm_act act;                 /* CM_IDENTITY or CM_SILU */
    const float *gamma, *beta;  /* [c]: a layer norm of each row (linear only) */
    float eps;
    bool geglu;          /* linear only: w [2*half,in], y [rows,half] = first half * gelu(second half) */
    bool upsample;       /* conv2d only: x is [n,h/2,w/2,c] and is doubled by nearest neighbour */
    const float *image;  /* [n,o], added to every pixel of an image (conv2d only) */
    const float *plus;   /* as the result, added to it; may be the result itself */
    bool relu;           /* max(0, y), last */
    size_t x_row, y_row; /* as of cm_channel_strides; 0: what lies side by side is read and written */
} cm_fusion;

/* y = x + w2 geglu(w1 layer_norm(x) + b1) + b2 of rows [rows,c] */
typedef struct cm_feed_forward_shape {
    size_t rows, c, hidden;
    float eps;
    const float *gamma, *beta, *w1, *b1, *w2, *b2; /* [c], [c], [2*hidden,c], [2*hidden], [c,hidden], [c] */
    cm_pack_slot *packs1, *packs2;                 /* of w1 and w2 */
} cm_feed_forward_shape;

typedef struct cm_ops {
    const char *name;  /* "ref", "openblas", "f32", "bf16x3", "bf16", "int8" */
    const char *about; /* one line for `list backends` */
    const char *dtype; /* "f32", or the coarsest that goes into products: "bf16", "int8" */
    bool slow_here;    /* this machine lacks what it is made for */
    bool inference;    /* too coarse to train by */
    double rounding;   /* unit roundoff of what goes into products, where it is coarser than f32's; else 0 */

    /* C[m,n] = alpha op(A) op(B) + beta C, row-major; ta: A is stored [k,m]; tb: B is stored [n,k].
     * beta 0 does not read C. */
    void (*gemm)(const cm_exec *e, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a,
                 size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);

    /* y[rows,out] = x[rows,in] w[out,in]' + bias[out] + plus[rows,out]; bias and plus may be NULL */
    void (*linear)(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                   const float *bias, const float *plus, float *y);
    void (*linear_grad)(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                        const float *dy, float *dx, float *dw, float *dbias);

    void (*conv2d)(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias,
                   float *y);
    void (*conv2d_grad)(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy,
                        float *dx, float *dw, float *dbias);
    void (*conv2d_strided_channels)(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p,
                                    const float *x, const float *w, const float *bias, float *y);
    /* bias [c] or NULL */
    void (*pool2d)(const cm_exec *e, const cm_pool_shape *s, const float *x, const float *bias, float *y);

    /* y = act(gamma (x-mean) rstd + beta); mean, rstd [n,groups] are outputs, kept for the gradient */
    void (*group_norm)(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                       float *y, float *mean, float *rstd);
    void (*group_norm_grad)(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma,
                            const float *beta, const float *mean, const float *rstd, const float *dy, float *dx,
                            float *dgamma, float *dbeta);
    /* sums [2][c] += x - center and (x - center)^2 over rows, for a group norm of an image that is seen in pieces */
    void (*channel_sums)(const cm_exec *e, size_t rows, size_t c, const float *x, const float *center, double *sums);
    /* y = act(x*scale + shift) per channel, CM_IDENTITY or CM_SILU; y may be x */
    void (*scale_shift)(const cm_exec *e, size_t rows, size_t c, const float *scale, const float *shift, cm_act act,
                        const float *x, float *y);
    /* over the last dimension: x [rows,c]; mean, rstd [rows] */
    void (*layer_norm)(const cm_exec *e, size_t rows, size_t c, float eps, const float *x, const float *gamma,
                       const float *beta, float *y, float *mean, float *rstd);
    void (*layer_norm_grad)(const cm_exec *e, size_t rows, size_t c, const float *x, const float *gamma,
                            const float *mean, const float *rstd, const float *dy, float *dx, float *dgamma,
                            float *dbeta);

    void (*act)(const cm_exec *e, cm_act kind, size_t n, const float *x, float *y); /* y may be x */
    void (*act_grad)(const cm_exec *e, cm_act kind, size_t n, const float *x, const float *dy, float *dx);

    /* x [rows,2*half] -> y [rows,half] = x[:, :half] * gelu(x[:, half:]) (diffusers' GEGLU) */
    void (*geglu)(const cm_exec *e, size_t rows, size_t half, const float *x, float *y);
    void (*geglu_grad)(const cm_exec *e, size_t rows, size_t half, const float *x, const float *dy, float *dx);

    /* y = a + b; y may be a. axpy: y += alpha x */
    void (*add)(const cm_exec *e, size_t n, const float *a, const float *b, float *y);
    void (*axpy)(const cm_exec *e, size_t n, float alpha, const float *x, float *y);
    /* y[n,hw,c] = x[n,hw,c] + t[n,c]; y may be x.  sum_hw: dt[n,c] += sum over hw of dy */
    void (*add_rows)(const cm_exec *e, size_t n, size_t hw, size_t c, const float *x, const float *t, float *y);
    void (*sum_hw)(const cm_exec *e, size_t n, size_t hw, size_t c, const float *dy, float *dt);

    /* probs [n,heads,lq,lk] is written when not NULL. lse [n,heads,lq] = log-sum-exp of the scaled scores, when not
     * NULL. */
    void (*attention)(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                      float *out, float *probs, float *lse);
    /* dprobs [n,heads,lq,lk]: an extra gradient that arrives at the probabilities (HOLA), or NULL */
    void (*attention_grad)(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,
                           const float *v, const float *out, const float *lse, const float *dout, const float *dprobs,
                           float *dq, float *dk, float *dv);

    /* rows of x [rows,c] -> probabilities; y may be x. _grad from y */
    void (*softmax)(const cm_exec *e, size_t rows, size_t c, const float *x, float *y);
    void (*softmax_grad)(const cm_exec *e, size_t rows, size_t c, const float *y, const float *dy, float *dx);

    /* nearest, factor 2: x [n,h,w,c] -> y [n,2h,2w,c] */
    void (*upsample2)(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *x, float *y);
    void (*upsample2_grad)(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *dy, float *dx);

    /* A product with what stands around it, in one; NULL: the backend has none, and nn.h calls the parts.
     * rows of `per_image` to an image. group_scale: a group norm as scale and shift [n,c] of its input. */
    void (*linear_fused)(const cm_exec *e, size_t rows, size_t per_image, size_t in, size_t out, const cm_fusion *a,
                         const float *x, const float *w, const float *bias, float *y);
    void (*conv2d_fused)(const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a, const float *x, const float *w,
                         const float *bias, float *y);
    /* false: not for this shape */
    bool (*feed_forward)(const cm_exec *e, const cm_feed_forward_shape *s, const float *x, float *y);
    void (*group_scale)(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                        float *scale, float *shift);

    /* AdamW, decoupled decay (Loshchilov and Hutter 2019, algorithm 2, PyTorch's form):
     * m,v moments; step counts from 1; g is scaled by grad_scale first (clipping) */
    void (*adamw)(const cm_exec *e, size_t n, float lr, float beta1, float beta2, float eps, float decay, long step,
                  float grad_scale, const float *g, float *w, float *m, float *v);
} cm_ops;

const cm_ops *cm_ops_ref(void);
const cm_ops *cm_ops_openblas(void);
const cm_ops *cm_ops_f32(void);
const cm_ops *cm_ops_bf16x3(void);
const cm_ops *cm_ops_bf16(void);
const cm_ops *cm_ops_int8(void);

/* All backends, NULL-terminated, fastest last; find returns NULL if there is none of that name. */
const cm_ops *const *cm_backends(void);
const cm_ops *cm_backend_find(const char *name);
/* The same, with "auto" for the default; an unknown name is wrong usage; what: the option or key that gave it. */
cm_status cm_backend_choose(const char *what, const char *name, const cm_ops **backend);
/* The fastest here that is as exact as f32: bf16x3 with matrix registers, f32 with vectors, else openblas, whose
 * library may have vectors where our kernels are plain C. */
const cm_ops *cm_backend_default(void);
/* Coarser than bf16: whoever uses it is told how far from cm_backend_default its results are. */
bool cm_backend_is_coarse(const cm_ops *ops);
/* For networks that run once an image, where the steps run on `ops`: bf16 instead of what is coarser. */
const cm_ops *cm_backend_at_most_bf16(const cm_ops *ops);

#endif
