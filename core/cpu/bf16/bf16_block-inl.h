// SPDX-License-Identifier: Apache-2.0
/* The block of products without matrix registers. */
#ifndef CM_CORE_CPU_BF16_BF16_BLOCK_INL_H
#define CM_CORE_CPU_BF16_BF16_BLOCK_INL_H

#include "core/cpu/bf16/bf16_microkernels-inl.h"

static void nothing(void) {}

#if defined(__AVX512F__)

enum { BF16_ROWS_AT_ONCE = 8 };

/* acc += pairs of a times pairs of b */
CM_INLINE vec bf16_dot(vec acc, __m512i a, __m512i b) {
#if defined(__AVX512BF16__)
    return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b);
#else
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
    acc = v_fma(_mm512_castsi512_ps(_mm512_slli_epi32(a, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(b, 16)), acc);
    return v_fma(_mm512_castsi512_ps(_mm512_and_si512(a, upper)), _mm512_castsi512_ps(_mm512_and_si512(b, upper)), acc);
#endif
}

CM_INLINE __m512i bf16_load(const uint16_t *p) {
    return _mm512_loadu_si512(p);
}

CM_INLINE __m512i bf16_broadcast(const uint16_t *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return _mm512_set1_epi32(pair);
}

/* one tile of A by one or two of B */
CM_INLINE void bf16_step(vec acc[BF16_ROWS_AT_ONCE][2], int tiles, const uint16_t *a, size_t a_row, const uint16_t *b) {
    for (size_t k = 0; k < BF16_ROWS; k++) {
        const __m512i b0 = bf16_load(b + k * BF16_DEPTH),
                      b1 = tiles == 2 ? bf16_load(b + BF16_TILE + k * BF16_DEPTH) : b0;
        CM_UNROLL
        for (size_t r = 0; r < BF16_ROWS_AT_ONCE; r++) {
            const __m512i x = bf16_broadcast(a + r * a_row + 2 * k);
            acc[r][0] = bf16_dot(acc[r][0], x, b0);
            if (tiles == 2) acc[r][1] = bf16_dot(acc[r][1], x, b1);
        }
    }
}

CM_INLINE void bf16_rows(const bf16_block *p, int tiles, const uint16_t *from, float *c) {
    vec acc[BF16_ROWS_AT_ONCE][2];
    CM_UNROLL
    for (size_t r = 0; r < BF16_ROWS_AT_ONCE; r++) {
        CM_UNROLL
        for (size_t t = 0; t < 2; t++)
            acc[r][t] = p->add && t < (size_t)tiles ? v_load(c + r * p->c_row + t * BF16_ROWS) : v_zero();
    }
    const uint16_t *b = p->b;
    const size_t b_step = (size_t)tiles * BF16_TILE;
    for (size_t s = 0; s < p->segments; s++) {
        const uint16_t *a = from + p->a_segment[s];
        for (size_t k = 0; k < p->steps; k++, a += p->a_step) {
            bf16_step(acc, tiles, a, p->a_row, b);
            if (p->a_low) {
                bf16_step(acc, tiles, a + p->a_low, p->a_row, b);
                b += b_step;
                bf16_step(acc, tiles, a, p->a_row, b);
            }
            b += b_step;
        }
    }
    CM_UNROLL
    for (size_t r = 0; r < BF16_ROWS_AT_ONCE; r++) {
        CM_UNROLL
        for (size_t t = 0; t < 2; t++)
            if (t < (size_t)tiles) v_store(c + r * p->c_row + t * BF16_ROWS, acc[r][t]);
    }
}

static void block(const bf16_block *p) {
    for (size_t half = 0; half < 2 && p->a[half]; half++)
        for (size_t r = 0; r < BF16_ROWS; r += BF16_ROWS_AT_ONCE) {
            float *c = p->c + (half * BF16_ROWS + r) * p->c_row;
            if (p->one_tile) bf16_rows(p, 1, p->a[half] + r * p->a_row, c);
            else bf16_rows(p, 2, p->a[half] + r * p->a_row, c);
        }
}

#elif defined(__AVX2__)

enum { BF16_ROWS_AT_ONCE = 4 };

CM_INLINE vec bf16_upper(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32((int)0xffff0000)));
}

CM_INLINE vec bf16_lower(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
}

