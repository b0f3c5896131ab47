// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "core/bf16/i8_layers.h"

enum { STEPS = 10 }; /* whose weights stay in the first-level cache while the pairs pass */

/* The end of the 32 rows from `first` on. */
static i8_finish part(const i8_finish *all, size_t first, const int32_t *c) {
    i8_finish f = *all;
    f.rows = bf_least(BF_COLS, all->rows - first);
    f.c = c;
    f.rows_scale += first;
    if (f.plus) f.plus += first * f.plus_row;
    if (f.y) f.y += first * f.y_row;
    if (f.gated) f.gated += first * f.gated_row;
    return f;
}

static void run_block(const i8_unit *u, i8_block *b, i8_ring *ring) {
    b->beside = ring->waits ? &ring->last : NULL;
    u->block(b);
    ring->waits = false;
}

void i8_pass_run(const i8_pass *p, i8_ring *ring) {
    const size_t halves = bf_up(p->end.rows, BF_SIDE), pairs = bf_up(halves, 2);
    for (size_t first = 0; first < pairs; first += I8_PAIRS) {
        const size_t group = bf_least(I8_PAIRS, pairs - first);
        for (size_t s = 0; s < p->steps; s += STEPS) {
            i8_block b = {.steps = bf_least(STEPS, p->steps - s), .b = p->w + s * 2 * I8_TILE, .add = s > 0};
            b.soon = b.b + b.steps * 2 * I8_TILE; /* after the last weights, whatever follows: no harm */
            b.soon_bytes = bf_up(b.steps * 2 * I8_TILE, group);
            for (size_t q = 0; q < group; q++, b.soon += b.soon_bytes) {
                const size_t half = 2 * (first + q);
                b.a[0] = p->tiles + (half * p->held + s) * I8_TILE;
                b.a[1] = half + 1 < halves ? b.a[0] + p->held * I8_TILE : NULL;
                b.c = ring->sums[(ring->next + q) % (I8_PAIRS + 1)];
                run_block(p->u, &b, ring);
                if (s + STEPS < p->steps) continue;
                ring->last = part(&p->end, half * BF_SIDE, b.c);
                ring->waits = true;
            }
        }
        ring->next = (ring->next + group) % (I8_PAIRS + 1);
    }
}

void i8_ring_end(const i8_unit *u, i8_ring *ring) {
    if (ring->waits) u->finish(&ring->last);
    ring->waits = false;
}

void i8_fill_up(int8_t *tiles, size_t held, size_t steps, size_t rows) {
    for (size_t r = rows; r % BF_SIDE; r++)
        for (size_t s = 0; s < steps; s++) memset(i8_row_at(tiles, held, r) + s * I8_TILE, 0, I8_DEPTH);
}
