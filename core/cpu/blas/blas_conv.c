// SPDX-License-Identifier: Apache-2.0
/* Convolutions: 1x1 is a matrix product; elsewhere the values under the kernel are copied for each output pixel
 * (im2col, a few lines at a time) and multiplied by the weights. A 3x3 convolution that f32 does by Winograd's way
 * needs a quarter of the products, and goes there where f32 has vectors. */
#include <string.h>

#include "core/base/cpu_level.h"
#include "core/base/threads.h"
#include "core/cpu/blas/blas_ops.h"
#include "core/cpu/f32/f32_ops.h"

enum { CHUNK = 128 * 1024 /* floats of columns at a time: they stay in the second-level cache */ };

static bool is_linear(const cm_conv_shape *s) {
    return s->kh == 1 && s->kw == 1 && s->stride == 1 && s->pad_top == 0 && s->pad_left == 0 && s->oh == s->h &&
           s->ow == s->w;
}

static bool is_better_by_f32(const cm_conv_shape *s) {
    return cm_cpu_level_get() > CM_CPU_PORTABLE && cm_f32_winograd_fits(s);
}

typedef struct conv_job {
    const cm_conv_shape *s;
    cm_channel_strides at;
    size_t depth, lines, chunks; /* depth: kh kw c; lines of output a chunk, chunks an image */
    const float *x, *bias, *dy;
    const float *weights; /* [o][kh,kw,c] */
    float *y, *dx, *scratch;
    size_t worker_floats;
} conv_job;

/* The values under output line y, image by image: [ow][kh,kw,c], zeros outside. */
static void gather_line(const conv_job *j, const float *image, size_t y, float *to) {
    const cm_conv_shape *s = j->s;
    for (size_t x = 0; x < s->ow; x++)
        for (size_t i = 0; i < s->kh; i++)
            for (size_t k = 0; k < s->kw; k++, to += s->c) {
                const size_t from_y = y * s->stride + i, from_x = x * s->stride + k;
                const bool inside = from_y >= s->pad_top && from_y - s->pad_top < s->h && from_x >= s->pad_left &&
                                    from_x - s->pad_left < s->w;
                const size_t at = inside ? ((from_y - s->pad_top) * s->w + from_x - s->pad_left) * j->at.x_row : 0;
                if (inside) memcpy(to, image + at, s->c * sizeof *to);
                else memset(to, 0, s->c * sizeof *to);
            }
}

/* gather_line's way back: what arrives at each value is added to it. */
static void scatter_line(const cm_conv_shape *s, const float *from, size_t y, float *image) {
    for (size_t x = 0; x < s->ow; x++)
        for (size_t i = 0; i < s->kh; i++)
            for (size_t k = 0; k < s->kw; k++, from += s->c) {
                const size_t to_y = y * s->stride + i, to_x = x * s->stride + k;
                if (to_y < s->pad_top || to_y - s->pad_top >= s->h) continue;
                if (to_x < s->pad_left || to_x - s->pad_left >= s->w) continue;
                float *to = image + ((to_y - s->pad_top) * s->w + to_x - s->pad_left) * s->c;
                cm_f32_microkernels_get()->add(s->c, to, from, to);
            }
}

/* Output lines of the chunk that begins at line `from`. */
static size_t chunk_lines(const conv_job *j, size_t from) {
    return j->s->oh - from < j->lines ? j->s->oh - from : j->lines;
}

/* y = y + bias, then max(0, y) where asked */
static void end_pixels(const conv_job *j, size_t pixels, float *y) {
    for (size_t p = 0; p < pixels; p++, y += j->at.y_row)
        for (size_t o = 0; o < j->s->o; o++) {
            const float v = y[o] + (j->bias ? j->bias[o] : 0.0f);
            y[o] = j->at.relu && v < 0.0f ? 0.0f : v;
        }
}

static void forward_chunk(void *arg, size_t i, int worker) {
    const conv_job *j = arg;
    const cm_conv_shape *s = j->s;
    const size_t n = i / j->chunks, from = i % j->chunks * j->lines;
    const size_t count = chunk_lines(j, from);
    float *columns = j->scratch + (size_t)worker * j->worker_floats;
    for (size_t l = 0; l < count; l++)
        gather_line(j, j->x + n * s->h * s->w * j->at.x_row, from + l, columns + l * s->ow * j->depth);
    float *y = j->y + (n * s->oh + from) * s->ow * j->at.y_row;
    cm_blas_gemm_serial(false, true, count * s->ow, s->o, j->depth, 1.0f, columns, j->depth, j->weights, j->depth, 0.0f,
                        y, j->at.y_row);
    if (j->bias || j->at.relu) end_pixels(j, count * s->ow, y);
}

