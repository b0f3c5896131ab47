// SPDX-License-Identifier: Apache-2.0
/* Linear layers: blocks of rows are rounded into tiles once, then every strip of 32 columns passes over them.
 *
 * Many rows: each thread takes blocks of rows, whose tiles stay in its second-level
 * cache. Few rows: the tiles are shared and threads take strips, so that each weight
 * is read once. Wide rows go in pieces, with sums kept between them.
 */
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/bf16/bf16_ops.h"

enum { BLOCK_BYTES = 640 << 10, PIECE = 40 /* steps; half as many with lower parts */ };

typedef struct linear_job {
    const cm_bf16_microkernels *u;
    const bf16_linear_shape *s;
    const cm_fusion *a;
    const float *x, *bias;
    float *y;
    const uint16_t *w;
    size_t parts, steps, strips, strip_values, y_cols; /* parts: 1, or 2 with lower ones */
    size_t block, blocks, groups;                      /* rows of a block; items are blocks times groups of strips */
    size_t piece, pieces;                              /* steps of a piece of a row */
    bool shared;
    uint16_t *tiles; /* of a block's piece, a worker; or of all rows */
    float *sums;     /* a worker: [strips of a group][pairs of 16 rows][32][32] between pieces */
    size_t low, tiles_values, sums_floats;
} linear_job;

/* --- weights -------------------------------------------------------------------- */

typedef struct weights_job {
    const cm_bf16_microkernels *u;
    const float *w;
    size_t in, out, steps, strips, strip_values;
    bool pairs, geglu, turned;
    uint16_t *to;
    int threads;
} weights_job;

static void weights_strip(void *arg, size_t strip, int worker) {
    (void)worker;
    const weights_job *j = arg;
    const size_t step = j->strip_values / j->steps, half = j->out / 2;
    const size_t in_step = j->turned ? j->out : 1, out_step = j->turned ? 1 : j->in;
    for (size_t tile = 0; tile < 2; tile++) {
        const size_t column = j->geglu ? strip * BF16_ROWS + tile * half : strip * BF16_COLS + tile * BF16_ROWS;
        const size_t end = j->geglu && tile == 0 ? half : j->out, n = column < end ? end - column : 0;
        j->u->pack_b(j->in, n, j->w + (n ? column * out_step : 0), in_step, out_step, j->pairs ? 2 * BF16_TILE : 0,
                     j->to + strip * j->strip_values + tile * BF16_TILE, step);
    }
}

static void fill_weights(void *arg, void *data) {
    weights_job *j = arg;
    j->to = data;
    cm_parallel(j->threads, j->strips, weights_strip, j);
}

static const uint16_t *pack_weights(const cm_exec *e, int kind, weights_job p) {
    p.u = cm_bf16_microkernels_get();
    p.steps = bf16_ceil_div(p.in, BF16_DEPTH);
    p.strips = p.geglu ? bf16_ceil_div(p.out / 2, BF16_ROWS) : bf16_ceil_div(p.out, BF16_COLS);
    p.strip_values = p.steps * 2 * BF16_TILE * (p.pairs ? 2 : 1);
    p.threads = e->threads;
    return cm_bf16_pack(e, kind, p.pairs, p.strips * p.strip_values, fill_weights, &p);
}

const uint16_t *cm_bf16_linear_weights(bool pairs, const cm_exec *e, size_t in, size_t out, bool geglu,
                                       const float *w) {
    return pack_weights(e, geglu ? BF16_PACK_GEGLU : BF16_PACK_LINEAR,
                        (weights_job){.w = w, .in = in, .out = out, .pairs = pairs, .geglu = geglu});
}

static const uint16_t *turned_weights(bool pairs, const cm_exec *e, size_t in, size_t out, const float *w) {
    return pack_weights(e, BF16_PACK_LINEAR_BACK,
                        (weights_job){.w = w, .in = in, .out = out, .pairs = pairs, .turned = true});
}

/* --- rows ------------------------------------------------------------------------ */

/* Steps from one 16 rows' tiles to the next ones'. */
static size_t steps_held(const linear_job *j) {
    return j->shared ? j->steps : j->piece;
}

