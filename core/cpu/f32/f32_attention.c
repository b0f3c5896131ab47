// SPDX-License-Identifier: Apache-2.0
/* Attention by blocks of queries and keys; the matrix of scores is never whole
 * unless its probabilities are asked for.
 *
 * Forward, per block of keys: scores, their running maximum and sum, the output
 * so far rescaled when the maximum rises (Milakov and Gimelshein 2018). Back,
 * the probabilities are made again from the log-sum-exp, and sum_j P dP from what
 * is at hand.
 */
#include <math.h>
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/f32/f32_ops.h"

enum {
    QUERIES = 96,
    KEYS = 512,
    FEW = 4 /* keys: below it dP - sum P dP is what remains of cancelling terms, and ref's doubles make it */
};

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t visible(const cm_attention_shape *s, size_t i) {
    return s->causal && i + 1 < s->lk ? i + 1 : s->lk;
}

/* C [m,n] (+)= A [m,k] B for B in strips `strip` floats apart */
static void strips(const cm_panel *p, size_t m, size_t n, const float *a, const float *b, size_t strip, float *c) {
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    for (size_t j = 0; j < n; j += f->cols)
        f->panel(p, m, least(f->cols, n - j), a, b + j / f->cols * strip, NULL, c + j);
}

/* --- forward ------------------------------------------------------------------ */

typedef struct forward_job {
    const cm_attention_shape *s;
    const float *q, *k, *v;
    float *out, *probs, *lse;
    float *packed, *scratch;
    size_t k_floats, head_floats, blocks, keys, worker_floats;
} forward_job;

static void pack_head(void *arg, size_t i, int worker) {
    (void)worker;
    const forward_job *j = arg;
    const cm_attention_shape *s = j->s;
    const size_t width = s->heads * s->d, at = i / s->heads * s->lk * width + i % s->heads * s->d;
    float *to = j->packed + i * j->head_floats;
    cm_f32_microkernels_get()->pack(s->d, s->lk, s->scale, j->k + at, 1, width, to);
    cm_f32_microkernels_get()->pack(s->lk, s->d, 1.0f, j->v + at, width, 1, to + j->k_floats);
}

/* One row of scores -> exponentials, with the state of the row; returns what the output so far is to be scaled by. */
static float absorb(size_t keys, size_t row, float *scores, float *top, float *sum) {
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const float here = f->row_max(keys, scores), now = here > *top ? here : *top;
    const float shrink = *sum > 0.0f && now > *top ? expf(*top - now) : 1.0f;
    *sum = *sum * shrink + f->row_exp(keys, scores, now, scores);
    *top = now;
    memset(scores + keys, 0, (row - keys) * sizeof *scores);
    return shrink;
}

/* queries [i0, i0+m) of one head against keys [j0, j0+n) */
static void forward_block(const forward_job *j, size_t head, size_t i0, size_t m, size_t j0, size_t n, float *scores,
                          size_t scores_row, float *top, float *sum) {
    const cm_attention_shape *s = j->s;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t width = s->heads * s->d, at = (head / s->heads * s->lq + i0) * width + head % s->heads * s->d;
    const float *packed = j->packed + head * j->head_floats;
    const cm_panel score = {
        .k = s->d, .segments = 1, .a_row = width, .a_step = 1, .b_step = f->cols, .c_row = scores_row};
    strips(&score, m, n, j->q + at, packed + j0 * s->d, s->d * f->cols, scores);
    for (size_t i = 0; i < m; i++) {
        const size_t seen = visible(s, i0 + i), keys = seen <= j0 ? 0 : least(n, seen - j0);
        const float shrink = absorb(keys, n, scores + i * scores_row, top + i, sum + i);
        if (j0 > 0 && shrink != 1.0f) f->row_scale(s->d, shrink, j->out + at + i * width);
    }
    const cm_panel mix = {
        .k = n, .segments = 1, .a_row = scores_row, .a_step = 1, .b_step = f->cols, .c_row = width, .add = j0 > 0};
    strips(&mix, m, s->d, scores, packed + j->k_floats + j0 * f->cols, s->lk * f->cols, j->out + at);
}

