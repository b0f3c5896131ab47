// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/io/jsonl.h"
#include "core/io/safetensors.h"
#include "metrics/frechet.h"
#include "metrics/set_score.h"
#include "metrics/set_score.h"

static cm_arena arena;
static float *a, *b; /* [90,24], [70,24] */
enum { A = 90, B = 70, W = 24 };

static float *table(const cm_safetensors *f, const char *name) {
    const cm_stored *t = cm_safetensors_find(f, name);
    float *x = CM_PUSH(&arena, float, t->count);
    cm_to_float(t->dtype, t->data, t->count, x);
    return x;
}

static void open_features(void) {
    cm_arena_init(&arena, 0);
    cm_safetensors *f;
    cr_assert_eq(cm_safetensors_open(&f, CM_TESTS_DIR "/golden/scores/features.safetensors"), CM_OK, "%s", cm_why());
    a = table(f, "a");
    b = table(f, "b");
    cm_safetensors_close(&f);
}

static void close_features(void) {
    cm_arena_free(&arena);
}

TestSuite(distances, .init = open_features, .fini = close_features);

static double golden(const char *name) {
    json_t *all;
    cr_assert_eq(cm_json_read(CM_TESTS_DIR "/golden/scores/stats.json", &all), CM_OK);
    const double v = json_number_value(json_object_get(json_object_get(all, "distances"), name));
    json_decref(all);
    return v;
}

static cm_frechet_side side_of(const float *x, size_t n, size_t width) {
    cm_moments m;
    cm_frechet_side s;
    cr_assert_eq(cm_moments_of(x, NULL, n, width, &arena, &m), CM_OK);
    cr_assert_eq(cm_frechet_prepare(&m, &arena, &s), CM_OK);
    return s;
}

static double frechet(const float *x, size_t n, const float *y, size_t m, size_t width) {
    const cm_frechet_side s = side_of(x, n, width);
    double d;
    cr_assert_eq(cm_frechet_distance(&s, y, NULL, m, &arena, &d), CM_OK, "%s", cm_why());
    return d;
}

Test(distances, frechet_agrees_with_scipy_at_every_rank) {
    cr_expect_float_eq(frechet(a, A, b, B, W), golden("frechet"), 1e-9);
    cr_expect_float_eq(frechet(b, B, a, A, W), golden("frechet"), 1e-9);
    /* where rank is lacking the golden itself holds roots of rounding, some 1e-8 */
    cr_expect_float_eq(frechet(a, A, b, 15, W), golden("frechet_few"), 1e-6);
    cr_expect_float_eq(frechet(b, 15, a, A, W), golden("frechet_few"), 1e-6);
    cr_expect_float_eq(frechet(a, 20, b, 15, W), golden("frechet_both_few"), 1e-6);
}

Test(distances, frechet_between_moments_is_the_same) {
    cm_moments ma, mb;
    double d;
    cr_assert_eq(cm_moments_of(a, NULL, A, W, &arena, &ma), CM_OK);
    cr_assert_eq(cm_moments_of(b, NULL, B, W, &arena, &mb), CM_OK);
    cr_assert_eq(cm_frechet_between(&ma, &mb, &arena, &d), CM_OK);
    cr_expect_float_eq(d, golden("frechet"), 1e-9);
}

Test(distances, frechet_of_a_set_with_itself_is_zero) {
    cr_expect_float_eq(frechet(a, A, a, A, W), 0, 1e-9);
    cr_expect_float_eq(frechet(a, 12, a, 12, W), 0, 1e-5);
}

Test(distances, frechet_of_two_gaussians_in_one_dimension_is_the_closed_form) {
    const float x[] = {-1, 1, -1, 1}, y[] = {2, 6, 2, 6}; /* means 0, 4; variances 4/3, 16/3 */
    const double gap = sqrt(16.0 / 3) - sqrt(4.0 / 3);
    cr_expect_float_eq(frechet(x, 4, y, 4, 1), 16 + gap * gap, 1e-12);
}

Test(distances, frechet_of_a_shifted_set_is_the_squared_shift) {
    float shifted[A * W];
    for (int i = 0; i < A * W; i++) shifted[i] = a[i] + 0.5f;
    cr_expect_float_eq(frechet(a, A, shifted, A, W), 0.25 * W, 1e-4);
}

