// SPDX-License-Identifier: Apache-2.0
/* Matrix registers: two tile rows by two tile columns of sums, four loads for four products, while the vector units
 * finish what was multiplied before. */
#include "core/cpu/simd/amx_config.h"
#include "core/cpu/int8/int8_microkernels-inl.h"

#if defined(__AMX_INT8__)

CM_INLINE void run(const int8_block *p, int halves) {
    enum { ROW = BF16_COLS * sizeof(int32_t) };
    if (p->add) {
        _tile_loadd(0, p->c, ROW);
        _tile_loadd(1, p->c + BF16_ROWS, ROW);
        if (halves == 2) _tile_loadd(2, p->c + BF16_ROWS * BF16_COLS, ROW);
        if (halves == 2) _tile_loadd(3, p->c + BF16_ROWS * BF16_COLS + BF16_ROWS, ROW);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    const int8_t *a0 = p->a[0], *a1 = p->a[1], *b = p->b,
                 *prefetch = p->prefetch, *const prefetch_end = prefetch + p->prefetch_bytes;
    const size_t rows = p->overlapped ? p->overlapped->rows : 0, rows_a_step = (rows + p->steps - 1) / p->steps;
    for (size_t k = 0, row = 0; k < p->steps; k++, b += 2 * INT8_TILE) {
        _tile_loadd(4, a0 + p->at[k], p->a_row);
        _tile_loadd(6, b, INT8_DEPTH);
        _tile_dpbssd(0, 4, 6);
        _tile_loadd(7, b + INT8_TILE, INT8_DEPTH);
        _tile_dpbssd(1, 4, 7);
        if (halves == 2) {
            _tile_loadd(5, a1 + p->at[k], p->a_row);
            _tile_dpbssd(2, 5, 6);
            _tile_dpbssd(3, 5, 7);
        }
        for (int i = 0; i < 8 && prefetch < prefetch_end; i++, prefetch += 64) _mm_prefetch(prefetch, _MM_HINT_T1);
        if (row == rows) continue;
        const size_t to = row + rows_a_step < rows ? row + rows_a_step : rows;
        int8_epilogue_rows(p->overlapped, row, to);
        row = to;
    }
    _tile_stored(0, p->c, ROW);
    _tile_stored(1, p->c + BF16_ROWS, ROW);
    if (halves == 2) _tile_stored(2, p->c + BF16_ROWS * BF16_COLS, ROW);
    if (halves == 2) _tile_stored(3, p->c + BF16_ROWS * BF16_COLS + BF16_ROWS, ROW);
}

static void block(const int8_block *p) {
    if (p->a[1]) run(p, 2);
    else run(p, 1);
}

static const cm_int8_microkernels table = INT8_MICROKERNELS_TABLE("amx", true, amx_begin, amx_end, block);

const cm_int8_microkernels *cm_int8_microkernels_amx(void) {
    return &table;
}

#else

const cm_int8_microkernels *cm_int8_microkernels_amx(void) {
    return NULL;
}

#endif
