// SPDX-License-Identifier: Apache-2.0
/* The register tile that every product ends in, and the packing that feeds it. */
#ifndef CM_CORE_CPU_F32_GEMM_INL_H
#define CM_CORE_CPU_F32_GEMM_INL_H

#include "core/cpu/f32/f32_microkernels.h"
#include "core/cpu/simd/simd.h"

/* rows x (vecs W) of C; n <= vecs W columns are stored. rows and vecs are constants at every call. */
CM_INLINE void tile(const cm_panel *p, int rows, int vecs, size_t n, const float *a, const float *b, const float *bias,
                    const float *plus, float *c) {
    vec acc[TILE_ROWS][2];
    const size_t last = n - (size_t)(vecs - 1) * W; /* columns in the last vector */
    CM_UNROLL
    for (int r = 0; r < rows; r++) {
        CM_UNROLL
        for (int v = 0; v < vecs; v++) {
            const bool whole = v < vecs - 1 || last == W;
            const float *from = plus ? plus + (size_t)r * p->plus_row + v * W : c + (size_t)r * p->c_row + v * W;
            acc[r][v] = !plus && (bias || !p->add) ? v_zero() : whole ? v_load(from) : v_load_n(from, last);
            if (bias) acc[r][v] = v_add(acc[r][v], whole ? v_load(bias + v * W) : v_load_n(bias + v * W, last));
        }
    }
    for (size_t s = 0; s < p->segments; s++) {
        const float *as = a + s * p->a_segment, *bs = b + s * p->b_segment;
        for (size_t k = p->k; k > 0; k--) {
            vec bv[2];
            CM_UNROLL
            for (int v = 0; v < vecs; v++) bv[v] = v_load(bs + v * W);
            CM_UNROLL
            for (int r = 0; r < rows; r++) {
                const vec x = v_set(as[(size_t)r * p->a_row]);
                CM_UNROLL
                for (int v = 0; v < vecs; v++) acc[r][v] = v_fma(x, bv[v], acc[r][v]);
            }
            as += p->a_step;
            bs += p->b_step;
        }
    }
    if (p->relu) CM_UNROLL
    for (int r = 0; r < rows; r++) CM_UNROLL
    for (int v = 0; v < vecs; v++) acc[r][v] = v_max(v_zero(), acc[r][v]);
    CM_UNROLL
    for (int r = 0; r < rows; r++) {
        CM_UNROLL
        for (int v = 0; v < vecs; v++) {
            float *to = c + (size_t)r * p->c_row + v * W;
            if (v < vecs - 1 || last == W) {
                v_store(to, acc[r][v]);
            } else {
                v_store_n(to, acc[r][v], last);
            }
        }
    }
}

CM_INLINE void tile_rows(const cm_panel *p, size_t rows, int vecs, size_t n, const float *a, const float *b,
                         const float *bias, const float *plus, float *c) {
    switch (rows) {
    case 1: tile(p, 1, vecs, n, a, b, bias, plus, c); break;
    case 2: tile(p, 2, vecs, n, a, b, bias, plus, c); break;
    case 3: tile(p, 3, vecs, n, a, b, bias, plus, c); break;
    case 4: tile(p, 4, vecs, n, a, b, bias, plus, c); break;
#if defined(__AVX2__)
    case 5: tile(p, 5, vecs, n, a, b, bias, plus, c); break;
    case 6: tile(p, 6, vecs, n, a, b, bias, plus, c); break;
#endif
#if defined(__AVX512F__)
    case 7: tile(p, 7, vecs, n, a, b, bias, plus, c); break;
    case 8: tile(p, 8, vecs, n, a, b, bias, plus, c); break;
    case 9: tile(p, 9, vecs, n, a, b, bias, plus, c); break;
    case 10: tile(p, 10, vecs, n, a, b, bias, plus, c); break;
    case 11: tile(p, 11, vecs, n, a, b, bias, plus, c); break;
    case 12: tile(p, 12, vecs, n, a, b, bias, plus, c); break;
#endif
    default: break;
    }
}

