// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/bf16/bf16_ops.h"

enum { STEPS = 10 }; /* whose weights stay in the first-level cache while the pairs pass */

void bf_run_steps(const bf_run *r) {
    static const ptrdiff_t no_segment[1] = {0};
    const size_t unit = 2 * BF_TILE * (r->low ? 2 : 1), pairs = bf_up(r->halves, 2);
    bf_block b = {.segments = 1, .a_segment = no_segment, .a_row = BF_DEPTH, .a_step = BF_TILE, .a_low = r->low, .c_row = BF_COLS};
    for (size_t s = 0; s < r->steps; s += STEPS) {
        b.steps = bf_least(STEPS, r->steps - s);
        b.b = r->w + s * unit;
        b.add = r->add || s > 0;
        b.soon = b.b + b.steps * unit; /* after the last weights, whatever follows: no harm */
        b.soon_values = bf_up(b.steps * unit, pairs);
        for (size_t p = 0; p < pairs; p++, b.soon += b.soon_values) {
            b.a[0] = r->tiles + (2 * p * r->held + s) * BF_TILE;
            b.a[1] = 2 * p + 1 < r->halves ? b.a[0] + r->held * BF_TILE : NULL;
            b.c = r->sums[p];
            r->u->block(&b);
        }
    }
}