/* steps [step, step+steps) of `count` rows from row `first` on -> tiles; 16s are filled up */
static void read_rows(const linear_job *j, size_t first, size_t count, size_t step, size_t steps, uint16_t *tiles) {
    const size_t in = j->s->in, channel = step * BF16_DEPTH, channels = bf16_min(steps * BF16_DEPTH, in - channel);
    for (size_t r = 0; r < bf16_ceil_div(count, BF16_ROWS) * BF16_ROWS; r++) {
        uint16_t *to = tiles + r / BF16_ROWS * steps_held(j) * BF16_TILE + r % BF16_ROWS * BF16_DEPTH;
        if (r < count) {
            const bf16_prologue t = cm_bf16_prologue_of(j->a, (first + r) / j->s->per_image, in, channel, j->low);
            j->u->pack_a(&t, channels, j->x + (first + r) * (j->a->x_row ? j->a->x_row : in) + channel, to, BF16_TILE);
            continue;
        }
        for (size_t s = 0; s < steps; s++) {
            memset(to + s * BF16_TILE, 0, BF16_DEPTH * sizeof *to);
            if (j->low) memset(to + j->low + s * BF16_TILE, 0, BF16_DEPTH * sizeof *to);
        }
    }
}

enum { READ_AT_ONCE = 4 * BF16_ROWS };

static void read_shared(void *arg, size_t i, int worker) {
    (void)worker;
    const linear_job *j = arg;
    const size_t first = i * READ_AT_ONCE;
    read_rows(j, first, bf16_min(READ_AT_ONCE, j->s->rows - first), 0, j->steps,
              j->tiles + first / BF16_ROWS * j->steps * BF16_TILE);
}

/* --- products ---------------------------------------------------------------------- */

static void finish(const linear_job *j, size_t row, size_t rows, size_t strip, const float *sums) {
    const size_t cols = j->a->geglu ? BF16_ROWS : BF16_COLS, at = strip * cols,
                 y_row = j->a->y_row ? j->a->y_row : j->y_cols;
    const bf16_epilogue f = {.rows = rows,
                             .cols = bf16_min(cols, j->y_cols - at),
                             .c = sums,
                             .c_row = BF16_COLS,
                             .bias = j->bias ? j->bias + at : NULL,
                             .plus = j->a->plus ? j->a->plus + row * j->y_cols + at : NULL,
                             .plus_row = j->y_cols,
                             .y = j->y + row * y_row + at,
                             .y_row = y_row,
                             .near = j->parts == 1,
                             .relu = j->a->relu};
    if (j->a->geglu) j->u->epilogue_geglu(&f, j->y_cols);
    else j->u->epilogue(&f);
}

/* One strip over a block's rows. `kept`: the sums between pieces. */
static void multiply(const linear_job *j, size_t first, size_t rows, size_t piece, const uint16_t *tiles, size_t strip,
                     bf16_sums *kept) {
    bf16_sums some[BF16_PAIRS] __attribute__((aligned(64)));
    const size_t unit = 2 * BF16_TILE * j->parts, from = piece * j->piece;
    for (size_t r = 0; r < rows; r += BF16_PAIRS * BF16_COLS) {
        const size_t here = bf16_min(BF16_PAIRS * BF16_COLS, rows - r);
        bf16_sums *sums = j->pieces > 1 ? kept + r / BF16_COLS : some;
        cm_bf16_tile_product(&(bf16_tile_product){.u = j->u,
                                                  .tiles = tiles + r / BF16_ROWS * steps_held(j) * BF16_TILE,
                                                  .held = steps_held(j),
                                                  .halves = bf16_ceil_div(here, BF16_ROWS),
                                                  .low = j->low,
                                                  .w = j->w + strip * j->strip_values + from * unit,
                                                  .steps = bf16_min(j->piece, j->steps - from),
                                                  .add = piece > 0,
                                                  .sums = sums});
        for (size_t i = 0; piece + 1 == j->pieces && i < here; i += BF16_COLS)
            finish(j, first + r + i, bf16_min(BF16_COLS, here - i), strip, sums[i / BF16_COLS]);
    }
}

