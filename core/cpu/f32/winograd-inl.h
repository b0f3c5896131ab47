// SPDX-License-Identifier: Apache-2.0
/* Winograd's F(4x4,3x3) (Lavin and Gray 2016, points 0, 1, -1, 2, -2, infinity) and its transpose.
 *
 * Y = A' [(G g G') * (B' d B)] A. The gradients are the transposed maps:
 * dV = A dy A' per tile, then dd = B (U dV) B' and dg = G' (V dV) G.
 */
#ifndef CM_CORE_CPU_F32_WINOGRAD_INL_H
#define CM_CORE_CPU_F32_WINOGRAD_INL_H

#include "core/cpu/f32/f32_microkernels.h"
#include "core/cpu/simd/simd.h"

CM_INLINE void winograd_bt(const vec d[6], vec o[6]) {
    const vec four = v_set(4.0f), five = v_set(5.0f), two = v_set(2.0f);
    const vec a = v_fnma(four, d[2], d[4]), b = v_fnma(four, d[1], d[3]);
    const vec c = v_sub(d[4], d[2]), e = v_mul(two, v_sub(d[3], d[1]));
    o[0] = v_fma(four, d[0], v_fnma(five, d[2], d[4]));
    o[1] = v_add(a, b);
    o[2] = v_sub(a, b);
    o[3] = v_add(c, e);
    o[4] = v_sub(c, e);
    o[5] = v_fma(four, d[1], v_fnma(five, d[3], d[5]));
}

CM_INLINE void winograd_b(const vec m[6], vec o[6]) {
    const vec four = v_set(4.0f), five = v_set(5.0f), two = v_set(2.0f);
    const vec s12 = v_add(m[1], m[2]), e12 = v_sub(m[1], m[2]), s34 = v_add(m[3], m[4]), e34 = v_sub(m[3], m[4]);
    o[0] = v_mul(four, m[0]);
    o[1] = v_fnma(two, e34, v_mul(four, v_sub(m[5], e12)));
    o[2] = v_fnma(four, s12, v_fnma(five, m[0], v_sub(v_zero(), s34)));
    o[3] = v_fnma(five, m[5], v_fma(two, e34, e12));
    o[4] = v_add(m[0], v_add(s12, s34));
    o[5] = m[5];
}

CM_INLINE void winograd_at(const vec m[6], vec o[4]) {
    const vec s12 = v_add(m[1], m[2]), e12 = v_sub(m[1], m[2]), s34 = v_add(m[3], m[4]), e34 = v_sub(m[3], m[4]);
    o[0] = v_add(m[0], v_add(s12, s34));
    o[1] = v_fma(v_set(2.0f), e34, e12);
    o[2] = v_fma(v_set(4.0f), s34, s12);
    o[3] = v_add(v_fma(v_set(8.0f), e34, e12), m[5]);
}

CM_INLINE void winograd_a(const vec d[4], vec o[6]) {
    const vec four = v_set(4.0f), two = v_set(2.0f);
    const vec a = v_add(d[0], d[2]), b = v_add(d[1], d[3]);
    const vec c = v_fma(four, d[2], d[0]), e = v_mul(two, v_fma(four, d[3], d[1]));
    o[0] = d[0];
    o[1] = v_add(a, b);
    o[2] = v_sub(a, b);
    o[3] = v_add(c, e);
    o[4] = v_sub(c, e);
    o[5] = d[3];
}

CM_INLINE void winograd_g(const vec g[3], vec o[6]) {
    const vec a = v_mul(v_set(-1.0f / 6.0f), v_add(g[0], g[2])), b = v_mul(v_set(-1.0f / 6.0f), g[1]);
    const vec c = v_fma(v_set(1.0f / 24.0f), g[0], v_mul(v_set(1.0f / 6.0f), g[2])),
              e = v_mul(v_set(1.0f / 12.0f), g[1]);
    o[0] = v_mul(v_set(0.25f), g[0]);
    o[1] = v_add(a, b);
    o[2] = v_sub(a, b);
    o[3] = v_add(c, e);
    o[4] = v_sub(c, e);
    o[5] = g[2];
}

