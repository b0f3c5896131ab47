// SPDX-License-Identifier: Apache-2.0
/* Scores of sets of features against the packages people cite (tests/golden/scores/sets.py), and in closed form. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/io/jsonl.h"
#include "core/io/safetensors.h"
#include "metrics/frechet_score.h"
#include "metrics/kid.h"
#include "metrics/numpy_random.h"
#include "metrics/prdc.h"

static cm_arena arena;
static json_t *goldens;
static cm_sets sets;
static float *logits;
static size_t classes;

static float *table(const cm_safetensors *f, const char *name, size_t *rows, size_t *columns) {
    const cm_stored *t = cm_safetensors_find(f, name);
    float *v = CM_PUSH(&arena, float, t->count);
    cm_to_float(t->dtype, t->data, t->count, v);
    *rows = t->shape[0];
    *columns = t->shape[1];
    return v;
}

static void open_sets(void) {
    cm_safetensors *f;
    size_t n;
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_safetensors_open(&f, CM_TESTS_DIR "/golden/scores/sets.safetensors"), CM_OK, "%s", cm_why());
    sets = (cm_sets){0};
    sets.x = table(f, "x", &sets.n, &sets.width);
    sets.y = table(f, "y", &sets.m, &sets.width);
    logits = table(f, "logits", &n, &classes);
    cm_safetensors_close(&f);
    cr_assert_eq(cm_json_read(CM_TESTS_DIR "/golden/scores/sets.json", &goldens), CM_OK);
}

static void close_sets(void) {
    json_decref(goldens);
    cm_arena_free(&arena);
}

TestSuite(set_scores, .init = open_sets, .fini = close_sets);

static double golden(const char *key, const char *below) {
    const json_t *v = json_object_get(goldens, key);
    if (below) v = json_object_get(v, below);
    cr_assert(json_is_number(v), "%s", key);
    return json_number_value(v);
}

static void near(double got, double want, double relative, const char *what) {
    cr_expect(fabs(got - want) <= relative * fabs(want), "%s: %.15g, wanted %.15g", what, got, want);
}

Test(set_scores, permutations_are_numpys) {
    cm_numpy_random r;
    size_t order[1000], i;
    json_t *v;
    cm_numpy_seed(&r, 2020);
    json_array_foreach(json_object_get(goldens, "numbers"), i, v)
        cr_expect_eq(cm_numpy_next(&r), (uint32_t)json_integer_value(v));
    cm_numpy_seed(&r, 2020);
    cm_numpy_permutation(&r, 1000, order);
    json_array_foreach(json_object_get(goldens, "permutation"), i, v)
        cr_expect_eq(order[i], (size_t)json_integer_value(v));
}

Test(set_scores, frechet_is_pytorch_fids_and_torchmetrics) {
    cm_set_values v = {0};
    cr_assert_eq(cm_score_frechet(&sets, &arena, &v), CM_OK, "%s", cm_why());
    near(v.parts[0].value, golden("frechet", NULL), 1e-9, "frechet");
    near(v.parts[0].value, golden("frechet_torchmetrics", NULL), 1e-9, "torchmetrics");
    cr_expect(v.count == 1 && !*v.note);
    cm_sets few = sets;
    few.n = 15;
    v = (cm_set_values){0};
    cr_assert_eq(cm_score_frechet(&few, &arena, &v), CM_OK, "%s", cm_why());
    near(v.parts[0].value, golden("frechet_few", NULL), 1e-6, "fewer pictures than features");
    cr_expect(strstr(v.note, "N=15 is not above 24"), "%s", v.note);
}

Test(set_scores, frechet_of_statistics_is_that_of_pictures) {
    cm_moments m;
    cm_set_values a = {0}, b = {0};
    cr_assert_eq(cm_moments_of(sets.y, NULL, sets.m, sets.width, &arena, &m), CM_OK);
    cr_assert_eq(cm_score_frechet(&sets, &arena, &a), CM_OK);
    cm_sets other = sets;
    other.y = NULL;
    other.m = 0;
    other.statistics = &m;
    cr_assert_eq(cm_score_frechet(&other, &arena, &b), CM_OK);
    cr_expect(a.parts[0].value == b.parts[0].value);
    m.n = 0; /* of unknown number: the covariance itself */
    for (size_t i = 0; i < m.width * m.width; i++) m.scatter[i] /= (double)(sets.m - 1);
    b = (cm_set_values){0};
    cr_assert_eq(cm_score_frechet(&other, &arena, &b), CM_OK);
    near(b.parts[0].value, a.parts[0].value, 1e-12, "covariance");
}

