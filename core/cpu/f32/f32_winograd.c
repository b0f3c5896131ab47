// SPDX-License-Identifier: Apache-2.0
/* 3x3 convolutions of stride 1 by Winograd's F(4x4,3x3): 36 small matrix products
 * for 16 outputs instead of 144, forward and back.
 *
 * Image side and weight side are both transformed; whichever is larger is never
 * held whole. Many tiles (large images): all weights once, then chunks of tiles.
 * Many channels (small images): all tiles once, then the weights of a few output
 * channels at a time, in pieces of input channels that stay in the second-level
 * cache. The way taken depends on one image's size and the batch, never on threads.
 */
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/f32/f32_ops.h"

enum {
    CHUNK_FLOATS = 96 * 1024, /* transformed tiles of a chunk, both sides: second-level cache */
    CHUNK_LEAST = 24,         /* tiles; below it the weights' traffic shows */
    GRAD_LEAST = 96,
    INNER = 64 /* input channels of a piece of weights */
};

typedef struct grid {
    const cm_conv_shape *s;
    cm_channel_strides at;
    size_t down, across, tiles; /* tiles an image; in the batch */
} grid;

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Distance of the 36 planes, an odd number of cache lines, so that they do not fall on one another. */
static size_t apart(size_t n) {
    return ((n + 15) / 16 | 1) * 16;
}

/* Length of a tile's row: whole vectors, and no multiple of 256 bytes. */
static size_t row_length(size_t c) {
    const size_t width = cm_f32_microkernels_get()->width, row = cm_f32_round_up(c, width);
    return row % 64 ? row : row + width;
}

bool cm_f32_winograd_fits(const cm_conv_shape *s) {
    if (s->kh != 3 || s->kw != 3 || s->stride != 1 || s->c < 8 || s->o < 8) return false;
    const size_t products = 36 * ((s->oh + 3) / 4) * ((s->ow + 3) / 4);
    return 4 * products <= 3 * 9 * s->oh * s->ow;
}

static grid make_grid(const cm_conv_shape *s, const cm_channel_strides *at) {
    grid g = {.s = s, .at = *at, .down = (s->oh + 3) / 4, .across = (s->ow + 3) / 4};
    g.tiles = s->n * g.down * g.across;
    return g;
}

/* Image, and the output tile's corner in it. */
typedef struct place {
    size_t n, y, x;
} place;

static place find_tile(const grid *g, size_t t) {
    const size_t in_image = t % (g->down * g->across);
    return (place){t / (g->down * g->across), in_image / g->across * 4, in_image % g->across * 4};
}

/* --- image side: tiles [from, from+count) -> or <- v ------------------------------ */

typedef enum side { INPUT, INPUT_BACK, OUTPUT, OUTPUT_BACK } side;

typedef struct side_job {
    const grid *g;
    side what;
    const float *from, *bias;
    float *to;
    size_t first, count, step, row, channel, channels;
} side_job;

static void move_tiles(const side_job *j) {
    const cm_conv_shape *s = j->g->s;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const bool input = j->what == INPUT || j->what == INPUT_BACK;
    const cm_winograd_plane p = {.h = input ? s->h : s->oh,
                                 .w = input ? s->w : s->ow,
                                 .c = input ? j->g->at.x_row : j->g->at.y_row,
                                 .channels = j->channels,
                                 .step = j->step,
                                 .row = j->row,
                                 .relu = j->g->at.relu};
    const size_t size = p.h * p.w * p.c;
    for (size_t t = 0; t < j->count; t++) {
        const place at = find_tile(j->g, j->first + t);
        const ptrdiff_t y = (ptrdiff_t)at.y - (ptrdiff_t)s->pad_top, x = (ptrdiff_t)at.x - (ptrdiff_t)s->pad_left;
        const size_t image = at.n * size + j->channel;
        switch (j->what) {
        case INPUT: f->winograd_input(&p, y, x, j->from + image, j->to + t * j->row); break;
        case INPUT_BACK: f->winograd_input_back(&p, y, x, j->from + t * j->row, j->to + image); break;
        case OUTPUT:
            f->winograd_output(&p, at.y, at.x, j->from + t * j->row, j->bias ? j->bias + j->channel : NULL,
                               j->to + image);
            break;
        case OUTPUT_BACK: f->winograd_output_back(&p, at.y, at.x, j->from + image, j->to + t * j->row); break;
        }
    }
}

static void move_piece(void *arg, size_t from, size_t count) {
    side_job j = *(const side_job *)arg;
    j.first += from;
    j.count = count;
    j.to += from * j.row;
    move_tiles(&j);
}

/* --- weight side -------------------------------------------------------------------- */

