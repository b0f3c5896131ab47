// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "core/cpu/int8/int8_ops.h"

enum { STEPS = 15 }; /* at most; their weights stay in the first-level cache while the pairs pass */

/* The end of the 32 rows from `first` on. */
static int8_epilogue rows_of(const int8_epilogue *all, size_t first, const int32_t *c) {
    int8_epilogue f = *all;
    f.rows = bf16_min(BF16_COLS, all->rows - first);
    f.c = c;
    f.rows_scale += first;
    if (f.rows_offset) f.rows_offset += first;
    if (f.plus) f.plus += first * f.plus_row;
    if (f.y) f.y += first * f.y_row;
    if (f.gated) f.gated += first * f.gated_row;
    return f;
}

static void run_block(const cm_int8_microkernels *u, int8_block *b, int8_ring *ring) {
    b->overlapped = ring->waits ? &ring->last : NULL;
    u->block(b);
    ring->waits = false;
}

/* The first of 16 rows. */
static const int8_t *half_at(const int8_tile_product *p, size_t half) {
    if (!p->width) return p->a + half * p->half;
    const size_t row = half * BF16_ROWS;
    return p->a + row / p->width * p->line + row % p->width * p->a_row;
}

/* `group` pairs from `first` on, one part. */
static void run_part(const int8_tile_product *p, size_t first, size_t group, const int8_t *w, size_t part_a,
                     const int8_epilogue *end, int8_ring *ring) {
    const size_t halves = bf16_ceil_div(p->end.rows, BF16_ROWS),
                 run = bf16_ceil_div(p->steps, bf16_ceil_div(p->steps, STEPS));
    for (size_t s = 0; s < p->steps; s += run) {
        int8_block b = {.steps = bf16_min(run, p->steps - s),
                        .at = p->at + s,
                        .a_row = p->a_row,
                        .b = w + s * 2 * INT8_TILE,
                        .add = s > 0};
        b.prefetch = b.b + b.steps * 2 * INT8_TILE; /* after the last weights, whatever follows: no harm */
        b.prefetch_bytes = bf16_ceil_div(b.steps * 2 * INT8_TILE, group);
        for (size_t q = 0; q < group; q++, b.prefetch += b.prefetch_bytes) {
            const size_t half = 2 * (first + q);
            b.a[0] = half_at(p, half) + part_a;
            b.a[1] = half + 1 < halves ? half_at(p, half + 1) + part_a : NULL;
            b.c = ring->sums[(ring->next + q) % (INT8_PAIRS + 1)];
            run_block(p->u, &b, ring);
            if (s + run < p->steps) continue;
            ring->last = rows_of(end, half * BF16_ROWS, b.c);
            ring->waits = true;
        }
    }
    ring->next = (ring->next + group) % (INT8_PAIRS + 1);
}

void cm_int8_tile_product(const int8_tile_product *p, int8_ring *ring) {
    const size_t pairs = bf16_ceil_div(p->end.rows, BF16_COLS), parts = p->parts ? p->parts : 1;
    for (size_t first = 0; first < pairs; first += INT8_PAIRS) {
        int8_epilogue end = p->end;
        end.relu = p->end.relu && parts == 1;
        for (size_t part = 0; part < parts; part++) {
            run_part(p, first, bf16_min(INT8_PAIRS, pairs - first), p->w + part * p->steps * 2 * INT8_TILE,
                     part * p->part_a, &end, ring);
            end.bias = NULL;
            end.plus = end.y;
            end.plus_row = end.y_row;
            end.rows_scale += p->part_scales;
            if (end.rows_offset) {
                end.rows_offset += p->part_scales;
                end.cols_sum += BF16_COLS;
            }
            end.more = false;
            end.relu = p->end.relu && part + 2 == parts;
        }
    }
}

void cm_int8_ring_begin(int8_ring *ring) {
    ring->next = 0;
    ring->waits = false;
}

void cm_int8_ring_end(const cm_int8_microkernels *u, int8_ring *ring) {
    if (ring->waits) u->epilogue(&ring->last);
    ring->waits = false;
}

const ptrdiff_t *cm_int8_tiles_at(size_t steps, cm_arena *scratch) {
    ptrdiff_t *at = CM_PUSH(scratch, ptrdiff_t, steps);
    for (size_t s = 0; at && s < steps; s++) at[s] = (ptrdiff_t)(s * INT8_TILE);
    return at;
}

void cm_int8_fill_up(int8_t *tiles, size_t held, size_t steps, size_t rows) {
    for (size_t r = rows; r % BF16_ROWS; r++)
        for (size_t s = 0; s < steps; s++) memset(int8_row_at(tiles, held, r) + s * INT8_TILE, 0, INT8_DEPTH);
}
