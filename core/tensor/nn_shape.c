// SPDX-License-Identifier: Apache-2.0
/* Operations that move values: concatenation, slices, gathers, resizing, pooling. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/base/threads.h"
#include "core/tensor/nn_parts.h"

static void add_into(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

/* Two inputs that lie in turn in y: `rows` times a's `wide_a` values, then b's `wide_b`. */
typedef struct pair_node {
    size_t rows, wide_a, wide_b;
    cm_tensor *a, *b, *y;
} pair_node;

static void pair_back(cm_ctx *g, void *arg) {
    const pair_node *n = arg;
    const float *dy = cm_flowed(n->y);
    if (!dy) return;
    float *da = cm_grad(g, n->a), *db = cm_grad(g, n->b);
    for (size_t r = 0; r < n->rows; r++, dy += n->wide_a + n->wide_b) {
        if (da) add_into(da + r * n->wide_a, dy, n->wide_a);
        if (db) add_into(db + r * n->wide_b, dy + n->wide_a, n->wide_b);
    }
}

static cm_tensor *interleave(cm_ctx *g, cm_tensor *a, cm_tensor *b, cm_tensor *y, size_t rows) {
    if (!y) return NULL;
    const pair_node n = {rows, cm_count(a) / rows, cm_count(b) / rows, a, b, y};
    float *to = y->data;
    for (size_t r = 0; r < rows; r++, to += n.wide_a + n.wide_b) {
        memcpy(to, a->data + r * n.wide_a, n.wide_a * sizeof *to);
        memcpy(to + n.wide_a, b->data + r * n.wide_b, n.wide_b * sizeof *to);
    }
    return cm_node(g, y, pair_back, &n, sizeof n, CM_INPUTS(a, b));
}

cm_tensor *cm_concat_last(cm_ctx *g, cm_tensor *a, cm_tensor *b) {
    if (!a || !b) return NULL;
    const size_t rows = cm_count(a) / cm_dim(a, -1);
    assert(rows == cm_count(b) / cm_dim(b, -1));
    return interleave(g, a, b, cm_like(g, a, cm_dim(a, -1) + cm_dim(b, -1)), rows);
}

cm_tensor *cm_concat_tokens(cm_ctx *g, cm_tensor *a, cm_tensor *b) {
    if (!a || !b) return NULL;
    assert(a->ndim == 3 && b->ndim == 3 && a->shape[0] == b->shape[0] && a->shape[2] == b->shape[2]);
    return interleave(g, a, b, cm_tensor_new(g, CM_SHAPE(a->shape[0], a->shape[1] + b->shape[1], a->shape[2])),
                      a->shape[0]);
}

typedef struct slice_node {
    size_t from, count;
    cm_tensor *x, *y;
} slice_node;

static void slice_back(cm_ctx *g, void *arg) {
    const slice_node *n = arg;
    const float *dy = cm_flowed(n->y);
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    const size_t c = cm_dim(n->x, -1), rows = cm_count(n->x) / c;
    for (size_t r = 0; dx && r < rows; r++) add_into(dx + r * c + n->from, dy + r * n->count, n->count);
}

cm_tensor *cm_slice_last(cm_ctx *g, cm_tensor *x, size_t from, size_t count) {
    cm_tensor *y = x ? cm_like(g, x, count) : NULL;
    if (!y) return NULL;
    const size_t c = cm_dim(x, -1), rows = cm_count(x) / c;
    assert(count > 0 && from + count <= c);
    for (size_t r = 0; r < rows; r++) memcpy(y->data + r * count, x->data + r * c + from, count * sizeof(float));
    return cm_node(g, y, slice_back, &(slice_node){from, count, x, y}, sizeof(slice_node), CM_INPUTS(x));
}

typedef struct rows_node {
    size_t count, width;
    size_t *rows;
    cm_tensor *x, *y;
} rows_node;

static void rows_back(cm_ctx *g, void *arg) {
    const rows_node *n = arg;
    const float *dy = cm_flowed(n->y);
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    for (size_t r = 0; dx && r < n->count; r++) add_into(dx + n->rows[r] * n->width, dy + r * n->width, n->width);
}

