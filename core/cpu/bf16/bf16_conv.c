// SPDX-License-Identifier: Apache-2.0
/* Convolutions, 3x3 and others, without column buffers (1x1 and thin inputs go elsewhere: any_conv in bf16.c): a chunk
 * of input lines is rounded to bf16 with its padding (and with the norm and SiLU in front of it), and then 16 output
 * pixels under one tap are 16 rows of a tile, a pixel's channels apart.
 *
 * A tile's rows run along a line; on narrow images they run on over the padding into
 * the next line, and what falls there is not written. With a stride of 2 the input
 * is read into four images, of even and odd lines and columns, so that tiles run as
 * they do without one; a kernel of one line is turned, with its image, into one of
 * one column, which has no padding within its lines. An input that is doubled by
 * nearest neighbour is read once: each of the four output pixels over an input pixel
 * has a 2x2 kernel of its own, whose taps are sums of the 3x3 kernel's, so that 16
 * products do the work of 36.
 */
#include <string.h>

#include "core/base/threads.h"
#include "core/cpu/bf16/bf16_ops.h"

enum {
    CHUNK_BYTES = 1152 << 10,
    WIDEST = 32,      /* columns of a chunk, and */
    LINES_LEAST = 16, /* lines, where they are whole and wider than that */
    UNITS = 9,
    PIECE = 20 /* steps; half as many with lower parts */
};

/* A chunk: output lines [first, first+count) of the batch, columns [x, x+width). With `doubled`, lines and columns are
 * those of the input, and a phase says which of the four pixels. */
typedef struct conv_job {
    const cm_bf16_microkernels *u;
    const cm_conv_shape *s;
    const cm_fusion *a;
    const float *x, *bias;
    float *y;
    const uint16_t *w;
    int threads;
    size_t parts, phases;
    size_t in_h, in_w;                                           /* of what is read */
    size_t x_image, x_line, x_column, y_image, y_line, y_column; /* values from one to the next, in and out */
    size_t h, w_out, kh, kw, stride, pad_top, pad_left;  /* of the convolution that is done, lines and columns out */
    size_t split, plane;                                 /* 2: read into four images, so many values apart; else 1 */
    size_t steps, pixel, strips, strip_values;           /* pixel: values from one to the next */
    size_t lines, columns, down, across, groups;         /* chunks: down x across, times groups of strips */
    size_t line, low, worker_floats, sums_floats, tiles; /* line: values of a padded line; tiles: of a chunk at most */
    bool along;                                          /* tiles run on over the ends of lines */
    size_t pieces, piece;                                /* of the input's channels: their number, and steps of one */
    ptrdiff_t *at[4]; /* [units of a piece]: where a unit's 32 values lie from a pixel; for
                       * each step the taps, which share their lines */
    float *scratch;
} conv_job;

/* --- lines --------------------------------------------------------------------------- */

/* Parts of a chunk that lie in one image: each has its own padded lines. */
typedef struct part {
    size_t image, line, count; /* output lines in the image */
    size_t at;                 /* of its first padded line, in values */
} part;

/* The part that begins at line `l` of the batch, and where its lines begin after `used` values. */
static part find_part(const conv_job *j, size_t l, size_t end, size_t used) {
    const size_t image = l / j->h, line = l % j->h;
    return (part){image, line, bf16_min(j->h - line, end - l), used};
}

/* Lines (or columns) of one of the images read, under so many of the output's. */
static size_t under(const conv_job *j, size_t count, size_t kernel) {
    return (count - 1) * j->stride + bf16_ceil_div(kernel, j->split) + (j->phases == 4);
}

static size_t lines_under(const conv_job *j, size_t lines) {
    return under(j, lines, j->kh);
}

/* One padded line: columns of input from `x` (in padded columns) on, each or every second one. `next`: the next line of
 * the same image is fetched meanwhile. */
static void read_line(const conv_job *j, const bf16_prologue *t, const float *from, bool next, size_t x, size_t width,
                      size_t channels, uint16_t *to) {
    const size_t values = bf16_ceil_div(channels, BF16_DEPTH) * BF16_DEPTH;
    for (size_t i = 0; i < width; i++, to += j->pixel) {
        const size_t at = x + i * j->split;
        if (from && at >= j->pad_left && at - j->pad_left < j->in_w) {
            const float *pixel = from + (at - j->pad_left) * j->x_column;
            for (size_t c = 0; next && c < channels; c += BF16_ROWS)
                __builtin_prefetch(pixel + j->split * j->x_line + c, 0, 2);
            j->u->pack_a(t, channels, pixel, to, BF16_DEPTH);
            continue;
        }
        memset(to, 0, values * sizeof *to);
        if (j->low) memset(to + j->low, 0, values * sizeof *to);
    }
}

