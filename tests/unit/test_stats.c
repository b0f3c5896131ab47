// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>

#include "core/io/jsonl.h"
#include "metrics/stats.h"

static cm_arena arena;
static json_t *golden;

static void open_golden(void) {
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_json_read(CM_TESTS_DIR "/golden/scores/stats.json", &golden), CM_OK, "%s", cm_why());
}

static void close_golden(void) {
    json_decref(golden);
    cm_arena_free(&arena);
}

TestSuite(stats, .init = open_golden, .fini = close_golden);

static double *numbers(const json_t *list, size_t *n) {
    *n = json_array_size(list);
    double *x = CM_PUSH(&arena, double, *n);
    for (size_t i = 0; i < *n; i++) x[i] = json_number_value(json_array_get(list, i));
    return x;
}

Test(stats, interval_agrees_with_scipys_bca) {
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(golden, "intervals"), i, row) {
        size_t n, two;
        const double *x = numbers(json_object_get(row, "x"), &n);
        const double *want = numbers(json_object_get(row, "interval"), &two);
        cm_interval got;
        cr_assert_eq(cm_stats_interval(x, n, 1, 5, &arena, &got), CM_OK);
        const double width = want[1] - want[0];
        cr_expect_float_eq(got.lo, want[0], 0.05 * width, "row %zu: %g for %g", i, got.lo, want[0]);
        cr_expect_float_eq(got.hi, want[1], 0.05 * width, "row %zu: %g for %g", i, got.hi, want[1]);
        cr_expect_eq(got.n, n);
    }
}

Test(stats, exact_flip_p_is_scipys_permutation_test) {
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(golden, "flips"), i, row) {
        size_t n;
        const double *x = numbers(json_object_get(row, "x"), &n);
        double p;
        cr_assert_eq(cm_stats_flip(x, n, 1, 1, &arena, &p), CM_OK);
        cr_expect_float_eq(p, json_number_value(json_object_get(row, "p")), 1e-12, "row %zu: %.17g", i, p);
    }
}

Test(stats, quantiles_are_numpys) {
    const json_t *q = json_object_get(golden, "quantiles");
    size_t n, levels;
    double *x = numbers(json_object_get(q, "x"), &n);
    const double *level = numbers(json_object_get(q, "levels"), &levels);
    const double *want = numbers(json_object_get(q, "values"), &levels);
    cm_stats_sort(x, n);
    for (size_t i = 0; i < levels; i++) cr_expect_float_eq(cm_stats_quantile(x, n, level[i]), want[i], 1e-12);
}

Test(stats, random_flips_count_the_observed_one_too) {
    double x[40];
    for (int i = 0; i < 40; i++) x[i] = 1 + i % 3; /* all of one sign: no flip of 20,000 reaches it */
    double p;
    cr_assert_eq(cm_stats_flip(x, 40, 1, 1, &arena, &p), CM_OK);
    cr_expect_float_eq(p, 1.0 / (1 + CM_FLIPS), 1e-15);
}

Test(stats, random_flips_are_near_the_normal_p) {
    double x[200], squares = 0, sum = 0;
    cm_rng r = cm_rng_named(3, "differences");
    for (int i = 0; i < 200; i++) {
        x[i] = cm_rng_normal(&r) + 0.12;
        sum += x[i];
        squares += x[i] * x[i];
    }
    const double want = erfc(fabs(sum) / sqrt(squares) / sqrt(2.0)); /* flips: mean 0, variance sum of squares */
    double p;
    cr_assert_eq(cm_stats_flip(x, 200, 1, 1, &arena, &p), CM_OK);
    cr_expect_float_eq(p, want, 0.012, "%g for %g", p, want);
}

Test(stats, interval_of_a_mean_is_near_the_normal_one) {
    double x[400], sum = 0, squares = 0;
    cm_rng r = cm_rng_named(4, "values");
    for (int i = 0; i < 400; i++) {
        x[i] = 10 + 2 * cm_rng_normal(&r);
        sum += x[i];
        squares += x[i] * x[i];
    }
    const double mean = sum / 400, half = 1.96 * sqrt((squares / 400 - mean * mean) / 400);
    cm_interval got;
    cr_assert_eq(cm_stats_interval(x, 400, 1, 5, &arena, &got), CM_OK);
    cr_expect_float_eq(got.value, mean, 1e-12);
    cr_expect_float_eq(got.lo, mean - half, 0.15 * half);
    cr_expect_float_eq(got.hi, mean + half, 0.15 * half);
}

