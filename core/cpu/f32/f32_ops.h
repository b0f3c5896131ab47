// SPDX-License-Identifier: Apache-2.0
/* What the operations of this backend share: products over packed strips, and the operations themselves.
 *
 * Threads split a result into pieces; the order of each sum depends on shapes
 * only, so a result is the same for any number of threads.
 */
#ifndef CM_CORE_CPU_F32_F32_OPS_H
#define CM_CORE_CPU_F32_F32_OPS_H

#include "core/cpu/f32/f32_microkernels.h"
#include "core/tensor/ops.h"

/* C [m,n] = alpha A B + bias + plus, or += alpha A B. Element (i,p) of A at a + i*a_row + p*a_step, (p,j) of B at
 * b + p*b_row + j*b_col. One of a's strides is 1, and one of b's. */
typedef struct cm_f32_product {
    size_t m, n, k;
    const float *a, *b, *bias, *plus; /* plus [m,n], added as bias is; not with `add` */
    size_t a_row, a_step, b_row, b_col, plus_row;
    float *c;
    size_t c_row;
    float alpha;
    bool add;
    bool relu; /* max(0, C) at the end */
} cm_f32_product;

void cm_f32_matmul(const cm_exec *e, const cm_f32_product *p);
/* in this thread, with cm_f32_matmul_scratch floats of scratch */
void cm_f32_matmul_serial(const cm_f32_product *p, float *scratch);
size_t cm_f32_matmul_scratch(size_t m, size_t n, size_t k);

/* Runs body over [0,n) in pieces of `grain`, each at body(arg, from, count). */
typedef void cm_f32_range_fn(void *arg, size_t from, size_t count);
void cm_f32_parallel_for(const cm_exec *e, size_t n, size_t grain, cm_f32_range_fn *body, void *arg);
size_t cm_f32_round_up(size_t n, size_t to);
void cm_f32_bias_grad(size_t rows, size_t out, const float *dy, float *dbias);

void cm_f32_gemm(const cm_exec *e, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a,
                 size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);
void cm_f32_linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                   const float *bias, const float *plus, float *y);
void cm_f32_linear_grad(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                        const float *dy, float *dx, float *dw, float *dbias);

void cm_f32_conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias,
                   float *y);
void cm_f32_conv2d_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy,
                        float *dx, float *dw, float *dbias);
void cm_f32_conv2d_strided_channels(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p,
                                    const float *x, const float *w, const float *bias, float *y);
/* the parts of a convolution; each output added to (y: overwritten) */
void cm_f32_conv_direct(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p, const float *x,
                        const float *w, const float *bias, float *y);
void cm_f32_conv_direct_dx(const cm_exec *e, const cm_conv_shape *s, const float *w, const float *dy, float *dx);
void cm_f32_conv_direct_dw(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *dy, float *dw);
bool cm_f32_winograd_fits(const cm_conv_shape *s);
void cm_f32_winograd(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p, const float *x,
                     const float *w, const float *bias, float *y);
void cm_f32_winograd_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy,
                          float *dx, float *dw);

void cm_f32_group_norm(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                       float *y, float *mean, float *rstd);
void cm_f32_group_scale(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                        float *scale, float *shift);
void cm_f32_channel_sums(const cm_exec *e, size_t rows, size_t c, const float *x, const float *center, double *sums);
void cm_f32_scale_shift(const cm_exec *e, size_t rows, size_t c, const float *scale, const float *shift, cm_act act,
                        const float *x, float *y);
void cm_f32_group_norm_grad(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma,
                            const float *beta, const float *mean, const float *rstd, const float *dy, float *dx,
                            float *dgamma, float *dbeta);
void cm_f32_layer_norm(const cm_exec *e, size_t rows, size_t c, float eps, const float *x, const float *gamma,
                       const float *beta, float *y, float *mean, float *rstd);
void cm_f32_layer_norm_grad(const cm_exec *e, size_t rows, size_t c, const float *x, const float *gamma,
                            const float *mean, const float *rstd, const float *dy, float *dx, float *dgamma,
                            float *dbeta);

void cm_f32_act(const cm_exec *e, cm_act kind, size_t n, const float *x, float *y);
void cm_f32_act_grad(const cm_exec *e, cm_act kind, size_t n, const float *x, const float *dy, float *dx);
void cm_f32_geglu(const cm_exec *e, size_t rows, size_t half, const float *x, float *y);
void cm_f32_geglu_grad(const cm_exec *e, size_t rows, size_t half, const float *x, const float *dy, float *dx);
void cm_f32_add(const cm_exec *e, size_t n, const float *a, const float *b, float *y);
void cm_f32_axpy(const cm_exec *e, size_t n, float alpha, const float *x, float *y);
void cm_f32_add_rows(const cm_exec *e, size_t n, size_t hw, size_t c, const float *x, const float *t, float *y);
void cm_f32_sum_hw(const cm_exec *e, size_t n, size_t hw, size_t c, const float *dy, float *dt);
void cm_f32_upsample2(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *x, float *y);
void cm_f32_upsample2_grad(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *dy, float *dx);
void cm_f32_pool2d(const cm_exec *e, const cm_pool_shape *s, const float *x, const float *bias, float *y);
void cm_f32_adamw(const cm_exec *e, size_t n, float lr, float beta1, float beta2, float eps, float decay, long step,
                  float grad_scale, const float *g, float *w, float *m, float *v);

void cm_f32_attention(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                      float *out, float *probs, float *lse);
void cm_f32_attention_grad(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,
                           const float *v, const float *out, const float *lse, const float *dout, const float *dprobs,
                           float *dq, float *dk, float *dv);
void cm_f32_softmax(const cm_exec *e, size_t rows, size_t c, const float *x, float *y);
void cm_f32_softmax_grad(const cm_exec *e, size_t rows, size_t c, const float *y, const float *dy, float *dx);

#endif
