// SPDX-License-Identifier: Apache-2.0
/* What holds of the Inception networks beside the goldens; on pictures of 75 x 75, the smallest. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/io/safetensors.h"
#include "core/networks/inception.h"
#include "core/tensor/tape.h"
#include "tests/unit/failing_alloc.h"
#include "tests/unit/scratch.h"

TestSuite(inception, .fini = scratch_done);

enum { SIDE = CM_INCEPTION_SIDE_LEAST };

typedef struct world {
    cm_arena a;
    cm_params *p;
    cm_inception *n;
} world;

static void begin(world *w, cm_inception_kind kind) {
    cm_arena_init(&w->a, 0);
    cr_assert_eq(cm_params_create(&w->p, 3), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_inception_build(&w->n, kind, w->p, &w->a), CM_OK, "%s", cm_why());
    cm_params_freeze(w->p);
}

static void end(world *w) {
    cm_params_close(&w->p);
    cm_arena_free(&w->a);
}

/* Picture `first` and the next ones of a row of waves. */
static cm_tensor *waves(cm_ctx *g, size_t first, size_t count) {
    cm_tensor *x = cm_tensor_new(g, CM_SHAPE(count, SIDE, SIDE, 3));
    const size_t each = SIDE * SIDE * 3;
    for (size_t i = 0; x && i < count * each; i++) {
        const float n = (float)(first + i / each + 1), at = (float)(i % each);
        x->data[i] = sinf(0.031f * n * at) * cosf(0.0007f * at / n);
    }
    return x;
}

static double apart(const float *a, const float *b, size_t n) {
    double difference = 0.0, size = 0.0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(difference / size);
}

Test(inception, has_as_many_weights_as_torchvisions) {
    /* inception_v3 without its auxiliary head: 23,834,568 parameters, and mean and variance of 17,216 channels */
    const size_t want[] = {23834568 + 8 * 2049 + 2 * 17216, 23834568 + 2 * 17216};
    for (cm_inception_kind k = CM_INCEPTION_FID; k <= CM_INCEPTION_TORCHVISION; k++) {
        cm_arena a;
        cm_params *p;
        cm_inception *n;
        cm_arena_init(&a, 0);
        cr_assert_eq(cm_params_plan(&p), CM_OK);
        cr_assert_eq(cm_inception_build(&n, k, p, &a), CM_OK, "%s", cm_why());
        cr_expect_eq(cm_params_values(p), want[k], "%zu", cm_params_values(p));
        cr_expect_eq(cm_inception_classes(n), k == CM_INCEPTION_FID ? 1008 : 1000);
        cm_params_close(&p);
        cm_arena_free(&a);
    }
}

Test(inception, features_depend_on_neither_batch_nor_threads) {
    world w;
    begin(&w, CM_INCEPTION_FID);
    for (const cm_ops *const *ops = cm_backends(); *ops; ops++) {
        cm_ctx all, one;
        cm_inception_out a, b;
        cm_ctx_init(&all, *ops, 3);
        cm_ctx_init(&one, *ops, 1);
        cm_inception_forward(&all, w.n, waves(&all, 0, 5), CM_INCEPTION_WANT_POOL | CM_INCEPTION_WANT_LOGITS, &a);
        cr_assert_eq(cm_ctx_check(&all), CM_OK, "%s", cm_why());
        for (size_t i = 0; i < 5; i += 2) {
            cm_ctx_reset(&one);
            cm_inception_forward(&one, w.n, waves(&one, i, 1), CM_INCEPTION_WANT_POOL | CM_INCEPTION_WANT_LOGITS, &b);
            cr_assert_eq(cm_ctx_check(&one), CM_OK, "%s", cm_why());
            const double limit = *ops == cm_ops_ref() ? 0.0 : 1e-5;
            const double far = apart(a.pool->data + i * CM_INCEPTION_POOL, b.pool->data, CM_INCEPTION_POOL);
            cr_expect_leq(far, limit, "%s, picture %zu: %g", (*ops)->name, i, far);
            cr_expect_leq(apart(a.logits->data + i * 1008, b.logits->data, 1008), limit, "%s, logits of %zu",
                          (*ops)->name, i);
        }
        cr_expect_gt(apart(a.pool->data, a.pool->data + CM_INCEPTION_POOL, CM_INCEPTION_POOL), 1e-3, "pictures differ");
        cm_ctx_free(&all);
        cm_ctx_free(&one);
    }
    end(&w);
}

