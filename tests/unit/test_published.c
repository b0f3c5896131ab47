// SPDX-License-Identifier: Apache-2.0
/* The sums that diffusers' own scheduler tests check, on those tests' dummy model: golden/pipeline/published.py. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "core/base/rng.h"
#include "core/generator/sampler.h"
#include "core/io/jsonl.h"

enum { BATCH = 4, CELLS = 3 * 8 * 8, COUNT = BATCH * CELLS };

/* 0 to 767 over 768, the batch counted fastest; backwards: the noise. */
static void count_up(bool backwards, float *out) {
    for (size_t b = 0; b < BATCH; b++) {
        for (size_t i = 0; i < CELLS; i++) {
            const size_t at = i * BATCH + b;
            out[b * CELLS + i] = (float)(backwards ? COUNT - 1 - at : at) / COUNT;
        }
    }
}

static void draw(void *rng, size_t n, float *out) {
    cm_torch_randn(rng, out, n);
}

/* What the model sees is scaled in place, as theirs do. */
static void take_step(const cm_sampler *sampler, cm_sampler_state *state, size_t i, float *x) {
    float out[COUNT];
    const float t = sampler->timestep(state, i), scale = sampler->input_scale(state, i);
    for (size_t k = 0; k < COUNT; k++) {
        x[k] *= scale;
        out[k] = x[k] * t / (t + 1);
    }
    sampler->step(state, i, out, x);
}

static double walk(const json_t *row, const cm_sampler *sampler, cm_arena *a) {
    cm_schedule schedule;
    cm_sampler_state *state;
    cm_torch_rng rng;
    float x[COUNT], noise[COUNT];
    const size_t first = cm_json_size_or(row, "first", 0);
    cr_assert_eq(cm_schedule_configure(json_object_get(row, "config"), sampler, a, &schedule), CM_OK, "%s", cm_why());
    cr_assert_eq(sampler->begin(&schedule, cm_json_size_or(row, "steps", 0), COUNT, a, &state), CM_OK, "%s", cm_why());
    cm_torch_seed(&rng, 0);
    cm_sampler_set_noise(state, (cm_noise){draw, &rng});
    count_up(false, x);
    for (size_t k = 0; k < COUNT; k++) x[k] *= sampler->init_scale(state);
    count_up(true, noise);
    if (first) cr_assert_eq(cm_sampler_begin_at(sampler, state, first, noise, x), CM_OK, "%s", cm_why());
    for (size_t i = first; i < cm_sampler_evaluations(state); i++) take_step(sampler, state, i, x);
    double sum = 0;
    for (size_t k = 0; k < COUNT; k++) sum += fabs((double)x[k]);
    return sum;
}

Test(published, every_sampler_has_the_sums_of_diffusers_tests) {
    json_t *rows = NULL, *row;
    size_t i, theirs = 0;
    cm_arena a;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_json_read(CM_TESTS_DIR "/golden/pipeline/published.json", &rows), CM_OK, "%s", cm_why());
    json_array_foreach(rows, i, row) {
        const char *name = cm_json_text_or(row, "sampler", ""),
                   *test = cm_json_text_or(row, "test", "a walk of our own");
        const cm_sampler *sampler = cm_sampler_find(name);
        const double want = cm_json_number_or(row, "sum", NAN), sum = walk(row, sampler, &a);
        /* their own limit; 1e-5 of large sums, because theirs count in f32 */
        cr_expect(fabs(sum - want) <= fmax(1e-2, 1e-5 * want), "row %zu, %s, %s: %.9g, not %.9g", i, name, test, sum,
                  want);
        cr_expect(fabs(want / COUNT - cm_json_number_or(row, "mean", NAN)) <= 1e-6 * (1 + want / COUNT));
        theirs += json_is_string(json_object_get(row, "test"));
    }
    cr_expect(i == 25 && theirs == 17, "%zu rows, %zu of them theirs", i, theirs);
    json_decref(rows);
    cm_arena_free(&a);
}
