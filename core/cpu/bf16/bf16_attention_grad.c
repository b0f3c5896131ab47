// SPDX-License-Identifier: Apache-2.0
/* Attention's gradient by tiles, a head at a time: blocks of queries pass over all keys.
 *
 * Scores are made again from what the forward pass rounded, so that with its log-sum-exp they give its probabilities P.
 * dP = dO V', dS = scale P (dP - sum P dP); dQ = dS K, dK = dS' Q, dV = P' dO. Five products of bf16 operands with f32
 * sums; what lies between them is f32.
 */
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/bf16/bf16_ops.h"
#include "core/cpu/f32/f32_microkernels.h"

enum { QUERIES = 96 /* of a block: an odd number of cache lines of bf16 */, GROUPS = QUERIES / BF16_COLS };

typedef struct back_job {
    const cm_bf16_microkernels *u;
    const cm_attention_shape *s;
    const float *q, *k, *v, *lse, *dout;
    float *dq, *dk, *dv, *scratch;
    bool fresh;
    size_t parts, unit;      /* unit: values of two tiles of B */
    size_t steps, key_steps; /* 32s of d; of keys */
    size_t row, worker_floats;
    size_t across, along, q_rows, s_rows, s_turned; /* values of packed operands, the lower parts left out */
} back_job;

/* What one head works in. Of B: columns [strips][steps][2 tiles]; of A: rows as tiles, or turned ones QUERIES long. */
typedef struct back_place {
    float *p, *dp, *dk, *dv;                   /* [QUERIES][row]; [keys][d], padded to 32s */
    uint16_t *keys, *values, *keys_along;      /* K' and V', [d, keys]; K [keys, d] */
    uint16_t *q, *dout, *q_along, *dout_along; /* rows [QUERIES, d]; [QUERIES, d] */
    uint16_t *ds, *p_turned, *ds_turned;       /* rows [QUERIES, keys]; [keys, QUERIES] */
} back_place;

static uint16_t *take(const back_job *j, uint16_t **at, size_t values) {
    uint16_t *here = *at;
    *at += values * j->parts;
    return here;
}

static back_place find_place(const back_job *j, int worker) {
    float *f = j->scratch + (size_t)worker * j->worker_floats;
    const size_t sums = j->key_steps * BF16_COLS * j->steps * BF16_COLS;
    back_place b = {
        .p = f, .dp = f + QUERIES * j->row, .dk = f + 2 * QUERIES * j->row, .dv = f + 2 * QUERIES * j->row + sums};
    uint16_t *at = (uint16_t *)(void *)(b.dv + sums);
    b.keys = take(j, &at, j->across);
    b.values = take(j, &at, j->across);
    b.keys_along = take(j, &at, j->across);
    b.q = take(j, &at, j->q_rows);
    b.dout = take(j, &at, j->q_rows);
    b.q_along = take(j, &at, j->along);
    b.dout_along = take(j, &at, j->along);
    b.ds = take(j, &at, j->s_rows);
    b.p_turned = take(j, &at, j->s_turned);
    b.ds_turned = take(j, &at, j->s_turned);
    return b;
}

/* --- packing ------------------------------------------------------------------------------ */

/* [k, n] -> B */
static void pack_columns(const back_job *j, size_t k, size_t n, const float *x, size_t k_step, size_t n_step,
                         uint16_t *to) {
    const size_t strip = bf16_ceil_div(k, BF16_DEPTH) * j->unit;
    for (size_t c = 0; c < bf16_ceil_div(n, BF16_COLS) * BF16_COLS; c += BF16_ROWS) {
        const size_t here = c < n ? bf16_min(BF16_ROWS, n - c) : 0;
        j->u->pack_b(k, here, x + (here ? c * n_step : 0), k_step, n_step, j->parts == 2 ? 2 * BF16_TILE : 0,
                     to + c / BF16_COLS * strip + c / BF16_ROWS % 2 * BF16_TILE, j->unit);
    }
}

/* rows [count, n] times factor -> A, up to 32s of rows: past the end any row, whose results are not used */
static void pack_rows(const back_job *j, size_t count, size_t n, const float *x, size_t x_row, float factor, size_t low,
                      uint16_t *to) {
    const bf16_prologue t = {.kind = BF16_PLAIN, .factor = factor, .low = j->parts == 2 ? low : 0};
    const size_t steps = bf16_ceil_div(n, BF16_DEPTH);
    for (size_t r = 0; r < bf16_ceil_div(count, BF16_COLS) * BF16_COLS; r++)
        j->u->pack_a(&t, n, x + (r < count ? r : 0) * x_row,
                     to + (r / BF16_ROWS * steps * BF16_ROWS + r % BF16_ROWS) * BF16_DEPTH, BF16_TILE);
}

