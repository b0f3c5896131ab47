// SPDX-License-Identifier: Apache-2.0
/* The block of int8 products without matrix registers. */
#ifndef CM_CORE_CPU_INT8_INT8_BLOCK_INL_H
#define CM_CORE_CPU_INT8_INT8_BLOCK_INL_H

#include "core/cpu/int8/int8_microkernels-inl.h"

static void nothing(void) {}

#if defined(__AVX512BW__)

enum { INT8_ROWS_AT_ONCE = 8 };

#if defined(__AVX512VNNI__)
/* vpdpbusd takes a's values as unsigned: they come with 128 added, of which `offset` (128 times the column's sum) is
 * taken off again. */
CM_INLINE __m512i int8_spread(int32_t four) {
    return _mm512_set1_epi32(four ^ (int32_t)0x80808080);
}
CM_INLINE __m512i int8_dot(__m512i sum, __m512i a, __m512i b) {
    return _mm512_dpbusd_epi32(sum, a, b);
}
CM_INLINE __m512i int8_offset(__m512i sum, __m512i b) {
    return _mm512_dpbusd_epi32(sum, _mm512_set1_epi32((int32_t)0x80808080), b);
}
#else
/* Fours as two pairs of 16 bits: values 0 and 2, 1 and 3. */
CM_INLINE __m512i int8_even(__m512i x) {
    return _mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8);
}
CM_INLINE __m512i int8_odd(__m512i x) {
    return _mm512_srai_epi16(x, 8);
}
CM_INLINE __m512i int8_spread(int32_t four) {
    return _mm512_set1_epi32(four);
}
CM_INLINE __m512i int8_dot(__m512i sum, __m512i a, __m512i b) {
    const __m512i even = _mm512_madd_epi16(int8_even(a), int8_even(b)),
                  odd = _mm512_madd_epi16(int8_odd(a), int8_odd(b));
    return _mm512_add_epi32(sum, _mm512_add_epi32(even, odd));
}
CM_INLINE __m512i int8_offset(__m512i sum, __m512i b) {
    (void)b;
    return sum;
}
#endif

CM_INLINE void int8_rows(const int8_block *p, const int8_t *a, int32_t *c) {
    __m512i sum[INT8_ROWS_AT_ONCE][2], offset[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    CM_UNROLL
    for (size_t r = 0; r < INT8_ROWS_AT_ONCE; r++) {
        CM_UNROLL
        for (size_t t = 0; t < 2; t++)
            sum[r][t] = p->add ? _mm512_loadu_si512(c + r * BF16_COLS + t * BF16_ROWS) : _mm512_setzero_si512();
    }
    const int8_t *b = p->b;
    for (size_t s = 0; s < p->steps; s++, b += 2 * INT8_TILE)
        for (size_t k = 0; k < BF16_ROWS; k++) {
            const __m512i b0 = _mm512_loadu_si512(b + k * INT8_DEPTH),
                          b1 = _mm512_loadu_si512(b + INT8_TILE + k * INT8_DEPTH);
            offset[0] = int8_offset(offset[0], b0);
            offset[1] = int8_offset(offset[1], b1);
            CM_UNROLL
            for (size_t r = 0; r < INT8_ROWS_AT_ONCE; r++) {
                int32_t four;
                memcpy(&four, a + p->at[s] + r * p->a_row + 4 * k, sizeof four);
                const __m512i x = int8_spread(four);
                sum[r][0] = int8_dot(sum[r][0], x, b0);
                sum[r][1] = int8_dot(sum[r][1], x, b1);
            }
        }
    CM_UNROLL
    for (size_t r = 0; r < INT8_ROWS_AT_ONCE; r++) {
        CM_UNROLL
        for (size_t t = 0; t < 2; t++)
            _mm512_storeu_si512(c + r * BF16_COLS + t * BF16_ROWS, _mm512_sub_epi32(sum[r][t], offset[t]));
    }
}

#elif defined(__AVX2__)

enum { INT8_ROWS_AT_ONCE = 4 };

/* Fours as two pairs of 16 bits: values 0 and 2, 1 and 3. */
CM_INLINE __m256i int8_even(__m256i x) {
    return _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8);
}
CM_INLINE __m256i int8_odd(__m256i x) {
    return _mm256_srai_epi16(x, 8);
}

