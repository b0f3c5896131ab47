// SPDX-License-Identifier: Apache-2.0
/* The whole generator, and its samplers alone, against diffusers: pipeline/make.py made the answers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "core/tensor/ops.h"
#include "tests/golden/golden.h"

#define PROMPT "a full-body shot, an adult female, red striped long sleeve cotton shirt, black hair"

/* --- samplers alone ------------------------------------------------------- */

enum { WALK = 16 };

/* The made-up network that pipeline/make.py walks along. */
static void made_up(const float *x, float scale, float t, float *eps) {
    for (size_t i = 0; i < WALK; i++) eps[i] = (float)(tanh((double)x[i] * scale) / 2 + sin((double)t / 100) / 10);
}

static cm_status schedule_for(const cm_sampler *sampler, const char *spacing, const char *prediction, cm_schedule *s) {
    const bool plain = strcmp(spacing, "default") == 0;
    json_t *config = plain ? json_object()
                           : json_pack("{s:f, s:f, s:s, s:i, s:s, s:s, s:b, s:b}", "beta_start", 0.00085, "beta_end",
                                       0.012, "beta_schedule", "scaled_linear", "steps_offset", 1, "timestep_spacing",
                                       spacing, "prediction_type", prediction, "clip_sample", 0, "set_alpha_to_one", 0);
    const cm_status status = cm_schedule_configure(config, sampler, golden_arena(), s);
    json_decref(config);
    return status;
}

/* The noise that torch drew for make.py, scaled by the sampler. */
static void start(const cm_sampler *sampler, const cm_sampler_state *state, cm_torch_rng *rng, float *x) {
    cm_torch_seed(rng, 3);
    cm_torch_randn(rng, x, WALK);
    for (size_t i = 0; i < WALK; i++) x[i] *= sampler->init_scale(state);
}

/* What torch's generator draws after that. */
static void more_noise(void *arg, size_t n, float *out) {
    cm_torch_randn(arg, out, n);
}

static void walk(cm_safetensors *f, const cm_sampler *sampler, const char *spacing, const char *prediction,
                 size_t steps) {
    char key[96], what[128];
    float x[WALK], eps[WALK], times[128];
    cm_schedule schedule;
    cm_sampler_state *state;
    snprintf(key, sizeof key, "%s.%s.%s.%zu", sampler->name, spacing, prediction, steps);
    if (!golden_ok(schedule_for(sampler, spacing, prediction, &schedule), key)) return;
    if (!golden_ok(sampler->begin(&schedule, steps, WALK, golden_arena(), &state), key)) return;
    cm_torch_rng rng;
    start(sampler, state, &rng, x);
    cm_sampler_set_noise(state, (cm_noise){more_noise, &rng});
    const size_t asked = cm_sampler_evaluations(state);
    for (size_t i = 0; i < asked; i++) {
        times[i] = sampler->timestep(state, i);
        made_up(x, sampler->input_scale(state, i), times[i], eps);
        sampler->step(state, i, eps, x);
    }
    const cm_stored *theirs;
    snprintf(what, sizeof what, "%s.timesteps", key);
    const float *want = golden_floats(f, what, &theirs);
    if (want && golden_that(theirs->count == asked, "%s: %zu evaluations, want %zu", key, asked, theirs->count))
        golden_near(what, times, want, asked, 1e-6);
    snprintf(what, sizeof what, "%s.end", key);
    /* theirs accumulates alphas in f32: near t = 0 that is a few 1e-5 of the noise level */
    golden_near(what, x, golden_floats(f, what, NULL), WALK, 1e-4);
}

GOLDEN(samplers, "pipeline/samplers") {
    static const size_t steps[] = {1, 2, 5, 20, 50};
    static const char *const spacings[] = {"leading", "trailing", "linspace"};
    cm_safetensors *f = golden_open("pipeline/samplers.safetensors");
    for (size_t i = 0; f && i < 5; i++) {
        for (size_t k = 0; cm_samplers[k]; k++) {
            for (size_t j = 0; j < 3; j++) {
                walk(f, cm_samplers[k], spacings[j], "epsilon", steps[i]);
                walk(f, cm_samplers[k], spacings[j], "v_prediction", steps[i]);
            }
            walk(f, cm_samplers[k], "default", "epsilon", steps[i]);
        }
    }
    cm_safetensors_close(&f);
}

/* --- the pipeline --------------------------------------------------------- */

