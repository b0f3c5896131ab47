// SPDX-License-Identifier: Apache-2.0
#include "core/tensor/bands.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/tensor/group_sums.h"
#include "core/tensor/nn_parts.h"

cm_band cm_band_of(const cm_tensor *x, size_t i) {
    if (!x) return (cm_band){0};
    const size_t h = x->shape[1], w = x->shape[2], c = x->shape[3];
    return (cm_band){.data = x->data + i * h * w * c, .count = h, .height = h, .width = w, .channels = c};
}

cm_band cm_band_part(const cm_band *x, size_t first, size_t count) {
    assert(first >= x->first && first + count <= x->first + x->count);
    cm_band y = *x;
    y.data += (first - x->first) * x->width * x->channels;
    y.first = first;
    y.count = count;
    return y;
}

/* Sums are made in runs of CM_SUM_ROWS pixels, Winograd tiles are 4 lines high. */
size_t cm_band_step(size_t width) {
    size_t step = 4;
    while (step * width % CM_SUM_ROWS) step += 4;
    return step;
}

bool cm_band_norm_begin(cm_ctx *g, const cm_group *group, size_t channels, cm_band_norm *n) {
    *n = (cm_band_norm){.group = *group};
    n->center = cm_ctx_push(g, 3 * channels * sizeof *n->center);
    n->sums = cm_ctx_push(g, 2 * channels * sizeof *n->sums);
    if (!n->center || !n->sums) return false;
    n->scale = n->center + channels;
    n->shift = n->scale + channels;
    memset(n->sums, 0, 2 * channels * sizeof *n->sums);
    return true;
}

static void finish(cm_ctx *g) {
    cm_node(g, NULL, NULL, NULL, 0, 0, NULL); /* clears scratch, and notes when it had failed */
}

void cm_band_norm_add(cm_ctx *g, cm_band_norm *n, const cm_band *x) {
    const cm_exec e = cm_exec_of(g);
    const size_t rows = x->count * x->width, c = x->channels;
    if (n->pixels == 0) memcpy(n->center, x->data, c * sizeof *n->center);
    g->ops->channel_sums(&e, rows, c, x->data, n->center, n->sums);
    n->pixels += rows;
    finish(g);
}

void cm_band_norm_end(cm_band_norm *n) {
    const size_t c = cm_count(n->group.weight);
    const cm_norm_shape s = {.n = 1, .hw = n->pixels, .c = c, .groups = n->group.groups, .eps = n->group.eps};
    for (size_t i = 0; i < s.groups; i++) {
        const cm_group_moments m = cm_group_moments_of(&s, i, n->center, n->sums, n->sums + c);
        cm_group_scale_by(&s, i, m, n->group.weight->data, n->group.bias->data, n->scale, n->shift);
    }
}

/* --- convolutions ------------------------------------------------------------ */

/* The shape of y's lines, and the lines of x they read. */
static cm_conv_shape shape_of(const cm_band *x, const cm_tensor *w, const cm_band *y, cm_band *in) {
    const size_t pad = (w->shape[2] - 1) / 2, end = y->first + y->count + pad;
    const size_t from = y->first > pad ? y->first - pad : 0, to = end < x->height ? end : x->height;
    *in = cm_band_part(x, from, to - from);
    return (cm_conv_shape){.n = 1,
                           .h = in->count,
                           .w = x->width,
                           .c = x->channels,
                           .o = w->shape[0],
                           .kh = w->shape[2],
                           .kw = w->shape[3],
                           .stride = 1,
                           .pad_top = pad - (y->first - from),
                           .pad_left = (w->shape[3] - 1) / 2,
                           .oh = y->count,
                           .ow = y->width};
}

static void plain_conv(cm_ctx *g, const cm_conv_shape *s, const float *x, cm_tensor *weight, cm_tensor *bias,
                       float *y) {
    const cm_exec e = cm_exec_with(g, weight);
    const float *b = bias ? bias->data : NULL;
    if (s->kh == 1 && s->kw == 1) g->ops->linear(&e, s->h * s->w, s->c, s->o, x, weight->data, b, NULL, y);
    else g->ops->conv2d(&e, s, x, weight->data, b, y);
    finish(g);
}

