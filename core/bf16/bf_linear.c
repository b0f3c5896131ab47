// SPDX-License-Identifier: Apache-2.0
/* Linear layers: blocks of rows are rounded into tiles once, then every strip of 32 columns passes over them.
 *
 * Many rows: each thread takes blocks of rows, whose tiles stay in its second-level
 * cache. Few rows: the tiles are shared and threads take strips, so that each weight
 * is read once.
 */
#include <string.h>

#include "core/base/threads.h"
#include "core/bf16/products.h"

enum { BLOCK_BYTES = 640 << 10 };

typedef struct linear_job {
    const bf_unit *u;
    const bf_linear_shape *s;
    const cm_around *a;
    const float *x, *bias;
    float *y;
    const uint16_t *w;
    size_t parts, steps, strips, strip_values, y_cols; /* parts: 1, or 2 with lower ones */
    size_t block, blocks, groups;                      /* rows of a block; items are blocks times groups of strips */
    uint16_t *tiles;                                   /* of one block a worker, or of all rows */
    size_t tiles_values;
    bool shared;
} linear_job;

/* --- weights -------------------------------------------------------------------- */

typedef struct weights_job {
    const bf_unit *u;
    const float *w;
    size_t in, out, steps, strips, strip_values;
    bool pairs, geglu;
    uint16_t *to;
    int threads;
} weights_job;

static void weights_strip(void *arg, size_t strip, int worker) {
    (void)worker;
    const weights_job *j = arg;
    const size_t step = j->strip_values / j->steps, half = j->out / 2;
    for (size_t tile = 0; tile < 2; tile++) {
        const size_t column = j->geglu ? strip * BF_SIDE + tile * half : strip * BF_COLS + tile * BF_SIDE;
        const size_t end = j->geglu && tile == 0 ? half : j->out, n = column < end ? end - column : 0;
        j->u->columns(j->in, n, j->w + (n ? column * j->in : 0), 1, j->in, j->pairs ? 2 * BF_TILE : 0,
                      j->to + strip * j->strip_values + tile * BF_TILE, step);
    }
}

static void fill_weights(void *arg, void *data) {
    weights_job *j = arg;
    j->to = data;
    cm_parallel(j->threads, j->strips, weights_strip, j);
}

static const uint16_t *pack_weights(const cm_exec *e, const linear_job *j, const float *w, bool pairs) {
    weights_job p = {.u = j->u, .w = w, .in = j->s->in, .out = j->s->out, .steps = j->steps, .strips = j->strips,
                     .strip_values = j->strip_values, .pairs = pairs, .geglu = j->a->geglu, .threads = e->threads};
    return bf_pack(e, j->a->geglu ? BF_PACK_GEGLU : BF_PACK_LINEAR, pairs, j->strips * j->strip_values, fill_weights, &p);
}

/* --- rows ------------------------------------------------------------------------ */

static size_t plane(const linear_job *j, size_t rows) {
    return bf_up(rows, BF_SIDE) * j->steps * BF_TILE;
}

/* rows [from, from+count), a multiple of 16 from the start of a block of `rows` -> its tiles */
static void read_rows(const linear_job *j, size_t rows, size_t from, size_t count, size_t first, uint16_t *tiles) {
    const size_t low = j->parts == 2 ? plane(j, rows) : 0, in = j->s->in;
    for (size_t r = from; r < from + bf_up(count, BF_SIDE) * BF_SIDE; r++) {
        uint16_t *to = tiles + r / BF_SIDE * j->steps * BF_TILE + r % BF_SIDE * BF_DEPTH;
        if (r < from + count) {
            const bf_row t = bf_row_of(j->a, (first + r) / j->s->per_image, in, low);
            j->u->row(&t, in, j->x + (first + r) * in, to, BF_TILE);
            continue;
        }
        for (size_t s = 0; s < j->steps; s++) {
            memset(to + s * BF_TILE, 0, BF_DEPTH * sizeof *to);
            if (low) memset(to + low + s * BF_TILE, 0, BF_DEPTH * sizeof *to);
        }
    }
}

static void read_piece(void *arg, size_t i, int worker) {
    (void)worker;
    const linear_job *j = arg;
    enum { PIECE = 4 * BF_SIDE };
    read_rows(j, j->s->rows, i * PIECE, bf_least(PIECE, j->s->rows - i * PIECE), 0, j->tiles);
}

/* --- products ---------------------------------------------------------------------- */

