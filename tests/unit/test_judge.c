// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "harness/judge.h"
#include "harness/overlay.h"

enum { ARMS = 2, N = 40, F = 3, M = 60 };

static double scores[ARMS * N * CM_SCORES];
static float features[ARMS * N * F], drawn[M * F];
static bool present[ARMS * N];
static const char *const names[ARMS] = {"a", "b"};
static const cm_pair pair = {0, 1};
static cm_results results;
static const cm_reference reference = {M, F, drawn};
static json_t *records;

/* Arm a is like the reference, arm b is shifted; a's accuracies are 10 higher in every prompt. */
static void setup(void) {
    cm_rng r = cm_rng_named(1, "judge");
    for (size_t i = 0; i < M * F; i++) drawn[i] = (float)cm_rng_normal(&r);
    for (size_t i = 0; i < ARMS * N * F; i++) features[i] = (float)(cm_rng_normal(&r) + (i < N * F ? 0 : 1.5));
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < CM_SCORES; k++) {
            scores[(N + i) * CM_SCORES + k] = 50 + 5 * cm_rng_normal(&r);
            scores[i * CM_SCORES + k] = scores[(N + i) * CM_SCORES + k] + 10;
        }
    for (size_t i = 0; i < ARMS * N; i++) present[i] = true;
    results = (cm_results){"s", "p", ARMS, N, names, scores, features, present, 1, &pair};
    records = json_array();
}

static void teardown(void) {
    json_decref(records);
}

TestSuite(judge, .init = setup, .fini = teardown);

static const json_t *find(const char *kind, const char *score, const char *key, const char *name) {
    size_t i;
    json_t *row;
    json_array_foreach(records, i, row) {
        const char *k = json_string_value(json_object_get(row, "kind")), *s = json_string_value(json_object_get(row, "score"));
        const char *a = json_string_value(json_object_get(row, key));
        if (k && s && a && !strcmp(k, kind) && !strcmp(s, score) && !strcmp(a, name)) return row;
    }
    return NULL;
}

static double number(const json_t *row, const char *key) {
    cr_assert(json_is_number(json_object_get(row, key)), "no %s", key);
    return json_number_value(json_object_get(row, key));
}

Test(judge, a_constant_advantage_is_found_with_its_size_and_the_least_p) {
    cr_assert_eq(cm_judge(&results, &reference, records), CM_OK, "%s", cm_why());
    const json_t *row = find("pair", "acc_obj", "a", "a");
    cr_expect_float_eq(number(row, "difference"), 10, 1e-9);
    cr_expect_float_eq(number(row, "p"), 1.0 / (1 + CM_FLIPS), 1e-12);
    cr_expect_geq(number(row, "p_holm"), number(row, "p"));
    cr_expect_eq(number(row, "n"), N);
}

Test(judge, the_shifted_arm_is_farther_and_the_pair_says_so) {
    cr_assert_eq(cm_judge(&results, &reference, records), CM_OK);
    for (cm_score_index k = CM_SCORE_FD; k <= CM_SCORE_KD; k++) {
        const char *name = cm_nano_metrics[k].name;
        const json_t *a = find("score", name, "arm", "a"), *b = find("score", name, "arm", "b"), *d = find("pair", name, "a", "a");
        cr_expect_lt(number(a, "value"), number(b, "value"));
        cr_expect(number(b, "lo") < number(b, "value") && number(b, "value") < number(b, "hi"));
        cr_expect_float_eq(number(d, "difference"), number(a, "value") - number(b, "value"), 1e-12);
        cr_expect_lt(number(d, "hi"), 0);
        cr_expect_leq(number(d, "p"), 0.002);
    }
}

Test(judge, arms_with_equal_pictures_differ_by_nothing) {
    memcpy(features + N * F, features, N * F * sizeof *features);
    memcpy(scores + N * CM_SCORES, scores, N * CM_SCORES * sizeof *scores);
    cr_assert_eq(cm_judge(&results, &reference, records), CM_OK);
    for (size_t k = 0; k < CM_SCORES; k++) {
        const json_t *d = find("pair", cm_nano_metrics[k].name, "a", "a");
        cr_expect_eq(number(d, "difference"), 0);
        cr_expect_float_eq(number(d, "p"), 1, 1e-12);
    }
}

Test(judge, acc_all_is_the_mean_of_the_three_columns_even_with_gaps) {
    scores[5 * CM_SCORES + CM_SCORE_ACC_SHAPE] = NAN;
    scores[7 * CM_SCORES + CM_SCORE_ACC_OBJ] = NAN;
    cr_assert_eq(cm_judge(&results, &reference, records), CM_OK);
    const double mean = (number(find("score", "acc_obj", "arm", "a"), "value") + number(find("score", "acc_tex", "arm", "a"), "value") +
                         number(find("score", "acc_shape", "arm", "a"), "value")) / 3;
    cr_expect_float_eq(number(find("score", "acc_all", "arm", "a"), "value"), mean, 1e-12);
    cr_expect_eq(number(find("score", "acc_obj", "arm", "a"), "n"), N - 1);
}

Test(judge, a_score_that_no_picture_has_is_a_reason_without_a_number) {
    for (size_t i = 0; i < ARMS * N; i++) scores[i * CM_SCORES + CM_SCORE_HOLA] = NAN;
    cr_assert_eq(cm_judge(&results, &reference, records), CM_OK);
    const json_t *row = find("score", "hola", "arm", "a");
    cr_expect_null(json_object_get(row, "value"));
    cr_expect(strlen(json_string_value(json_object_get(row, "note"))) > 0);
    cr_expect_null(find("pair", "hola", "a", "a"));
}

Test(judge, distances_over_different_numbers_are_not_paired) {
    present[3] = false;
    cr_assert_eq(cm_judge(&results, &reference, records), CM_OK);
    cr_expect_eq(number(find("score", "fd@nano", "arm", "a"), "n"), N - 1);
    cr_expect_null(find("pair", "fd@nano", "a", "a"));
    cr_expect_not_null(find("pair", "acc_obj", "a", "a"));
}

Test(judge, without_a_reference_distances_say_so) {
    cr_assert_eq(cm_judge(&results, &(cm_reference){0}, records), CM_OK);
    cr_expect_str_eq(json_string_value(json_object_get(find("score", "fd@nano", "arm", "b"), "note")), "no reference set");
}

Test(judge, an_overlay_is_brightest_where_the_map_is) {
    cm_arena arena;
    cm_arena_init(&arena, 0);
    cm_image picture, over;
    const double map[6] = {0, 0, 0, 0, 0, 1};
    cr_assert_eq(cm_image_new(&arena, 32, 48, 3, &picture), CM_OK);
    memset(picture.pixels, 100, 32 * 48 * 3);
    cr_assert_eq(cm_overlay(&picture, map, 3, 2, &arena, &over), CM_OK);
    cr_expect(over.width == 64 && over.height == 96);
    cr_expect_gt(over.pixels[(90 * 64 + 60) * 3], 150);
    cr_expect_lt(over.pixels[(5 * 64 + 5) * 3], 100);
    cm_arena_free(&arena);
}
