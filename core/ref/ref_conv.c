// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "core/ref/ref.h"

/* Input row (or column) that tap i of output row y reads; false outside the image. */
static bool tap(size_t y, size_t stride, size_t i, size_t pad, size_t size, size_t *at) {
    const size_t padded = y * stride + i;
    *at = padded - pad;
    return padded >= pad && padded - pad < size;
}

/* [o,c,kh,kw] -> [kh,kw,c,o], so that inner loops run over contiguous outputs */
static float *taps_first(cm_arena *scratch, const cm_conv_shape *s, const float *w) {
    const size_t taps = s->kh * s->kw;
    float *t = CM_PUSH(scratch, float, taps * s->c * s->o);
    for (size_t o = 0; t && o < s->o; o++)
        for (size_t c = 0; c < s->c; c++)
            for (size_t i = 0; i < taps; i++) t[(i * s->c + c) * s->o + o] = w[(o * s->c + c) * taps + i];
    return t;
}

static void one_pixel(const cm_conv_shape *s, size_t x_row, const float *x, const float *t, size_t oy, size_t ox,
                      double *sum) {
    for (size_t i = 0; i < s->kh; i++) {
        for (size_t j = 0; j < s->kw; j++) {
            size_t iy, ix;
            if (!tap(oy, s->stride, i, s->pad_top, s->h, &iy) || !tap(ox, s->stride, j, s->pad_left, s->w, &ix))
                continue;
            const float *px = x + (iy * s->w + ix) * x_row;
            const float *pt = t + (i * s->kw + j) * s->c * s->o;
            for (size_t c = 0; c < s->c; c++) {
                const double v = px[c];
                for (size_t o = 0; o < s->o; o++) sum[o] += v * pt[c * s->o + o];
            }
        }
    }
}

/* A NaN stays one. */
static float positive(float x) {
    return x < 0.0f ? 0.0f : x;
}

void cm_ref_conv2d_strided_channels(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *at,
                                    const float *x, const float *w, const float *bias, float *y) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    double *sum = CM_PUSH(e->scratch, double, s->o);
    const float *t = taps_first(e->scratch, s, w);
    for (size_t p = 0; sum && t && p < s->n * s->oh * s->ow; p++) {
        memset(sum, 0, s->o * sizeof *sum);
        const size_t n = p / (s->oh * s->ow), q = p % (s->oh * s->ow);
        one_pixel(s, at->x_row, x + n * s->h * s->w * at->x_row, t, q / s->ow, q % s->ow, sum);
        for (size_t o = 0; o < s->o; o++) {
            const float v = (float)(sum[o] + (bias ? (double)bias[o] : 0.0));
            y[p * at->y_row + o] = at->relu ? positive(v) : v;
        }
    }
    cm_arena_reset(e->scratch, mark);
}

void cm_ref_conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias,
                   float *y) {
    cm_ref_conv2d_strided_channels(e, s, &(cm_channel_strides){.x_row = s->c, .y_row = s->o}, x, w, bias, y);
}

/* A NaN wins over every number. */
static float pooled(const cm_pool_shape *s, const float *x, size_t oy, size_t ox) {
    double sum = 0.0;
    float most = -INFINITY;
    size_t inside = 0;
    for (size_t t = 0; t < s->k * s->k; t++) {
        size_t iy, ix;
        if (!tap(oy, s->stride, t / s->k, s->pad, s->h, &iy) || !tap(ox, s->stride, t % s->k, s->pad, s->w, &ix))
            continue;
        const float v = x[(iy * s->w + ix) * s->x_row];
        inside++;
        sum += v;
        if (v > most || isnan(v)) most = v;
    }
    if (s->kind == CM_POOL_MAX) return most;
    return (float)(sum / (double)(s->kind == CM_POOL_MEAN ? s->k * s->k : inside));
}