/* scores [count, keys] -> A [keys, count] */
static void pack_turned(const back_job *j, size_t count, const float *scores, uint16_t *to) {
    for (size_t key = 0; key < j->key_steps * BF16_COLS; key += BF16_ROWS)
        j->u->pack_a_transposed(count, BF16_ROWS, scores + key, j->row, j->parts == 2 ? j->s_turned : 0,
                                to + key * QUERIES, QUERIES);
}

/* --- products ------------------------------------------------------------------------------- */

/* 32 rows of A: from a value of a row to its next row's, from 32 values to the next, and to the second 16 rows. */
typedef struct operand {
    const uint16_t *x;
    size_t row, step, half, low;
} operand;

static operand rows_of(const back_job *j, const uint16_t *x, size_t group, size_t steps, size_t low) {
    const size_t half = steps * BF16_TILE;
    return (operand){x + 2 * group * half, BF16_DEPTH, BF16_TILE, half, j->parts == 2 ? low : 0};
}

/* c [32,32] (+)= A by a strip of B */
static void multiply(const back_job *j, const operand *a, const uint16_t *b, size_t steps, bool add, float *c,
                     size_t c_row) {
    static const ptrdiff_t no_segment[1] = {0};
    j->u->block(&(bf16_block){.segments = 1,
                              .steps = steps,
                              .a = {a->x, a->x + a->half},
                              .a_segment = no_segment,
                              .a_row = a->row,
                              .a_step = a->step,
                              .a_low = a->low,
                              .b = b,
                              .add = add,
                              .c = c,
                              .c_row = c_row});
}

/* sums [rows, 32] of columns [strip*32, ...) -> y [rows, d] of a head */
static void write(const back_job *j, size_t rows, size_t strip, const float *c, size_t c_row, float *y) {
    const size_t width = j->s->heads * j->s->d;
    y += strip * BF16_COLS;
    j->u->epilogue(&(bf16_epilogue){.rows = rows,
                                    .cols = bf16_min(BF16_COLS, j->s->d - strip * BF16_COLS),
                                    .c = c,
                                    .c_row = c_row,
                                    .plus = j->fresh ? NULL : y,
                                    .plus_row = width,
                                    .y = y,
                                    .y_row = width});
}

/* P and dS of `count` queries from `first` on; zeros past the last key */
static void score_grads(const back_job *j, const back_place *b, size_t count, const float *lse) {
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t keys = j->s->lk;
    for (size_t group = 0; group < bf16_ceil_div(count, BF16_COLS); group++) {
        const operand q = rows_of(j, b->q, group, j->steps, j->q_rows),
                      dout = rows_of(j, b->dout, group, j->steps, j->q_rows);
        for (size_t t = 0; t < j->key_steps; t++) {
            const size_t at = group * BF16_COLS * j->row + t * BF16_COLS;
            multiply(j, &q, b->keys + t * j->steps * j->unit, j->steps, false, b->p + at, j->row);
            multiply(j, &dout, b->values + t * j->steps * j->unit, j->steps, false, b->dp + at, j->row);
        }
    }
    for (size_t i = 0; i < count; i++) {
        float *p = b->p + i * j->row, *dp = b->dp + i * j->row;
        f->row_scale(keys, 0.693147181f, p);
        f->row_exp(keys, p, lse[i], p);
        f->row_softmax_grad(keys, p, f->dot(keys, p, dp), j->s->scale, dp);
        memset(p + keys, 0, (j->row - keys) * sizeof *p);
        memset(dp + keys, 0, (j->row - keys) * sizeof *dp);
    }
}

static void add_queries(const back_job *j, const back_place *b, size_t count, float *dq) {
    float sums[BF16_COLS * BF16_COLS] __attribute__((aligned(64)));
    pack_rows(j, count, j->s->lk, b->dp, j->row, 1.0f, j->s_rows, b->ds);
    for (size_t r = 0; r < count; r += BF16_COLS) {
        const operand ds = rows_of(j, b->ds, r / BF16_COLS, j->key_steps, j->s_rows);
        for (size_t strip = 0; strip < j->steps; strip++) {
            multiply(j, &ds, b->keys_along + strip * j->key_steps * j->unit, j->key_steps, false, sums, BF16_COLS);
            write(j, bf16_min(BF16_COLS, count - r), strip, sums, BF16_COLS, dq + r * j->s->heads * j->s->d);
        }
    }
}