Test(distances, moments_merge_as_if_all_had_come_together) {
    cm_moments all, first, second;
    cr_assert_eq(cm_moments_of(a, NULL, A, W, &arena, &all), CM_OK);
    cr_assert_eq(cm_moments_of(a, NULL, 31, W, &arena, &first), CM_OK);
    cr_assert_eq(cm_moments_of(a + 31 * W, NULL, A - 31, W, &arena, &second), CM_OK);
    cr_assert_eq(cm_moments_merge(&first, &second), CM_OK);
    cr_expect_eq(first.n, A);
    for (size_t i = 0; i < W; i++) cr_expect_float_eq(first.mean[i], all.mean[i], 1e-12);
    for (size_t i = 0; i < W * W; i++) cr_expect_float_eq(first.scatter[i], all.scatter[i], 1e-9);
}

Test(distances, picked_rows_are_those_rows) {
    size_t picks[B];
    for (size_t i = 0; i < B; i++) picks[i] = B - 1 - i;
    const cm_frechet_side s = side_of(a, A, W);
    double d;
    cr_assert_eq(cm_frechet_distance(&s, b, picks, B, &arena, &d), CM_OK);
    cr_expect_float_eq(d, golden("frechet"), 1e-9);
}

Test(distances, a_nan_or_one_image_is_undefined) {
    const cm_frechet_side s = side_of(a, A, W);
    double d = 7;
    cr_expect_eq(cm_frechet_distance(&s, b, NULL, 1, &arena, &d), CM_EUNDEFINED);
    b[5] = NAN;
    cr_expect_eq(cm_frechet_distance(&s, b, NULL, B, &arena, &d), CM_EUNDEFINED);
    cr_expect_eq(d, 7);
}

Test(distances, unequal_numbers_are_refused_unless_asked_for) {
    cr_expect_eq(cm_frechet_comparable(64, 64, false), CM_OK);
    cr_expect_eq(cm_frechet_comparable(64, 60, true), CM_OK);
    cr_expect_eq(cm_frechet_comparable(64, 60, false), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "64") && strstr(cm_why(), "60"));
}

Test(distances, fewer_images_than_features_is_said) {
    cr_expect(strstr(cm_frechet_warning(64, 128, &arena), "N=64"));
    cr_expect_str_empty(cm_frechet_warning(500, 128, &arena));
}

static cm_status kernel_score(const float *x, size_t n, const float *y, size_t m, cm_set_values *v) {
    const cm_sets sets = {.x = x, .y = y, .n = n, .m = m, .width = W};
    *v = (cm_set_values){0};
    return cm_score_kernel(&sets, &arena, v);
}

Test(distances, kernel_distance_agrees_with_numpy) {
    cm_set_values v;
    cr_assert_eq(kernel_score(a, A, b, B, &v), CM_OK, "%s", cm_why());
    cr_expect_float_eq(v.parts[0].value, golden("kernel"), 1e-9);
    cr_expect(v.count == 1 && isnan(v.parts[0].deviation));
}

Test(distances, a_kernel_distance_of_too_few_or_of_a_nan_is_undefined) {
    cm_set_values v;
    cr_expect_eq(kernel_score(a, 1, b, B, &v), CM_EUNDEFINED);
    cr_expect_eq(kernel_score(a, A, b, 1, &v), CM_EUNDEFINED);
    a[3] = NAN;
    cr_expect_eq(kernel_score(a, A, b, B, &v), CM_EUNDEFINED);
    cr_expect(strstr(cm_why(), "not finite"), "%s", cm_why());
}

Test(distances, kernel_distance_of_two_halves_of_one_distribution_is_zero_on_average) {
    double mean = 0, squares = 0;
    enum { N = 200, M = 30 };
    cm_rng r = cm_rng_named(1, "halves");
    for (int k = 0; k < N; k++) {
        float x[2 * M * W];
        for (int i = 0; i < 2 * M * W; i++) x[i] = (float)cm_rng_normal(&r);
        const cm_arena_mark mark = cm_arena_get_mark(&arena);
        cm_set_values v;
        cr_assert_eq(kernel_score(x, M, x + M * W, M, &v), CM_OK);
        const double d = v.parts[0].value;
        cm_arena_reset(&arena, mark);
        mean += d / N;
        squares += d * d / N;
    }
    cr_expect_lt(fabs(mean), 3.5 * sqrt(squares / N), "mean %g, sd %g", mean, sqrt(squares));
}
