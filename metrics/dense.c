// SPDX-License-Identifier: Apache-2.0
#include "metrics/dense.h"

#include <cblas.h>

#include "core/base/threads.h"

enum { BLOCK = 512 };

static void widen(const float *x, size_t count, double *out) {
    for (size_t i = 0; i < count; i++) out[i] = (double)x[i];
}

cm_status cm_dense_dots(const float *x, size_t n, const float *y, size_t m, size_t width, cm_arena *scratch,
                        cm_dense_visit *visit, void *arg) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    double *a = CM_PUSH(scratch, double, BLOCK * width), *b = CM_PUSH(scratch, double, BLOCK * width);
    double *dots = CM_PUSH(scratch, double, BLOCK * BLOCK);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t rows = n - i < BLOCK ? n - i : BLOCK;
        widen(x + i * width, rows * width, a);
        for (size_t j = 0; j < m; j += BLOCK) {
            const size_t columns = m - j < BLOCK ? m - j : BLOCK;
            widen(y + j * width, columns * width, b);
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)columns, (int)width, 1, a, (int)width, b, (int)width, 0,
                        dots, (int)columns);
            visit(arg, &(cm_dense_block){i, rows, j, columns, dots});
        }
    }
    cm_arena_reset(scratch, mark);
    return CM_OK;
}

void cm_dense_squares(const float *x, size_t n, size_t width, double *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = 0;
        for (size_t k = 0; k < width; k++) out[i] += (double)x[i * width + k] * (double)x[i * width + k];
    }
}

void cm_dense_product(const float *x, size_t n, const float *y, size_t m, size_t width, float *out) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)m, (int)width, 1, x, (int)width, y, (int)width, 0, out, (int)m);
}

void cm_dense_all_threads(void) {
    openblas_set_num_threads(cm_threads_available());
}
