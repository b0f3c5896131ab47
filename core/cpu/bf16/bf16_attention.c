// SPDX-License-Identifier: Apache-2.0
/* Attention by tiles: a block of queries passes over blocks of keys; scores exist for 32 queries and 32 keys at a
 * time.
 *
 * The greatest score of the first block is what powers are taken from. Those of later
 * blocks may grow to 2^60 before another takes its place, and what was summed is scaled
 * (Milakov and Gimelshein 2018 do that with every block). The powers' sum is one more
 * column of the output, whose values are ones: what is rounded is what is summed.
 *
 * Keys and values of each head are packed once: keys as the columns of the first
 * product (turned), values as those of the second (zipped). Queries are rounded with
 * scale/log 2, so that probabilities are powers of two (bf16_microkernels.h says in which units).
 */
#include <math.h>
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/bf16/bf16_ops.h"

enum { AHEAD = 64 /* keys */, QUERIES = 128, KEYS = 256 /* whose powers stay in the first-level cache */ };

typedef struct attention_job {
    const cm_bf16_microkernels *u;
    const cm_attention_shape *s;
    const float *q, *k, *v;
    float *out, *lse;
    uint16_t *packed;
    float *scratch;
    size_t parts, steps, key_strips; /* steps of 32 over d */
    size_t width_strips, last_tiles; /* of the output's columns and their powers' sum; tiles of the last strip */
    size_t k_values, v_block, head_values, blocks, worker_floats;
    size_t q_values, p_values; /* of 32 queries' tiles, of 32 rows of probabilities' */
    float factor;              /* of queries: scores are in bf16_softmax_tile's units */
    float *k_most;             /* [heads]: the greatest absolute value of keys */
} attention_job;

static size_t v_strip(const attention_job *j, size_t tiles, size_t keys) {
    return bf16_ceil_div(keys, BF16_DEPTH) * tiles * BF16_TILE * j->parts;
}

/* Values below stand for keys in the order of columns of powers. */
static void put_in_order(uint16_t *tile) {
    uint16_t own[BF16_TILE];
    memcpy(own, tile, sizeof own);
    for (size_t i = 0; i < BF16_ROWS; i++)
        memcpy(tile + i * BF16_DEPTH, own + bf16_order(i) * BF16_DEPTH, BF16_DEPTH * sizeof *tile);
}

/* 16 columns of a block of keys' values; after the last column ones, for the powers' sum. */
static void pack_values(const attention_job *j, const float *v, size_t column, size_t keys, size_t step, size_t low,
                        uint16_t *to) {
    const cm_attention_shape *s = j->s;
    const size_t n = column < s->d ? bf16_min(BF16_ROWS, s->d - column) : 0, ones = s->d - column;
    j->u->pack_b(keys, n, v + (n ? column : 0), s->heads * s->d, 1, low, to, step);
    for (size_t key = 0; ones < BF16_ROWS && key < keys; key++)
        to[key / BF16_DEPTH * step + key % BF16_DEPTH / 2 * BF16_DEPTH + 2 * ones + key % 2] = 0x3f80;
    for (size_t key = 0; j->parts == 1 && key < keys; key += BF16_DEPTH) put_in_order(to + key / BF16_DEPTH * step);
}

static float find_most(const attention_job *j, size_t rows, const float *x) {
    float most = 0.0f;
    for (size_t r = 0; r < rows; r++) {
        const float here = j->u->absmax(j->s->d, x + r * j->s->heads * j->s->d);
        most = here <= most ? most : here; /* a NaN stays */
    }
    return most;
}

/* Rows of one head lie apart, which the machine does not foresee. */
static void fetch_rows(const attention_job *j, const float *x, size_t rows, bool write) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < j->s->d + BF16_ROWS - 1; i += BF16_ROWS) {
            const float *at = x + r * j->s->heads * j->s->d + bf16_min(i, j->s->d - 1);
            if (write) __builtin_prefetch(at, 1, 2);
            else __builtin_prefetch(at, 0, 2);
        }
}

/* Keys: strips of 32 keys. Values: for each block of keys, strips of 32 columns. */
static void pack_head(void *arg, size_t i, int worker) {
    (void)worker;
    const attention_job *j = arg;
    const cm_attention_shape *s = j->s;
    const size_t width = s->heads * s->d, at = i / s->heads * s->lk * width + i % s->heads * s->d;
    const size_t step = 2 * BF16_TILE * j->parts, low = j->parts == 2 ? 2 * BF16_TILE : 0;
    uint16_t *to = j->packed + i * j->head_values;
    float most = 0.0f;
    for (size_t key = 0; key < j->key_strips * BF16_COLS; key += BF16_ROWS) {
        const size_t n = key < s->lk ? bf16_min(BF16_ROWS, s->lk - key) : 0;
        if (key + AHEAD < s->lk)
            fetch_rows(j, j->k + at + (key + AHEAD) * width, bf16_min(BF16_ROWS, s->lk - key - AHEAD), false);
        j->u->pack_b(s->d, n, j->k + at + (n ? key : 0) * width, 1, width, low,
                     to + key / BF16_COLS * j->steps * step + key / BF16_ROWS % 2 * BF16_TILE, step);
        const float here = find_most(j, n, j->k + at + (n ? key : 0) * width);
        most = here <= most ? most : here;
    }
    j->k_most[i] = most;
    to += j->k_values;
    for (size_t key = 0; key < s->lk; key += KEYS) {
        const size_t keys = bf16_min(KEYS, s->lk - key);
        fetch_rows(j, j->v + at + key * width, keys, false);
        uint16_t *strip = to + key / KEYS * j->v_block;
        for (size_t c = 0; c < j->width_strips; c++) {
            const size_t tiles = c + 1 == j->width_strips ? j->last_tiles : 2;
            for (size_t t = 0; t < tiles; t++)
                pack_values(j, j->v + at + key * width, c * BF16_COLS + t * BF16_ROWS, keys,
                            tiles * BF16_TILE * j->parts, j->parts == 2 ? tiles * BF16_TILE : 0, strip + t * BF16_TILE);
            strip += v_strip(j, tiles, keys);
        }
    }
}