/* four rows by one tile, whose 16 columns are two vectors */
CM_INLINE void int8_pack_rows(const int8_block *p, const int8_t *a, size_t tile, int32_t *c) {
    __m256i sum[INT8_ROWS_AT_ONCE][2];
    CM_UNROLL
    for (size_t r = 0; r < INT8_ROWS_AT_ONCE; r++) {
        CM_UNROLL
        for (size_t t = 0; t < 2; t++)
            sum[r][t] = p->add ? _mm256_loadu_si256((const __m256i *)(const void *)(c + r * BF16_COLS + t * W))
                               : _mm256_setzero_si256();
    }
    for (size_t s = 0; s < p->steps; s++) {
        const int8_t *b = p->b + (2 * s + tile) * INT8_TILE;
        for (size_t k = 0; k < BF16_ROWS; k++, b += INT8_DEPTH) {
            const __m256i b0 = _mm256_loadu_si256((const __m256i *)(const void *)b);
            const __m256i b1 = _mm256_loadu_si256((const __m256i *)(const void *)(b + INT8_DEPTH / 2));
            const __m256i even0 = int8_even(b0), odd0 = int8_odd(b0), even1 = int8_even(b1), odd1 = int8_odd(b1);
            CM_UNROLL
            for (size_t r = 0; r < INT8_ROWS_AT_ONCE; r++) {
                int32_t four;
                memcpy(&four, a + p->at[s] + r * p->a_row + 4 * k, sizeof four);
                const __m256i x = _mm256_set1_epi32(four), even = int8_even(x), odd = int8_odd(x);
                sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_add_epi32(_mm256_madd_epi16(even, even0),
                                                                         _mm256_madd_epi16(odd, odd0)));
                sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_add_epi32(_mm256_madd_epi16(even, even1),
                                                                         _mm256_madd_epi16(odd, odd1)));
            }
        }
    }
    CM_UNROLL
    for (size_t r = 0; r < INT8_ROWS_AT_ONCE; r++) {
        CM_UNROLL
        for (size_t t = 0; t < 2; t++) _mm256_storeu_si256((__m256i *)(void *)(c + r * BF16_COLS + t * W), sum[r][t]);
    }
}

CM_INLINE void int8_rows(const int8_block *p, const int8_t *a, int32_t *c) {
    for (size_t tile = 0; tile < 2; tile++) int8_pack_rows(p, a, tile, c + tile * BF16_ROWS);
}

#else

enum { INT8_ROWS_AT_ONCE = 1 };

/* The definition: c[j] += sum over steps, fours and their values of a * b. */
CM_INLINE void int8_rows(const int8_block *p, const int8_t *a, int32_t *c) {
    int32_t sum[BF16_COLS] = {0};
    if (p->add) memcpy(sum, c, sizeof sum);
    const int8_t *b = p->b;
    for (size_t s = 0; s < p->steps; s++, b += 2 * INT8_TILE)
        for (size_t k = 0; k < INT8_DEPTH; k++)
            for (size_t j = 0; j < BF16_COLS; j++)
                sum[j] += a[p->at[s] + (ptrdiff_t)k] *
                          b[j / BF16_ROWS * INT8_TILE + k / 4 * INT8_DEPTH + j % BF16_ROWS * 4 + k % 4];
    memcpy(c, sum, sizeof sum);
}

#endif

static void block(const int8_block *p) {
    for (size_t half = 0; half < 2 && p->a[half]; half++)
        for (size_t r = 0; r < BF16_ROWS; r += INT8_ROWS_AT_ONCE)
            int8_rows(p, p->a[half] + r * p->a_row, p->c + (half * BF16_ROWS + r) * BF16_COLS);
    if (p->overlapped) int8_epilogue_rows(p->overlapped, 0, p->overlapped->rows);
}

#endif
