// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/networks/params.h"
#include "core/tensor/nn.h"
#include "tests/unit/scratch.h"

/* A small network's build: two layers and an embedding. */
static void build(cm_params *p) {
    cm_param(p, CM_INIT_LINEAR, CM_SHAPE(8, 4, 3, 3), "%s.weight", "conv");
    cm_param(p, CM_INIT_BIAS, CM_SHAPE(8), "conv.bias");
    cm_param(p, CM_INIT_ONE, CM_SHAPE(8), "norm.weight");
    cm_param(p, CM_INIT_ZERO, CM_SHAPE(8), "norm.bias");
    cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(100, 50), "words.weight");
}

static cm_params *created(uint64_t seed) {
    cm_params *p;
    cr_assert_eq(cm_params_create(&p, seed), CM_OK);
    build(p);
    cr_assert_eq(cm_params_check(p, true), CM_OK, "%s", cm_why());
    return p;
}

static cm_params *opened(const char *path) {
    cm_params *p = NULL;
    cr_assert_eq(cm_params_open(&p, path), CM_OK, "%s", cm_why());
    return p;
}

static bool equal(const cm_params *a, const cm_params *b) {
    char x[65], y[65];
    cr_assert_eq(cm_params_hash(a, x), CM_OK);
    cr_assert_eq(cm_params_hash(b, y), CM_OK);
    return strcmp(x, y) == 0;
}

static void save(const cm_params *p, const char *path, cm_dtype type) {
    cr_assert_eq(cm_params_save(p, path, type, NULL, NULL), CM_OK, "%s", cm_why());
}

Test(params, a_seed_makes_the_same_weights_in_any_order) {
    cm_params *a = created(1), *b = created(1), *c = created(2), *d;
    cr_assert(equal(a, b) && !equal(a, c));
    cr_assert_eq(cm_params_create(&d, 1), CM_OK);
    const cm_tensor *words = cm_param(d, CM_INIT_EMBEDDING, CM_SHAPE(100, 50), "words.weight");
    cr_assert_arr_eq(words->data, cm_params_at(a, 4)->data, 5000 * sizeof(float));
    cr_assert(words->is_param && !words->needs_grad && !words->grad);
    cr_assert_eq(cm_params_count(a), 5);
    cr_assert_eq(cm_params_values(a), 8 * 36 + 3 * 8 + 5000);
    cr_assert_str_eq(cm_params_name(a, 0), "conv.weight");
    cm_params_close(&a), cm_params_close(&b), cm_params_close(&c), cm_params_close(&d);
}

/* Five standard errors each. */
Test(params, initial_values_have_their_distribution) {
    cm_params *p;
    cr_assert_eq(cm_params_create(&p, 3), CM_OK);
    cm_param(p, CM_INIT_LINEAR, CM_SHAPE(1000, 25, 2, 8), "w"); /* fan in 400: +-0.05 */
    const cm_tensor *w = cm_params_at(p, 0);
    const cm_tensor *b = cm_param(p, CM_INIT_BIAS, CM_SHAPE(1000), "b");
    const cm_tensor *e = cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(1000, 400), "e");
    double mean = 0, square = 0, normal = 0, normal2 = 0, normal4 = 0, pair = 0;
    enum { N = 400000 };
    for (size_t i = 0; i < N; i++) {
        const double x = (double)w->data[i] / 0.05, y = (double)e->data[i] / 0.02;
        cr_assert(fabs(x) <= 1.000001);
        mean += x / N, square += x * x / N;
        normal += y / N, normal2 += y * y / N, normal4 += y * y * y * y / N;
        pair += x * (i ? (double)w->data[i - 1] / 0.05 : 0) / N;
    }
    for (size_t i = 0; i < 1000; i++) cr_assert(fabsf(b->data[i]) <= 0.0500001f);
    cr_assert_float_eq(mean, 0, 5 * 0.577 / sqrt(N));
    cr_assert_float_eq(square, 1.0 / 3, 5 * 0.298 / sqrt(N));
    cr_assert_float_eq(pair, 0, 5 / 3.0 / sqrt(N));
    cr_assert_float_eq(normal, 0, 5 / sqrt(N));
    cr_assert_float_eq(normal2, 1, 5 * sqrt(2.0 / N));
    cr_assert_float_eq(normal4, 3, 5 * sqrt(96.0 / N));
    cm_params_close(&p);
}

