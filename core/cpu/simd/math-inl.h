// SPDX-License-Identifier: Apache-2.0
/* Elementwise functions. Polynomials are Chebyshev fits; NaN in, NaN out. */
#ifndef CM_CORE_CPU_SIMD_MATH_INL_H
#define CM_CORE_CPU_SIMD_MATH_INL_H

#include "core/cpu/simd/simd.h"
#include "core/tensor/ops.h"

/* exp, relative error below 1e-7; saturates at 2^-126 and 2^127.8 */
CM_INLINE vec v_exp(vec x) {
    x = v_max(v_set(-87.3f), v_min(v_set(88.37f), x));
    const vec n = v_round(v_mul(x, v_set(1.44269504f)));
    vec r = v_fnma(n, v_set(0.693359375f), x); /* ln 2 in two parts, the first exact in a product */
    r = v_fnma(n, v_set(-2.12194440e-4f), r);
    vec p = v_fma(r, v_set(1.392617612e-3f), v_set(8.363173075e-3f));
    p = v_fma(p, r, v_set(4.1666554662e-2f));
    p = v_fma(p, r, v_set(1.66665770256e-1f));
    p = v_fma(p, r, v_set(0.5f));
    p = v_fma(v_mul(r, r), p, v_add(r, v_set(1.0f)));
    return v_mul(p, v_exp2i(n));
}

/* the same for x <= 0 where what is below e^-87 counts as zero (softmax) */
CM_INLINE vec v_exp_zero(vec x) {
    return v_select_less(x, v_set(-87.0f), v_zero(), v_exp(x));
}

CM_INLINE vec v_sigmoid(vec x) {
    return v_reciprocal(v_add(v_set(1.0f), v_exp(v_sub(v_zero(), x))));
}

/* Phi(x), the normal distribution, and on the way e = exp(-x^2/2):
 * erfc(u) = t P(t) exp(-u^2), t = 1/(1 + 0.4 u), u = |x|/sqrt 2, relative error 1e-7 before rounding */
CM_INLINE vec v_phi(vec x, vec *e) {
    const vec u = v_mul(v_abs(x), v_set(0.70710678f));
    const vec t = v_reciprocal(v_fma(u, v_set(0.4f), v_set(1.0f)));
    vec p = v_fma(t, v_set(0.038508509f), v_set(-0.127446435f));
    p = v_fma(p, t, v_set(0.058450888f));
    p = v_fma(p, t, v_set(0.115858614f));
    p = v_fma(p, t, v_set(0.0614656859f));
    p = v_fma(p, t, v_set(0.200742548f));
    p = v_fma(p, t, v_set(0.200125255f));
    p = v_fma(p, t, v_set(0.226673265f));
    p = v_fma(p, t, v_set(0.225621707f));
    *e = v_exp_zero(v_mul(v_mul(x, x), v_set(-0.5f)));
    const vec half_erfc = v_mul(v_mul(v_mul(p, t), *e), v_set(0.5f));
    return v_select_less(x, v_zero(), half_erfc, v_sub(v_set(1.0f), half_erfc));
}

/* odd series near zero, where 1 - 2/(e^2x + 1) would cancel */
CM_INLINE vec v_tanh(vec x) {
    const vec s = v_mul(x, x);
    vec p = v_fma(s, v_set(2.18694885e-2f), v_set(-5.39682540e-2f));
    p = v_fma(p, s, v_set(1.33333333e-1f));
    p = v_fma(p, s, v_set(-3.33333333e-1f));
    const vec near = v_fma(v_mul(x, s), p, x);
    const vec far = v_sub(v_set(1.0f), v_div(v_set(2.0f), v_add(v_exp(v_add(x, x)), v_set(1.0f))));
    return v_select_less(v_abs(x), v_set(0.25f), near, far);
}

/* kind is a constant at every call */
CM_INLINE vec v_act(cm_act kind, vec x) {
    vec e;
    switch (kind) {
    case CM_SILU: return v_select_less(x, v_set(-87.0f), v_zero(), v_mul(x, v_sigmoid(x)));
    case CM_GELU: return v_select_less(x, v_set(-13.0f), v_zero(), v_mul(x, v_phi(x, &e)));
    case CM_QUICK_GELU: return v_select_less(x, v_set(-51.0f), v_zero(), v_mul(x, v_sigmoid(v_mul(x, v_set(1.702f)))));
    case CM_RELU: return v_max(v_zero(), x);
    case CM_TANH: return v_tanh(x);
    case CM_SIGMOID: return v_sigmoid(x);
    default: return x;
    }
}

