// SPDX-License-Identifier: Apache-2.0
/* The table of the backend int8: bf16's, with most linear layers, feed-forward layers and 3x3 convolutions on int8
 * operands. What int8_ops.h's *_fits leave out, and attention, stays bf16, gradients f32. */
#include <pthread.h>

#include "core/cpu/int8/int8_ops.h"

static void any_linear(const cm_exec *e, const bf16_linear_shape *s, const cm_fusion *a, const float *x, const float *w,
                       const float *bias, float *y) {
    if (cm_int8_linear_fits(s, a)) cm_int8_linear(e, s, a, x, w, bias, y);
    else cm_bf16_linear(false, e, s, a, x, w, bias, y);
}

static void linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                   const float *bias, const float *plus, float *y) {
    any_linear(e, &(bf16_linear_shape){rows, in, out, rows}, &(cm_fusion){.plus = plus}, x, w, bias, y);
}

static void linear_fused(const cm_exec *e, size_t rows, size_t per_image, size_t in, size_t out, const cm_fusion *a,
                         const float *x, const float *w, const float *bias, float *y) {
    any_linear(e, &(bf16_linear_shape){rows, in, out, per_image}, a, x, w, bias, y);
}

static void conv2d_fused(const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a, const float *x, const float *w,
                         const float *bias, float *y) {
    const bf16_linear_shape l = {s->n * s->h * s->w, s->c, s->o, s->h * s->w};
    if (cm_bf16_is_linear(s, a) && s->c >= INT8_DEPTH) any_linear(e, &l, a, x, w, bias, y);
    else if (cm_int8_conv2d_fits(s, a)) cm_int8_conv2d(e, s, a, x, w, bias, y);
    else cm_ops_bf16()->conv2d_fused(e, s, a, x, w, bias, y);
}

static void conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias,
                   float *y) {
    conv2d_fused(e, s, &(cm_fusion){0}, x, w, bias, y);
}

static void conv2d_strided_channels(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p,
                                    const float *x, const float *w, const float *bias, float *y) {
    conv2d_fused(e, s, &(cm_fusion){.x_row = p->x_row, .y_row = p->y_row, .relu = p->relu}, x, w, bias, y);
}

static bool feed_forward(const cm_exec *e, const cm_feed_forward_shape *s, const float *x, float *y) {
    if (!cm_int8_feed_forward_fits(s)) return cm_ops_bf16()->feed_forward(e, s, x, y);
    cm_int8_feed_forward(e, s, x, y);
    return true;
}

static cm_ops int8;

static void fill(void) {
    int8 = *cm_ops_bf16();
    int8.name = "int8";
    int8.about = "most linear layers and 3x3 convolutions by int8 products, the rest as bf16: fastest and coarsest, "
                 "with AMX or AVX-512 VNNI";
    int8.dtype = "int8";
    int8.rounding = 0x1p-8;
    int8.inference = true;
    int8.linear_grad = cm_ops_f32()->linear_grad;
    int8.attention_grad = cm_ops_f32()->attention_grad;
    int8.conv2d_grad = cm_ops_f32()->conv2d_grad;
    int8.slow_here = !cm_int8_microkernels_get()->direct;
    int8.linear = linear;
    int8.linear_fused = linear_fused;
    int8.conv2d = conv2d;
    int8.conv2d_fused = conv2d_fused;
    int8.conv2d_strided_channels = conv2d_strided_channels;
    int8.feed_forward = feed_forward;
}

const cm_ops *cm_ops_int8(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return &int8;
}
