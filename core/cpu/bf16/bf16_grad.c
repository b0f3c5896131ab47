// SPDX-License-Identifier: Apache-2.0
/* Gradients of linear layers and convolutions: operands rounded to bf16, sums and results f32.
 *
 * What goes back through a layer is the layer again with its weights turned. The gradient of the weights sums over
 * pixels: the pixels of the whole batch stand in one row, where neighbouring lines and images share their padding, so
 * that a tap is a distance in that row. x is then A, channels by pixels, and a tap reads it a few pixels further on; dy
 * is B, pixels by channels, with zeros where no pixel is. Both are rounded once a chunk of pixels that stays in the
 * second-level cache, and sums [tap][c][o] are kept between chunks. Chunks depend on shapes alone, and with them the
 * order of each sum.
 */
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/bf16/bf16_ops.h"
#include "core/cpu/f32/f32_ops.h"

enum {
    CHUNK_BYTES = 768 << 10, /* of both operands' tiles */
    CHUNK_LEAST = 256,       /* pixels: sums are read and written for each chunk */
    STEPS = 12               /* whose tiles of B stay in the first-level cache while channels and taps pass */
};

typedef struct weight_job {
    const cm_bf16_microkernels *u;
    const cm_conv_shape *s;
    const float *x, *dy;
    float *dw;
    size_t taps, parts;
    size_t pitch, lines;         /* pixels from a line to the next, lines from an image to the next */
    size_t pixels, before, more; /* in the row; that the first tap lies before its output; and that taps reach on */
    size_t channels, strips;     /* of x in 16s; of dy in 32s */
    size_t chunk, first, count;  /* pixels: of a chunk at most, before this one, and in it in 32s */
    uint16_t *a, *b;             /* [channels*16][a_row], and [strips][steps][2 tiles] */
    size_t a_row, low_a;         /* low: from an upper to its lower part; 0: bf16 alone */
    float *sums, *turned;        /* [taps][channels*16][strips*32]; a worker: [32][c*taps] */
    size_t c_sums, o_sums;
} weight_job;

/* --- tiles ------------------------------------------------------------------------------ */

/* 32 pixels of the row and where their values lie; NULL in the padding. */
typedef struct stretch {
    const float *at[BF16_DEPTH];
    bool whole; /* side by side in memory */
} stretch;

/* From pixel `from` - `before` of the row on, of images h x w, c values a pixel. */
static stretch find_stretch(const weight_job *j, const float *x, size_t h, size_t w, size_t c, size_t from,
                            size_t before) {
    const size_t skipped = from < before ? bf16_min(before - from, BF16_DEPTH) : 0,
                 q = from + skipped - bf16_min(before, from + skipped);
    size_t column = q % j->pitch, line = q / j->pitch % j->lines, image = q / j->pitch / j->lines;
    stretch s = {{NULL}, false};
    for (size_t i = skipped; i < BF16_DEPTH; i++) {
        if (column < w && line < h && image < j->s->n) s.at[i] = x + ((image * h + line) * w + column) * c;
        if (++column < j->pitch) continue;
        column = 0;
        if (++line < j->lines) continue;
        line = 0;
        image++;
    }
    s.whole = s.at[0] && s.at[BF16_DEPTH - 1] == s.at[0] + (BF16_DEPTH - 1) * c;
    return s;
}

/* Channels [channel, channel+n) of a stretch [32][16], where they do not lie side by side; *step: from a pixel to the
 * next. */
static const float *gather(const stretch *s, size_t c, size_t channel, size_t n, float *some, size_t *step) {
    *step = s->whole ? c : BF16_ROWS;
    if (s->whole) return s->at[0] + channel;
    for (size_t i = 0; i < BF16_DEPTH; i++) {
        if (s->at[i]) memcpy(some + i * BF16_ROWS, s->at[i] + channel, n * sizeof *some);
        else memset(some + i * BF16_ROWS, 0, n * sizeof *some);
    }
    return some;
}

static void read_x(void *arg, size_t i, int worker) {
    (void)worker;
    const weight_job *j = arg;
    const size_t c = j->s->c;
    const stretch at = find_stretch(j, j->x, j->s->h, j->s->w, c, j->first + i * BF16_DEPTH, j->before);
    float some[BF16_TILE];
    for (size_t k = 0; k < j->channels; k++) {
        const size_t n = bf16_min(BF16_ROWS, c - k * BF16_ROWS);
        size_t step;
        const float *x = gather(&at, c, k * BF16_ROWS, n, some, &step);
        j->u->pack_a_transposed(BF16_DEPTH, n, x, step, j->low_a, j->a + k * BF16_ROWS * j->a_row + i * BF16_DEPTH,
                                j->a_row);
    }
}