/* The same [o,c,3,3] seen from either end: forward the lanes are o and the sum runs over c, back the reverse. */
typedef struct weights {
    const float *w;
    size_t lanes, lane_step, inner, inner_step;
} weights;

static weights forward_weights(const cm_conv_shape *s, const float *w) {
    return (weights){w, s->o, s->c * 9, s->c, 9};
}

static weights back_weights(const cm_conv_shape *s, const float *w) {
    return (weights){w, s->c, 9, s->o, s->c * 9};
}

/* one strip of lanes, inner [from, from+count) -> u[position*step + i*cols] */
static void transform_strip(const weights *w, size_t lane, size_t from, size_t count, float *u, size_t step) {
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t lanes = least(f->cols, w->lanes - lane);
    const float *at = w->w + lane * w->lane_step + from * w->inner_step;
    for (size_t i = 0; i < count; i++)
        f->winograd_weight(at + i * w->inner_step, w->lane_step, lanes, u + i * f->cols, step);
}

/* --- all tiles once, weights in pieces ----------------------------------------------- */

typedef struct pieces_job {
    const grid *g;
    weights w;
    const float *v; /* [36][tiles][row] */
    size_t step, row, inner, u_floats, y_step, worker_floats;
    side_job out;
    float *scratch;
} pieces_job;

static void pieces_of_strip(void *arg, size_t strip, int worker) {
    const pieces_job *j = arg;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t lane = strip * f->cols, u_step = apart(j->inner * f->cols);
    float *u = j->scratch + (size_t)worker * j->worker_floats, *y = u + j->u_floats;
    for (size_t c = 0; c < j->w.inner; c += j->inner) {
        const size_t count = least(j->inner, j->w.inner - c);
        transform_strip(&j->w, lane, c, count, u, u_step);
        const cm_panel p = {
            .k = count, .segments = 1, .a_row = j->row, .a_step = 1, .b_step = f->cols, .c_row = f->cols, .add = c > 0};
        for (size_t i = 0; i < CM_WINOGRAD_POSITIONS; i++)
            f->panel(&p, j->g->tiles, f->cols, j->v + i * j->step + c, u + i * u_step, NULL, y + i * j->y_step);
    }
    side_job out = j->out;
    out.from = y;
    out.channel = lane;
    out.channels = least(f->cols, j->w.lanes - lane);
    move_tiles(&out);
}

static void by_pieces(const cm_exec *e, const grid *g, const weights *w, const float *v, size_t step, size_t row,
                      side_job out) {
    const size_t cols = cm_f32_microkernels_get()->cols, workers = e->threads > 1 ? (size_t)e->threads : 1;
    const size_t blocks = (w->inner + INNER - 1) / INNER;
    pieces_job j = {
        .g = g, .w = *w, .v = v, .step = step, .row = row, .inner = (w->inner + blocks - 1) / blocks, .out = out};
    j.u_floats = CM_WINOGRAD_POSITIONS * apart(j.inner * cols);
    j.y_step = apart(g->tiles * cols);
    j.worker_floats = j.u_floats + CM_WINOGRAD_POSITIONS * j.y_step;
    j.out.first = 0;
    j.out.count = g->tiles;
    j.out.step = j.y_step;
    j.out.row = cols;
    j.scratch = CM_PUSH(e->scratch, float, workers *j.worker_floats);
    if (j.scratch) cm_parallel(e->threads, (w->lanes + cols - 1) / cols, pieces_of_strip, &j);
}

/* --- all weights once, tiles in chunks --------------------------------------------------- */

typedef struct whole_weights {
    weights w;
    float *u; /* [36][strips][inner][cols] */
    size_t step;
} whole_weights;

static void whole_strip(void *arg, size_t strip, int worker) {
    (void)worker;
    const whole_weights *j = arg;
    const size_t cols = cm_f32_microkernels_get()->cols;
    transform_strip(&j->w, strip * cols, 0, j->w.inner, j->u + strip * cols * j->w.inner, j->step);
}

static whole_weights transform_whole(const cm_exec *e, const weights *w) {
    const size_t cols = cm_f32_microkernels_get()->cols, strips = (w->lanes + cols - 1) / cols;
    whole_weights j = {.w = *w, .step = apart(strips * cols * w->inner)};
    j.u = CM_PUSH(e->scratch, float, CM_WINOGRAD_POSITIONS *j.step);
    if (j.u) cm_parallel(e->threads, strips, whole_strip, &j);
    return j;
}