static void one_item(void *arg, size_t i, int worker) {
    const linear_job *j = arg;
    const size_t group = i % j->groups, first = i / j->groups * j->block, rows = bf16_min(j->block, j->s->rows - first);
    const size_t from = group * j->strips / j->groups, to = (group + 1) * j->strips / j->groups;
    bf16_sums *sums = (bf16_sums *)(void *)(j->sums + (size_t)worker * j->sums_floats);
    j->u->begin();
    for (size_t piece = 0; piece < j->pieces; piece++) {
        uint16_t *own = j->tiles + (size_t)worker * j->tiles_values;
        const uint16_t *tiles =
            j->shared ? j->tiles + (first / BF16_ROWS * j->steps + piece * j->piece) * BF16_TILE : own;
        if (!j->shared)
            read_rows(j, first, rows, piece * j->piece, bf16_min(j->piece, j->steps - piece * j->piece), own);
        for (size_t strip = from; strip < to; strip++)
            multiply(j, first, rows, piece, tiles, strip, sums + (strip - from) * bf16_ceil_div(j->block, BF16_COLS));
    }
    j->u->end();
}

/* Blocks of rows whose tiles fit the cache, the same number for each thread; where the weights outweigh the rows,
 * groups of strips. A layer norm needs its rows whole. */
static void plan(linear_job *j, size_t threads) {
    const size_t rows = j->s->rows, most = PIECE / j->parts;
    j->pieces = j->a->gamma ? 1 : bf16_ceil_div(j->steps, most);
    j->piece = bf16_ceil_div(j->steps, j->pieces);
    j->pieces = bf16_ceil_div(j->steps, j->piece);
    const size_t fit = BLOCK_BYTES / (2 * j->piece * BF16_DEPTH * j->parts) / BF16_COLS * BF16_COLS;
    const size_t block = fit > 2 * BF16_COLS ? fit : 2 * BF16_COLS;
    j->shared = threads > 1 && j->strips * BF16_COLS > 2 * rows;
    j->block = j->shared ? bf16_block_rows(rows, 2 * block, 1) : bf16_block_rows(rows, block, threads);
    j->blocks = bf16_ceil_div(rows, j->block);
    j->groups = j->shared ? bf16_min(j->strips, 4 * threads) : 1;
    const size_t held = bf16_ceil_div(j->shared ? rows : j->block, BF16_ROWS) * steps_held(j) * BF16_TILE;
    j->low = j->parts == 2 ? held : 0;
    j->tiles_values = held * j->parts;
    j->sums_floats =
        j->pieces > 1 ? bf16_ceil_div(j->strips, j->groups) * bf16_ceil_div(j->block, BF16_COLS) * BF16_COLS * BF16_COLS
                      : 0;
}

void cm_bf16_linear(bool pairs, const cm_exec *e, const bf16_linear_shape *s, const cm_fusion *a, const float *x,
                    const float *w, const float *bias, float *y) {
    if (s->rows == 0 || s->out == 0) return;
    const size_t threads = e->threads > 1 ? (size_t)e->threads : 1;
    linear_job j = {.u = cm_bf16_microkernels_get(),
                    .s = s,
                    .a = a,
                    .x = x,
                    .bias = bias,
                    .y = y,
                    .parts = pairs ? 2 : 1,
                    .steps = bf16_ceil_div(s->in, BF16_DEPTH),
                    .y_cols = a->geglu ? s->out / 2 : s->out};
    j.strips = bf16_ceil_div(j.y_cols, a->geglu ? BF16_ROWS : BF16_COLS);
    j.strip_values = j.steps * 2 * BF16_TILE * j.parts;
    plan(&j, threads);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    j.w = s->turned ? turned_weights(pairs, e, s->in, s->out, w)
                    : cm_bf16_linear_weights(pairs, e, s->in, s->out, a->geglu, w);
    j.tiles = (uint16_t *)CM_PUSH(e->scratch, float, bf16_floats((j.shared ? 1 : threads) * j.tiles_values));
    j.sums = CM_PUSH(e->scratch, float, threads *j.sums_floats);
    if (j.w && j.tiles && j.sums) {
        if (j.shared) cm_parallel(e->threads, bf16_ceil_div(s->rows, READ_AT_ONCE), read_shared, &j);
        cm_parallel(e->threads, j.blocks * j.groups, one_item, &j);
    }
    cm_arena_reset(e->scratch, mark);
}