/* One layer after the other, for backends that have no products with what stands around them. */
static void conv_parts(cm_ctx *g, const cm_conv_shape *s, const float *x, const cm_band_norm *norm, cm_tensor *weight,
                       cm_tensor *bias, bool plus, float *y) {
    const cm_exec e = cm_exec_of(g);
    cm_tensor *h = norm ? cm_tensor_new(g, CM_SHAPE(s->h, s->w, s->c)) : NULL;
    cm_tensor *sum = plus ? cm_tensor_new(g, CM_SHAPE(s->oh, s->ow, s->o)) : NULL;
    if (g->status != CM_OK) return;
    if (norm) g->ops->scale_shift(&e, s->h * s->w, s->c, norm->scale, norm->shift, norm->group.act, x, h->data);
    plain_conv(g, s, norm ? h->data : x, weight, bias, plus ? sum->data : y);
    if (plus) g->ops->add(&e, cm_count(sum), y, sum->data, y);
    cm_drop(g, h);
    cm_drop(g, sum);
    finish(g);
}

void cm_band_conv(cm_ctx *g, const cm_band *x, const cm_band_norm *norm, cm_tensor *weight, cm_tensor *bias, bool plus,
                  const cm_band *y) {
    cm_band in;
    if (g->status != CM_OK) return;
    assert(weight->shape[1] == x->channels && weight->shape[0] == y->channels && y->width == x->width);
    const cm_conv_shape s = shape_of(x, weight, y, &in);
    if (!g->ops->conv2d_fused) {
        conv_parts(g, &s, in.data, norm, weight, bias, plus, y->data);
        return;
    }
    cm_fusion a = {.plus = plus ? y->data : NULL}; /* a value of plus is read just before its place is written */
    if (norm) {
        a.scale = norm->scale;
        a.shift = norm->shift;
        a.act = norm->group.act;
    }
    const cm_exec e = cm_exec_with(g, weight);
    g->ops->conv2d_fused(&e, &s, &a, in.data, weight->data, bias ? bias->data : NULL, y->data);
    finish(g);
}

/* Backends that double as they read take whole low lines: two lines of the result at either end are thrown away. */
static cm_tensor *doubled_around(cm_ctx *g, const cm_band *low, cm_tensor *weight, cm_tensor *bias, cm_band *y) {
    const size_t w = 2 * low->width;
    cm_tensor *t = cm_tensor_new(g, CM_SHAPE(2 * low->count, w, weight->shape[0]));
    if (!t) return NULL;
    const cm_conv_shape s = {.n = 1,
                             .h = 2 * low->count,
                             .w = w,
                             .c = low->channels,
                             .o = weight->shape[0],
                             .kh = 3,
                             .kw = 3,
                             .stride = 1,
                             .pad_top = 1,
                             .pad_left = 1,
                             .oh = 2 * low->count,
                             .ow = w};
    const cm_exec e = cm_exec_with(g, weight);
    g->ops->conv2d_fused(&e, &s, &(cm_fusion){.upsample = true}, low->data, weight->data, bias ? bias->data : NULL,
                         t->data);
    y->data = t->data + (y->first - 2 * low->first) * w * weight->shape[0];
    finish(g);
    return t;
}

static cm_tensor *doubled_parts(cm_ctx *g, const cm_band *low, cm_tensor *weight, cm_tensor *bias, cm_band *y) {
    const size_t w = 2 * low->width;
    cm_tensor *high = cm_tensor_new(g, CM_SHAPE(2 * low->count, w, low->channels));
    cm_tensor *t = cm_tensor_new(g, CM_SHAPE(y->count, w, weight->shape[0]));
    if (!t) return NULL;
    const cm_exec e = cm_exec_of(g);
    g->ops->upsample2(&e, 1, low->count, low->width, low->channels, low->data, high->data);
    const cm_band x = {.data = high->data,
                       .first = 2 * low->first,
                       .count = 2 * low->count,
                       .height = 2 * low->height,
                       .width = w,
                       .channels = low->channels};
    y->data = t->data;
    cm_band_conv(g, &x, NULL, weight, bias, false, y);
    cm_drop(g, high);
    return t;
}

cm_tensor *cm_band_upsample_conv(cm_ctx *g, const cm_band *x, cm_tensor *weight, cm_tensor *bias, cm_band *y) {
    assert(y->first % 2 == 0 && y->count % 2 == 0 && weight->shape[2] == 3 && weight->shape[3] == 3);
    const size_t first = y->first / 2, end = first + y->count / 2;
    const size_t from = first ? first - 1 : 0, to = end < x->height ? end + 1 : end;
    const cm_band low = cm_band_part(x, from, to - from);
    y->height = 2 * x->height;
    y->width = 2 * x->width;
    y->channels = weight->shape[0];
    return g->ops->conv2d_fused ? doubled_around(g, &low, weight, bias, y) : doubled_parts(g, &low, weight, bias, y);
}