/* rows: in the context's memory */
static cm_tensor *take_rows(cm_ctx *g, cm_tensor *x, size_t width, size_t *rows, size_t count, cm_tensor *y) {
    if (!y || !rows) return NULL;
    for (size_t r = 0; r < count; r++) {
        assert((rows[r] + 1) * width <= cm_count(x));
        memcpy(y->data + r * width, x->data + rows[r] * width, width * sizeof(float));
    }
    return cm_node(g, y, rows_back, &(rows_node){count, width, rows, x, y}, sizeof(rows_node), CM_INPUTS(x));
}

cm_tensor *cm_gather_rows(cm_ctx *g, cm_tensor *x, const size_t *rows, size_t count) {
    if (!x) return NULL;
    cm_pack_use(&x->packs);
    const size_t c = cm_dim(x, -1);
    size_t *kept = cm_ctx_push(g, count * sizeof *kept);
    if (kept && count) memcpy(kept, rows, count * sizeof *kept);
    return take_rows(g, x, c, kept, count, cm_tensor_new(g, CM_SHAPE(count, c)));
}

cm_tensor *cm_embedding(cm_ctx *g, const int *ids, size_t n, size_t length, cm_tensor *table) {
    if (!table) return NULL;
    cm_pack_use(&table->packs);
    size_t *rows = cm_ctx_push(g, n * length * sizeof *rows);
    for (size_t i = 0; rows && i < n * length; i++) {
        assert(ids[i] >= 0 && (size_t)ids[i] < table->shape[0]);
        rows[i] = (size_t)ids[i];
    }
    return take_rows(g, table, table->shape[1], rows, n * length,
                     cm_tensor_new(g, CM_SHAPE(n, length, table->shape[1])));
}

typedef struct patch_node {
    size_t size;
    cm_tensor *x, *y;
} patch_node;

/* One row of patches: `size` lines of pixels from or to their patches. */
static void patch_row(const patch_node *n, size_t row, const float *from, float *to, bool back) {
    const size_t size = n->size, width = n->x->shape[2], c = n->x->shape[3], line = width * c, whole = c * size * size;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < width; j++)
            for (size_t k = 0; k < c; k++) {
                const size_t pixel = (row * size + i) * line + j * c + k;
                const size_t patch = (row * (width / size) + j / size) * whole + (k * size + i) * size + j % size;
                if (back) to[pixel] += from[patch];
                else to[patch] = from[pixel];
            }
}

static void patches_back(cm_ctx *g, void *arg) {
    const patch_node *n = arg;
    const float *dy = cm_flowed(n->y);
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    for (size_t r = 0; dx && r < n->y->shape[0] * n->y->shape[1]; r++) patch_row(n, r, dy, dx, true);
}

static void make_patches(void *arg, size_t row, int worker) {
    (void)worker;
    const patch_node *n = arg;
    patch_row(n, row, n->x->data, n->y->data, false);
}

cm_tensor *cm_patches(cm_ctx *g, cm_tensor *x, size_t size) {
    if (!x) return NULL;
    assert(x->ndim == 4 && size > 0 && x->shape[1] % size == 0 && x->shape[2] % size == 0);
    const size_t h = x->shape[1] / size, w = x->shape[2] / size;
    cm_tensor *y = cm_tensor_new(g, CM_SHAPE(x->shape[0], h, w, x->shape[3] * size * size));
    if (!y) return NULL;
    patch_node n = {size, x, y};
    cm_parallel(g->threads, x->shape[0] * h, make_patches, &n);
    return cm_node(g, y, patches_back, &n, sizeof n, CM_INPUTS(x));
}