Test(params, what_is_saved_is_loaded_and_f32_stays_mapped) {
    cm_params *a = created(1);
    const char *const metadata[] = {"arm", "base", NULL};
    cr_assert_eq(cm_params_save(a, scratch("m.safetensors"), CM_F32, NULL, metadata), CM_OK, "%s", cm_why());
    cm_params *b = opened(scratch("m.safetensors"));
    build(b);
    cr_assert_eq(cm_params_check(b, true), CM_OK, "%s", cm_why());
    cr_assert(equal(a, b));
    cr_assert(cm_param_exists(b, "conv.bias") && !cm_param_exists(b, "conv.bia") && !cm_param_exists(a, "conv.bias"));
    cr_assert_eq(cm_param(b, CM_INIT_BIAS, CM_SHAPE(8), "conv.bias"), cm_params_at(b, 1),
                 "asked again, the same tensor");
    cm_params_close(&a), cm_params_close(&b);
    scratch_done();
}

Test(params, half_and_bfloat_are_widened) {
    cm_params *a = created(1);
    for (int k = 0; k < 2; k++) {
        save(a, scratch("m.safetensors"), k ? CM_BF16 : CM_F16);
        cm_params *b = opened(scratch("m.safetensors"));
        build(b);
        cr_assert_eq(cm_params_check(b, true), CM_OK, "%s", cm_why());
        const float *x = cm_params_at(a, 0)->data, *y = cm_params_at(b, 0)->data;
        for (int i = 0; i < 288; i++) cr_assert(fabsf(x[i] - y[i]) <= fabsf(x[i]) * (k ? 0x1p-8f : 0x1p-11f) + 1e-7f);
        cm_params_close(&b);
    }
    cm_params_close(&a);
    scratch_done();
}

Test(params, a_folder_is_searched_for_the_usual_names) {
    static const char *const names[] = {"model.fp16.safetensors", "model.safetensors",
                                        "diffusion_pytorch_model.safetensors"};
    cm_params *p = NULL;
    scratch("");
    cr_assert_eq(cm_params_open(&p, scratch_folder), CM_EIO);
    cr_assert(strstr(cm_why(), "no weights (safetensors"), "%s", cm_why());
    for (uint64_t i = 0; i < 3; i++) { /* each is taken before those there already */
        cm_params *a = created(i);
        save(a, scratch(names[i]), CM_F32);
        p = opened(scratch_folder);
        build(p);
        cr_assert(equal(a, p), "%s", names[i]);
        cm_params_close(&p), cm_params_close(&a);
    }
    p = opened(scratch("model")); /* without its ending */
    cm_params_close(&p);
    cr_assert_eq(cm_params_open(&p, scratch("nothing")), CM_EIO);
    cr_assert(strstr(cm_why(), "no such file"), "%s", cm_why());
    scratch_done();
}

Test(params, a_sharded_index_is_read_as_one) {
    static const char *const index = "{\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\"}}";
    const float x[2] = {1, 2}, y[2] = {3, 4};
    const cm_store_item a = {"a", CM_F32, 1, (const size_t[]){2}, x, NULL},
                        b = {"b", CM_F32, 1, (const size_t[]){2}, y, NULL};
    cr_assert_eq(cm_safetensors_write(scratch("model-1.safetensors"), &a, 1, NULL), CM_OK);
    cr_assert_eq(cm_safetensors_write(scratch("model-2.safetensors"), &b, 1, NULL), CM_OK);
    scratch_write("model.safetensors.index.json", index, strlen(index));
    cm_params *p = opened(scratch_folder);
    cr_assert_eq(cm_param(p, CM_INIT_ZERO, CM_SHAPE(2), "a")->data[1], 2);
    cm_left_over left = {0};
    cm_params_add_left_over(p, &left);
    cr_assert(left.count == 1 && strcmp(left.names[0], "b") == 0);
    cr_assert_eq(cm_params_check(p, true), CM_OK, "what is left over is a warning");
    cr_assert_eq(cm_param(p, CM_INIT_ZERO, CM_SHAPE(2), "b")->data[1], 4);
    left = (cm_left_over){0};
    cm_params_add_left_over(p, &left);
    cr_assert_eq(left.count, 0);
    cm_params_close(&p);
    remove(scratch("model-2.safetensors"));
    cr_assert_eq(cm_params_open(&p, scratch_folder), CM_EIO);
    cr_assert(strstr(cm_why(), "model-2.safetensors"), "%s", cm_why());
    static const char *const outside = "{\"weight_map\":{\"a\":\"../model-1.safetensors\"}}";
    scratch_write("model.safetensors.index.json", outside, strlen(outside));
    cr_assert_eq(cm_params_open(&p, scratch_folder), CM_EFORMAT);
    scratch_done();
}