Test(set_scores, frechet_infinity_is_dgm_evals) {
    cm_moments m;
    cm_frechet_side side;
    double value;
    cr_assert_eq(cm_moments_of(sets.y, NULL, sets.m, sets.width, &arena, &m), CM_OK);
    cr_assert_eq(cm_frechet_prepare(&m, &arena, &side), CM_OK);
    cr_assert_eq(cm_frechet_infinity(&side, &sets, 5, 100, 13579, &arena, &value), CM_OK, "%s", cm_why());
    near(value, golden("infinity", NULL), 1e-8, "infinity");
    cr_expect_eq(cm_frechet_infinity(&side, &sets, 5, sets.n, 13579, &arena, &value), CM_EUNDEFINED);
}

Test(set_scores, kid_is_torch_fidelitys) {
    double mean, deviation;
    cr_assert_eq(cm_kid_subsets(&sets, 20, 100, true, &arena, &mean, &deviation), CM_OK, "%s", cm_why());
    near(mean, golden("kid", "kernel_inception_distance_mean"), 1e-12, "mean");
    near(deviation, golden("kid", "kernel_inception_distance_std"), 1e-12, "deviation");
    double other, spread;
    cr_assert_eq(cm_kid_subsets(&sets, 20, 100, false, &arena, &other, &spread), CM_OK, "%s", cm_why());
    near(other, mean, 1e-5, "products in f32");
    cr_expect_eq(cm_kid_subsets(&sets, 20, 211, true, &arena, &mean, &deviation), CM_EUNDEFINED);
    cr_expect(strstr(cm_why(), "subsets of 211 images, of which there are 260 and 210"), "%s", cm_why());
}

Test(set_scores, kid_by_smaller_subsets_is_torch_fidelitys_kid_subset_size) {
    cm_sets s = sets;
    cm_set_values v = {0};
    s.kid_subset = 100;
    cr_assert_eq(cm_score_kid(&s, &arena, &v), CM_OK, "%s", cm_why());
    near(v.parts[0].value, golden("kid_100", "kernel_inception_distance_mean"), 1e-12, "mean");
    near(v.parts[0].deviation, golden("kid_100", "kernel_inception_distance_std"), 1e-12, "deviation");
    s.kid_subset = 0;
    cr_assert_eq(cm_score_kid(&s, &arena, &v), CM_EUNDEFINED, "the published size needs 1000 a side");
    cr_assert(strstr(cm_why(), "--kid-subset-size"), "%s", cm_why());
}

Test(set_scores, inception_score_is_torch_fidelitys) {
    const cm_sets s = {.x = logits, .n = sets.n, .width = classes};
    cm_set_values v = {0};
    cr_assert_eq(cm_score_inception(&s, &arena, &v), CM_OK, "%s", cm_why());
    near(v.parts[0].value, golden("is", "inception_score_mean"), 1e-12, "mean");
    near(v.parts[0].deviation, golden("is", "inception_score_std"), 1e-10, "deviation");
}

