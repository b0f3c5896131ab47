// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/bf16/bf16_ops.h"

enum { STEPS = 10 }; /* whose weights stay in the first-level cache while the pairs pass */

void cm_bf16_tile_product(const bf16_tile_product *r) {
    static const ptrdiff_t no_segment[1] = {0};
    const size_t unit = 2 * BF16_TILE * (r->low ? 2 : 1), pairs = bf16_ceil_div(r->halves, 2);
    bf16_block b = {.segments = 1,
                    .a_segment = no_segment,
                    .a_row = BF16_DEPTH,
                    .a_step = BF16_TILE,
                    .a_low = r->low,
                    .c_row = BF16_COLS};
    for (size_t s = 0; s < r->steps; s += STEPS) {
        b.steps = bf16_min(STEPS, r->steps - s);
        b.b = r->w + s * unit;
        b.add = r->add || s > 0;
        b.prefetch = b.b + b.steps * unit; /* after the last weights, whatever follows: no harm */
        b.prefetch_values = bf16_ceil_div(b.steps * unit, pairs);
        for (size_t p = 0; p < pairs; p++, b.prefetch += b.prefetch_values) {
            b.a[0] = r->tiles + (2 * p * r->held + s) * BF16_TILE;
            b.a[1] = 2 * p + 1 < r->halves ? b.a[0] + r->held * BF16_TILE : NULL;
            b.c = r->sums[p];
            r->u->block(&b);
        }
    }
}
