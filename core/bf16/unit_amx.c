// SPDX-License-Identifier: Apache-2.0
/* Matrix registers: two tile rows by two tile columns of sums, four loads for four products (eight for twelve with
 * lower parts). */
#include "core/bf16/body_unit.h"

#if defined(__AMX_BF16__)

typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16]; /* of a row */
    uint8_t rows[16];
} tile_config;

static void begin(void) {
    tile_config c = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        c.bytes[i] = 64;
        c.rows[i] = BF_SIDE;
    }
    __asm__ volatile("" : : "r"(&c) : "memory"); /* gcc 12 believes that only the first 8 bytes are read */
    _tile_loadconfig(&c);
}

static void end(void) {
    _tile_release();
}

/* sums += the two A tiles at hand by B's at b */
#define BF_PRODUCTS(halves, tiles, b)                                                   \
    do {                                                                                \
        _tile_loadd(6, b, 64);                                                          \
        _tile_dpbf16ps(0, 4, 6);                                                        \
        if (tiles == 2) _tile_loadd(7, (b) + BF_TILE, 64);                              \
        if (tiles == 2) _tile_dpbf16ps(1, 4, 7);                                        \
        if (halves == 2) _tile_dpbf16ps(2, 5, 6);                                       \
        if (halves == 2 && tiles == 2) _tile_dpbf16ps(3, 5, 7);                         \
    } while (0)

#define BF_PRODUCTS_AGAIN(halves, tiles)                                                \
    do {                                                                                \
        _tile_dpbf16ps(0, 4, 6);                                                        \
        if (tiles == 2) _tile_dpbf16ps(1, 4, 7);                                        \
        if (halves == 2) _tile_dpbf16ps(2, 5, 6);                                       \
        if (halves == 2 && tiles == 2) _tile_dpbf16ps(3, 5, 7);                         \
    } while (0)

CM_INLINE void load_sums(int halves, int tiles, const float *c, size_t row) {
    _tile_loadd(0, c, row * 4);
    if (tiles == 2) _tile_loadd(1, c + BF_SIDE, row * 4);
    if (halves == 2) _tile_loadd(2, c + BF_SIDE * row, row * 4);
    if (halves == 2 && tiles == 2) _tile_loadd(3, c + BF_SIDE * row + BF_SIDE, row * 4);
}

CM_INLINE void store_sums(int halves, int tiles, float *c, size_t row) {
    _tile_stored(0, c, row * 4);
    if (tiles == 2) _tile_stored(1, c + BF_SIDE, row * 4);
    if (halves == 2) _tile_stored(2, c + BF_SIDE * row, row * 4);
    if (halves == 2 && tiles == 2) _tile_stored(3, c + BF_SIDE * row + BF_SIDE, row * 4);
}

CM_INLINE void run(const bf_block *p, int halves, int tiles, bool low) {
    if (p->add) {
        load_sums(halves, tiles, p->c, p->c_row);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    const size_t row = 2 * p->a_row, b_step = (size_t)tiles * BF_TILE;
    const void *const *touch = p->touch, *const *const touch_end = touch + p->touches;
    const size_t touch_step = p->touches ? (p->touches - 1) / (p->segments * p->steps) + 1 : 0;
    const uint16_t *b = p->b, *soon = p->soon, *const soon_end = soon + p->soon_values;
    for (size_t s = 0; s < p->segments; s++) {
        const uint16_t *a0 = p->a[0] + p->a_segment[s], *a1 = halves == 2 ? p->a[1] + p->a_segment[s] : a0;
        for (size_t k = 0; k < p->steps; k++) {
            if (low) {
                _tile_loadd(4, a0 + p->a_low, row);
                if (halves == 2) _tile_loadd(5, a1 + p->a_low, row);
                BF_PRODUCTS(halves, tiles, b); /* lower by upper */
                _tile_loadd(4, a0, row);
                if (halves == 2) _tile_loadd(5, a1, row);
                BF_PRODUCTS_AGAIN(halves, tiles); /* upper by upper */
                b += b_step;
            } else {
                _tile_loadd(4, a0, row);
                if (halves == 2) _tile_loadd(5, a1, row);
            }
            BF_PRODUCTS(halves, tiles, b);
            b += b_step;
            for (int i = 0; i < 8 && soon < soon_end; i++, soon += BF_DEPTH) _mm_prefetch(soon, _MM_HINT_T1);
            for (size_t i = 0; i < touch_step && touch < touch_end; i++) _mm_prefetch(*touch++, _MM_HINT_T1);
            a0 += p->a_step;
            a1 += p->a_step;
        }
    }
    store_sums(halves, tiles, p->c, p->c_row);
}

static void block(const bf_block *p) {
    const bool two = p->a[1] != NULL;
    switch ((p->a_low ? 4 : 0) + (two ? 2 : 0) + (p->one_tile ? 0 : 1)) {
    case 0: run(p, 1, 1, false); break;
    case 1: run(p, 1, 2, false); break;
    case 2: run(p, 2, 1, false); break;
    case 3: run(p, 2, 2, false); break;
    case 4: run(p, 1, 1, true); break;
    case 5: run(p, 1, 2, true); break;
    case 6: run(p, 2, 1, true); break;
    default: run(p, 2, 2, true); break;
    }
}

static const bf_unit table = BF_UNIT_TABLE("amx", true, true, begin, end, block);

const bf_unit *bf_unit_amx(void) {
    return &table;
}

#else

const bf_unit *bf_unit_amx(void) {
    return NULL;
}

#endif
