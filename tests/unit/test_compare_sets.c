// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "metrics/compare.h"
#include "metrics/stats.h"
#include "tests/unit/failing_alloc.h"

enum { ARMS = 3, N = 48, M = 200, W = 8, SEED = 20240402 };

static cm_arena arena;
static float x[ARMS][2 * N * W], y[M * W];
static const float *rows[ARMS] = {x[0], x[1], x[2]};
static size_t counts[ARMS], prompt[ARMS][2 * N];
static const size_t *prompts[ARMS] = {prompt[0], prompt[1], prompt[2]};
static const cm_arm_pair all_pairs[] = {{0, 1}, {0, 2}, {1, 2}};
static cm_set_arms s;
static cm_set_comparison r;

/* k images a prompt. Arms 0 and 1 are alike, arm 2 is further from the reference. */
static void draw(size_t count, size_t k) {
    cm_rng rng = cm_rng_named(8, "features");
    for (size_t i = 0; i < M * W; i++) y[i] = (float)cm_rng_normal(&rng);
    for (size_t i = 0; i < count * k; i++)
        for (size_t j = 0; j < W; j++) {
            const double common = 0.8 * cm_rng_normal(&rng);
            for (size_t a = 0; a < ARMS; a++)
                x[a][i * W + j] = (float)(common + 0.6 * cm_rng_normal(&rng) + (a == 2 ? 0.6 : 0.2));
        }
    for (size_t a = 0; a < ARMS; a++) {
        counts[a] = count * k;
        for (size_t i = 0; i < count * k; i++) prompt[a][i] = i / k;
    }
}

static void setup(void) {
    cm_arena_init(&arena, 0);
    draw(N, 1);
    s = (cm_set_arms){.arms = ARMS,
                      .prompts = N,
                      .width = W,
                      .x = rows,
                      .rows = counts,
                      .prompt_of = prompts,
                      .y = y,
                      .m = M,
                      .score = cm_score_frechet,
                      .pair_count = 3,
                      .pairs = all_pairs,
                      .seed = SEED};
}

static void teardown(void) {
    cm_arena_free(&arena);
}

TestSuite(compare_sets, .init = setup, .fini = teardown);

static void compare(void) {
    cr_assert_eq(cm_compare_sets(&s, &arena, &r), CM_OK, "%s", cm_why());
}

static double value_of(const float *set, size_t n, size_t part) {
    const cm_sets sets = {.x = set, .y = y, .n = n, .m = M, .width = W, .kid_subset = s.kid_subset};
    cm_set_values v = {0};
    cr_assert_eq(s.score(&sets, &arena, &v), CM_OK, "%s", cm_why());
    return v.parts[part].value;
}

static void check_arms(cm_set_score *score) {
    s.score = score;
    compare();
    for (size_t part = 0; part < r.parts; part++)
        for (size_t a = 0; a < ARMS; a++) {
            const cm_arm_value *v = &r.arms[part][a];
            const double want = value_of(x[a], N, part);
            cr_expect_float_eq(v->value, want, 1e-9 * fabs(want), "%g for %g", v->value, want);
            cr_expect(v->defined && v->lo < v->value && v->value < v->hi && v->n == N);
        }
}

Test(compare_sets, the_shifted_arm_is_found_by_distances_of_both_kinds) {
    cm_set_score *const scores[] = {cm_score_frechet, cm_score_kernel, cm_score_cmmd};
    for (size_t k = 0; k < 3; k++) {
        check_arms(scores[k]);
        const cm_pair_value *p = r.pairs[0];
        cr_expect_float_eq(p[1].difference, r.arms[0][0].value - r.arms[0][2].value, 1e-12);
        cr_expect(p[1].hi < 0 && p[1].p < 0.001, "%g %g", p[1].hi, p[1].p);
        cr_expect(p[0].lo < 0 && p[0].hi > 0 && p[0].p > 0.05, "%g %g %g", p[0].lo, p[0].hi, p[0].p);
        cr_expect(r.arms[0][0].leading && r.arms[0][1].leading && !r.arms[0][2].leading);
        cr_expect(p[1].detectable > 0 && p[1].effect < -0.4);
    }
}

Test(compare_sets, equal_arms_differ_by_nothing) {
    memcpy(x[1], x[0], sizeof x[0]);
    cm_set_score *const scores[] = {cm_score_frechet, cm_score_kernel, cm_score_cmmd, cm_score_prdc};
    for (size_t k = 0; k < 4; k++) {
        s.score = scores[k];
        compare();
        const cm_pair_value p = r.pairs[0][0];
        cr_expect(p.defined && p.difference == 0 && p.lo == 0 && p.hi == 0 && p.p == 1, "score %zu: %g", k, p.p);
        cr_expect(isnan(p.effect) && isnan(p.detectable));
    }
}