CM_BODY void panel(const cm_panel *p, size_t m, size_t n, const float *a, const float *b, const float *bias, float *c) {
    const size_t tiles = (m + TILE_ROWS - 1) / TILE_ROWS; /* as even as can be */
    const float *plus = p->plus;
    for (size_t i = 0; i < tiles; i++) {
        const size_t rows = m / tiles + (i < m % tiles);
        if (n > W) {
            tile_rows(p, rows, 2, n, a, b, bias, plus, c);
        } else {
            tile_rows(p, rows, 1, n, a, b, bias, plus, c);
        }
        if (plus) plus += rows * p->plus_row;
        a += rows * p->a_row;
        c += rows * p->c_row;
    }
}

/* y [cols,rows] = alpha x' of x [rows,cols], for one strip of at most TILE_COLS rows; lanes beyond rows are cleared. */
CM_INLINE void pack_strip_turned(size_t rows, size_t cols, float alpha, const float *x, size_t ldx, float *y) {
    size_t r = 0;
    for (; r + 8 <= rows; r += 8) {
        size_t c = 0;
        for (; c + 8 <= cols; c += 8) v_transpose8(x + r * ldx + c, ldx, y + c * TILE_COLS + r, TILE_COLS);
        for (; c < cols; c++)
            for (size_t i = r; i < r + 8; i++) y[c * TILE_COLS + i] = x[i * ldx + c];
    }
    for (; r < rows; r++)
        for (size_t c = 0; c < cols; c++) y[c * TILE_COLS + r] = x[r * ldx + c];
    for (; r < TILE_COLS; r++)
        for (size_t c = 0; c < cols; c++) y[c * TILE_COLS + r] = 0.0f;
    if (alpha == 1.0f) return;
    for (size_t i = 0; i < cols * TILE_COLS; i++) y[i] *= alpha;
}

CM_BODY void pack(size_t k, size_t n, float alpha, const float *b, size_t k_step, size_t n_step, float *y) {
    for (size_t j = 0; j < n; j += TILE_COLS, y += k * TILE_COLS) {
        const size_t cols = n - j < TILE_COLS ? n - j : TILE_COLS;
        if (k_step == 1) {
            pack_strip_turned(cols, k, alpha, b + j * n_step, n_step, y);
            continue;
        }
        const vec scale = v_set(alpha);
        for (size_t i = 0; i < k; i++) {
            const float *from = b + i * k_step + j * n_step;
            float *to = y + i * TILE_COLS;
            if (n_step == 1) {
                v_store(to, v_mul(scale, v_load_n(from, cols < W ? cols : W)));
                v_store(to + W, cols > W ? v_mul(scale, v_load_n(from + W, cols - W)) : v_zero());
                continue;
            }
            for (size_t l = 0; l < TILE_COLS; l++) to[l] = l < cols ? alpha * from[l * n_step] : 0.0f;
        }
    }
}

CM_BODY void transpose(size_t rows, size_t cols, const float *x, size_t ldx, float *y, size_t ldy) {
    size_t r = 0;
    for (; r + 8 <= rows; r += 8) {
        size_t c = 0;
        for (; c + 8 <= cols; c += 8) v_transpose8(x + r * ldx + c, ldx, y + c * ldy + r, ldy);
        for (; c < cols; c++)
            for (size_t i = r; i < r + 8; i++) y[c * ldy + i] = x[i * ldx + c];
    }
    for (; r < rows; r++)
        for (size_t c = 0; c < cols; c++) y[c * ldy + r] = x[r * ldx + c];
}

/* sum[c] += over rows of x [rows,c] */
CM_BODY void column_sums(size_t rows, size_t c, const float *x, float *sum) {
    for (size_t j = 0; j < c; j += W) {
        const size_t n = c - j < W ? c - j : W;
        vec s0 = v_zero(), s1 = v_zero();
        size_t r = 0;
        if (n == W) {
            for (; r + 2 <= rows; r += 2) {
                s0 = v_add(s0, v_load(x + r * c + j));
                s1 = v_add(s1, v_load(x + (r + 1) * c + j));
            }
        }
        for (; r < rows; r++) s0 = v_add(s0, v_load_n(x + r * c + j, n));
        v_store_n(sum + j, v_add(v_load_n(sum + j, n), v_add(s0, s1)), n);
    }
}

#endif
