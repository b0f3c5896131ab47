// SPDX-License-Identifier: Apache-2.0
/* Matrix products and linear layers by cblas_sgemm. */
#include <cblas.h>
#include <pthread.h>

#include "core/base/threads.h"
#include "core/cpu/blas/blas_ops.h"
#include "core/cpu/f32/f32_ops.h"

enum { PIECE = 384 /* rows or columns of a result; OpenBLAS packs the other operand once a piece */ };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* OpenBLAS built with OpenMP takes the number of threads from OpenMP's setting of the calling thread, which is all
 * cores in each new one: our workers would then share one product among them, with other bits each time. */
static void be_single(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static _Thread_local bool single;
    if (single) return;
    pthread_mutex_lock(&lock);
    openblas_set_num_threads(1);
    pthread_mutex_unlock(&lock);
    single = true;
}

void cm_blas_gemm_serial(bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
                         const float *b, size_t ldb, float beta, float *c, size_t ldc) {
    be_single();
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n,
                (blasint)k, alpha, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}

typedef struct gemm_job {
    bool ta, tb, by_rows;
    size_t m, n, k, lda, ldb, ldc;
    const float *a, *b;
    float *c, alpha, beta;
} gemm_job;

static void gemm_piece(void *arg, size_t i, int worker) {
    (void)worker;
    const gemm_job *j = arg;
    const size_t from = i * PIECE;
    if (j->by_rows)
        cm_blas_gemm_serial(j->ta, j->tb, least(PIECE, j->m - from), j->n, j->k, j->alpha,
                            j->a + from * (j->ta ? 1 : j->lda), j->lda, j->b, j->ldb, j->beta, j->c + from * j->ldc,
                            j->ldc);
    else
        cm_blas_gemm_serial(j->ta, j->tb, j->m, least(PIECE, j->n - from), j->k, j->alpha, j->a, j->lda,
                            j->b + from * (j->tb ? j->ldb : 1), j->ldb, j->beta, j->c + from, j->ldc);
}

void cm_blas_gemm(const cm_exec *e, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a,
                  size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc) {
    if (m == 0 || n == 0) return;
    if (k == 0) {
        cm_f32_gemm(e, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    gemm_job j = {.ta = ta,
                  .tb = tb,
                  .by_rows = m >= n,
                  .m = m,
                  .n = n,
                  .k = k,
                  .lda = lda,
                  .ldb = ldb,
                  .ldc = ldc,
                  .a = a,
                  .b = b,
                  .c = c,
                  .alpha = alpha,
                  .beta = beta};
    cm_parallel(e->threads, ((j.by_rows ? m : n) + PIECE - 1) / PIECE, gemm_piece, &j);
}

typedef struct start_job {
    size_t out;
    const float *bias, *plus;
    float *y;
} start_job;

/* y = bias + plus, before a product is added to it */
static void start_rows(void *arg, size_t from, size_t count) {
    const start_job *j = arg;
    for (size_t r = from; r < from + count; r++) {
        const float *plus = j->plus ? j->plus + r * j->out : NULL;
        float *y = j->y + r * j->out;
        for (size_t i = 0; i < j->out; i++) y[i] = (j->bias ? j->bias[i] : 0.0f) + (plus ? plus[i] : 0.0f);
    }
}

void cm_blas_linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                    const float *bias, const float *plus, float *y) {
    const bool starts = bias || plus;
    if (starts && out)
        cm_f32_parallel_for(e, rows, 16384 / out + 1, start_rows,
                            &(start_job){.out = out, .bias = bias, .plus = plus, .y = y});
    cm_blas_gemm(e, false, true, rows, out, in, 1.0f, x, in, w, in, starts ? 1.0f : 0.0f, y, out);
}

void cm_blas_linear_grad(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                         const float *dy, float *dx, float *dw, float *dbias) {
    if (dx) cm_blas_gemm(e, false, false, rows, in, out, 1.0f, dy, out, w, in, e->fresh ? 0.0f : 1.0f, dx, in);
    if (dw) cm_blas_gemm(e, true, false, out, in, rows, 1.0f, dy, out, x, in, 1.0f, dw, in);
    cm_f32_bias_grad(rows, out, dy, dbias);
}
