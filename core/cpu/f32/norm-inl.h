// SPDX-License-Identifier: Apache-2.0
/* Inner loops of group and layer norm: channels are the vector's lanes. */
#ifndef CM_CORE_CPU_F32_NORM_INL_H
#define CM_CORE_CPU_F32_NORM_INL_H

#include "core/cpu/f32/f32_microkernels.h"
#include "core/cpu/simd/math-inl.h"

enum { NORM_RUN = 32 }; /* rows summed in float before they are added to a double */

/* to[c] += x's lanes */
CM_INLINE void norm_flush(vec x, size_t n, double *to) {
    float lanes[W];
    v_store(lanes, x);
    if (n == W) {
        for (size_t l = 0; l < W; l++) to[l] += (double)lanes[l];
        return;
    }
    for (size_t l = 0; l < n; l++) to[l] += (double)lanes[l];
}

/* Sums over rows for `vecs` vectors of channels from x on. */
CM_INLINE void norm_sums_some(size_t rows, size_t c, int vecs, size_t last, const float *x, const float *center,
                              double *sum, double *squares) {
    vec mid[4], a[4], b[4];
    CM_UNROLL
    for (int v = 0; v < vecs; v++) {
        mid[v] = v_load_n(center + v * W, v < vecs - 1 ? W : last);
        a[v] = b[v] = v_zero();
    }
    for (size_t r = 0; r < rows; r++, x += c) {
        CM_UNROLL
        for (int v = 0; v < vecs; v++) {
            const vec d = v_sub(v < vecs - 1 ? v_load(x + v * W) : v_load_n(x + v * W, last), mid[v]);
            a[v] = v_add(a[v], d);
            b[v] = v_fma(d, d, b[v]);
        }
    }
    CM_UNROLL
    for (int v = 0; v < vecs; v++) {
        norm_flush(a[v], v < vecs - 1 ? W : last, sum + v * W);
        norm_flush(b[v], v < vecs - 1 ? W : last, squares + v * W);
    }
}

CM_BODY void norm_sums(const cm_norm_rows *s, const float *x, double *sum, double *squares) {
    for (size_t c = 0; c < s->c; c++) sum[c] = squares[c] = 0.0;
    for (size_t r = 0; r < s->rows; r += NORM_RUN) {
        const size_t rows = s->rows - r < NORM_RUN ? s->rows - r : NORM_RUN;
        const float *at = x + r * s->c;
        size_t c = 0;
        for (; c + 4 * W <= s->c; c += 4 * W)
            norm_sums_some(rows, s->c, 4, W, at + c, s->center + c, sum + c, squares + c);
        for (; c < s->c; c += W)
            norm_sums_some(rows, s->c, 1, s->c - c < W ? s->c - c : W, at + c, s->center + c, sum + c, squares + c);
    }
}

CM_INLINE void norm_apply_as(cm_act kind, const cm_norm_rows *s, const float *x, float *y) {
    for (size_t r = 0; r < s->rows; r++, x += s->c, y += s->c) {
        size_t c = 0;
        for (; c + W <= s->c; c += W)
            v_store(y + c, v_act(kind, v_fma(v_load(x + c), v_load(s->scale + c), v_load(s->shift + c))));
        if (c == s->c) continue;
        const size_t n = s->c - c;
        const vec z = v_fma(v_load_n(x + c, n), v_load_n(s->scale + c, n), v_load_n(s->shift + c, n));
        v_store_n(y + c, v_act(kind, z), n);
    }
}

CM_BODY void norm_apply(const cm_norm_rows *s, const float *x, float *y) {
    if (s->act == CM_SILU) {
        norm_apply_as(CM_SILU, s, x, y);
    } else {
        norm_apply_as(CM_IDENTITY, s, x, y);
        if (s->act != CM_IDENTITY) act(s->act, s->rows * s->c, y, y);
    }
}

CM_INLINE void norm_grad_sums_some(cm_act kind, const cm_norm_rows *s, size_t from, size_t rows, size_t c, size_t n,
                                   const float *x, const float *dy, float *dz, double *sum, double *along) {
    const vec scale = v_load_n(s->scale + c, n), shift = v_load_n(s->shift + c, n), mid = v_load_n(s->center + c, n);
    vec a = v_zero(), b = v_zero();
    for (size_t r = from; r < from + rows; r++) {
        const size_t at = r * s->c + c;
        const vec value = v_load_n(x + at, n);
        vec d = v_load_n(dy + at, n);
        if (kind != CM_IDENTITY) d = v_mul(d, v_act_slope(kind, v_fma(value, scale, shift)));
        if (dz) v_store_n(dz + at, d, n);
        a = v_add(a, d);
        b = v_fma(d, v_sub(value, mid), b);
    }
    norm_flush(a, n, sum + c);
    norm_flush(b, n, along + c);
}