/* Sizes, weights in the order of columns, and scratch; false: no memory, which the arena says. */
static bool begin(const cm_exec *e, conv_job *j, const float *w) {
    const cm_conv_shape *s = j->s;
    const size_t taps = s->kh * s->kw, workers = e->threads > 1 ? (size_t)e->threads : 1;
    j->depth = taps * s->c;
    const size_t fit = CHUNK / (s->ow * j->depth);
    j->lines = fit == 0 ? 1 : fit < s->oh ? fit : s->oh;
    j->chunks = (s->oh + j->lines - 1) / j->lines;
    j->worker_floats = cm_f32_round_up(j->lines * s->ow * j->depth, 16);
    float *weights = CM_PUSH(e->scratch, float, s->o * j->depth);
    j->scratch = CM_PUSH(e->scratch, float, workers * j->worker_floats);
    if (!weights || !j->scratch) return false;
    for (size_t o = 0; o < s->o; o++)
        cm_f32_microkernels_get()->transpose(s->c, taps, w + o * j->depth, taps, weights + o * j->depth, s->c);
    j->weights = weights;
    return true;
}

void cm_blas_conv2d_strided_channels(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p,
                                     const float *x, const float *w, const float *bias, float *y) {
    if (is_better_by_f32(s)) {
        cm_f32_conv2d_strided_channels(e, s, p, x, w, bias, y);
        return;
    }
    if (is_linear(s) && p->x_row == s->c && p->y_row == s->o && !p->relu) {
        cm_blas_linear(e, s->n * s->h * s->w, s->c, s->o, x, w, bias, NULL, y);
        return;
    }
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    conv_job j = {.s = s, .at = *p, .x = x, .bias = bias, .y = y};
    if (begin(e, &j, w)) cm_parallel(e->threads, s->n * j.chunks, forward_chunk, &j);
    cm_arena_reset(e->scratch, mark);
}

void cm_blas_conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias,
                    float *y) {
    cm_blas_conv2d_strided_channels(e, s, &(cm_channel_strides){.x_row = s->c, .y_row = s->o}, x, w, bias, y);
}

/* --- gradients ----------------------------------------------------------------------------- */

static void dx_image(void *arg, size_t n, int worker) {
    const conv_job *j = arg;
    const cm_conv_shape *s = j->s;
    float *columns = j->scratch + (size_t)worker * j->worker_floats, *dx = j->dx + n * s->h * s->w * s->c;
    for (size_t from = 0; from < s->oh; from += j->lines) {
        const size_t count = chunk_lines(j, from);
        cm_blas_gemm_serial(false, false, count * s->ow, j->depth, s->o, 1.0f,
                            j->dy + (n * s->oh + from) * s->ow * s->o, s->o, j->weights, j->depth, 0.0f, columns,
                            j->depth);
        for (size_t l = 0; l < count; l++) scatter_line(s, columns + l * s->ow * j->depth, from + l, dx);
    }
}

/* dw += the sum over all pixels, chunk after chunk */
static void add_dw(const cm_exec *e, const conv_job *j, float *dw) {
    const cm_conv_shape *s = j->s;
    const size_t taps = s->kh * s->kw;
    float *sum = CM_PUSH_ZERO(e->scratch, float, s->o * j->depth), *filter = CM_PUSH(e->scratch, float, j->depth);
    for (size_t i = 0; sum && filter && i < s->n * j->chunks; i++) {
        const size_t n = i / j->chunks, from = i % j->chunks * j->lines;
        const size_t count = chunk_lines(j, from);
        for (size_t l = 0; l < count; l++)
            gather_line(j, j->x + n * s->h * s->w * s->c, from + l, j->scratch + l * s->ow * j->depth);
        cm_blas_gemm(e, true, false, s->o, j->depth, count * s->ow, 1.0f, j->dy + (n * s->oh + from) * s->ow * s->o,
                     s->o, j->scratch, j->depth, 1.0f, sum, j->depth);
    }
    for (size_t o = 0; sum && filter && o < s->o; o++) {
        float *to = dw + o * j->depth;
        cm_f32_microkernels_get()->transpose(taps, s->c, sum + o * j->depth, s->c, filter, taps);
        cm_f32_microkernels_get()->add(j->depth, to, filter, to);
    }
}

void cm_blas_conv2d_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy,
                         float *dx, float *dw, float *dbias) {
    if (is_better_by_f32(s)) {
        cm_f32_conv2d_grad(e, s, x, w, dy, dx, dw, dbias);
        return;
    }
    if (is_linear(s)) {
        cm_blas_linear_grad(e, s->n * s->h * s->w, s->c, s->o, x, w, dy, dx, dw, dbias);
        return;
    }
    cm_f32_bias_grad(s->n * s->oh * s->ow, s->o, dy, dbias);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    conv_job j = {.s = s, .at = {.x_row = s->c, .y_row = s->o}, .x = x, .dy = dy, .dx = dx};
    if (begin(e, &j, w)) {
        if (dx) cm_parallel(e->threads, s->n, dx_image, &j);
        if (dw) add_dw(e, &j, dw);
    }
    cm_arena_reset(e->scratch, mark);
}
