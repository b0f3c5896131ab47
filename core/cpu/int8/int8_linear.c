// SPDX-License-Identifier: Apache-2.0
/* Linear layers: blocks of rows become tiles of int8 once, then every strip of 32 columns passes over them. Where the
 * weights stay in the second-level cache beside them, blocks are small, so that what is written does too. */
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/int8/int8_ops.h"

enum { PANEL = 128, STAY = 700 << 10, BLOCK_BYTES = 640 << 10 };

/* --- weights -------------------------------------------------------------------- */

typedef struct pack_job {
    const cm_int8_microkernels *u;
    const float *w;
    size_t in, out;
    int8_weights pack;
    bool geglu;
    int threads;
    int8_t *tiles, *rows; /* rows: one for each worker */
    float *scales;
} pack_job;

static void pack_column(const pack_job *j, size_t column, int8_t *row, int8_t *tile, float *scale) {
    const size_t bytes = j->pack.steps * INT8_DEPTH;
    if (column < j->out)
        *scale = j->u->pack_a(&(bf16_prologue){.kind = BF16_PLAIN, .factor = 1.0f}, j->in, j->w + column * j->in, row,
                              INT8_DEPTH);
    else memset(row, 0, bytes);
    for (size_t k = 0; k < bytes; k += 4)
        memcpy(tile + k / INT8_DEPTH * 2 * INT8_TILE + k % INT8_DEPTH / 4 * INT8_DEPTH, row + k, 4);
}

static void pack_strip(void *arg, size_t strip, int worker) {
    const pack_job *j = arg;
    int8_t *row = j->rows + (size_t)worker * j->pack.steps * INT8_DEPTH;
    for (size_t i = 0; i < BF16_COLS; i++) {
        const size_t tile = i / BF16_ROWS, half = j->out / 2, in_half = strip * BF16_ROWS + i % BF16_ROWS;
        const size_t gated = in_half < half ? in_half + tile * half : j->out;
        float *scale = j->scales + strip * BF16_COLS + i;
        *scale = 0.0f;
        pack_column(j, j->geglu ? gated : strip * BF16_COLS + i, row,
                    j->tiles + strip * j->pack.strip_bytes + tile * INT8_TILE + i % BF16_ROWS * 4, scale);
    }
}

static void fill_weights(void *arg, void *data) {
    pack_job *j = arg;
    j->tiles = data;
    j->scales = (float *)(void *)(j->tiles + j->pack.strips * j->pack.strip_bytes);
    cm_parallel(j->threads, j->pack.strips, pack_strip, j);
}

int8_weights cm_int8_pack_weights(const cm_exec *e, size_t in, size_t out, bool geglu, const float *w) {
    const size_t threads = e->threads > 1 ? (size_t)e->threads : 1;
    int8_weights p = {.steps = bf16_ceil_div(in, INT8_DEPTH),
                      .strips = geglu ? bf16_ceil_div(out / 2, BF16_ROWS) : bf16_ceil_div(out, BF16_COLS)};
    p.strip_bytes = p.steps * 2 * INT8_TILE;
    pack_job j = {.u = cm_int8_microkernels_get(),
                  .w = w,
                  .in = in,
                  .out = out,
                  .pack = p,
                  .geglu = geglu,
                  .threads = e->threads,
                  .rows = cm_arena_push(e->scratch, threads * p.steps * INT8_DEPTH)};
    const size_t bytes = p.strips * (p.strip_bytes + BF16_COLS * sizeof(float));
    if (!j.rows) return p;
    p.tiles = (const int8_t *)cm_bf16_pack(e, geglu ? BF16_PACK_INT8_GEGLU : BF16_PACK_INT8, false,
                                           bytes / sizeof(uint16_t), fill_weights, &j);
    if (p.tiles) p.scales = (const float *)(const void *)(p.tiles + p.strips * p.strip_bytes);
    return p;
}

/* --- products ---------------------------------------------------------------------- */

