// SPDX-License-Identifier: Apache-2.0
/* The plain versions of every operation of core/tensor/ops.h, one file a topic.
 *
 * Sums are made in double, in an order that depends on nothing but the shape of
 * one sample, and rounded to float once: results are bit-equal for any number of
 * threads and any split of a batch. Built with -ffp-contract=off.
 */
#ifndef CM_CORE_REF_REF_H
#define CM_CORE_REF_REF_H

#include "core/tensor/ops.h"

void cm_ref_gemm(const cm_exec *e, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a,
                 size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);
void cm_ref_linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                   const float *bias, const float *plus, float *y);
void cm_ref_linear_grad(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                        const float *dy, float *dx, float *dw, float *dbias);

void cm_ref_conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias,
                   float *y);
void cm_ref_conv2d_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy,
                        float *dx, float *dw, float *dbias);
void cm_ref_conv2d_strided_channels(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p,
                                    const float *x, const float *w, const float *bias, float *y);
void cm_ref_pool2d(const cm_exec *e, const cm_pool_shape *s, const float *x, const float *bias, float *y);

void cm_ref_group_norm(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma, const float *beta,
                       float *y, float *mean, float *rstd);
void cm_ref_group_norm_grad(const cm_exec *e, const cm_norm_shape *s, const float *x, const float *gamma,
                            const float *beta, const float *mean, const float *rstd, const float *dy, float *dx,
                            float *dgamma, float *dbeta);
void cm_ref_channel_sums(const cm_exec *e, size_t rows, size_t c, const float *x, const float *center, double *sums);
void cm_ref_scale_shift(const cm_exec *e, size_t rows, size_t c, const float *scale, const float *shift, cm_act act,
                        const float *x, float *y);
void cm_ref_layer_norm(const cm_exec *e, size_t rows, size_t c, float eps, const float *x, const float *gamma,
                       const float *beta, float *y, float *mean, float *rstd);
void cm_ref_layer_norm_grad(const cm_exec *e, size_t rows, size_t c, const float *x, const float *gamma,
                            const float *mean, const float *rstd, const float *dy, float *dx, float *dgamma,
                            float *dbeta);

double cm_ref_act_value(cm_act kind, double x);
double cm_ref_act_slope(cm_act kind, double x);
void cm_ref_act(const cm_exec *e, cm_act kind, size_t n, const float *x, float *y);
void cm_ref_act_grad(const cm_exec *e, cm_act kind, size_t n, const float *x, const float *dy, float *dx);
void cm_ref_geglu(const cm_exec *e, size_t rows, size_t half, const float *x, float *y);
void cm_ref_geglu_grad(const cm_exec *e, size_t rows, size_t half, const float *x, const float *dy, float *dx);

void cm_ref_add(const cm_exec *e, size_t n, const float *a, const float *b, float *y);
void cm_ref_axpy(const cm_exec *e, size_t n, float alpha, const float *x, float *y);
void cm_ref_add_rows(const cm_exec *e, size_t n, size_t hw, size_t c, const float *x, const float *t, float *y);
void cm_ref_sum_hw(const cm_exec *e, size_t n, size_t hw, size_t c, const float *dy, float *dt);
void cm_ref_upsample2(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *x, float *y);
void cm_ref_upsample2_grad(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *dy, float *dx);
void cm_ref_adamw(const cm_exec *e, size_t n, float lr, float beta1, float beta2, float eps, float decay, long step,
                  float grad_scale, const float *g, float *w, float *m, float *v);

void cm_ref_attention(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                      float *out, float *probs, float *lse);
void cm_ref_attention_grad(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,
                           const float *v, const float *out, const float *lse, const float *dout, const float *dprobs,
                           float *dq, float *dk, float *dv);
void cm_ref_softmax(const cm_exec *e, size_t rows, size_t c, const float *x, float *y);
void cm_ref_softmax_grad(const cm_exec *e, size_t rows, size_t c, const float *y, const float *dy, float *dx);

#endif