static void finish(const linear_job *j, size_t row, size_t rows, size_t strip, const float *sums) {
    const size_t cols = j->a->geglu ? BF_SIDE : BF_COLS, at = strip * cols;
    const bf_finish f = {.rows = rows, .cols = bf_least(cols, j->y_cols - at), .c = sums, .c_row = BF_COLS,
                         .bias = j->bias ? j->bias + at : NULL, .plus = j->a->plus ? j->a->plus + row * j->y_cols + at : NULL,
                         .plus_row = j->y_cols, .y = j->y + row * j->y_cols + at, .y_row = j->y_cols};
    if (j->a->geglu) j->u->finish_geglu(&f, j->y_cols);
    else j->u->finish(&f);
}

/* strips [from, to) over a block's rows */
static void multiply(const linear_job *j, size_t first, size_t rows, size_t all, const uint16_t *tiles, size_t from, size_t to) {
    static const ptrdiff_t no_segment[1] = {0};
    float sums[BF_COLS * BF_COLS] __attribute__((aligned(64)));
    bf_block b = {.segments = 1, .steps = j->steps, .a_segment = no_segment, .a_row = BF_DEPTH, .a_step = BF_TILE,
                  .a_low = j->parts == 2 ? plane(j, all) : 0, .c = sums, .c_row = BF_COLS};
    for (size_t strip = from; strip < to; strip++) {
        b.b = j->w + strip * j->strip_values;
        for (size_t r = 0; r < rows; r += BF_COLS) {
            b.a[0] = tiles + r / BF_SIDE * j->steps * BF_TILE;
            b.a[1] = r + BF_SIDE < rows ? b.a[0] + j->steps * BF_TILE : NULL;
            j->u->block(&b);
            finish(j, first + r, bf_least(BF_COLS, rows - r), strip, sums);
        }
    }
}

static void one_item(void *arg, size_t i, int worker) {
    const linear_job *j = arg;
    const size_t group = i % j->groups, first = i / j->groups * j->block, rows = bf_least(j->block, j->s->rows - first);
    const size_t from = group * j->strips / j->groups, to = (group + 1) * j->strips / j->groups;
    uint16_t *tiles = j->tiles + (j->shared ? plane(j, first) : (size_t)worker * j->tiles_values);
    if (!j->shared) read_rows(j, j->block, 0, rows, first, tiles);
    j->u->begin();
    multiply(j, first, rows, j->shared ? j->s->rows : j->block, tiles, from, to);
    j->u->end();
}

/* Blocks of rows whose tiles fit the cache, the same number for each thread; where the weights outweigh the rows, groups
 * of strips. */
static void plan(linear_job *j, size_t threads) {
    const size_t rows = j->s->rows, row = j->steps * BF_DEPTH * j->parts;
    size_t fit = BLOCK_BYTES / (2 * row) / BF_COLS * BF_COLS;
    if (fit < 2 * BF_COLS) fit = 2 * BF_COLS;
    j->shared = threads > 1 && j->strips * j->strip_values > 2 * rows * row;
    const size_t blocks = j->shared ? bf_up(rows, 2 * fit) : bf_up(bf_up(rows, fit), threads) * threads;
    j->block = bf_up(bf_up(rows, blocks), BF_COLS) * BF_COLS;
    j->blocks = bf_up(rows, j->block);
    j->groups = j->shared ? bf_least(j->strips, 4 * threads) : 1;
    j->tiles_values = plane(j, j->block) * j->parts;
}

void bf_linear(bool pairs, const cm_exec *e, const bf_linear_shape *s, const cm_around *a, const float *x, const float *w,
               const float *bias, float *y) {
    if (s->rows == 0 || s->out == 0) return;
    const size_t threads = e->threads > 1 ? (size_t)e->threads : 1;
    linear_job j = {.u = bf_unit_get(), .s = s, .a = a, .x = x, .bias = bias, .y = y, .parts = pairs ? 2 : 1,
                    .steps = bf_up(s->in, BF_DEPTH), .y_cols = a->geglu ? s->out / 2 : s->out};
    j.strips = bf_up(j.y_cols, a->geglu ? BF_SIDE : BF_COLS);
    j.strip_values = j.steps * 2 * BF_TILE * j.parts;
    plan(&j, threads);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const size_t values = j.shared ? plane(&j, s->rows) * j.parts : threads * j.tiles_values;
    j.w = pack_weights(e, &j, w, pairs);
    j.tiles = (uint16_t *)CM_PUSH(e->scratch, float, bf_floats(values));
    if (j.w && j.tiles) {
        if (j.shared) cm_parallel(e->threads, bf_up(s->rows, 4 * BF_SIDE), read_piece, &j);
        cm_parallel(e->threads, j.blocks * j.groups, one_item, &j);
    }
    cm_arena_reset(e->scratch, mark);
}
