// SPDX-License-Identifier: Apache-2.0
/* A sample of config_sweep: scheduler configurations on the tiny models of pipeline, whose latents diffusers drew or
 * which are refused; config_sweep/sample.py made the answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "core/tensor/ops.h"
#include "tests/golden/golden.h"

#define PROMPT "a full-body shot, an adult female, red striped long sleeve cotton shirt, black hair"

static const char *const parts[] = {
    "model_index.json", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet", "vae"};
enum { PARTS = sizeof parts / sizeof parts[0] };

static const char *inside(const char *folder, const char *name) {
    return cm_arena_print(golden_arena(), "%s/%s", folder, name);
}

/* The model's folder by links, with another scheduler's file. */
static bool make_folder(const char *folder, const char *model, const char *text) {
    const char *source = golden_path(cm_arena_print(golden_arena(), "pipeline/%s", model));
    bool good = mkdir(folder, 0777) == 0 && mkdir(inside(folder, "scheduler"), 0777) == 0;
    for (size_t i = 0; i < PARTS; i++) {
        if (cm_path_exists(inside(source, parts[i])))
            good = good && symlink(inside(source, parts[i]), inside(folder, parts[i])) == 0;
    }
    return good && cm_write_whole(inside(folder, "scheduler/scheduler_config.json"), text, strlen(text)) == CM_OK;
}

static void remove_folder(const char *folder) {
    for (size_t i = 0; i < PARTS; i++) unlink(inside(folder, parts[i]));
    unlink(inside(folder, "scheduler/scheduler_config.json"));
    rmdir(inside(folder, "scheduler"));
    rmdir(folder);
}

static void check_drawn(const cm_model *m, const json_t *row, const cm_sampler *sampler, cm_safetensors *f,
                        const char *name) {
    cm_result r;
    cm_ctx g;
    const cm_request q = {.prompt = PROMPT,
                          .settings.negative = cm_json_text_or(row, "negative", NULL),
                          .settings.seed = 7,
                          .settings.width = 64,
                          .settings.height = 64,
                          .settings.steps = cm_json_size_or(row, "steps", 0),
                          .settings.guidance = 5,
                          .settings.sampler = sampler ? sampler : cm_sampler_find(m->default_sampler)};
    cm_ctx_init(&g, cm_backend_find("f32"), 1);
    if (golden_ok(cm_generate(m, &g, &q, golden_arena(), &r), name))
        golden_near(name, r.latents, golden_floats(f, name, NULL), r.channels * r.h * r.w,
                    1e-4); /* 2e-6 is usual; limits and thresholds amplify */
    cm_ctx_free(&g);
}

static void check_row(const json_t *row, const char *folder, cm_safetensors *f, const char *name) {
    cm_model m = {0};
    const char *asked = cm_json_text_or(row, "sampler", NULL), *refused = cm_json_text_or(row, "refused", NULL);
    const cm_model_options o = {.sampler = asked ? cm_sampler_find(asked) : NULL};
    const cm_status s = cm_model_open(&m, folder, &o);
    if (refused)
        golden_that(s != CM_OK && strstr(cm_why(), refused), "row %s is refused by '%s': %s", name, refused,
                    s == CM_OK ? "opened" : cm_why());
    else if (golden_ok(s, name)) check_drawn(&m, row, o.sampler, f, name);
    if (s == CM_OK) cm_model_close(&m);
}

GOLDEN(config_sweep, "pipeline/config_sweep") {
    char work[] = "/tmp/cm_golden_XXXXXX", name[24];
    json_t *rows = NULL, *row;
    size_t i;
    cm_safetensors *f = golden_open("config_sweep/sample.safetensors");
    if (f && golden_that(mkdtemp(work) != NULL, "a folder to work in") &&
        golden_ok(cm_json_read(golden_path("config_sweep/sample.json"), &rows), "sample.json")) {
        json_array_foreach(rows, i, row) {
            const char *folder = inside(work, "m");
            snprintf(name, sizeof name, "%zu", i);
            if (golden_that(make_folder(folder, cm_json_text_or(row, "model", ""), cm_json_text_or(row, "text", "")),
                            "row %s has its folder", name))
                check_row(row, folder, f, name);
            remove_folder(folder);
        }
    }
    rmdir(work);
    json_decref(rows);
    cm_safetensors_close(&f);
}
