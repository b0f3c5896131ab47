// SPDX-License-Identifier: Apache-2.0
/* A transformer's feed-forward layer in one pass over blocks of rows: a piece of the hidden values is kept as bf16
 * until each row's largest is known, becomes int8, and is multiplied and added to y before the next piece is made. */
#include "core/base/threads.h"
#include "core/cpu/int8/int8_ops.h"

enum { HIDDEN_STEPS = 10 /* of a piece */, PANEL = 128, STAY = 1300 << 10, CACHE = 1100 << 10, APART = 32 };

typedef struct feed_job {
    const cm_int8_microkernels *u;
    const cm_feed_forward_shape *s;
    const float *x;
    float *y;
    int8_weights w1, w2;
    const ptrdiff_t *at;
    size_t piece, hidden_row, block; /* hidden_row: an odd number of cache lines */
    size_t worker_bytes;
    char *scratch;
} feed_job;

typedef struct feed_place {
    float *in_scales, *hidden_scales;
    int8_t *in, *hidden;
    uint16_t *gated;
    size_t first, rows;
    int8_ring ring;
} feed_place;

static void read_rows(const feed_job *j, feed_place *at) {
    const cm_feed_forward_shape *s = j->s;
    const bf16_prologue t = {.kind = BF16_LAYER_NORM, .scale = s->gamma, .shift = s->beta, .eps = s->eps};
    for (size_t r = 0; r < at->rows; r++)
        at->in_scales[r] =
            j->u->pack_a(&t, s->c, j->x + (at->first + r) * s->c, int8_row_at(at->in, j->w1.steps, r), INT8_TILE);
    cm_int8_fill_up(at->in, j->w1.steps, j->w1.steps, at->rows);
}

/* hidden steps [step, step+count): four strips of 16 values and 16 gates make one step */
static void make_hidden(const feed_job *j, feed_place *at, size_t step, size_t count) {
    const size_t strips = INT8_DEPTH / BF16_ROWS;
    for (size_t h = step * strips; h < (step + count) * strips; h++) {
        const float *bias = j->s->b1 + h * BF16_ROWS;
        const int8_epilogue end = {.rows = at->rows,
                                   .rows_scale = at->in_scales,
                                   .cols_scale = j->w1.scales + h * BF16_COLS,
                                   .bias = bias,
                                   .gated = at->gated + (h - step * strips) * BF16_ROWS,
                                   .gated_row = j->hidden_row,
                                   .bias_gate = bias + j->s->hidden};
        cm_int8_tile_product(&(int8_tile_product){.u = j->u,
                                                  .a = at->in,
                                                  .half = j->w1.steps * INT8_TILE,
                                                  .a_row = INT8_DEPTH,
                                                  .at = j->at,
                                                  .w = j->w1.tiles + h * j->w1.strip_bytes,
                                                  .steps = j->w1.steps,
                                                  .end = end},
                             &at->ring);
    }
    cm_int8_ring_end(j->u, &at->ring);
    for (size_t r = 0; r < at->rows; r++) {
        const uint16_t *row = at->gated + r * j->hidden_row;
        const float top = j->u->absmax(count * INT8_DEPTH, row);
        at->hidden_scales[r] = int8_scale(top);
        j->u->quantize(count * INT8_DEPTH, int8_inverse_scale(top), 0.0f, row, int8_row_at(at->hidden, j->piece, r),
                       INT8_TILE);
    }
    cm_int8_fill_up(at->hidden, j->piece, count, at->rows);
}