static void read_dy(void *arg, size_t i, int worker) {
    (void)worker;
    const weight_job *j = arg;
    const size_t o = j->s->o, unit = 2 * BF16_TILE * j->parts, steps = j->count / BF16_DEPTH;
    const stretch at = find_stretch(j, j->dy, j->s->oh, j->s->ow, o, j->first + i * BF16_DEPTH, 0);
    float some[BF16_TILE];
    for (size_t k = 0; k < 2 * j->strips; k++) {
        const size_t n = k * BF16_ROWS < o ? bf16_min(BF16_ROWS, o - k * BF16_ROWS) : 0;
        size_t step = BF16_ROWS;
        const float *y = n ? gather(&at, o, k * BF16_ROWS, n, some, &step) : some;
        j->u->pack_b(BF16_DEPTH, n, y, step, 1, j->parts == 2 ? 2 * BF16_TILE : 0,
                     j->b + (k / 2 * steps + i) * unit + k % 2 * BF16_TILE, unit);
    }
}

/* --- products ----------------------------------------------------------------------------- */

/* One strip of 32 channels of dy by all of x, under every tap. */
static void multiply(void *arg, size_t strip, int worker) {
    (void)worker;
    static const ptrdiff_t no_segment[1] = {0};
    const weight_job *j = arg;
    const size_t steps = j->count / BF16_DEPTH, unit = 2 * BF16_TILE * j->parts;
    bf16_block b = {.segments = 1,
                    .a_segment = no_segment,
                    .a_row = j->a_row,
                    .a_step = BF16_DEPTH,
                    .a_low = j->low_a,
                    .c_row = j->o_sums};
    j->u->begin();
    for (size_t from = 0; from < steps; from += STEPS) {
        b.steps = bf16_min(STEPS, steps - from);
        b.b = j->b + (strip * steps + from) * unit;
        b.add = j->first > 0 || from > 0;
        for (size_t t = 0; t < j->taps; t++)
            for (size_t c = 0; c < j->channels; c += 2) {
                const size_t tap = t / j->s->kw * j->pitch + t % j->s->kw;
                b.a[0] = j->a + c * BF16_ROWS * j->a_row + from * BF16_DEPTH + tap;
                b.a[1] = c + 1 < j->channels ? b.a[0] + BF16_ROWS * j->a_row : NULL;
                b.c = j->sums + (t * j->c_sums + c * BF16_ROWS) * j->o_sums + strip * BF16_COLS;
                j->u->block(&b);
            }
    }
    j->u->end();
}

/* dw[o][c][tap] += sums[tap][c][o] of 32 o */
static void finish(void *arg, size_t strip, int worker) {
    const weight_job *j = arg;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t c = j->s->c, values = c * j->taps, n = bf16_min(BF16_COLS, j->s->o - strip * BF16_COLS);
    const float *sums = j->sums + strip * BF16_COLS;
    float *turned = j->turned + (size_t)worker * BF16_COLS * values, *dw = j->dw + strip * BF16_COLS * values;
    if (j->taps == 1) f->transpose(c, n, sums, j->o_sums, turned, values);
    for (size_t k = 0; k < c && j->taps > 1; k++)
        f->transpose(j->taps, n, sums + k * j->o_sums, j->c_sums * j->o_sums, turned + k * j->taps, values);
    f->add(n * values, dw, turned, dw);
}

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

static void plan(weight_job *j) {
    const cm_conv_shape *s = j->s;
    j->pitch = most(most(s->w, s->ow), most(s->w + s->pad_left, s->ow + s->kw - 1 - s->pad_left));
    j->lines = most(most(s->h, s->oh), most(s->h + s->pad_top, s->oh + s->kh - 1 - s->pad_top));
    j->pixels = ((s->n - 1) * j->lines + s->oh) * j->pitch;
    j->before = s->pad_top * j->pitch + s->pad_left;
    j->more = (s->kh - 1) * j->pitch + s->kw - 1;
    j->channels = bf16_ceil_div(s->c, BF16_ROWS);
    j->strips = bf16_ceil_div(s->o, BF16_COLS);
    const size_t fit = CHUNK_BYTES / (2 * j->parts * (j->channels * BF16_ROWS + j->strips * BF16_COLS));
    j->chunk = most(CHUNK_LEAST, fit / BF16_DEPTH * BF16_DEPTH);
    j->chunk = bf16_min(j->chunk, bf16_ceil_div(j->pixels, BF16_DEPTH) * BF16_DEPTH);
    j->a_row = (bf16_ceil_div(j->chunk + j->more, BF16_DEPTH) | 1) *
               BF16_DEPTH; /* an odd number of cache lines: rows spread over all sets */
    j->low_a = j->parts == 2 ? j->channels * BF16_ROWS * j->a_row : 0;
    j->c_sums = bf16_ceil_div(j->channels, 2) * BF16_COLS;
    j->o_sums = j->strips * BF16_COLS;
}

