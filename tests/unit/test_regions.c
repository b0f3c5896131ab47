// SPDX-License-Identifier: Apache-2.0
/* What is pooled over soft regions, against the plain definition in double, and its gradient against differences. */
#include <criterion/criterion.h>
#include <math.h>

#include "core/base/rng.h"
#include "core/tensor/nn.h"
#include "core/tensor/tape.h"

enum { N = 2, H = 5, W = 4, R = 3, C = 3, PIXELS = H * W };

static cm_ctx g;
static cm_tensor *maps, *x;

static cm_tensor *drawn(size_t channels, double lo, double hi, uint64_t seed) {
    cm_tensor *t = cm_tensor_new(&g, CM_SHAPE(N, H, W, channels));
    cm_rng r = cm_rng_make(seed, 1);
    for (size_t i = 0; i < cm_count(t); i++) t->data[i] = (float)cm_rng_range(&r, lo, hi);
    return t;
}

static void setup(void) {
    cm_ctx_init(&g, cm_ops_ref(), 1);
    maps = drawn(R, 0, 1, 1);
    x = drawn(C, -1, 2, 2);
}

static void teardown(void) {
    cm_ctx_free(&g);
}

TestSuite(regions, .init = setup, .fini = teardown);

/* Mean and spread of channel c in region r of one image. */
static void define(size_t image, size_t r, size_t c, double *mean, double *spread) {
    double sum = 1e-4 * PIXELS, first = 0, second = 0;
    for (size_t p = 0; p < PIXELS; p++) {
        const double w = (double)maps->data[(image * PIXELS + p) * R + r],
                     v = (double)x->data[(image * PIXELS + p) * C + c];
        sum += w;
        first += w * v;
        second += w * v * v;
    }
    *mean = first / sum;
    *spread = sqrt(second / sum - *mean * *mean + 1e-3);
}

Test(regions, means_spreads_and_peaks_are_those_of_the_definition) {
    const cm_tensor *y = cm_region_pool(&g, maps, x);
    cr_assert(y && y->ndim == 3 && y->shape[0] == N && y->shape[1] == R && y->shape[2] == 3 * C);
    for (size_t i = 0; i < N * R; i++)
        for (size_t c = 0; c < C; c++) {
            double mean, spread;
            define(i / R, i % R, c, &mean, &spread);
            cr_expect_float_eq(y->data[i * 3 * C + c], mean, 1e-5, "mean of region %zu", i);
            cr_expect_float_eq(y->data[i * 3 * C + C + c], spread, 1e-5, "spread of region %zu", i);
            double peak = 0;
            for (size_t p = 0; p < PIXELS; p++) {
                const size_t at = i / R * PIXELS + p;
                peak = fmax(peak, (double)maps->data[at * R + i % R] * (double)x->data[at * C + c]);
            }
            cr_expect_float_eq(y->data[i * 3 * C + 2 * C + c], peak, 1e-5, "peak of region %zu", i);
        }
}

Test(regions, a_region_of_one_colour_has_that_colour_and_no_spread) {
    for (size_t p = 0; p < N * PIXELS; p++)
        for (size_t r = 0; r < R; r++) maps->data[p * R + r] = p % R == r;
    for (size_t i = 0; i < N * PIXELS * C; i++) x->data[i] = (float)(i / C % R); /* region r has the value r */
    const cm_tensor *y = cm_region_pool(&g, maps, x);
    for (size_t i = 0; i < R; i++) {
        cr_expect_float_eq(y->data[i * 3 * C], (double)i, 2e-3);
        cr_expect_lt(y->data[i * 3 * C + C], 0.1);
    }
}

Test(regions, what_is_nowhere_has_mean_0_and_area_0) {
    for (size_t p = 0; p < N * PIXELS; p++) maps->data[p * R + 1] = 0;
    const cm_tensor *y = cm_region_pool(&g, maps, x), *areas = cm_region_areas(&g, maps);
    for (size_t c = 0; c < C; c++) cr_expect(y->data[3 * C + c] == 0 && y->data[3 * C + 2 * C + c] == 0);
    cr_expect_float_eq(areas->data[1], 0, 1e-6);
}

Test(regions, an_area_is_the_logarithm_of_its_share) {
    for (size_t p = 0; p < N * PIXELS; p++) maps->data[p * R] = p % PIXELS < 5; /* 5 of 20 pixels */
    const cm_tensor *areas = cm_region_areas(&g, maps);
    cr_assert(areas->shape[0] == N && areas->shape[1] == R && areas->shape[2] == 1);
    cr_expect_float_eq(areas->data[0], log(1 + 1e4 * 5 / 20), 1e-4);
    cr_expect_float_eq(areas->data[R], areas->data[0], 1e-6);
}

static double against(const float *dy) {
    const cm_tensor *y = cm_region_pool(&g, maps, x);
    double sum = 0;
    for (size_t i = 0; i < cm_count(y); i++) sum += (double)y->data[i] * (double)dy[i];
    return sum;
}

Test(regions, gradients_of_values_are_their_differences_and_maps_get_none) {
    static const float step = 0.002f; /* no two pixels' peaks are nearer than that */
    float dy[N * R * 3 * C];
    cm_rng r = cm_rng_make(3, 1);
    for (size_t i = 0; i < sizeof dy / sizeof *dy; i++) dy[i] = (float)cm_rng_range(&r, -1, 1);
    x->needs_grad = maps->needs_grad = true;
    cm_tape_open(&g);
    cm_tensor *y = cm_region_pool(&g, maps, x), *weights = cm_tensor_copy(&g, CM_SHAPE(N, R, 3 * C), dy);
    cm_tensor *ones = cm_tensor_new(&g, CM_SHAPE(1, N * R * 3 * C));
    for (size_t i = 0; i < cm_count(ones); i++) ones->data[i] = 1;
    cm_tensor *product = cm_view(&g, cm_mul(&g, y, weights), CM_SHAPE(1, N * R * 3 * C));
    cm_tape_backward(&g, cm_view(&g, cm_matmul_nt(&g, product, ones), CM_SHAPE(1)), 1.0f);
    cr_assert_eq(cm_ctx_check(&g), CM_OK, "%s", g.why);
    cr_expect_null(maps->grad);
    g.tape = NULL;
    for (size_t i = 0; i < cm_count(x); i++) {
        const float kept = x->data[i];
        x->data[i] = kept + step;
        double slope = against(dy);
        x->data[i] = kept - step;
        slope = (slope - against(dy)) / (2 * (double)step);
        x->data[i] = kept;
        cr_expect_float_eq(x->grad[i], slope, 1e-3, "value %zu: %g, by differences %g", i, (double)x->grad[i], slope);
    }
}
