// SPDX-License-Identifier: Apache-2.0
/* Operations value by value and row by row: sums, products, scales, norms of rows. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/base/threads.h"
#include "core/tensor/nn_parts.h"

cm_tensor *cm_like(cm_ctx *g, const cm_tensor *x, size_t last) {
    size_t shape[CM_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->ndim - 1] = last;
    return cm_tensor_new(g, x->ndim, shape);
}

/* For an operation that reads both: they may be weights whose values wait until they are wanted. */
static cm_tensor *same_shape(cm_ctx *g, cm_tensor *a, cm_tensor *b) {
    if (!a || !b) return NULL;
    assert(cm_count(a) == cm_count(b));
    cm_pack_fetch(&a->packs);
    cm_pack_fetch(&b->packs);
    return cm_tensor_new(g, a->ndim, a->shape);
}

typedef struct two_node {
    cm_tensor *a, *b, *y;
    float factor, lo, hi;
} two_node;

static void axpy_to(cm_ctx *g, cm_tensor *x, float alpha, const float *dy) {
    float *dx = cm_grad(g, x);
    const cm_exec e = cm_exec_of(g);
    if (dx) g->ops->axpy(&e, cm_count(x), alpha, dy, dx);
}

/* y = a + factor b */
static void add_back(cm_ctx *g, void *arg) {
    const two_node *n = arg;
    const float *dy = cm_flowed(n->y);
    if (!dy) return;
    axpy_to(g, n->b, n->factor, dy);
    cm_grad_pass(g, n->y, 1.0f, n->a);
}

cm_tensor *cm_add(cm_ctx *g, cm_tensor *a, cm_tensor *b) {
    cm_tensor *y = same_shape(g, a, b);
    if (!y) return NULL;
    const cm_exec e = cm_exec_of(g);
    g->ops->add(&e, cm_count(a), a->data, b->data, y->data);
    return cm_node(g, y, add_back, &(two_node){a, b, y, .factor = 1.0f}, sizeof(two_node), CM_INPUTS(a, b));
}

cm_tensor *cm_sub(cm_ctx *g, cm_tensor *a, cm_tensor *b) {
    cm_tensor *y = same_shape(g, a, b);
    for (size_t i = 0, n = y ? cm_count(y) : 0; i < n; i++) y->data[i] = a->data[i] - b->data[i];
    return cm_node(g, y, add_back, &(two_node){a, b, y, .factor = -1.0f}, sizeof(two_node), CM_INPUTS(a, b));
}

static void mul_back(cm_ctx *g, void *arg) {
    const two_node *n = arg;
    const float *dy = cm_flowed(n->y), *a = n->a->data, *b = n->b->data;
    if (!dy) return;
    float *da = cm_grad(g, n->a), *db = cm_grad(g, n->b);
    const size_t count = cm_count(n->y);
    for (size_t i = 0; da && i < count; i++) da[i] += dy[i] * b[i];
    for (size_t i = 0; db && i < count; i++) db[i] += dy[i] * a[i];
}

cm_tensor *cm_mul(cm_ctx *g, cm_tensor *a, cm_tensor *b) {
    cm_tensor *y = same_shape(g, a, b);
    for (size_t i = 0, n = y ? cm_count(y) : 0; i < n; i++) y->data[i] = a->data[i] * b->data[i];
    return cm_node(g, y, mul_back, &(two_node){a, b, y}, sizeof(two_node), CM_INPUTS(a, b));
}

static void broadcast_back(cm_ctx *g, void *arg) {
    const two_node *n = arg;
    const float *dy = cm_flowed(n->y);
    if (!dy) return;
    const size_t period = cm_count(n->b);
    for (size_t at = 0; at < cm_count(n->y); at += period) axpy_to(g, n->b, 1.0f, dy + at);
    cm_grad_pass(g, n->y, 1.0f, n->a);
}

cm_tensor *cm_add_broadcast(cm_ctx *g, cm_tensor *x, cm_tensor *t) {
    cm_tensor *y = x && t ? cm_tensor_new(g, x->ndim, x->shape) : NULL;
    if (!y) return NULL;
    const size_t period = cm_count(t), n = cm_count(x);
    assert(n % period == 0);
    cm_pack_use(&t->packs);
    const cm_exec e = cm_exec_of(g);
    for (size_t at = 0; at < n; at += period) g->ops->add(&e, period, x->data + at, t->data, y->data + at);
    return cm_node(g, y, broadcast_back, &(two_node){x, t, y}, sizeof(two_node), CM_INPUTS(x, t));
}

static void add_rows_back(cm_ctx *g, void *arg) {
    const two_node *n = arg;
    const float *dy = cm_flowed(n->y);
    if (!dy) return;
    float *dt = cm_grad(g, n->b);
    const size_t count = n->a->shape[0], c = cm_dim(n->a, -1);
    const cm_exec e = cm_exec_of(g);
    if (dt) g->ops->sum_hw(&e, count, cm_count(n->a) / count / c, c, dy, dt);
    cm_grad_pass(g, n->y, 1.0f, n->a);
}