/* sums [keys, d] (+)= turned [keys, count] by x [count, d] */
static void add_turned(const back_job *j, size_t count, const uint16_t *turned, const uint16_t *x, bool add,
                       float *sums) {
    const size_t steps = bf16_ceil_div(count, BF16_DEPTH), c_row = j->steps * BF16_COLS;
    for (size_t t = 0; t < j->key_steps; t++) {
        const operand a = {turned + t * BF16_COLS * QUERIES, QUERIES, BF16_DEPTH, BF16_ROWS * QUERIES,
                           j->parts == 2 ? j->s_turned : 0};
        for (size_t strip = 0; strip < j->steps; strip++)
            multiply(j, &a, x + strip * steps * j->unit, steps, add, sums + t * BF16_COLS * c_row + strip * BF16_COLS,
                     c_row);
    }
}

static void write_keys(const back_job *j, const float *sums, float *y) {
    const size_t c_row = j->steps * BF16_COLS, width = j->s->heads * j->s->d;
    for (size_t key = 0; key < j->s->lk; key += BF16_COLS)
        for (size_t strip = 0; strip < j->steps; strip++)
            write(j, bf16_min(BF16_COLS, j->s->lk - key), strip, sums + key * c_row + strip * BF16_COLS, c_row,
                  y + key * width);
}

static void one_head(void *arg, size_t head, int worker) {
    const back_job *j = arg;
    const cm_attention_shape *s = j->s;
    const back_place b = find_place(j, worker);
    const size_t width = s->heads * s->d, other = head / s->heads * s->lk * width + head % s->heads * s->d;
    j->u->begin();
    pack_columns(j, s->d, s->lk, j->k + other, 1, width, b.keys);
    pack_columns(j, s->d, s->lk, j->v + other, 1, width, b.values);
    if (j->dq) pack_columns(j, s->lk, s->d, j->k + other, width, 1, b.keys_along);
    for (size_t i = 0; i < s->lq; i += QUERIES) {
        const size_t count = bf16_min(QUERIES, s->lq - i),
                     at = (head / s->heads * s->lq + i) * width + head % s->heads * s->d;
        pack_rows(j, count, s->d, j->q + at, width, s->scale * 1.44269504f, j->q_rows, b.q);
        pack_rows(j, count, s->d, j->dout + at, width, 1.0f, j->q_rows, b.dout);
        score_grads(j, &b, count, j->lse + head * s->lq + i);
        if (j->dq) add_queries(j, &b, count, j->dq + at);
        if (j->dk) {
            pack_turned(j, count, b.dp, b.ds_turned);
            pack_columns(j, count, s->d, j->q + at, width, 1, b.q_along);
            add_turned(j, count, b.ds_turned, b.q_along, i > 0, b.dk);
        }
        if (j->dv) {
            pack_turned(j, count, b.p, b.p_turned);
            pack_columns(j, count, s->d, j->dout + at, width, 1, b.dout_along);
            add_turned(j, count, b.p_turned, b.dout_along, i > 0, b.dv);
        }
    }
    j->u->end();
    if (j->dk) write_keys(j, b.dk, j->dk + other);
    if (j->dv) write_keys(j, b.dv, j->dv + other);
}

void cm_bf16_attention_grad(bool pairs, const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,
                            const float *v, const float *lse, const float *dout, float *dq, float *dk, float *dv) {
    const size_t workers = e->threads > 1 ? (size_t)e->threads : 1;
    back_job j = {.u = cm_bf16_microkernels_get(),
                  .s = s,
                  .q = q,
                  .k = k,
                  .v = v,
                  .lse = lse,
                  .dout = dout,
                  .dq = dq,
                  .dk = dk,
                  .dv = dv,
                  .fresh = e->fresh,
                  .parts = pairs ? 2 : 1,
                  .steps = bf16_ceil_div(s->d, BF16_DEPTH),
                  .key_steps = bf16_ceil_div(s->lk, BF16_COLS)};
    j.unit = 2 * BF16_TILE * j.parts;
    j.row = (2 * j.key_steps | 1) * BF16_ROWS; /* an odd number of cache lines: columns are read too */
    j.across = j.key_steps * j.steps * 2 * BF16_TILE;
    j.along = GROUPS * j.steps * 2 * BF16_TILE;
    j.q_rows = GROUPS * j.steps * 2 * BF16_TILE;
    j.s_rows = GROUPS * j.key_steps * 2 * BF16_TILE;
    j.s_turned = j.key_steps * BF16_COLS * QUERIES;
    j.worker_floats = 2 * QUERIES * j.row + 2 * j.key_steps * BF16_COLS * j.steps * BF16_COLS +
                      bf16_floats(j.parts * (3 * j.across + 2 * j.q_rows + 2 * j.along + j.s_rows + 2 * j.s_turned));
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    j.scratch = CM_PUSH(e->scratch, float, workers *j.worker_floats);
    if (j.scratch) cm_parallel(e->threads, s->n * s->heads, one_head, &j);
    cm_arena_reset(e->scratch, mark);
}