/* channels [channel, channel+channels) of a part */
static void read_part(const conv_job *j, const part *p, size_t x, size_t channel, size_t channels, uint16_t *lines) {
    const bf16_prologue t = cm_bf16_prologue_of(j->a, p->image, j->s->c, channel, j->low);
    const size_t images = j->split * j->split, all = lines_under(j, p->count) * images;
    for (size_t i = 0; i < all; i++) {
        const size_t r = i / images, odd_line = i % images / j->split, odd_column = i % j->split;
        const size_t at = p->line * j->s->stride + r * j->split + odd_line;
        const bool inside = at >= j->pad_top && at - j->pad_top < j->in_h;
        const float *from = inside ? j->x + p->image * j->x_image + (at - j->pad_top) * j->x_line + channel : NULL;
        read_line(j, &t, from, at + j->split - j->pad_top < j->in_h, x * j->s->stride + odd_column, j->line / j->pixel,
                  channels, lines + (i % images) * j->plane + p->at + r * j->line);
    }
}

/* --- tiles ----------------------------------------------------------------------------- */

typedef struct conv_tile {
    size_t a;           /* of its first row in the lines */
    size_t image, y, x; /* of the output pixel of its first row; x may lie in the padding */
    size_t lines;       /* that it may prefetch_lines */
} conv_tile;

static size_t add_tiles(const conv_job *j, const part *p, size_t width, conv_tile *to) {
    size_t n = 0;
    if (j->along) {
        const size_t row = j->line / j->pixel, all = (p->count - 1) * row + width;
        for (size_t i = 0; i < all; i += BF16_ROWS, n++)
            to[n] = (conv_tile){p->at + i * j->pixel, p->image, p->line + i / row, i % row, p->count - i / row};
        return n;
    }
    for (size_t l = 0; l < p->count; l++)
        for (size_t x = 0; x < width; x += BF16_ROWS, n++)
            to[n] =
                (conv_tile){p->at + l * j->stride * j->line + x * j->stride * j->pixel, p->image, p->line + l, x, 1};
    return n;
}

/* What of the tile's 16 rows are pixels, a run in a line at a time. */
static void write_tile(const conv_job *j, const conv_tile *t, size_t x0, size_t width, size_t phase, size_t o,
                       const float *sums) {
    const size_t out = j->s->o, times = j->phases == 4 ? 2 : 1, row = j->line / j->pixel;
    size_t r = 0, x = t->x, y = t->y;
    for (size_t l = 0; l < t->lines && r < BF16_ROWS; l++, y++, x = 0) {
        const size_t run = x < width ? bf16_min(width - x, BF16_ROWS - r) : 0;
        const size_t line = times * y + phase / 2, column = times * (x0 + x) + phase % 2;
        const size_t plus = t->image * j->s->oh * j->s->ow + line * j->s->ow + column; /* with it nothing is turned */
        const bf16_epilogue f = {.rows = run,
                                 .cols = bf16_min(BF16_COLS, out - o),
                                 .c = sums + r * BF16_COLS,
                                 .c_row = BF16_COLS,
                                 .bias = j->bias ? j->bias + o : NULL,
                                 .image = j->a->image ? j->a->image + t->image * out + o : NULL,
                                 .plus = j->a->plus ? j->a->plus + plus * out + o : NULL,
                                 .plus_row = times * out,
                                 .y = j->y + t->image * j->y_image + line * j->y_line + column * j->y_column + o,
                                 .y_row = times * j->y_column,
                                 .relu = j->a->relu};
        if (run) j->u->epilogue(&f);
        r += row - x;
    }
}

/* What an item works on. */
typedef struct conv_place {
    conv_tile *tiles;
    size_t count;
    uint16_t *lines;
    float *sums; /* [strips of the group][pairs of tiles][32][32] between pieces */
    size_t x, width, first_strip;
} conv_place;

enum {
    LINES = 2 * BF16_COLS * 2
}; /* cache lines that an epilogue reads and writes of a pair of tiles: 32 columns' of y and plus */

