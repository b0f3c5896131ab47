// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <string.h>

#include "core/tensor/nn.h"
#include "harness/counting.h"

static void fill(cm_tensor *x) {
    for (size_t i = 0; i < cm_count(x); i++) x->data[i] = (float)((i * 37) % 101) / 50.0f - 1.0f;
}

static cm_tensor *made(cm_ctx *g, int ndim, const size_t *shape) {
    cm_tensor *x = cm_tensor_new(g, ndim, shape);
    fill(x);
    return x;
}

/* One of everything that is counted, whole and in parts. */
static cm_tensor *pass(cm_ctx *g) {
    cm_tensor *x = made(g, CM_SHAPE(2, 6, 4, 8)), *gain = made(g, CM_SHAPE(8)), *conv = made(g, CM_SHAPE(8, 8, 3, 3));
    cm_tensor *up = made(g, CM_SHAPE(16, 8)), *h = cm_conv2d(g, x, conv, gain, 2, CM_PAD_SAME);
    h = cm_group_norm_conv2d(g, h, (cm_group){gain, gain, 4, 1e-5f, CM_SILU}, conv, gain, NULL, NULL);
    h = cm_doubled_conv2d(g, h, conv, gain);
    h = cm_view(g, h, CM_SHAPE(2, 24, 8));
    cm_layer_norm_linears(g, h, gain, gain, 1e-5f, 1, &(cm_tensor *){made(g, CM_SHAPE(8, 8))}, &h);
    h = cm_attention(g, h, h, h, 2, 0, false, NULL);
    h = cm_feed_forward_plus(g, h, &(cm_feed_forward){gain, gain, 1e-5f, up, made(g, CM_SHAPE(16)), made(g, CM_SHAPE(8, 8)), gain});
    return cm_matmul_nt(g, cm_view(g, h, CM_SHAPE(48, 8)), up);
}

Test(counting, counts_every_product_on_every_backend_and_changes_none) {
    const double convs = 2.0 * 8 * 72 * (2 * 6 + 2 * 6 + 2 * 24), linears = 2.0 * 48 * 8 * (8 + 16 + 8);
    const double attention = 2.0 * 2 * 24 * 24 * 8 * 2, product = 2.0 * 48 * 8 * 16;
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
