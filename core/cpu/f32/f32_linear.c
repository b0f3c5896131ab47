// SPDX-License-Identifier: Apache-2.0
/* Matrix products: blocks of B are packed in strips that the tiles stream, A is read where it lies.
 *
 * A block of B (kc x nc) stays in the second-level cache while row blocks of A
 * (mc x kc) pass; a strip of B (kc x 16) stays in the first. Where A is stored
 * transposed and its stride would thrash, its block is turned first.
 */
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/f32/f32_ops.h"

enum { KC = 320, NC = 512, MC = 96 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t cm_f32_round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

/* k in equal blocks of at most KC */
static size_t depth(size_t k) {
    const size_t blocks = (k + KC - 1) / KC;
    return blocks ? (k + blocks - 1) / blocks : 1;
}

size_t cm_f32_matmul_scratch(size_t m, size_t n, size_t k) {
    const size_t cols = cm_f32_microkernels_get()->cols;
    return depth(k) * (cm_f32_round_up(least(n, NC), cols) + least(m, MC));
}

/* Lines this far apart fall on so few sets of the first-level cache that a block of them pushes itself out. */
static bool collides(size_t stride) {
    return stride % 256 == 0;
}

static void block(const cm_f32_microkernels *f, const cm_f32_product *p, size_t j0, size_t n, size_t p0,
                  size_t depth_here, float *packed, float *turned) {
    f->pack(depth_here, n, p->alpha, p->b + p0 * p->b_row + j0 * p->b_col, p->b_row, p->b_col, packed);
    for (size_t i = 0; i < p->m; i += MC) {
        const size_t m = least(MC, p->m - i);
        const float *a = p->a + i * p->a_row + p0 * p->a_step;
        cm_panel t = {.k = depth_here,
                      .segments = 1,
                      .a_row = p->a_row,
                      .a_step = p->a_step,
                      .b_step = f->cols,
                      .c_row = p->c_row,
                      .plus_row = p->plus_row,
                      .add = p->add || p0 > 0,
                      .relu = p->relu && p0 + depth_here == p->k};
        if (p->a_step != 1 && collides(p->a_step)) {
            f->transpose(depth_here, m, a, p->a_step, turned, depth_here);
            a = turned;
            t.a_row = depth_here;
            t.a_step = 1;
        }
        for (size_t j = 0; j < n; j += f->cols) {
            const float *bias = p->bias && p0 == 0 ? p->bias + j0 + j : NULL;
            t.plus = p->plus && p0 == 0 ? p->plus + i * p->plus_row + j0 + j : NULL;
            f->panel(&t, m, least(f->cols, n - j), a, packed + j * depth_here, bias, p->c + i * p->c_row + j0 + j);
        }
    }
}

void cm_f32_matmul_serial(const cm_f32_product *p, float *scratch) {
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t kc = depth(p->k);
    float *turned = scratch + kc * cm_f32_round_up(least(p->n, NC), f->cols);
    for (size_t j = 0; j < p->n; j += NC) {
        for (size_t i = 0; i == 0 || i < p->k; i += kc)
            block(f, p, j, least(NC, p->n - j), i, least(kc, p->k - i), scratch, turned);
    }
}

typedef struct product_job {
    const cm_f32_product *p;
    size_t piece, scratch_size;
    bool by_rows;
    float *scratch;
} product_job;

static void product_piece(void *arg, size_t i, int worker) {
    const product_job *j = arg;
    cm_f32_product p = *j->p;
    const size_t from = i * j->piece;
    if (j->by_rows) {
        p.m = least(j->piece, p.m - from);
        p.a += from * p.a_row;
        p.c += from * p.c_row;
        if (p.plus) p.plus += from * p.plus_row;
    } else {
        p.n = least(j->piece, p.n - from);
        p.b += from * p.b_col;
        p.c += from;
        if (p.bias) p.bias += from;
        if (p.plus) p.plus += from;
    }
    cm_f32_matmul_serial(&p, j->scratch + (size_t)worker * j->scratch_size);
}

void cm_f32_matmul(const cm_exec *e, const cm_f32_product *p) {
    if (p->m == 0 || p->n == 0) return;
    const size_t cols = cm_f32_microkernels_get()->cols;
    const size_t threads = e->threads > 1 && p->m * p->n * p->k > 500000 ? (size_t)e->threads : 1;
    product_job j = {.p = p, .by_rows = p->m >= p->n};
    const size_t size = j.by_rows ? p->m : p->n, pieces = threads > 1 ? 2 * threads : 1;
    j.piece = cm_f32_round_up((size + pieces - 1) / pieces, j.by_rows ? MC : 4 * cols);
    j.scratch_size = cm_f32_matmul_scratch(p->m, p->n, p->k);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    j.scratch = CM_PUSH(e->scratch, float, threads *j.scratch_size);
    if (j.scratch) cm_parallel((int)threads, (size + j.piece - 1) / j.piece, product_piece, &j);
    cm_arena_reset(e->scratch, mark);
}

void cm_f32_gemm(const cm_exec *e, bool ta, bool tb, size_t m, size_t n, size_t k, float alpha, const float *a,
                 size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc) {
    if (beta != 0.0f && beta != 1.0f)
        for (size_t i = 0; i < m; i++) cm_f32_microkernels_get()->row_scale(n, beta, c + i * ldc);
    cm_f32_matmul(e, &(cm_f32_product){.m = m,
                                       .n = n,
                                       .k = k,
                                       .a = a,
                                       .a_row = ta ? 1 : lda,
                                       .a_step = ta ? lda : 1,
                                       .b = b,
                                       .b_row = tb ? 1 : ldb,
                                       .b_col = tb ? ldb : 1,
                                       .c = c,
                                       .c_row = ldc,
                                       .alpha = alpha,
                                       .add = beta != 0.0f});
}

void cm_f32_linear(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                   const float *bias, const float *plus, float *y) {
    cm_f32_matmul(e, &(cm_f32_product){.m = rows,
                                       .n = out,
                                       .k = in,
                                       .a = x,
                                       .a_row = in,
                                       .a_step = 1,
                                       .b = w,
                                       .b_row = 1,
                                       .b_col = in,
                                       .bias = bias,
                                       .plus = plus,
                                       .plus_row = out,
                                       .c = y,
                                       .c_row = out,
                                       .alpha = 1.0f});
}

/* in blocks, so that rounding grows with the block and not with the batch */
void cm_f32_bias_grad(size_t rows, size_t out, const float *dy, float *dbias) {
    for (size_t r = 0; dbias && r < rows; r += 256)
        cm_f32_microkernels_get()->column_sums(least(256, rows - r), out, dy + r * out, dbias);
}

void cm_f32_linear_grad(const cm_exec *e, size_t rows, size_t in, size_t out, const float *x, const float *w,
                        const float *dy, float *dx, float *dw, float *dbias) {
    if (dx) cm_f32_gemm(e, false, false, rows, in, out, 1.0f, dy, out, w, in, e->fresh ? 0.0f : 1.0f, dx, in);
    if (dw) cm_f32_gemm(e, true, false, out, in, rows, 1.0f, dy, out, x, in, 1.0f, dw, in);
    cm_f32_bias_grad(rows, out, dy, dbias);
}

typedef struct split_job {
    cm_f32_range_fn *body;
    void *arg;
    size_t n, grain;
} split_job;

static void split_piece(void *arg, size_t i, int worker) {
    (void)worker;
    const split_job *j = arg;
    j->body(j->arg, i * j->grain, least(j->grain, j->n - i * j->grain));
}

void cm_f32_parallel_for(const cm_exec *e, size_t n, size_t grain, cm_f32_range_fn *body, void *arg) {
    split_job j = {.body = body, .arg = arg, .n = n, .grain = grain ? grain : 1};
    cm_parallel(e->threads, (n + j.grain - 1) / j.grain, split_piece, &j);
}