Test(stats, same_table_and_seed_give_the_same_interval) {
    const double x[] = {1, 5, 2, 8, 3, 9, 4};
    cm_interval a, b, c;
    cr_assert_eq(cm_stats_interval(x, 7, 1, 5, &arena, &a), CM_OK);
    cr_assert_eq(cm_stats_interval(x, 7, 1, 5, &arena, &b), CM_OK);
    cr_assert_eq(cm_stats_interval(x, 7, 1, 6, &arena, &c), CM_OK);
    cr_expect(a.lo == b.lo && a.hi == b.hi);
    cr_expect(a.lo != c.lo || a.hi != c.hi);
}

Test(stats, three_columns_make_the_mean_of_their_means) {
    const double x[] = {100, 50, 0, 0, NAN, 40, 50, 100, NAN};
    double value;
    size_t n;
    cr_assert_eq(cm_stats_value(x, 3, 3, &value, &n), CM_OK);
    cr_expect_float_eq(value, (50.0 + 75.0 + 20.0) / 3, 1e-12);
    cr_expect_eq(n, 3);
}

Test(stats, equal_values_have_an_interval_of_no_width) {
    const double x[] = {3, 3, 3, 3};
    cm_interval got;
    cr_assert_eq(cm_stats_interval(x, 4, 1, 5, &arena, &got), CM_OK);
    cr_expect(got.lo == 3 && got.hi == 3);
}

Test(stats, nothing_to_average_is_undefined_and_leaves_the_result_alone) {
    const double x[] = {NAN, NAN};
    cm_interval got = {.value = 7};
    double p = 7;
    cr_expect_eq(cm_stats_interval(x, 2, 1, 5, &arena, &got), CM_EUNDEFINED);
    cr_expect_eq(cm_stats_flip(x, 2, 1, 5, &arena, &p), CM_EUNDEFINED);
    cr_expect(got.value == 7 && p == 7);
}

Test(stats, holm_multiplies_by_what_is_left_and_never_falls) {
    const double p[] = {0.01, 0.04, 0.03, 0.005}, want[] = {0.03, 0.06, 0.06, 0.02};
    double got[4];
    cr_assert_eq(cm_stats_holm(p, 4, &arena, got), CM_OK);
    for (int i = 0; i < 4; i++) cr_expect_float_eq(got[i], want[i], 1e-12);
}

/* scipy 1.17.1: stats.t.ppf(0.975, f), stats.t.ppf(0.8, f), 2 * stats.t.sf(2.3, f) */
Test(stats, students_t_is_scipys) {
    static const struct {
        size_t freedom;
        double high, eight, p;
    } rows[] = {{1, 12.706204736174694, 1.3763819204711738, 0.26109517417724554},
                {2, 4.302652729749462, 1.0606601717798214, 0.14814814814814817},
                {5, 2.5705818356363146, 0.9195437802408271, 0.06977246933203732},
                {39, 2.022690920036761, 0.8509350199201249, 0.026884992614103986},
                {2047, 1.9611235598633847, 0.841796862813951, 0.021548390295979956}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_float_eq(cm_stats_t_quantile(0.975, rows[i].freedom), rows[i].high, 1e-9 * rows[i].high);
        cr_expect_float_eq(cm_stats_t_quantile(0.2, rows[i].freedom), -rows[i].eight, 1e-9);
        cr_expect_float_eq(cm_stats_t_p(-2.3, rows[i].freedom), rows[i].p, 1e-12);
    }
}

Test(stats, flips_of_a_sum_count_exchanges_that_reach_it) {
    const double u[] = {4, 2, 1}; /* |sums|: 7, 5, 3, 1, each twice */
    double p;
    cr_assert_eq(cm_stats_flip_sum(u, 3, 1, &arena, &p), CM_OK);
    cr_expect_eq(p, 0.25);
    const double tied[] = {1, 1, -1, 1}; /* 2: all but the six sums of 0 reach it */
    cr_assert_eq(cm_stats_flip_sum(tied, 4, 1, &arena, &p), CM_OK);
    cr_expect_eq(p, 10.0 / 16);
    cr_expect_eq(cm_stats_flip_sum(u, 0, 1, &arena, &p), CM_EUNDEFINED);
}

Test(stats, parts_of_a_table_sum_to_its_value) {
    const double x[] = {100, 50, 0, 0, NAN, 40, 50, 100, NAN, NAN, NAN, NAN};
    double parts[4], value;
    cr_assert_eq(cm_stats_parts(x, 4, 3, parts), CM_OK);
    cr_assert_eq(cm_stats_value(x, 4, 3, &value, NULL), CM_OK);
    cr_expect_float_eq(parts[0] + parts[1] + parts[2], value, 1e-12);
    cr_expect_eq(parts[3], 0);
}
