// SPDX-License-Identifier: Apache-2.0
/* Scores without each prompt in closed form against scores made anew, and exchanges of arms against arms exchanged. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "metrics/frechet_leave.h"
#include "metrics/kernel_distance.h"
#include "metrics/set_score.h"

enum { MOST = 120, WIDE = 24, PROMPTS = 60 };

static cm_arena arena;
static float a[MOST * WIDE], b[MOST * WIDE], y[MOST * WIDE], some[MOST * WIDE];
static size_t prompt[PROMPTS], first[PROMPTS + 1];

static void setup(void) {
    cm_arena_init(&arena, 0);
}

static void teardown(void) {
    cm_arena_free(&arena);
}

TestSuite(leave_out, .init = setup, .fini = teardown);

static void fill(float *x, size_t n, size_t width, double shift, const char *name) {
    cm_rng r = cm_rng_named(4, name);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < width; k++)
            x[i * width + k] = (float)(cm_rng_normal(&r) * (0.1 + 2 * (double)k / (double)width) + shift);
}

/* `count` prompts of k images each; unequal: the i-th has 1 + i % k. */
static cm_clusters clusters(size_t count, size_t k, bool unequal) {
    for (size_t i = 0; i < count; i++) {
        prompt[i] = i;
        first[i + 1] = first[i] + (unequal ? 1 + i % k : k);
    }
    return (cm_clusters){count, prompt, first};
}

static size_t without(const float *x, const cm_clusters *c, size_t g, size_t width) {
    const size_t before = c->first[g], after = c->first[g + 1], n = cm_cluster_total(c);
    memcpy(some, x, before * width * sizeof *x);
    memcpy(some + before * width, x + after * width, (n - after) * width * sizeof *x);
    return n - (after - before);
}

static void check_frechet(size_t count, size_t k, bool unequal, size_t width, size_t m) {
    const cm_clusters c = clusters(count, k, unequal);
    cm_frechet_side side;
    double value, whole, got[PROMPTS], want, most = 0, worst = 0;
    fill(a, cm_cluster_total(&c), width, 0.3, "a");
    fill(y, m, width, 0, "y");
    cr_assert_eq(cm_frechet_prepare_rows(y, m, width, &arena, &side), CM_OK);
    cr_assert_eq(cm_frechet_leave_out(&side, a, &c, &arena, &value, got), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_frechet_distance(&side, a, NULL, cm_cluster_total(&c), &arena, &whole), CM_OK);
    cr_expect_float_eq(value, whole, 1e-7 * whole, "%.12g for %.12g", value, whole);
    for (size_t g = 0; g < count; g++) {
        cr_assert_eq(cm_frechet_distance(&side, some, NULL, without(a, &c, g, width), &arena, &want), CM_OK);
        most = fmax(most, fabs(want - whole));
        worst = fmax(worst, fabs(want - got[g]));
    }
    cr_expect_lt(worst, 2e-5 * most, "%zu prompts of %zu, width %zu, reference %zu: off by %.2g of %.2g", count, k,
                 width, m, worst, most);
}

Test(leave_out, a_frechet_distance_without_each_image_is_the_one_made_anew) {
    check_frechet(40, 1, false, 12, 60); /* more images than features */
    check_frechet(10, 1, false, 12, 60); /* fewer */
    check_frechet(13, 1, false, 12, 60); /* one more: each image left out lowers the rank of all but none */
    check_frechet(30, 1, false, 12, 8);  /* a reference of low rank */
    check_frechet(10, 1, false, 24, 20);
}

Test(leave_out, prompts_of_several_images_are_left_out_whole) {
    check_frechet(20, 3, false, 12, 60);
    check_frechet(4, 3, false, 24, 60); /* 12 images of 24 features */
    check_frechet(8, 3, false, 22, 60); /* 24 of 22: the rank falls with a prompt */
    check_frechet(20, 4, true, 12, 60);
    check_frechet(3, 20, false, 12, 60); /* large prompts go another way */
}

