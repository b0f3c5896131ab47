// SPDX-License-Identifier: Apache-2.0
/* Convolutions: which way each goes, and the direct way.
 *
 * 1x1 is a matrix product, 3x3 with enough channels goes by Winograd, the rest
 * is direct: a chunk of input lines is copied with its padding, and then the
 * values under one kernel row, kw*c of them, lie side by side for each output
 * pixel, so that tiles read them in place. No column buffer exists.
 */
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/f32/f32_ops.h"

enum { CHUNK = 24 * 1024 }; /* floats of padded lines: with the weights in the second-level cache */

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static bool is_product(const cm_conv_shape *s) {
    return s->kh == 1 && s->kw == 1 && s->stride == 1 && s->pad_top == 0 && s->pad_left == 0 && s->oh == s->h &&
           s->ow == s->w;
}

void cm_f32_conv2d_strided_channels(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p,
                                    const float *x, const float *w, const float *bias, float *y) {
    if (is_product(s)) {
        cm_f32_matmul(e, &(cm_f32_product){.m = s->n * s->h * s->w,
                                           .n = s->o,
                                           .k = s->c,
                                           .a = x,
                                           .a_row = p->x_row,
                                           .a_step = 1,
                                           .b = w,
                                           .b_row = 1,
                                           .b_col = s->c,
                                           .bias = bias,
                                           .c = y,
                                           .c_row = p->y_row,
                                           .alpha = 1.0f,
                                           .relu = p->relu});
    } else if (cm_f32_winograd_fits(s)) {
        cm_f32_winograd(e, s, p, x, w, bias, y);
    } else {
        cm_f32_conv_direct(e, s, p, x, w, bias, y);
    }
}

void cm_f32_conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias,
                   float *y) {
    cm_f32_conv2d_strided_channels(e, s, &(cm_channel_strides){.x_row = s->c, .y_row = s->o}, x, w, bias, y);
}

void cm_f32_conv2d_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy,
                        float *dx, float *dw, float *dbias) {
    if (is_product(s)) {
        cm_f32_linear_grad(e, s->n * s->h * s->w, s->c, s->o, x, w, dy, dx, dw, dbias);
        return;
    }
    cm_f32_bias_grad(s->n * s->oh * s->ow, s->o, dy, dbias);
    if (cm_f32_winograd_fits(s)) {
        cm_f32_winograd_grad(e, s, x, w, dy, dx, dw);
        return;
    }
    if (dx) cm_f32_conv_direct_dx(e, s, w, dy, dx);
    if (dw) cm_f32_conv_direct_dw(e, s, x, dy, dw);
}

/* --- padded lines ------------------------------------------------------------ */

typedef struct lines {
    size_t width, floats; /* of a padded line, in pixels and floats */
    size_t out;           /* output lines a chunk */
    size_t buffer;        /* floats of a chunk's input lines, with a vector of slack */
} lines;

static lines plan_lines(const cm_conv_shape *s) {
    lines l = {.width = (s->ow - 1) * s->stride + s->kw};
    l.floats = l.width * s->c;
    const size_t fit = CHUNK / l.floats;
    l.out = least(s->oh, fit > s->kh ? (fit - s->kh) / s->stride + 1 : 1);
    l.buffer = ((l.out - 1) * s->stride + s->kh) * l.floats + 64;
    return l;
}

/* input lines under output lines [from, from+count) of one image; pixels stand x_row apart */
static void copy_padded(const cm_conv_shape *s, const lines *l, size_t x_row, const float *x, size_t from, size_t count,
                        float *to) {
    const size_t pixels = s->pad_left < l->width ? least(s->w, l->width - s->pad_left) : 0;
    memset(to, 0, l->buffer * sizeof *to);
    for (size_t r = 0; r < (count - 1) * s->stride + s->kh; r++) {
        const size_t y = from * s->stride + r;
        if (y < s->pad_top || y - s->pad_top >= s->h) continue;
        const float *line = x + (y - s->pad_top) * s->w * x_row;
        float *into = to + r * l->floats + s->pad_left * s->c;
        if (x_row == s->c) memcpy(into, line, pixels * s->c * sizeof *to);
        for (size_t i = 0; x_row != s->c && i < pixels; i++)
            memcpy(into + i * s->c, line + i * x_row, s->c * sizeof *to);
    }
}

/* [o,c,kh,kw] -> strips [ceil(o/cols)][kh*kw*c][cols]; turned: of the kernel that carries gradients back,
 * mirrored and with o and c exchanged */
static void pack_weights(const cm_conv_shape *s, bool turned, const float *w, float *to) {
    const size_t cols = cm_f32_microkernels_get()->cols, taps = s->kh * s->kw;
    const size_t out = turned ? s->c : s->o, in = turned ? s->o : s->c;
    const size_t out_step = turned ? taps : s->c * taps, in_step = turned ? s->c * taps : taps;
    for (size_t j = 0; j < out; j += cols)
        for (size_t t = 0; t < taps; t++)
            for (size_t c = 0; c < in; c++, to += cols) {
                const float *from = w + j * out_step + c * in_step + (turned ? taps - 1 - t : t);
                for (size_t l = 0; l < cols; l++) to[l] = j + l < out ? from[l * out_step] : 0.0f;
            }
}