Test(inception, the_two_networks_differ) {
    world f, t;
    cm_ctx g;
    cm_inception_out a, b;
    begin(&f, CM_INCEPTION_FID);
    begin(&t, CM_INCEPTION_TORCHVISION);
    cm_ctx_init(&g, cm_ops_f32(), 1);
    cm_tensor *x = waves(&g, 0, 1);
    cm_inception_forward(&g, f.n, x, CM_INCEPTION_WANT_POOL, &a);
    cm_inception_forward(&g, t.n, x, CM_INCEPTION_WANT_POOL, &b);
    cr_assert_eq(cm_ctx_check(&g), CM_OK, "%s", cm_why());
    cr_expect_gt(apart(a.pool->data, b.pool->data, CM_INCEPTION_POOL), 1e-2, "the same weights, other pools");
    cm_ctx_free(&g);
    end(&f);
    end(&t);
}

Test(inception, gives_what_is_wanted) {
    world w;
    cm_ctx g;
    cm_inception_out all, o;
    begin(&w, CM_INCEPTION_FID);
    cm_ctx_init(&g, cm_ops_f32(), 1);
    cm_tensor *x = waves(&g, 0, 1);
    cm_inception_forward(&g, w.n, x, 15, &all);
    cr_assert_eq(cm_ctx_check(&g), CM_OK, "%s", cm_why());
    const float *bias = cm_param(w.p, CM_INIT_BIAS, CM_SHAPE(1008), "fc.bias")->data;
    for (size_t i = 0; i < 1008; i++) cr_assert_eq(all.logits->data[i], all.logits_unbiased->data[i] + bias[i]);
    for (unsigned wanted = 0; wanted < 16; wanted++) {
        cm_inception_forward(&g, w.n, x, wanted, &o);
        cr_expect_eq(!o.pool, !(wanted & CM_INCEPTION_WANT_POOL));
        cr_expect_eq(!o.spatial, !(wanted & CM_INCEPTION_WANT_SPATIAL));
        cr_expect_eq(!o.logits_unbiased, !(wanted & CM_INCEPTION_WANT_LOGITS_UNBIASED));
        cr_expect_eq(!o.logits, !(wanted & CM_INCEPTION_WANT_LOGITS));
        if (o.pool) cr_expect_arr_eq(o.pool->data, all.pool->data, CM_INCEPTION_POOL * sizeof(float));
        if (o.logits) cr_expect_arr_eq(o.logits->data, all.logits->data, 1008 * sizeof(float));
    }
    cr_expect_eq(cm_ctx_check(&g), CM_OK);
    cm_ctx_free(&g);
    end(&w);
}

Test(inception, saves_what_it_asked_for_and_nothing_made_of_it) {
    world w;
    const char *path = scratch("folded.safetensors");
    cm_safetensors *f = NULL;
    begin(&w, CM_INCEPTION_FID);
    cr_assert_eq(cm_params_save(w.p, path, CM_BF16, NULL, NULL), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_safetensors_open(&f, path), CM_OK, "%s", cm_why());
    cr_expect_eq(cm_safetensors_count(f), 94 * 5 + 2);
    cr_expect(cm_safetensors_find(f, "Mixed_7c.branch3x3dbl_3b.bn.running_var"));
    cm_safetensors_close(&f);
    end(&w);
}

/* --- weights that will not do ------------------------------------------------------------ */

static void expect_refusal(const char *path, cm_inception_kind kind, const char *const *says) {
    cm_arena a;
    cm_params *p;
    cm_inception *n = NULL;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_params_open(&p, path), CM_OK, "%s", cm_why());
    cr_expect_eq(cm_inception_build(&n, kind, p, &a), CM_EFORMAT);
    cr_expect_null(n);
    for (; *says; says++) cr_expect(strstr(cm_why(), *says), "'%s' is not in: %s", *says, cm_why());
    cm_params_close(&p);
    cm_arena_free(&a);
}

