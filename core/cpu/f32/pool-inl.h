// SPDX-License-Identifier: Apache-2.0
/* One pixel of a pool, over its channels. */
#ifndef CM_CORE_CPU_F32_POOL_INL_H
#define CM_CORE_CPU_F32_POOL_INL_H

#include "core/cpu/f32/f32_microkernels.h"
#include "core/cpu/simd/simd.h"

CM_INLINE void pool_some(const cm_pool_pixel *p, size_t at, size_t n, size_t count, const float *const *x, float *y) {
    vec v = v_load_n(x[0] + at, n);
    if (p->most) {
        const vec top = v_set(INFINITY);
        vec odd = v_select_less(v, top, v_zero(), v); /* 0, infinity, or a NaN, which v_max may lose */
        for (size_t i = 1; i < count; i++) {
            const vec now = v_load_n(x[i] + at, n);
            odd = v_add(odd, v_select_less(now, top, v_zero(), now));
            v = v_max(v, now);
        }
        v = v_add(v, odd);
    } else {
        for (size_t i = 1; i < count; i++) v = v_add(v, v_load_n(x[i] + at, n));
        v = v_mul(v, v_set(p->share));
    }
    if (p->bias) v = v_add(v, v_load_n(p->bias + at, n));
    if (p->relu) v = v_max(v_zero(), v);
    v_store_n(y + at, v, n);
}

CM_BODY void pool(const cm_pool_pixel *p, size_t count, const float *const *x, float *y) {
    size_t at = 0;
    for (; at + W <= p->c; at += W) pool_some(p, at, W, count, x, y);
    if (at < p->c) pool_some(p, at, p->c - at, count, x, y);
}

#endif
