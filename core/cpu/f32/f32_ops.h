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
typedef struct fast_product {
    size_t m, n, k;
    const float *a, *b, *bias, *plus; /* plus [m,n], added as bias is; not with `add` */
    size_t a_row, a_step, b_row, b_col, plus_row;
    float *c;
    size_t c_row;
    float alpha;
    bool add;
    bool relu; /* max(0, C) at the end */
} fast_product;

void fast_matmul(const cm_exec *e, const fast_product *p);
/* in this thread, with fast_matmul_scratch floats of scratch */
void fast_matmul_alone(const fast_product *p, float *scratch);
size_t fast_matmul_scratch(size_t m, size_t n, size_t k);

/* Runs body over [0,n) in pieces of `grain`, each at body(arg, from, count). */
typedef void fast_range(void *arg, size_t from, size_t count);
void fast_split(const cm_exec *e, size_t n, size_t grain, fast_range *body, void *arg);
size_t fast_round_up(size_t n, size_t to);
void fast_bias_grad(size_t rows, size_t out, const float *dy, float *dbias);

void fast_gemm(const cm_exec *e, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
               const float *b, size_t ldb, float beta, float *c, size_t ldc);
void fast_linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w, const float *bias,
                 const float *plus, float *y);
void fast_linear_grad(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                      const float *dy, float *dx, float *dw, float *dbias);

void fast_conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias, float *y);
void fast_conv2d_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy, float *dx,
                      float *dw, float *dbias);
void fast_conv2d_placed(const cm_exec *e, const cm_conv_shape *s, const cm_placed *p, const float *x, const float *w,
                        const float *bias, float *y);
/* the parts of a convolution; each output added to (y: overwritten) */
void fast_direct(const cm_exec *e, const cm_conv_shape *s, const cm_placed *p, const float *x, const float *w,
                 const float *bias, float *y);
void fast_direct_dx(const cm_exec *e, const cm_conv_shape *s, const float *w, const float *dy, float *dx);
void fast_direct_dw(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *dy, float *dw);
bool fast_wino_fits(const cm_conv_shape *s);
void fast_wino(const cm_exec *e, const cm_conv_shape *s, const cm_placed *p, const float *x, const float *w,
               const float *bias, float *y);
void fast_wino_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy, float *dx,
                    float *dw);

void fast_group_norm(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                     float *y, float *mean, float *rstd);
void fast_group_scale(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                      float *scale, float *shift);
void fast_channel_sums(const cm_exec *e, size_t rows, size_t c, const float *x, const float *center, double *sums);
void fast_scale_shift(const cm_exec *e, size_t rows, size_t c, const float *scale, const float *shift, cm_act act,
                      const float *x, float *y);
void fast_group_norm_grad(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                          const float *mean, const float *rstd, const float *dy, float *dx, float *dgamma, float *dbeta);
void fast_layer_norm(const cm_exec *e, size_t rows, size_t c, float eps, const float *x, const float *gamma,
                     const float *beta, float *y, float *mean, float *rstd);
void fast_layer_norm_grad(const cm_exec *e, size_t rows, size_t c, const float *x, const float *gamma, const float *mean,
                          const float *rstd, const float *dy, float *dx, float *dgamma, float *dbeta);

void fast_act(const cm_exec *e, cm_act kind, size_t n, const float *x, float *y);
void fast_act_grad(const cm_exec *e, cm_act kind, size_t n, const float *x, const float *dy, float *dx);
void fast_geglu(const cm_exec *e, size_t rows, size_t half, const float *x, float *y);
void fast_geglu_grad(const cm_exec *e, size_t rows, size_t half, const float *x, const float *dy, float *dx);
void fast_add(const cm_exec *e, size_t n, const float *a, const float *b, float *y);
void fast_axpy(const cm_exec *e, size_t n, float alpha, const float *x, float *y);
void fast_add_rows(const cm_exec *e, size_t n, size_t hw, size_t c, const float *x, const float *t, float *y);
void fast_sum_hw(const cm_exec *e, size_t n, size_t hw, size_t c, const float *dy, float *dt);
void fast_upsample2(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *x, float *y);
void fast_upsample2_grad(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *dy, float *dx);
void fast_pool2d(const cm_exec *e, const cm_pool_shape *s, const float *x, const float *bias, float *y);
void fast_adamw(const cm_exec *e, size_t n, float lr, float beta1, float beta2, float eps, float decay, long step,
                float grad_scale, const float *g, float *w, float *m, float *v);

void fast_attention(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                    float *out, float *probs, float *lse);
void fast_attention_grad(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                         const float *out, const float *lse, const float *dout, const float *dprobs, float *dq, float *dk,
                         float *dv);
void fast_softmax(const cm_exec *e, size_t rows, size_t c, const float *x, float *y);
void fast_softmax_grad(const cm_exec *e, size_t rows, size_t c, const float *y, const float *dy, float *dx);

#endif