static const struct model_case {
    const char *name, *sampler, *negative;
    uint64_t seed;
    size_t width, height;
    double guidance, rescale, strength; /* strength: from the latent "start" */
} cases[] = {
    /* of model */
    {"ddim", "ddim", "", 7, 64, 96, 7.5},
    {"euler", "euler", "", 7, 64, 96, 7.5},
    {"negative", "ddim", "blurry, hat", 8, 64, 64, 7.5},
    {"unguided", "euler", "", 9, 64, 64, 1},
    {"odd", "ddim", "", 10, 72, 40, 7.5},
    {"pndm", "pndm", "", 11, 64, 64, 7.5},
    {"lms", "lms", "", 12, 64, 64, 7.5},
    {"euler_a", "euler_a", "", 13, 64, 64, 7.5},
    {"dpmpp_2m", "dpmpp_2m", "", 14, 64, 64, 7.5},
    {"dpmpp_2m_karras", "dpmpp_2m_karras", "", 15, 64, 64, 7.5},
    {"ddpm", "ddpm", "", 16, 64, 64, 7.5},
    {"rescaled", "ddim", "", 17, 64, 64, 7.5, .rescale = 0.7},
    {"again", "ddim", "", 31, 64, 64, 5, .strength = 0.3},
    {"again_euler_a", "euler_a", "", 32, 64, 64, 5, .strength = 0.55},
    {"again_dpm", "dpmpp_2m_karras", "", 33, 64, 64, 5, .strength = 0.8},
    {"again_ddpm", "ddpm", "", 34, 64, 64, 5, .strength = 1},
};

/* [3,H,W] in about [-1,1] -> the bytes that ours must be within one of, in bf16 at 35 dB from. */
static void near_picture(const cm_ops *ops, const cm_image *got, const float *want) {
    if (!want) return;
    size_t far = 0;
    double squares = 0;
    for (size_t y = 0; y < got->height; y++) {
        for (size_t x = 0; x < got->width; x++) {
            for (size_t c = 0; c < 3; c++) {
                const double v = want[(c * got->height + y) * got->width + x];
                const double byte = 127.5 * (fmax(-1, fmin(v, 1)) + 1);
                const double off = fabs(byte - got->pixels[(y * got->width + x) * 3 + c]);
                far += off > 1;
                squares += off * off;
            }
        }
    }
    const double psnr = 10 * log10(255 * 255 * 3 * (double)(got->height * got->width) / squares);
    golden_that(ops->rounding < 1e-4 ? far == 0 : psnr >= 35, "picture, %s: %zu bytes are more than one off, %.1f dB",
                ops->name, far, psnr);
}

static const struct model_case xl_cases[] = {
    {"xl", "euler", NULL, 21, 64, 96, 7.5},
    {"xl_negative", "euler_a", "blurry, hat", 22, 64, 64, 7.5},
    {"xl_unguided", "euler", NULL, 23, 72, 64, 1},
    {"xl_again", "euler", NULL, 24, 64, 64, 5, .strength = 0.3},
};

/* Draws, and holds the latents against theirs under that name (NULL: only draws). */
static bool draw(const cm_model *m, cm_ctx *g, cm_safetensors *f, const cm_request *q, const char *name, cm_result *r) {
    char what[64];
    snprintf(what, sizeof what, "%s, %s", name ? name : "first pass", g->ops->name);
    if (!golden_ok(cm_generate(m, g, q, golden_arena(), r), what)) return false;
    if (name)
        golden_near(what, r->latents, golden_floats(f, name, NULL), r->channels * r->h * r->w,
                    golden_limit(g->ops, 1e-3));
    return true;
}

static void one_case(const cm_model *m, cm_ctx *g, cm_safetensors *f, const struct model_case *c) {
    const cm_request q = {.prompt = PROMPT,
                          .settings.negative = c->negative,
                          .settings.seed = c->seed,
                          .settings.steps = 20,
                          .settings.width = c->width,
                          .settings.height = c->height,
                          .settings.guidance = c->guidance,
                          .clean = c->strength > 0 ? golden_floats(f, "start", NULL) : NULL,
                          .settings.strength = c->strength,
                          .settings.guidance_rescale = c->rescale,
                          .settings.sampler = cm_sampler_find(c->sampler)};
    cm_result r;
    if (draw(m, g, f, &q, c->name, &r) && strcmp(c->name, "odd") == 0)
        near_picture(g->ops, &r.picture, golden_floats(f, "picture", NULL));
}

static void model_against(const char *answers, const char *name, const char *config, const struct model_case *list,
                          size_t count) {
    cm_model m;
    const cm_model_options o = {.config = config ? golden_path(config) : NULL};
    cm_safetensors *f = golden_open(answers);
    if (f && golden_ok(cm_model_open(&m, golden_path(name), &o), name)) {
        for (const cm_ops *const *ops = cm_backends(); *ops; ops++) {
            cm_ctx g;
            cm_ctx_init(&g, *ops, 1);
            for (size_t i = 0; i < count; i++) one_case(&m, &g, f, &list[i]);
            cm_ctx_free(&g);
        }
        cm_model_close(&m);
    }
    cm_safetensors_close(&f);
}

