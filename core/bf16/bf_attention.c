// SPDX-License-Identifier: Apache-2.0
/* Attention by tiles: a block of queries passes over blocks of keys with a running maximum and sum (Milakov and
 * Gimelshein 2018); scores exist for 32 queries and one block of keys at a time.
 *
 * Keys and values of each head are packed once: keys as the columns of the first
 * product (turned), values as those of the second (zipped). Queries are rounded with
 * scale/log 2, so that probabilities are powers of two.
 */
#include <math.h>
#include <string.h>

#include "core/base/threads.h"
#include "core/bf16/products.h"

enum { QUERIES = 128, MOST_KEYS = 512, FEW_KEYS = 256, NARROW = 160, ROWS = 4 }; /* narrow heads: few keys, so that scores stay in the first-level cache */

typedef struct attention_job {
    const bf_unit *u;
    const cm_attention_shape *s;
    const float *q, *k, *v;
    float *out;
    uint16_t *packed;
    float *scratch;
    size_t parts, steps, key_strips;     /* steps of 32 over d */
    size_t keys;                         /* of a block */
    size_t width_strips, last_tiles;     /* of the output's columns; tiles of the last strip */
    size_t k_values, v_block, head_values, blocks, worker_floats;
    size_t q_values, p_values;           /* of 32 queries' tiles, of 32 rows of probabilities' */
} attention_job;

static size_t v_strip(const attention_job *j, size_t tiles, size_t keys) {
    return bf_up(keys, BF_DEPTH) * tiles * BF_TILE * j->parts;
}

/* Keys: strips of 32 keys. Values: for each block of keys, strips of 32 columns. */
static void pack_head(void *arg, size_t i, int worker) {
    (void)worker;
    const attention_job *j = arg;
    const cm_attention_shape *s = j->s;
    const size_t width = s->heads * s->d, at = i / s->heads * s->lk * width + i % s->heads * s->d;
    const size_t step = 2 * BF_TILE * j->parts, low = j->parts == 2 ? 2 * BF_TILE : 0;
    uint16_t *to = j->packed + i * j->head_values;
    for (size_t key = 0; key < j->key_strips * BF_COLS; key += BF_SIDE) {
        const size_t n = key < s->lk ? bf_least(BF_SIDE, s->lk - key) : 0;
        j->u->columns(s->d, n, j->k + at + (n ? key : 0) * width, 1, width, low,
                      to + key / BF_COLS * j->steps * step + key / BF_SIDE % 2 * BF_TILE, step);
    }
    to += j->k_values;
    for (size_t key = 0; key < s->lk; key += j->keys) {
        const size_t keys = bf_least(j->keys, s->lk - key);
        uint16_t *strip = to + key / j->keys * j->v_block;
        for (size_t c = 0; c < j->width_strips; c++) {
            const size_t tiles = c + 1 == j->width_strips ? j->last_tiles : 2;
            for (size_t t = 0; t < tiles; t++)
                j->u->columns(keys, bf_least(BF_SIDE, s->d - c * BF_COLS - t * BF_SIDE), j->v + at + key * width + c * BF_COLS + t * BF_SIDE,
                              width, 1, j->parts == 2 ? tiles * BF_TILE : 0, strip + t * BF_TILE, tiles * BF_TILE * j->parts);
            strip += v_strip(j, tiles, keys);
        }
    }
}

/* What one worker holds: the state of its queries, and of 32 of them scores and probabilities. */
typedef struct attention_place {
    float *top, *sum, *scores, *mixed; /* [QUERIES], [QUERIES], two times [32][keys], [QUERIES][columns] */
    uint16_t *queries, *probs;
    size_t mixed_row;
} attention_place;

static attention_place find_place(const attention_job *j, int worker) {
    float *at = j->scratch + (size_t)worker * j->worker_floats;
    attention_place p = {.top = at, .sum = at + QUERIES, .scores = at + 2 * QUERIES, .mixed_row = j->width_strips * BF_COLS};
    p.mixed = p.scores + 2 * BF_COLS * j->keys;
    p.queries = (uint16_t *)(void *)(p.mixed + QUERIES * p.mixed_row);
    p.probs = p.queries + QUERIES / BF_COLS * j->q_values;
    return p;
}

