// SPDX-License-Identifier: Apache-2.0
/* The operations of the backend `openblas`: products by cblas_sgemm, everything else as the backend f32 does it.
 *
 * OpenBLAS itself runs on one thread; a product is cut into pieces that depend on its shape only, so that a result is
 * the same for any number of threads. Arguments are those of core/tensor/ops.h. */
#ifndef CM_CORE_CPU_BLAS_BLAS_OPS_H
#define CM_CORE_CPU_BLAS_BLAS_OPS_H

#include "core/tensor/ops.h"

void cm_blas_gemm(const cm_exec *e, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a,
                  size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);
/* The same in the calling thread and in one piece. */
void cm_blas_gemm_serial(bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
                         const float *b, size_t ldb, float beta, float *c, size_t ldc);
void cm_blas_linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                    const float *bias, const float *plus, float *y);
void cm_blas_linear_grad(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                         const float *dy, float *dx, float *dw, float *dbias);

void cm_blas_conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias,
                    float *y);
void cm_blas_conv2d_strided_channels(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p,
                                     const float *x, const float *w, const float *bias, float *y);
void cm_blas_conv2d_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy,
                         float *dx, float *dw, float *dbias);

void cm_blas_attention(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                       float *out, float *probs, float *lse);

#endif
