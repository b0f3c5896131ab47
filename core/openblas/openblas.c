// SPDX-License-Identifier: Apache-2.0
/* Matrix products by OpenBLAS, convolutions by im2col; everything else is ref's. */
#include <cblas.h>
#include <pthread.h>
#include <string.h>

#include "core/base/threads.h"
#include "core/tensor/ops.h"

typedef struct product {
    CBLAS_TRANSPOSE ta, tb;
    size_t m, n, k, part, lda, ldb, ldc;
    float alpha, beta;
    const float *a, *b;
    float *c;
} product;

static void some_rows(void *arg, size_t i, int worker) {
    (void)worker;
    const product *p = arg;
    const size_t from = i * p->part, rows = p->m - from < p->part ? p->m - from : p->part;
    cblas_sgemm(CblasRowMajor, p->ta, p->tb, (int)rows, (int)p->n, (int)p->k, p->alpha,
                p->a + from * (p->ta == CblasTrans ? 1 : p->lda), (int)p->lda, p->b, (int)p->ldb, p->beta,
                p->c + from * p->ldc, (int)p->ldc);
}

/* OpenBLAS itself stays on one thread: its own pool would wait for cores that another context uses. */
static void gemm(const cm_exec *e, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
                 const float *b, size_t ldb, float beta, float *c, size_t ldc) {
    if (!m || !n) return;
    const size_t parts = m < 32 ? 1 : (size_t)e->threads, part = (m + parts - 1) / parts;
    product p = {ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n, k, part, lda, ldb, ldc, alpha, beta,
                 a, b, c};
    cm_parallel(e->threads, (m + part - 1) / part, some_rows, &p);
}

static void add_bias(size_t rows, size_t out, const float *bias, float *y) {
    for (size_t r = 0; r < rows; r++)
        for (size_t o = 0; o < out; o++) y[r * out + o] += bias[o];
}

static void linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w, const float *bias,
                   float *y) {
    gemm(e, false, true, rows, out, in, 1.0f, x, in, w, in, 0.0f, y, out);
    if (bias) add_bias(rows, out, bias, y);
}

static void linear_grad(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                        const float *dy, float *dx, float *dw, float *dbias) {
    if (dx) gemm(e, false, false, rows, in, out, 1.0f, dy, out, w, in, 1.0f, dx, in);
    if (dw) gemm(e, true, false, out, in, rows, 1.0f, dy, out, x, in, 1.0f, dw, in);
    for (size_t r = 0; dbias && r < rows; r++)
        for (size_t o = 0; o < out; o++) dbias[o] += dy[r * out + o];
}

/* columns [oh*ow, kh*kw*c] of one sample; back: adds columns into x instead */
static void columns(const cm_conv_shape *s, const float *x, float *back, float *col) {
    for (size_t r = 0; r < s->oh * s->ow * s->kh * s->kw; r++) {
        const size_t tap = r % (s->kh * s->kw), p = r / (s->kh * s->kw);
        const size_t py = p / s->ow * s->stride + tap / s->kw, px = p % s->ow * s->stride + tap % s->kw;
        const bool inside = py >= s->pad_top && py - s->pad_top < s->h && px >= s->pad_left && px - s->pad_left < s->w;
        const size_t at = inside ? ((py - s->pad_top) * s->w + px - s->pad_left) * s->c : 0;
        float *q = col + r * s->c;
        if (back && inside) {
            for (size_t c = 0; c < s->c; c++) back[at + c] += q[c];
        } else if (!back && inside) {
            memcpy(q, x + at, s->c * sizeof *q);
        } else if (!back) {
            memset(q, 0, s->c * sizeof *q);
        }
    }
}

/* [o,c,kh,kw] <-> [o,kh,kw,c] */
static void pack(const cm_conv_shape *s, const float *w, float *packed, float *dw) {
    const size_t taps = s->kh * s->kw;
    for (size_t o = 0; o < s->o; o++)
        for (size_t c = 0; c < s->c; c++)
            for (size_t i = 0; i < taps; i++) {
                const size_t at = (o * s->c + c) * taps + i, to = (o * taps + i) * s->c + c;
                if (dw) {
                    dw[at] += packed[to];
                } else {
                    packed[to] = w[at];
                }
            }
}

static void conv2d(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *bias, float *y) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const size_t k = s->kh * s->kw * s->c, out = s->oh * s->ow;
    float *col = CM_PUSH(e->scratch, float, out * k), *packed = CM_PUSH(e->scratch, float, s->o * k);
    if (packed) pack(s, w, packed, NULL);
    for (size_t n = 0; packed && n < s->n; n++) {
        columns(s, x + n * s->h * s->w * s->c, NULL, col);
        linear(e, out, k, s->o, col, packed, bias, y + n * out * s->o);
    }
    cm_arena_reset(e->scratch, mark);
}

static void conv2d_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy,
                        float *dx, float *dw, float *dbias) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const size_t k = s->kh * s->kw * s->c, out = s->oh * s->ow, in = s->h * s->w * s->c;
    float *col = CM_PUSH(e->scratch, float, out * k), *packed = CM_PUSH(e->scratch, float, s->o * k);
    float *sum = CM_PUSH_ZERO(e->scratch, float, s->o * k);
    if (sum) pack(s, w, packed, NULL);
    for (size_t n = 0; sum && n < s->n; n++) {
        const float *d = dy + n * out * s->o;
        if (dw || dbias) columns(s, x + n * in, NULL, col);
        linear_grad(e, out, k, s->o, col, packed, d, NULL, dw ? sum : NULL, dbias);
        if (!dx) continue;
        gemm(e, false, false, out, k, s->o, 1.0f, d, s->o, packed, k, 0.0f, col, k);
        columns(s, NULL, dx + n * in, col);
    }
    if (sum && dw) pack(s, NULL, sum, dw);
    cm_arena_reset(e->scratch, mark);
}

static cm_ops table;

static void fill(void) {
    table = *cm_ops_ref();
    table.name = "openblas";
    table.about = "OpenBLAS matrix products";
    table.gemm = gemm;
    table.linear = linear;
    table.linear_grad = linear_grad;
    table.conv2d = conv2d;
    table.conv2d_grad = conv2d_grad;
    openblas_set_num_threads(1);
}

const cm_ops *cm_ops_openblas(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return &table;
}
