// SPDX-License-Identifier: Apache-2.0
/* Every allocation fails once: a pass with a tape must end in one status, touch nothing it
 * did not get (under ASan), and work again afterwards. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/tensor/nn.h"
#include "core/tensor/tape.h"
#include "tests/unit/failing_alloc.h"

static void fill(cm_tensor *x) {
    for (size_t i = 0; x && i < cm_count(x); i++) x->data[i] = (float)((i * 37) % 101) / 50.0f - 1.0f;
}

static cm_tensor *leaf(cm_ctx *g, int ndim, const size_t *shape) {
    cm_tensor *x = cm_tensor_new(g, ndim, shape);
    fill(x);
    if (x) x->needs_grad = true;
    return x;
}

static cm_status pass(cm_ctx *g) {
    cm_tape_open(g);
    cm_tensor *x = leaf(g, CM_SHAPE(2, 6, 4, 8)), *gain = leaf(g, CM_SHAPE(8)), *w = leaf(g, CM_SHAPE(8, 8, 3, 3));
    cm_tensor *wide = leaf(g, CM_SHAPE(16, 8));
    cm_tensor *h = cm_group_norm(g, x, gain, gain, 4, 1e-5f, CM_SILU);
    h = cm_conv2d(g, h, w, gain, 1, CM_PAD_SAME);
    h = cm_add(g, x, h);
    cm_tensor *t = h ? cm_view(g, h, CM_SHAPE(2, 24, 8)) : NULL, *probs;
    t = cm_layer_norm(g, cm_attention(g, t, t, t, 2, 0.0f, false, &probs), gain, gain, 1e-5f);
    t = cm_geglu(g, cm_linear(g, t, wide, NULL));
    t = cm_normalize_last(g, cm_softmax_last(g, t), 1e-6f);
    t = cm_concat_last(g, t, cm_gather_rows(g, gain, (size_t[48]){0}, 48));
    cm_tensor *up = cm_max_pool(g, cm_upsample_bilinear(g, cm_upsample_nearest2(g, h), 7, 5), 2, 2);
    const int labels[48] = {0, 1, 2};
    cm_tensor *terms[] = {cm_cross_entropy(g, t, labels, NULL, NULL), cm_kl_loss(g, up, up)};
    cm_tape_backward(g, cm_weighted_sum(g, terms, (float[]){1.0f, 0.1f}, 2), 1.0f);
    return cm_ctx_check(g);
}

Test(memory, any_allocation_may_fail_and_the_pass_says_so) {
    for (const cm_ops *const *ops = cm_backends(); *ops; ops++) {
        long n = 0;
        cm_status s = CM_ENOMEM;
        for (; s != CM_OK; n++) {
            cm_ctx g;
            cm_ctx_init(&g, *ops, 1);
            g.memory.block_bytes = g.scratch.block_bytes = 512; /* many small blocks: many places to fail */
            cm_test_fail_once = n;
            s = pass(&g);
            cm_test_fail_once = -1;
            cr_assert(s == CM_OK || s == CM_ENOMEM, "%s: allocation %ld: %s", (*ops)->name, n, cm_why());
            cm_ctx_reset(&g);
            cr_assert_eq(pass(&g), CM_OK, "%s: after allocation %ld failed: %s", (*ops)->name, n, cm_why());
            cm_ctx_free(&g);
        }
        cr_expect_gt(n, 50);
    }
}
