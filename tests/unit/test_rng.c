// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/io/safetensors.h"

static cm_safetensors *golden;

static void open_golden(void) {
    cr_assert_eq(cm_safetensors_open(&golden, CM_TESTS_DIR "/golden/rng/rng.safetensors"), CM_OK, "%s", cm_why());
}

static void close_golden(void) {
    cm_safetensors_close(&golden);
}

/* Torch's vectorised logarithm, sine and cosine differ from libm's in the last place. */
static void expect_near(const char *name, const float *got, size_t n) {
    const cm_stored *want = cm_safetensors_find(golden, name);
    cr_assert(want && want->count == n, "%s", name);
    const float *w = want->data;
    for (size_t i = 0; i < n; i++)
        cr_assert(fabsf(got[i] - w[i]) <= 1e-6f, "%s at %zu: %.9g, not %.9g", name, i, got[i], w[i]);
}

static const uint64_t seeds[] = {0, 7, (UINT64_C(1) << 32) + 5};

Test(rng, normal_numbers_are_those_of_torch, .init = open_golden, .fini = close_golden) {
    static const size_t sizes[] = {1, 5, 15, 16, 17, 100, 1536, 16384};
    static float x[16384];
    char name[64];
    for (size_t s = 0; s < 3; s++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            cm_torch_rng r;
            cm_torch_seed(&r, seeds[s]);
            cm_torch_randn(&r, x, sizes[k]);
            const bool cut = sizes[k] == 16384; /* the golden keeps both ends */
            if (cut) memmove(x + 64, x + sizes[k] - 64, 64 * sizeof *x);
            snprintf(name, sizeof name, "%llu/%zu", (unsigned long long)seeds[s], sizes[k]);
            expect_near(name, x, cut ? 128 : sizes[k]);
        }
    }
}

Test(rng, a_sequence_of_calls_keeps_the_second_normal_as_torch_does, .init = open_golden, .fini = close_golden) {
    static const size_t calls[] = {5, 17, 3, 1, 16, 15, 1, 40};
    char name[64];
    for (size_t s = 0; s < 3; s++) {
        float x[128];
        size_t n = 0;
        cm_torch_rng r;
        cm_torch_seed(&r, seeds[s]);
        for (size_t k = 0; k < sizeof calls / sizeof *calls; k++) {
            cm_torch_randn(&r, x + n, calls[k]);
            n += calls[k];
        }
        snprintf(name, sizeof name, "%llu/calls", (unsigned long long)seeds[s]);
        expect_near(name, x, n);
    }
}

/* The 10,000th output for the default seed, as the C++ standard states it. */
Test(rng, the_mersenne_twister_gives_its_known_number) {
    cm_torch_rng r;
    cm_torch_seed(&r, 5489);
    uint32_t x = 0;
    for (int i = 0; i < 10000; i++) x = cm_torch_u32(&r);
    cr_assert_eq(x, 4123659995u);
}

/* Known answers of Philox4x32-10 as published with Random123: counters and keys of zeros, ones, and digits of pi. */
Test(rng, philox_gives_its_known_answers) {
    static const struct {
        uint64_t key, hi, lo;
        uint32_t out[4];
    } known[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        cm_philox(known[i].key, known[i].hi, known[i].lo, out);
        cr_assert_arr_eq(out, known[i].out, sizeof out);
    }
}

Test(rng, a_seed_repeats_and_another_differs) {
    cm_rng a = cm_rng_named(1, "weights"), b = cm_rng_named(1, "weights"), c = cm_rng_named(1, "weight"),
           d = cm_rng_named(2, "weights");
    int same_name = 0, same_seed = 0;
    for (int i = 0; i < 1000; i++) {
        const uint32_t x = cm_rng_u32(&a);
        cr_assert_eq(x, cm_rng_u32(&b));
        same_name += x == cm_rng_u32(&c);
        same_seed += x == cm_rng_u32(&d);
    }
    cr_assert(same_name < 3 && same_seed < 3);
    cr_assert_neq(cm_seed_for(1, "a"), cm_seed_for(1, "b"));
    cr_assert_neq(cm_seed_for(1, "a"), cm_seed_for(2, "a"));
    cr_assert_eq(cm_seed_for(1, "a"), cm_seed_for(1, "a"));
    cr_assert_eq(cm_seed_for(3, "x") >> 63, 0);
}

/* Limits are five standard errors of n = 200,000 draws. */
Test(rng, uniform_and_normal_have_their_moments) {
    enum { N = 200000 };
    cm_rng r = cm_rng_make(42, 0);
    double u = 0, uu = 0, z = 0, zz = 0, zzzz = 0;
    for (int i = 0; i < N; i++) {
        const double x = cm_rng_uniform(&r), y = cm_rng_normal(&r);
        cr_assert(x >= 0 && x < 1);
        u += x / N, uu += x * x / N, z += y / N, zz += y * y / N, zzzz += y * y * y * y / N;
    }
    cr_assert_float_eq(u, 0.5, 5 * 0.2887 / sqrt(N));
    cr_assert_float_eq(uu, 1.0 / 3, 5 * 0.2981 / sqrt(N));
    cr_assert_float_eq(z, 0, 5 / sqrt(N));
    cr_assert_float_eq(zz, 1, 5 * sqrt(2.0 / N));
    cr_assert_float_eq(zzzz, 3, 5 * sqrt(96.0 / N));
}

Test(rng, below_is_even_and_stays_below) {
    cm_rng r = cm_rng_make(1, 2);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        const uint32_t k = cm_rng_below(&r, 7);
        cr_assert(k < 7);
        counts[k]++;
    }
    for (int k = 0; k < 7; k++) cr_assert(abs(counts[k] - 10000) < 5 * 93, "%d: %d", k, counts[k]);
    for (int i = 0; i < 100; i++) cr_assert_eq(cm_rng_below(&r, 1), 0);
}

Test(rng, choose_follows_the_weights_and_never_takes_a_zero) {
    cm_rng r = cm_rng_make(9, 9);
    const double weights[] = {0, 1, 3, 0};
    int counts[4] = {0};
    for (int i = 0; i < 40000; i++) counts[cm_rng_choose(&r, weights, 4)]++;
    cr_assert(counts[0] == 0 && counts[3] == 0);
    cr_assert(abs(counts[1] - 10000) < 5 * 87, "%d", counts[1]);
}

Test(rng, shuffle_keeps_every_item_and_reaches_every_order) {
    cm_rng r = cm_rng_make(3, 3);
    int orders[27] = {0}, kinds = 0;
    for (int i = 0; i < 6000; i++) {
        size_t x[3] = {0, 1, 2};
        cm_rng_shuffle(&r, x, 3);
        cr_assert_eq(1 << x[0] | 1 << x[1] | 1 << x[2], 7);
        orders[9 * x[0] + 3 * x[1] + x[2]]++;
    }
    for (int i = 0; i < 27; i++) {
        kinds += orders[i] > 0;
        cr_assert(!orders[i] || abs(orders[i] - 1000) < 5 * 29);
    }
    cr_assert_eq(kinds, 6);
}