/* x s(x)'s slope is s + x s (1-s); where s (1-s) is 0, so is the second term */
CM_INLINE vec v_gated_slope(vec x, vec s) {
    const vec bell = v_mul(s, v_sub(v_set(1.0f), s));
    const vec inside = v_max(v_set(-100.0f), v_min(v_set(100.0f), x));
    return v_fma(inside, bell, s);
}

/* s(x) (1 - s(x)), without the difference: z/(1+z)^2, z = exp(-|x|) */
CM_INLINE vec v_bell(vec x) {
    const vec z = v_exp(v_sub(v_zero(), v_abs(x))), one = v_add(v_set(1.0f), z);
    return v_div(z, v_mul(one, one));
}

CM_INLINE vec v_act_slope(cm_act kind, vec x) {
    vec s, e;
    switch (kind) {
    case CM_SILU: return v_gated_slope(x, v_sigmoid(x));
    case CM_GELU:
        s = v_phi(x, &e);
        return v_fma(v_max(v_set(-100.0f), v_min(v_set(100.0f), x)), v_mul(e, v_set(0.398942280f)), s);
    case CM_QUICK_GELU: x = v_mul(x, v_set(1.702f)); return v_gated_slope(x, v_sigmoid(x));
    case CM_RELU: return v_select_less(v_zero(), x, v_set(1.0f), v_max(v_zero(), x));
    case CM_TANH: return v_mul(v_set(4.0f), v_bell(v_add(x, x)));
    case CM_SIGMOID: return v_bell(x);
    default: return v_set(1.0f);
    }
}

CM_INLINE void act_all(cm_act kind, size_t n, const float *x, float *y) {
    size_t i = 0;
    for (; i + W <= n; i += W) v_store(y + i, v_act(kind, v_load(x + i)));
    if (i < n) v_store_n(y + i, v_act(kind, v_load_n(x + i, n - i)), n - i);
}

CM_BODY void act(cm_act kind, size_t n, const float *x, float *y) {
    switch (kind) {
    case CM_SILU: act_all(CM_SILU, n, x, y); break;
    case CM_GELU: act_all(CM_GELU, n, x, y); break;
    case CM_QUICK_GELU: act_all(CM_QUICK_GELU, n, x, y); break;
    case CM_RELU: act_all(CM_RELU, n, x, y); break;
    case CM_TANH: act_all(CM_TANH, n, x, y); break;
    case CM_SIGMOID: act_all(CM_SIGMOID, n, x, y); break;
    default: act_all(CM_IDENTITY, n, x, y); break;
    }
}

/* what a gradient is added to */
CM_INLINE vec v_before(bool fresh, const float *dx, size_t n) {
    return fresh ? v_zero() : v_load_n(dx, n);
}

CM_INLINE void act_grad_all(cm_act kind, bool fresh, size_t n, const float *x, const float *dy, float *dx) {
    for (size_t i = 0; i < n; i += W) {
        const size_t m = n - i < W ? n - i : W;
        v_store_n(dx + i, v_fma(v_load_n(dy + i, m), v_act_slope(kind, v_load_n(x + i, m)), v_before(fresh, dx + i, m)),
                  m);
    }
}

CM_BODY void act_grad(cm_act kind, bool fresh, size_t n, const float *x, const float *dy, float *dx) {
    switch (kind) {
    case CM_SILU: act_grad_all(CM_SILU, fresh, n, x, dy, dx); break;
    case CM_GELU: act_grad_all(CM_GELU, fresh, n, x, dy, dx); break;
    case CM_QUICK_GELU: act_grad_all(CM_QUICK_GELU, fresh, n, x, dy, dx); break;
    case CM_RELU: act_grad_all(CM_RELU, fresh, n, x, dy, dx); break;
    case CM_TANH: act_grad_all(CM_TANH, fresh, n, x, dy, dx); break;
    case CM_SIGMOID: act_grad_all(CM_SIGMOID, fresh, n, x, dy, dx); break;
    default: act_grad_all(CM_IDENTITY, fresh, n, x, dy, dx); break;
    }
}

