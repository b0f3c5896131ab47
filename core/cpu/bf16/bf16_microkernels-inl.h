// SPDX-License-Identifier: Apache-2.0
/* What all tables share, over core/cpu/simd: rounding to bf16, packing, epilogues, powers. */
#ifndef CM_CORE_CPU_BF16_BF16_MICROKERNELS_INL_H
#define CM_CORE_CPU_BF16_BF16_MICROKERNELS_INL_H

#include "core/cpu/bf16/bf16_microkernels.h"
#include "core/cpu/simd/math-inl.h"

/* --- rounding --------------------------------------------------------------------- */

/* to nearest, ties to even; a NaN stays one */
CM_INLINE uint16_t bf16_round(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

CM_INLINE float bf16_widen(uint16_t x) {
    const uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}

#if defined(__AVX512F__)
/* The bits of v rounded to bf16, in the upper half of each lane. */
CM_INLINE __m512i bf16_round_bits(vec v) {
    const __m512i bits = _mm512_castps_si512(v),
                  odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    return _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
}
CM_INLINE __m256i bf16_narrow(vec v) {
#if defined(__AVX512BF16__)
    return (__m256i)_mm512_cvtneps_pbh(v);
#else
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(bf16_round_bits(v), 16));
#endif
}
CM_INLINE vec bf16_wide(__m256i v) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}
/* W values, and what is left of them `low` further on */
CM_INLINE void bf16_store(vec v, size_t low, uint16_t *y) {
    const __m256i upper = bf16_narrow(v);
    _mm256_storeu_si256((__m256i *)(void *)y, upper);
    if (low) _mm256_storeu_si256((__m256i *)(void *)(y + low), bf16_narrow(v_sub(v, bf16_wide(upper))));
}
#elif defined(__AVX2__)
CM_INLINE __m128i bf16_narrow(vec v) {
    const __m256i bits = _mm256_castps_si256(v),
                  odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)),
                  quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i upper = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1));
}
CM_INLINE vec bf16_wide(__m128i v) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}
CM_INLINE void bf16_store(vec v, size_t low, uint16_t *y) {
    const __m128i upper = bf16_narrow(v);
    _mm_storeu_si128((__m128i *)(void *)y, upper);
    if (low) _mm_storeu_si128((__m128i *)(void *)(y + low), bf16_narrow(v_sub(v, bf16_wide(upper))));
}
#else
CM_INLINE void bf16_store(vec v, size_t low, uint16_t *y) {
    float lanes[W];
    v_store(lanes, v);
    for (size_t i = 0; i < W; i++) {
        y[i] = bf16_round(lanes[i]);
        if (low) y[low + i] = bf16_round(lanes[i] - bf16_widen(y[i]));
    }
}
#endif

/* --- powers of two ----------------------------------------------------------------------- */

/* 2^x, by the fraction above its floor: 8e-5 for bf16 alone, 8e-8 for pairs (minimax in relative error) */
CM_INLINE vec v_exp2(vec x, bool precise) {
    x = v_max(v_set(-110.0f), x); /* denormals, here or in what it is multiplied by, would cost a hundred cycles */
#if defined(__AVX512F__)
    const vec r = _mm512_reduce_ps(x, 0x09);
#else
    x = v_min(v_set(127.0f), x);
    const vec nearest = v_round(x), floor = v_select_less(x, nearest, v_sub(nearest, v_set(1.0f)), nearest),
              r = v_sub(x, floor);
#endif
    vec p;
    if (precise) {
        p = v_fma(r, v_set(1.877576680e-3f), v_set(8.989340283e-3f));
        p = v_fma(p, r, v_set(5.582631767e-2f));
        p = v_fma(p, r, v_set(2.401536173e-1f));
        p = v_fma(p, r, v_set(6.931530731e-1f));
        p = v_fma(p, r, v_set(9.999999251e-1f));
    } else {
        p = v_fma(r, v_set(7.802452307e-2f), v_set(2.260671678e-1f));
        p = v_fma(p, r, v_set(6.958335289e-1f));
        p = v_fma(p, r, v_set(9.999252205e-1f));
    }
#if defined(__AVX512F__)
    return _mm512_scalef_ps(p, x);
#else
    return v_mul(p, v_exp2i(floor));
#endif
}

