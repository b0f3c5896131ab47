// SPDX-License-Identifier: Apache-2.0
/* Coverage and false alarms over a few hundred draws; `simulate` runs thousands, docs/SCORES.md has its table. Over 200
 * runs a share of 0.95 lies in [0.9, 0.99] with a chance of 0.996 (binomial), one of 0.05 at or below 0.1 with 0.999.
 */
#include <criterion/criterion.h>

#include "core/base/rng.h"
#include "tests/cases/interval_cases.h"

enum { RUNS = 200 };

static cm_interval_tally run(const cm_interval_case *c) {
    cm_interval_tally t;
    cr_assert_eq(cm_interval_simulate(c, RUNS, 14, &t), CM_OK, "%s", cm_why());
    return t;
}

static void check_columns(cm_case_kind kind) {
    const cm_interval_case c = {.name = "columns", .kind = kind, .prompts = 256};
    const cm_interval_tally t = run(&c);
    cr_expect(t.arm[0] >= 0.9 && t.arm[0] <= 0.99, "arms: %g", t.arm[0]);
    cr_expect(t.pair[0] >= 0.9 && t.pair[0] <= 0.99, "pairs: %g", t.pair[0]);
    cr_expect(t.found[0] <= 0.1, "false alarms: %g", t.found[0]);
}

Test(intervals, of_means_hold_the_truth_nineteen_times_in_twenty) {
    check_columns(CM_CASE_MEAN);
}

Test(intervals, of_ratios_with_gaps_hold_the_truth_nineteen_times_in_twenty) {
    check_columns(CM_CASE_RATIO);
}

static void check_sets(cm_set_score *score, size_t prompts, size_t images, double apart) {
    const cm_interval_case c = {.name = "sets",
                                .kind = CM_CASE_SET,
                                .prompts = prompts,
                                .images = images,
                                .width = 24,
                                .reference = 100,
                                .score = score,
                                .apart = apart};
    const cm_interval_tally t = run(&c);
    for (size_t k = 0; k < t.parts; k++) {
        cr_expect_geq(t.arm[k], 0.9, "arms of part %zu at %zu x %zu: %g", k, prompts, images, t.arm[k]);
        cr_expect_geq(t.pair[k], 0.9, "pairs of part %zu at %zu x %zu: %g", k, prompts, images, t.pair[k]);
        if (apart == 0)
            cr_expect_leq(t.found[k], 0.1, "false alarms of part %zu at %zu x %zu: %g", k, prompts, images, t.found[k]);
    }
}

Test(intervals, of_frechet_distances_hold_with_fewer_images_than_features_too) {
    check_sets(cm_score_frechet, 20, 1, 0);
    check_sets(cm_score_frechet, 64, 1, 0);
    check_sets(cm_score_frechet, 20, 3, 0);
}

Test(intervals, of_frechet_distances_hold_for_arms_that_are_far_apart) {
    check_sets(cm_score_frechet, 128, 1, 0.3);
}

Test(intervals, of_kernel_distances_hold_the_truth) {
    check_sets(cm_score_kernel, 64, 1, 0);
    check_sets(cm_score_kernel, 20, 3, 0);
    check_sets(cm_score_kernel, 128, 1, 0.3);
    check_sets(cm_score_cmmd, 64, 1, 0);
}

/* The best of five equal arms, chosen by the data, is above the others by chance: the others are to be left in. */
Test(intervals, of_equal_arms_all_lead_nineteen_times_in_twenty) {
    enum { ARMS = 5, PROMPTS = 24 };
    cm_arena arena;
    double x[ARMS * PROMPTS];
    cm_arm_value arms[ARMS];
    size_t left_out = 0;
    cm_arena_init(&arena, 0);
    cm_rng r = cm_rng_named(3, "equal arms");
    for (size_t run = 0; run < RUNS; run++) {
        for (size_t i = 0; i < ARMS * PROMPTS; i++) x[i] = cm_rng_normal(&r);
        const cm_columns c = {
            .arms = ARMS, .prompts = PROMPTS, .columns = 1, .x = x, .higher_is_better = true, .seed = run};
        cr_assert_eq(cm_compare_columns(&c, &arena, arms, NULL), CM_OK, "%s", cm_why());
        size_t leading = 0;
        for (size_t a = 0; a < ARMS; a++) leading += arms[a].leading;
        left_out += leading < ARMS;
        cm_arena_clear(&arena);
    }
    cm_arena_free(&arena);
    cr_expect_leq(left_out, RUNS / 10, "%zu of %d runs", left_out, RUNS);
}