Test(leave_out, images_that_are_all_equal_leave_a_distance_to_a_point) {
    const cm_clusters c = clusters(8, 1, false);
    cm_frechet_side side;
    double value, got[8];
    for (size_t i = 0; i < 8 * 6; i++) a[i] = (float)(i % 6);
    fill(y, 60, 6, 0, "y");
    cr_assert_eq(cm_frechet_prepare_rows(y, 60, 6, &arena, &side), CM_OK);
    cr_assert_eq(cm_frechet_leave_out(&side, a, &c, &arena, &value, got), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < 8; i++) cr_expect_float_eq(got[i], value, 1e-9 * value);
}

Test(leave_out, nothing_left_or_not_a_number_is_undefined) {
    cm_clusters c = clusters(1, 2, false);
    cm_frechet_side side;
    double value, got[4];
    fill(a, 4, 6, 0, "a");
    fill(y, 60, 6, 0, "y");
    cr_assert_eq(cm_frechet_prepare_rows(y, 60, 6, &arena, &side), CM_OK);
    cr_expect_eq(cm_frechet_leave_out(&side, a, &c, &arena, &value, got), CM_EUNDEFINED);
    c = clusters(4, 1, false);
    a[7] = NAN;
    cr_expect_eq(cm_frechet_leave_out(&side, a, &c, &arena, &value, got), CM_EUNDEFINED);
}

/* Arm b: near a, prompt by prompt. */
static void fill_pair(const cm_clusters *c, size_t width, double apart) {
    fill(a, cm_cluster_total(c), width, 0.2, "a");
    fill(b, cm_cluster_total(c), width, 0.2 + apart, "b");
    for (size_t i = 0; i < cm_cluster_total(c) * width; i++) b[i] = 0.8f * a[i] + 0.5f * b[i];
}

static void swap_prompt(const cm_clusters *c, size_t g, size_t width) {
    for (size_t i = c->first[g] * width; i < c->first[g + 1] * width; i++) {
        const float old = a[i];
        a[i] = b[i];
        b[i] = old;
    }
}

static void check_frechet_exchange(size_t count, size_t k, size_t width, double near) {
    const cm_clusters c = clusters(count, k, false);
    cm_frechet_side side;
    double before[PROMPTS], after[PROMPTS], da, db, sum = 0, size = 0;
    fill_pair(&c, width, 0.1);
    fill(y, 100, width, 0, "y");
    cr_assert_eq(cm_frechet_prepare_rows(y, 100, width, &arena, &side), CM_OK);
    cr_assert_eq(cm_frechet_contrast(&side, a, &c, b, &c, &arena, before), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_frechet_distance(&side, a, NULL, cm_cluster_total(&c), &arena, &da), CM_OK);
    cr_assert_eq(cm_frechet_distance(&side, b, NULL, cm_cluster_total(&c), &arena, &db), CM_OK);
    swap_prompt(&c, 2, width);
    cr_assert_eq(cm_frechet_contrast(&side, a, &c, b, &c, &arena, after), CM_OK);
    for (size_t g = 0; g < count; g++) {
        sum += before[g];
        size = fmax(size, fabs(before[g]));
    }
    for (size_t g = 0; g < count; g++) cr_expect_float_eq(after[g], g == 2 ? -before[g] : before[g], 1e-9 * size);
    cr_expect_float_eq(sum, da - db, near * fabs(da - db), "%g for %g", sum, da - db);
}

Test(leave_out, an_exchange_of_a_prompt_turns_its_part_and_no_other) {
    check_frechet_exchange(60, 1, 6, 0.02);
    check_frechet_exchange(30, 3, 12, 0.05);
    check_frechet_exchange(20, 1, 24,
                           0.4); /* fewer images than features: a poor approximation, and still exact under exchange */
}

static double score_of(cm_set_score *score, const float *x, size_t n, size_t m, size_t width) {
    const cm_sets s = {.x = x, .y = y, .n = n, .m = m, .width = width};
    cm_set_values v = {0};
    cr_assert_eq(score(&s, &arena, &v), CM_OK, "%s", cm_why());
    return v.parts[0].value;
}