static void add_product(const feed_job *j, feed_place *at, size_t step, size_t count) {
    const size_t c = j->s->c;
    const float *plus = step ? j->y : j->x;
    for (size_t strip = 0; strip < j->w2.strips; strip++) {
        const size_t column = strip * BF16_COLS, to = at->first * c + column;
        const int8_epilogue end = {.rows = at->rows,
                                   .cols = BF16_COLS,
                                   .rows_scale = at->hidden_scales,
                                   .cols_scale = j->w2.scales + column,
                                   .bias = step ? NULL : j->s->b2 + column,
                                   .plus = plus + to,
                                   .plus_row = c,
                                   .y = j->y + to,
                                   .y_row = c,
                                   .more = strip + 1 < j->w2.strips};
        cm_int8_tile_product(&(int8_tile_product){.u = j->u,
                                                  .a = at->hidden,
                                                  .half = j->piece * INT8_TILE,
                                                  .a_row = INT8_DEPTH,
                                                  .at = j->at,
                                                  .steps = count,
                                                  .w = j->w2.tiles + strip * j->w2.strip_bytes + step * 2 * INT8_TILE,
                                                  .end = end},
                             &at->ring);
    }
    cm_int8_ring_end(j->u, &at->ring);
}

static void one_block(void *arg, size_t i, int worker) {
    const feed_job *j = arg;
    feed_place at __attribute__((aligned(64)));
    at.first = i * j->block;
    at.rows = bf16_min(j->block, j->s->rows - at.first);
    at.in_scales = (float *)(void *)(j->scratch + (size_t)worker * j->worker_bytes);
    at.hidden_scales = at.in_scales + j->block;
    at.in = (int8_t *)(at.hidden_scales + j->block);
    at.hidden = at.in + j->block * j->w1.steps * INT8_DEPTH;
    at.gated = (uint16_t *)(void *)(at.hidden + j->block * j->piece * INT8_DEPTH);
    cm_int8_ring_begin(&at.ring);
    read_rows(j, &at);
    j->u->begin();
    for (size_t step = 0; step < j->w2.steps; step += j->piece) {
        const size_t count = bf16_min(j->piece, j->w2.steps - step);
        make_hidden(j, &at, step, count);
        add_product(j, &at, step, count);
    }
    j->u->end();
}

bool cm_int8_feed_forward_fits(const cm_feed_forward_shape *s) {
    return s->c % BF16_COLS == 0 && s->c <= INT8_MAX_DEPTH && s->hidden % INT8_DEPTH == 0 && s->b1 && s->b2;
}

void cm_int8_feed_forward(const cm_exec *e, const cm_feed_forward_shape *s, const float *x, float *y) {
    const size_t threads = e->threads > 1 ? (size_t)e->threads : 1;
    feed_job j = {.u = cm_int8_microkernels_get(), .s = s, .x = x, .y = y};
    if (s->rows == 0) return;
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    cm_exec first = *e, second = *e;
    first.packs = s->packs1;
    second.packs = s->packs2;
    j.w1 = cm_int8_pack_weights(&first, s->c, 2 * s->hidden, true, s->w1);
    j.w2 = cm_int8_pack_weights(&second, s->hidden, s->c, false, s->w2);
    j.piece = bf16_min(HIDDEN_STEPS, j.w2.steps);
    j.hidden_row = j.piece * INT8_DEPTH + APART;
    const size_t row_bytes = (j.w1.steps + j.piece) * INT8_DEPTH + j.hidden_row * sizeof(uint16_t) + 2 * sizeof(float);
    const size_t fit = CACHE / (row_bytes + s->c * sizeof(float)) / BF16_COLS * BF16_COLS;
    const size_t stay = j.w1.strips * j.w1.strip_bytes + j.w2.strips * j.w2.strip_bytes <= STAY,
                 most = stay || fit < PANEL ? PANEL : fit;
    j.block = bf16_block_rows(s->rows, most, threads);
    j.worker_bytes = j.block * row_bytes;
    j.scratch = cm_arena_push(e->scratch, threads * j.worker_bytes);
    j.at = cm_int8_tiles_at(j.w1.steps > j.piece ? j.w1.steps : j.piece, e->scratch);
    if (j.w1.tiles && j.w2.tiles && j.scratch && j.at)
        cm_parallel(e->threads, bf16_ceil_div(s->rows, j.block), one_block, &j);
    cm_arena_reset(e->scratch, mark);
}