static void whole_model(const char *name, const char *config, const struct model_case *list, size_t count) {
    model_against("pipeline/latents.safetensors", name, config, list, count);
}

enum { CASES = sizeof cases / sizeof cases[0], XL_CASES = sizeof xl_cases / sizeof xl_cases[0] };

GOLDEN(pipeline, "pipeline/diffusers") {
    whole_model("pipeline/model", NULL, cases, CASES);
}
GOLDEN(pipeline_xl, "pipeline/xl") {
    whole_model("pipeline/xl", NULL, xl_cases, XL_CASES);
}
/* single files in the original layout: the same weights, so the same latents */
GOLDEN(pipeline_single, "pipeline/single") {
    whole_model("pipeline/single.safetensors", "pipeline/model", cases, 2);
}
GOLDEN(pipeline_single_xl, "pipeline/single_xl") {
    whole_model("pipeline/single_xl.safetensors", "pipeline/xl", xl_cases, XL_CASES);
}
/* torch's files: a diffusers folder with a sharded UNet, and a training run's checkpoint */
GOLDEN(pipeline_torch, "pipeline/torch") {
    whole_model("pipeline/torch", NULL, cases, 2);
}
GOLDEN(pipeline_ckpt, "pipeline/ckpt") {
    whole_model("pipeline/single.ckpt", "pipeline/model", cases, 2);
}

/* --- the refiner ---------------------------------------------------------- */

static const struct model_case refiner_cases[] = {
    {"refiner", "euler", "", 51, 64, 64, 5, .strength = 0.3},
    {"refiner_negative", "euler_a", "blurry, hat", 52, 64, 64, 5, .strength = 0.55},
    {"refiner_unguided", "euler", "", 53, 64, 64, 1, .strength = 0.3},
};

/* A schedule shared by two models, and the noise of each. */
static const struct relay {
    const char *name, *half, *sampler;
    uint64_t seed;
} relays[] = {{"relay", "relay.half", "euler", 56},
              {"relay_a", "relay_a.half", "euler_a", 58},
              {"relay_dpm", "relay_dpm.half", "dpmpp_2m", 60}};

static cm_request both_models(const char *sampler, uint64_t seed) {
    return (cm_request){.prompt = PROMPT,
                        .settings.seed = seed,
                        .settings.steps = 20,
                        .settings.width = 64,
                        .settings.height = 64,
                        .settings.guidance = 5,
                        .settings.sampler = cm_sampler_find(sampler)};
}

static void base_then_refiner(const cm_model *base, const cm_model *refiner, cm_ctx *g, cm_safetensors *f) {
    cm_request q = both_models("euler", 54);
    cm_result r;
    if (draw(base, g, f, &q, NULL, &r)) {
        q.clean = r.latents, q.settings.strength = 0.3, q.settings.seed = 55;
        draw(refiner, g, f, &q, "line", &r);
    }
    for (size_t i = 0; i < sizeof relays / sizeof *relays; i++) {
        q = both_models(relays[i].sampler, relays[i].seed);
        q.settings.end = 0.8;
        if (!draw(base, g, f, &q, relays[i].half, &r)) continue;
        q.noise = r.latents, q.settings.start = 0.8, q.settings.end = 0, q.settings.seed++;
        draw(refiner, g, f, &q, relays[i].name, &r);
    }
}

GOLDEN(refiner_line, "pipeline/line") {
    cm_model base = {0}, refiner = {0};
    const cm_model_options o = {0};
    cm_safetensors *f = golden_open("pipeline/refiner.safetensors");
    if (f && golden_ok(cm_model_open(&base, golden_path("pipeline/xl"), &o), "xl") &&
        golden_ok(cm_model_open(&refiner, golden_path("pipeline/refiner"), &o), "refiner")) {
        for (const cm_ops *const *ops = cm_backends(); *ops; ops++) {
            cm_ctx g;
            cm_ctx_init(&g, *ops, 1);
            base_then_refiner(&base, &refiner, &g, f);
            cm_ctx_free(&g);
        }
    }
    cm_model_close(&base);
    cm_model_close(&refiner);
    cm_safetensors_close(&f);
}

GOLDEN(refiner, "pipeline/refiner") {
    model_against("pipeline/refiner.safetensors", "pipeline/refiner", NULL, refiner_cases, 3);
}
GOLDEN(refiner_single, "pipeline/single_refiner") {
    model_against("pipeline/refiner.safetensors", "pipeline/single_refiner.safetensors", "pipeline/refiner",
                  refiner_cases, 1);
}