static void check_kernel(cm_kernel_kind kind, cm_set_score *score, size_t count, size_t k, bool unequal) {
    const size_t width = 12, m = 50;
    const cm_clusters c = clusters(count, k, unequal);
    cm_kernel_side side;
    cm_kernel_arm arm;
    double value, got[PROMPTS], want, most = 0;
    fill(a, cm_cluster_total(&c), width, 0.3, "a");
    fill(y, m, width, 0, "y");
    cr_assert_eq(cm_kernel_prepare_side(kind, y, m, width, &arena, &side), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_kernel_open(&side, a, &c, &arena, &arm), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_kernel_leave_out(&side, &arm, &value, got), CM_OK);
    const double whole = score_of(score, a, cm_cluster_total(&c), m, width);
    cr_expect_float_eq(value, whole, 1e-9 * whole);
    for (size_t g = 0; g < count; g++) most = fmax(most, fabs(got[g] - value));
    for (size_t g = 0; g < count; g++) {
        want = score_of(score, some, without(a, &c, g, width), m, width) - whole;
        cr_expect_float_eq(got[g] - value, want, 1e-9 * most, "%g for %g", got[g] - value, want);
    }
}

Test(leave_out, a_kernel_distance_without_each_prompt_is_the_one_made_anew) {
    check_kernel(CM_KERNEL_CUBIC, cm_score_kernel, 30, 1, false);
    check_kernel(CM_KERNEL_CUBIC, cm_score_kernel, 12, 4, true);
    check_kernel(CM_KERNEL_GAUSSIAN, cm_score_cmmd, 30, 1, false);
    check_kernel(CM_KERNEL_GAUSSIAN, cm_score_cmmd, 12, 4, true);
}

static void check_kernel_exchange(cm_kernel_kind kind, cm_set_score *score, size_t k) {
    const size_t width = 12, m = 50, count = 12;
    const cm_clusters c = clusters(count, k, false);
    const size_t n = cm_cluster_total(&c);
    cm_kernel_side side;
    cm_kernel_arm arms[2];
    double parts[PROMPTS], sum = 0, size = 0;
    fill_pair(&c, width, 0.5);
    fill(y, m, width, 0, "y");
    cr_assert_eq(cm_kernel_prepare_side(kind, y, m, width, &arena, &side), CM_OK);
    cr_assert_eq(cm_kernel_open(&side, a, &c, &arena, &arms[0]), CM_OK);
    cr_assert_eq(cm_kernel_open(&side, b, &c, &arena, &arms[1]), CM_OK);
    cr_assert_eq(cm_kernel_contrast(&side, &arms[0], &arms[1], &arena, parts), CM_OK);
    for (size_t turn = 0; turn < 3; turn++) { /* as they are; with two prompts exchanged; with three */
        if (turn) {
            swap_prompt(&c, 3 * turn, width);
            parts[3 * turn] = -parts[3 * turn];
        }
        sum = 0;
        for (size_t g = 0; g < count; g++) sum += parts[g];
        for (size_t g = 0; g < count; g++) size = fmax(size, fabs(parts[g]));
        const double want = score_of(score, a, n, m, width) - score_of(score, b, n, m, width);
        cr_expect_float_eq(sum, want, 1e-9 * size, "%g for %g", sum, want);
    }
}

Test(leave_out, a_kernel_distances_difference_is_a_sum_with_signs) {
    check_kernel_exchange(CM_KERNEL_CUBIC, cm_score_kernel, 1);
    check_kernel_exchange(CM_KERNEL_CUBIC, cm_score_kernel, 3);
    check_kernel_exchange(CM_KERNEL_GAUSSIAN, cm_score_cmmd, 1);
    check_kernel_exchange(CM_KERNEL_GAUSSIAN, cm_score_cmmd, 3);
}

Test(leave_out, an_embedding_of_length_zero_has_no_gaussian_kernel) {
    const cm_clusters c = clusters(3, 1, false);
    cm_kernel_side side;
    cm_kernel_arm arm;
    fill(a, 3, 4, 0, "a");
    fill(y, 5, 4, 0, "y");
    memset(a + 4, 0, 4 * sizeof *a);
    cr_assert_eq(cm_kernel_prepare_side(CM_KERNEL_GAUSSIAN, y, 5, 4, &arena, &side), CM_OK);
    cr_expect_eq(cm_kernel_open(&side, a, &c, &arena, &arm), CM_EUNDEFINED);
}
