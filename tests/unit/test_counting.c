// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <string.h>

#include "core/tensor/nn.h"
#include "harness/speed/counting.h"

static void fill(cm_tensor *x) {
    for (size_t i = 0; i < cm_count(x); i++) x->data[i] = (float)((i * 37) % 101) / 50.0f - 1.0f;
}

static cm_tensor *made(cm_ctx *g, int ndim, const size_t *shape) {
    cm_tensor *x = cm_tensor_new(g, ndim, shape);
    fill(x);
    return x;
}

static cm_tensor *feed(cm_ctx *g, cm_tensor *x) {
    const size_t c = cm_dim(x, -1);
    cm_tensor *gain = made(g, CM_SHAPE(c));
    const cm_feed_forward f = {
        gain, gain, 1e-5f, made(g, CM_SHAPE(2 * c, c)), made(g, CM_SHAPE(2 * c)), made(g, CM_SHAPE(c, c)), gain};
    return cm_feed_forward_plus(g, x, &f);
}

/* One of everything that is counted, whole and in parts. */
static cm_tensor *pass(cm_ctx *g) {
    cm_tensor *x = made(g, CM_SHAPE(2, 6, 4, 8)), *gain = made(g, CM_SHAPE(8)), *conv = made(g, CM_SHAPE(8, 8, 3, 3));
    cm_tensor *h = cm_conv2d(g, x, conv, gain, 2, CM_PAD_SAME);
    h = cm_group_norm_conv2d(g, h, (cm_group){gain, gain, 4, 1e-5f, CM_SILU}, conv, gain, NULL, NULL);
    h = cm_upsample_conv2d(g, h, conv, gain);
    h = cm_view(g, h, CM_SHAPE(2, 24, 8));
    cm_layer_norm_linears(g, h, gain, gain, 1e-5f, 1, &(cm_tensor *){made(g, CM_SHAPE(8, 8))}, &h);
    h = cm_attention(g, h, h, h, 2, 0, false, NULL);
    h = cm_view(g, feed(g, h), CM_SHAPE(12, 32)); /* a shape that is not taken as a whole, and one that is */
    return cm_matmul_nt(g, feed(g, h), made(g, CM_SHAPE(16, 32)));
}

Test(counting, counts_every_product_on_every_backend_and_changes_none) {
    const double convs = 2.0 * 8 * 72 * (2 * 6 + 2 * 6 + 2 * 24),
                 linears = 2.0 * (48 * 8 * (8 + 3 * 8) + 12 * 32 * 3 * 32);
    const double attention = 2.0 * 2 * 24 * 24 * 8 * 2, product = 2.0 * 12 * 32 * 16;
    for (const cm_ops *const *ops = cm_backends(); *ops; ops++) {
        cm_ctx plain, counted;
        cm_ctx_init(&plain, *ops, 1);
        cm_ctx_init(&counted, cm_counting(*ops), 1);
        const cm_tensor *a = pass(&plain), *b = pass(&counted);
        cr_assert(a && b, "%s", (*ops)->name);
        cr_assert_eq(memcmp(a->data, b->data, cm_count(a) * sizeof *a->data), 0);
        cr_assert_eq(cm_counted(), convs + linears + attention + product, "%s: %.0f", (*ops)->name, cm_counted());
        cm_ctx_free(&plain);
        cm_ctx_free(&counted);
    }
}