static void copy_file(const char *from, const char *name) {
    static unsigned char bytes[1 << 14];
    FILE *f = fopen(from, "rb");
    const size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    scratch_write(name, bytes, n);
}

Test(params, torchs_files_are_read_where_there_are_no_safetensors) {
    static const char *const index = "{\"weight_map\":{\"x\":\"one.bin\",\"0.bias\":\"two.bin\"}}";
    const float other[2] = {7, 8};
    const cm_store_item item = {"x", CM_F32, 1, (const size_t[]){2}, other, NULL};
    copy_file(CM_TESTS_DIR "/golden/torch/ema.pth", "one.bin");
    copy_file(CM_TESTS_DIR "/golden/torch/module.bin", "two.bin");
    scratch_write("diffusion_pytorch_model.bin.index.json", index, strlen(index));
    cm_params *p = opened(scratch_folder);
    cr_assert_eq(cm_param(p, CM_INIT_ZERO, CM_SHAPE(2), "x")->data[1], 1);
    cm_param(p, CM_INIT_ZERO, CM_SHAPE(2, 3), "0.weight");
    cr_assert_eq(cm_params_check(p, false), CM_OK, "%s", cm_why());
    cm_params_close(&p);
    cr_assert_eq(cm_safetensors_write(scratch("model.safetensors"), &item, 1, NULL), CM_OK);
    p = opened(scratch_folder);
    cr_assert_eq(cm_param(p, CM_INIT_ZERO, CM_SHAPE(2), "x")->data[1], 8, "safetensors are preferred");
    cm_params_close(&p);
    scratch_done();
}

Test(params, all_that_is_wrong_is_listed_at_once) {
    const float x[100] = {0};
    const size_t shape[] = {3, 4};
    char names[12][16];
    cm_store_item items[12];
    for (int i = 0; i < 12; i++) {
        snprintf(names[i], sizeof names[i], "t%d", i);
        items[i] = (cm_store_item){names[i], i == 11 ? CM_I64 : CM_F32, 2, shape, x, NULL};
    }
    cr_assert_eq(cm_safetensors_write(scratch("m.safetensors"), items, 12, NULL), CM_OK);
    cm_params *p = opened(scratch("m.safetensors"));
    const cm_tensor *bad = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(4, 3), "t0");
    cr_assert(bad->shape[0] == 4 && bad->data[11] == 0, "harmless, in the shape asked for");
    cm_param(p, CM_INIT_LINEAR, CM_SHAPE(3, 4, 1, 1), "t1"); /* a 1x1 convolution may be stored as a linear layer */
    cm_param(p, CM_INIT_LINEAR, CM_SHAPE(7), "absent");
    cr_assert_eq(cm_params_check(p, false), CM_EFORMAT);
    cr_assert(strstr(cm_why(), "weights 1 missing: absent; 1 of another shape: t0 is [3,4], not [4,3]"), "%s",
              cm_why());
    cr_assert(strstr(cm_why(), "9 left over: t2, t3, t4 and 6 more"), "%s", cm_why());
    char hash[65];
    cr_assert_eq(cm_params_hash(p, hash), CM_EFORMAT);
    cr_assert_eq(cm_params_save(p, scratch("n.safetensors"), CM_F32, NULL, NULL), CM_EFORMAT);
    cm_params_close(&p);
    scratch_done();
}

