// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "core/ref/ref.h"

static const double root_half = 0.70710678118654752440, root_two_pi = 2.50662827463100050242;

static double sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}

/* x gate; far out the limit 0, not infinity times zero */
static double gated(double x, double gate) {
    return gate == 0.0 ? 0.0 : x * gate;
}

double cm_ref_act_value(cm_act kind, double x) {
    switch (kind) {
    case CM_SILU: return gated(x, sigmoid(x));
    case CM_GELU: return gated(x, 0.5 * erfc(-x * root_half));
    case CM_QUICK_GELU: return gated(x, sigmoid(1.702 * x));
    case CM_RELU: return x < 0.0 ? 0.0 : x; /* so that a NaN stays one */
    case CM_TANH: return tanh(x);
    case CM_SIGMOID: return sigmoid(x);
    default: return x;
    }
}

double cm_ref_act_slope(cm_act kind, double x) {
    double s;
    switch (kind) {
    case CM_SILU: s = sigmoid(x); return s + gated(x, s * (1.0 - s));
    case CM_GELU: return 0.5 * erfc(-x * root_half) + gated(x, exp(-0.5 * x * x) / root_two_pi);
    case CM_QUICK_GELU: s = sigmoid(1.702 * x); return s + gated(1.702 * x, s * (1.0 - s));
    case CM_RELU: return isnan(x) ? x : x > 0.0;
    case CM_TANH: s = tanh(x); return 1.0 - s * s;
    case CM_SIGMOID: s = sigmoid(x); return s * (1.0 - s);
    default: return 1.0;
    }
}

void cm_ref_act(const cm_exec *e, cm_act kind, size_t n, const float *x, float *y) {
    (void)e;
    for (size_t i = 0; i < n; i++) y[i] = (float)cm_ref_act_value(kind, x[i]);
}

void cm_ref_act_grad(const cm_exec *e, cm_act kind, size_t n, const float *x, const float *dy, float *dx) {
    if (e->fresh) memset(dx, 0, n * sizeof *dx);
    for (size_t i = 0; i < n; i++) dx[i] = (float)(dx[i] + dy[i] * cm_ref_act_slope(kind, x[i]));
}

void cm_ref_geglu(const cm_exec *e, size_t rows, size_t half, const float *x, float *y) {
    (void)e;
    for (size_t r = 0; r < rows; r++) {
        const float *a = x + r * 2 * half, *b = a + half;
        for (size_t i = 0; i < half; i++) y[r * half + i] = (float)(a[i] * cm_ref_act_value(CM_GELU, b[i]));
    }
}

void cm_ref_geglu_grad(const cm_exec *e, size_t rows, size_t half, const float *x, const float *dy, float *dx) {
    if (e->fresh) memset(dx, 0, rows * 2 * half * sizeof *dx);
    for (size_t r = 0; r < rows; r++) {
        const float *a = x + r * 2 * half, *b = a + half;
        float *da = dx + r * 2 * half, *db = da + half;
        for (size_t i = 0; i < half; i++) {
            const double d = dy[r * half + i];
            da[i] = (float)(da[i] + d * cm_ref_act_value(CM_GELU, b[i]));
            db[i] = (float)(db[i] + d * a[i] * cm_ref_act_slope(CM_GELU, b[i]));
        }
    }
}
