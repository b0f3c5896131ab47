// SPDX-License-Identifier: Apache-2.0
/* Matrix registers: two tile rows by two tile columns of sums, four loads for four products (eight for twelve with
 * lower parts). */
#include "core/cpu/simd/amx_config.h"
#include "core/cpu/bf16/bf16_microkernels-inl.h"

#if defined(__AMX_BF16__)

/* sums += the two A tiles at hand by B's at b */
#define BF16_PRODUCTS(halves, tiles, b)                                                                                \
    do {                                                                                                               \
        _tile_loadd(6, b, 64);                                                                                         \
        _tile_dpbf16ps(0, 4, 6);                                                                                       \
        if (tiles == 2) _tile_loadd(7, (b) + BF16_TILE, 64);                                                           \
        if (tiles == 2) _tile_dpbf16ps(1, 4, 7);                                                                       \
        if (halves == 2) _tile_dpbf16ps(2, 5, 6);                                                                      \
        if (halves == 2 && tiles == 2) _tile_dpbf16ps(3, 5, 7);                                                        \
    } while (0)

#define BF16_PRODUCTS_AGAIN(halves, tiles)                                                                             \
    do {                                                                                                               \
        _tile_dpbf16ps(0, 4, 6);                                                                                       \
        if (tiles == 2) _tile_dpbf16ps(1, 4, 7);                                                                       \
        if (halves == 2) _tile_dpbf16ps(2, 5, 6);                                                                      \
        if (halves == 2 && tiles == 2) _tile_dpbf16ps(3, 5, 7);                                                        \
    } while (0)

CM_INLINE void load_sums(int halves, int tiles, const float *c, size_t row) {
    _tile_loadd(0, c, row * 4);
    if (tiles == 2) _tile_loadd(1, c + BF16_ROWS, row * 4);
    if (halves == 2) _tile_loadd(2, c + BF16_ROWS * row, row * 4);
    if (halves == 2 && tiles == 2) _tile_loadd(3, c + BF16_ROWS * row + BF16_ROWS, row * 4);
}

CM_INLINE void store_sums(int halves, int tiles, float *c, size_t row) {
    _tile_stored(0, c, row * 4);
    if (tiles == 2) _tile_stored(1, c + BF16_ROWS, row * 4);
    if (halves == 2) _tile_stored(2, c + BF16_ROWS * row, row * 4);
    if (halves == 2 && tiles == 2) _tile_stored(3, c + BF16_ROWS * row + BF16_ROWS, row * 4);
}

