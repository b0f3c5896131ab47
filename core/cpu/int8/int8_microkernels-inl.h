// SPDX-License-Identifier: Apache-2.0
/* What all tables share: rounding to int8, and the ends of products. */
#ifndef CM_CORE_CPU_INT8_INT8_MICROKERNELS_INL_H
#define CM_CORE_CPU_INT8_INT8_MICROKERNELS_INL_H

#include "core/cpu/bf16/bf16_microkernels-inl.h"
#include "core/cpu/int8/int8_microkernels.h"

/* --- vectors ------------------------------------------------------------------------ */

/* The largest magnitude so far; a NaN counts as larger than all. */
#if defined(__AVX512F__)
typedef __m512i int8_absmax;
CM_INLINE int8_absmax int8_absmax_none(void) {
    return _mm512_setzero_si512();
}
CM_INLINE int8_absmax int8_absmax_of(int8_absmax m, vec v) {
    return _mm512_max_epi32(m, _mm512_castps_si512(v_abs(v)));
}
CM_INLINE float int8_absmax_get(int8_absmax m) {
    const int bits = _mm512_reduce_max_epi32(m);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
CM_INLINE vec int8_from_sums(const int32_t *c) {
    return _mm512_cvtepi32_ps(_mm512_loadu_si512(c));
}
CM_INLINE vec int8_from_sums_n(const int32_t *c, size_t n) {
    return _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32((__mmask16)((1u << n) - 1u), c));
}
/* W whole numbers within +-127 */
CM_INLINE void int8_store(vec v, int8_t *y) {
    _mm_storeu_si128((__m128i *)(void *)y, _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v)));
}
CM_INLINE vec int8_widen(const uint16_t *x) {
    return bf16_wide(_mm256_loadu_si256((const __m256i *)(const void *)x));
}
#else
typedef struct int8_absmax {
    vec top, bad; /* bad: 0, or NaN */
} int8_absmax;
CM_INLINE int8_absmax int8_absmax_none(void) {
    return (int8_absmax){v_zero(), v_zero()};
}
CM_INLINE int8_absmax int8_absmax_of(int8_absmax m, vec v) {
    return (int8_absmax){v_max(v_abs(v), m.top), v_add(m.bad, v_sub(v, v))};
}
CM_INLINE float int8_absmax_get(int8_absmax m) {
    const float top = v_reduce_max(m.top), bad = v_sum(m.bad);
    return bad != bad ? bad : top;
}
CM_INLINE vec int8_from_sums_n(const int32_t *c, size_t n) {
    float lanes[W] = {0};
    for (size_t i = 0; i < n; i++) lanes[i] = (float)c[i];
    return v_load(lanes);
}
#if defined(__AVX2__)
CM_INLINE vec int8_from_sums(const int32_t *c) {
    return _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(const void *)c));
}
CM_INLINE void int8_store(vec v, int8_t *y) {
    const __m256i whole = _mm256_cvtps_epi32(v);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64((__m128i *)(void *)y, _mm_packs_epi16(words, words));
}
CM_INLINE vec int8_widen(const uint16_t *x) {
    return bf16_wide(_mm_loadu_si128((const __m128i *)(const void *)x));
}
#else
CM_INLINE vec int8_from_sums(const int32_t *c) {
    return int8_from_sums_n(c, W);
}
CM_INLINE void int8_store(vec v, int8_t *y) {
    float lanes[W];
    v_store(lanes, v);
    for (size_t i = 0; i < W; i++)
        y[i] = fabsf(lanes[i]) <= 127.5f ? (int8_t)lrintf(lanes[i]) : 0; /* a NaN is in the scale */
}
CM_INLINE vec int8_widen(const uint16_t *x) {
    float lanes[W];
    for (size_t i = 0; i < W; i++) lanes[i] = bf16_widen(x[i]);
    return v_load(lanes);
}
#endif
#endif

/* --- rows ----------------------------------------------------------------------------- */

