// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>

#include "core/base/rng.h"
#include "metrics/compare.h"
#include "metrics/stats.h"

enum { N = 40, ARMS = 3, SEED = 20240402 };

static cm_arena arena;
static double x[ARMS * N * 3];
static cm_arm_value arms[ARMS];
static cm_pair_value pairs[3];
static const cm_arm_pair all_pairs[] = {{0, 1}, {0, 2}, {1, 2}};

static void setup(void) {
    cm_arena_init(&arena, 0);
}

static void teardown(void) {
    cm_arena_free(&arena);
}

TestSuite(compare_columns, .init = setup, .fini = teardown);

static void compare(size_t count, size_t prompts, size_t columns, bool higher) {
    const cm_columns c = {count, prompts, columns, x, higher, count * (count - 1) / 2, all_pairs, SEED};
    cr_assert_eq(cm_compare_columns(&c, &arena, arms, pairs), CM_OK, "%s", cm_why());
}

/* Arm a: noise around level[a]; prompts differ more than arms do. */
static void draw(size_t count, const double *level, double noise) {
    cm_rng r = cm_rng_named(2, "arms");
    for (size_t i = 0; i < N; i++) {
        const double prompt = 50 + 10 * cm_rng_normal(&r);
        for (size_t a = 0; a < count; a++) x[a * N + i] = prompt + level[a] + noise * cm_rng_normal(&r);
    }
}

Test(compare_columns, pairing_finds_what_two_overlapping_intervals_hide) {
    draw(2, (double[]){1, 0}, 1);
    compare(2, N, 1, true);
    cr_expect_gt(arms[1].hi, arms[0].lo);
    cr_expect_gt(pairs[0].lo, 0);
    cr_expect_lt(pairs[0].p, 0.01);
    cr_expect(arms[0].leading && !arms[1].leading);
    cr_expect_float_eq(pairs[0].difference, arms[0].value - arms[1].value, 1e-12);
}

Test(compare_columns, lower_is_better_turns_the_leading_group_round) {
    draw(2, (double[]){1, 0}, 1);
    compare(2, N, 1, false);
    cr_expect(!arms[0].leading && arms[1].leading);
}

Test(compare_columns, arms_that_cannot_be_told_apart_lead_together) {
    draw(3, (double[]){3, 3.05, 0}, 1);
    compare(3, N, 1, true);
    cr_expect(arms[0].leading && arms[1].leading && !arms[2].leading);
    cr_expect_gt(pairs[0].p, 0.05);
}

Test(compare_columns, nobody_leads_alone) {
    draw(1, (double[]){0}, 1);
    compare(1, N, 1, true);
    cr_expect(arms[0].defined && !arms[0].leading);
}

/* d_z and a difference found in 8 of 10 runs, by scipy 1.17.1 */
Test(compare_columns, effect_is_cohens_d_and_detectable_gives_power_of_eight_in_ten) {
    double mean = 0, squares = 0;
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)(i * 7 % N);
        x[N + i] = 20 * sin((double)i);
        mean += (x[i] - x[N + i]) / N;
    }
    for (size_t i = 0; i < N; i++) squares += pow(x[i] - x[N + i] - mean, 2);
    const double deviation = sqrt(squares / (N - 1));
    compare(2, N, 1, true);
    cr_expect_float_eq(pairs[0].effect, mean / deviation, 1e-12);
    /* the paired t-test of 40 has power 0.8 at a true difference of 0.45426 deviations (scipy.stats.nct, brentq) */
    const double want = 0.45425748725474; /* the formula has 0.45436 */
    cr_expect_float_eq(pairs[0].detectable / deviation, want, 0.001);
}

Test(compare_columns, a_constant_advantage_has_the_least_p_and_no_effect_size) {
    for (size_t i = 0; i < N; i++) {
        x[N + i] = (double)(i % 5);
        x[i] = x[N + i] + 10;
    }
    compare(2, N, 1, true);
    cr_expect(pairs[0].difference == 10 && pairs[0].lo == 10 && pairs[0].hi == 10);
    cr_expect_float_eq(pairs[0].p, 1.0 / (1 + CM_FLIPS), 1e-15);
    cr_expect(isnan(pairs[0].effect) && isnan(pairs[0].detectable));
    cr_expect_str_eq(pairs[0].why, "equal in every prompt");
}

Test(compare_columns, equal_arms_differ_by_nothing_and_lead_together) {
    for (size_t i = 0; i < N; i++) x[i] = x[N + i] = sin((double)i);
    compare(2, N, 1, true);
    cr_expect(pairs[0].difference == 0 && pairs[0].lo == 0 && pairs[0].hi == 0 && pairs[0].p == 1);
    cr_expect(arms[0].leading && arms[1].leading);
}

