// SPDX-License-Identifier: Apache-2.0
/* The linear probe: ridge regression on one-hot labels. */
#include <math.h>
#include <string.h>

#include "core/train/acceptance.h"

/* Solves A X = B in place, A [n,n] symmetric positive definite (Cholesky), B [n,m]. */
static cm_status solve(double *a, size_t n, double *b, size_t m) {
    for (size_t j = 0; j < n; j++) {
        for (size_t i = j; i < n; i++) {
            double sum = a[i * n + j];
            for (size_t k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
            if (i == j && !(sum > 0)) return cm_fail(CM_EUNDEFINED, "probe: the features do not vary");
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
        }
    }
    for (size_t c = 0; c < m; c++) {
        for (size_t i = 0; i < n; i++) {
            double sum = b[i * m + c];
            for (size_t k = 0; k < i; k++) sum -= a[i * n + k] * b[k * m + c];
            b[i * m + c] = sum / a[i * n + i];
        }
        for (size_t i = n; i-- > 0;) {
            double sum = b[i * m + c];
            for (size_t k = i + 1; k < n; k++) sum -= a[k * n + i] * b[k * m + c];
            b[i * m + c] = sum / a[i * n + i];
        }
    }
    return CM_OK;
}

static double feature(const float *x, size_t width, size_t i) {
    return i < width ? (double)x[i] : 1; /* the last one is the constant */
}

cm_status cm_linear_probe(const float *x, size_t width, const int *labels, size_t n, size_t classes, double ridge,
                          cm_arena *scratch, double *right) {
    const size_t half = n / 2, size = width + 1;
    if (half == 0 || classes < 2)
        return cm_fail(CM_EUNDEFINED, "probe: %zu samples of %zu classes are too few", n, classes);
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    double *a = CM_PUSH_ZERO(scratch, double, size *size), *b = CM_PUSH_ZERO(scratch, double, size *classes);
    CM_TRY(cm_arena_check(scratch));
    for (size_t s = 0; s < half; s++) {
        const float *row = x + s * width;
        for (size_t i = 0; i < size; i++) {
            const double f = feature(row, width, i);
            for (size_t j = 0; j <= i; j++) a[i * size + j] += f * feature(row, width, j);
            b[i * classes + (size_t)labels[s]] += f;
        }
    }
    for (size_t i = 0; i < size; i++) a[i * size + i] += ridge * (double)half;
    cm_status status = solve(a, size, b, classes);
    size_t hits = 0;
    for (size_t s = half; s < n && status == CM_OK; s++) {
        size_t best = 0;
        double most = -INFINITY;
        for (size_t c = 0; c < classes; c++) {
            double sum = 0;
            for (size_t i = 0; i < size; i++) sum += b[i * classes + c] * feature(x + s * width, width, i);
            if (sum > most) most = sum, best = c;
        }
        hits += best == (size_t)labels[s];
    }
    if (status == CM_OK) *right = (double)hits / (double)(n - half);
    cm_arena_reset(scratch, mark);
    return status;
}
