// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "core/ref/ref.h"

void cm_ref_add(const cm_exec *e, size_t n, const float *a, const float *b, float *y) {
    (void)e;
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

void cm_ref_axpy(const cm_exec *e, size_t n, float alpha, const float *x, float *y) {
    (void)e;
    for (size_t i = 0; i < n; i++) y[i] = (float)(y[i] + (double)alpha * x[i]);
}

void cm_ref_add_rows(const cm_exec *e, size_t n, size_t hw, size_t c, const float *x, const float *t, float *y) {
    (void)e;
    for (size_t p = 0; p < n * hw; p++)
        for (size_t i = 0; i < c; i++) y[p * c + i] = x[p * c + i] + t[p / hw * c + i];
}

void cm_ref_sum_hw(const cm_exec *e, size_t n, size_t hw, size_t c, const float *dy, float *dt) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    double *sum = CM_PUSH(e->scratch, double, c);
    for (size_t k = 0; sum && k < n; k++) {
        memset(sum, 0, c * sizeof *sum);
        for (size_t p = 0; p < hw; p++)
            for (size_t i = 0; i < c; i++) sum[i] += dy[(k * hw + p) * c + i];
        for (size_t i = 0; i < c; i++) dt[k * c + i] = (float)(dt[k * c + i] + sum[i]);
    }
    cm_arena_reset(e->scratch, mark);
}

void cm_ref_upsample2(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *x, float *y) {
    (void)e;
    for (size_t p = 0; p < n * 2 * h * 2 * w; p++) {
        const size_t row = p / (2 * w), from = row / 2 * w + p % (2 * w) / 2;
        memcpy(y + p * c, x + from * c, c * sizeof *y);
    }
}

void cm_ref_upsample2_grad(const cm_exec *e, size_t n, size_t h, size_t w, size_t c, const float *dy, float *dx) {
    (void)e;
    for (size_t p = 0; p < n * h * w; p++) {
        const float *a = dy + (p / w * 4 * w + p % w * 2) * c, *b = a + 2 * w * c;
        for (size_t i = 0; i < c; i++)
            dx[p * c + i] = (float)((double)dx[p * c + i] + a[i] + a[c + i] + b[i] + b[c + i]);
    }
}

void cm_ref_adamw(const cm_exec *e, size_t n, float lr, float beta1, float beta2, float eps, float decay, long step,
                  float grad_scale, const float *g, float *w, float *m, float *v) {
    (void)e;
    const double b1 = beta1, b2 = beta2;
    const double correct1 = 1.0 - pow(b1, (double)step), correct2 = sqrt(1.0 - pow(b2, (double)step));
    for (size_t i = 0; i < n; i++) {
        const double d = (double)grad_scale * g[i];
        const double first = b1 * m[i] + (1.0 - b1) * d, second = b2 * v[i] + (1.0 - b2) * d * d;
        m[i] = (float)first;
        v[i] = (float)second;
        const double kept = w[i] * (1.0 - (double)lr * decay);
        w[i] = (float)(kept - lr / correct1 * first / (sqrt(second) / correct2 + eps));
    }
}