CM_INLINE float int8_pack_a_as(const bf16_prologue *r, cm_act act, size_t n, const float *x, int8_t *y, size_t y_step,
                               vec mean, vec rstd) {
    int8_absmax most = int8_absmax_none();
    const size_t whole = n / W * W, left = n - whole;
    for (size_t i = 0; i < whole; i += W)
        most = int8_absmax_of(most, bf16_apply(r, act, i, W, v_load(x + i), mean, rstd));
    const vec last =
        left ? v_keep_n(bf16_apply(r, act, whole, left, v_load_n(x + whole, left), mean, rstd), left) : v_zero();
    const float top = int8_absmax_get(int8_absmax_of(most, last));
    const vec times = v_set(int8_inverse_scale(top));
    size_t i = 0;
    for (; i < whole; i += W)
        int8_store(v_mul(bf16_apply(r, act, i, W, v_load(x + i), mean, rstd), times),
                   y + i / INT8_DEPTH * y_step + i % INT8_DEPTH);
    if (left) int8_store(v_mul(last, times), y + i / INT8_DEPTH * y_step + i % INT8_DEPTH);
    for (i += left ? W : 0; i % INT8_DEPTH; i += W) int8_store(v_zero(), y + i / INT8_DEPTH * y_step + i % INT8_DEPTH);
    return int8_scale(top);
}

CM_BODY float int8_pack_a(const bf16_prologue *r, size_t n, const float *x, int8_t *y, size_t y_step) {
    vec mean = v_zero(), rstd = v_zero();
    bf16_prologue copy = *r;
    copy.low = 0;
    switch (r->kind) {
    case BF16_AFFINE:
        copy.kind = BF16_AFFINE;
        if (r->act == CM_SILU) return int8_pack_a_as(&copy, CM_SILU, n, x, y, y_step, mean, rstd);
        return int8_pack_a_as(&copy, CM_IDENTITY, n, x, y, y_step, mean, rstd);
    case BF16_LAYER_NORM:
        copy.kind = BF16_LAYER_NORM;
        bf16_moments(n, x, r->eps, &mean, &rstd);
        return int8_pack_a_as(&copy, CM_IDENTITY, n, x, y, y_step, mean, rstd);
    default: copy.kind = BF16_PLAIN; return int8_pack_a_as(&copy, CM_IDENTITY, n, x, y, y_step, mean, rstd);
    }
}

/* The largest magnitude of bf16 numbers is that of their bits. */
CM_BODY float int8_absmax_bf16(size_t n, const uint16_t *x) {
    uint16_t top = 0;
    for (size_t i = 0; i < n; i++) {
        const uint16_t bits = x[i] & 0x7fff;
        top = bits > top ? bits : top;
    }
    return bf16_widen(top);
}

CM_BODY void int8_quantize(size_t n, float inverse, float offset, const uint16_t *x, int8_t *y, size_t y_step) {
    const vec times = v_set(inverse), less = v_set(-offset);
    for (size_t i = 0; i < n; i += INT8_DEPTH, y += y_step) CM_UNROLL
    for (size_t k = 0; k < INT8_DEPTH; k += W) int8_store(v_fma(int8_widen(x + i + k), times, less), y + k);
}

/* --- the ends of products ------------------------------------------------------------------ */

CM_INLINE vec int8_with_offset(const int8_epilogue *f, size_t r, vec sums, vec cols_sum) {
    return f->rows_offset ? v_fma(v_set(f->rows_offset[r]), cols_sum, sums) : sums;
}

CM_INLINE void int8_epilogue_columns(const int8_epilogue *f, size_t from, size_t to, size_t at, size_t n) {
    const vec scale = v_load_n(f->cols_scale + at, n), bias = f->bias ? v_load_n(f->bias + at, n) : v_zero();
    const vec cols_sum = f->rows_offset ? v_load_n(f->cols_sum + at, n) : v_zero();
    for (size_t r = from; r < to; r++) {
        vec v = v_fma(int8_with_offset(f, r, int8_from_sums_n(f->c + r * BF16_COLS + at, n), cols_sum),
                      v_mul(v_set(f->rows_scale[r]), scale), bias);
        if (f->plus) v = v_add(v, v_load_n(f->plus + r * f->plus_row + at, n));
        if (f->relu) v = v_max(v_zero(), v);
        v_store_n(f->y + r * f->y_row + at, v, n);
    }
}

