// SPDX-License-Identifier: Apache-2.0
/* Attention as three plain steps for a block of queries: scores by a product, their softmax, the output by a product.
 */
#include <math.h>
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/blas/blas_ops.h"
#include "core/cpu/f32/f32_ops.h"

enum { QUERIES = 96 };

typedef struct attention_job {
    const cm_attention_shape *s;
    const float *q, *k, *v;
    float *out, *probs, *lse, *scratch;
    size_t blocks; /* of queries, a head */
} attention_job;

/* One row of scores becomes probabilities; keys beyond `seen` get none. Returns the log of the sum of exponentials. */
static float softmax_row(size_t seen, size_t keys, float *row) {
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const float top = f->row_max(seen, row), sum = f->row_exp(seen, row, top, row);
    f->row_scale(seen, 1.0f / sum, row);
    memset(row + seen, 0, (keys - seen) * sizeof *row);
    return top + logf(sum);
}

static void attend(void *arg, size_t i, int worker) {
    const attention_job *j = arg;
    const cm_attention_shape *s = j->s;
    const size_t head = i / j->blocks, from = i % j->blocks * QUERIES, width = s->heads * s->d;
    const size_t count = s->lq - from < QUERIES ? s->lq - from : QUERIES, row = head * s->lq + from;
    const size_t query = (head / s->heads * s->lq + from) * width + head % s->heads * s->d;
    const size_t key = head / s->heads * s->lk * width + head % s->heads * s->d;
    float *scores = j->probs ? j->probs + row * s->lk : j->scratch + (size_t)worker * QUERIES * s->lk;
    cm_blas_gemm_serial(false, true, count, s->lk, s->d, s->scale, j->q + query, width, j->k + key, width, 0.0f, scores,
                        s->lk);
    for (size_t r = 0; r < count; r++) {
        const size_t seen = s->causal && from + r + 1 < s->lk ? from + r + 1 : s->lk;
        const float lse = softmax_row(seen, s->lk, scores + r * s->lk);
        if (j->lse) j->lse[row + r] = lse;
    }
    cm_blas_gemm_serial(false, false, count, s->d, s->lk, 1.0f, scores, s->lk, j->v + key, width, 0.0f, j->out + query,
                        width);
}

void cm_blas_attention(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                       float *out, float *probs, float *lse) {
    const size_t workers = e->threads > 1 ? (size_t)e->threads : 1;
    attention_job j = {.s = s, .q = q, .k = k, .v = v, .out = out, .probs = probs, .lse = lse};
    j.blocks = (s->lq + QUERIES - 1) / QUERIES;
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    j.scratch = CM_PUSH(e->scratch, float, workers *QUERIES * s->lk);
    if (j.scratch) cm_parallel(e->threads, s->n * s->heads * j.blocks, attend, &j);
    cm_arena_reset(e->scratch, mark);
}