/* 32 queries [32][d] -> tiles, times scale/log 2 */
static void read_queries(const attention_job *j, const float *q, size_t count, uint16_t *to) {
    const size_t width = j->s->heads * j->s->d;
    const bf_row t = {.kind = BF_PLAIN, .factor = j->s->scale * 1.44269504f, .low = j->parts == 2 ? j->q_values / 2 : 0};
    for (size_t r = 0; r < BF_COLS; r++)
        j->u->row(&t, j->s->d, q + (r < count ? r : 0) * width, to + r / BF_SIDE * j->steps * BF_TILE + r % BF_SIDE * BF_DEPTH, BF_TILE);
}

static const ptrdiff_t no_segment[1] = {0};

/* 32 queries against the keys of strip i of a block */
static void find_scores(const attention_job *j, const uint16_t *queries, const uint16_t *keys, size_t i, float *scores) {
    const bf_block b = {.segments = 1, .steps = j->steps, .a = {queries, queries + j->steps * BF_TILE}, .a_segment = no_segment,
                        .a_row = BF_DEPTH, .a_step = BF_TILE, .a_low = j->parts == 2 ? j->q_values / 2 : 0, .c_row = j->keys,
                        .b = keys + i * j->steps * 2 * BF_TILE * j->parts, .c = scores + i * BF_COLS};
    j->u->block(&b);
}

static void mix_values(const attention_job *j, const attention_place *p, const uint16_t *values, size_t keys, bool add, float *mixed) {
    const size_t steps = bf_up(keys, BF_DEPTH);
    bf_block b = {.segments = 1, .steps = steps, .a = {p->probs, p->probs + j->keys / BF_DEPTH * BF_TILE}, .a_segment = no_segment,
                  .a_row = BF_DEPTH, .a_step = BF_TILE, .a_low = j->parts == 2 ? j->p_values / 2 : 0, .add = add, .c_row = p->mixed_row};
    for (size_t c = 0; c < j->width_strips; c++) {
        const size_t tiles = c + 1 == j->width_strips ? j->last_tiles : 2;
        b.one_tile = tiles == 1;
        b.b = values;
        b.c = mixed + c * BF_COLS;
        j->u->block(&b);
        values += v_strip(j, tiles, keys);
    }
}

/* 32 queries and a block of keys; turns go through the queries first. */
typedef struct attention_turn {
    size_t group, key, keys, strips;
    const uint16_t *queries, *head;
    float *scores;
} attention_turn;

static attention_turn find_turn(const attention_job *j, const attention_place *p, const uint16_t *head, size_t groups, size_t i) {
    attention_turn t = {.group = i % groups, .key = i / groups * j->keys, .head = head, .scores = p->scores + i % 2 * BF_COLS * j->keys};
    t.keys = t.key < j->s->lk ? bf_least(j->keys, j->s->lk - t.key) : 0; /* none: after the last turn */
    t.strips = bf_up(t.keys, BF_DEPTH);
    t.queries = p->queries + t.group * j->q_values;
    return t;
}

static void find_strip(const attention_job *j, const attention_turn *t, size_t i) {
    find_scores(j, t->queries, t->head + t->key / BF_COLS * j->steps * 2 * BF_TILE * j->parts, i, t->scores);
}

static bool find_probs(const attention_job *j, const attention_place *p, const attention_turn *t, size_t row, size_t rows, float *shrink) {
    const size_t at = t->group * BF_COLS + row;
    return j->u->softmax(&(bf_scores){.rows = rows, .n = t->keys, .all = t->strips * BF_DEPTH, .s = t->scores + row * j->keys,
                                      .s_row = j->keys, .top = p->top + at, .sum = p->sum + at, .shrink = shrink + row,
                                      .y = p->probs + row / BF_SIDE * (j->keys / BF_DEPTH) * BF_TILE + row % BF_SIDE * BF_DEPTH,
                                      .low = j->parts == 2 ? j->p_values / 2 : 0});
}

/* A turn, whose scores are there. The next turn's are made by the way, some between every few rows of powers: matrix
 * registers and vector units then work side by side. */
