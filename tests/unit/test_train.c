// SPDX-License-Identifier: Apache-2.0
/* The trainer: AdamW against PyTorch, stopping and going on, gates. Goldens: tests/golden/train. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/safetensors.h"
#include "core/tensor/tape.h"
#include "core/train/captions.h"
#include "core/train/acceptance.h"
#include "core/train/trainer.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tiny_run.h"
#include "tests/unit/train_golden.h"

/* --- optimizer -------------------------------------------------------------- */

Test(optimizer, steps_as_torch_with_warmup_cosine_clipping_and_average) {
    cm_safetensors *f = train_golden("adamw");
    float w[12], b[4], gw[12], gb[4];
    memcpy(w, golden_values(f, "w"), sizeof w);
    memcpy(b, golden_values(f, "b"), sizeof b);
    cm_tensor tw = {.data = w, .grad = gw, .ndim = 2, .shape = {3, 4}},
              tb = {.data = b, .grad = gb, .ndim = 1, .shape = {4}};
    const cm_optimizer_config c = {.rate = 0.01,
                                   .final_rate = 0.1,
                                   .beta1 = 0.9,
                                   .beta2 = 0.99,
                                   .epsilon = 1e-8,
                                   .decay = 0.1,
                                   .clip = 1.5,
                                   .ema = 0.5,
                                   .warmup = 2,
                                   .steps = 6,
                                   .cosine = true};
    cm_arena arena;
    cm_arena_init(&arena, 0);
    cm_optimizer o;
    cr_assert_eq(cm_optimizer_init(&o, &c, cm_ops_ref(), (cm_tensor *const[]){&tw, &tb}, 2, &arena), CM_OK);
    for (int step = 0; step < 6; step++) {
        char name[24];
        double norm;
        snprintf(name, sizeof name, "gw%d", step);
        memcpy(gw, golden_values(f, name), sizeof gw);
        name[1] = 'b';
        memcpy(gb, golden_values(f, name), sizeof gb);
        cr_assert_eq(cm_optimizer_step(&o, 1, &norm), CM_OK);
    }
    cr_expect_lt(relative_error(w, golden_values(f, "w_end"), 12), 1e-6);
    cr_expect_lt(relative_error(b, golden_values(f, "b_end"), 4), 1e-6);
    cr_expect_lt(relative_error(o.ema[0], golden_values(f, "w_ema"), 12), 1e-6);
    cr_expect_lt(relative_error(o.ema[1], golden_values(f, "b_ema"), 4), 1e-6);
    cm_arena_free(&arena);
    cm_safetensors_close(&f);
}

Test(optimizer, refuses_a_gradient_that_is_not_finite_and_changes_nothing) {
    float w[2] = {1, 2}, g[2] = {1, NAN};
    cm_tensor t = {.data = w, .grad = g, .ndim = 1, .shape = {2}};
    const cm_optimizer_config c = {.rate = 0.1, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8, .ema = 0.9, .steps = 10};
    cm_arena arena;
    cm_arena_init(&arena, 0);
    cm_optimizer o;
    double norm;
    cr_assert_eq(cm_optimizer_init(&o, &c, cm_ops_ref(), (cm_tensor *const[]){&t}, 1, &arena), CM_OK);
    cr_expect_eq(cm_optimizer_step(&o, 1, &norm), CM_EUNDEFINED);
    cr_expect_eq(w[0], 1);
    cr_expect_eq(o.step, 0);
    cm_arena_free(&arena);
}

/* --- runs ------------------------------------------------------------------------ */

Test(train, a_stopped_run_goes_on_bit_for_bit_on_ref) {
    char whole[512], parts[512], a[65], b[65];
    snprintf(whole, sizeof whole, "%s", scratch("whole"));
    snprintf(parts, sizeof parts, "%s", scratch("parts"));
    train_tiny(whole, 6, CM_OK);
    train_tiny(parts, 3, CM_OK);
    weights_hash(parts, b);
    train_tiny(parts, 6, CM_OK);
    weights_hash(whole, a);
    cr_expect_str_neq(a, b, "three more steps must change the weights");
    weights_hash(parts, b);
    cr_expect_str_eq(a, b);
    remove_run(whole);
    remove_run(parts);
    scratch_done();
}

Test(train, the_loss_falls) {
    char folder[512];
    snprintf(folder, sizeof folder, "%s", scratch("run"));
    const double first = train_tiny(folder, 2, CM_OK), later = train_tiny(folder, 40, CM_OK);
    cr_expect_lt(later, 0.6 * first, "%g after %g", later, first);
    remove_run(folder);
    scratch_done();
}

