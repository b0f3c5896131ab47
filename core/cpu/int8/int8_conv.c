// SPDX-License-Identifier: Apache-2.0
/* 3x3 convolutions with int8 operands: a chunk of input lines, with the norm and SiLU in front of it, becomes int8 with
 * a scale a line, padding around it; then 16 output pixels of a line under one tap are 16 rows of a tile.
 *
 * The three lines under an output line have three scales, so their sums are made, scaled and added one after the other.
 * A result depends neither on chunks nor on threads.
 */
#include <math.h>
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/int8/int8_ops.h"

enum { KERNEL = 3, TAPS = KERNEL * KERNEL, CHUNK_BYTES = 1024 << 10 };

typedef struct conv_job {
    const cm_int8_microkernels *u;
    const cm_bf16_microkernels *read;
    const cm_conv_shape *s;
    const cm_fusion *a;
    const float *x, *bias; /* bias: [o], or with what is added to an image [n,o] */
    float *y;
    size_t bias_image; /* from one image's bias to the next: 0 or o */
    size_t steps, strips, strip_bytes, pixel, line;
    size_t lines, images, chunks,
        groups; /* lines of an image and images of a chunk; items are chunks times groups of strips */
    const int8_t *w;
    const float *scales,
        *sums;     /* of weights: a column's scale, and [strips][3][32] sums of whole numbers under a line's taps */
    ptrdiff_t *at; /* [steps][3]: where a step's values under a tap lie from a pixel */
    size_t values, worker_bytes; /* values: of a line in bf16 */
    char *scratch;
    int8_t *rows; /* of weights: one for each worker */
    int threads;
} conv_job;

/* --- weights ------------------------------------------------------------------------ */

typedef struct conv_weights {
    const conv_job *j;
    const float *w;
    int8_t *tiles;
    float *scales, *sums;
} conv_weights;

/* Output channel o: [c][3][3] -> [3][step][3] tiles. */
static void weights_strip(void *arg, size_t strip, int worker) {
    const conv_weights *p = arg;
    const conv_job *j = p->j;
    const size_t c = j->s->c, bytes = bf16_ceil_div(c * TAPS, INT8_DEPTH) * INT8_DEPTH;
    int8_t *row = j->rows + (size_t)worker * bytes;
    for (size_t i = 0; i < BF16_COLS; i++) {
        const size_t o = strip * BF16_COLS + i;
        const bf16_prologue plain = {.kind = BF16_PLAIN, .factor = 1.0f};
        p->scales[o] = j->u->pack_a(&plain, c * TAPS, p->w + o * c * TAPS, row, INT8_DEPTH);
        int8_t *to = p->tiles + strip * j->strip_bytes + i / BF16_ROWS * INT8_TILE + i % BF16_ROWS * 4;
        for (size_t y = 0; y < KERNEL; y++) {
            int sum = 0;
            for (size_t k = 0; k < j->steps * INT8_DEPTH; k++)
                for (size_t x = 0; x < KERNEL; x++) {
                    const int8_t v = k < c ? row[k * TAPS + y * KERNEL + x] : 0;
                    to[((y * j->steps + k / INT8_DEPTH) * KERNEL + x) * 2 * INT8_TILE +
                       k % INT8_DEPTH / 4 * INT8_DEPTH + k % 4] = v;
                    sum += v;
                }
            p->sums[(strip * KERNEL + y) * BF16_COLS + i] = (float)sum;
        }
    }
}

static void fill_weights(void *arg, void *data) {
    conv_weights *p = arg;
    p->tiles = data;
    p->scales = (float *)(void *)(p->tiles + p->j->strips * p->j->strip_bytes);
    p->sums = p->scales + p->j->strips * BF16_COLS;
    cm_parallel(p->j->threads, p->j->strips, weights_strip, p);
}

/* --- lines --------------------------------------------------------------------------- */

/* A chunk: the same lines of some images. */
typedef struct conv_place {
    size_t image, images, line, lines; /* of the output */
    uint16_t *wide;                    /* a line in bf16 */
    float *scales, *offsets;           /* [images][3][lines][w]: of the lines under an output pixel */
    int8_t *in;                        /* [images][lines + 2] padded lines */
} conv_place;

/* The scale, the inverse and the offset of a line whose largest magnitude is known. SiLU's results are -0.2785 or more:
 * from there to the largest is spread over 253 numbers, so that, rounded, 127 is enough. */
static void choose_scale(const conv_job *j, float top, float *scale, float *inverse, float *offset) {
    const float least = 0.2785f, range = top + least;
    *scale = int8_scale(top);
    *inverse = int8_inverse_scale(top);
    *offset = 0.0f;
    if (j->a->act != CM_SILU) return;
    *scale = range / 253.0f;
    *inverse = 253.0f / range;
    *offset = rintf(0.5f * (top - least) * *inverse);
}

