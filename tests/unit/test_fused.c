// SPDX-License-Identifier: Apache-2.0
/* Layers in a row on each backend against ref, which runs the parts: small and odd sizes, and rows so wide that they go
 * in pieces. */
#include <criterion/criterion.h>
#include <math.h>

#include "core/base/rng.h"
#include "core/tensor/nn.h"

static cm_rng rng;

static cm_tensor *made(cm_ctx *g, int ndim, const size_t *shape, double spread) {
    cm_tensor *x = cm_tensor_new(g, ndim, shape);
    for (size_t i = 0; i < cm_count(x); i++) x->data[i] = (float)cm_rng_range(&rng, -spread, spread);
    return x;
}

static cm_tensor *around_one(cm_ctx *g, size_t c) {
    cm_tensor *x = made(g, CM_SHAPE(c), 0.5);
    for (size_t i = 0; i < c; i++) x->data[i] += 1;
    return x;
}

typedef struct shape {
    size_t n, h, w, c, o;
} shape;

typedef cm_tensor *layers(cm_ctx *g, const shape *s);

static cm_tensor *norm_conv(cm_ctx *g, const shape *s) {
    cm_tensor *x = made(g, CM_SHAPE(s->n, s->h, s->w, s->c), 2);
    const cm_group norm = {around_one(g, s->c), made(g, CM_SHAPE(s->c), 1), 4, 1e-5f, CM_SILU};
    cm_tensor *w = made(g, CM_SHAPE(s->o, s->c, 3, 3), 0.2), *image = made(g, CM_SHAPE(s->n, s->o), 1);
    cm_tensor *plus = made(g, CM_SHAPE(s->n, s->h, s->w, s->o), 1);
    return cm_group_norm_conv2d(g, x, norm, w, made(g, CM_SHAPE(s->o), 1), image, plus);
}

static cm_tensor *bare_norm_conv(cm_ctx *g, const shape *s) {
    cm_tensor *x = made(g, CM_SHAPE(s->n, s->h, s->w, s->c), 2);
    const cm_group norm = {around_one(g, s->c), made(g, CM_SHAPE(s->c), 1), 4, 1e-5f, CM_IDENTITY};
    return cm_group_norm_conv2d(g, x, norm, made(g, CM_SHAPE(s->o, s->c, 3, 3), 0.2), NULL, NULL, NULL);
}

static cm_tensor *norm_linear(cm_ctx *g, const shape *s) {
    cm_tensor *x = made(g, CM_SHAPE(s->n, s->h, s->w, s->c), 2);
    const cm_group norm = {around_one(g, s->c), made(g, CM_SHAPE(s->c), 1), 4, 1e-6f, CM_IDENTITY};
    return cm_group_norm_linear(g, x, norm, made(g, CM_SHAPE(s->o, s->c), 0.2), made(g, CM_SHAPE(s->o), 1));
}

static cm_tensor *layer_linears(cm_ctx *g, const shape *s) {
    cm_tensor *x = made(g, CM_SHAPE(s->n, s->h * s->w, s->c), 2), *out[2];
    cm_tensor *const w[2] = {made(g, CM_SHAPE(s->o, s->c), 0.2), made(g, CM_SHAPE(s->o, s->c), 0.2)};
    cm_layer_norm_linears(g, x, around_one(g, s->c), made(g, CM_SHAPE(s->c), 1), 1e-5f, 2, w, out);
    return cm_concat_last(g, out[0], out[1]);
}

static cm_tensor *feed(cm_ctx *g, const shape *s) {
    const size_t hidden = 4 * s->c;
    cm_tensor *x = made(g, CM_SHAPE(s->n, s->h * s->w, s->c), 2);
    const cm_feed_forward f = {around_one(g, s->c),
                               made(g, CM_SHAPE(s->c), 1),
                               1e-5f,
                               made(g, CM_SHAPE(2 * hidden, s->c), 0.2),
                               made(g, CM_SHAPE(2 * hidden), 1),
                               made(g, CM_SHAPE(s->c, hidden), 0.2),
                               made(g, CM_SHAPE(s->c), 1)};
    return cm_feed_forward_plus(g, x, &f);
}

static cm_tensor *doubled(cm_ctx *g, const shape *s) {
    cm_tensor *x = made(g, CM_SHAPE(s->n, s->h, s->w, s->c), 2);
    return cm_upsample_conv2d(g, x, made(g, CM_SHAPE(s->o, s->c, 3, 3), 0.2), made(g, CM_SHAPE(s->o), 1));
}

static cm_tensor *strided(cm_ctx *g, const shape *s) {
    cm_tensor *x = made(g, CM_SHAPE(s->n, s->h, s->w, s->c), 2);
    return cm_conv2d(g, x, made(g, CM_SHAPE(s->o, s->c, 3, 3), 0.2), made(g, CM_SHAPE(s->o), 1), 2, CM_PAD_SAME);
}

static void compare(const char *name, layers *fn, const shape *s, const cm_ops *ops, int threads) {
    cm_ctx ref, fast;
    cm_ctx_init(&ref, cm_ops_ref(), 1);
    cm_ctx_init(&fast, ops, threads);
    rng = cm_rng_named(7, name);
    const cm_tensor *want = fn(&ref, s);
    rng = cm_rng_named(7, name);
    const cm_tensor *got = fn(&fast, s);
    cr_assert(want && got && cm_count(want) == cm_count(got), "%s on %s", name, ops->name);
    double difference = 0, size = 0;
    for (size_t i = 0; i < cm_count(want); i++) {
        difference += pow((double)got->data[i] - want->data[i], 2);
        size += pow(want->data[i], 2);
    }
    /* of a gated layer's hidden values the largest is far from the others, which int8's one scale a row feels */
    const double times = cm_backend_is_coarse(ops) ? 6 : 4;
    const double far = sqrt(difference / size), limit = fmax(1e-5, times * ops->rounding);
    cr_assert(far <= limit, "%s on %s, %zux%zux%zux%zu -> %zu, %d threads: %.2e, limit %.0e", name, ops->name, s->n,
              s->h, s->w, s->c, s->o, threads, far, limit);
    cm_ctx_free(&ref);
    cm_ctx_free(&fast);
}

static void on_all(const char *name, layers *fn, const shape *shapes, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (const cm_ops *const *ops = cm_backends(); *ops; ops++)
            for (int threads = 1; threads <= 3; threads++) compare(name, fn, shapes + i, *ops, threads);
}

static const shape images[] = {{1, 1, 1, 8, 5},    {2, 3, 5, 12, 33},  {2, 8, 8, 40, 64},
                               {1, 5, 50, 32, 20}, {2, 4, 4, 708, 36}, {3, 7, 2, 1300, 8}};
static const shape tokens[] = {{1, 1, 1, 32, 32}, {2, 3, 5, 64, 96}, {1, 9, 17, 160, 32}, {2, 5, 9, 672, 70}};

#define ON_ALL(fn, shapes)                                                                                             \
    Test(fused, fn) {                                                                                                  \
        on_all(#fn, fn, shapes, sizeof shapes / sizeof *shapes);                                                       \
    }
ON_ALL(norm_conv, images)
ON_ALL(bare_norm_conv, images)
ON_ALL(norm_linear, images)
ON_ALL(layer_linears, tokens)
ON_ALL(feed, tokens)
ON_ALL(doubled, images)
ON_ALL(strided, images)