CM_INLINE void int8_epilogue_whole(const int8_epilogue *f, size_t from, size_t to, bool plus) {
    vec scale[BF16_COLS / W], bias[BF16_COLS / W], cols_sum[BF16_COLS / W];
    CM_UNROLL
    for (size_t k = 0; k < BF16_COLS / W; k++) {
        scale[k] = v_load(f->cols_scale + k * W);
        bias[k] = f->bias ? v_load(f->bias + k * W) : v_zero();
        cols_sum[k] = f->rows_offset ? v_load(f->cols_sum + k * W) : v_zero();
    }
    for (size_t r = from; r < to; r++) {
        float *y = f->y + r * f->y_row;
        const float *p = plus ? f->plus + r * f->plus_row : NULL;
        const vec row = v_set(f->rows_scale[r]);
        CM_UNROLL
        for (size_t k = 0; k < BF16_COLS / W; k++) {
            const vec sums = int8_with_offset(f, r, int8_from_sums(f->c + r * BF16_COLS + k * W), cols_sum[k]);
            const vec v = v_fma(sums, v_mul(row, scale[k]), bias[k]);
            v_store(y + k * W, plus ? v_add(v, v_load(p + k * W)) : v);
        }
        if (!f->more) continue;
        CM_UNROLL
        for (size_t k = BF16_COLS; k < 2 * BF16_COLS; k += BF16_ROWS) {
            __builtin_prefetch(y + k, 1, 2);
            if (plus) __builtin_prefetch(p + k, 0, 2);
        }
    }
}

CM_INLINE void int8_epilogue_geglu(const int8_epilogue *f, size_t from, size_t to) {
    for (size_t at = 0; at < BF16_ROWS; at += W) {
        const vec scale = v_load(f->cols_scale + at), scale_gate = v_load(f->cols_scale + BF16_ROWS + at);
        const vec bias = v_load(f->bias + at), bias_gate = v_load(f->bias_gate + at);
        for (size_t r = from; r < to; r++) {
            const int32_t *c = f->c + r * BF16_COLS + at;
            const vec row = v_set(f->rows_scale[r]), v = v_fma(int8_from_sums(c), v_mul(row, scale), bias);
            const vec gate = v_fma(int8_from_sums(c + BF16_ROWS), v_mul(row, scale_gate), bias_gate);
            bf16_store(v_mul(v, v_gelu_near(gate)), 0, f->gated + r * f->gated_row + at);
        }
    }
}

/* of rows [from, to) */
CM_INLINE void int8_epilogue_rows(const int8_epilogue *f, size_t from, size_t to) {
    if (f->gated) {
        int8_epilogue_geglu(f, from, to);
    } else if (f->cols == BF16_COLS && !f->relu) {
        if (f->plus) int8_epilogue_whole(f, from, to, true);
        else int8_epilogue_whole(f, from, to, false);
    } else {
        size_t at = 0;
        for (; at + W <= f->cols; at += W) int8_epilogue_columns(f, from, to, at, W);
        if (at < f->cols) int8_epilogue_columns(f, from, to, at, f->cols - at);
    }
}

CM_BODY void int8_epilogue_all(const int8_epilogue *f) {
    int8_epilogue_rows(f, 0, f->rows);
}

#define INT8_MICROKERNELS_TABLE(set, is_direct, begin_fn, end_fn, block_fn)                                            \
    {                                                                                                                  \
        .name = set, .direct = is_direct, .begin = begin_fn, .end = end_fn, .block = block_fn,                         \
        .epilogue = int8_epilogue_all, .pack_a = int8_pack_a, .absmax = int8_absmax_bf16, .quantize = int8_quantize,   \
    }

#endif