Test(set_scores, prdc_is_the_definition) {
    cm_prdc v;
    cr_assert_eq(cm_prdc_of(&sets, 5, false, &arena, &v), CM_OK, "%s", cm_why());
    near(v.precision, golden("prdc", "precision"), 1e-12, "precision");
    near(v.recall, golden("prdc", "recall"), 1e-12, "recall");
    near(v.density, golden("prdc", "density"), 1e-12, "density");
    near(v.coverage, golden("prdc", "coverage"), 1e-12, "coverage");
    cr_assert_eq(cm_prdc_of(&sets, 3, true, &arena, &v), CM_OK, "%s", cm_why());
    near(v.precision, golden("closed", "precision"), 1e-6, "torch-fidelity's precision"); /* its mean is f32 */
    near(v.recall, golden("closed", "recall"), 1e-6, "torch-fidelity's recall");
    cr_expect_eq(cm_prdc_of(&sets, 210, false, &arena, &v), CM_EUNDEFINED);
}

Test(set_scores, cmmd_is_the_formula) {
    cm_set_values v = {0};
    cr_assert_eq(cm_score_cmmd(&sets, &arena, &v), CM_OK, "%s", cm_why());
    near(v.parts[0].value, golden("cmmd", NULL), 1e-10, "cmmd");
}

/* --- closed form ---------------------------------------------------------------- */

Test(set_scores, a_set_is_no_distance_from_itself) {
    cm_sets same = sets;
    same.y = same.x;
    same.m = same.n;
    cm_set_values v = {0};
    cr_assert_eq(cm_score_frechet(&same, &arena, &v), CM_OK);
    cr_expect(fabs(v.parts[0].value) < 1e-9, "%g", v.parts[0].value);
    v = (cm_set_values){0};
    cr_assert_eq(cm_score_cmmd(&same, &arena, &v), CM_OK);
    cr_expect(fabs(v.parts[0].value) < 1e-9, "%g", v.parts[0].value);
    v = (cm_set_values){0};
    cr_assert_eq(cm_score_prdc(&same, &arena, &v), CM_OK);
    cr_expect(v.count == 4 && v.parts[0].value == 1 && v.parts[1].value == 1 && v.parts[3].value == 1);
    cr_expect(v.parts[2].value > 0.8 &&
              v.parts[2].value < 1.3); /* k of its neighbours' balls hold a point, and its own */
}

Test(set_scores, neither_order_nor_side_matters) {
    cm_sets turned = sets, swapped = {.x = sets.y, .y = sets.x, .n = sets.m, .m = sets.n, .width = sets.width};
    float *x = CM_PUSH(&arena, float, sets.n *sets.width);
    for (size_t i = 0; i < sets.n; i++)
        memcpy(x + i * sets.width, sets.x + (sets.n - 1 - i) * sets.width, sets.width * sizeof *x);
    turned.x = x;
    cm_set_values a = {0}, b = {0}, c = {0};
    cr_assert_eq(cm_score_frechet(&sets, &arena, &a), CM_OK);
    cr_assert_eq(cm_score_frechet(&turned, &arena, &b), CM_OK);
    cr_assert_eq(cm_score_frechet(&swapped, &arena, &c), CM_OK);
    near(b.parts[0].value, a.parts[0].value, 1e-11, "order");
    near(c.parts[0].value, a.parts[0].value, 1e-10, "sides");
    a = b = c = (cm_set_values){0};
    cr_assert_eq(cm_score_cmmd(&sets, &arena, &a), CM_OK);
    cr_assert_eq(cm_score_cmmd(&turned, &arena, &b), CM_OK);
    cr_assert_eq(cm_score_cmmd(&swapped, &arena, &c), CM_OK);
    near(b.parts[0].value, a.parts[0].value, 1e-10, "order");
    near(c.parts[0].value, a.parts[0].value, 1e-10, "sides");
}