/* x s(x) to what bf16 keeps */
CM_INLINE vec v_silu_near(vec x) {
    const vec z = v_add(v_set(1.0f), v_exp2(v_mul(x, v_set(-1.44269504f)), false));
#if defined(__AVX512F__)
    return v_mul(x, _mm512_rcp14_ps(z)); /* z = infinity: 0 */
#else
    return v_div(x, z);
#endif
}

/* Phi(x) by erfc(u) = t P(t) exp(-u^2) with three terms, 2.5e-5 (Abramowitz and Stegun 1964, 7.1.25) */
CM_INLINE vec v_gelu_near(vec x) {
#if defined(__AVX512F__)
    const vec t = _mm512_rcp14_ps(v_fma(v_abs(x), v_set(0.33267253f), v_set(1.0f)));
    vec p = v_fma(t, v_set(0.3739278f), v_set(-0.0479399f));
    p = v_mul(v_fma(p, t, v_set(0.1740121f)), t);
    const vec half = v_mul(p, v_exp2(v_mul(v_mul(x, x), v_set(-0.72134752f)), false));
    return v_mul(x, v_select_less(x, v_zero(), half, v_sub(v_set(1.0f), half)));
#else
    return v_act(CM_GELU, x);
#endif
}

/* --- rows ---------------------------------------------------------------------------- */

CM_INLINE vec bf16_apply(const bf16_prologue *r, cm_act act, size_t i, size_t n, vec x, vec mean, vec rstd) {
    if (r->kind == BF16_PLAIN) {
        x = v_mul(x, v_set(r->factor));
    } else {
        if (r->kind == BF16_LAYER_NORM) x = v_mul(v_sub(x, mean), rstd);
        x = v_fma(x, v_load_n(r->scale + i, n), v_load_n(r->shift + i, n));
    }
    return act == CM_SILU && !r->low ? v_silu_near(x) : v_act(act, x);
}

/* whole 32s, then the rest */
CM_INLINE void bf16_pack_a_as(const bf16_prologue *r, cm_act act, size_t n, const float *x, uint16_t *y, size_t y_step,
                              vec mean, vec rstd) {
    size_t i = 0;
    for (; i + BF16_DEPTH <= n; i += BF16_DEPTH, y += y_step) CM_UNROLL
    for (size_t j = 0; j < BF16_DEPTH; j += W)
        bf16_store(bf16_apply(r, act, i + j, W, v_load(x + i + j), mean, rstd), r->low, y + j);
    if (i == n) return;
    for (size_t j = 0; j < BF16_DEPTH; j += W) {
        const size_t left = i + j < n ? n - i - j : 0, here = left < W ? left : W;
        const vec v =
            here ? v_keep_n(bf16_apply(r, act, i + j, here, v_load_n(x + i + j, here), mean, rstd), here) : v_zero();
        bf16_store(v, r->low, y + j);
    }
}

CM_INLINE void bf16_moments(size_t n, const float *x, float eps, vec *mean, vec *rstd) {
    vec a = v_zero(), b = v_zero();
    const vec first = v_set(x[0]);
    for (size_t i = 0; i < n; i += W) {
        const size_t here = n - i < W ? n - i : W;
        const vec d = v_keep_n(v_sub(v_load_n(x + i, here), first), here);
        a = v_add(a, d);
        b = v_fma(d, d, b);
    }
    const float away = v_sum(a) / (float)n, variance = v_sum(b) / (float)n - away * away;
    *mean = v_set(x[0] + away);
    *rstd = v_set(1.0f / sqrtf((variance < 0.0f ? 0.0f : variance) + eps));
}

