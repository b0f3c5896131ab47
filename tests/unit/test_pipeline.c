// SPDX-License-Identifier: Apache-2.0
/* The whole pipeline on a shipped nano model. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/generator/pipeline.h"
#include "core/io/safetensors.h"
#include "harness/attention/group_maps.h"
#include "harness/attention/bitmap_font.h"
#include "prompts/prompt_set.h"
#include "tests/unit/failing_alloc.h"
#include "tests/unit/scratch.h"

static cm_arena arena;
static cm_model model;
static cm_ctx ctx;

static void open_model(void) {
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_model_open(&model, "nano:daring", &(cm_model_options){0}), CM_OK, "%s", cm_why());
    cm_ctx_init(&ctx, cm_backend_find("f32"), 1);
}

static void close_model(void) {
    cm_ctx_free(&ctx);
    cm_model_close(&model);
    cm_arena_free(&arena);
}

TestSuite(pipeline, .init = open_model, .fini = close_model);

static cm_request request(const char *sampler, size_t steps) {
    return (cm_request){.prompt = "a full-body shot, an adult female, red striped shirt, blue pants",
                        .settings.negative = "",
                        .settings.seed = 7,
                        .settings.steps = steps,
                        .settings.width = 64,
                        .settings.height = 96,
                        .settings.sampler = cm_sampler_find(sampler),
                        .settings.guidance = 4};
}

static cm_result generate(const cm_request *q) {
    cm_result r;
    cr_assert_eq(cm_generate(&model, &ctx, q, &arena, &r), CM_OK, "%s: %s", q->settings.sampler->name, cm_why());
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
        cr_assert_eq(s.count, 3, "%s", q.settings.sampler->name);
        for (size_t k = 0; k < 3; k++) cr_assert_eq(s.steps[k], 2 * (k + 1));
        cr_assert_eq(r.timing.previews, 3);
        cr_assert_gt(r.timing.preview, 0);
        cr_assert_leq(r.timing.unet + r.timing.preview, r.timing.total);
        cr_assert_eq(memcmp(plain.latents, r.latents, r.channels * r.h * r.w * sizeof *r.latents), 0, "%s",
                     q.settings.sampler->name);
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

/* --- attention ------------------------------------------------------------ */

static const cm_token_span whole[1] = {{0, 77}};

Test(pipeline, attention_over_all_tokens_is_one_at_every_step) {
    cm_request q = request("ddim", 3);
    const cm_capture_plan plan = {.keys = 77, .spans = whole, .span_count = 1, .steps = 3};
    cm_capture *c = cm_capture_new(&arena, &plan);
    q.observer = cm_capture_observer(c);
    generate(&q);
    const cm_attention_map *maps;
    cr_assert_eq(cm_capture_maps(c, &maps), 7);
    for (size_t i = 0; i < 7; i++) {
        cr_assert_eq(maps[i].steps, 3);
        for (size_t k = 0; k < 3 * maps[i].height * maps[i].width; k++) cr_assert_float_eq(maps[i].shares[k], 1, 1e-5);
    }
}

/* The groups' shares of one cell, of a picture with its maps. */
static void check_masses(const cm_group_maps *m, size_t steps) {
    const cm_attention_map *maps;
    const size_t n = cm_capture_maps(m->capture, &maps);
    cr_assert_eq(n, m->layers);
    for (size_t i = 0; i < n; i++) {
        const size_t cells = maps[i].height * maps[i].width;
        cr_assert_eq(maps[i].steps, steps);
        for (size_t k = 0; k < steps * cells; k++) {
            double mass = 0;
            for (size_t g = 0; g < m->count; g++) {
                const float share = maps[i].shares[(k / cells * m->count + g) * cells + k % cells];
                cr_assert(share >= 0);
                mass += (double)share;
            }
            cr_assert(mass > 0 && mass <= 1 + 1e-5, "%s: %g", maps[i].layer, mass);
        }
    }
}

