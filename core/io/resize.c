// SPDX-License-Identifier: Apache-2.0
/* Resampling by two passes of weighted sums, one along rows and one along columns.
 *
 * Pillow's filters: when shrinking, the filter is stretched by the scale; 8-bit
 * pictures use weights in 22-bit fixed point and are rounded to 8 bits between
 * the passes, which is part of the definition here, and so is the order of the passes:
 * columns come first where a picture loses more than twice as much height as width, as
 * in Pillow 13 (up to 12 rows always came first, which moves single values by 1 or 2
 * in such pictures). Torch's bilinear has two
 * weights a sample whatever the scale, and no rounding in between. */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

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
} filters[CM_FILTER_COUNT] = {
    [CM_BOX] = {box, 0.5}, [CM_BILINEAR] = {triangle, 1}, [CM_BICUBIC] = {cubic, 2}, [CM_LANCZOS] = {lanczos3, 3}};

/* Output i is the sum over k < count[i] of weight[i*room + k] * input[first[i] + k]. */
typedef struct taps {
    size_t *first, *count, room;
    double *weight;
    int32_t *fixed; /* the weights times 2^22 */
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

static void torch_tap(const taps *t, size_t in, size_t out, size_t i) {
    const double at = fmax(0, ((double)i + 0.5) * ((double)in / (double)out) - 0.5);
    size_t first = (size_t)at;
    if (first > in - 1) first = in - 1;
    t->first[i] = first;
    t->count[i] = first + 1 < in ? 2 : 1;
    const double part = t->count[i] == 2 ? at - (double)first : 0;
    t->weight[i * t->room] = 1 - part;
    t->weight[i * t->room + 1] = part;
}

static void filter_tap(const taps *t, size_t in, size_t out, size_t i, cm_filter filter) {
    const double scale = (double)in / (double)out, stretch = fmax(scale, 1);
    const double support = filters[filter].support * stretch, centre = ((double)i + 0.5) * scale;
    const double lo = fmax(0, centre - support + 0.5), hi = fmin((double)in, centre + support + 0.5);
    const double shrink = 1 / stretch; /* multiplied, not divided, as Pillow does: it decides at the box's edges */
    double *w = t->weight + i * t->room, sum = 0;
    t->first[i] = (size_t)lo;
    t->count[i] = (size_t)hi - (size_t)lo;
    for (size_t k = 0; k < t->count[i]; k++) {
        w[k] = filters[filter].shape(((double)(t->first[i] + k) - centre + 0.5) * shrink);
        sum += w[k];
    }
    for (size_t k = 0; k < t->count[i] && sum != 0; k++) w[k] /= sum;
}

static size_t taps_room(size_t in, size_t out, cm_filter filter) {
    if (!filters[filter].shape) return 2;
    const double stretch = fmax((double)in / (double)out, 1);
    return (size_t)ceil(filters[filter].support * stretch) * 2 + 1;
}

static cm_status make_taps(taps *t, size_t in, size_t out, cm_filter filter, cm_arena *scratch) {
    t->room = taps_room(in, out, filter);
    t->first = CM_PUSH(scratch, size_t, out);
    t->count = CM_PUSH(scratch, size_t, out);
    t->weight = CM_PUSH_ZERO(scratch, double, out * t->room);
    t->fixed = CM_PUSH(scratch, int32_t, out * t->room);
    CM_TRY(cm_arena_check(scratch));
    if (filter == CM_NEAREST) nearest_taps(t, in, out);
    for (size_t i = 0; i < out && filter != CM_NEAREST; i++) {
        if (filter == CM_TORCH_BILINEAR) {
            torch_tap(t, in, out, i);
        } else {
            filter_tap(t, in, out, i, filter);
        }
    }
    for (size_t i = 0; i < out * t->room; i++) t->fixed[i] = (int32_t)lround(t->weight[i] * (1 << FIXED_BITS));
    return CM_OK;
}

static uint8_t from_fixed(int32_t sum) {
    const int32_t v = sum >> FIXED_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* A pass over `lines` lines whose samples lie `step` apart and hold `width` values each: rows of pixels
 * (step = width = channels) or the picture as one line of rows (step = width = a row's values). */
static void pass_bytes(const taps *t, const uint8_t *from, size_t in, size_t lines, size_t width, size_t out, uint8_t *to) {
    for (size_t line = 0; line < lines; line++, from += in * width) {
        for (size_t i = 0; i < out; i++, to += width) {
            const uint8_t *x = from + t->first[i] * width;
            const int32_t *w = t->fixed + i * t->room;
            for (size_t c = 0; c < width; c++) {
                int32_t sum = 1 << (FIXED_BITS - 1);
                for (size_t k = 0; k < t->count[i]; k++) sum += w[k] * x[k * width + c];
                to[c] = from_fixed(sum);
            }
        }
    }
}

static void pass_floats(const taps *t, const float *from, size_t in, size_t lines, size_t width, size_t out, float *to) {
    for (size_t line = 0; line < lines; line++, from += in * width) {
        for (size_t i = 0; i < out; i++, to += width) {
            const float *x = from + t->first[i] * width;
            const double *w = t->weight + i * t->room;
            for (size_t c = 0; c < width; c++) {
                double sum = 0;
                for (size_t k = 0; k < t->count[i]; k++) sum += w[k] * (double)x[k * width + c];
                to[c] = (float)sum;
            }
        }
    }
}

static cm_status check_sizes(size_t h, size_t w, size_t oh, size_t ow) {
    const size_t most = (size_t)1 << 20;
    if (h && w && oh && ow && h <= most && w <= most && oh <= most && ow <= most) return CM_OK;
    return cm_fail(CM_EUSAGE, "cannot resize %zux%zu to %zux%zu", w, h, ow, oh);
}

static cm_status across(const cm_image *from, size_t width, uint8_t *pixels, cm_filter filter, cm_arena *scratch) {
    taps t;
    CM_TRY(make_taps(&t, from->width, width, filter, scratch));
    pass_bytes(&t, from->pixels, from->width, from->height, from->channels, width, pixels);
    return CM_OK;
}

static cm_status down(const cm_image *from, size_t height, uint8_t *pixels, cm_filter filter, cm_arena *scratch) {
    taps t;
    CM_TRY(make_taps(&t, from->height, height, filter, scratch));
    pass_bytes(&t, from->pixels, from->height, 1, from->width * from->channels, height, pixels);
    return CM_OK;
}

static bool columns_first(const cm_image *from, const cm_image *to) {
    return to->height < from->height && from->height - to->height + 2 * to->width > 2 * from->width;
}

/* A pass that would not change the size is left out, as Pillow does. */
static cm_status resize_bytes(const cm_image *from, const cm_image *to, cm_filter filter, cm_arena *scratch) {
    if (from->width == to->width && from->height == to->height) {
        memcpy(to->pixels, from->pixels, from->width * from->height * from->channels);
        return CM_OK;
    }
    if (from->height == to->height) return across(from, to->width, to->pixels, filter, scratch);
    if (from->width == to->width) return down(from, to->height, to->pixels, filter, scratch);
    const bool columns = columns_first(from, to);
    cm_image middle;
    CM_TRY(cm_image_new(scratch, columns ? from->width : to->width, columns ? to->height : from->height, from->channels, &middle));
    if (columns) {
        CM_TRY(down(from, to->height, middle.pixels, filter, scratch));
        return across(&middle, to->width, to->pixels, filter, scratch);
    }
    CM_TRY(across(from, to->width, middle.pixels, filter, scratch));
    return down(&middle, to->height, to->pixels, filter, scratch);
}

static cm_status resize_rounded(const cm_image *from, const cm_image *to, cm_filter filter, cm_arena *scratch) {
    const size_t n = from->width * from->height * from->channels, m = to->width * to->height * to->channels;
    float *x = CM_PUSH(scratch, float, n), *y = CM_PUSH(scratch, float, m);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < n; i++) x[i] = from->pixels[i];
    CM_TRY(cm_resize_float(x, from->height, from->width, from->channels, to->height, to->width, filter, scratch, y));
    for (size_t i = 0; i < m; i++) to->pixels[i] = (uint8_t)rintf(y[i]); /* convex weights: stays within 0..255 */
    return CM_OK;
}

cm_status cm_image_resize(const cm_image *from, size_t width, size_t height, cm_filter filter, cm_arena *out, cm_image *to) {
    assert(filter < CM_FILTER_COUNT);
    CM_TRY(check_sizes(from->height, from->width, height, width));
    cm_image image;
    cm_arena scratch;
    CM_TRY(cm_image_new(out, width, height, from->channels, &image));
    cm_arena_init(&scratch, 0);
    const cm_status s = filter == CM_TORCH_BILINEAR ? resize_rounded(from, &image, filter, &scratch)
                                                    : resize_bytes(from, &image, filter, &scratch);
    cm_arena_free(&scratch);
    if (s == CM_OK) *to = image;
    return s;
}

cm_status cm_resize_float(const float *from, size_t h, size_t w, size_t c, size_t oh, size_t ow, cm_filter filter,
                          cm_arena *scratch, float *to) {
    assert(filter < CM_FILTER_COUNT);
    CM_TRY(check_sizes(h, w, oh, ow));
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    taps rows, columns;
    float *middle = CM_PUSH(scratch, float, h * ow * c);
    cm_status s = make_taps(&rows, w, ow, filter, scratch);
    if (s == CM_OK) s = make_taps(&columns, h, oh, filter, scratch);
    if (s == CM_OK) {
        pass_floats(&rows, from, w, h, c, ow, middle);
        pass_floats(&columns, middle, h, 1, ow * c, oh, to);
    }
    cm_arena_reset(scratch, mark);
    return s;
}