static void read_line(const conv_job *j, size_t image, size_t line, uint16_t *wide, int8_t *to, float *scale,
                      float *offset) {
    const cm_conv_shape *s = j->s;
    const bf16_prologue t = cm_bf16_prologue_of(j->a, image, s->c, 0, 0);
    const size_t pixel = j->steps * INT8_DEPTH;
    const float *from = j->x + (image * s->h + line) * s->w * s->c;
    for (size_t p = 0; p < s->w; p++, from += s->c) {
        for (size_t c = 0; line + 1 < s->h && c < s->c; c += BF16_ROWS)
            __builtin_prefetch(from + s->w * s->c + c, 0, 2);
        j->read->pack_a(&t, s->c, from, wide + p * pixel, BF16_DEPTH);
        const size_t read = bf16_ceil_div(s->c, BF16_DEPTH) * BF16_DEPTH;
        memset(wide + p * pixel + read, 0, (pixel - read) * sizeof *wide);
    }
    const float top = j->u->absmax(s->w * pixel, wide);
    float inverse;
    choose_scale(j, top, scale, &inverse, offset);
    const int nothing = fabsf(*offset) <= 127.0f ? -(int)*offset : 0;
    for (size_t p = 0; p < s->w; p++)
        j->u->quantize(pixel, inverse, *offset, wide + p * pixel, to + (p + 1) * j->pixel, INT8_DEPTH);
    memset(to, nothing, j->pixel);
    memset(to + (s->w + 1) * j->pixel, nothing, j->pixel);
}

static void read_image(const conv_job *j, const conv_place *at, size_t i) {
    const size_t w = j->s->w;
    int8_t *lines = at->in + i * (at->lines + 2) * j->line;
    const size_t scales = i * KERNEL * at->lines * w;
    for (size_t l = 0; l < at->lines + 2; l++) {
        const bool inside = at->line + l >= 1 && at->line + l <= j->s->h;
        float scale = 0.0f, offset = 0.0f;
        if (inside) read_line(j, at->image + i, at->line + l - 1, at->wide, lines + l * j->line, &scale, &offset);
        else memset(lines + l * j->line, 0, j->line);
        for (size_t y = 0; y < KERNEL; y++) /* the output lines that this one is under */
            for (size_t p = 0; l >= y && l - y < at->lines && p < w; p++) {
                at->scales[scales + (y * at->lines + l - y) * w + p] = scale;
                at->offsets[scales + (y * at->lines + l - y) * w + p] = offset;
            }
    }
}

/* --- products ---------------------------------------------------------------------- */

static void multiply(const conv_job *j, const conv_place *at, size_t strip, size_t i, int8_ring *ring) {
    const cm_conv_shape *s = j->s;
    const size_t o = strip * BF16_COLS, pixels = at->lines * s->w, first = ((at->image + i) * s->h + at->line) * s->w;
    const float *offsets = j->a->act == CM_SILU ? at->offsets + i * KERNEL * pixels : NULL;
    const float *plus = j->a->plus ? j->a->plus + first * s->o + o : NULL;
    const int8_epilogue end = {.rows = pixels,
                               .cols = BF16_COLS,
                               .rows_scale = at->scales + i * KERNEL * pixels,
                               .cols_scale = j->scales + o,
                               .rows_offset = offsets,
                               .cols_sum = j->sums + strip * KERNEL * BF16_COLS,
                               .bias = j->bias ? j->bias + (at->image + i) * j->bias_image + o : NULL,
                               .plus = plus,
                               .plus_row = s->o,
                               .y = j->y + first * s->o + o,
                               .y_row = s->o,
                               .relu = j->a->relu,
                               .more = o + BF16_COLS < s->o};
    cm_int8_tile_product(&(int8_tile_product){.u = j->u,
                                              .a = at->in + i * (at->lines + 2) * j->line,
                                              .a_row = j->pixel,
                                              .width = s->w,
                                              .line = j->line,
                                              .at = j->at,
                                              .steps = j->steps * KERNEL,
                                              .parts = KERNEL,
                                              .part_a = j->line,
                                              .part_scales = pixels,
                                              .w = j->w + strip * j->strip_bytes,
                                              .end = end},
                         ring);
}

static void one_item(void *arg, size_t item, int worker) {
    const conv_job *j = arg;
    const size_t group = item % j->groups, chunk = item / j->groups, down = bf16_ceil_div(j->s->h, j->lines);
    int8_ring ring __attribute__((aligned(64)));
    conv_place at = {.image = chunk / down * j->images, .line = chunk % down * j->lines};
    at.images = bf16_min(j->images, j->s->n - at.image);
    at.lines = bf16_min(j->lines, j->s->h - at.line);
    at.in = (int8_t *)j->scratch + (size_t)worker * j->worker_bytes;
    at.wide = (uint16_t *)(void *)(at.in + j->images * (j->lines + 2) * j->line);
    at.scales = (float *)(void *)(at.wide + j->values);
    at.offsets = at.scales + j->images * KERNEL * j->lines * j->s->w;
    cm_int8_ring_begin(&ring);
    for (size_t i = 0; i < at.images; i++) read_image(j, &at, i);
    j->u->begin();
    for (size_t strip = group * j->strips / j->groups; strip < (group + 1) * j->strips / j->groups; strip++)
        for (size_t i = 0; i < at.images; i++) multiply(j, &at, strip, i, &ring);
    cm_int8_ring_end(j->u, &ring);
    j->u->end();
}