Test(params, a_weight_of_a_type_that_is_not_read_is_named_and_others_are_left_over) {
    cm_params *p = opened(CM_TESTS_DIR "/golden/torch/short.pt");
    cm_left_over left = {0};
    cm_params_add_left_over(p, &left);
    cr_assert(left.count == 1 && strcmp(left.names[0], "x") == 0);
    cr_assert_eq(cm_params_check(p, true), CM_OK);
    cm_param(p, CM_INIT_LINEAR, CM_SHAPE(2), "x");
    cr_assert_eq(cm_params_check(p, true), CM_EFORMAT);
    cr_assert(strstr(cm_why(), "1 of a type that is not read: x (torch.ShortStorage)"), "%s", cm_why());
    cm_params_close(&p);
}

Test(params, weights_with_scales_beside_them_are_refused) {
    static const char *const names[] = {"scaled_fp8", "conv_in.scale_weight", "a.weight.absmax"};
    const float x[2] = {1, 2};
    for (size_t i = 0; i < 3; i++) {
        const cm_store_item item = {names[i], CM_F32, 1, (const size_t[]){2}, x, NULL};
        cm_params *p = NULL;
        cr_assert_eq(cm_safetensors_write(scratch("m.safetensors"), &item, 1, NULL), CM_OK);
        cr_assert_eq(cm_params_open(&p, scratch("m.safetensors")), CM_EFORMAT);
        cr_assert(strstr(cm_why(), names[i]) && strstr(cm_why(), "quantised"), "%s", cm_why());
    }
    scratch_done();
}

Test(params, a_weight_that_is_no_number_is_named) {
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    static const cm_dtype types[] = {CM_F32, CM_F16, CM_BF16};
    for (int i = 0; i < 9; i++) {
        float x[20] = {0};
        x[13] = odd[i / 3];
        const cm_store_item item = {"layer.weight", types[i % 3], 1, (const size_t[]){20}, x, NULL};
        cr_assert_eq(cm_safetensors_write(scratch("m.safetensors"), &item, 1, NULL), CM_OK);
        cm_params *p = opened(scratch("m.safetensors"));
        cm_param(p, CM_INIT_LINEAR, CM_SHAPE(20), "layer.weight");
        cr_assert_eq(cm_params_check(p, true), CM_EFORMAT);
        cr_assert(strstr(cm_why(), "not a finite number in: layer.weight"), "%s", cm_why());
        cm_params_close(&p);
    }
    scratch_done();
}

Test(params, a_shape_beyond_memory_is_an_error_and_not_a_crash) {
    cm_params *p;
    cr_assert_eq(cm_params_create(&p, 1), CM_OK);
    cr_assert_not_null(cm_param(p, CM_INIT_LINEAR, CM_SHAPE((size_t)1 << 40, (size_t)1 << 40), "huge"));
    cr_assert_eq(cm_params_check(p, false), CM_ENOMEM);
    cm_params_close(&p);
}

Test(params, trainable_weights_are_ours_with_gradients) {
    cm_params *a = created(1);
    save(a, scratch("m.safetensors"), CM_F32);
    cm_params *b = opened(scratch("m.safetensors"));
    cm_tensor *w = cm_param(b, CM_INIT_LINEAR, CM_SHAPE(8, 4, 3, 3), "conv.weight");
    cr_assert_eq(cm_params_make_trainable(b), CM_OK);
    build(b);
    for (size_t i = 0; i < cm_params_count(b); i++) {
        cm_tensor *t = cm_params_at(b, i);
        cr_assert(t->needs_grad && t->grad && t->grad[0] == 0);
        t->data[0] += 1;
        t->grad[0] = 2;
    }
    cr_assert_eq(w->data[0], cm_params_at(a, 0)->data[0] + 1);
    cm_params_zero_grad(b);
    for (size_t i = 0; i < cm_params_count(b); i++) cr_assert_eq(cm_params_at(b, i)->grad[0], 0);
    cm_params_close(&a), cm_params_close(&b);
    scratch_done();
}