CM_INLINE void winograd_gt(const vec m[6], vec o[3]) {
    const vec s12 = v_add(m[1], m[2]), e12 = v_sub(m[1], m[2]), s34 = v_add(m[3], m[4]), e34 = v_sub(m[3], m[4]);
    const vec sixth = v_set(1.0f / 6.0f);
    o[0] = v_fnma(sixth, s12, v_fma(v_set(1.0f / 24.0f), s34, v_mul(v_set(0.25f), m[0])));
    o[1] = v_fnma(sixth, e12, v_mul(v_set(1.0f / 12.0f), e34));
    o[2] = v_fma(sixth, v_sub(s34, s12), m[5]);
}

/* [6][6] -> [6][6] and friends: along columns, then along rows */
#define CM_WINO_TWICE(one, from, to)                                                                                   \
    CM_INLINE void one##_2d(vec(*in)[6], vec(*out)[6]) {                                                               \
        vec t[6][6], a[6], b[6];                                                                                       \
        CM_UNROLL                                                                                                      \
        for (int j = 0; j < from; j++) {                                                                               \
            CM_UNROLL                                                                                                  \
            for (int i = 0; i < from; i++) a[i] = in[i][j];                                                            \
            one(a, b);                                                                                                 \
            CM_UNROLL                                                                                                  \
            for (int i = 0; i < to; i++) t[i][j] = b[i];                                                               \
        }                                                                                                              \
        CM_UNROLL                                                                                                      \
        for (int i = 0; i < to; i++) one(t[i], out[i]);                                                                \
    }
CM_WINO_TWICE(winograd_bt, 6, 6)
CM_WINO_TWICE(winograd_b, 6, 6)
CM_WINO_TWICE(winograd_at, 6, 4)
CM_WINO_TWICE(winograd_a, 4, 6)
CM_WINO_TWICE(winograd_g, 3, 6)
CM_WINO_TWICE(winograd_gt, 6, 3)

CM_INLINE void winograd_load36(const float *v, size_t step, vec (*m)[6]) {
    CM_UNROLL
    for (int i = 0; i < 6; i++) {
        CM_UNROLL
        for (int j = 0; j < 6; j++) m[i][j] = v_load(v + (size_t)(6 * i + j) * step);
    }
}

CM_INLINE void winograd_store36(vec (*m)[6], float *v, size_t step) {
    CM_UNROLL
    for (int i = 0; i < 6; i++) {
        CM_UNROLL
        for (int j = 0; j < 6; j++) v_store(v + (size_t)(6 * i + j) * step, m[i][j]);
    }
}

/* size x size pixels of the image at (y, x), n channels; outside is 0 */
CM_INLINE void winograd_read(const cm_winograd_plane *p, ptrdiff_t y, ptrdiff_t x, int size, size_t n,
                             const float *image, vec (*d)[6]) {
    const bool inside = y >= 0 && x >= 0 && y + size <= (ptrdiff_t)p->h && x + size <= (ptrdiff_t)p->w;
    for (int i = 0; i < size; i++) {
        for (int j = 0; j < size; j++) {
            const bool here =
                inside || (y + i >= 0 && y + i < (ptrdiff_t)p->h && x + j >= 0 && x + j < (ptrdiff_t)p->w);
            const float *at = image + ((y + i) * (ptrdiff_t)p->w + x + j) * (ptrdiff_t)p->c;
            d[i][j] = here ? v_load_n(at, n) : v_zero();
        }
    }
}

CM_INLINE void winograd_write(const cm_winograd_plane *p, ptrdiff_t y, ptrdiff_t x, int size, size_t n, bool more,
                              vec (*d)[6], float *image) {
    for (int i = 0; i < size; i++) {
        if (y + i < 0 || y + i >= (ptrdiff_t)p->h) continue;
        for (int j = 0; j < size; j++) {
            if (x + j < 0 || x + j >= (ptrdiff_t)p->w) continue;
            float *at = image + ((y + i) * (ptrdiff_t)p->w + x + j) * (ptrdiff_t)p->c;
            v_store_n(at, more ? v_add(v_load_n(at, n), d[i][j]) : d[i][j], n);
        }
    }
}

CM_BODY void winograd_input(const cm_winograd_plane *p, ptrdiff_t y, ptrdiff_t x, const float *image, float *v) {
    for (size_t c = 0; c < p->channels; c += W) {
        vec d[6][6], m[6][6];
        winograd_read(p, y, x, 6, p->channels - c < W ? p->channels - c : W, image + c, d);
        winograd_bt_2d(d, m);
        winograd_store36(m, v + c, p->step);
    }
}