static void forward_piece(void *arg, size_t piece, int worker) {
    const forward_job *j = arg;
    const cm_attention_shape *s = j->s;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t head = piece / j->blocks, i0 = piece % j->blocks * QUERIES, m = least(QUERIES, s->lq - i0);
    const size_t width = s->heads * s->d, row0 = head * s->lq + i0;
    float *top = j->scratch + (size_t)worker * j->worker_floats, *sum = top + QUERIES;
    float *scores = j->probs ? j->probs + row0 * s->lk : sum + QUERIES;
    for (size_t i = 0; i < m; i++) {
        top[i] = -INFINITY;
        sum[i] = 0.0f;
    }
    const size_t end = visible(s, i0 + m - 1);
    for (size_t k = 0; k < end; k += j->keys)
        forward_block(j, head, i0, m, k, least(j->keys, s->lk - k), scores, j->probs ? s->lk : j->keys, top, sum);
    for (size_t i = 0; i < m; i++) {
        const float share = 1.0f / sum[i];
        f->row_scale(s->d, share, j->out + (head / s->heads * s->lq + i0 + i) * width + head % s->heads * s->d);
        if (j->probs) f->row_scale(s->lk, share, scores + i * s->lk);
        if (j->lse) j->lse[row0 + i] = top[i] + logf(sum[i]);
    }
}

void cm_f32_attention(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                      float *out, float *probs, float *lse) {
    const size_t cols = cm_f32_microkernels_get()->cols, workers = e->threads > 1 ? (size_t)e->threads : 1,
                 heads = s->n * s->heads;
    forward_job j = {.s = s, .q = q, .k = k, .v = v, .out = out, .probs = probs, .lse = lse};
    j.blocks = (s->lq + QUERIES - 1) / QUERIES;
    j.keys = probs ? s->lk : least(KEYS, cm_f32_round_up(s->lk, cols));
    j.k_floats = cm_f32_round_up(s->lk, cols) * s->d;
    j.head_floats = j.k_floats + cm_f32_round_up(s->d, cols) * s->lk;
    j.worker_floats = 2 * QUERIES + (probs ? 0 : QUERIES * j.keys);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    j.packed = CM_PUSH(e->scratch, float, heads *j.head_floats);
    j.scratch = CM_PUSH(e->scratch, float, workers *j.worker_floats);
    if (j.packed && j.scratch) {
        cm_parallel(e->threads, heads, pack_head, &j);
        cm_parallel(e->threads, heads * j.blocks, forward_piece, &j);
    }
    cm_arena_reset(e->scratch, mark);
}

/* --- back ---------------------------------------------------------------------------- */

typedef struct back_job {
    const cm_attention_shape *s;
    const float *q, *k, *v, *lse, *dout, *dprobs;
    float *dq, *dk, *dv, *scratch;
    bool fresh;
    size_t worker_floats, across, along, row; /* of strips of [d,lk], of [lk or QUERIES,d]; of a row of scores */
} back_job;

/* What one head works in. */
typedef struct back_place {
    float *keys, *values, *keys_along, *other, *p, *dp;
} back_place;

static back_place find_place(const back_job *j, int worker) {
    float *at = j->scratch + (size_t)worker * j->worker_floats;
    const size_t block = QUERIES * j->row;
    return (back_place){at,
                        at + j->across,
                        at + 2 * j->across,
                        at + 2 * j->across + j->along,
                        at + 2 * j->across + 2 * j->along,
                        at + 2 * j->across + 2 * j->along + block};
}

/* P and dS of m queries, rows `row` apart; zero where not visible */
static void score_grads(const back_job *j, const back_place *b, size_t head, size_t i0, size_t m, size_t at) {
    const cm_attention_shape *s = j->s;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t width = s->heads * s->d, row0 = head * s->lq + i0;
    cm_panel t = {.k = s->d, .segments = 1, .a_row = width, .a_step = 1, .b_step = f->cols, .c_row = j->row};
    strips(&t, m, s->lk, j->q + at, b->keys, s->d * f->cols, b->p);
    t.add = j->dprobs != NULL;
    for (size_t i = 0; t.add && i < m; i++)
        memcpy(b->dp + i * j->row, j->dprobs + (row0 + i) * s->lk, s->lk * sizeof *b->dp);
    strips(&t, m, s->lk, j->dout + at, b->values, s->d * f->cols, b->dp);
    for (size_t i = 0; i < m; i++) {
        float *p = b->p + i * j->row, *dp = b->dp + i * j->row;
        const size_t keys = visible(s, i0 + i);
        f->row_exp(keys, p, j->lse[row0 + i], p);
        f->row_softmax_grad(keys, p, f->dot(keys, p, dp), s->scale, dp);
        memset(p + keys, 0, (s->lk - keys) * sizeof *p);
        memset(dp + keys, 0, (s->lk - keys) * sizeof *dp);
    }
}

/* d [lk,d] += scores' [lk,m] x [m,d] */
static void add_turned(const back_job *j, const back_place *b, const float *scores, const float *x, size_t m, bool add,
                       float *d) {
    const cm_attention_shape *s = j->s;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t width = s->heads * s->d;
    f->pack(m, s->d, 1.0f, x, width, 1, b->other);
    const cm_panel t = {
        .k = m, .segments = 1, .a_row = 1, .a_step = j->row, .b_step = f->cols, .c_row = width, .add = add};
    strips(&t, s->lk, s->d, scores, b->other, m * f->cols, d);
}