void cm_ref_pool2d(const cm_exec *e, const cm_pool_shape *s, const float *x, const float *bias, float *y) {
    (void)e;
    for (size_t p = 0; p < s->n * s->oh * s->ow; p++) {
        const size_t n = p / (s->oh * s->ow), q = p % (s->oh * s->ow);
        for (size_t c = 0; c < s->c; c++) {
            const float v =
                pooled(s, x + n * s->h * s->w * s->x_row + c, q / s->ow, q % s->ow) + (bias ? bias[c] : 0.0f);
            y[p * s->y_row + c] = s->relu ? positive(v) : v;
        }
    }
}

/* Scatters in double: dx of one sample = sum over outputs and taps of dy w. */
static void grad_x(const cm_exec *e, const cm_conv_shape *s, const float *w, const float *dy, float *dx) {
    const size_t taps = s->kh * s->kw, in = s->h * s->w * s->c, out = s->oh * s->ow;
    double *sum = CM_PUSH(e->scratch, double, in);
    float *t = CM_PUSH(e->scratch, float, taps * s->o * s->c); /* [kh,kw,o,c] */
    if (!sum || !t) return;
    for (size_t o = 0; o < s->o; o++)
        for (size_t c = 0; c < s->c; c++)
            for (size_t i = 0; i < taps; i++) t[(i * s->o + o) * s->c + c] = w[(o * s->c + c) * taps + i];
    for (size_t n = 0; n < s->n; n++) {
        memset(sum, 0, in * sizeof *sum);
        for (size_t q = 0; q < out * taps; q++) {
            const size_t p = q / taps, i = q % taps;
            size_t iy, ix;
            if (!tap(p / s->ow, s->stride, i / s->kw, s->pad_top, s->h, &iy) ||
                !tap(p % s->ow, s->stride, i % s->kw, s->pad_left, s->w, &ix))
                continue;
            double *px = sum + (iy * s->w + ix) * s->c;
            const float *pd = dy + (n * out + p) * s->o;
            for (size_t o = 0; o < s->o; o++) {
                const double d = pd[o];
                const float *pt = t + (i * s->o + o) * s->c;
                for (size_t c = 0; c < s->c; c++) px[c] += d * pt[c];
            }
        }
        for (size_t k = 0; k < in; k++) dx[n * in + k] = (float)(dx[n * in + k] + sum[k]);
    }
}

/* One output channel and one tap after another: dw[o,:,i,j] = sum over pixels of dy[o] x. */
static void grad_w(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *dy, float *dw) {
    const size_t taps = s->kh * s->kw, out = s->oh * s->ow;
    double *sum = CM_PUSH(e->scratch, double, s->o * s->c);
    for (size_t i = 0; sum && i < taps; i++) {
        memset(sum, 0, s->o * s->c * sizeof *sum);
        for (size_t p = 0; p < s->n * out; p++) {
            const size_t n = p / out, q = p % out;
            size_t iy, ix;
            if (!tap(q / s->ow, s->stride, i / s->kw, s->pad_top, s->h, &iy) ||
                !tap(q % s->ow, s->stride, i % s->kw, s->pad_left, s->w, &ix))
                continue;
            const float *px = x + ((n * s->h + iy) * s->w + ix) * s->c;
            for (size_t o = 0; o < s->o; o++) {
                const double d = dy[p * s->o + o];
                for (size_t c = 0; c < s->c; c++) sum[o * s->c + c] += d * px[c];
            }
        }
        for (size_t k = 0; k < s->o * s->c; k++) dw[k * taps + i] = (float)(dw[k * taps + i] + sum[k]);
    }
}

void cm_ref_conv2d_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy,
                        float *dx, float *dw, float *dbias) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    if (dx) grad_x(e, s, w, dy, dx);
    if (dw) grad_w(e, s, x, dy, dw);
    if (dbias) cm_ref_sum_hw(e, 1, s->n * s->oh * s->ow, s->o, dy, dbias);
    cm_arena_reset(e->scratch, mark);
}