/* What the epilogue of rows [from, to) of `tiles` tiles will want from memory. */
static size_t find_lines(const conv_job *j, const conv_place *at, const conv_tile *t, size_t tiles, size_t from,
                         size_t to, size_t phase, size_t o, const void **lines) {
    const size_t times = j->phases == 4 ? 2 : 1;
    size_t n = 0;
    for (size_t r = from; r < bf16_min(to, tiles * BF16_ROWS); r++) {
        const conv_tile *own = t + r / BF16_ROWS;
        if (own->x + r % BF16_ROWS >= at->width) continue;
        const size_t line = times * own->y + phase / 2, column = times * (at->x + own->x + r % BF16_ROWS) + phase % 2;
        const size_t pixel = own->image * j->s->oh * j->s->ow + line * j->s->ow + column;
        for (size_t c = o; c < bf16_min(o + BF16_COLS, j->s->o); c += BF16_ROWS) {
            lines[n++] = j->y + own->image * j->y_image + line * j->y_line + column * j->y_column + c;
            if (j->a->plus) lines[n++] = j->a->plus + pixel * j->s->o + c;
        }
    }
    return n;
}

/* A few pairs of tiles at a time pass over the units in runs whose weights, with the sums, stay in the first-level
 * cache. */
static void multiply(const conv_job *j, const conv_place *at, size_t piece, size_t strip) {
    bf16_sums some[BF16_PAIRS] __attribute__((aligned(64)));
    const size_t phase = strip / j->strips, o = strip % j->strips * BF16_COLS, taps = j->kh * j->kw,
                 unit = 2 * BF16_TILE * j->parts;
    const size_t units = bf16_min(j->piece, j->steps - piece * j->piece) * taps,
                 all_pairs = bf16_ceil_div(at->count, 2);
    const uint16_t *weights = j->w + strip * j->strip_values + piece * j->piece * taps * unit;
    const size_t rows_a_unit = piece + 1 == j->pieces ? bf16_ceil_div(BF16_COLS, units) : 0;
    const void *lines[LINES];
    bf16_sums *kept = (bf16_sums *)(void *)at->sums + (strip - at->first_strip) * all_pairs;
    bf16_block b = {
        .steps = 1, .a_row = j->stride * j->pixel, .a_low = j->low, .c_row = BF16_COLS, .prefetch_lines = lines};
    for (size_t i = 0; i < at->count; i += 2 * BF16_PAIRS) {
        const size_t pairs = bf16_min(BF16_PAIRS, bf16_ceil_div(at->count - i, 2));
        bf16_sums *sums = j->pieces > 1 ? kept + i / 2 : some;
        for (size_t u = 0; u < units; u += UNITS) {
            b.segments = bf16_min(UNITS, units - u);
            b.a_segment = j->at[phase] + u;
            b.b = weights + u * unit;
            b.add = u > 0 || piece > 0;
            b.prefetch = b.b + b.segments * unit; /* after the last weights, whatever follows: no harm */
            b.prefetch_values = bf16_ceil_div(b.segments * unit, pairs);
            for (size_t p = 0; p < pairs; p++, b.prefetch += b.prefetch_values) {
                const conv_tile *t = at->tiles + i + 2 * p;
                b.a[0] = at->lines + t->a;
                b.a[1] = i + 2 * p + 1 < at->count ? at->lines + t[1].a : NULL;
                b.c = sums[p];
                b.prefetch_count = find_lines(j, at, t, b.a[1] ? 2 : 1, u * rows_a_unit, (u + b.segments) * rows_a_unit,
                                              phase, o, lines);
                j->u->block(&b);
            }
        }
        for (size_t t = i; piece + 1 == j->pieces && t < bf16_min(i + 2 * pairs, at->count); t++)
            write_tile(j, at->tiles + t, at->x, at->width, phase, o,
                       sums[(t - i) / 2] + (t - i) % 2 * BF16_ROWS * BF16_COLS);
    }
}

/* One piece of the input's channels of a chunk's lines; the first time the tiles are listed, too. */
static void read_piece(const conv_job *j, size_t first, size_t end, size_t piece, conv_place *at) {
    const size_t channel = piece * j->piece * BF16_DEPTH, channels = bf16_min(j->piece * BF16_DEPTH, j->s->c - channel);
    size_t used = 0;
    for (size_t l = first; l < end;) {
        const part p = find_part(j, l, end, used);
        read_part(j, &p, at->x, channel, channels, at->lines);
        if (piece == 0) at->count += add_tiles(j, &p, at->width, at->tiles + at->count);
        used += lines_under(j, p.count) * j->line;
        l += p.count;
    }
}