/* What one worker holds: the state of its queries, and of 32 of them scores and probabilities. */
typedef struct attention_place {
    float *shift, *scores, *mixed; /* [QUERIES], two times [32][32], [QUERIES][columns] */
    uint16_t *queries, *probs;
    size_t mixed_row;
} attention_place;

static attention_place find_place(const attention_job *j, int worker) {
    float *at = j->scratch + (size_t)worker * j->worker_floats;
    attention_place p = {.shift = at, .scores = at + QUERIES, .mixed_row = j->width_strips * BF16_COLS};
    p.mixed = p.scores + 2 * BF16_COLS * BF16_COLS;
    p.queries = (uint16_t *)(void *)(p.mixed + QUERIES * p.mixed_row);
    p.probs = p.queries + QUERIES / BF16_COLS * j->q_values;
    return p;
}

/* 32 queries [32][d] -> tiles, times the factor */
static void read_queries(const attention_job *j, const float *q, size_t count, uint16_t *to) {
    const size_t width = j->s->heads * j->s->d;
    const bf16_prologue t = {.kind = BF16_PLAIN, .factor = j->factor, .low = j->parts == 2 ? j->q_values / 2 : 0};
    for (size_t r = 0; r < BF16_COLS; r++)
        j->u->pack_a(&t, j->s->d, q + (r < count ? r : 0) * width,
                     to + r / BF16_ROWS * j->steps * BF16_TILE + r % BF16_ROWS * BF16_DEPTH, BF16_TILE);
}

static void mix_values(const attention_job *j, const attention_place *p, const uint16_t *values, size_t keys, bool add,
                       float *mixed) {
    const size_t steps = bf16_ceil_div(keys, BF16_DEPTH);
    static const ptrdiff_t no_segment[1] = {0};
    bf16_block b = {.segments = 1,
                    .steps = steps,
                    .a = {p->probs, p->probs + KEYS / BF16_DEPTH * BF16_TILE},
                    .a_segment = no_segment,
                    .a_row = BF16_DEPTH,
                    .a_step = BF16_TILE,
                    .a_low = j->parts == 2 ? j->p_values / 2 : 0,
                    .add = add,
                    .c_row = p->mixed_row};
    for (size_t c = 0; c < j->width_strips; c++) {
        const size_t tiles = c + 1 == j->width_strips ? j->last_tiles : 2;
        b.one_tile = tiles == 1;
        b.b = values;
        b.c = mixed + c * BF16_COLS;
        j->u->block(&b);
        values += v_strip(j, tiles, keys);
    }
}

/* Rows whose greatest score in this block is above what powers are taken from, or all (`first`), go by that one; what
 * was summed of them is scaled. */
static void shift_again(const attention_job *j, const bf16_softmax_tile *look, bool first, float *shift, float *mixed,
                        size_t mixed_row) {
    float top[BF16_COLS];
    j->u->softmax_row_max(look, top);
    for (size_t r = 0; r < BF16_COLS; r++) {
        const float before = shift[r], now = (j->parts == 2 ? 0.0f : 127.0f * BF16_EXP2_STEPS) - top[r];
        if (!first && now >= before) continue;
        shift[r] = now;
        if (!first)
            j->u->scale(mixed_row, exp2f((now - before) / (j->parts == 2 ? 1.0f : BF16_EXP2_STEPS)),
                        mixed + r * mixed_row);
    }
}

