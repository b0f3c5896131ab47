// SPDX-License-Identifier: Apache-2.0
/* A transformer's feed-forward layer in one pass over blocks of rows: the layer norm's tiles, a piece of the hidden
 * values and the sums of the second product all stay in the second-level cache, and memory sees x and y alone. */
#include "core/base/threads.h"
#include "core/cpu/bf16/bf16_ops.h"

enum { HIDDEN_STEPS = 20 /* of a piece of the hidden values; half as many with lower parts */, CACHE = 1300 << 10 };

typedef struct feed_job {
    const cm_bf16_microkernels *u;
    const cm_feed_forward_shape *s;
    const float *x;
    float *y;
    const uint16_t *w1, *w2;
    size_t parts, unit;                /* unit: values of two tiles' weights */
    size_t steps, hidden_steps, piece; /* of 32: of a row, of the hidden values, of a piece of those */
    size_t block, low_in, low_hidden;
    size_t in_values, hidden_values, worker_floats;
    float *scratch;
} feed_job;

typedef struct feed_place {
    uint16_t *in, *hidden; /* tiles [16s of rows][steps] and [16s of rows][piece] */
    bf16_sums *sums;       /* [strips][pairs of 16 rows] */
    size_t first, rows, pairs;
} feed_place;

static void read_rows(const feed_job *j, const feed_place *at) {
    const cm_feed_forward_shape *s = j->s;
    const bf16_prologue t = {
        .kind = BF16_LAYER_NORM, .scale = s->gamma, .shift = s->beta, .eps = s->eps, .low = j->low_in};
    for (size_t r = 0; r < at->pairs * BF16_COLS; r++) {
        const size_t row = at->first + (r < at->rows ? r : 0); /* past the end: any row, its results are not written */
        j->u->pack_a(&t, s->c, j->x + row * s->c,
                     at->in + r / BF16_ROWS * j->steps * BF16_TILE + r % BF16_ROWS * BF16_DEPTH, BF16_TILE);
    }
}

/* hidden steps [step, step+count): two strips of 16 values and 16 gates make one step */
static void make_hidden(const feed_job *j, const feed_place *at, size_t step, size_t count) {
    bf16_sums sums[BF16_PAIRS] __attribute__((aligned(64)));
    for (size_t h = 2 * step; h < 2 * (step + count); h++) {
        const float *bias = j->s->b1 + h * BF16_ROWS;
        for (size_t p = 0; p < at->pairs; p += BF16_PAIRS) {
            const size_t pairs = bf16_min(BF16_PAIRS, at->pairs - p);
            cm_bf16_tile_product(&(bf16_tile_product){.u = j->u,
                                                      .tiles = at->in + 2 * p * j->steps * BF16_TILE,
                                                      .held = j->steps,
                                                      .halves = 2 * pairs,
                                                      .low = j->low_in,
                                                      .w = j->w1 + h * j->steps * j->unit,
                                                      .steps = j->steps,
                                                      .sums = sums});
            for (size_t i = 0; i < pairs; i++) {
                uint16_t *to = at->hidden + (2 * (p + i) * j->piece + h / 2 - step) * BF16_TILE + h % 2 * BF16_ROWS;
                j->u->geglu_tiles(&(bf16_geglu_tiles){.rows = BF16_COLS,
                                                      .c = sums[i],
                                                      .bias = bias,
                                                      .bias_gate = bias + j->s->hidden,
                                                      .y = to,
                                                      .half = j->piece * BF16_TILE,
                                                      .low = j->low_hidden});
            }
        }
    }
}

static void write_strip(const feed_job *j, const feed_place *at, size_t strip, size_t pair, const float *sums) {
    const size_t c = j->s->c, row = pair * BF16_COLS, to = (at->first + row) * c + strip * BF16_COLS;
    if (row >= at->rows) return;
    j->u->epilogue(&(bf16_epilogue){.rows = bf16_min(BF16_COLS, at->rows - row),
                                    .cols = BF16_COLS,
                                    .c = sums,
                                    .c_row = BF16_COLS,
                                    .bias = j->s->b2 + strip * BF16_COLS,
                                    .plus = j->x + to,
                                    .plus_row = c,
                                    .y = j->y + to,
                                    .y_row = c});
}