Test(params, workers_share_values_but_not_gradients) {
    cm_params *a = created(1), *b;
    cr_assert_eq(cm_params_make_trainable(a), CM_OK);
    cr_assert_eq(cm_params_share(&b, a), CM_OK);
    build(b);
    cr_assert_eq(cm_params_check(b, true), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_params_count(b), 5);
    for (size_t i = 0; i < 5; i++) {
        const cm_tensor *x = cm_params_at(a, i), *y = cm_params_at(b, i);
        cr_assert(x->data == y->data && x->grad != y->grad && y->needs_grad);
        cr_assert_str_eq(cm_params_name(a, i), cm_params_name(b, i));
    }
    cm_param(b, CM_INIT_ZERO, CM_SHAPE(3), "new");
    cr_assert_eq(cm_params_check(b, false), CM_EFORMAT);
    cm_params_close(&b), cm_params_close(&a);
}

Test(params, other_values_can_be_saved_in_their_place) {
    cm_params *a = created(1);
    const float *values[5];
    float *mean = calloc(5000, sizeof *mean);
    for (size_t i = 0; i < 5; i++) values[i] = mean;
    cr_assert_eq(cm_params_save(a, scratch("ema.safetensors"), CM_F32, values, NULL), CM_OK, "%s", cm_why());
    cm_params *b = opened(scratch("ema.safetensors"));
    build(b);
    for (size_t i = 0; i < 5; i++) cr_assert_eq(cm_params_at(b, i)->data[3], 0);
    free(mean);
    cm_params_close(&a), cm_params_close(&b);
    scratch_done();
}

Test(params, a_failed_save_leaves_the_old_file) {
    cm_params *a = created(1), *b = created(2);
    save(a, scratch("m.safetensors"), CM_F32);
    limit_files(1000);
    cr_assert_eq(cm_params_save(b, scratch("m.safetensors"), CM_F32, NULL, NULL), CM_EIO);
    unlimit_files();
    cr_assert_eq(scratch_files(), 1);
    cm_params *c = opened(scratch("m.safetensors"));
    build(c);
    cr_assert(equal(a, c));
    cm_params_close(&a), cm_params_close(&b), cm_params_close(&c);
    scratch_done();
}

/* A linear layer large enough to wait, and to be let go once packed. */
static void large_layer(cm_params *p, const cm_ops *ops, float *y) {
    cm_tensor *w = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(256, 300), "large.weight");
    float x[2 * 300];
    cm_ctx g;
    for (size_t i = 0; i < 600; i++) x[i] = (float)(i % 13) / 13 - 0.5f;
    cm_ctx_init(&g, ops, 1);
    const cm_tensor *out = cm_linear(&g, cm_tensor_copy(&g, CM_SHAPE(2, 300), x), w, NULL);
    cr_assert(out);
    memcpy(y, out->data, 512 * sizeof *y);
    cm_ctx_free(&g);
}

/* Whoever asks, in whatever order, a weight that was let go has the values it had. */
static void check_let_go(cm_params *p, const char *what) {
    enum { N = 512 };
    float first[N], packed[N], again[N], later[N];
    char before[65], after[65];
    large_layer(p, cm_ops_ref(), first);
    cr_assert_eq(cm_params_hash(p, before), CM_OK);
    cm_params_freeze(p);
    large_layer(p, cm_ops_bf16x3(), packed);
    cr_assert(cm_param(p, CM_INIT_LINEAR, CM_SHAPE(256, 300), "large.weight")->packs.not_resident, "%s: kept twice",
              what);
    large_layer(p, cm_ops_bf16x3(), later);
    cr_assert_eq(memcmp(packed, later, sizeof packed), 0, "%s", what);
    cr_assert_eq(cm_params_hash(p, after), CM_OK);
    cr_assert_str_eq(before, after);
    large_layer(p, cm_ops_ref(), again);
    cr_assert_eq(memcmp(first, again, sizeof first), 0, "%s", what);
    for (size_t i = 0; i < N; i++)
        cr_assert_float_eq(first[i], packed[i], 1e-4f, "%s: %g, %g", what, first[i], packed[i]);
}