Test(pipeline, groups_share_the_attention_and_looking_changes_nothing) {
    for (size_t i = 0; cm_samplers[i]; i++) {
        cm_request q = request(cm_samplers[i]->name, 4);
        const cm_result plain = generate(&q);
        cm_group_maps m;
        cr_assert_eq(cm_group_maps_begin(&m, &model, &q, i % 2, &arena), CM_OK, "%s", cm_why());
        cr_assert_eq(m.count, 4);
        cr_assert_eq(m.layers, i % 2 ? 7 : 4);
        q.compare = 2;
        const cm_result r = generate(&q);
        cr_assert_eq(r.timing.compared, 2);
        cr_assert(r.timing.observed > 0 && r.timing.unobserved > 0);
        cr_assert_eq(memcmp(plain.latents, r.latents, r.channels * r.h * r.w * sizeof *r.latents), 0, "%s",
                     q.settings.sampler->name);
        check_masses(&m, r.timing.unet_steps);
    }
}

static void check_file(const char *path, const cm_group_maps *m) {
    static const size_t shape[5] = {4, 2, 4, 6, 4};
    cm_safetensors *f;
    cr_assert_eq(cm_safetensors_open(&f, path), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_safetensors_count(f), 1);
    const cm_stored *t = cm_safetensors_find(f, "maps.6x4");
    cr_assert(t && t->ndim == 5 && memcmp(t->shape, shape, sizeof shape) == 0);
    const cm_attention_map *maps;
    cm_capture_maps(m->capture, &maps);
    cr_assert_eq(memcmp((const float *)t->data + 2 * 4 * 24, maps[1].shares, 2 * 4 * 24 * sizeof(float)), 0);
    cr_assert_not_null(strstr(cm_safetensors_metadata(f, "layers.6x4"), "[\"down_blocks.1."));
    cr_assert_not_null(
        strstr(cm_safetensors_metadata(f, "groups"), "{\"group\":\"tops\",\"text\":\"red striped shirt\","));
    cr_assert_str_eq(cm_safetensors_metadata(f, "axes"), "layer, step, group, height, width");
    cm_safetensors_close(&f);
}

/* The white beside a row of tiles holds the group's name and nothing else. */
static void check_name(const cm_image *overview, size_t top, size_t width, const cm_group_maps *m, size_t group) {
    cm_image want;
    cr_assert_eq(cm_image_new(&arena, width, 192, 3, &want), CM_OK);
    memset(want.pixels, 255, width * 192 * 3);
    cm_bitmap_text(cm_prompt_group_name(m->phrases[group]->group), 2, 4, 87, &want);
    for (size_t y = 0; y < 192; y++)
        cr_assert_eq(memcmp(overview->pixels + (top + y) * overview->width * 3, want.pixels + y * width * 3, width * 3),
                     0, "row %zu of %zu", y, group);
}

Test(pipeline, the_maps_file_says_what_is_in_it) {
    cm_request q = request("euler", 2);
    cm_group_maps m;
    cm_image overview;
    cr_assert_eq(cm_group_maps_begin(&m, &model, &q, false, &arena), CM_OK, "%s", cm_why());
    const cm_result r = generate(&q);
    const char *path = scratch("maps.safetensors");
    cr_assert_eq(cm_group_maps_write(&m, &q, model.hash, path, &arena), CM_OK, "%s", cm_why());
    check_file(path, &m);
    cr_assert_eq(cm_group_maps_overview(&m, &r.picture, &arena, &overview), CM_OK, "%s", cm_why());
    const size_t names = 7 * 12 - 2 + 2 * 4; /* "bottoms" and a gap on both sides */
    cr_assert_eq(overview.width, names + 6 * (128 + 4) - 4);
    cr_assert_eq(overview.height, 4 * (192 + 4) - 4);
    cr_assert_str_eq(cm_group_maps_rows(&m, &arena), "shot, person, tops, bottoms");
    for (size_t row = 0; row < 4; row++) check_name(&overview, row * 196, names, &m, row);
    scratch_done();
}

Test(pipeline, a_prompt_without_groups_and_a_size_without_layers_say_so) {
    cm_request q = request("euler", 2);
    cm_group_maps m;
    q.prompt = "a blue moon, and nothing else";
    cr_assert_eq(cm_group_maps_begin(&m, &model, &q, false, &arena), CM_EUNDEFINED);
    q = request("euler", 2);
    q.settings.width = 72;
    cr_assert_eq(cm_group_maps_begin(&m, &model, &q, false, &arena), CM_EUSAGE);
    cr_assert_not_null(strstr(cm_why(), "72x96"));
    cr_assert_not_null(strstr(cm_why(), "64x96"), "the nearest size: %s", cm_why());
    cr_assert_eq(cm_group_maps_begin(&m, &model, &q, true, &arena), CM_OK);
}

