// SPDX-License-Identifier: Apache-2.0
#include "harness/speed/counting.h"

static _Thread_local const cm_ops *real;
static _Thread_local cm_ops table;
static _Thread_local double count;

static void add(size_t a, size_t b, size_t c) {
    count += 2 * (double)a * (double)b * (double)c;
}

static void add_conv(const cm_conv_shape *s) {
    add(s->n * s->oh * s->ow, s->o, s->c * s->kh * s->kw);
}

static void gemm(const cm_exec *e, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a,
                 size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc) {
    add(m, n, k);
    real->gemm(e, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

static void linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                   const float *bias, const float *plus, float *y) {
    add(rows, in, out);
    real->linear(e, rows, in, out, x, w, bias, plus, y);
}

static void linear_fused(const cm_exec *e, size_t rows, size_t per_image, size_t in, size_t out, const cm_fusion *a,
                         const float *x, const float *w, const float *bias, float *y) {
    add(rows, in, out);
    real->linear_fused(e, rows, per_image, in, out, a, x, w, bias, y);
}

static void conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias,
                   float *y) {
    add_conv(s);
    real->conv2d(e, s, x, w, bias, y);
}

static void conv2d_strided_channels(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p,
                                    const float *x, const float *w, const float *bias, float *y) {
    add_conv(s);
    real->conv2d_strided_channels(e, s, p, x, w, bias, y);
}

static void conv2d_fused(const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a, const float *x, const float *w,
                         const float *bias, float *y) {
    add_conv(s);
    real->conv2d_fused(e, s, a, x, w, bias, y);
}

static void attention(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                      float *out, float *probs, float *lse) {
    add(2 * s->n * s->heads * s->lq, s->lk, s->d);
    real->attention(e, s, q, k, v, out, probs, lse);
}

static bool feed_forward(const cm_exec *e, const cm_feed_forward_shape *s, const float *x, float *y) {
    if (!real->feed_forward(e, s, x, y)) return false;
    add(s->rows, s->c, 3 * s->hidden);
    return true;
}

const cm_ops *cm_counting(const cm_ops *ops) {
    real = ops;
    table = *ops;
    count = 0;
    table.gemm = gemm;
    table.linear = linear;
    table.conv2d = conv2d;
    table.conv2d_strided_channels = conv2d_strided_channels;
    table.attention = attention;
    if (ops->linear_fused) table.linear_fused = linear_fused;
    if (ops->conv2d_fused) table.conv2d_fused = conv2d_fused;
    if (ops->feed_forward) table.feed_forward = feed_forward;
    return &table;
}

double cm_counted(void) {
    return count;
}