/* --- plan -------------------------------------------------------------------------------- */

bool cm_int8_conv2d_fits(const cm_conv_shape *s, const cm_fusion *a) {
    return s->kh == KERNEL && s->kw == KERNEL && s->stride == 1 && s->pad_top == 1 && s->pad_left == 1 &&
           s->oh == s->h && s->ow == s->w && s->w % BF16_ROWS == 0 && s->c >= INT8_DEPTH &&
           s->c * TAPS <= INT8_MAX_DEPTH && s->o % BF16_COLS == 0 && !a->upsample && !a->x_row && !a->y_row;
}

/* As many lines as fit the cache; whole images, as many of them. Where chunks are fewer than threads, groups of strips.
 */
static void plan(conv_job *j) {
    const cm_conv_shape *s = j->s;
    const size_t threads = j->threads > 1 ? (size_t)j->threads : 1, fit = CHUNK_BYTES / j->line;
    const size_t most = fit > 4 ? fit - 2 : 2;
    j->lines = bf16_ceil_div(s->h, bf16_ceil_div(s->h, most));
    j->images = j->lines == s->h && fit > s->h + 2 ? bf16_min(s->n, fit / (s->h + 2)) : 1;
    j->chunks = bf16_ceil_div(s->h, j->lines) * bf16_ceil_div(s->n, j->images);
    j->groups = j->chunks >= 2 * threads || threads == 1 ? 1 : bf16_min(j->strips, 2 * threads);
}

/* What is added to an image's pixels, with the bias, where that is not the bias alone. */
static bool add_biases(conv_job *j, cm_arena *scratch) {
    const size_t n = j->s->n, o = j->s->o;
    if (!j->a->image) return true;
    float *sum = CM_PUSH(scratch, float, n *o);
    for (size_t i = 0; sum && i < n * o; i++) sum[i] = j->a->image[i] + (j->bias ? j->bias[i % o] : 0.0f);
    j->bias = sum;
    j->bias_image = o;
    return sum != NULL;
}

static bool place_steps(conv_job *j, cm_arena *scratch) {
    j->at = CM_PUSH(scratch, ptrdiff_t, j->steps * KERNEL);
    for (size_t i = 0; j->at && i < j->steps * KERNEL; i++)
        j->at[i] = (ptrdiff_t)(i / KERNEL * INT8_DEPTH + i % KERNEL * j->pixel);
    return j->at != NULL;
}

void cm_int8_conv2d(const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a, const float *x, const float *w,
                    const float *bias, float *y) {
    const size_t threads = e->threads > 1 ? (size_t)e->threads : 1;
    conv_job j = {.u = cm_int8_microkernels_get(),
                  .read = cm_bf16_microkernels_get(),
                  .s = s,
                  .a = a,
                  .x = x,
                  .bias = bias,
                  .y = y,
                  .threads = e->threads,
                  .steps = bf16_ceil_div(s->c, INT8_DEPTH),
                  .strips = s->o / BF16_COLS};
    if (s->n * s->h * s->w * s->o == 0) return;
    j.strip_bytes = TAPS * j.steps * 2 * INT8_TILE;
    j.pixel = (j.steps + (j.steps % 2 == 0)) *
              INT8_DEPTH; /* an odd number of cache lines: a tile's rows then spread over all sets */
    j.line = (s->w + 2) * j.pixel;
    j.values = s->w * j.steps * INT8_DEPTH;
    plan(&j);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    j.rows = cm_arena_push(e->scratch, threads * bf16_ceil_div(s->c * TAPS, INT8_DEPTH) * INT8_DEPTH);
    conv_weights weights = {.j = &j, .w = w};
    const size_t bytes = j.strips * (j.strip_bytes + (1 + KERNEL) * BF16_COLS * sizeof(float));
    if (j.rows)
        j.w = (const int8_t *)cm_bf16_pack(e, BF16_PACK_INT8, false, bytes / sizeof(uint16_t), fill_weights, &weights);
    j.scales = (const float *)(const void *)(j.w + j.strips * j.strip_bytes);
    j.sums = j.scales + j.strips * BF16_COLS;
    j.worker_bytes = j.images * (j.lines + 2) * j.line + j.values * sizeof(uint16_t) +
                     2 * j.images * KERNEL * j.lines * s->w * sizeof(float);
    j.worker_bytes = bf16_ceil_div(j.worker_bytes, 64) * 64;
    j.scratch = cm_arena_push(e->scratch, threads * j.worker_bytes);
    if (j.w && j.scratch && add_biases(&j, e->scratch) && place_steps(&j, e->scratch))
        cm_parallel(e->threads, j.chunks * j.groups, one_item, &j);
    cm_arena_reset(e->scratch, mark);
}