Test(train, a_checkpoint_of_something_else_is_refused) {
    char folder[512], file[600];
    snprintf(folder, sizeof folder, "%s", scratch("run"));
    cr_assert_eq(cm_make_dirs(folder), CM_OK);
    snprintf(file, sizeof file, "%s/checkpoint.safetensors", folder);
    const float one = 1;
    const cm_store_item item = {"0/weight/x", CM_F32, 1, (const size_t[]){1}, &one, NULL};
    cr_assert_eq(cm_safetensors_write(file, &item, 1,
                                      (const char *const[]){"stage", "unet", "step", "1", "seconds", "1", NULL}),
                 CM_OK);
    train_tiny(folder, 2, CM_EUSAGE);
    cr_expect(strstr(cm_why(), "stage 'unet'"), "%s", cm_why());
    remove_run(folder);
    scratch_done();
}

Test(train, workers_share_the_batch_and_give_the_same_weights_to_rounding) {
    float *seen[2] = {NULL, NULL};
    size_t count = 0;
    for (int workers = 1; workers <= 2; workers++) {
        char folder[512];
        snprintf(folder, sizeof folder, "%s", scratch(workers == 1 ? "one" : "two"));
        json_t *recipe = tiny_recipe(3, "{}");
        json_object_set_new(recipe, "workers", json_integer(workers));
        cm_trainer t;
        double norm;
        cr_assert_eq(cm_trainer_open(&t, cm_stage_find("vae"), recipe, folder, folder), CM_OK, "%s", cm_why());
        cr_assert_eq(cm_trainer_step(&t, &norm), CM_OK, "%s", cm_why());
        const cm_tensor *p = t.optimizer.params[0];
        count = cm_count(p);
        seen[workers - 1] = malloc(count * sizeof(float));
        memcpy(seen[workers - 1], p->grad, count * sizeof(float));
        cm_trainer_close(&t);
        json_decref(recipe);
        remove_run(folder);
    }
    cr_expect_lt(relative_error(seen[1], seen[0], count), 1e-4);
    free(seen[0]);
    free(seen[1]);
    scratch_done();
}

/* --- gates and captions ------------------------------------------------------------ */

Test(gates, a_probe_finds_what_is_there_and_not_what_is_not) {
    enum { N = 400, WIDTH = 8 };
    static float x[N * WIDTH];
    static int told[N], untold[N];
    cm_rng r = cm_rng_make(5, 1);
    for (size_t i = 0; i < N; i++) {
        told[i] = (int)cm_rng_below(&r, 4);
        untold[i] = (int)cm_rng_below(&r, 4);
        for (size_t k = 0; k < WIDTH; k++) x[i * WIDTH + k] = (float)(cm_rng_normal(&r) * 0.1 + (k == (size_t)told[i]));
    }
    cm_arena arena;
    cm_arena_init(&arena, 0);
    double right;
    cr_assert_eq(cm_linear_probe(x, WIDTH, told, N, 4, 1e-3, &arena, &right), CM_OK);
    cr_expect_gt(right, 0.99);
    cr_assert_eq(cm_linear_probe(x, WIDTH, untold, N, 4, 1e-3, &arena, &right), CM_OK);
    cr_expect_lt(right, 0.5);
    cm_arena_free(&arena);
}

Test(gates, a_mean_holds_when_its_interval_is_above) {
    cm_acceptance g = {0};
    const double above[4] = {1.0, 1.1, 0.9, 1.0}, around[4] = {1, -1, 1, -1};
    cm_acceptance_add_mean(&g, "a", above, 4, 0);
    cm_acceptance_add_mean(&g, "b", around, 4, 0);
    cm_acceptance_add(&g, "c", 26.9, 27, 1);
    cr_expect(cm_criterion_holds(&g.gate[0]));
    cr_expect_not(cm_criterion_holds(&g.gate[1]));
    cr_expect_not(cm_criterion_holds(&g.gate[2]));
}

Test(captions, spans_of_phrases_are_their_tokens) {
    cm_tokenizer *t;
    cm_arena arena;
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_tokenizer_open(&t, CM_TESTS_DIR "/../core/models/nano/tokenizer"), CM_OK, "%s", cm_why());
    cm_person p;
    cm_caption c;
    const cm_people_options options = {0};
    cm_person_sample(&p, &options, 11);
    cr_assert_eq(cm_caption_make(t, &p, CM_CAPTION_DENSE, 11, 0, &arena, &c), CM_OK, "%s", cm_why());
    size_t at = 1;
    for (size_t i = 0; i < c.dense.count; i++) {
        const cm_phrase *phrase = &c.dense.phrases[i];
        cr_expect_eq(phrase->token_begin, at, "%s starts at token %zu, not %zu", phrase->text, phrase->token_begin, at);
        at = phrase->token_end + 1; /* a comma stands between */
    }
    cr_expect_eq(at, c.tokens.used);
    cm_tokenizer_close(&t);
    cm_arena_free(&arena);
}