Test(compare_sets, a_score_of_several_values_compares_each) {
    s.higher_is_better = true;
    for (size_t i = 0; i < N * W; i++) x[2][i] += 1;
    check_arms(cm_score_prdc);
    cr_expect_eq(r.parts, 4);
    cr_expect_str_eq(r.names[1], "recall");
    for (size_t a = 0; a < ARMS; a++) cr_expect(r.arms[0][a].hi <= 1 && r.arms[3][a].lo >= 0);
    cr_expect(r.pairs[3][1].difference > 0 && r.pairs[3][1].p < 0.01 && !r.arms[3][2].leading, "coverage: %g",
              r.pairs[3][1].p);
}

Test(compare_sets, kid_is_its_own_value_with_its_deviation) {
    s.kid_subset = 30;
    check_arms(cm_score_kid);
    cr_expect_gt(r.arms[0][0].deviation, 0);
    const double width = r.arms[0][0].hi - r.arms[0][0].lo;
    check_arms(cm_score_kernel);
    cr_expect_gt(width, r.arms[0][0].hi - r.arms[0][0].lo, "what the subsets add");
}

Test(compare_sets, the_order_of_images_does_not_matter) {
    draw(N / 2, 2);
    compare();
    const cm_pair_value before = r.pairs[0][1];
    float first[W];
    for (size_t a = 0; a < 2; a++) { /* a's last image to the front */
        const size_t n = counts[a], last = prompt[a][n - 1];
        memcpy(first, x[a] + (n - 1) * W, sizeof first);
        memmove(x[a] + W, x[a], (n - 1) * sizeof first);
        memcpy(x[a], first, sizeof first);
        memmove(prompt[a] + 1, prompt[a], (n - 1) * sizeof *prompt[a]);
        prompt[a][0] = last;
    }
    compare();
    cr_expect_float_eq(r.pairs[0][1].difference, before.difference, 1e-9);
    cr_expect_float_eq(r.pairs[0][1].lo, before.lo, 1e-6);
    cr_expect_eq(r.pairs[0][1].p, before.p);
    cr_expect_eq(before.n, N / 2);
}

Test(compare_sets, statistics_stand_in_for_the_references_images) {
    cm_moments m;
    compare();
    const cm_pair_value want = r.pairs[0][1];
    cr_assert_eq(cm_moments_of(y, NULL, M, W, &arena, &m), CM_OK);
    s.statistics = &m;
    s.y = NULL;
    compare();
    cr_expect_float_eq(r.pairs[0][1].difference, want.difference, 1e-9);
    cr_expect_float_eq(r.pairs[0][1].lo, want.lo, 1e-9);
    s.score = cm_score_kernel;
    compare();
    cr_expect(!r.arms[0][0].defined && !r.pairs[0][0].defined && r.arms[0][0].why[0]);
}

/* Arm 1 lacks the last eight prompts. */
static void shorten(void) {
    counts[1] = N - 8;
}

Test(compare_sets, arms_with_other_prompts_are_paired_on_the_common_ones) {
    cm_set_score *const scores[] = {cm_score_frechet, cm_score_kernel, cm_score_prdc};
    shorten();
    for (size_t i = N - 8; i < N; i++)
        for (size_t j = 0; j < W; j++) x[0][i * W + j] += 50; /* what is not common does not count */
    for (size_t k = 0; k < 3; k++) {
        s.score = scores[k];
        compare();
        const double want = value_of(x[0], N - 8, 0) - value_of(x[1], N - 8, 0);
        cr_expect_eq(r.pairs[0][0].n, N - 8);
        cr_expect_float_eq(r.pairs[0][0].difference, want, 1e-9, "%g for %g", r.pairs[0][0].difference, want);
        cr_expect(r.arms[0][0].n == N && r.arms[0][1].n == N - 8 && r.pairs[0][1].n == N);
    }
}

Test(compare_sets, arms_without_a_common_prompt_are_no_pair) {
    for (size_t i = 0; i < N; i++) prompt[1][i] = i / 2; /* 0 to 23, two images each */
    for (size_t i = 0; i < N; i++) prompt[2][i] = 24 + i / 2;
    compare();
    cr_expect(!r.pairs[0][2].defined && r.pairs[0][2].n == 0 && strstr(r.pairs[0][2].why, "both arms"));
    cr_expect(!r.pairs[0][0].defined && strstr(r.pairs[0][0].why, "different numbers"),
              "one image a prompt against two");
    cr_expect(r.arms[0][1].defined && r.arms[0][2].defined);
}