Test(compare_columns, a_pair_counts_the_prompts_that_both_arms_have) {
    draw(2, (double[]){1, 0}, 0);
    for (size_t i = 0; i < 10; i++) x[i] = x[N + N - 1 - i] = (double)NAN;
    x[10] += 1000;       /* common */
    x[N + 3] -= 1000000; /* not common */
    compare(2, N, 1, true);
    cr_expect(arms[0].n == N - 10 && arms[1].n == N - 10 && pairs[0].n == N - 20);
    cr_expect_float_eq(pairs[0].difference, 1 + 1000.0 / (N - 20), 1e-9);
}

Test(compare_columns, exact_flips_leave_out_the_prompts_that_one_arm_lacks) {
    for (size_t i = 0; i < 2 * N; i++) x[i] = (double)NAN;
    for (size_t i = 0; i < 4; i++) {
        x[i] = 1 + (double)i;
        x[N + i] = 0;
    }
    compare(2, N, 1, true);
    cr_expect_eq(pairs[0].p, 2.0 / 16);
    cr_expect(isnan(pairs[0].detectable), "four prompts never reach 5 %%");
}

Test(compare_columns, one_prompt_has_a_value_and_no_interval) {
    x[0] = 3;
    x[1] = 2;
    compare(2, 1, 1, true);
    cr_expect(arms[0].defined && arms[0].value == 3 && isnan(arms[0].lo) && isnan(arms[0].hi));
    cr_expect_str_eq(arms[0].why, "one prompt has no interval");
    cr_expect(pairs[0].defined && pairs[0].difference == 1 && isnan(pairs[0].lo) && pairs[0].p == 1);
    cr_expect(arms[0].leading && arms[1].leading);
}

Test(compare_columns, an_arm_without_a_value_says_so_and_the_others_go_on) {
    draw(3, (double[]){1, 0, 0}, 1);
    for (size_t i = 0; i < N; i++) x[N + i] = (double)NAN;
    compare(3, N, 1, true);
    cr_expect(!arms[1].defined && !arms[1].leading && arms[1].why[0]);
    cr_expect(!pairs[0].defined && pairs[0].why[0]);
    cr_expect(pairs[1].defined && arms[0].defined && arms[2].defined);
}

Test(compare_columns, arms_without_a_common_prompt_have_no_difference) {
    draw(2, (double[]){0, 0}, 1);
    for (size_t i = 0; i < N; i++) x[(i % 2) * N + i] = (double)NAN;
    compare(2, N, 1, true);
    cr_expect(arms[0].defined && arms[1].defined && !pairs[0].defined);
    cr_expect_neq(arms[0].leading, arms[1].leading);
}

Test(compare_columns, three_columns_with_gaps_pair_column_by_column) {
    const double a[] = {100, 50, 0, 0, NAN, 40, 50, 100, NAN}, b[] = {80, NAN, 10, 0, 10, 10, 50, 90, 50};
    for (size_t i = 0; i < 9; i++) {
        x[i] = a[i];
        x[9 + i] = b[i];
    }
    compare(2, 3, 3, true);
    cr_expect_float_eq(arms[0].value, (50.0 + 75.0 + 20.0) / 3, 1e-12);
    cr_expect_float_eq(pairs[0].difference, (20.0 / 3 + 10.0 + 10.0) / 3, 1e-12);
    cr_expect_eq(pairs[0].n, 3);
    cr_expect_eq(pairs[0].p, 0.25, "all of 8 flips counted: %g", pairs[0].p);
}

Test(compare_columns, several_columns_take_their_error_from_the_draws) {
    cm_rng r = cm_rng_named(9, "columns");
    for (size_t i = 0; i < 2 * N * 3; i++) x[i] = cm_rng_normal(&r);
    double parts[N], mean = 0, squares = 0;
    for (size_t i = 0; i < N; i++) {
        parts[i] = 0;
        for (size_t c = 0; c < 3; c++) parts[i] += (x[i * 3 + c] - x[(N + i) * 3 + c]) / 3;
        mean += parts[i] / N;
    }
    for (size_t i = 0; i < N; i++) squares += pow(parts[i] - mean, 2);
    compare(2, N, 3, true);
    const double effect = mean / sqrt(squares / (N - 1));
    cr_expect_float_eq(pairs[0].effect, effect, 0.06 * fabs(effect), "%g for %g", pairs[0].effect, effect);
}

Test(compare_columns, the_same_columns_and_seed_give_the_same_answer) {
    draw(2, (double[]){1, 0}, 3);
    compare(2, N, 1, true);
    const cm_pair_value first = pairs[0];
    compare(2, N, 1, true);
    cr_expect(first.lo == pairs[0].lo && first.hi == pairs[0].hi && first.p == pairs[0].p);
}