CM_BODY void pack_a(const bf16_prologue *r, size_t n, const float *x, uint16_t *y, size_t y_step) {
    vec mean = v_zero(), rstd = v_zero();
    bf16_prologue copy = *r;
    if (r->kind == BF16_LAYER_NORM) bf16_moments(n, x, r->eps, &mean, &rstd);
    switch (r->kind) {
    case BF16_PLAIN:
        copy.kind = BF16_PLAIN;
        bf16_pack_a_as(&copy, CM_IDENTITY, n, x, y, y_step, mean, rstd);
        break;
    case BF16_AFFINE:
        copy.kind = BF16_AFFINE;
        copy.low = 0;
        if (r->act == CM_SILU && !r->low) bf16_pack_a_as(&copy, CM_SILU, n, x, y, y_step, mean, rstd);
        copy.low = r->low;
        if (r->act == CM_SILU && r->low) bf16_pack_a_as(&copy, CM_SILU, n, x, y, y_step, mean, rstd);
        if (r->act != CM_SILU) bf16_pack_a_as(&copy, CM_IDENTITY, n, x, y, y_step, mean, rstd);
        break;
    case BF16_LAYER_NORM:
        copy.kind = BF16_LAYER_NORM;
        bf16_pack_a_as(&copy, CM_IDENTITY, n, x, y, y_step, mean, rstd);
        break;
    }
}

/* --- columns ----------------------------------------------------------------------------- */

CM_INLINE void bf16_pack_b_any(size_t k0, size_t k, size_t n, const float *x, size_t k_step, size_t n_step, size_t low,
                               uint16_t *y) {
    for (size_t i = 0; i < BF16_DEPTH; i++)
        for (size_t j = 0; j < BF16_ROWS; j++) {
            const float v = k0 + i < k && j < n ? x[(k0 + i) * k_step + j * n_step] : 0.0f;
            uint16_t *to = y + i / 2 * BF16_DEPTH + 2 * j + i % 2;
            *to = bf16_round(v);
            if (low) to[low] = bf16_round(v - bf16_widen(*to));
        }
}

