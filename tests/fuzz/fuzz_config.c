// SPDX-License-Identifier: Apache-2.0
/* Configurations: read, and networks of them planned (names and shapes, no values). */
#include "core/generator/sampler.h"
#include "core/io/jsonl.h"
#include "core/networks/clip.h"
#include "core/networks/unet.h"
#include "core/networks/vae.h"
#include "tests/fuzz/fuzz.h"

typedef cm_status plan_fn(const json_t *config, cm_params *p, cm_arena *a);

static cm_status plan_unet(const json_t *config, cm_params *p, cm_arena *a) {
    cm_unet_config c;
    cm_unet *n;
    CM_TRY(cm_unet_configure(config, &c));
    return cm_unet_build(&n, &c, p, a);
}

static cm_status plan_vae(const json_t *config, cm_params *p, cm_arena *a) {
    cm_vae_config c;
    cm_vae *n;
    CM_TRY(cm_vae_configure(config, &c));
    return cm_vae_build(&n, &c, p, a);
}

static cm_status plan_text(const json_t *config, cm_params *p, cm_arena *a) {
    cm_clip_text_config c;
    cm_clip_text n;
    CM_TRY(cm_clip_text_configure(config, &c));
    cm_clip_text_build(&n, &c, p, a);
    return cm_params_check(p, false);
}

/* The schedule, and two steps of every sampler on it. */
static cm_status plan_schedule(const json_t *config, cm_params *p, cm_arena *a) {
    (void)p;
    cm_schedule s;
    cm_sampler_state *state;
    CM_TRY(cm_schedule_configure(config, NULL, a, &s));
    for (size_t i = 0; cm_samplers[i]; i++) {
        const cm_sampler *sampler = cm_samplers[i];
        if (cm_schedule_configure(config, sampler, a, &s) == CM_OK && s.train_steps >= 2)
            CM_TRY(sampler->begin(&s, 2, 4, a, &state));
    }
    return CM_OK;
}

static cm_status read_config(const char *path, plan_fn *plan) {
    json_t *config = NULL;
    cm_params *p = NULL;
    cm_arena a;
    CM_TRY(cm_json_read_config(path, &config));
    cm_arena_init(&a, 0);
    cm_status s = cm_params_plan(&p);
    if (s == CM_OK) s = plan(config, p, &a);
    if (p) cm_params_close(&p);
    cm_arena_free(&a);
    json_decref(config);
    return s;
}

static cm_status read_unet(const char *path) {
    return read_config(path, plan_unet);
}
static cm_status read_vae(const char *path) {
    return read_config(path, plan_vae);
}
static cm_status read_text(const char *path) {
    return read_config(path, plan_text);
}
static cm_status read_schedule(const char *path) {
    return read_config(path, plan_schedule);
}

#define MODEL "golden/pipeline/"
static const char *const unets[] = {MODEL "model/unet/config.json", MODEL "xl/unet/config.json", NULL};
static const char *const vaes[] = {MODEL "model/vae/config.json", NULL};
static const char *const towers[] = {MODEL "model/text_encoder/config.json", MODEL "xl/text_encoder_2/config.json",
                                     NULL};
static const char *const schedules[] = {MODEL "model/scheduler/scheduler_config.json",
                                        MODEL "xl/scheduler/scheduler_config.json", NULL};

const fuzz_target fuzz_unet_config = {
    .name = "unet-config", .corpus = unets, .file = "config.json", .most = 1 << 13, .read = read_unet};
const fuzz_target fuzz_vae_config = {
    .name = "vae-config", .corpus = vaes, .file = "config.json", .most = 1 << 13, .read = read_vae};
const fuzz_target fuzz_text_config = {
    .name = "text-config", .corpus = towers, .file = "config.json", .most = 1 << 13, .read = read_text};
const fuzz_target fuzz_schedule = {
    .name = "schedule", .corpus = schedules, .file = "scheduler_config.json", .most = 1 << 13, .read = read_schedule};