static void one_item(void *arg, size_t i, int worker) {
    const conv_job *j = arg;
    const size_t group = i % j->groups, chunk = i / j->groups, first = chunk / j->across * j->lines;
    const size_t end = bf16_min(first + j->lines, j->s->n * j->h), strips = j->strips * j->phases;
    const size_t from = group * strips / j->groups, to = (group + 1) * strips / j->groups;
    float *scratch = j->scratch + (size_t)worker * j->worker_floats;
    conv_place at = {.tiles = (conv_tile *)(void *)scratch, .x = chunk % j->across * j->columns, .first_strip = from};
    at.width = bf16_min(j->columns, j->w_out - at.x);
    at.lines = (uint16_t *)(void *)(at.tiles + j->tiles);
    at.sums = scratch + j->worker_floats - j->sums_floats;
    j->u->begin();
    for (size_t piece = 0; piece < j->pieces; piece++) {
        read_piece(j, first, end, piece, &at);
        for (size_t strip = from; strip < to; strip++) multiply(j, &at, piece, strip);
    }
    j->u->end();
}

/* --- plan -------------------------------------------------------------------------------- */

static void exchange(size_t *a, size_t *b) {
    const size_t kept = *a;
    *a = *b;
    *b = kept;
}

static void turn(conv_job *j) {
    exchange(&j->in_h, &j->in_w);
    exchange(&j->h, &j->w_out);
    exchange(&j->kh, &j->kw);
    exchange(&j->pad_top, &j->pad_left);
    exchange(&j->x_line, &j->x_column);
    exchange(&j->y_line, &j->y_column);
}

static conv_job describe(bool pairs, const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a) {
    conv_job j = {.u = cm_bf16_microkernels_get(),
                  .s = s,
                  .a = a,
                  .threads = e->threads,
                  .parts = pairs ? 2 : 1,
                  .phases = 1,
                  .in_h = s->h,
                  .in_w = s->w,
                  .split = 1,
                  .x_column = a->x_row ? a->x_row : s->c,
                  .y_column = a->y_row ? a->y_row : s->o,
                  .h = s->oh,
                  .w_out = s->ow,
                  .kh = s->kh,
                  .kw = s->kw,
                  .stride = s->stride,
                  .pad_top = s->pad_top,
                  .pad_left = s->pad_left};
    if (a->upsample) {
        j.phases = 4;
        j.h = j.in_h = s->h / 2;
        j.w_out = j.in_w = s->w / 2;
        j.kh = j.kw = 2;
        j.pad_top = j.pad_left = 1; /* of phase 0; the others' taps begin one later */
    }
    j.x_line = j.in_w * j.x_column;
    j.x_image = j.in_h * j.x_line;
    j.y_line = s->ow * j.y_column;
    j.y_image = s->oh * j.y_line;
    if (s->stride == 2) {
        j.split = 2;
        j.stride = 1;
    }
    if (s->kh == 1 && s->kw > 1 && s->stride == 1 && !a->upsample && !a->plus) turn(&j);
    j.steps = bf16_ceil_div(s->c, BF16_DEPTH);
    const size_t most = PIECE / j.parts;
    j.pieces = bf16_ceil_div(j.steps, most);
    j.piece = bf16_ceil_div(j.steps, j.pieces);
    j.pieces = bf16_ceil_div(j.steps, j.piece);
    j.pixel = j.piece * BF16_DEPTH;
    if (j.piece % 2 == 0)
        j.pixel += BF16_DEPTH; /* an odd number of cache lines: a tile's rows then spread over all sets */
    j.strips = bf16_ceil_div(s->o, BF16_COLS);
    j.strip_values = j.kh * j.kw * j.steps * 2 * BF16_TILE * j.parts;
    return j;
}

/* Of a chunk's padded lines, wherever in the batch it begins. */
static size_t chunk_values(const conv_job *j, size_t lines) {
    const size_t parts = (lines + j->h - 2) / j->h + 1,
                 more = lines_under(j, 1) > j->stride ? lines_under(j, 1) - j->stride : 0;
    return (lines * j->stride + parts * more) * j->line;
}

/* Chunks that fit the cache. The whole batch in one, when it does, and strips for the threads. */
static void plan(conv_job *j) {
    const size_t threads = j->threads > 1 ? (size_t)j->threads : 1, all = j->s->n * j->h, fit = CHUNK_BYTES / 2;
    const size_t row = under(j, j->w_out, j->kw), alike = j->split * j->split * j->parts;
    j->along = j->stride == 1 && row < bf16_ceil_div(j->w_out, BF16_ROWS) * BF16_ROWS;
    const bool saves = 12 * row < 11 * bf16_ceil_div(j->w_out, BF16_ROWS) *
                                      BF16_ROWS; /* a little is lost again to tiles of two lines */
    const bool whole =
        j->w_out <= WIDEST + BF16_ROWS || (j->along && saves && LINES_LEAST * row * j->pixel * alike <= fit);
    j->along &= whole;
    j->columns = whole ? j->w_out : WIDEST;
    j->line = under(j, j->columns, j->kw) * j->pixel;
    j->lines = all;
    while (j->lines > 1 && chunk_values(j, j->lines) * alike > fit) j->lines--;
    if (j->lines < j->h) j->lines = bf16_ceil_div(j->h, bf16_ceil_div(j->h, j->lines));
    else j->lines = j->lines / j->h * j->h;
    j->down = bf16_ceil_div(all, j->lines);
    j->across = bf16_ceil_div(j->w_out, j->columns);
    j->groups = j->down * j->across >= 2 * threads ? 1 : bf16_min(j->strips * j->phases, 4 * threads);
    if (threads == 1) j->groups = 1;
}