cm_tensor *cm_repeat_batch(cm_ctx *g, cm_tensor *x, size_t times) {
    if (!x) return NULL;
    assert(times > 0);
    size_t shape[CM_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[0] *= times;
    size_t *rows = cm_ctx_push(g, times * sizeof *rows);
    if (rows) memset(rows, 0, times * sizeof *rows);
    return take_rows(g, x, cm_count(x), rows, times, cm_tensor_new(g, x->ndim, shape));
}

/* --- resizing --------------------------------------------------------------- */

typedef struct resize_node {
    cm_tensor *x, *y;
    uint32_t *from; /* max pool: for each output value its input */
    size_t k, stride;
} resize_node;

static void upsample2_back(cm_ctx *g, void *arg) {
    const resize_node *n = arg;
    const float *dy = cm_flowed(n->y);
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    const size_t *s = n->x->shape;
    const cm_exec e = cm_exec_of(g);
    if (dx) g->ops->upsample2_grad(&e, s[0], s[1], s[2], s[3], dy, dx);
}

cm_tensor *cm_upsample_nearest2(cm_ctx *g, cm_tensor *x) {
    if (!x) return NULL;
    assert(x->ndim == 4);
    const size_t *s = x->shape;
    cm_tensor *y = cm_tensor_new(g, CM_SHAPE(s[0], 2 * s[1], 2 * s[2], s[3]));
    if (!y) return NULL;
    const cm_exec e = cm_exec_of(g);
    g->ops->upsample2(&e, s[0], s[1], s[2], s[3], x->data, y->data);
    return cm_node(g, y, upsample2_back, &(resize_node){.x = x, .y = y}, sizeof(resize_node), CM_INPUTS(x));
}

/* The two neighbours of output position i and the second one's share, as PyTorch with align_corners=False. */
static float neighbours(size_t i, size_t from, size_t to, size_t *a, size_t *b) {
    double at = ((double)i + 0.5) * (double)from / (double)to - 0.5;
    if (at < 0.0) at = 0.0;
    *a = (size_t)at;
    if (*a > from - 1) *a = from - 1;
    *b = *a + 1 < from ? *a + 1 : *a;
    return (float)(at - (double)*a);
}

/* One output pixel: its four inputs (offsets in one image) and their shares. */
static void corners(const cm_tensor *x, const cm_tensor *y, size_t oy, size_t ox, size_t at[4], float share[4]) {
    size_t y0, y1, x0, x1;
    const size_t w = x->shape[2], c = x->shape[3];
    const float fy = neighbours(oy, x->shape[1], y->shape[1], &y0, &y1), fx = neighbours(ox, w, y->shape[2], &x0, &x1);
    at[0] = (y0 * w + x0) * c;
    at[1] = (y0 * w + x1) * c;
    at[2] = (y1 * w + x0) * c;
    at[3] = (y1 * w + x1) * c;
    share[0] = (1.0f - fy) * (1.0f - fx);
    share[1] = (1.0f - fy) * fx;
    share[2] = fy * (1.0f - fx);
    share[3] = fy * fx;
}

static void bilinear_back(cm_ctx *g, void *arg) {
    const resize_node *n = arg;
    const float *dy = cm_flowed(n->y);
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    const size_t w = n->y->shape[2], pixels = n->y->shape[1] * w, c = n->y->shape[3];
    const size_t in = n->x->shape[1] * n->x->shape[2] * c;
    for (size_t p = 0; dx && p < n->y->shape[0] * pixels; p++) {
        size_t at[4];
        float share[4];
        corners(n->x, n->y, p % pixels / w, p % w, at, share);
        for (size_t k = 0; k < 4; k++) {
            float *to = dx + p / pixels * in + at[k];
            for (size_t i = 0; i < c; i++) to[i] += share[k] * dy[p * c + i];
        }
    }
}

cm_tensor *cm_upsample_bilinear(cm_ctx *g, cm_tensor *x, size_t h, size_t w) {
    if (!x) return NULL;
    assert(x->ndim == 4 && h > 0 && w > 0);
    const size_t c = x->shape[3], in = x->shape[1] * x->shape[2] * c;
    cm_tensor *y = cm_tensor_new(g, CM_SHAPE(x->shape[0], h, w, c));
    for (size_t p = 0; y && p < x->shape[0] * h * w; p++) {
        size_t at[4];
        float share[4];
        corners(x, y, p % (h * w) / w, p % w, at, share);
        const float *from = x->data + p / (h * w) * in;
        for (size_t i = 0; i < c; i++)
            y->data[p * c + i] = share[0] * from[at[0] + i] + share[1] * from[at[1] + i] + share[2] * from[at[2] + i] +
                                 share[3] * from[at[3] + i];
    }
    return cm_node(g, y, bilinear_back, &(resize_node){.x = x, .y = y}, sizeof(resize_node), CM_INPUTS(x));
}

/* --- pooling ------------------------------------------------------------------ */

static cm_tensor *pooled(cm_ctx *g, const cm_tensor *x, size_t k, size_t stride) {
    assert(x->ndim == 4 && k > 0 && stride > 0 && x->shape[1] >= k && x->shape[2] >= k);
    return cm_tensor_new(g, CM_SHAPE(x->shape[0], (x->shape[1] - k) / stride + 1, (x->shape[2] - k) / stride + 1,
                                     x->shape[3]));
}

/* Offset in x of tap t (of k*k) of output pixel p */
static size_t pool_tap(const cm_tensor *x, const cm_tensor *y, size_t k, size_t stride, size_t p, size_t t) {
    const size_t oh = y->shape[1], ow = y->shape[2];
    const size_t n = p / (oh * ow), row = p / ow % oh * stride + t / k, column = p % ow * stride + t % k;
    return ((n * x->shape[1] + row) * x->shape[2] + column) * x->shape[3];
}

static void avg_back(cm_ctx *g, void *arg) {
    const resize_node *n = arg;
    const float *dy = cm_flowed(n->y);
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    const size_t c = n->x->shape[3], taps = n->k * n->k;
    const float share = 1.0f / (float)taps;
    for (size_t i = 0; dx && i < cm_count(n->y) / c * taps; i++) {
        float *to = dx + pool_tap(n->x, n->y, n->k, n->stride, i / taps, i % taps);
        for (size_t j = 0; j < c; j++) to[j] += share * dy[i / taps * c + j];
    }
}

cm_tensor *cm_avg_pool(cm_ctx *g, cm_tensor *x, size_t k, size_t stride) {
    cm_tensor *y = x ? pooled(g, x, k, stride) : NULL;
    if (!y) return NULL;
    const size_t c = x->shape[3];
    const float share = 1.0f / (float)(k * k);
    for (size_t p = 0; p < cm_count(y) / c; p++) {
        float *to = y->data + p * c;
        memset(to, 0, c * sizeof *to);
        for (size_t t = 0; t < k * k; t++) add_into(to, x->data + pool_tap(x, y, k, stride, p, t), c);
        for (size_t j = 0; j < c; j++) to[j] *= share;
    }
    return cm_node(g, y, avg_back, &(resize_node){.x = x, .y = y, .k = k, .stride = stride}, sizeof(resize_node),
                   CM_INPUTS(x));
}

static void max_back(cm_ctx *g, void *arg) {
    const resize_node *n = arg;
    const float *dy = cm_flowed(n->y);
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    for (size_t i = 0; dx && i < cm_count(n->y); i++) dx[n->from[i]] += dy[i];
}

/* The first of equal values wins, as in PyTorch; a NaN wins over everything. */
cm_tensor *cm_max_pool(cm_ctx *g, cm_tensor *x, size_t k, size_t stride) {
    cm_tensor *y = x ? pooled(g, x, k, stride) : NULL;
    const bool records = cm_tape_records(g, CM_INPUTS(x));
    uint32_t *from = y && records ? cm_ctx_push(g, cm_count(y) * sizeof *from) : NULL;
    if (!y || (records && !from)) return NULL;
    assert(cm_count(x) <= UINT32_MAX);
    const size_t c = x->shape[3];
    for (size_t i = 0; i < cm_count(y); i++) {
        size_t best = pool_tap(x, y, k, stride, i / c, 0) + i % c;
        for (size_t t = 1; t < k * k; t++) {
            const size_t at = pool_tap(x, y, k, stride, i / c, t) + i % c;
            if (x->data[at] > x->data[best] || isnan(x->data[at])) best = at;
        }
        y->data[i] = x->data[best];
        if (from) from[i] = (uint32_t)best;
    }
    return cm_node(g, y, max_back, &(resize_node){.x = x, .y = y, .from = from}, sizeof(resize_node), CM_INPUTS(x));
}

static void mean_back(cm_ctx *g, void *arg) {
    const resize_node *n = arg;
    const float *dy = cm_flowed(n->y);
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    const size_t count = n->y->shape[0], c = n->y->shape[1], hw = cm_count(n->x) / count / c;
    const float share = 1.0f / (float)hw;
    for (size_t p = 0; dx && p < count * hw; p++)
        for (size_t j = 0; j < c; j++) dx[p * c + j] += share * dy[p / hw * c + j];
}

cm_tensor *cm_mean_hw(cm_ctx *g, cm_tensor *x) {
    if (!x) return NULL;
    const size_t n = x->shape[0], c = cm_dim(x, -1), hw = cm_count(x) / n / c;
    cm_tensor *y = cm_tensor_zero(g, CM_SHAPE(n, c));
    if (!y) return NULL;
    const cm_exec e = cm_exec_of(g);
    g->ops->sum_hw(&e, n, hw, c, x->data, y->data);
    for (size_t i = 0; i < n * c; i++) y->data[i] /= (float)hw;
    return cm_node(g, y, mean_back, &(resize_node){.x = x, .y = y}, sizeof(resize_node), CM_INPUTS(x));
}
