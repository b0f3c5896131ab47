// SPDX-License-Identifier: Apache-2.0
/* One vector of floats, for whatever instruction set the including file is compiled for.
 *
 * vec has W lanes: 16 with AVX-512, 8 with AVX2+FMA, 4 elsewhere (the compiler's
 * own vectors). v_max(a,b) and v_min(a,b) return b when either is a NaN, so a
 * value that must stay visible goes second.
 */
#ifndef CM_CORE_CPU_SIMD_SIMD_H
#define CM_CORE_CPU_SIMD_SIMD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__clang__)
#define CM_UNROLL _Pragma("unroll")
#else
#define CM_UNROLL _Pragma("GCC unroll 16")
#endif
#define CM_INLINE static inline __attribute__((always_inline, unused))
#define CM_BODY static __attribute__((unused)) /* of the table; its users are elsewhere */

#if defined(__AVX512F__)

enum { W = 16, TILE_ROWS = 12 };
typedef __m512 vec;
CM_INLINE vec v_load(const float *p) {
    return _mm512_loadu_ps(p);
}
CM_INLINE void v_store(float *p, vec x) {
    _mm512_storeu_ps(p, x);
}
CM_INLINE vec v_set(float x) {
    return _mm512_set1_ps(x);
}
CM_INLINE vec v_zero(void) {
    return _mm512_setzero_ps();
}
CM_INLINE vec v_add(vec a, vec b) {
    return _mm512_add_ps(a, b);
}
CM_INLINE vec v_sub(vec a, vec b) {
    return _mm512_sub_ps(a, b);
}
CM_INLINE vec v_mul(vec a, vec b) {
    return _mm512_mul_ps(a, b);
}
CM_INLINE vec v_div(vec a, vec b) {
    return _mm512_div_ps(a, b);
}
CM_INLINE vec v_fma(vec a, vec b, vec c) {
    return _mm512_fmadd_ps(a, b, c);
} /* ab+c */
CM_INLINE vec v_fnma(vec a, vec b, vec c) {
    return _mm512_fnmadd_ps(a, b, c);
} /* c-ab */
CM_INLINE vec v_max(vec a, vec b) {
    return _mm512_max_ps(a, b);
}
CM_INLINE vec v_min(vec a, vec b) {
    return _mm512_min_ps(a, b);
}
CM_INLINE vec v_sqrt(vec a) {
    return _mm512_sqrt_ps(a);
}
CM_INLINE vec v_round(vec a) {
    return _mm512_roundscale_ps(a, 8);
}
CM_INLINE vec v_abs(vec a) {
    return _mm512_abs_ps(a);
}
/* a < b ? x : y */
CM_INLINE vec v_select_less(vec a, vec b, vec x, vec y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
/* 2^n of an integral n in [-126,127] */
CM_INLINE vec v_exp2i(vec n) {
    const __m512i i = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(i, 23));
}
CM_INLINE float v_sum(vec a) {
    return _mm512_reduce_add_ps(a);
}
/* 1/a for finite normal a, to the last bit but one: 14 bits and a step of Newton's, half the cost of a division */
CM_INLINE vec v_reciprocal(vec a) {
    const vec r = _mm512_rcp14_ps(a);
    return _mm512_fmadd_ps(_mm512_fnmadd_ps(a, r, _mm512_set1_ps(1.0f)), r, r);
}
CM_INLINE vec v_load_n(const float *p, size_t n) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1u), p);
}
/* lanes from n on are cleared */
CM_INLINE vec v_keep_n(vec x, size_t n) {
    return _mm512_maskz_mov_ps((__mmask16)((1u << n) - 1u), x);
}
CM_INLINE void v_store_n(float *p, vec x, size_t n) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1u), x);
}

#elif defined(__AVX2__)