cm_tensor *cm_add_rows(cm_ctx *g, cm_tensor *x, cm_tensor *t) {
    cm_tensor *y = x && t ? cm_tensor_new(g, x->ndim, x->shape) : NULL;
    if (!y) return NULL;
    const size_t n = x->shape[0], c = cm_dim(x, -1);
    assert(cm_count(t) == n * c);
    const cm_exec e = cm_exec_of(g);
    g->ops->add_rows(&e, n, cm_count(x) / n / c, c, x->data, t->data, y->data);
    return cm_node(g, y, add_rows_back, &(two_node){x, t, y}, sizeof(two_node), CM_INPUTS(x, t));
}

typedef struct scaled_node {
    size_t rows, c;
    cm_tensor *x, *h, *factor, *y;
} scaled_node;

static void scaled_back(cm_ctx *g, void *arg) {
    const scaled_node *n = arg;
    const float *dy = cm_flowed(n->y), *h = n->h->data, *factor = n->factor->data;
    if (!dy) return;
    float *dh = cm_grad(g, n->h), *df = cm_grad(g, n->factor);
    for (size_t i = 0, count = n->rows * n->c; dh && i < count; i++) dh[i] += dy[i] * factor[i % n->c];
    for (size_t i = 0, count = n->rows * n->c; df && i < count; i++) df[i % n->c] += dy[i] * h[i];
    cm_grad_pass(g, n->y, 1.0f, n->x);
}

static void scaled_row(void *arg, size_t row, int worker) {
    (void)worker;
    const scaled_node *n = arg;
    const float *x = n->x->data + row * n->c, *h = n->h->data + row * n->c, *factor = n->factor->data;
    float *y = n->y->data + row * n->c;
    for (size_t i = 0; i < n->c; i++) y[i] = x[i] + h[i] * factor[i];
}

cm_tensor *cm_add_scaled(cm_ctx *g, cm_tensor *x, cm_tensor *h, cm_tensor *factor) {
    cm_tensor *y = factor ? same_shape(g, x, h) : NULL;
    if (!y) return NULL;
    scaled_node n = {cm_count(x) / cm_count(factor), cm_count(factor), x, h, factor, y};
    assert(n.c == cm_dim(x, -1));
    cm_parallel(g->threads, n.rows, scaled_row, &n);
    return cm_node(g, y, scaled_back, &n, sizeof n, CM_INPUTS(x, h, factor));
}

static void scale_back(cm_ctx *g, void *arg) {
    const two_node *n = arg;
    const float *dy = cm_flowed(n->y);
    if (dy) axpy_to(g, n->a, n->factor, dy);
}

cm_tensor *cm_scale(cm_ctx *g, cm_tensor *x, float factor) {
    cm_tensor *y = same_shape(g, x, x);
    for (size_t i = 0, n = y ? cm_count(y) : 0; i < n; i++) y->data[i] = factor * x->data[i];
    return cm_node(g, y, scale_back, &(two_node){.a = x, .y = y, .factor = factor}, sizeof(two_node), CM_INPUTS(x));
}

static void scale_by_back(cm_ctx *g, void *arg) {
    const two_node *n = arg;
    const float *dy = cm_flowed(n->y);
    if (!dy) return;
    axpy_to(g, n->a, n->b->data[0], dy);
    float *df = cm_grad(g, n->b);
    double sum = 0.0;
    for (size_t i = 0, count = cm_count(n->y); df && i < count; i++) sum += (double)dy[i] * n->a->data[i];
    if (df) df[0] += (float)sum;
}

cm_tensor *cm_scale_by(cm_ctx *g, cm_tensor *x, cm_tensor *factor) {
    cm_tensor *y = factor ? same_shape(g, x, x) : NULL;
    if (!y) return NULL;
    assert(cm_count(factor) == 1);
    for (size_t i = 0, n = cm_count(y); i < n; i++) y->data[i] = factor->data[0] * x->data[i];
    return cm_node(g, y, scale_by_back, &(two_node){x, factor, y}, sizeof(two_node), CM_INPUTS(x, factor));
}

static void exp_back(cm_ctx *g, void *arg) {
    const two_node *n = arg;
    const float *dy = cm_flowed(n->y), *y = n->y->data;
    float *dx = dy ? cm_grad(g, n->a) : NULL;
    for (size_t i = 0, count = cm_count(n->y); dx && i < count; i++) dx[i] += dy[i] * y[i];
}

cm_tensor *cm_exp(cm_ctx *g, cm_tensor *x) {
    cm_tensor *y = same_shape(g, x, x);
    for (size_t i = 0, n = y ? cm_count(y) : 0; i < n; i++) y->data[i] = expf(x->data[i]);
    return cm_node(g, y, exp_back, &(two_node){.a = x, .y = y}, sizeof(two_node), CM_INPUTS(x));
}

static void clamp_back(cm_ctx *g, void *arg) {
    const two_node *n = arg;
    const float *dy = cm_flowed(n->y), *x = n->a->data;
    float *dx = dy ? cm_grad(g, n->a) : NULL;
    for (size_t i = 0, count = cm_count(n->y); dx && i < count; i++)
        dx[i] += x[i] >= n->lo && x[i] <= n->hi ? dy[i] : 0.0f;
}

