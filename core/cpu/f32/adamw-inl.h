// SPDX-License-Identifier: Apache-2.0
/* A step of AdamW (Loshchilov and Hutter 2019), elementwise. */
#ifndef CM_CORE_CPU_F32_ADAMW_INL_H
#define CM_CORE_CPU_F32_ADAMW_INL_H

#include "core/cpu/f32/f32_microkernels.h"
#include "core/cpu/simd/simd.h"

CM_INLINE void adamw_some(const cm_adamw_step *s, size_t n, const float *g, float *w, float *m, float *v) {
    const vec d = v_mul(v_load_n(g, n), v_set(s->grad_scale));
    const vec m1 = v_fma(v_set(1.0f - s->beta1), d, v_mul(v_set(s->beta1), v_load_n(m, n)));
    const vec v1 = v_fma(v_mul(v_set(1.0f - s->beta2), d), d, v_mul(v_set(s->beta2), v_load_n(v, n)));
    const vec size = v_fma(v_sqrt(v1), v_set(s->root_correction), v_set(s->eps));
    v_store_n(m, m1, n);
    v_store_n(v, v1, n);
    v_store_n(w, v_fnma(v_set(s->rate), v_mul(m1, v_reciprocal(size)), v_mul(v_load_n(w, n), v_set(s->keep))), n);
}

CM_BODY void adamw(const cm_adamw_step *s, size_t n, const float *g, float *w, float *m, float *v) {
    for (size_t i = 0; i < n; i += W) adamw_some(s, n - i < W ? n - i : W, g + i, w + i, m + i, v + i);
}

#endif