CM_BODY void winograd_input_back(const cm_winograd_plane *p, ptrdiff_t y, ptrdiff_t x, const float *v, float *image) {
    for (size_t c = 0; c < p->channels; c += W) {
        vec d[6][6], m[6][6];
        winograd_load36(v + c, p->step, m);
        winograd_b_2d(m, d);
        winograd_write(p, y, x, 6, p->channels - c < W ? p->channels - c : W, true, d, image + c);
    }
}

CM_BODY void winograd_output(const cm_winograd_plane *p, size_t y, size_t x, const float *v, const float *bias,
                             float *image) {
    for (size_t c = 0; c < p->channels; c += W) {
        const size_t n = p->channels - c < W ? p->channels - c : W;
        vec d[6][6], m[6][6];
        winograd_load36(v + c, p->step, m);
        winograd_at_2d(m, d);
        if (bias) {
            const vec b = v_load_n(bias + c, n);
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) d[i][j] = v_add(d[i][j], b);
        }
        for (int i = 0; p->relu && i < 4; i++)
            for (int j = 0; j < 4; j++) d[i][j] = v_max(v_zero(), d[i][j]);
        winograd_write(p, (ptrdiff_t)y, (ptrdiff_t)x, 4, n, p->add, d, image + c);
    }
}

CM_BODY void winograd_output_back(const cm_winograd_plane *p, size_t y, size_t x, const float *image, float *v) {
    for (size_t c = 0; c < p->channels; c += W) {
        vec d[6][6], m[6][6];
        winograd_read(p, (ptrdiff_t)y, (ptrdiff_t)x, 4, p->channels - c < W ? p->channels - c : W, image + c, d);
        winograd_a_2d(d, m);
        winograd_store36(m, v + c, p->step);
    }
}

/* g [9][W]: tap by tap, one filter a lane; lanes beyond are cleared */
CM_INLINE void winograd_gather(const float *w, size_t stride, size_t lanes, float (*g)[W]) {
    size_t l = 0;
    for (; l + 8 <= lanes; l += 8) {
        v_transpose8(w + l * stride, stride, &g[0][l], W);
        for (size_t i = l; i < l + 8; i++) g[8][i] = w[i * stride + 8];
    }
    for (; l < W; l++)
        for (size_t t = 0; t < 9; t++) g[t][l] = l < lanes ? w[l * stride + t] : 0.0f;
}

CM_BODY void winograd_weight(const float *w, size_t stride, size_t lanes, float *v, size_t step) {
    float g[TILE_COLS / W][9][W]; /* all gathered first: small stores take a while before wide loads may see them */
    for (size_t l = 0; l < TILE_COLS; l += W)
        winograd_gather(w + l * stride, stride, lanes <= l ? 0 : lanes - l < W ? lanes - l : W, g[l / W]);
    for (size_t l = 0; l < TILE_COLS; l += W) {
        vec d[6][6], m[6][6];
        for (int t = 0; t < 9; t++) d[t / 3][t % 3] = v_load(g[l / W][t]);
        winograd_g_2d(d, m);
        winograd_store36(m, v + l, step);
    }
}

CM_BODY void winograd_weight_back(const float *v, size_t step, size_t lanes, float *dw, size_t stride) {
    for (size_t l = 0; l < lanes; l += W) {
        const size_t n = lanes - l < W ? lanes - l : W;
        float g[9][W], turned[9 * W];
        vec d[6][6], m[6][6];
        winograd_load36(v + l, step, m);
        winograd_gt_2d(m, d);
        for (int t = 0; t < 9; t++) v_store(g[t], d[t / 3][t % 3]);
        float *to = dw + l * stride;
        if (stride == 9 && n == W && W >= 8) {
            for (size_t i = 0; i < W; i += 8) v_transpose8(&g[0][i], W, turned + 9 * i, 9);
            for (size_t i = 0; i < W; i++) turned[9 * i + 8] = g[8][i];
            for (size_t i = 0; i < 9; i++) v_store(to + i * W, v_add(v_load(to + i * W), v_load(turned + i * W)));
            continue;
        }
        for (size_t i = 0; i < n; i++)
            for (size_t t = 0; t < 9; t++) to[i * stride + t] += g[t][i];
    }
}

#endif