static void back_head(void *arg, size_t head, int worker) {
    const back_job *j = arg;
    const cm_attention_shape *s = j->s;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t width = s->heads * s->d, other = head / s->heads * s->lk * width + head % s->heads * s->d;
    const back_place b = find_place(j, worker);
    f->pack(s->d, s->lk, s->scale, j->k + other, 1, width, b.keys);
    f->pack(s->d, s->lk, 1.0f, j->v + other, 1, width, b.values);
    f->pack(s->lk, s->d, 1.0f, j->k + other, width, 1, b.keys_along);
    for (size_t i0 = 0; i0 < s->lq; i0 += QUERIES) {
        const size_t m = least(QUERIES, s->lq - i0),
                     at = (head / s->heads * s->lq + i0) * width + head % s->heads * s->d;
        score_grads(j, &b, head, i0, m, at);
        const cm_panel t = {.k = s->lk,
                            .segments = 1,
                            .a_row = j->row,
                            .a_step = 1,
                            .b_step = f->cols,
                            .c_row = width,
                            .add = !j->fresh};
        if (j->dq) strips(&t, m, s->d, b.dp, b.keys_along, s->lk * f->cols, j->dq + at);
        if (j->dk) add_turned(j, &b, b.dp, j->q + at, m, !j->fresh || i0 > 0, j->dk + other);
        if (j->dv) add_turned(j, &b, b.p, j->dout + at, m, !j->fresh || i0 > 0, j->dv + other);
    }
}

void cm_f32_attention_grad(const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,
                           const float *v, const float *out, const float *lse, const float *dout, const float *dprobs,
                           float *dq, float *dk, float *dv) {
    if (s->lk < FEW) {
        cm_ops_ref()->attention_grad(e, s, q, k, v, out, lse, dout, dprobs, dq, dk, dv);
        return;
    }
    const size_t cols = cm_f32_microkernels_get()->cols, workers = e->threads > 1 ? (size_t)e->threads : 1;
    back_job j = {.s = s,
                  .q = q,
                  .k = k,
                  .v = v,
                  .lse = lse,
                  .dout = dout,
                  .dprobs = dprobs,
                  .dq = dq,
                  .dk = dk,
                  .dv = dv,
                  .fresh = e->fresh};
    j.across = cm_f32_round_up(s->lk, cols) * s->d;
    j.along = cm_f32_round_up(s->d, cols) * most(s->lk, QUERIES);
    j.row = (cm_f32_round_up(s->lk, 16) / 16 | 1) * 16; /* an odd number of cache lines: columns are read too */
    j.worker_floats = 2 * j.across + 2 * j.along + 2 * QUERIES * j.row;
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    j.scratch = CM_PUSH(e->scratch, float, workers *j.worker_floats);
    if (j.scratch) cm_parallel(e->threads, s->n * s->heads, back_head, &j);
    cm_arena_reset(e->scratch, mark);
}

/* --- softmax over rows ------------------------------------------------------------------- */

typedef struct softmax_job {
    size_t c;
    const float *x, *dy;
    float *y;
} softmax_job;

static void softmax_rows(void *arg, size_t from, size_t count) {
    const softmax_job *j = arg;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    for (size_t r = from; r < from + count; r++) {
        const float *x = j->x + r * j->c;
        const float sum = f->row_exp(j->c, x, f->row_max(j->c, x), j->y + r * j->c);
        f->row_scale(j->c, 1.0f / sum, j->y + r * j->c);
    }
}

void cm_f32_softmax(const cm_exec *e, size_t rows, size_t c, const float *x, float *y) {
    if (c) cm_f32_parallel_for(e, rows, 16384 / c + 1, softmax_rows, &(softmax_job){.c = c, .x = x, .y = y});
}

/* dx += y (dy - sum y dy) */
static void softmax_grad_rows(void *arg, size_t from, size_t count) {
    const softmax_job *j = arg;
    for (size_t r = from; r < from + count; r++) {
        const float *y = j->x + r * j->c, *dy = j->dy + r * j->c;
        float *dx = j->y + r * j->c;
        const float mean = cm_f32_microkernels_get()->dot(j->c, y, dy);
        for (size_t i = 0; i < j->c; i++) dx[i] += y[i] * (dy[i] - mean);
    }
}

void cm_f32_softmax_grad(const cm_exec *e, size_t rows, size_t c, const float *y, const float *dy, float *dx) {
    if (c)
        cm_f32_parallel_for(e, rows, 16384 / c + 1, softmax_grad_rows,
                            &(softmax_job){.c = c, .x = y, .dy = dy, .y = dx});
}
