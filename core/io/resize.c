// SPDX-License-Identifier: Apache-2.0
/* Resampling by two passes of weighted sums, one along rows and one along columns.
 *
 * Pillow's filters: when shrinking, the filter is stretched by the scale; 8-bit
 * images use weights in 22-bit fixed point and are rounded to 8 bits between
 * the passes, which is part of the definition here, and so is the order of the passes:
 * columns come first where an image loses more than twice as much height as width, as
 * in Pillow 13 (up to 12 rows always came first, which moves single values by 1 or 2
 * in such images). Torch's bilinear and TensorFlow 1's have two weights a sample
 * whatever the scale, and no rounding in between; they and torch's antialiased
 * bilinear place samples in f32, which at 1,000 pixels already moves weights by 1e-5.
 *
 * Sums are made in double: of the fixed-point weights they are exact, so one loop serves
 * bytes and floats, and no set of instructions gives other values. */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/image.h"

enum { FIXED_BITS = 22 };

static double box(double x) {
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double triangle(double x) {
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* Keys' cubic with a = -1/2 */
static double cubic(double x) {
    x = fabs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static double sinc(double x) {
    const double a = 3.14159265358979323846 * x;
    return a == 0 ? 1 : sin(a) / a;
}

static double lanczos3(double x) {
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct {
    double (*shape)(double);
    double support;
} filters[CM_FILTER_COUNT] = {[CM_BOX] = {box, 0.5},
                              [CM_BILINEAR] = {triangle, 1},
                              [CM_BICUBIC] = {cubic, 2},
                              [CM_LANCZOS] = {lanczos3, 3},
                              [CM_TORCH_ANTIALIAS] = {triangle, 1}};

/* Output i is the sum over k < count[i] of weight[i*room + k] * input[first[i] + k]. */
typedef struct taps {
    size_t *first, *count, room;
    double *weight;
} taps;

/* The position is summed up step by step, as Pillow does: at exact borders rounding decides. */
static void nearest_taps(const taps *t, size_t in, size_t out) {
    const double scale = (double)in / (double)out;
    double at = scale * 0.5;
    for (size_t i = 0; i < out; i++, at += scale) {
        t->first[i] = (size_t)at < in ? (size_t)at : in - 1;
        t->count[i] = 1;
        t->weight[i * t->room] = 1;
    }
}

/* Between two samples, in f32. TensorFlow 1 (resize_bilinear_op.cc): src = dst*in/out; torch: half pixel centres. */
static void linear_tap(const taps *t, size_t in, size_t out, size_t i, bool half_pixel) {
    const float scale = (float)in / (float)out;
    const float place = half_pixel ? scale * ((float)i + 0.5f) : (float)i * scale;
    const float at = half_pixel ? fmaxf(place - 0.5f, 0) : place; /* by itself: not to be fused with the product */
    size_t first = (size_t)at;
    if (first > in - 1) first = in - 1;
    t->first[i] = first;
    t->count[i] = first + 1 < in ? 2 : 1;
    const float part = t->count[i] == 2 ? at - (float)first : 0;
    t->weight[i * t->room] = (double)(1 - part);
    t->weight[i * t->room + 1] = (double)part;
}

/* first, count and unnormalised weights of a stretched filter, by the centre and the scale given. */
static void shape_tap(const taps *t, size_t in, size_t i, double centre, double stretch, cm_filter filter) {
    const double support = filters[filter].support * stretch;
    const double lo = fmax(0, centre - support + 0.5), hi = fmin((double)in, centre + support + 0.5);
    const double shrink = 1 / stretch; /* multiplied, not divided, as Pillow does: it decides at the box's edges */
    t->first[i] = (size_t)lo;
    t->count[i] = (size_t)hi - (size_t)lo;
    for (size_t k = 0; k < t->count[i]; k++)
        t->weight[i * t->room + k] = filters[filter].shape(((double)(t->first[i] + k) - centre + 0.5) * shrink);
}

static void filter_tap(const taps *t, size_t in, size_t out, size_t i, cm_filter filter) {
    const double scale = (double)in / (double)out;
    double *w = t->weight + i * t->room, sum = 0;
    if (filter == CM_TORCH_ANTIALIAS) {
        const float narrow = (float)in / (float)out;
        shape_tap(t, in, i, (double)(float)((double)narrow * ((double)i + 0.5)), (double)fmaxf(narrow, 1), filter);
    } else {
        shape_tap(t, in, i, ((double)i + 0.5) * scale, fmax(scale, 1), filter);
    }
    for (size_t k = 0; k < t->count[i]; k++) sum += w[k];
    for (size_t k = 0; k < t->count[i] && sum != 0; k++) w[k] /= sum;
}

static size_t taps_room(size_t in, size_t out, cm_filter filter) {
    if (!filters[filter].shape) return 2;
    const double stretch = fmax((double)in / (double)out, 1);
    return (size_t)ceil(filters[filter].support * stretch) * 2 + 2;
}

/* fixed: rounded to 22 bits behind the point, as Pillow's of bytes are. */
static cm_status make_taps(taps *t, size_t in, size_t out, cm_filter filter, bool fixed, cm_arena *scratch) {
    const double one = 1 << FIXED_BITS;
    t->room = taps_room(in, out, filter);
    t->first = CM_PUSH(scratch, size_t, out);
    t->count = CM_PUSH(scratch, size_t, out);
    t->weight = CM_PUSH_ZERO(scratch, double, out * t->room);
    CM_TRY(cm_arena_check(scratch));
    if (filter == CM_NEAREST) nearest_taps(t, in, out);
    for (size_t i = 0; i < out && filter != CM_NEAREST; i++) {
        if (filters[filter].shape) {
            filter_tap(t, in, out, i, filter);
        } else {
            linear_tap(t, in, out, i, filter == CM_TORCH_BILINEAR);
        }
    }
    for (size_t i = 0; i < out * t->room && fixed; i++) t->weight[i] = (double)lround(t->weight[i] * one) / one;
    return CM_OK;
}

/* A table of values, as bytes or as floats: one of the two is set. */
typedef struct plane {
    size_t height, width, channels;
    uint8_t *bytes;
    float *floats;
} plane;

/* --- the loops -------------------------------------------------------------------- */

/* Plain code, compiled twice: as it is, and for AVX2. */
#define LOOP static inline __attribute__((always_inline))
enum { LINES = 16, TILE = 128 };

LOOP void load(const plane *p, size_t at, size_t n, double *out) {
    if (p->bytes) {
        for (size_t i = 0; i < n; i++) out[i] = p->bytes[at + i];
    } else {
        for (size_t i = 0; i < n; i++) out[i] = (double)p->floats[at + i];
    }
}

LOOP void store(const plane *p, size_t at, size_t n, const double *x) {
    if (p->bytes) {
        for (size_t i = 0; i < n; i++) {
            const int v = (int)(x[i] + 0.5);
            p->bytes[at + i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    } else {
        for (size_t i = 0; i < n; i++) p->floats[at + i] = (float)x[i];
    }
}

/* LINES rows side by side: out[i*LINES + line], so that the sums of all run together. */
LOOP void gather(const plane *from, const size_t *rows, double *out) {
    const size_t width = from->width * from->channels;
    for (size_t at = 0; at < width; at += TILE) {
        const size_t n = width - at < TILE ? width - at : TILE;
        double x[LINES][TILE];
        for (size_t l = 0; l < LINES; l++) load(from, rows[l] * width + at, n, x[l]);
        for (size_t i = 0; i < n; i++)
            for (size_t l = 0; l < LINES; l++) out[(at + i) * LINES + l] = x[l][i];
    }
}

LOOP void scatter(const double *sums, const plane *to, const size_t *rows, size_t count) {
    const size_t width = to->width * to->channels;
    for (size_t at = 0; at < width; at += TILE) {
        const size_t n = width - at < TILE ? width - at : TILE;
        for (size_t l = 0; l < count; l++) {
            double x[TILE];
            for (size_t i = 0; i < n; i++) x[i] = sums[(at + i) * LINES + l];
            store(to, rows[l] * width + at, n, x);
        }
    }
}

typedef double four
    __attribute__((vector_size(4 * sizeof(double)), may_alias)); /* else gcc shuffles where it need only add */

LOOP void weigh(const taps *t, const double *block, size_t channels, size_t out, double *sums) {
    for (size_t i = 0; i < out; i++) {
        const double *w = t->weight + i * t->room;
        for (size_t c = 0; c < channels; c++, sums += LINES) {
            const four *x = (const four *)(block + (t->first[i] * channels + c) * LINES);
            four sum[LINES / 4] = {{0}};
            for (size_t k = 0; k < t->count[i]; k++, x += channels * LINES / 4)
                for (size_t l = 0; l < LINES / 4; l++) sum[l] += w[k] * x[l];
            memcpy(sums, sum, sizeof sum);
        }
    }
}

/* rows [LINES], of which the first `count` are wanted. block, sums: room for LINES rows of each image. */
LOOP void rows_loop(const taps *t, const plane *from, const size_t *rows, size_t count, const plane *to, double *block,
                    double *sums) {
    gather(from, rows, block);
    weigh(t, block, from->channels, to->width, sums);
    scatter(sums, to, rows, count);
}

/* Rows [first, end) of what is made. */
LOOP void columns_loop(const taps *t, const plane *from, const plane *to, size_t first, size_t end) {
    const size_t width = from->width * from->channels;
    for (size_t i = first; i < end; i++) {
        const double *w = t->weight + i * t->room;
        for (size_t at = 0; at < width; at += TILE) {
            const size_t n = width - at < TILE ? width - at : TILE;
            double sum[TILE] = {0}, x[TILE];
            for (size_t k = 0; k < t->count[i]; k++) {
                load(from, (t->first[i] + k) * width + at, n, x);
                for (size_t c = 0; c < n; c++) sum[c] += w[k] * x[c];
            }
            store(to, i * width + at, n, sum);
        }
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void rows_avx2(const taps *t, const plane *from, const size_t *rows,
                                                      size_t count, const plane *to, double *block, double *sums) {
    rows_loop(t, from, rows, count, to, block, sums);
}
__attribute__((target("avx2"))) static void columns_avx2(const taps *t, const plane *from, const plane *to,
                                                         size_t first, size_t end) {
    columns_loop(t, from, to, first, end);
}
#else
#define rows_avx2 rows_loop
#define columns_avx2 columns_loop
#endif

/* --- passes --------------------------------------------------------------------------- */

/* Looked at between pieces of what may take seconds: images of this size come from files, none is made here. */
static cm_status check_stop(const plane *from) {
    enum { LARGE = 1 << 24 };
    return from->width * from->height > LARGE && cm_interrupted() ? cm_fail(CM_EINTERRUPTED, "stopped") : CM_OK;
}

/* needed: the rows that a pass along columns will read; NULL: all. */
static cm_status pass_rows(const taps *t, const plane *from, const bool *needed, const plane *to, cm_arena *scratch) {
    double *block = CM_PUSH(scratch, double, from->width * from->channels * LINES);
    double *sums = CM_PUSH(scratch, double, to->width * to->channels * LINES);
    CM_TRY(cm_arena_check(scratch));
    const bool avx2 = cm_cpu_get()->avx2;
    for (size_t y = 0; y < from->height;) {
        size_t rows[LINES], n = 0;
        CM_TRY(check_stop(from));
        for (; y < from->height && n < LINES; y++)
            if (!needed || needed[y]) rows[n++] = y;
        if (n == 0) break;
        for (size_t l = n; l < LINES; l++) rows[l] = rows[n - 1];
        if (avx2) rows_avx2(t, from, rows, n, to, block, sums);
        else rows_loop(t, from, rows, n, to, block, sums);
    }
    return CM_OK;
}

static cm_status pass_columns(const taps *t, const plane *from, const plane *to) {
    enum { PIECE = 16 };
    const bool avx2 = cm_cpu_get()->avx2;
    for (size_t y = 0; y < to->height; y += PIECE) {
        const size_t end = y + PIECE < to->height ? y + PIECE : to->height;
        CM_TRY(check_stop(from));
        if (avx2) columns_avx2(t, from, to, y, end);
        else columns_loop(t, from, to, y, end);
    }
    return CM_OK;
}

/* --- both --------------------------------------------------------------------------- */

static cm_status check_sizes(size_t h, size_t w, size_t oh, size_t ow) {
    const size_t most = (size_t)1 << 20;
    if (h && w && oh && ow && h <= most && w <= most && oh <= most && ow <= most) return CM_OK;
    return cm_fail(CM_EUSAGE, "cannot resize %zux%zu to %zux%zu", w, h, ow, oh);
}

static bool columns_first(const plane *from, const plane *to) {
    return to->height < from->height && from->height - to->height + 2 * to->width > 2 * from->width;
}

static void mark_needed(const taps *t, size_t out, bool *needed) {
    for (size_t i = 0; i < out; i++)
        for (size_t k = 0; k < t->count[i]; k++) needed[t->first[i] + k] = true;
}

static cm_status both_passes(const taps *rows, const taps *columns, const plane *from, const plane *to,
                             cm_arena *scratch) {
    const bool first = columns_first(from, to);
    plane middle = {first ? to->height : from->height, first ? from->width : to->width, from->channels, NULL, NULL};
    const size_t n = middle.height * middle.width * middle.channels;
    if (to->bytes) middle.bytes = CM_PUSH(scratch, uint8_t, n);
    else middle.floats = CM_PUSH(scratch, float, n);
    bool *needed = CM_PUSH_ZERO(scratch, bool, from->height);
    CM_TRY(cm_arena_check(scratch));
    if (first) {
        CM_TRY(pass_columns(columns, from, &middle));
        return pass_rows(rows, &middle, NULL, to, scratch);
    }
    mark_needed(columns, to->height, needed);
    CM_TRY(pass_rows(rows, from, needed, &middle, scratch));
    return pass_columns(columns, &middle, to);
}

/* A pass that would not change the size is left out, as Pillow does. */
static cm_status resize(const plane *from, const plane *to, cm_filter filter, cm_arena *scratch) {
    const bool across = from->width != to->width, down = from->height != to->height, fixed = to->bytes != NULL;
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    taps rows, columns;
    CM_TRY(make_taps(&rows, from->width, to->width, filter, fixed, scratch));
    CM_TRY(make_taps(&columns, from->height, to->height, filter, fixed, scratch));
    if (across && down) {
        CM_TRY(both_passes(&rows, &columns, from, to, scratch));
    } else if (across) {
        CM_TRY(pass_rows(&rows, from, NULL, to, scratch));
    } else {
        CM_TRY(pass_columns(&columns, from, to));
    }
    cm_arena_reset(scratch, mark);
    return CM_OK;
}

static bool is_pillows(cm_filter filter) {
    return filter == CM_NEAREST || (filters[filter].shape && filter != CM_TORCH_ANTIALIAS);
}

/* The others' are of floats; here their values are rounded. */
static cm_status resize_rounded(const plane *from, const cm_image *to, cm_filter filter, cm_arena *scratch) {
    const size_t n = to->width * to->height * to->channels;
    const plane floats = {to->height, to->width, to->channels, NULL, CM_PUSH(scratch, float, n)};
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(resize(from, &floats, filter, scratch));
    for (size_t i = 0; i < n; i++)
        to->pixels[i] = (uint8_t)rintf(floats.floats[i]); /* convex weights: stays within 0..255 */
    return CM_OK;
}

static plane plane_of(const cm_image *image) {
    return (plane){image->height, image->width, image->channels, image->pixels, NULL};
}

cm_status cm_image_resize(const cm_image *from, size_t width, size_t height, cm_filter filter, cm_arena *out,
                          cm_image *to) {
    assert(filter < CM_FILTER_COUNT);
    CM_TRY(check_sizes(from->height, from->width, height, width));
    cm_image image;
    cm_arena scratch;
    CM_TRY(cm_image_new(out, width, height, from->channels, &image));
    cm_arena_init(&scratch, 0);
    const plane source = plane_of(from), target = plane_of(&image);
    const cm_status s = is_pillows(filter) ? resize(&source, &target, filter, &scratch)
                                           : resize_rounded(&source, &image, filter, &scratch);
    cm_arena_free(&scratch);
    if (s == CM_OK) *to = image;
    return s;
}

cm_status cm_image_resize_float(const cm_image *from, size_t width, size_t height, cm_filter filter, cm_arena *scratch,
                                float *to) {
    assert(filter < CM_FILTER_COUNT);
    CM_TRY(check_sizes(from->height, from->width, height, width));
    const plane source = plane_of(from);
    return resize(&source, &(plane){height, width, from->channels, NULL, to}, filter, scratch);
}

cm_status cm_resize_float(const float *from, size_t h, size_t w, size_t c, size_t oh, size_t ow, cm_filter filter,
                          cm_arena *scratch, float *to) {
    assert(filter < CM_FILTER_COUNT);
    CM_TRY(check_sizes(h, w, oh, ow));
    const plane source = {h, w, c, NULL, (float *)from};
    return resize(&source, &(plane){oh, ow, c, NULL, to}, filter, scratch);
}