/* 32 queries and a block of keys */
static void absorb(const attention_job *j, const attention_place *p, const uint16_t *head, size_t group, size_t key) {
    const size_t keys = bf16_min(KEYS, j->s->lk - key);
    float *mixed = p->mixed + group * BF16_COLS * p->mixed_row, *shift = p->shift + group * BF16_COLS;
    const bf16_softmax_tile look = {.queries = p->queries + group * j->q_values,
                                    .steps = j->steps,
                                    .low_q = j->parts == 2 ? j->q_values / 2 : 0,
                                    .keys = head + key / BF16_COLS * j->steps * 2 * BF16_TILE * j->parts,
                                    .strips = bf16_ceil_div(keys, BF16_DEPTH),
                                    .n = keys,
                                    .shift = shift,
                                    .y = p->probs,
                                    .half = KEYS / BF16_DEPTH * BF16_TILE,
                                    .low = j->parts == 2 ? j->p_values / 2 : 0,
                                    .scores = p->scores};
    if (key == 0) shift_again(j, &look, true, shift, mixed, p->mixed_row);
    if (j->u->softmax_tile(&look)) {
        shift_again(j, &look, false, shift, mixed, p->mixed_row);
        j->u->softmax_tile(&look);
    }
    mix_values(j, p, head + j->k_values + key / KEYS * j->v_block, keys, key > 0, mixed);
}

/* Of scores beyond 2^30 units (or of an infinity, or NaN) rounding leaves nothing: the output says so. */
static bool are_in_range(const attention_job *j, float q_most, float k_most) {
    return q_most * k_most * (float)j->s->d * fabsf(j->factor) < 0x1p30f;
}

/* of e^scores whose powers of two, shifted, have this sum */
static float log_sum(const attention_job *j, float sum, float shift) {
    return 0.693147181f * (log2f(sum) + (j->parts == 2 ? -shift : 127.0f - shift / BF16_EXP2_STEPS));
}

static void one_block(void *arg, size_t i, int worker) {
    const attention_job *j = arg;
    const cm_attention_shape *s = j->s;
    const size_t head = i / j->blocks, first = i % j->blocks * QUERIES, count = bf16_min(QUERIES, s->lq - first);
    const size_t width = s->heads * s->d, at = (head / s->heads * s->lq + first) * width + head % s->heads * s->d;
    const attention_place p = find_place(j, worker);
    fetch_rows(j, j->q + at, count, false);
    for (size_t r = 0; r < count; r += BF16_COLS)
        read_queries(j, j->q + at + r * width, count - r, p.queries + r / BF16_COLS * j->q_values);
    const float q_most = find_most(j, count, j->q + at);
    fetch_rows(j, j->out + at, count, true);
    j->u->begin();
    for (size_t key = 0; key < s->lk; key += KEYS)
        for (size_t group = 0; group < bf16_ceil_div(count, BF16_COLS); group++)
            absorb(j, &p, j->packed + head * j->head_values, group, key);
    j->u->end();
    const float one = are_in_range(j, q_most, j->k_most[head]) ? 1.0f : NAN;
    for (size_t r = 0; r < count; r++) {
        const float *mixed = p.mixed + r * p.mixed_row;
        j->u->copy_scaled(s->d, one / mixed[s->d], mixed, j->out + at + r * width);
        if (j->lse) j->lse[head * s->lq + first + r] = one * log_sum(j, mixed[s->d], p.shift[r]);
    }
}

void cm_bf16_attention(bool pairs, const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k,
                       const float *v, float *out, float *lse) {
    const size_t workers = e->threads > 1 ? (size_t)e->threads : 1, heads = s->n * s->heads;
    attention_job j = {.u = cm_bf16_microkernels_get(),
                       .s = s,
                       .q = q,
                       .k = k,
                       .v = v,
                       .out = out,
                       .lse = lse,
                       .parts = pairs ? 2 : 1,
                       .steps = bf16_ceil_div(s->d, BF16_DEPTH),
                       .key_strips = bf16_ceil_div(s->lk, BF16_COLS),
                       .width_strips = bf16_ceil_div(s->d + 1, BF16_COLS)};
    j.last_tiles = bf16_ceil_div(s->d + 1 - (j.width_strips - 1) * BF16_COLS, BF16_ROWS);
    j.blocks = bf16_ceil_div(s->lq, QUERIES);
    j.k_values = j.key_strips * j.steps * 2 * BF16_TILE * j.parts;
    j.v_block = (2 * (j.width_strips - 1) + j.last_tiles) * (KEYS / BF16_DEPTH) * BF16_TILE * j.parts;
    j.head_values = j.k_values + bf16_ceil_div(s->lk, KEYS) * j.v_block;
    j.q_values = 2 * j.steps * BF16_TILE * j.parts;
    j.p_values = 2 * (KEYS / BF16_DEPTH) * BF16_TILE * j.parts;
    j.factor = s->scale * 1.44269504f * (pairs ? 1.0f : BF16_EXP2_STEPS);
    j.worker_floats = QUERIES + 2 * BF16_COLS * BF16_COLS + QUERIES * j.width_strips * BF16_COLS +
                      bf16_floats(QUERIES / BF16_COLS * j.q_values + j.p_values);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    j.packed = (uint16_t *)CM_PUSH(e->scratch, float, bf16_floats(heads * j.head_values));
    j.scratch = CM_PUSH(e->scratch, float, workers *j.worker_floats);
    j.k_most = CM_PUSH(e->scratch, float, heads);
    if (j.packed && j.scratch && j.k_most) {
        cm_parallel(e->threads, heads, pack_head, &j);
        cm_parallel(e->threads, heads * j.blocks, one_block, &j);
    }
    cm_arena_reset(e->scratch, mark);
}