/* act is CM_IDENTITY or CM_SILU */
CM_BODY void norm_grad_sums(const cm_norm_rows *s, const float *x, const float *dy, float *dz, double *sum,
                            double *along) {
    for (size_t c = 0; c < s->c; c++) sum[c] = along[c] = 0.0;
    for (size_t r = 0; r < s->rows; r += NORM_RUN) {
        const size_t rows = s->rows - r < NORM_RUN ? s->rows - r : NORM_RUN;
        for (size_t c = 0; c < s->c; c += W) {
            const size_t n = s->c - c < W ? s->c - c : W;
            if (s->act == CM_SILU) {
                norm_grad_sums_some(CM_SILU, s, r, rows, c, n, x, dy, dz, sum, along);
            } else {
                norm_grad_sums_some(CM_IDENTITY, s, r, rows, c, n, x, dy, dz, sum, along);
            }
        }
    }
}

CM_BODY void norm_grad_apply(bool fresh, size_t rows, size_t c, const float *x, const float *dz, const float *abc,
                             const float *center, float *dx) {
    for (size_t r = 0; r < rows; r++, x += c, dz += c, dx += c) {
        for (size_t j = 0; j < c; j += W) {
            const size_t n = c - j < W ? c - j : W;
            const vec d = v_fma(v_load_n(abc + j, n), v_load_n(dz + j, n), v_before(fresh, dx + j, n));
            const vec away = v_sub(v_load_n(x + j, n), v_load_n(center + j, n));
            v_store_n(dx + j, v_sub(v_fnma(v_load_n(abc + 2 * c + j, n), away, d), v_load_n(abc + c + j, n)), n);
        }
    }
}

/* two passes over a row that lies in cache */
CM_BODY void layer_norm(size_t c, float eps, const float *x, const float *gamma, const float *beta, float *y,
                        float *mean, float *rstd) {
    vec sum = v_zero(), squares = v_zero();
    size_t i = 0;
    for (; i + W <= c; i += W) sum = v_add(sum, v_load(x + i));
    if (i < c) sum = v_add(sum, v_load_n(x + i, c - i));
    const float m = v_sum(sum) / (float)c;
    const vec mid = v_set(m);
    for (i = 0; i + W <= c; i += W) {
        const vec d = v_sub(v_load(x + i), mid);
        squares = v_fma(d, d, squares);
    }
    float total = v_sum(squares);
    for (; i < c; i++) total += (x[i] - m) * (x[i] - m);
    const float s = 1.0f / sqrtf(total / (float)c + eps);
    const vec scale = v_set(s);
    for (i = 0; i < c; i += W) {
        const size_t n = c - i < W ? c - i : W;
        const vec hat = v_mul(v_sub(v_load_n(x + i, n), mid), scale);
        v_store_n(y + i, v_fma(v_load_n(gamma + i, n), hat, v_load_n(beta + i, n)), n);
    }
    *mean = m;
    *rstd = s;
}

/* with d = dy gamma: dx += rstd (d - mean(d) - xhat mean(d xhat)); each output may be NULL */
CM_BODY void layer_norm_grad(bool fresh, size_t c, const float *x, const float *gamma, float mean, float rstd,
                             const float *dy, float *dx, float *dgamma, float *dbeta) {
    const vec mid = v_set(mean), scale = v_set(rstd);
    vec sum = v_zero(), along = v_zero();
    for (size_t i = 0; i < c; i += W) {
        const size_t n = c - i < W ? c - i : W;
        const vec hat = v_mul(v_sub(v_load_n(x + i, n), mid), scale), g = v_load_n(dy + i, n);
        const vec d = v_mul(g, v_load_n(gamma + i, n));
        sum = v_add(sum, d);
        along = v_fma(d, hat, along);
        if (dgamma) v_store_n(dgamma + i, v_fma(g, hat, v_load_n(dgamma + i, n)), n);
        if (dbeta) v_store_n(dbeta + i, v_add(g, v_load_n(dbeta + i, n)), n);
    }
    if (!dx) return;
    const vec a = v_set(v_sum(sum) / (float)c), b = v_set(v_sum(along) / (float)c);
    for (size_t i = 0; i < c; i += W) {
        const size_t n = c - i < W ? c - i : W;
        const vec hat = v_mul(v_sub(v_load_n(x + i, n), mid), scale);
        const vec d = v_mul(v_load_n(dy + i, n), v_load_n(gamma + i, n));
        v_store_n(dx + i, v_fma(scale, v_sub(v_fnma(hat, b, d), a), v_before(fresh, dx + i, n)), n);
    }
}

#endif
