// SPDX-License-Identifier: Apache-2.0
/* The whole pipeline on a shipped nano model. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/generator/pipeline.h"

static cm_arena arena;
static cm_model model;
static cm_ctx ctx;

static void open_model(void) {
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_model_open(&model, "nano:daring", &(cm_model_options){0}), CM_OK, "%s", cm_why());
    cm_ctx_init(&ctx, cm_backend_find("openblas"), 1);
}

static void close_model(void) {
    cm_ctx_free(&ctx);
    cm_model_close(&model);
    cm_arena_free(&arena);
}

TestSuite(pipeline, .init = open_model, .fini = close_model);

static cm_request request(const char *sampler, size_t steps) {
    return (cm_request){.prompt = "a full-body shot, an adult female, red striped shirt, blue pants", .negative = "", .seed = 7,
                        .steps = steps, .width = 64, .height = 96, .sampler = cm_sampler_find(sampler), .guidance = 4};
}

static cm_result generate(const cm_request *q) {
    cm_result r;
    cr_assert_eq(cm_generate(&model, &ctx, q, &arena, &r), CM_OK, "%s: %s", q->sampler->name, cm_why());
    return r;
}

/* --- previews ------------------------------------------------------------- */

typedef struct seen {
    size_t count, steps[8];
    cm_image last;
} seen;

static cm_status see(void *arg, size_t step, const cm_image *picture) {
    seen *s = arg;
    s->steps[s->count++] = step;
    CM_TRY(cm_image_new(&arena, picture->width, picture->height, 3, &s->last));
    memcpy(s->last.pixels, picture->pixels, picture->width * picture->height * 3);
    return CM_OK;
}

static int largest_difference(const cm_image *a, const cm_image *b) {
    int most = 0;
    cr_assert(a->width == b->width && a->height == b->height);
    for (size_t i = 0; i < a->width * a->height * 3; i++) {
        const int d = abs(a->pixels[i] - b->pixels[i]);
        if (d > most) most = d;
    }
    return most;
}

Test(pipeline, previews_come_every_n_steps_and_change_nothing) {
    for (size_t i = 0; cm_samplers[i]; i++) {
        cm_request q = request(cm_samplers[i]->name, 6);
        const cm_result plain = generate(&q);
        seen s = {0};
        q.preview_every = 2;
        q.preview = see;
        q.preview_arg = &s;
        const cm_result r = generate(&q);
        cr_assert_eq(s.count, 3, "%s", q.sampler->name);
        for (size_t k = 0; k < 3; k++) cr_assert_eq(s.steps[k], 2 * (k + 1));
        cr_assert_eq(r.timing.previews, 3);
        cr_assert_gt(r.timing.preview, 0);
        cr_assert_leq(r.timing.unet + r.timing.preview, r.timing.total);
        cr_assert_eq(memcmp(plain.latents, r.latents, r.channels * r.h * r.w * sizeof *r.latents), 0, "%s", q.sampler->name);
    }
}

/* A last step that goes all the way to the clean latent it predicts. */
Test(pipeline, the_last_preview_is_the_picture) {
    static const char *const names[] = {"euler", "euler_a", "dpmpp_2m", "dpmpp_2m_karras"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        seen s = {0};
        cm_request q = request(names[i], 5);
        q.preview_every = 5;
        q.preview = see;
        q.preview_arg = &s;
        const cm_result r = generate(&q);
        cr_assert_leq(largest_difference(&s.last, &r.picture), 1, "%s", names[i]);
    }
}

static cm_status refuse(void *arg, size_t step, const cm_image *picture) {
    (void)arg;
    (void)picture;
    return cm_fail(CM_EIO, "no room for step %zu", step);
}

Test(pipeline, a_preview_that_fails_ends_the_run) {
    cm_request q = request("ddim", 3);
    cm_result r;
    q.preview_every = 2;
    q.preview = refuse;
    cr_assert_eq(cm_generate(&model, &ctx, &q, &arena, &r), CM_EIO);
    cr_assert_str_eq(cm_why(), "no room for step 2");
    q.preview_every = 4;
    cr_assert_eq(cm_generate(&model, &ctx, &q, &arena, &r), CM_EUSAGE);
}