CM_BODY void geglu(size_t half, const float *x, float *y) {
    const float *g = x + half;
    for (size_t i = 0; i < half; i += W) {
        const size_t n = half - i < W ? half - i : W;
        v_store_n(y + i, v_mul(v_load_n(x + i, n), v_act(CM_GELU, v_load_n(g + i, n))), n);
    }
}

CM_BODY void geglu_grad(bool fresh, size_t half, const float *x, const float *dy, float *dx) {
    const float *g = x + half;
    for (size_t i = 0; i < half; i += W) {
        const size_t n = half - i < W ? half - i : W;
        const vec a = v_load_n(x + i, n), b = v_load_n(g + i, n), d = v_load_n(dy + i, n);
        vec e;
        const vec phi = v_phi(b, &e), inside = v_max(v_set(-100.0f), v_min(v_set(100.0f), b));
        const vec slope = v_fma(inside, v_mul(e, v_set(0.398942280f)), phi);
        const vec value = v_select_less(b, v_set(-13.0f), v_zero(), v_mul(b, phi));
        v_store_n(dx + i, v_fma(d, value, v_before(fresh, dx + i, n)), n);
        v_store_n(dx + half + i, v_fma(v_mul(d, a), slope, v_before(fresh, dx + half + i, n)), n);
    }
}

CM_BODY void add(size_t n, const float *a, const float *b, float *y) {
    size_t i = 0;
    for (; i + W <= n; i += W) v_store(y + i, v_add(v_load(a + i), v_load(b + i)));
    for (; i < n; i++) y[i] = a[i] + b[i];
}

CM_BODY void axpy(size_t n, float alpha, const float *x, float *y) {
    const vec k = v_set(alpha);
    size_t i = 0;
    for (; i + W <= n; i += W) v_store(y + i, v_fma(k, v_load(x + i), v_load(y + i)));
    for (; i < n; i++) y[i] += alpha * x[i];
}

CM_BODY float row_max(size_t n, const float *x) {
    float top = -INFINITY;
    size_t i = 0;
    if (n >= W) {
        vec t = v_load(x);
        for (i = W; i + W <= n; i += W) t = v_max(t, v_load(x + i));
        float lanes[W];
        v_store(lanes, t);
        for (int l = 0; l < W; l++) top = lanes[l] > top ? lanes[l] : top;
    }
    for (; i < n; i++) top = x[i] > top ? x[i] : top;
    return top;
}

CM_BODY float row_exp(size_t n, const float *x, float top, float *y) {
    const vec t = v_set(top);
    vec sum = v_zero();
    size_t i = 0;
    for (; i + W <= n; i += W) {
        const vec e = v_exp_zero(v_sub(v_load(x + i), t));
        v_store(y + i, e);
        sum = v_add(sum, e);
    }
    if (i < n) {
        const vec e = v_exp_zero(v_sub(v_load_n(x + i, n - i), t));
        v_store_n(y + i, e, n - i);
        sum = v_add(sum, v_keep_n(e, n - i));
    }
    return v_sum(sum);
}

CM_BODY void row_scale(size_t n, float alpha, float *x) {
    for (size_t i = 0; i < n; i += W) {
        const size_t m = n - i < W ? n - i : W;
        v_store_n(x + i, v_mul(v_set(alpha), v_load_n(x + i, m)), m);
    }
}

CM_BODY float dot(size_t n, const float *a, const float *b) {
    vec s = v_zero();
    size_t i = 0;
    for (; i + W <= n; i += W) s = v_fma(v_load(a + i), v_load(b + i), s);
    if (i < n) s = v_fma(v_load_n(a + i, n - i), v_load_n(b + i, n - i), s);
    return v_sum(s);
}

CM_BODY void row_softmax_grad(size_t n, const float *p, float mean, float alpha, float *dp) {
    const vec m = v_set(mean), k = v_set(alpha);
    for (size_t i = 0; i < n; i += W) {
        const size_t c = n - i < W ? n - i : W;
        v_store_n(dp + i, v_mul(v_mul(k, v_load_n(p + i, c)), v_sub(v_load_n(dp + i, c), m)), c);
    }
}

#endif
