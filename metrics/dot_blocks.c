// SPDX-License-Identifier: Apache-2.0
#include "metrics/dot_blocks.h"

#include <cblas.h>
#include <stdbool.h>

#include "core/base/system.h"
#include "core/base/threads.h"

static void widen(const float *x, size_t count, double *out) {
    for (size_t i = 0; i < count; i++) out[i] = (double)x[i];
}

static size_t block_of(size_t n, size_t at) {
    return n - at < CM_DENSE_BLOCK ? n - at : CM_DENSE_BLOCK;
}

static cm_status visit_blocks(const float *x, size_t n, const float *y, size_t m, size_t width, bool half,
                              cm_arena *scratch, cm_dot_visit *visit, void *arg) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const size_t block = CM_DENSE_BLOCK;
    double *a = CM_PUSH(scratch, double, block *width), *b = CM_PUSH(scratch, double, block *width);
    double *dots = CM_PUSH(scratch, double, block *block);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n; i += block) {
        const size_t rows = block_of(n, i);
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        widen(x + i * width, rows * width, a);
        for (size_t j = half ? i : 0; j < m; j += block) {
            const size_t columns = block_of(m, j);
            widen(y + j * width, columns * width, b);
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)columns, (int)width, 1, a, (int)width,
                        b, (int)width, 0, dots, (int)columns);
            visit(arg, &(cm_dot_block){i, rows, j, columns, dots});
        }
    }
    cm_arena_reset(scratch, mark);
    return CM_OK;
}

cm_status cm_dot_blocks(const float *x, size_t n, const float *y, size_t m, size_t width, cm_arena *scratch,
                        cm_dot_visit *visit, void *arg) {
    return visit_blocks(x, n, y, m, width, false, scratch, visit, arg);
}

cm_status cm_dot_blocks_half(const float *x, size_t n, size_t width, cm_arena *scratch, cm_dot_visit *visit,
                             void *arg) {
    return visit_blocks(x, n, x, n, width, true, scratch, visit, arg);
}

void cm_dot_squares(const float *x, size_t n, size_t width, double *out) {
    for (size_t i = 0; i < n; i++) {
        out[i] = 0;
        for (size_t k = 0; k < width; k++) out[i] += (double)x[i * width + k] * (double)x[i * width + k];
    }
}

void cm_dot_product(const float *x, size_t n, const float *y, size_t m, size_t width, float *out) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)m, (int)width, 1, x, (int)width, y, (int)width, 0,
                out, (int)m);
}

void cm_dot_product_half(const float *x, size_t n, size_t width, float *out) {
    cblas_ssyrk(CblasRowMajor, CblasUpper, CblasNoTrans, (int)n, (int)width, 1, x, (int)width, 0, out, (int)n);
}

void cm_dot_multiply(const double *a, size_t n, size_t k, const double *b, size_t m, double *out) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)m, (int)k, 1, a, (int)k, b, (int)m, 0, out,
                (int)m);
}

void cm_blas_all_threads(void) {
    openblas_set_num_threads(cm_threads_available());
}