void cm_bf16_conv2d_dw(bool pairs, const cm_exec *e, const cm_conv_shape *s, const float *x, const float *dy,
                       float *dw) {
    if (s->n * s->oh * s->ow == 0) return;
    weight_job j = {.u = cm_bf16_microkernels_get(),
                    .s = s,
                    .x = x,
                    .dy = dy,
                    .dw = dw,
                    .taps = s->kh * s->kw,
                    .parts = pairs ? 2 : 1};
    plan(&j);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const size_t workers = e->threads > 1 ? (size_t)e->threads : 1;
    j.a = (uint16_t *)CM_PUSH(e->scratch, float, bf16_floats(j.parts * j.channels * BF16_ROWS * j.a_row));
    j.b = (uint16_t *)CM_PUSH(e->scratch, float, bf16_floats(j.parts * j.strips * BF16_COLS * j.chunk));
    j.sums = CM_PUSH(e->scratch, float, j.taps *j.c_sums *j.o_sums);
    j.turned = CM_PUSH(e->scratch, float, workers *BF16_COLS * s->c * j.taps);
    const bool ready = cm_arena_check(e->scratch) == CM_OK;
    for (j.first = 0; ready && j.first < j.pixels; j.first += j.chunk) {
        j.count = bf16_ceil_div(bf16_min(j.chunk, j.pixels - j.first), BF16_DEPTH) * BF16_DEPTH;
        cm_parallel(e->threads, bf16_ceil_div(j.count + j.more, BF16_DEPTH), read_x, &j);
        cm_parallel(e->threads, j.count / BF16_DEPTH, read_dy, &j);
        cm_parallel(e->threads, j.strips, multiply, &j);
    }
    if (ready) cm_parallel(e->threads, j.strips, finish, &j);
    cm_arena_reset(e->scratch, mark);
}

/* --- layers --------------------------------------------------------------------------------- */

void cm_bf16_linear_grad(bool pairs, const cm_exec *e, size_t rows, size_t in, size_t out, const float *x,
                         const float *w, const float *dy, float *dx, float *dw, float *dbias) {
    const bf16_linear_shape back = {.rows = rows, .in = out, .out = in, .per_image = rows, .turned = true};
    const cm_conv_shape line = {
        .n = 1, .h = 1, .w = rows, .c = in, .o = out, .kh = 1, .kw = 1, .stride = 1, .oh = 1, .ow = rows};
    if (dx) cm_bf16_linear(pairs, e, &back, &(cm_fusion){.plus = e->fresh ? NULL : dx}, dy, w, NULL, dx);
    if (dw) cm_bf16_conv2d_dw(pairs, e, &line, x, dy, dw);
    cm_f32_bias_grad(rows, out, dy, dbias);
}

/* Few channels, a stride, or more padding than kernel: f32's way. */
static bool fits(const cm_conv_shape *s) {
    return s->stride == 1 && s->c >= 8 && s->o >= 8 && s->pad_top < s->kh && s->pad_left < s->kw;
}

void cm_bf16_conv2d_grad(bool pairs, const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w,
                         const float *dy, float *dx, float *dw, float *dbias) {
    if (cm_bf16_is_linear(s, &(cm_fusion){0})) {
        cm_bf16_linear_grad(pairs, e, s->n * s->h * s->w, s->c, s->o, x, w, dy, dx, dw, dbias);
        return;
    }
    if (!fits(s)) {
        cm_f32_conv2d_grad(e, s, x, w, dy, dx, dw, dbias);
        return;
    }
    if (dx) cm_bf16_conv2d_dx(pairs, e, s, w, dy, dx);
    if (dw) cm_bf16_conv2d_dw(pairs, e, s, x, dy, dw);
    cm_f32_bias_grad(s->n * s->oh * s->ow, s->o, dy, dbias);
}