Test(inception, refuses_a_file_of_other_weights_by_name) {
    const char *path = scratch("other.safetensors");
    float *fc = calloc(1000 * 2048, sizeof *fc);
    const cm_store_item items[] = {
        {.name = "fc.weight", .dtype = CM_F32, .ndim = 2, .shape = (const size_t[]){1000, 2048}, .floats = fc},
        {.name = "fc.bias", .dtype = CM_F32, .ndim = 1, .shape = (const size_t[]){1000}, .floats = fc},
        {.name = "AuxLogits.fc.bias", .dtype = CM_F32, .ndim = 1, .shape = (const size_t[]){1000}, .floats = fc},
        {.name = "Conv2d_1a_3x3.bn.num_batches_tracked",
         .dtype = CM_F32,
         .ndim = 1,
         .shape = (const size_t[]){1},
         .floats = fc}};
    cr_assert_eq(cm_safetensors_write(path, items, 4, NULL), CM_OK, "%s", cm_why());
    expect_refusal(path, CM_INCEPTION_FID,
                   (const char *const[]){"inception-2015-12-05 (1008 classes, pt_inception-2015-12-05-6726825d.pth)",
                                         "470 missing: Conv2d_1a_3x3.conv.weight",
                                         "2 of another shape: fc.weight is [1000,2048], not [1008,2048]", NULL});
    expect_refusal(path, CM_INCEPTION_TORCHVISION,
                   (const char *const[]){"inception-torchvision (1000 classes, ", "weights 470 missing", NULL});
    fc[5] = NAN;
    cr_assert_eq(cm_safetensors_write(path, items, 4, NULL), CM_OK, "%s", cm_why());
    expect_refusal(path, CM_INCEPTION_TORCHVISION,
                   (const char *const[]){"2 not a finite number in: fc.weight, fc.bias", NULL});
    free(fc);
}

Test(inception, refuses_a_variance_below_0) {
    world w;
    cm_inception *again = NULL;
    begin(&w, CM_INCEPTION_FID);
    cm_param(w.p, CM_INIT_VARIANCE, CM_SHAPE(192), "Mixed_6d.branch_pool.bn.running_var")->data[7] = -0.5f;
    cr_expect_eq(cm_inception_build(&again, CM_INCEPTION_FID, w.p, &w.a), CM_EFORMAT);
    cr_expect_null(again);
    cr_expect(strstr(cm_why(), "Mixed_6d.branch_pool.bn.running_var is -0.5 for channel 7"), "%s", cm_why());
    end(&w);
}

Test(inception, has_no_gradient_and_says_so) {
    world w;
    cm_ctx g;
    cm_inception_out o;
    begin(&w, CM_INCEPTION_FID);
    cm_ctx_init(&g, cm_ops_f32(), 1);
    cm_tape_open(&g);
    cm_tensor *x = waves(&g, 0, 1);
    x->needs_grad = true;
    cm_inception_forward(&g, w.n, x, 15, &o);
    cr_expect_eq(cm_ctx_check(&g), CM_EUNAVAILABLE);
    cr_expect(strstr(cm_why(), "has no gradient"), "%s", cm_why());
    cr_expect(!o.pool && !o.spatial && !o.logits && !o.logits_unbiased);
    cm_ctx_free(&g);
    end(&w);
}

/* Build and pass, with an allocation that fails; then without. */
static cm_status whole(const cm_ops *ops) {
    cm_arena a;
    cm_params *p = NULL;
    cm_inception *n;
    cm_inception_out o;
    cm_ctx g;
    cm_arena_init(&a, 0);
    cm_ctx_init(&g, ops, 1);
    cm_status s = cm_params_create(&p, 1);
    if (s == CM_OK) s = cm_inception_build(&n, CM_INCEPTION_FID, p, &a);
    if (s == CM_OK) {
        cm_params_freeze(p);
        cm_inception_forward(&g, n, waves(&g, 0, 1), 15, &o);
        s = cm_ctx_check(&g);
    }
    cm_params_close(&p);
    cm_ctx_free(&g);
    cm_arena_free(&a);
    return s;
}

Test(inception, any_allocation_may_fail_and_it_says_so) {
    const cm_ops *const ops[] = {cm_ops_f32(), cm_ops_bf16x3()};
    for (size_t i = 0; i < 2; i++) {
        long failed = 0;
        cr_assert_eq(whole(ops[i]), CM_OK, "%s", cm_why());
        for (long n = 0;; n += 1 + n / 8) { /* each pass makes all weights */
            cm_test_fail_once = n;
            const cm_status s = whole(ops[i]);
            const bool reached = cm_test_fail_once < 0;
            cm_test_fail_once = -1;
            cr_assert(s == CM_OK || s == CM_ENOMEM, "allocation %ld: %s", n, cm_why());
            failed += s == CM_ENOMEM;
            if (!reached) break;
        }
        cr_expect_gt(failed, 5);
    }
}