CM_INLINE void run(const bf16_block *p, int halves, int tiles, bool low) {
    if (p->add) {
        load_sums(halves, tiles, p->c, p->c_row);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    const size_t row = 2 * p->a_row, b_step = (size_t)tiles * BF16_TILE;
    const void *const *prefetch_lines = p->prefetch_lines, *const *const lines_end = prefetch_lines + p->prefetch_count;
    const size_t lines_step = p->prefetch_count ? (p->prefetch_count - 1) / (p->segments * p->steps) + 1 : 0;
    const uint16_t *b = p->b, *prefetch = p->prefetch, *const prefetch_end = prefetch + p->prefetch_values;
    for (size_t s = 0; s < p->segments; s++) {
        const uint16_t *a0 = p->a[0] + p->a_segment[s], *a1 = halves == 2 ? p->a[1] + p->a_segment[s] : a0;
        for (size_t k = 0; k < p->steps; k++) {
            if (low) {
                _tile_loadd(4, a0 + p->a_low, row);
                if (halves == 2) _tile_loadd(5, a1 + p->a_low, row);
                BF16_PRODUCTS(halves, tiles, b); /* lower by upper */
                _tile_loadd(4, a0, row);
                if (halves == 2) _tile_loadd(5, a1, row);
                BF16_PRODUCTS_AGAIN(halves, tiles); /* upper by upper */
                b += b_step;
            } else {
                _tile_loadd(4, a0, row);
                if (halves == 2) _tile_loadd(5, a1, row);
            }
            BF16_PRODUCTS(halves, tiles, b);
            b += b_step;
            for (int i = 0; i < 8 && prefetch < prefetch_end; i++, prefetch += BF16_DEPTH)
                _mm_prefetch(prefetch, _MM_HINT_T1);
            for (size_t i = 0; i < lines_step && prefetch_lines < lines_end; i++)
                _mm_prefetch(*prefetch_lines++, _MM_HINT_T1);
            a0 += p->a_step;
            a1 += p->a_step;
        }
    }
    store_sums(halves, tiles, p->c, p->c_row);
}

static void block(const bf16_block *p) {
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

/* Heads of at most 64: the queries' tiles stay in registers, which leaves two of keys' tiles and two of sums. Rows of
 * the strip before stand between the instructions: what is issued farther apart does not overlap. */
CM_INLINE void look_half(const bf16_softmax_tile *p, size_t strip, size_t half, bool two, bool powers,
                         bf16_words *most) {
    const uint16_t *keys = p->keys + (strip * p->steps * 2 + half) * BF16_TILE;
    const uint16_t *next = p->keys + (strip * p->steps * 2 + (half ? p->steps * 2 : 1)) * BF16_TILE;
    float *s = bf16_softmax_scores(p, strip) + half * BF16_ROWS;
    const float *before = bf16_softmax_scores(p, strip + 1);
    if (two) _tile_loadd(3, keys + 2 * BF16_TILE, 64);
    _tile_zero(0);
    _tile_dpbf16ps(0, 4, 2);
    if (powers) bf16_softmax_rows(p, strip - 1, before, half * BF16_ROWS, 4, most);
    _tile_zero(1);
    _tile_dpbf16ps(1, 6, 2);
    if (powers) bf16_softmax_rows(p, strip - 1, before, half * BF16_ROWS + 4, 4, most);
    if (two) _tile_dpbf16ps(0, 5, 3);
    _tile_loadd(2, next, 64); /* after the last keys, whatever follows: no harm */
    if (two) _tile_dpbf16ps(1, 7, 3);
    if (powers) bf16_softmax_rows(p, strip - 1, before, half * BF16_ROWS + 8, 4, most);
    _tile_stored(0, s, BF16_COLS * 4);
    if (powers) bf16_softmax_rows(p, strip - 1, before, half * BF16_ROWS + 12, 4, most);
    _tile_stored(1, s + BF16_ROWS * BF16_COLS, BF16_COLS * 4);
}

CM_INLINE bool look_narrow(const bf16_softmax_tile *p, bool two) {
    bf16_words most = bf16_no_words();
    const uint16_t *second = p->queries + p->steps * BF16_TILE;
    const size_t last = p->strips - 1;
    _tile_loadd(4, p->queries, 64);
    _tile_loadd(6, second, 64);
    if (two) {
        _tile_loadd(5, p->queries + BF16_TILE, 64);
        _tile_loadd(7, second + BF16_TILE, 64);
    }
    _tile_loadd(2, p->keys, 64);
    for (size_t half = 0; half < 2; half++) look_half(p, 0, half, two, false, &most);
    for (size_t i = 1; i <= last; i++)
        for (size_t half = 0; half < 2; half++) look_half(p, i, half, two, true, &most);
    for (size_t half = 0; half < 2; half++)
        bf16_softmax_rows(p, last, bf16_softmax_scores(p, last), half * BF16_ROWS, BF16_ROWS, &most);
    return bf16_overflows(most);
}

static bool softmax_tile(const bf16_softmax_tile *p) {
    if (p->steps > 2 || p->low_q) return bf16_softmax_by(block, p);
    return p->steps == 2 ? look_narrow(p, true) : look_narrow(p, false);
}

static void softmax_row_max(const bf16_softmax_tile *p, float *top) {
    bf16_row_max_by(block, p, top);
}

static const cm_bf16_microkernels table = BF16_MICROKERNELS_TABLE("amx", true, true, amx_begin, amx_end, block);

const cm_bf16_microkernels *cm_bf16_microkernels_amx(void) {
    return &table;
}

#else

const cm_bf16_microkernels *cm_bf16_microkernels_amx(void) {
    return NULL;
}

#endif