/* Lean, with room for no pack, for some, and after a rest: the same bits on every backend. */
static void check_lean(cm_params *p, const char *what) {
    enum { N = 512 };
    static const size_t room[] = {SIZE_MAX, 0, 100000, 0};
    float first[8][N], again[N];
    cm_params_freeze(p);
    for (size_t k = 0; k < sizeof room / sizeof room[0]; k++) {
        if (k > 0) cm_params_lean(p, room[k]);
        for (size_t i = 0; cm_backends()[i]; i++) {
            for (int time = 0; time < 2; time++) {
                large_layer(p, cm_backends()[i], k == 0 && time == 0 ? first[i] : again);
                if (k > 0 || time > 0)
                    cr_expect_eq(memcmp(first[i], again, sizeof again), 0, "%s, %s, room %zu", what,
                                 cm_backends()[i]->name, room[k]);
            }
        }
        cm_params_release(p);
    }
}

Test(params, lean_weights_give_the_same_results) {
    static const cm_dtype types[] = {CM_F32, CM_F16, CM_BF16};
    cm_params *made, *read;
    cr_assert_eq(cm_params_create(&made, 5), CM_OK);
    cm_param(made, CM_INIT_LINEAR, CM_SHAPE(256, 300), "large.weight");
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(cm_params_save(made, scratch("stored.safetensors"), types[i], NULL, NULL), CM_OK, "%s", cm_why());
        cr_assert_eq(cm_params_open(&read, scratch("stored.safetensors")), CM_OK, "%s", cm_why());
        check_lean(read, cm_dtype_name(types[i]));
        cm_params_close(&read);
    }
    check_lean(made, "made");
    cm_params_close(&made);
    scratch_done();
}

Test(params, weights_let_go_come_back_as_they_were) {
    cm_params *made, *read;
    cr_assert_eq(cm_params_create(&made, 5), CM_OK);
    cm_param(made, CM_INIT_LINEAR, CM_SHAPE(256, 300), "large.weight");
    cr_assert_eq(cm_params_save(made, scratch("half.safetensors"), CM_F16, NULL, NULL), CM_OK, "%s", cm_why());
    check_let_go(made, "made");
    cm_params_close(&made);
    cr_assert_eq(cm_params_open(&read, scratch("half.safetensors")), CM_OK, "%s", cm_why());
    check_let_go(read, "read");
    cm_params_close(&read);
}

/* What any operation reads of a weight whose values wait is there, and right. */
Test(params, operations_fetch_the_weights_that_they_read) {
    enum { ROWS = 1100, C = 1000, N = ROWS * C };
    cm_params *made, *read;
    cm_ctx g;
    static float zeros[N];
    const size_t row = ROWS - 1;
    cr_assert_eq(cm_params_create(&made, 5), CM_OK);
    float *want = malloc(N * sizeof *want);
    const cm_tensor *table = cm_param(made, CM_INIT_EMBEDDING, CM_SHAPE(ROWS, C), "table");
    cr_assert_eq(cm_params_save(made, scratch("half.safetensors"), CM_BF16, NULL, NULL), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < N; i++) {
        uint16_t half;
        cm_from_float(CM_BF16, table->data + i, 1, &half);
        cm_to_float(CM_BF16, &half, 1, want + i);
    }
    cm_params_close(&made);
    for (int lean = 0; lean < 2; lean++) {
        for (int which = 0; which < 4; which++) {
            cr_assert_eq(cm_params_open(&read, scratch("half.safetensors")), CM_OK, "%s", cm_why());
            cm_tensor *t = cm_param(read, CM_INIT_EMBEDDING, CM_SHAPE(ROWS, C), "table"), *y;
            cm_params_freeze(read);
            if (lean) cm_params_lean(read, 0);
            cr_assert(t->packs.not_resident, "the test wants a weight that waits");
            cm_ctx_init(&g, cm_ops_ref(), 1);
            cm_tensor *x = cm_tensor_copy(&g, CM_SHAPE(ROWS, C), zeros);
            if (which == 0) y = cm_add_broadcast(&g, x, t);
            else if (which == 1) y = cm_add(&g, x, t);
            else if (which == 2) y = cm_gather_rows(&g, t, &row, 1);
            else y = cm_view(&g, t, CM_SHAPE(1, ROWS, C));
            cr_assert(y && y->data, "operation %d", which);
            const size_t from = which == 2 ? row * C : 0;
            cr_expect_eq(memcmp(y->data, want + from, cm_count(y) * sizeof *want), 0, "operation %d reads other values",
                         which);
            cm_ctx_free(&g);
            cm_params_close(&read);
        }
    }
    free(want);
    scratch_done();
}