/* A NaN stays one: both comparisons are false for it. */
cm_tensor *cm_clamp(cm_ctx *g, cm_tensor *x, float lo, float hi) {
    cm_tensor *y = same_shape(g, x, x);
    for (size_t i = 0, n = y ? cm_count(y) : 0; i < n; i++) {
        const float v = x->data[i];
        y->data[i] = v < lo ? lo : v > hi ? hi : v;
    }
    return cm_node(g, y, clamp_back, &(two_node){.a = x, .y = y, .lo = lo, .hi = hi}, sizeof(two_node), CM_INPUTS(x));
}

typedef struct length_node {
    cm_tensor *x, *y, *length; /* length: max(|row|, eps) a row, negative where eps stood in */
} length_node;

/* y = x / |x|: dx = (dy - y (y dy)) / |x|; where eps stood in it is a constant factor. */
static void normalize_back(cm_ctx *g, void *arg) {
    const length_node *n = arg;
    const float *dy = cm_flowed(n->y);
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    const size_t c = cm_dim(n->x, -1), rows = cm_count(n->x) / c;
    for (size_t r = 0; dx && r < rows; r++) {
        const float *y = n->y->data + r * c, *d = dy + r * c, length = n->length->data[r];
        double along = 0.0;
        for (size_t i = 0; length > 0.0f && i < c; i++) along += (double)y[i] * d[i];
        const float a = (float)along, inverse = 1.0f / fabsf(length);
        for (size_t i = 0; i < c; i++) dx[r * c + i] += (d[i] - a * y[i]) * inverse;
    }
}

cm_tensor *cm_normalize_last(cm_ctx *g, cm_tensor *x, float eps) {
    cm_tensor *y = same_shape(g, x, x);
    if (!y) return NULL;
    assert(eps > 0.0f);
    const size_t c = cm_dim(x, -1), rows = cm_count(x) / c;
    cm_tensor *length = cm_tensor_new(g, CM_SHAPE(rows));
    for (size_t r = 0; length && r < rows; r++) {
        const float *from = x->data + r * c;
        double squares = 0.0;
        for (size_t i = 0; i < c; i++) squares += (double)from[i] * from[i];
        const float norm = (float)sqrt(squares);
        length->data[r] = norm <= eps ? -eps : norm;
        for (size_t i = 0; i < c; i++) y->data[r * c + i] = from[i] / fabsf(length->data[r]);
    }
    y = cm_node(g, length ? y : NULL, normalize_back, &(length_node){x, y, length}, sizeof(length_node),
                CM_INPUTS(x, length));
    cm_drop(g, length);
    return y;
}

static void matmul_back(cm_ctx *g, void *arg) {
    const two_node *n = arg;
    const float *dy = cm_flowed(n->y);
    if (!dy) return;
    const size_t rows = n->a->shape[0], columns = n->b->shape[0], k = n->a->shape[1];
    float *da = cm_grad(g, n->a), *db = cm_grad(g, n->b);
    const cm_exec e = cm_exec_of(g);
    if (da) g->ops->gemm(&e, false, false, rows, k, columns, 1.0f, dy, columns, n->b->data, k, 1.0f, da, k);
    if (db) g->ops->gemm(&e, true, false, columns, k, rows, 1.0f, dy, columns, n->a->data, k, 1.0f, db, k);
}

cm_tensor *cm_matmul_nt(cm_ctx *g, cm_tensor *a, cm_tensor *b) {
    if (!a || !b) return NULL;
    assert(a->ndim == 2 && b->ndim == 2 && a->shape[1] == b->shape[1]);
    const size_t rows = a->shape[0], columns = b->shape[0], k = a->shape[1];
    cm_tensor *y = cm_tensor_new(g, CM_SHAPE(rows, columns));
    if (!y) return NULL;
    const cm_exec e = cm_exec_of(g);
    g->ops->gemm(&e, false, true, rows, columns, k, 1.0f, a->data, k, b->data, k, 0.0f, y->data, columns);
    return cm_node(g, y, matmul_back, &(two_node){a, b, y}, sizeof(two_node), CM_INPUTS(a, b));
}

/* In float where PyTorch is in float: at t near 1000 the angle's rounding shows. */
cm_tensor *cm_timestep_embedding(cm_ctx *g, const float *t, size_t n, size_t dim, bool flip, float freq_shift) {
    const size_t half = dim / 2;
    cm_tensor *y = cm_tensor_zero(g, CM_SHAPE(n, dim));
    for (size_t i = 0; y && i < half; i++) {
        const float frequency = expf((float)-log(10000.0) * (float)i / ((float)half - freq_shift));
        for (size_t r = 0; r < n; r++) {
            const float angle = t[r] * frequency;
            y->data[r * dim + i + (flip ? half : 0)] = sinf(angle);
            y->data[r * dim + i + (flip ? 0 : half)] = cosf(angle);
        }
    }
    return y;
}