/* y[position][tile][lanes] = v[position][tile][inner] u[position] */
static void multiply(const whole_weights *u, size_t tiles, const float *v, size_t step, size_t row, float *y,
                     size_t y_step, size_t y_row) {
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const size_t blocks = (u->w.inner + 319) / 320, depth = (u->w.inner + blocks - 1) / blocks;
    for (size_t i = 0; i < CM_WINOGRAD_POSITIONS; i++) {
        for (size_t c = 0; c < u->w.inner; c += depth) {
            const cm_panel p = {.k = least(depth, u->w.inner - c),
                                .segments = 1,
                                .a_row = row,
                                .a_step = 1,
                                .b_step = f->cols,
                                .c_row = y_row,
                                .add = c > 0};
            for (size_t lane = 0; lane < u->w.lanes; lane += f->cols)
                f->panel(&p, tiles, least(f->cols, cm_f32_round_up(u->w.lanes - lane, f->width)), v + i * step + c,
                         u->u + i * u->step + lane * u->w.inner + c * f->cols, NULL, y + i * y_step + lane);
        }
    }
}

typedef struct chunks_job {
    const grid *g;
    whole_weights u;
    const float *x, *bias;
    float *y, *scratch;
    size_t chunk, v_row, y_row, v_step, y_step;
} chunks_job;

static void one_chunk(void *arg, size_t i, int worker) {
    const chunks_job *j = arg;
    const size_t first = i * j->chunk, count = least(j->chunk, j->g->tiles - first);
    float *v = j->scratch + (size_t)worker * CM_WINOGRAD_POSITIONS * (j->v_step + j->y_step),
          *m = v + CM_WINOGRAD_POSITIONS * j->v_step;
    move_tiles(&(side_job){.g = j->g,
                           .what = INPUT,
                           .from = j->x,
                           .to = v,
                           .first = first,
                           .count = count,
                           .step = j->v_step,
                           .row = j->v_row,
                           .channels = j->u.w.inner});
    multiply(&j->u, count, v, j->v_step, j->v_row, m, j->y_step, j->y_row);
    move_tiles(&(side_job){.g = j->g,
                           .what = OUTPUT,
                           .from = m,
                           .bias = j->bias,
                           .to = j->y,
                           .first = first,
                           .count = count,
                           .step = j->y_step,
                           .row = j->y_row,
                           .channels = j->u.w.lanes});
}

static size_t chunk_size(size_t tiles, size_t v_row, size_t y_row, size_t at_least) {
    const size_t fit = CHUNK_FLOATS / (CM_WINOGRAD_POSITIONS * (v_row + y_row)) / 6 * 6;
    return least(tiles, most(at_least, fit));
}

static void by_chunks(const cm_exec *e, const grid *g, const weights *w, const float *x, const float *bias, float *y) {
    const size_t workers = e->threads > 1 ? (size_t)e->threads : 1;
    chunks_job j = {.g = g,
                    .u = transform_whole(e, w),
                    .x = x,
                    .bias = bias,
                    .y = y,
                    .v_row = row_length(w->inner),
                    .y_row = row_length(w->lanes)};
    j.chunk = chunk_size(g->tiles, j.v_row, j.y_row, CHUNK_LEAST);
    j.v_step = apart(j.chunk * j.v_row);
    j.y_step = apart(j.chunk * j.y_row);
    j.scratch = CM_PUSH(e->scratch, float, workers *CM_WINOGRAD_POSITIONS *(j.v_step + j.y_step));
    if (j.scratch && j.u.u) cm_parallel(e->threads, (g->tiles + j.chunk - 1) / j.chunk, one_chunk, &j);
}

void cm_f32_winograd(const cm_exec *e, const cm_conv_shape *s, const cm_channel_strides *p, const float *x,
                     const float *w, const float *bias, float *y) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const grid g = make_grid(s, p);
    const weights u = forward_weights(s, w);
    if (g.tiles > s->o) {
        by_chunks(e, &g, &u, x, bias, y);
    } else {
        const size_t row = row_length(s->c), step = apart(g.tiles * row);
        float *v = CM_PUSH(e->scratch, float, CM_WINOGRAD_POSITIONS *step);
        side_job in = {.g = &g, .what = INPUT, .from = x, .to = v, .step = step, .row = row, .channels = s->c};
        if (v) {
            cm_f32_parallel_for(e, g.tiles, 4, move_piece, &in);
            by_pieces(e, &g, &u, v, step, row, (side_job){.g = &g, .what = OUTPUT, .bias = bias, .to = y});
        }
    }
    cm_arena_reset(e->scratch, mark);
}

/* --- back -------------------------------------------------------------------------------- */

typedef struct grad_job {
    const grid *g;
    size_t count; /* tiles in this chunk */
    size_t x_row, x_step, y_row, y_step, w_step;
    float *vx, *vy, *vw; /* [36]: tiles of x, of dy; sums [o][x_row] */
    bool add;
} grad_job;