/* --- forward, and back through stride 1 ---------------------------------------- */

typedef struct direct_job {
    const cm_conv_shape *s;
    cm_channel_strides at;
    lines l;
    const float *x, *packed, *bias;
    float *y, *scratch;
    size_t chunks; /* an image */
    bool add;
} direct_job;

static void direct_piece(void *arg, size_t i, int worker) {
    const direct_job *j = arg;
    const cm_conv_shape *s = j->s;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t n = i / j->chunks, from = i % j->chunks * j->l.out, count = least(j->l.out, s->oh - from);
    float *in = j->scratch + (size_t)worker * j->l.buffer;
    copy_padded(s, &j->l, j->at.x_row, j->x + n * s->h * s->w * j->at.x_row, from, count, in);
    const cm_panel p = {.k = s->kw * s->c,
                        .segments = s->kh,
                        .a_row = s->stride * s->c,
                        .a_step = 1,
                        .a_segment = j->l.floats,
                        .b_step = f->cols,
                        .b_segment = s->kw * s->c * f->cols,
                        .c_row = j->at.y_row,
                        .add = j->add,
                        .relu = j->at.relu};
    for (size_t o = 0; o < s->o; o += f->cols) {
        const float *strip = j->packed + o * s->kh * s->kw * s->c;
        for (size_t line = 0; line < count; line++)
            f->panel(&p, s->ow, least(f->cols, s->o - o), in + line * s->stride * j->l.floats, strip,
                     j->bias ? j->bias + o : NULL, j->y + ((n * s->oh + from + line) * s->ow) * j->at.y_row + o);
    }
}

static void direct(const cm_exec *e, direct_job j) {
    const cm_conv_shape *s = j.s;
    j.l = plan_lines(s);
    j.chunks = (s->oh + j.l.out - 1) / j.l.out;
    j.scratch = CM_PUSH(e->scratch, float, (size_t)(e->threads > 1 ? e->threads : 1) * j.l.buffer);
    if (j.scratch) cm_parallel(e->threads, s->n * j.chunks, direct_piece, &j);
}

static float *push_packed(const cm_exec *e, const cm_conv_shape *s, size_t out, size_t in) {
    return CM_PUSH(e->scratch, float, cm_f32_round_up(out, cm_f32_microkernels_get()->cols) * s->kh * s->kw * in);
}

void cm_f32_conv_direct(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p, const float *x,
                        const float *w, const float *bias, float *y) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    float *packed = push_packed(e, s, s->o, s->c);
    if (packed) {
        pack_weights(s, false, w, packed);
        direct(e, (direct_job){.s = s, .at = *p, .x = x, .packed = packed, .bias = bias, .y = y});
    }
    cm_arena_reset(e->scratch, mark);
}

/* --- back through a stride -------------------------------------------------------- */

typedef struct strided_job {
    const cm_conv_shape *s;
    const float *dy, *weights; /* [o][kh,kw,c] */
    float *dx, *scratch;
    size_t lines, columns, worker_floats;
} strided_job;

/* one image: columns [lines*ow, kh*kw*c] = dy weights, then each is added where it belongs */
static void strided_image(void *arg, size_t n, int worker) {
    const strided_job *j = arg;
    const cm_conv_shape *s = j->s;
    float *columns = j->scratch + (size_t)worker * j->worker_floats, *rest = columns + j->lines * s->ow * j->columns;
    float *dx = j->dx + n * s->h * s->w * s->c;
    for (size_t y0 = 0; y0 < s->oh; y0 += j->lines) {
        const size_t pixels = least(j->lines, s->oh - y0) * s->ow;
        cm_f32_matmul_serial(&(cm_f32_product){.m = pixels,
                                               .n = j->columns,
                                               .k = s->o,
                                               .a = j->dy + (n * s->oh + y0) * s->ow * s->o,
                                               .a_row = s->o,
                                               .a_step = 1,
                                               .b = j->weights,
                                               .b_row = j->columns,
                                               .b_col = 1,
                                               .c = columns,
                                               .c_row = j->columns,
                                               .alpha = 1.0f},
                             rest);
        for (size_t p = 0; p < pixels * s->kh * s->kw; p++) {
            const size_t tap = p % (s->kh * s->kw), pixel = p / (s->kh * s->kw);
            const size_t y = (y0 + pixel / s->ow) * s->stride + tap / s->kw,
                         x = pixel % s->ow * s->stride + tap % s->kw;
            if (y < s->pad_top || y - s->pad_top >= s->h || x < s->pad_left || x - s->pad_left >= s->w) continue;
            float *to = dx + ((y - s->pad_top) * s->w + x - s->pad_left) * s->c;
            cm_f32_microkernels_get()->add(s->c, to, columns + p * s->c, to);
        }
    }
}