/* Independent features of deviations a and b, means apart by d: each adds d^2 + (a - b)^2. */
Test(set_scores, two_gaussians_have_their_closed_form) {
    enum { N = 4000, W = 3 };
    float *x = CM_PUSH(&arena, float, N *W), *y = CM_PUSH(&arena, float, N *W);
    cm_rng rng = cm_rng_make(3, 0);
    for (size_t i = 0; i < N * W; i++) {
        x[i] = (float)cm_rng_normal(&rng);
        y[i] = 2 + 3 * (float)cm_rng_normal(&rng);
    }
    const cm_sets s = {.x = x, .y = y, .n = N, .m = N, .width = W};
    cm_set_values v = {0};
    cr_assert_eq(cm_score_frechet(&s, &arena, &v), CM_OK);
    near(v.parts[0].value, W * (4 + 4), 0.05, "two Gaussians");
}

Test(set_scores, what_has_no_value_says_why) {
    cm_set_values v = {0};
    cm_sets bad = sets;
    float *x = CM_PUSH(&arena, float, sets.n *sets.width);
    memcpy(x, sets.x, sets.n * sets.width * sizeof *x);
    x[3 * sets.width + 2] = NAN;
    bad.x = x;
    cm_set_score *const all[] = {cm_score_frechet, cm_score_frechet_infinity, cm_score_inception, cm_score_prdc,
                                 cm_score_cmmd};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        cr_expect_eq(all[i](&bad, &arena, &v), CM_EUNDEFINED);
        cr_expect(strstr(cm_why(), "feature 2 of image 3 is not finite"), "%s", cm_why());
    }
    cm_sets one = sets;
    one.n = 1;
    cr_expect_eq(cm_score_frechet(&one, &arena, &v), CM_EUNDEFINED);
    cr_expect_eq(cm_score_kid(&sets, &arena, &v), CM_EUNDEFINED);
    cr_expect_eq(v.count, 0);
}

/* Moments joined in any order of parts agree to rounding; the same parts in the same order, bit for bit. */
Test(set_scores, moments_do_not_depend_on_the_parts) {
    cm_moments whole, a, b, c;
    cr_assert_eq(cm_moments_of(sets.x, NULL, sets.n, sets.width, &arena, &whole), CM_OK);
    cr_assert_eq(cm_moments_of(sets.x, NULL, 100, sets.width, &arena, &a), CM_OK);
    cr_assert_eq(cm_moments_of(sets.x + 100 * sets.width, NULL, sets.n - 100, sets.width, &arena, &b), CM_OK);
    cr_assert_eq(cm_moments_of(sets.x + 100 * sets.width, NULL, sets.n - 100, sets.width, &arena, &c), CM_OK);
    cr_assert_eq(cm_moments_merge(&c, &a), CM_OK);
    cr_assert_eq(cm_moments_merge(&a, &b), CM_OK);
    for (size_t i = 0; i < whole.width * whole.width; i++) {
        cr_expect(fabs(a.scatter[i] - whole.scatter[i]) < 1e-8);
        cr_expect(fabs(c.scatter[i] - whole.scatter[i]) < 1e-8);
    }
}

/* --- sets of more than one block ------------------------------------------------------------ */

enum { MANY = 700, OTHERS = 550, WIDE = 8 };

static cm_sets large_sets(void) {
    float *x = CM_PUSH(&arena, float, MANY *WIDE), *y = CM_PUSH(&arena, float, OTHERS *WIDE);
    cm_rng rng = cm_rng_make(5, 0);
    for (size_t i = 0; i < MANY * WIDE; i++) x[i] = (float)cm_rng_normal(&rng);
    for (size_t i = 0; i < OTHERS * WIDE; i++) y[i] = 0.2f + (float)cm_rng_normal(&rng);
    return (cm_sets){.x = x, .y = y, .n = MANY, .m = OTHERS, .width = WIDE};
}

static double dot(const float *a, const float *b) {
    double sum = 0;
    for (size_t k = 0; k < WIDE; k++) sum += (double)a[k] * (double)b[k];
    return sum;
}