enum { W = 8, TILE_ROWS = 6 };
typedef __m256 vec;
CM_INLINE vec v_load(const float *p) {
    return _mm256_loadu_ps(p);
}
CM_INLINE void v_store(float *p, vec x) {
    _mm256_storeu_ps(p, x);
}
CM_INLINE vec v_set(float x) {
    return _mm256_set1_ps(x);
}
CM_INLINE vec v_zero(void) {
    return _mm256_setzero_ps();
}
CM_INLINE vec v_add(vec a, vec b) {
    return _mm256_add_ps(a, b);
}
CM_INLINE vec v_sub(vec a, vec b) {
    return _mm256_sub_ps(a, b);
}
CM_INLINE vec v_mul(vec a, vec b) {
    return _mm256_mul_ps(a, b);
}
CM_INLINE vec v_div(vec a, vec b) {
    return _mm256_div_ps(a, b);
}
CM_INLINE vec v_fma(vec a, vec b, vec c) {
    return _mm256_fmadd_ps(a, b, c);
} /* ab+c */
CM_INLINE vec v_fnma(vec a, vec b, vec c) {
    return _mm256_fnmadd_ps(a, b, c);
} /* c-ab */
CM_INLINE vec v_max(vec a, vec b) {
    return _mm256_max_ps(a, b);
}
CM_INLINE vec v_min(vec a, vec b) {
    return _mm256_min_ps(a, b);
}
CM_INLINE vec v_sqrt(vec a) {
    return _mm256_sqrt_ps(a);
}
CM_INLINE vec v_round(vec a) {
    return _mm256_round_ps(a, 8);
}
CM_INLINE vec v_abs(vec a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
/* a < b ? x : y */
CM_INLINE vec v_select_less(vec a, vec b, vec x, vec y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
/* 2^n of an integral n in [-126,127] */
CM_INLINE vec v_exp2i(vec n) {
    const __m256i i = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(i, 23));
}
CM_INLINE float v_sum(vec a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
CM_INLINE vec v_reciprocal(vec a) {
    return _mm256_div_ps(_mm256_set1_ps(1.0f), a);
}
CM_INLINE __m256i v_first(size_t n) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}
CM_INLINE vec v_load_n(const float *p, size_t n) {
    return n == W ? v_load(p) : _mm256_maskload_ps(p, v_first(n));
}
CM_INLINE vec v_keep_n(vec x, size_t n) {
    return _mm256_and_ps(x, _mm256_castsi256_ps(v_first(n)));
}
/* by pieces: masked stores are slow on Zen */
CM_INLINE void v_store_n(float *p, vec x, size_t n) {
    if (n == W) {
        v_store(p, x);
        return;
    }
    __m128 part = _mm256_castps256_ps128(x);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps(x, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, part);
}

#else

enum { W = 4, TILE_ROWS = 4 };
typedef float vec __attribute__((vector_size(16)));
typedef int32_t ivec __attribute__((vector_size(16)));
CM_INLINE vec v_load(const float *p) {
    vec x;
    memcpy(&x, p, sizeof x);
    return x;
}
CM_INLINE void v_store(float *p, vec x) {
    memcpy(p, &x, sizeof x);
}
CM_INLINE vec v_set(float x) {
    return (vec){x, x, x, x};
}
CM_INLINE vec v_zero(void) {
    return v_set(0.0f);
}
CM_INLINE vec v_add(vec a, vec b) {
    return a + b;
}
CM_INLINE vec v_sub(vec a, vec b) {
    return a - b;
}
CM_INLINE vec v_mul(vec a, vec b) {
    return a * b;
}
CM_INLINE vec v_div(vec a, vec b) {
    return a / b;
}
CM_INLINE vec v_fma(vec a, vec b, vec c) {
    return a * b + c;
} /* ab+c */
CM_INLINE vec v_fnma(vec a, vec b, vec c) {
    return c - a * b;
} /* c-ab */
/* a < b ? x : y */
CM_INLINE vec v_select_less(vec a, vec b, vec x, vec y) {
    const ivec m = a < b;
    return (vec)((m & (ivec)x) | (~m & (ivec)y));
}
CM_INLINE vec v_max(vec a, vec b) {
    return v_select_less(b, a, a, b);
}
CM_INLINE vec v_min(vec a, vec b) {
    return v_select_less(a, b, a, b);
}
CM_INLINE vec v_sqrt(vec a) {
    return (vec){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
}
/* to the nearest integer, for |a| < 2^22 */
CM_INLINE vec v_round(vec a) {
    const vec big = v_set(12582912.0f);
    return (a + big) - big;
}
CM_INLINE vec v_abs(vec a) {
    return (vec)((ivec)a & (ivec){INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX});
}
/* 2^n of an integral n in [-126,127] */
CM_INLINE vec v_exp2i(vec n) {
    ivec i;
    for (int l = 0; l < 4; l++) i[l] = n[l] > -127.0f && n[l] < 128.0f ? ((int32_t)n[l] + 127) << 23 : 0;
    return (vec)i;
}
CM_INLINE float v_sum(vec a) {
    return (a[0] + a[2]) + (a[1] + a[3]);
}
CM_INLINE vec v_reciprocal(vec a) {
    return v_set(1.0f) / a;
}
CM_INLINE vec v_load_n(const float *p, size_t n) {
    vec x = v_zero();
    memcpy(&x, p, n * sizeof *p);
    return x;
}
CM_INLINE void v_store_n(float *p, vec x, size_t n) {
    memcpy(p, &x, n * sizeof *p);
}
CM_INLINE vec v_keep_n(vec x, size_t n) {
    for (size_t l = n; l < W; l++) x[l] = 0.0f;
    return x;
}

#endif

enum { TILE_COLS = 2 * W };

/* y[j][i] = x[i][j] for an 8x8 block; rows of x stand ldx apart, of y ldy. */
CM_INLINE void v_transpose8(const float *x, size_t ldx, float *y, size_t ldy) {
#if defined(__AVX2__)
    __m256 r[8], t[8];
    for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(x + (size_t)i * ldx);
    for (int i = 0; i < 4; i++) {
        t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(y + (size_t)i * ldy, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(y + (size_t)(i + 4) * ldy, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
#else
    for (size_t j = 0; j < 8; j++)
        for (size_t i = 0; i < 8; i++) y[j * ldy + i] = x[i * ldx + j];
#endif
}

#endif