static bool place_units(conv_job *j, cm_arena *scratch) {
    const size_t taps = j->kh * j->kw, units = j->piece * taps;
    for (size_t p = 0; p < j->phases; p++) {
        j->at[p] = CM_PUSH(scratch, ptrdiff_t, units);
        for (size_t u = 0; j->at[p] && u < units; u++) {
            const size_t t = u % taps, y = t / j->kw + (j->phases == 4 ? p / 2 : 0),
                         x = t % j->kw + (j->phases == 4 ? p % 2 : 0);
            const size_t image = y % j->split * j->split + x % j->split;
            j->at[p][u] = (ptrdiff_t)(image * j->plane + y / j->split * j->line + x / j->split * j->pixel +
                                      u / taps * BF16_DEPTH);
        }
    }
    return !scratch->failed;
}

static void convolve(bool pairs, bool back, const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a,
                     const float *x, const float *w, const float *bias, float *y) {
    const size_t workers = e->threads > 1 ? (size_t)e->threads : 1;
    conv_job j = describe(pairs, e, s, a);
    if (s->n * s->oh * s->ow * s->o == 0) return;
    j.x = x;
    j.bias = bias;
    j.y = y;
    plan(&j);
    const cm_arena_mark mark = cm_arena_get_mark(e->scratch);
    const bf16_kernel kernel = {.o = s->o, .c = s->c, .kh = s->kh, .kw = s->kw, .folded = a->upsample, .back = back};
    j.w = cm_bf16_conv_weights(pairs, e, &kernel, w);
    const size_t slack =
        (BF16_ROWS * j.stride + bf16_ceil_div(j.kw, j.split)) * j.pixel; /* tiles read on beyond a chunk's last pixel */
    j.plane = chunk_values(&j, j.lines);
    const size_t read = j.plane * j.split * j.split + slack;
    j.low = pairs ? read : 0;
    j.tiles = bf16_ceil_div(j.lines * (bf16_ceil_div(j.columns, BF16_ROWS) + 1), 16) * 16 +
              BF16_ROWS; /* 16s: the lines begin a cache line */
    const size_t group_strips = bf16_ceil_div(j.strips * j.phases, j.groups);
    j.sums_floats = j.pieces > 1 ? group_strips * bf16_ceil_div(j.tiles, 2) * BF16_COLS * BF16_COLS : 0;
    j.worker_floats =
        bf16_ceil_div(j.tiles * sizeof(conv_tile) / sizeof(float) + bf16_floats(read * j.parts), 16) * 16 +
        j.sums_floats;
    j.scratch = CM_PUSH(e->scratch, float, workers *j.worker_floats);
    if (j.w && j.scratch && place_units(&j, e->scratch))
        cm_parallel(e->threads, j.down * j.across * j.groups, one_item, &j);
    cm_arena_reset(e->scratch, mark);
}

void cm_bf16_conv2d(bool pairs, const cm_exec *e, const cm_conv_shape *s, const cm_fusion *a, const float *x,
                    const float *w, const float *bias, float *y) {
    convolve(pairs, false, e, s, a, x, w, bias, y);
}

void cm_bf16_conv2d_dx(bool pairs, const cm_exec *e, const cm_conv_shape *s, const float *w, const float *dy,
                       float *dx) {
    const cm_conv_shape back = {.n = s->n,
                                .h = s->oh,
                                .w = s->ow,
                                .c = s->o,
                                .o = s->c,
                                .kh = s->kh,
                                .kw = s->kw,
                                .stride = 1,
                                .pad_top = s->kh - 1 - s->pad_top,
                                .pad_left = s->kw - 1 - s->pad_left,
                                .oh = s->h,
                                .ow = s->w};
    convolve(pairs, true, e, &back, &(cm_fusion){.plus = dx}, dy, w, NULL, dx);
}