Test(compare_sets, few_prompts_have_values_and_no_intervals) {
    draw(4, 6);
    for (size_t k = 0; k < 2; k++) {
        s.score = k ? cm_score_kernel : cm_score_frechet;
        compare();
        cr_expect(r.arms[0][0].defined && isnan(r.arms[0][0].lo) && isnan(r.arms[0][0].hi) && r.arms[0][0].why[0]);
        cr_expect(r.pairs[0][1].defined && isnan(r.pairs[0][1].lo) && isnan(r.pairs[0][1].detectable));
        cr_expect_geq(r.pairs[0][1].p, 2.0 / 16, "four prompts have sixteen exchanges");
    }
}

Test(compare_sets, one_prompt_or_none_is_no_crash) {
    draw(1, 6);
    compare();
    cr_expect(r.arms[0][0].defined && r.pairs[0][0].p == 1);
    counts[1] = 0;
    compare();
    cr_expect(!r.arms[0][1].defined && r.arms[0][1].why[0] && !r.pairs[0][0].defined && r.pairs[0][0].why[0]);
    cr_expect(r.arms[0][0].defined);
}

Test(compare_sets, an_arm_with_a_feature_that_is_no_number_says_so) {
    cm_set_score *const scores[] = {cm_score_frechet, cm_score_kernel, cm_score_cmmd, cm_score_prdc};
    x[1][5] = NAN;
    for (size_t k = 0; k < 4; k++) {
        s.score = scores[k];
        compare();
        cr_expect(!r.arms[0][1].defined && strstr(r.arms[0][1].why, "finite"), "score %zu: %s", k, r.arms[0][1].why);
        cr_expect(!r.pairs[0][0].defined && r.pairs[0][1].defined && r.arms[0][0].defined);
    }
}

Test(compare_sets, a_singular_covariance_is_noted_and_still_compared) {
    draw(7, 1);
    compare();
    cr_expect(r.note && strstr(r.note, "singular"));
    cr_expect(r.pairs[0][1].defined && isfinite(r.pairs[0][1].lo) && r.pairs[0][1].p >= 2.0 / 128);
}

Test(compare_sets, a_prompt_beyond_the_set_is_refused) {
    prompt[1][3] = N;
    cr_expect_eq(cm_compare_sets(&s, &arena, &r), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "image 3 of arm 1"));
}

Test(compare_sets, a_score_that_only_groups_of_prompts_can_test_needs_six) {
    draw(5, 6);
    s.score = cm_score_prdc;
    compare();
    cr_expect(r.arms[0][0].defined && isnan(r.arms[0][0].lo));
    cr_expect(!r.pairs[0][0].defined && strstr(r.pairs[0][0].why, "5 prompts"));
}

Test(compare_sets, a_score_that_no_prompt_moves_says_so_and_still_tells_arms_apart) {
    s.score = cm_score_prdc;
    s.higher_is_better = true;
    for (size_t i = 0; i < N * W; i++)
        x[0][i] *= 0.1f; /* all amid the reference: precision 1; and all far from it: 0 */
    for (size_t i = 0; i < N * W; i++) x[2][i] += 100;
    compare();
    const cm_arm_value *v = r.arms[0];
    cr_expect(v[0].value == 1 && v[0].lo == 1 && v[0].hi == 1 && v[2].value == 0, "%g %g", v[0].value, v[2].value);
    cr_expect(v[0].why && strstr(v[0].why, "the same without"));
    cr_expect(r.pairs[0][1].difference == 1 && r.pairs[0][1].p == 1.0 / 2048, "%g", r.pairs[0][1].p);
    cr_expect(v[0].leading && !v[2].leading);
}

Test(compare_sets, any_allocation_may_fail_and_the_comparison_says_so) {
    cm_set_score *const scores[] = {cm_score_frechet, cm_score_kernel, cm_score_prdc};
    counts[1] = N - 8; /* common prompts are fitted anew */
    for (size_t k = 0; k < 3; k++) {
        cm_status status = CM_ENOMEM;
        s.score = scores[k];
        for (long n = 0; status != CM_OK; n++) {
            cm_arena few;
            cm_arena_init(&few, 64);
            cm_test_fail_once = n;
            status = cm_compare_sets(&s, &few, &r);
            cm_test_fail_once = -1;
            cr_assert(status == CM_OK || status == CM_ENOMEM, "score %zu, allocation %ld: %s", k, n, cm_why());
            cm_arena_free(&few);
        }
    }
}