static void add_product(const feed_job *j, const feed_place *at, size_t step, size_t count) {
    const bool last = step + count == j->hidden_steps;
    for (size_t strip = 0; strip < j->steps; strip++) {
        const uint16_t *w = j->w2 + (strip * j->hidden_steps + step) * j->unit;
        for (size_t p = 0; p < at->pairs; p += BF16_PAIRS) {
            const size_t pairs = bf16_min(BF16_PAIRS, at->pairs - p);
            bf16_sums *sums = at->sums + strip * at->pairs + p;
            cm_bf16_tile_product(&(bf16_tile_product){.u = j->u,
                                                      .tiles = at->hidden + 2 * p * j->piece * BF16_TILE,
                                                      .held = j->piece,
                                                      .halves = 2 * pairs,
                                                      .low = j->low_hidden,
                                                      .w = w,
                                                      .steps = count,
                                                      .add = step > 0,
                                                      .sums = sums});
            for (size_t i = 0; last && i < pairs; i++) write_strip(j, at, strip, p + i, sums[i]);
        }
    }
}

static void one_block(void *arg, size_t i, int worker) {
    const feed_job *j = arg;
    float *scratch = j->scratch + (size_t)worker * j->worker_floats;
    feed_place at = {.first = i * j->block, .sums = (bf16_sums *)(void *)scratch};
    at.rows = bf16_min(j->block, j->s->rows - at.first);
    at.pairs = bf16_ceil_div(at.rows, BF16_COLS);
    at.in = (uint16_t *)(void *)(scratch + j->block * j->s->c);
    at.hidden = at.in + j->in_values;
    j->u->begin();
    read_rows(j, &at);
    for (size_t step = 0; step < j->hidden_steps; step += j->piece) {
        const size_t count = bf16_min(j->piece, j->hidden_steps - step);
        make_hidden(j, &at, step, count);
        add_product(j, &at, step, count);
    }
    j->u->end();
}

bool cm_bf16_feed_forward_fits(const cm_feed_forward_shape *s) {
    return s->c % BF16_COLS == 0 && s->hidden % BF16_COLS == 0 && s->b1 && s->b2;
}

void cm_bf16_feed_forward(bool pairs, const cm_exec *e, const cm_feed_forward_shape *s, const float *x, float *y) {
    const size_t threads = e->threads > 1 ? (size_t)e->threads : 1, parts = pairs ? 2 : 1;
    feed_job j = {.u = cm_bf16_microkernels_get(),
                  .s = s,
                  .x = x,
                  .y = y,
                  .parts = parts,
                  .unit = 2 * BF16_TILE * parts,
                  .steps = s->c / BF16_DEPTH,
                  .hidden_steps = s->hidden / BF16_DEPTH};
    if (s->rows == 0) return;
    j.piece = bf16_min(HIDDEN_STEPS / parts, j.hidden_steps);
    const size_t row = (j.steps + j.piece) * BF16_DEPTH * 2 * parts + s->c * 4,
                 fit = CACHE / row / BF16_COLS * BF16_COLS;
    j.block = bf16_block_rows(s->rows, fit > 4 * BF16_COLS ? fit : 4 * BF16_COLS, threads);
    j.low_in = pairs ? j.block * s->c : 0;
    j.low_hidden = pairs ? j.block * j.piece * BF16_DEPTH : 0;
    j.in_values = j.block * s->c * parts;
    j.hidden_values = j.block * j.piece * BF16_DEPTH * parts;
    j.worker_floats = j.block * s->c + bf16_floats(j.in_values + j.hidden_values);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    cm_exec first = *e, second = *e;
    first.packs = s->packs1;
    second.packs = s->packs2;
    j.w1 = cm_bf16_linear_weights(pairs, &first, s->c, 2 * s->hidden, true, s->w1);
    j.w2 = cm_bf16_linear_weights(pairs, &second, s->hidden, s->c, false, s->w2);
    j.scratch = CM_PUSH(e->scratch, float, threads *j.worker_floats);
    if (j.w1 && j.w2 && j.scratch) cm_parallel(e->threads, bf16_ceil_div(s->rows, j.block), one_block, &j);
    cm_arena_reset(e->scratch, mark);
}