/* --- lean ----------------------------------------------------------------- */

/* Two prompts, so that every part is let go and wanted again. */
Test(pipeline, lean_models_make_the_same_pictures) {
    cm_model lean;
    cr_assert_eq(cm_model_open(&lean, "nano:daring", &(cm_model_options){.lean = true}), CM_OK, "%s", cm_why());
    for (const cm_ops *const *ops = cm_backends(); *ops; ops++) {
        cm_request q = request("euler", 2);
        if (*ops == cm_ops_ref()) q.settings.width = q.settings.height = 32;
        cm_ctx_free(&ctx);
        cm_ctx_init(&ctx, *ops, 2);
        for (int prompt = 0; prompt < 2; prompt++) {
            if (prompt) q.prompt = "a portrait, an elderly man, black coat";
            const cm_result usual = generate(&q);
            cm_result r;
            cr_assert_eq(cm_generate(&lean, &ctx, &q, &arena, &r), CM_OK, "%s", cm_why());
            cr_expect_eq(memcmp(usual.latents, r.latents, r.channels * r.h * r.w * sizeof(float)), 0, "%s",
                         (*ops)->name);
            cr_expect_eq(largest_difference(&usual.picture, &r.picture), 0, "%s", (*ops)->name);
        }
    }
    cm_model_close(&lean);
}

/* A tower that was let go after what was to be the last prompt reads another one all the same. */
Test(pipeline, text_towers_come_back) {
    cm_request q = request("euler", 1);
    const cm_result before = generate(&q);
    q.text_once = true;
    generate(&q);
    const cm_result after = generate(&q);
    cr_expect_eq(largest_difference(&before.picture, &after.picture), 0);
}

/* --- memory --------------------------------------------------------------- */

typedef struct step_allocations {
    size_t count;
    long after[8];
} step_allocations;

static void count_allocations(void *arg, size_t step, size_t steps, double seconds) {
    step_allocations *s = arg;
    (void)step;
    (void)steps;
    (void)seconds;
    s->after[s->count++] = cm_test_allocations;
}

static cm_status look_away(void *arg, size_t step, const cm_image *picture) {
    (void)arg;
    (void)step;
    (void)picture;
    return CM_OK;
}

static void check_steps(cm_request *q, const char *what) {
    step_allocations s = {0};
    q->progress = count_allocations;
    q->progress_arg = &s;
    const long before = cm_test_allocations;
    generate(q);
    cr_assert_geq(s.count, 3);
    cr_assert_gt(s.after[0], before);
    for (size_t i = 1; i < s.count; i++)
        cr_expect_eq(s.after[i], s.after[0], "%s with %s, step %zu: %ld allocations", ctx.ops->name, what, i + 1,
                     s.after[i] - s.after[i - 1]);
}

/* A fresh context and the model's weights unpacked: the first step may ask the system for memory, no later one may. */
Test(pipeline, after_the_first_step_nothing_is_allocated) {
    for (const cm_ops *const *ops = cm_backends(); *ops; ops++) {
        for (size_t i = 0; cm_samplers[i]; i++) {
            cm_request q = request(cm_samplers[i]->name, 3);
            const bool slow = strcmp((*ops)->name, "ref") == 0;
            if (slow && i > 0) continue;
            if (slow) q.settings.width = q.settings.height = 32;
            cm_ctx_free(&ctx);
            cm_ctx_init(&ctx, *ops, 2);
            check_steps(&q, q.settings.sampler->name);
        }
    }
}

Test(pipeline, nor_by_previews_and_captures) {
    cm_request q = request("dpmpp_2m", 4);
    cm_group_maps m;
    cr_assert_eq(cm_group_maps_begin(&m, &model, &q, true, &arena), CM_OK, "%s", cm_why());
    q.preview_every = 1;
    q.preview = look_away;
    check_steps(&q, "maps and previews");
}