typedef struct linear_job {
    const cm_int8_microkernels *u;
    const bf16_linear_shape *s;
    const cm_fusion *a;
    const float *x, *bias;
    float *y;
    int8_weights w;
    const ptrdiff_t *at;
    size_t block, x_row, y_row;
    size_t worker_bytes;
    int8_t *scratch;
} linear_job;

static void one_block(void *arg, size_t i, int worker) {
    const linear_job *j = arg;
    const size_t first = i * j->block, rows = bf16_min(j->block, j->s->rows - first), out = j->s->out;
    int8_ring ring __attribute__((aligned(64)));
    float *scales = (float *)(void *)(j->scratch + (size_t)worker * j->worker_bytes);
    int8_t *tiles = (int8_t *)(scales + j->block);
    cm_int8_ring_begin(&ring);
    for (size_t r = 0; r < rows; r++) {
        const bf16_prologue t = cm_bf16_prologue_of(j->a, (first + r) / j->s->per_image, j->s->in, 0, 0);
        scales[r] =
            j->u->pack_a(&t, j->s->in, j->x + (first + r) * j->x_row, int8_row_at(tiles, j->w.steps, r), INT8_TILE);
    }
    cm_int8_fill_up(tiles, j->w.steps, j->w.steps, rows);
    j->u->begin();
    for (size_t strip = 0; strip < j->w.strips; strip++) {
        const size_t at = strip * BF16_COLS;
        const int8_epilogue end = {.rows = rows,
                                   .cols = bf16_min(BF16_COLS, out - at),
                                   .rows_scale = scales,
                                   .cols_scale = j->w.scales + at,
                                   .bias = j->bias ? j->bias + at : NULL,
                                   .plus = j->a->plus ? j->a->plus + first * out + at : NULL,
                                   .plus_row = out,
                                   .y = j->y + first * j->y_row + at,
                                   .y_row = j->y_row,
                                   .relu = j->a->relu,
                                   .more = at + 2 * BF16_COLS <= out};
        cm_int8_tile_product(&(int8_tile_product){.u = j->u,
                                                  .a = tiles,
                                                  .half = j->w.steps * INT8_TILE,
                                                  .a_row = INT8_DEPTH,
                                                  .at = j->at,
                                                  .w = j->w.tiles + strip * j->w.strip_bytes,
                                                  .steps = j->w.steps,
                                                  .end = end},
                             &ring);
    }
    cm_int8_ring_end(j->u, &ring);
    j->u->end();
}

bool cm_int8_linear_fits(const bf16_linear_shape *s, const cm_fusion *a) {
    return s->in >= INT8_DEPTH && s->in <= INT8_MAX_DEPTH && !a->geglu && (a->gamma || a->scale || a->plus);
}

void cm_int8_linear(const cm_exec *e, const bf16_linear_shape *s, const cm_fusion *a, const float *x, const float *w,
                    const float *bias, float *y) {
    if (s->out == 0) return;
    const size_t threads = e->threads > 1 ? (size_t)e->threads : 1;
    linear_job j = {.u = cm_int8_microkernels_get(),
                    .s = s,
                    .a = a,
                    .x = x,
                    .bias = bias,
                    .y = y,
                    .x_row = a->x_row ? a->x_row : s->in,
                    .y_row = a->y_row ? a->y_row : s->out};
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    j.w = cm_int8_pack_weights(e, s->in, s->out, false, w);
    const size_t fit = BLOCK_BYTES / (j.w.steps * INT8_DEPTH) / PANEL * PANEL;
    const size_t most = j.w.strips * j.w.strip_bytes <= STAY || fit < PANEL ? PANEL : fit;
    j.block = bf16_block_rows(s->rows, most, threads);
    j.worker_bytes = j.block * (sizeof(float) + j.w.steps * INT8_DEPTH);
    j.scratch = cm_arena_push(e->scratch, threads * j.worker_bytes);
    j.at = cm_int8_tiles_at(j.w.steps, e->scratch);
    if (j.w.tiles && j.scratch && j.at) cm_parallel(e->threads, bf16_ceil_div(s->rows, j.block), one_block, &j);
    cm_arena_reset(e->scratch, mark);
}