static void absorb(const attention_job *j, const attention_place *p, const attention_turn *t, const attention_turn *next) {
    float *mixed = p->mixed + t->group * BF_COLS * p->mixed_row, shrink[BF_COLS];
    bool any = false;
    for (size_t row = 0; row < BF_COLS; row += ROWS) {
        const size_t from = row * next->strips / BF_COLS, to = (row + ROWS) * next->strips / BF_COLS;
        for (size_t i = from; i < to; i++) find_strip(j, next, i);
        any |= find_probs(j, p, t, row, ROWS, shrink);
    }
    if (any)
        for (size_t r = 0; r < BF_COLS; r++) j->u->scale(p->mixed_row, shrink[r], mixed + r * p->mixed_row);
    mix_values(j, p, t->head + j->k_values + t->key / j->keys * j->v_block, t->keys, t->key > 0, mixed);
}

static void one_block(void *arg, size_t i, int worker) {
    const attention_job *j = arg;
    const cm_attention_shape *s = j->s;
    const size_t head = i / j->blocks, first = i % j->blocks * QUERIES, count = bf_least(QUERIES, s->lq - first);
    const size_t width = s->heads * s->d, at = (head / s->heads * s->lq + first) * width + head % s->heads * s->d;
    const attention_place p = find_place(j, worker);
    for (size_t r = 0; r < QUERIES; r++) {
        p.top[r] = -INFINITY;
        p.sum[r] = 0.0f;
    }
    for (size_t r = 0; r < count; r += BF_COLS)
        read_queries(j, j->q + at + r * width, count - r, p.queries + r / BF_COLS * j->q_values);
    j->u->begin();
    const size_t groups = bf_up(count, BF_COLS), turns = groups * bf_up(s->lk, j->keys);
    attention_turn turn = find_turn(j, &p, j->packed + head * j->head_values, groups, 0);
    for (size_t n = 0; n < turn.strips; n++) find_strip(j, &turn, n);
    for (size_t t = 0; t < turns; t++) {
        const attention_turn next = find_turn(j, &p, turn.head, groups, t + 1);
        absorb(j, &p, &turn, &next);
        turn = next;
    }
    j->u->end();
    for (size_t r = 0; r < count; r++) j->u->copy_scaled(s->d, 1.0f / p.sum[r], p.mixed + r * p.mixed_row, j->out + at + r * width);
}

void bf_attention(bool pairs, const cm_exec *e, const cm_attention_shape *s, const float *q, const float *k, const float *v,
                  float *out) {
    const size_t workers = e->threads > 1 ? (size_t)e->threads : 1, heads = s->n * s->heads;
    attention_job j = {.u = bf_unit_get(), .s = s, .q = q, .k = k, .v = v, .out = out, .parts = pairs ? 2 : 1,
                       .steps = bf_up(s->d, BF_DEPTH), .key_strips = bf_up(s->lk, BF_COLS), .width_strips = bf_up(s->d, BF_COLS)};
    j.keys = s->d <= NARROW ? FEW_KEYS : MOST_KEYS;
    j.last_tiles = bf_up(s->d - (j.width_strips - 1) * BF_COLS, BF_SIDE);
    j.blocks = bf_up(s->lq, QUERIES);
    j.k_values = j.key_strips * j.steps * 2 * BF_TILE * j.parts;
    j.v_block = (2 * (j.width_strips - 1) + j.last_tiles) * (j.keys / BF_DEPTH) * BF_TILE * j.parts;
    j.head_values = j.k_values + bf_up(s->lk, j.keys) * j.v_block;
    j.q_values = 2 * j.steps * BF_TILE * j.parts;
    j.p_values = 2 * (j.keys / BF_DEPTH) * BF_TILE * j.parts;
    j.worker_floats = 2 * QUERIES + 2 * BF_COLS * j.keys + QUERIES * j.width_strips * BF_COLS +
                      bf_floats(QUERIES / BF_COLS * j.q_values + j.p_values);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    j.packed = (uint16_t *)CM_PUSH(e->scratch, float, bf_floats(heads * j.head_values));
    j.scratch = CM_PUSH(e->scratch, float, workers * j.worker_floats);
    if (j.packed && j.scratch) {
        cm_parallel(e->threads, heads, pack_head, &j);
        cm_parallel(e->threads, heads * j.blocks, one_block, &j);
    }
    cm_arena_reset(e->scratch, mark);
}