#if defined(__AVX512F__)
/* 16 rows of 16 dwords, turned */
CM_INLINE void bf16_transpose16(__m512i *r) {
    __m512i t[16];
    CM_UNROLL
    for (int i = 0; i < 8; i++) {
        t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
    CM_UNROLL
    for (int i = 0; i < 4; i++) {
        r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    CM_UNROLL
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
        t[4 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
        t[8 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
        t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
    }
    CM_UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
        r[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
        r[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
        r[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd);
    }
}

CM_INLINE __m512i bf16_join(__m256i a, __m256i b) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* columns are rows of x: n of 16, k of 32 values each, turned by pairs */
CM_INLINE void bf16_pack_b_turned(size_t k, size_t n, const float *x, size_t n_step, size_t low, uint16_t *y) {
    __m512i upper[16], lower[16];
    for (size_t j = 0; j < BF16_ROWS; j++) {
        const vec a = j < n ? v_load_n(x + j * n_step, k < W ? k : W) : v_zero();
        const vec b = j < n && k > W ? v_load_n(x + j * n_step + W, k - W) : v_zero();
        const __m256i ua = bf16_narrow(a), ub = bf16_narrow(b);
        upper[j] = bf16_join(ua, ub);
        if (low) lower[j] = bf16_join(bf16_narrow(v_sub(a, bf16_wide(ua))), bf16_narrow(v_sub(b, bf16_wide(ub))));
    }
    bf16_transpose16(upper);
    for (size_t i = 0; i < BF16_ROWS; i++) _mm512_storeu_si512(y + i * BF16_DEPTH, upper[i]);
    if (!low) return;
    bf16_transpose16(lower);
    for (size_t i = 0; i < BF16_ROWS; i++) _mm512_storeu_si512(y + low + i * BF16_DEPTH, lower[i]);
}

CM_INLINE __m512i bf16_pair(__m256i even, __m256i odd) {
    return _mm512_or_si512(_mm512_cvtepu16_epi32(even), _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
}

/* columns lie side by side: two rows of x are zipped */
CM_INLINE void bf16_pack_b_zipped(size_t rows, size_t n, const float *x, size_t k_step, size_t low, uint16_t *y) {
    for (size_t i = 0; i < BF16_DEPTH; i += 2, y += BF16_DEPTH) {
        const vec a = i < rows ? v_load_n(x + i * k_step, n) : v_zero();
        const vec b = i + 1 < rows ? v_load_n(x + (i + 1) * k_step, n) : v_zero();
        const __m256i ua = bf16_narrow(a), ub = bf16_narrow(b);
        _mm512_storeu_si512(y, bf16_pair(ua, ub));
        if (low)
            _mm512_storeu_si512(y + low,
                                bf16_pair(bf16_narrow(v_sub(a, bf16_wide(ua))), bf16_narrow(v_sub(b, bf16_wide(ub)))));
    }
}
#endif

CM_BODY void pack_b(size_t k, size_t n, const float *x, size_t k_step, size_t n_step, size_t low, uint16_t *y,
                    size_t y_step) {
    if (n > BF16_ROWS) n = BF16_ROWS;
    for (size_t i = 0; i < k; i += BF16_DEPTH, y += y_step) {
#if defined(__AVX512F__)
        if (k_step == 1) {
            if (i + BF16_DEPTH <= k) bf16_pack_b_turned(BF16_DEPTH, n, x + i, n_step, low, y);
            else bf16_pack_b_turned(k - i, n, x + i, n_step, low, y);
            continue;
        }
        if (n_step == 1) {
            bf16_pack_b_zipped(k - i, n, x + i * k_step, k_step, low, y);
            continue;
        }
#endif
        bf16_pack_b_any(i, k, n, x, k_step, n_step, low, y);
    }
}

/* --- columns as rows ------------------------------------------------------------------------ */

CM_INLINE void bf16_pack_a_transposed_any(size_t k, size_t n, const float *x, size_t k_step, size_t low, uint16_t *y,
                                          size_t y_row) {
    for (size_t j = 0; j < BF16_ROWS; j++, y += y_row)
        for (size_t i = 0; i < BF16_DEPTH; i++) {
            const float v = i < k && j < n ? x[i * k_step + j] : 0.0f;
            y[i] = bf16_round(v);
            if (low) y[low + i] = bf16_round(v - bf16_widen(y[i]));
        }
}

#if defined(__AVX512F__)
/* pairs of rows of x are zipped, as columns are, and turned */
CM_INLINE void bf16_pack_a_transposed_zipped(size_t rows, size_t n, const float *x, size_t k_step, size_t low,
                                             uint16_t *y, size_t y_row) {
    __m512i upper[16], lower[16];
    for (size_t i = 0; i < BF16_ROWS; i++) {
        const vec a = 2 * i < rows ? v_load_n(x + 2 * i * k_step, n) : v_zero();
        const vec b = 2 * i + 1 < rows ? v_load_n(x + (2 * i + 1) * k_step, n) : v_zero();
        const __m256i ua = bf16_narrow(a), ub = bf16_narrow(b);
        upper[i] = bf16_pair(ua, ub);
        if (low) lower[i] = bf16_pair(bf16_narrow(v_sub(a, bf16_wide(ua))), bf16_narrow(v_sub(b, bf16_wide(ub))));
    }
    bf16_transpose16(upper);
    for (size_t j = 0; j < BF16_ROWS; j++) _mm512_storeu_si512(y + j * y_row, upper[j]);
    if (!low) return;
    bf16_transpose16(lower);
    for (size_t j = 0; j < BF16_ROWS; j++) _mm512_storeu_si512(y + low + j * y_row, lower[j]);
}
#endif

CM_BODY void pack_a_transposed(size_t k, size_t n, const float *x, size_t k_step, size_t low, uint16_t *y,
                               size_t y_row) {
    if (n > BF16_ROWS) n = BF16_ROWS;
    for (size_t i = 0; i < k; i += BF16_DEPTH, y += BF16_DEPTH) {
#if defined(__AVX512F__)
        bf16_pack_a_transposed_zipped(k - i, n, x + i * k_step, k_step, low, y, y_row);
#else
        bf16_pack_a_transposed_any(k - i, n, x + i * k_step, k_step, low, y, y_row);
#endif
    }
}

/* --- epilogues ------------------------------------------------------------------------------ */

CM_INLINE void bf16_epilogue_columns(const bf16_epilogue *f, size_t at, size_t n) {
    vec b = f->bias ? v_load_n(f->bias + at, n) : v_zero();
    if (f->image) b = v_add(b, v_load_n(f->image + at, n));
    const float *c = f->c + at, *plus = f->plus ? f->plus + at : NULL;
    float *y = f->y + at;
    for (size_t r = 0; r < f->rows; r++) {
        vec v = v_add(v_load_n(c + r * f->c_row, n), b);
        if (plus) v = v_add(v, v_load_n(plus + r * f->plus_row, n));
        if (f->relu) v = v_max(v_zero(), v);
        v_store_n(y + r * f->y_row, v, n);
    }
}

CM_BODY void epilogue(const bf16_epilogue *f) {
    size_t at = 0;
    for (; at + W <= f->cols; at += W) bf16_epilogue_columns(f, at, W);
    if (at < f->cols) bf16_epilogue_columns(f, at, f->cols - at);
}

CM_INLINE void bf16_geglu_as(bool near, const bf16_epilogue *f, size_t gate) {
    for (size_t at = 0; at < f->cols; at += W) {
        const size_t n = f->cols - at < W ? f->cols - at : W;
        const vec b = f->bias ? v_load_n(f->bias + at, n) : v_zero(),
                  bg = f->bias ? v_load_n(f->bias + gate + at, n) : v_zero();
        for (size_t r = 0; r < f->rows; r++) {
            const float *c = f->c + r * f->c_row + at;
            const vec v = v_add(v_load_n(c, n), b), g = v_add(v_load_n(c + BF16_ROWS, n), bg);
            v_store_n(f->y + r * f->y_row + at, v_mul(v, near ? v_gelu_near(g) : v_act(CM_GELU, g)), n);
        }
    }
}

CM_BODY void epilogue_geglu(const bf16_epilogue *f, size_t gate) {
    if (f->near) bf16_geglu_as(true, f, gate);
    else bf16_geglu_as(false, f, gate);
}

CM_INLINE void bf16_geglu_tiles_as(bool near, const bf16_geglu_tiles *g) {
    for (size_t at = 0; at < BF16_ROWS; at += W) {
        const vec b = v_load(g->bias + at), bg = v_load(g->bias_gate + at);
        for (size_t r = 0; r < g->rows; r++) {
            const float *c = g->c + r * BF16_COLS + at;
            const vec v = v_add(v_load(c), b), gate = v_add(v_load(c + BF16_ROWS), bg);
            bf16_store(v_mul(v, near ? v_gelu_near(gate) : v_act(CM_GELU, gate)), near ? 0 : g->low,
                       g->y + r / BF16_ROWS * g->half + r % BF16_ROWS * BF16_DEPTH + at);
        }
    }
}

CM_BODY void geglu_tiles(const bf16_geglu_tiles *g) {
    if (g->low) bf16_geglu_tiles_as(false, g);
    else bf16_geglu_tiles_as(true, g);
}

/* --- powers of scores ----------------------------------------------------------------------------------- */

CM_INLINE float v_reduce_max(vec a) {
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps(a);
#else
    float lanes[W], top = -INFINITY;
    v_store(lanes, a);
    for (size_t l = 0; l < W; l++) top = lanes[l] > top ? lanes[l] : top;
    return top;
#endif
}

CM_INLINE float bf16_top(size_t n, const float *s) {
    vec t = v_set(-INFINITY), t2 = t;
    size_t i = 0;
    for (; i + 2 * W <= n; i += 2 * W) {
        t = v_max(t, v_load(s + i));
        t2 = v_max(t2, v_load(s + i + W));
    }
    for (; i + W <= n; i += W) t = v_max(t, v_load(s + i));
    float top = v_reduce_max(v_max(t, t2));
    for (; i < n; i++) top = s[i] > top ? s[i] : top;
    return top;
}

/* One row of a strip, n of 32 scores; the greatest x goes to `most`. */
CM_INLINE void bf16_powers_exact(size_t n, const float *s, float shift, size_t low, uint16_t *y, vec *most) {
    for (size_t j = 0; j < BF16_DEPTH; j += W) {
        const size_t here = j >= n ? 0 : n - j < W ? n - j : W;
        const vec x = here ? v_keep_n(v_add(v_load_n(s + j, here), v_set(shift)), here) : v_zero();
        *most = v_max(*most, x);
        bf16_store(here ? v_keep_n(v_exp2(x, true), here) : x, low, y + j);
    }
}

/* 128 (2^(i/128) - 1) to the nearest */
static const uint8_t bf16_exp2_table[BF16_EXP2_STEPS] __attribute__((aligned(64))) = {
    0,   1,   1,   2,   3,   4,   4,   5,   6,   6,   7,   8,   9,   9,   10,  11,  12,  12,  13, 14,  15,  15,
    16,  17,  18,  19,  19,  20,  21,  22,  23,  23,  24,  25,  26,  27,  28,  28,  29,  30,  31, 32,  33,  34,
    34,  35,  36,  37,  38,  39,  40,  41,  42,  43,  43,  44,  45,  46,  47,  48,  49,  50,  51, 52,  53,  54,
    55,  56,  57,  58,  59,  60,  61,  62,  63,  64,  65,  66,  67,  68,  69,  70,  72,  73,  74, 75,  76,  77,
    78,  79,  80,  82,  83,  84,  85,  86,  87,  88,  90,  91,  92,  93,  94,  96,  97,  98,  99, 100, 102, 103,
    104, 105, 107, 108, 109, 111, 112, 113, 115, 116, 117, 118, 120, 121, 123, 124, 125, 127,
};
enum { BF16_MOST_WORD = (127 + BF16_MAX_EXPONENT) * BF16_EXP2_STEPS };

/* A word with its curve; below the least normal number 0, as matrix registers take it. */
CM_INLINE uint16_t bf16_exp2_word(uint16_t word) {
    return word < BF16_EXP2_STEPS ? 0 : (uint16_t)((word & 0xff80) | bf16_exp2_table[word & 0x7f]);
}

#if defined(__AVX512F__)
CM_INLINE __m512i bf16_exp2_words(__m512i words) {
#if defined(__AVX512VBMI__)
    const __m512i upper = _mm512_set1_epi16((short)0xff80);
    const __m512i low = _mm512_load_si512(bf16_exp2_table), high = _mm512_load_si512(bf16_exp2_table + 64);
    const __m512i curve = _mm512_maskz_permutex2var_epi8(0x5555555555555555, low, words, high);
    return _mm512_ternarylogic_epi32(words, curve, upper, 0xec); /* words & upper | curve */
#else
    uint16_t lanes[2 * W];
    _mm512_storeu_si512(lanes, words);
    for (size_t i = 0; i < 2 * W; i++) lanes[i] = bf16_exp2_word(lanes[i]);
    return _mm512_loadu_si512(lanes);
#endif
}

CM_INLINE __m512i bf16_words_of(size_t n, const float *s, vec shift) {
    if (n >= W) return _mm512_cvtps_epi32(v_add(v_load(s), shift));
    const __mmask16 some = (__mmask16)((1u << n) - 1);
    return _mm512_maskz_cvtps_epi32(some, v_add(_mm512_maskz_loadu_ps(some, s), shift));
}

typedef __m512i bf16_words;
CM_INLINE bf16_words bf16_no_words(void) {
    return _mm512_setzero_si512();
}
CM_INLINE bool bf16_overflows(bf16_words most) {
    return _mm512_cmpgt_epu16_mask(most, _mm512_set1_epi16((short)BF16_MOST_WORD)) != 0;
}

CM_INLINE void bf16_powers(size_t n, const float *s, float shift, uint16_t *y, bf16_words *most) {
    const vec at = v_set(shift);
    const __m512i words = _mm512_packus_epi32(bf16_words_of(n, s, at), bf16_words_of(n > W ? n - W : 0, s + W, at));
    *most = _mm512_max_epu16(*most, words);
    _mm512_storeu_si512(y, bf16_exp2_words(words));
}
#else
CM_INLINE uint16_t bf16_word_of(float x) {
    return x >= 65535.0f ? 65535 : x > 0.0f ? (uint16_t)lrintf(x) : 0; /* a NaN: 0 */
}

typedef uint16_t bf16_words;
CM_INLINE bf16_words bf16_no_words(void) {
    return 0;
}
CM_INLINE bool bf16_overflows(bf16_words most) {
    return most > BF16_MOST_WORD;
}

CM_INLINE void bf16_powers(size_t n, const float *s, float shift, uint16_t *y, bf16_words *most) {
    for (size_t i = 0; i < BF16_DEPTH; i++) {
        const uint16_t word = i < n ? bf16_word_of(s[i] + shift) : 0;
        const size_t pair = i / 2, at = pair % 8 / 2 * 4 + pair / 8 * 2 + pair % 2; /* bf16_order(at) = pair */
        *most = word > *most ? word : *most;
        y[2 * at + i % 2] = bf16_exp2_word(word);
    }
}
#endif

/* Rows [from, from + rows) of a strip whose scores are there, of one half. */
CM_INLINE void bf16_softmax_rows(const bf16_softmax_tile *p, size_t strip, const float *scores, size_t from,
                                 size_t rows, bf16_words *most) {
    const size_t n = p->n - strip * BF16_DEPTH;
    const float *s = scores + from * BF16_COLS, *shift = p->shift + from;
    uint16_t *y = p->y + strip * BF16_TILE + from / BF16_ROWS * p->half + from % BF16_ROWS * BF16_DEPTH;
    bf16_words greatest = *most;
    if (n >= BF16_DEPTH) {
        CM_UNROLL
        for (size_t r = 0; r < rows; r++)
            bf16_powers(BF16_DEPTH, s + r * BF16_COLS, shift[r], y + r * BF16_DEPTH, &greatest);
    } else {
        for (size_t r = 0; r < rows; r++) bf16_powers(n, s + r * BF16_COLS, shift[r], y + r * BF16_DEPTH, &greatest);
    }
    *most = greatest;
}

CM_INLINE float *bf16_softmax_scores(const bf16_softmax_tile *p, size_t strip) {
    return p->scores + strip % 2 * BF16_COLS * BF16_COLS;
}

CM_INLINE void bf16_softmax_strip(void (*multiply)(const bf16_block *), const bf16_softmax_tile *p, size_t strip) {
    static const ptrdiff_t no_segment[1] = {0};
    const bf16_block b = {.segments = 1,
                          .steps = p->steps,
                          .a = {p->queries, p->queries + p->steps * BF16_TILE},
                          .a_segment = no_segment,
                          .a_row = BF16_DEPTH,
                          .a_step = BF16_TILE,
                          .a_low = p->low_q,
                          .c_row = BF16_COLS,
                          .b = p->keys + strip * p->steps * 2 * BF16_TILE * (p->low_q ? 2 : 1),
                          .c = bf16_softmax_scores(p, strip)};
    multiply(&b);
}

/* The next strip's scores are made before this one's powers: matrix registers and vector units work side by side. */
CM_INLINE bool bf16_softmax_by(void (*multiply)(const bf16_block *), const bf16_softmax_tile *p) {
    vec most = v_zero();
    bf16_words most_words = bf16_no_words();
    bf16_softmax_strip(multiply, p, 0);
    for (size_t i = 0; i < p->strips; i++) {
        const float *s = bf16_softmax_scores(p, i);
        if (i + 1 < p->strips) bf16_softmax_strip(multiply, p, i + 1);
        for (size_t r = 0; !p->low && r < BF16_COLS; r += BF16_ROWS)
            bf16_softmax_rows(p, i, s, r, BF16_ROWS, &most_words);
        for (size_t r = 0; p->low && r < BF16_COLS; r++)
            bf16_powers_exact(p->n - i * BF16_DEPTH, s + r * BF16_COLS, p->shift[r], p->low,
                              p->y + i * BF16_TILE + r / BF16_ROWS * p->half + r % BF16_ROWS * BF16_DEPTH, &most);
    }
    return bf16_overflows(most_words) || v_reduce_max(most) > (float)BF16_MAX_EXPONENT;
}

CM_INLINE void bf16_row_max_by(void (*multiply)(const bf16_block *), const bf16_softmax_tile *p, float *top) {
    for (size_t r = 0; r < BF16_COLS; r++) top[r] = -INFINITY;
    for (size_t i = 0; i < p->strips; i++) {
        const size_t left = p->n - i * BF16_DEPTH, n = left < BF16_DEPTH ? left : BF16_DEPTH;
        bf16_softmax_strip(multiply, p, i);
        for (size_t r = 0; r < BF16_COLS; r++) {
            const float here = bf16_top(n, bf16_softmax_scores(p, i) + r * BF16_COLS);
            top[r] = here > top[r] ? here : top[r];
        }
    }
}

CM_BODY float absmax(size_t n, const float *x) {
    float top;
#if defined(__AVX512F__)
    const __m512i no_sign = _mm512_set1_epi32(0x7fffffff);
    __m512i bits = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += W)
        bits = _mm512_max_epi32(bits,
                                _mm512_and_si512(_mm512_castps_si512(v_load_n(x + i, n - i < W ? n - i : W)), no_sign));
    const int32_t greatest = _mm512_reduce_max_epi32(bits);
#else
    int32_t greatest = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffff;
        greatest = bits > greatest ? bits : greatest;
    }
#endif
    memcpy(&top, &greatest, sizeof top);
    return top;
}

CM_BODY void copy_scaled(size_t n, float alpha, const float *x, float *y) {
    const vec a = v_set(alpha);
    for (size_t i = 0; i < n; i += W) {
        const size_t here = n - i < W ? n - i : W;
        v_store_n(y + i, v_mul(a, v_load_n(x + i, here)), here);
    }
}

CM_BODY void scale(size_t n, float alpha, float *x) {
    copy_scaled(n, alpha, x, x);
}

#define BF16_MICROKERNELS_TABLE(set, has_matrix, is_direct, begin_fn, end_fn, block_fn)                                \
    {                                                                                                                  \
        .name = set, .matrix = has_matrix, .direct = is_direct, .begin = begin_fn, .end = end_fn, .block = block_fn,   \
        .pack_a = pack_a, .pack_b = pack_b, .pack_a_transposed = pack_a_transposed, .epilogue = epilogue,              \
        .epilogue_geglu = epilogue_geglu, .geglu_tiles = geglu_tiles, .softmax_tile = softmax_tile,                    \
        .softmax_row_max = softmax_row_max, .absmax = absmax, .scale = scale, .copy_scaled = copy_scaled,              \
    }

#endif