static void strided_dx(const cm_exec *e, const cm_conv_shape *s, const float *w, const float *dy, float *dx) {
    const size_t taps = s->kh * s->kw, workers = e->threads > 1 ? (size_t)e->threads : 1;
    strided_job j = {.s = s, .dy = dy, .dx = dx, .columns = taps * s->c};
    const size_t fit = 4 * CHUNK / (s->ow * j.columns);
    j.lines = least(s->oh, fit ? fit : 1);
    j.worker_floats = j.lines * s->ow * j.columns + cm_f32_matmul_scratch(j.lines * s->ow, j.columns, s->o);
    float *weights = CM_PUSH(e->scratch, float, s->o *j.columns);
    j.scratch = CM_PUSH(e->scratch, float, workers *j.worker_floats);
    if (!j.scratch || !weights) return;
    for (size_t o = 0; o < s->o; o++)
        cm_f32_microkernels_get()->transpose(s->c, taps, w + o * j.columns, taps, weights + o * j.columns, s->c);
    j.weights = weights;
    cm_parallel(e->threads, s->n, strided_image, &j);
}

void cm_f32_conv_direct_dx(const cm_exec *e, const cm_conv_shape *s, const float *w, const float *dy, float *dx) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    if (s->stride > 1 || s->pad_top >= s->kh || s->pad_left >= s->kw) {
        strided_dx(e, s, w, dy, dx);
    } else {
        const cm_conv_shape back = {.n = s->n,
                                    .h = s->oh,
                                    .w = s->ow,
                                    .c = s->o,
                                    .o = s->c,
                                    .kh = s->kh,
                                    .kw = s->kw,
                                    .stride = 1,
                                    .pad_top = s->kh - 1 - s->pad_top,
                                    .pad_left = s->kw - 1 - s->pad_left,
                                    .oh = s->h,
                                    .ow = s->w};
        float *packed = push_packed(e, s, s->c, s->o);
        if (packed) {
            pack_weights(s, true, w, packed);
            direct(e, (direct_job){.s = &back,
                                   .at = {.x_row = back.c, .y_row = back.o},
                                   .x = dy,
                                   .packed = packed,
                                   .y = dx,
                                   .add = true});
        }
    }
    cm_arena_reset(e->scratch, mark);
}

/* --- the weights' gradient ----------------------------------------------------------- */

typedef struct weight_job {
    const cm_conv_shape *s;
    lines l;
    const float *dy;
    float *in, *sum; /* [o][kh,kw,c] */
    size_t count;    /* lines in this chunk */
    bool add;
} weight_job;

/* one kernel row: sum[o][i][j,c] += over pixels dy[pixel][o] in[pixel under (i,j)][c] */
static void weight_row(void *arg, size_t i, int worker) {
    (void)worker;
    const weight_job *j = arg;
    const cm_conv_shape *s = j->s;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t run = s->kw * s->c;
    const cm_panel p = {.k = s->ow,
                        .segments = j->count,
                        .a_row = 1,
                        .a_step = s->o,
                        .a_segment = s->ow * s->o,
                        .b_step = s->stride * s->c,
                        .b_segment = s->stride * j->l.floats,
                        .c_row = s->kh * run,
                        .add = j->add};
    for (size_t c = 0; c < run; c += f->cols)
        f->panel(&p, s->o, least(f->cols, run - c), j->dy, j->in + i * j->l.floats + c, NULL, j->sum + i * run + c);
}

void cm_f32_conv_direct_dw(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *dy, float *dw) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const size_t taps = s->kh * s->kw;
    weight_job j = {.s = s, .l = plan_lines(s)};
    j.in = CM_PUSH(e->scratch, float, j.l.buffer);
    j.sum = CM_PUSH(e->scratch, float, s->o *taps * s->c);
    float *turned = CM_PUSH(e->scratch, float, taps * s->c);
    for (size_t n = 0; turned && n < s->n; n++) {
        for (size_t from = 0; from < s->oh; from += j.l.out, j.add = true) {
            j.count = least(j.l.out, s->oh - from);
            j.dy = dy + (n * s->oh + from) * s->ow * s->o;
            copy_padded(s, &j.l, s->c, x + n * s->h * s->w * s->c, from, j.count, j.in);
            cm_parallel(e->threads, s->kh, weight_row, &j);
        }
    }
    for (size_t o = 0; turned && j.add && o < s->o; o++) {
        float *to = dw + o * taps * s->c;
        cm_f32_microkernels_get()->transpose(taps, s->c, j.sum + o * taps * s->c, s->c, turned, taps);
        cm_f32_microkernels_get()->add(taps * s->c, to, turned, to);
    }
    cm_arena_reset(e->scratch, mark);
}
