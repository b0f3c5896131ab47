// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/base/threads.h"
#include "core/tensor/nn.h"
#include "core/tensor/tape.h"

static cm_ctx g;

static void begin(void) {
    cm_ctx_init(&g, cm_ops_ref(), 1);
}

static void end(void) {
    cm_ctx_free(&g);
}

TestSuite(tensor, .init = begin, .fini = end);
TestSuite(tape, .init = begin, .fini = end);
TestSuite(reference, .init = begin, .fini = end);

static cm_tensor *ramp(int ndim, const size_t *shape) {
    cm_tensor *x = cm_tensor_new(&g, ndim, shape);
    for (size_t i = 0; i < cm_count(x); i++) x->data[i] = (float)((i * 37) % 101) / 50.0f - 1.0f;
    return x;
}

/* A parameter as networks hold it: outside the context, with a gradient of its own. */
#define PARAMETER(name, n, first)                                                                                      \
    float name##_data[n] = {first}, name##_grad[n] = {0};                                                              \
    cm_tensor name = {                                                                                                 \
        .data = name##_data, .grad = name##_grad, .ndim = 1, .shape = {n}, .needs_grad = true, .is_param = true}

Test(tensor, memory_of_a_dropped_tensor_is_used_again) {
    cm_tensor *a = cm_tensor_new(&g, CM_SHAPE(3, 40, 40));
    const float *data = a->data;
    cm_drop(&g, a);
    cm_tensor *b = cm_tensor_new(&g, CM_SHAPE(4800));
    cr_expect_eq(b->data, data);
    cr_expect_neq(cm_tensor_new(&g, CM_SHAPE(4800))->data, data);
}

Test(tensor, a_slightly_smaller_tensor_takes_a_dropped_one) {
    cm_tensor *a = cm_tensor_new(&g, CM_SHAPE(10000));
    const float *data = a->data;
    cm_drop(&g, a);
    cr_expect_eq(cm_tensor_new(&g, CM_SHAPE(8000))->data, data);
}

Test(tensor, a_much_smaller_or_larger_tensor_does_not_take_it) {
    cm_tensor *a = cm_tensor_new(&g, CM_SHAPE(10000));
    const float *data = a->data;
    cm_drop(&g, a);
    cr_expect_neq(cm_tensor_new(&g, CM_SHAPE(1000))->data, data);
    cr_expect_neq(cm_tensor_new(&g, CM_SHAPE(20000))->data, data);
}

Test(tensor, every_size_fits_its_memory) {
    for (size_t n = 1; n < 3000; n++) {
        cm_tensor *a = cm_tensor_new(&g, CM_SHAPE(n)), *b = cm_tensor_new(&g, CM_SHAPE(n));
        memset(a->data, 1, n * sizeof(float));
        b->data[0] = 7.0f;
        memset(a->data, 2, n * sizeof(float));
        cr_assert_eq(b->data[0], 7.0f);
        cm_drop(&g, a);
        cm_drop(&g, b);
    }
}

Test(tensor, a_view_keeps_the_memory_alive) {
    cm_tensor *a = cm_tensor_zero(&g, CM_SHAPE(2, 600)), *v = cm_view(&g, a, CM_SHAPE(1200));
    cm_drop(&g, a);
    cm_tensor *b = cm_tensor_new(&g, CM_SHAPE(1200));
    cr_expect_neq(b->data, v->data);
    const float *data = v->data;
    cm_drop(&g, v);
    cr_expect_eq(cm_tensor_new(&g, CM_SHAPE(1200))->data, data);
}

static void small_pass(void) {
    cm_tensor *x = ramp(CM_SHAPE(2, 6, 5, 3)), *w = ramp(CM_SHAPE(4, 3, 3, 3));
    cm_tensor *h = cm_conv2d(&g, x, w, NULL, 1, CM_PAD_SAME);
    cm_drop(&g, x);
    for (int i = 0; i < 20; i++) {
        cm_tensor *next = cm_activate(&g, h, CM_SILU);
        cm_drop(&g, h);
        h = next;
    }
    cr_assert_eq(cm_ctx_check(&g), CM_OK);
    cm_ctx_reset(&g);
}

Test(tensor, a_warm_pass_asks_nothing_of_the_system) {
    small_pass();
    const size_t peak = g.memory.peak;
    const void *first = g.memory.first;
    for (int i = 0; i < 5; i++) small_pass();
    cr_expect_eq(g.memory.peak, peak);
    cr_expect_eq(g.memory.first, first);
    cr_expect_eq(g.memory.used, 0);
}

Test(tensor, a_long_chain_with_drops_stays_small) {
    cm_tensor *x = ramp(CM_SHAPE(100000));
    for (int i = 0; i < 50; i++) {
        cm_tensor *y = cm_scale(&g, x, 0.5f);
        cm_drop(&g, x);
        x = y;
    }
    cr_expect_lt(g.memory.peak, 3u * 100000u * sizeof(float));
}

Test(tensor, failure_is_sticky_and_accepts_null) {
    cm_tensor *x = ramp(CM_SHAPE(2, 3));
    cr_expect_null(cm_ctx_fail(&g, CM_EUNDEFINED, "first %d", 1));
    cm_ctx_fail(&g, CM_EIO, "second");
    cr_expect_null(cm_scale(&g, x, 2.0f));
    cr_expect_null(cm_add(&g, NULL, x));
    cr_expect_null(cm_conv2d(&g, NULL, NULL, NULL, 1, CM_PAD_SAME));
    cr_expect_null(cm_view(&g, NULL, CM_SHAPE(1)));
    cm_drop(&g, NULL);
    cr_expect_eq(cm_ctx_check(&g), CM_EUNDEFINED);
    cr_expect_str_eq(cm_why(), "first 1");
    cm_ctx_reset(&g);
    cr_expect_eq(cm_ctx_check(&g), CM_OK);
    cr_expect_not_null(cm_tensor_new(&g, CM_SHAPE(2)));
}

Test(tensor, an_absurd_shape_is_a_status) {
    cr_expect_null(cm_tensor_new(&g, CM_SHAPE((size_t)1 << 40, (size_t)1 << 40)));
    cr_expect_eq(cm_ctx_check(&g), CM_ENOMEM);
}

Test(tape, parameters_gather_gradients_over_passes) {
    PARAMETER(p, 1, 3.0f);
    for (int pass = 1; pass <= 3; pass++) {
        cm_tape_open(&g);
        cm_tape_backward(&g, cm_mul(&g, &p, &p), 0.5f);
        cm_ctx_reset(&g);
        cr_expect_float_eq(p_grad[0], 3.0f * (float)pass, 1e-6f);
    }
}

Test(tape, frozen_parts_record_nothing) {
    cm_tensor *x = ramp(CM_SHAPE(3, 4));
    cm_tape_open(&g);
    cm_tensor *y = cm_activate(&g, x, CM_SILU);
    const float *data = y->data;
    cr_expect(!y->needs_grad);
    cm_drop(&g, y);
    cr_expect_eq(cm_tensor_new(&g, CM_SHAPE(3, 4))->data, data, "no node holds it: its memory is free");
}

Test(tape, dropped_activations_live_until_their_node_has_run) {
    PARAMETER(p, 64, 0.5f);
    cm_tape_open(&g);
    cm_tensor *y = cm_exp(&g, &p);
    cm_tensor *z = cm_mul(&g, y, y);
    const float *data = y->data;
    cm_drop(&g, y);
    cr_expect_neq(cm_tensor_new(&g, CM_SHAPE(64))->data, data);
    const float first = z->data[0];
    cm_tensor *loss = cm_mse_loss(&g, z, (float[64]){0}, NULL);
    cm_drop(&g, z);
    cm_tape_backward(&g, loss, 1.0f);
    cr_expect_float_eq(p_grad[0], 4.0f * first * first / 64.0f, 1e-4f); /* exp(4p)/64 by p */
    cr_expect_float_eq(p_grad[1], 4.0f / 64.0f, 1e-6f);
}

Test(tape, views_share_gradients) {
    PARAMETER(p, 6, 1.0f);
    cm_tape_open(&g);
    cm_tensor *y = cm_scale(&g, &p, 2.0f), *v = cm_view(&g, y, CM_SHAPE(2, 3)), *w = cm_view(&g, &p, CM_SHAPE(3, 2));
    cm_tensor *a = cm_mse_loss(&g, v, (float[6]){0}, NULL), *b = cm_mse_loss(&g, y, (float[6]){0}, NULL);
    cm_tensor *c = cm_mse_loss(&g, w, (float[6]){0}, NULL);
    cm_tape_backward(&g, cm_weighted_sum(&g, (cm_tensor *[]){a, b, c}, (float[]){1.0f, 1.0f, 1.0f}, 3), 1.0f);
    cr_expect_float_eq(p_grad[0], (2.0f * 4.0f * 2.0f + 2.0f) / 6.0f, 1e-6f);
}

Test(tape, a_warm_training_step_asks_nothing_of_the_system) {
    PARAMETER(w, 27 * 4, 0.3f);
    w.ndim = 4;
    memcpy(w.shape, (size_t[]){4, 3, 3, 3}, 4 * sizeof(size_t));
    size_t peak = 0;
    for (int i = 0; i < 4; i++) {
        cm_tape_open(&g);
        cm_tensor *y = cm_conv2d(&g, ramp(CM_SHAPE(2, 6, 5, 3)), &w, NULL, 1, CM_PAD_SAME);
        cm_tensor *z = cm_activate(&g, y, CM_GELU);
        cm_tape_backward(&g, cm_mean_hw(&g, cm_view(&g, z, CM_SHAPE(1, cm_count(z), 1))), 1.0f);
        cr_assert_eq(cm_ctx_check(&g), CM_OK);
        cm_ctx_reset(&g);
        if (i == 0) peak = g.memory.peak;
    }
    cr_expect_eq(g.memory.peak, peak);
}

static void one_worker(void *arg, size_t i, int worker) {
    (void)worker;
    const cm_ops *ops = arg;
    cm_ctx own;
    cm_ctx_init(&own, ops, 1);
    float weight[8 * 72], grad[2][8 * 72] = {{0}};
    for (size_t k = 0; k < 8 * 72; k++) weight[k] = (float)((k * 29) % 97) / 97.0f - 0.5f;
    for (int pass = 0; pass < 2; pass++) {
        cm_tensor w = {
            .data = weight, .grad = grad[pass], .ndim = 4, .shape = {8, 8, 3, 3}, .needs_grad = true, .is_param = true};
        cm_tape_open(&own);
        cm_tensor *x = cm_tensor_new(&own, CM_SHAPE(2, 12, 8, 8));
        for (size_t k = 0; k < cm_count(x); k++) x->data[k] = (float)((k * 37) % 101) / 50.0f - 1.0f;
        cm_tensor *y = cm_activate(&own, cm_conv2d(&own, x, &w, NULL, 1, CM_PAD_SAME), CM_SILU);
        cm_tape_backward(&own, cm_kl_loss(&own, y, y), 1.0f);
        cr_assert_eq(cm_ctx_check(&own), CM_OK);
        cm_ctx_reset(&own);
    }
    cr_expect_eq(memcmp(grad[0], grad[1], sizeof grad[0]), 0, "%s, worker %zu", ops->name, i);
    cm_ctx_free(&own);
}

Test(tape, contexts_in_several_threads_do_not_meet) {
    for (const cm_ops *const *ops = cm_backends(); *ops; ops++) cm_parallel(3, 24, one_worker, (void *)(uintptr_t)*ops);
}

/* One sample's answer may not depend on its neighbours in the batch. */
Test(reference, is_bit_equal_for_any_split_of_a_batch) {
    const size_t n = 3, per = 6 * 5 * 8;
    cm_tensor *x = ramp(CM_SHAPE(n, 6, 5, 8)), *w = ramp(CM_SHAPE(8, 8, 3, 3)), *gain = ramp(CM_SHAPE(8));
    cm_tensor *whole = NULL;
    for (size_t split = 0; split <= n; split++) {
        cm_tensor *part = split == 0 ? x : cm_tensor_copy(&g, CM_SHAPE(1, 6, 5, 8), x->data + (split - 1) * per);
        cm_tensor *h = cm_group_norm(&g, part, gain, gain, 4, 1e-5f, CM_SILU);
        h = cm_conv2d(&g, h, w, gain, 1, CM_PAD_SAME);
        cm_tensor *t = cm_view(&g, h, CM_SHAPE(part->shape[0], 30, 8));
        h = cm_layer_norm(&g, cm_attention(&g, t, t, t, 2, 0.0f, true, NULL), gain, gain, 1e-5f);
        if (split == 0) {
            whole = h;
        } else {
            cr_expect_eq(memcmp(h->data, whole->data + (split - 1) * per, per * sizeof(float)), 0);
        }
    }
}

Test(reference, softmax_of_large_scores_is_finite) {
    cm_tensor *x = cm_tensor_copy(&g, CM_SHAPE(1, 3), (float[]){3e38f, 3e38f, -3e38f});
    const cm_tensor *y = cm_softmax_last(&g, x);
    cr_expect_float_eq(y->data[0], 0.5f, 1e-7f);
    cr_expect_eq(y->data[2], 0.0f);
}

Test(reference, a_nan_stays_visible_through_every_activation) {
    for (int kind = 0; kind < CM_ACT_COUNT; kind++) {
        cm_tensor *x = cm_tensor_copy(&g, CM_SHAPE(2), (float[]){NAN, 1.0f});
        const cm_tensor *y = cm_activate(&g, x, (cm_act)kind);
        cr_expect(isnan(y->data[0]) && isfinite(y->data[1]));
    }
    cm_tensor *x = cm_tensor_copy(&g, CM_SHAPE(1, 2, 2, 1), (float[]){1.0f, NAN, 3.0f, 4.0f});
    cr_expect(isnan(cm_max_pool(&g, x, 2, 1)->data[0]));
    cr_expect(isnan(cm_clamp(&g, x, 0.0f, 1.0f)->data[1]));
}

Test(reference, cross_entropy_of_no_rows_is_zero_and_so_is_its_gradient) {
    PARAMETER(p, 4, 1.0f);
    cm_tape_open(&g);
    cm_tensor *loss = cm_cross_entropy(&g, cm_view(&g, &p, CM_SHAPE(2, 2)), (int[]){-1, -1}, NULL, NULL);
    cr_expect_eq(loss->data[0], 0.0f);
    cm_tape_backward(&g, loss, 1.0f);
    cr_expect_eq(p_grad[0], 0.0f);
}

Test(backends, are_found_by_name) {
    cr_expect_eq(cm_backend_find("ref"), cm_ops_ref());
    cr_expect_eq(cm_backend_find("f32"), cm_ops_f32());
    cr_expect_null(cm_backend_find("avx3"));
}