/* mean exp(-|a/|a| - b/|b||^2 / 200) */
static double mean_kernel(const float *x, size_t n, const float *y, size_t m) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) {
            const float *a = x + i * WIDE, *b = y + j * WIDE;
            sum += exp(-(2 - 2 * dot(a, b) / sqrt(dot(a, a) * dot(b, b))) / 200);
        }
    return sum / (double)(n * m);
}

Test(set_scores, cmmd_of_many_blocks_is_the_sum_over_all_pairs) {
    const cm_sets s = large_sets();
    cm_set_values v = {0};
    cr_assert_eq(cm_score_cmmd(&s, &arena, &v), CM_OK);
    const double want = 1000 * (mean_kernel(s.x, s.n, s.x, s.n) + mean_kernel(s.y, s.m, s.y, s.m) -
                                2 * mean_kernel(s.x, s.n, s.y, s.m));
    near(v.parts[0].value, want, 1e-9, "cmmd");
}

/* One subset of everything: the unbiased MMD^2 of the two sets as they are. */
Test(set_scores, kid_of_many_blocks_is_the_sum_over_all_pairs) {
    cm_sets s = large_sets();
    double mean, deviation, sums[3] = {0};
    s.n = s.m;
    for (size_t i = 0; i < s.m; i++)
        for (size_t j = 0; j < s.m; j++) {
            const float *const pairs[3][2] = {{s.x, s.x}, {s.y, s.y}, {s.x, s.y}};
            for (int k = 0; k < 3; k++)
                if (k == 2 || i != j) sums[k] += pow(dot(pairs[k][0] + i * WIDE, pairs[k][1] + j * WIDE) / WIDE + 1, 3);
        }
    const double m = OTHERS, want = (sums[0] + sums[1]) / (m * (m - 1)) - 2 * sums[2] / (m * m);
    cr_assert_eq(cm_kid_subsets(&s, 3, OTHERS, true, &arena, &mean, &deviation), CM_OK);
    near(mean, want, 1e-10, "mean");
    cr_expect(deviation < 1e-12);
    cr_assert_eq(cm_kid_subsets(&s, 3, OTHERS, false, &arena, &mean, &deviation), CM_OK);
    near(mean, want, 1e-4, "products in f32");
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double square_between(const float *a, const float *b) {
    double sum = 0;
    for (size_t k = 0; k < WIDE; k++) sum += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
    return sum;
}

static void radii(const float *x, size_t n, size_t k, double *radius) {
    double *d = CM_PUSH(&arena, double, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) d[j] = square_between(x + i * WIDE, x + j * WIDE);
        qsort(d, n, sizeof *d, ascending);
        radius[i] = d[k];
    }
}

Test(set_scores, prdc_of_many_blocks_is_the_definition) {
    const cm_sets s = large_sets();
    const size_t k = 4;
    double rx[MANY], ry[OTHERS], precise = 0, recalled = 0, balls = 0, covered = 0;
    radii(s.x, s.n, k, rx);
    radii(s.y, s.m, k, ry);
    for (size_t i = 0; i < s.n; i++) {
        bool in = false;
        for (size_t j = 0; j < s.m; j++)
            if (square_between(s.x + i * WIDE, s.y + j * WIDE) < ry[j]) in = true, balls++;
        precise += in;
    }
    for (size_t j = 0; j < s.m; j++) {
        bool in = false, holds = false;
        for (size_t i = 0; i < s.n; i++) {
            const double d = square_between(s.x + i * WIDE, s.y + j * WIDE);
            in = in || d < rx[i];
            holds = holds || d < ry[j];
        }
        recalled += in;
        covered += holds;
    }
    cm_prdc v;
    cr_assert_eq(cm_prdc_of(&s, k, false, &arena, &v), CM_OK);
    near(v.precision, precise / MANY, 1e-12, "precision");
    near(v.recall, recalled / OTHERS, 1e-12, "recall");
    near(v.density, balls / (double)(k * MANY), 1e-12, "density");
    near(v.coverage, covered / OTHERS, 1e-12, "coverage");
}
