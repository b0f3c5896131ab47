// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "core/ref/ref.h"

/* sum[n] = row of op(A) times B, where B is [k,n] with row length ldb. A's values stand `step` apart. */
static void row_times(size_t n, size_t k, const float *a, size_t step, const float *b, size_t ldb, double *sum) {
    memset(sum, 0, n * sizeof *sum);
    for (size_t p = 0; p < k; p++) {
        const double ap = a[p * step];
        const float *bp = b + p * ldb;
        for (size_t j = 0; j < n; j++) sum[j] += ap * bp[j];
    }
}

/* [n,k] with row length ld -> [k,n] */
static float *transposed(cm_arena *scratch, size_t n, size_t k, const float *b, size_t ld) {
    float *t = CM_PUSH(scratch, float, n *k);
    for (size_t p = 0; t && p < k; p++)
        for (size_t j = 0; j < n; j++) t[p * n + j] = b[j * ld + p];
    return t;
}

void cm_ref_gemm(const cm_exec *e, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a,
                 size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    double *sum = CM_PUSH(e->scratch, double, n);
    if (tb) {
        b = transposed(e->scratch, n, k, b, ldb);
        ldb = n;
    }
    for (size_t i = 0; sum && b && i < m; i++) {
        row_times(n, k, ta ? a + i : a + i * lda, ta ? lda : 1, b, ldb, sum);
        float *row = c + i * ldc;
        for (size_t j = 0; j < n; j++) {
            const double old = beta == 0.0f ? 0.0 : (double)beta * row[j];
            row[j] = (float)(alpha * sum[j] + old);
        }
    }
    cm_arena_reset(e->scratch, mark);
}

void cm_ref_linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                   const float *bias, const float *plus, float *y) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    double *sum = CM_PUSH(e->scratch, double, out);
    const float *t = transposed(e->scratch, out, in, w, in);
    for (size_t r = 0; sum && t && r < rows; r++) {
        row_times(out, in, x + r * in, 1, t, out, sum);
        for (size_t o = 0; o < out; o++) {
            const double more = (bias ? (double)bias[o] : 0.0) + (plus ? (double)plus[r * out + o] : 0.0);
            y[r * out + o] = (float)(sum[o] + more);
        }
    }
    cm_arena_reset(e->scratch, mark);
}

/* dx = dy w, dw = dy' x, dbias = column sums of dy */
void cm_ref_linear_grad(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                        const float *dy, float *dx, float *dw, float *dbias) {
    if (dx) cm_ref_gemm(e, false, false, rows, in, out, 1.0f, dy, out, w, in, e->fresh ? 0.0f : 1.0f, dx, in);
    if (dw) cm_ref_gemm(e, true, false, out, in, rows, 1.0f, dy, out, x, in, 1.0f, dw, in);
    if (dbias) cm_ref_sum_hw(e, 1, rows, out, dy, dbias);
}