/* four rows by one tile, whose 16 columns are two vectors */
CM_INLINE void bf16_step(vec acc[BF16_ROWS_AT_ONCE][2], const uint16_t *a, size_t a_row, const uint16_t *b) {
    for (size_t k = 0; k < BF16_ROWS; k++, b += BF16_DEPTH) {
        const __m256i b0 = _mm256_loadu_si256((const __m256i *)(const void *)b);
        const __m256i b1 = _mm256_loadu_si256((const __m256i *)(const void *)(b + BF16_ROWS));
        const vec low0 = bf16_lower(b0), low1 = bf16_lower(b1), up0 = bf16_upper(b0), up1 = bf16_upper(b1);
        CM_UNROLL
        for (size_t r = 0; r < BF16_ROWS_AT_ONCE; r++) {
            int32_t pair;
            memcpy(&pair, a + r * a_row + 2 * k, sizeof pair);
            const __m256i x = _mm256_set1_epi32(pair);
            acc[r][0] = v_fma(bf16_upper(x), up0, v_fma(bf16_lower(x), low0, acc[r][0]));
            acc[r][1] = v_fma(bf16_upper(x), up1, v_fma(bf16_lower(x), low1, acc[r][1]));
        }
    }
}

static void bf16_rows(const bf16_block *p, const uint16_t *from, size_t tile, float *c) {
    vec acc[BF16_ROWS_AT_ONCE][2];
    CM_UNROLL
    for (size_t r = 0; r < BF16_ROWS_AT_ONCE; r++) {
        CM_UNROLL
        for (size_t t = 0; t < 2; t++) acc[r][t] = p->add ? v_load(c + r * p->c_row + t * W) : v_zero();
    }
    const uint16_t *b = p->b + tile * BF16_TILE;
    const size_t b_step = (p->one_tile ? 1 : 2) * BF16_TILE;
    for (size_t s = 0; s < p->segments; s++) {
        const uint16_t *a = from + p->a_segment[s];
        for (size_t k = 0; k < p->steps; k++, a += p->a_step) {
            bf16_step(acc, a, p->a_row, b);
            if (p->a_low) {
                bf16_step(acc, a + p->a_low, p->a_row, b);
                b += b_step;
                bf16_step(acc, a, p->a_row, b);
            }
            b += b_step;
        }
    }
    CM_UNROLL
    for (size_t r = 0; r < BF16_ROWS_AT_ONCE; r++) {
        CM_UNROLL
        for (size_t t = 0; t < 2; t++) v_store(c + r * p->c_row + t * W, acc[r][t]);
    }
}

static void block(const bf16_block *p) {
    for (size_t half = 0; half < 2 && p->a[half]; half++)
        for (size_t tile = 0; tile < (p->one_tile ? 1 : 2); tile++)
            for (size_t r = 0; r < BF16_ROWS; r += BF16_ROWS_AT_ONCE)
                bf16_rows(p, p->a[half] + r * p->a_row, tile,
                          p->c + (half * BF16_ROWS + r) * p->c_row + tile * BF16_ROWS);
}

#else

/* one row by one tile */
CM_INLINE void bf16_step(float *acc, const uint16_t *a, const uint16_t *b) {
    for (size_t k = 0; k < BF16_DEPTH; k++) {
        const float x = bf16_widen(a[k]);
        for (size_t j = 0; j < BF16_ROWS; j++) acc[j] += x * bf16_widen(b[k / 2 * BF16_DEPTH + 2 * j + k % 2]);
    }
}

static void bf16_pack_one_row(const bf16_block *p, const uint16_t *from, size_t tile, float *c) {
    const size_t tiles = p->one_tile ? 1 : 2, b_step = tiles * BF16_TILE;
    const uint16_t *b = p->b + tile * BF16_TILE;
    float acc[BF16_ROWS];
    for (size_t j = 0; j < BF16_ROWS; j++) acc[j] = p->add ? c[j] : 0.0f;
    for (size_t s = 0; s < p->segments; s++) {
        const uint16_t *a = from + p->a_segment[s];
        for (size_t k = 0; k < p->steps; k++, a += p->a_step) {
            bf16_step(acc, a, b);
            if (p->a_low) {
                bf16_step(acc, a + p->a_low, b);
                b += b_step;
                bf16_step(acc, a, b);
            }
            b += b_step;
        }
    }
    memcpy(c, acc, sizeof acc);
}

static void block(const bf16_block *p) {
    for (size_t half = 0; half < 2 && p->a[half]; half++)
        for (size_t r = 0; r < BF16_ROWS; r++)
            for (size_t tile = 0; tile < (p->one_tile ? 1 : 2); tile++)
                bf16_pack_one_row(p, p->a[half] + r * p->a_row, tile,
                                  p->c + (half * BF16_ROWS + r) * p->c_row + tile * BF16_ROWS);
}

#endif

static bool softmax_tile(const bf16_softmax_tile *p) {
    return bf16_softmax_by(block, p);
}

static void softmax_row_max(const bf16_softmax_tile *p, float *top) {
    bf16_row_max_by(block, p, top);
}

#endif