/* one position: sums[o][c] += over tiles vy[tile][o] vx[tile][c] */
static void weight_position(void *arg, size_t i, int worker) {
    (void)worker;
    const grad_job *j = arg;
    const cm_f32_microkernels *f = cm_f32_microkernels_get();
    const cm_panel p = {.k = j->count,
                        .segments = 1,
                        .a_row = 1,
                        .a_step = j->y_row,
                        .b_step = j->x_row,
                        .c_row = j->x_row,
                        .add = j->add};
    const size_t channels = cm_f32_round_up(j->g->s->c, f->width);
    for (size_t c = 0; c < channels; c += f->cols)
        f->panel(&p, j->g->s->o, least(f->cols, channels - c), j->vy + i * j->y_step, j->vx + i * j->x_step + c, NULL,
                 j->vw + i * j->w_step + c);
}

typedef struct finish_job {
    const cm_conv_shape *s;
    const float *vw;
    float *dw;
    size_t row, step;
} finish_job;

static void finish_weights(void *arg, size_t from, size_t count) {
    const finish_job *j = arg;
    for (size_t o = from; o < from + count; o++)
        cm_f32_microkernels_get()->winograd_weight_back(j->vw + o * j->row, j->step, j->s->c, j->dw + o * j->s->c * 9,
                                                        9);
}

/* dx of a chunk of tiles, with all weights at hand */
static void chunk_dx(const grid *g, const whole_weights *u, const grad_job *j, size_t first, float *m, float *dx) {
    multiply(u, j->count, j->vy, j->y_step, j->y_row, m, j->x_step, j->x_row);
    move_tiles(&(side_job){.g = g,
                           .what = INPUT_BACK,
                           .from = m,
                           .to = dx,
                           .first = first,
                           .count = j->count,
                           .step = j->x_step,
                           .row = j->x_row,
                           .channels = g->s->c});
}

void cm_f32_winograd_grad(const cm_exec *e, const cm_conv_shape *s, const float *x, const float *w, const float *dy,
                          float *dx, float *dw) {
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const grid g = make_grid(s, &(cm_channel_strides){.x_row = s->c, .y_row = s->o});
    const weights back = back_weights(s, w);
    const bool pieces = g.tiles <= s->c;
    grad_job j = {.g = &g, .x_row = row_length(s->c), .y_row = row_length(s->o)};
    const size_t chunk = pieces ? g.tiles : chunk_size(g.tiles, j.x_row, j.y_row, GRAD_LEAST);
    j.x_step = apart(chunk * j.x_row);
    j.y_step = apart(chunk * j.y_row);
    j.w_step = apart(s->o * j.x_row);
    j.vy = CM_PUSH(e->scratch, float, CM_WINOGRAD_POSITIONS *j.y_step);
    j.vx = CM_PUSH(e->scratch, float, CM_WINOGRAD_POSITIONS *j.x_step);
    if (dw) j.vw = CM_PUSH(e->scratch, float, CM_WINOGRAD_POSITIONS *j.w_step);
    whole_weights u = {0};
    if (dx && !pieces) u = transform_whole(e, &back);
    const bool ready = cm_arena_check(e->scratch) == CM_OK;
    for (size_t first = 0; ready && first < g.tiles; first += chunk) {
        j.count = least(chunk, g.tiles - first);
        side_job in = {.g = &g,
                       .what = OUTPUT_BACK,
                       .from = dy,
                       .to = j.vy,
                       .first = first,
                       .step = j.y_step,
                       .row = j.y_row,
                       .channels = s->o};
        cm_f32_parallel_for(e, j.count, 8, move_piece, &in);
        if (dw) {
            in = (side_job){.g = &g,
                            .what = INPUT,
                            .from = x,
                            .to = j.vx,
                            .first = first,
                            .step = j.x_step,
                            .row = j.x_row,
                            .channels = s->c};
            cm_f32_parallel_for(e, j.count, 8, move_piece, &in);
            cm_parallel(e->threads, CM_WINOGRAD_POSITIONS, weight_position, &j);
            j.add = true;
        }
        if (dx && !pieces) chunk_dx(&g, &u, &j, first, j.vx, dx);
        if (dx && pieces)
            by_pieces(e, &g, &back, j.vy, j.y_step, j.y_row, (side_job){.g = &g, .what = INPUT_BACK, .to = dx});
    }
    finish_job f = {.s = s, .vw = j.vw, .dw = dw, .row = j.x_row, .step = j.w_step};
    if (ready && dw && g.tiles) cm_f32_parallel_for(e, s->o, 8, finish_weights, &f);
    cm_arena_reset(e->scratch, mark);
}
