// SPDX-License-Identifier: Apache-2.0
#include "core/train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/folder_lock.h"
#include "core/base/threads.h"
#include "core/io/jsonl.h"
#include "core/networks/open_network.h"
#include "core/train/init_weights.h"

cm_status cm_trainer_add(cm_trainer *t, cm_params *params, const char *folder, const char *file, json_t *config) {
    if (t->parts_count == CM_TRAIN_PARTS) return cm_fail(CM_EUSAGE, "a stage trains at most %d files", CM_TRAIN_PARTS);
    const cm_status s = cm_params_make_trainable(params);
    if (s != CM_OK) {
        cm_params_close(&params);
        return s;
    }
    t->parts[t->parts_count++] =
        (cm_train_part){.params = params, .folder = folder, .file = file, .config = json_incref(config)};
    return CM_OK;
}

cm_rng cm_trainer_rng(const cm_trainer *t, uint64_t place) {
    return cm_rng_make(t->seed, place + 1);
}

static cm_optimizer_config optimizer_config(const json_t *r) {
    return (cm_optimizer_config){.rate = cm_json_number_or(r, "rate", 1e-3),
                                 .final_rate = cm_json_number_or(r, "final_rate", 0.02),
                                 .beta1 = cm_json_number_or(r, "beta1", 0.9),
                                 .beta2 = cm_json_number_or(r, "beta2", 0.999),
                                 .epsilon = cm_json_number_or(r, "epsilon", 1e-8),
                                 .decay = cm_json_number_or(r, "decay", 0.01),
                                 .clip = cm_json_number_or(r, "clip", 1.0),
                                 .ema = cm_json_number_or(r, "ema", 0.999),
                                 .warmup = cm_json_size_or(r, "warmup", 100),
                                 .steps = cm_json_size_or(r, "steps", 1000),
                                 .cosine = strcmp(cm_json_text_or(r, "schedule", "cosine"), "cosine") == 0};
}

static cm_status open_optimizer(cm_trainer *t) {
    size_t count = 0;
    for (size_t k = 0; k < t->parts_count; k++) {
        t->parts[k].first = count;
        count += cm_params_count(t->parts[k].params);
    }
    cm_tensor **all = CM_PUSH(&t->arena, cm_tensor *, count);
    CM_TRY(cm_arena_check(&t->arena));
    for (size_t k = 0; k < t->parts_count; k++)
        for (size_t i = 0; i < cm_params_count(t->parts[k].params); i++)
            all[t->parts[k].first + i] = cm_params_at(t->parts[k].params, i);
    const cm_optimizer_config config = optimizer_config(t->recipe);
    return cm_optimizer_init(&t->optimizer, &config, t->ops, all, count, &t->arena);
}

static cm_status open_workers(cm_trainer *t) {
    t->worker = CM_PUSH_ZERO(&t->arena, cm_worker, t->workers);
    CM_TRY(cm_arena_check(&t->arena));
    for (size_t i = 0; i < t->workers; i++) {
        cm_worker *w = &t->worker[i];
        cm_ctx_init(&w->g, t->ops, 1);
        cm_arena_init(&w->networks, 0);
        cm_arena_init(&w->scratch, 0);
        for (size_t k = 0; k < t->parts_count; k++) CM_TRY(cm_params_share(&w->params[k], t->parts[k].params));
        CM_TRY(t->stage->open_worker(t, w));
    }
    return CM_OK;
}

/* A network given by a folder's name stands for that folder's config.json. */
static cm_status resolve_networks(cm_trainer *t) {
    static const char *const keys[] = {"network", "text", "vision"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *network = json_object_get(t->recipe, keys[i]);
        if (!network || json_is_object(network)) continue;
        if (!json_is_string(network))
            return cm_fail(CM_EFORMAT, "recipe: \"%s\" is no folder's name and no configuration", keys[i]);
        char *folder;
        json_t *config;
        CM_TRY(cm_recipe_folder(t->recipe, keys[i], "", &t->arena, &folder));
        CM_TRY(cm_read_config(folder, &config));
        json_object_set_new(t->recipe, keys[i], config);
    }
    return CM_OK;
}

/* A batch lies within one pass over the people. */
static cm_status open_people(cm_trainer *t) {
    cm_labelled_needs needs = {0};
    if (t->stage->needs) CM_TRY(t->stage->needs(t->recipe, &needs));
    return cm_people_dataset_open(&t->dataset, t->recipe, &needs, cm_json_size_or(t->recipe, "people", 20000), t->batch,
                                  &t->arena);
}

cm_status cm_trainer_open(cm_trainer *t, const cm_stage *stage, json_t *recipe, const char *out, const char *weights) {
    *t = (cm_trainer){.stage = stage,
                      .recipe = json_incref(recipe),
                      .out = out,
                      .weights = weights,
                      .order_pass = SIZE_MAX,
                      .saved = SIZE_MAX};
    cm_arena_init(&t->arena, 0);
    CM_TRY(cm_recipe_check(recipe, stage->name));
    const char *backend = cm_json_text_or(recipe, "backend", "f32");
    CM_TRY(cm_backend_choose("backend", backend, &t->ops));
    if (t->ops->inference)
        return cm_fail(CM_EUSAGE, "backend '%s' is for inference; training takes ref, openblas, f32, bf16x3 or bf16",
                       backend);
    t->seed = cm_json_size_or(recipe, "seed", 1);
    t->batch = cm_json_size_or(recipe, "batch", 16);
    t->workers = cm_json_size_or(recipe, "workers", (size_t)cm_threads_available());
    if (t->batch == 0 || t->workers == 0 || t->batch % t->workers)
        return cm_fail(CM_EUSAGE, "batch (%zu) must be a multiple of workers (%zu)", t->batch, t->workers);
    CM_TRY(resolve_networks(t));
    CM_TRY(cm_folder_lock_take(&t->lock, out));
    CM_TRY(open_people(t));
    t->order = CM_PUSH(&t->arena, size_t, t->dataset.count);
    t->samples = CM_PUSH(&t->arena, size_t, t->batch);
    CM_TRY(cm_arena_check(&t->arena));
    CM_TRY(stage->open(t));
    CM_TRY(cm_trainer_check_weights(t));
    CM_TRY(open_optimizer(t));
    return open_workers(t);
}

void cm_trainer_close(cm_trainer *t) {
    for (size_t i = 0; t->worker && i < t->workers; i++) {
        cm_worker *w = &t->worker[i];
        cm_ctx_free(&w->g);
        cm_arena_free(&w->networks);
        cm_arena_free(&w->scratch);
        for (size_t k = 0; k < t->parts_count; k++) cm_params_close(&w->params[k]);
    }
    if (t->state && t->stage->close) t->stage->close(t);
    for (size_t k = 0; k < t->parts_count; k++) {
        cm_params_close(&t->parts[k].params);
        json_decref(t->parts[k].config);
    }
    json_decref(t->recipe);
    cm_folder_lock_release(&t->lock);
    cm_arena_free(&t->arena);
    *t = (cm_trainer){0};
}

/* --- one step -------------------------------------------------------------- */

typedef struct step_job {
    cm_trainer *t;
    const size_t *samples;
} step_job;

static void worker_step(void *arg, size_t i, int thread) {
    (void)thread;
    const step_job *job = arg;
    cm_trainer *t = job->t;
    cm_worker *w = &t->worker[i];
    const size_t count = t->batch / t->workers;
    for (size_t k = 0; k < t->parts_count; k++) cm_params_zero_grad(w->params[k]);
    memset(w->metrics, 0, sizeof w->metrics);
    cm_arena_clear(&w->scratch);
    const uint64_t place = (uint64_t)t->optimizer.step * t->batch + i * count;
    cm_tensor *loss = t->stage->loss(t, w, job->samples + i * count, count, place);
    w->status = cm_ctx_check(&w->g);
    if (w->status == CM_OK) {
        w->loss = (double)loss->data[0];
        cm_tape_backward(&w->g, loss, 1.0f / (float)t->workers);
        w->status = cm_ctx_check(&w->g);
    }
    if (w->status != CM_OK) snprintf(w->why, sizeof w->why, "%s", w->g.why);
    cm_ctx_reset(&w->g);
}

static void gather_gradient(void *arg, size_t i, int thread) {
    (void)thread;
    cm_trainer *t = arg;
    size_t k = t->parts_count - 1;
    while (t->parts[k].first > i) k--;
    const size_t at = i - t->parts[k].first;
    cm_tensor *p = t->optimizer.params[i];
    const size_t n = cm_count(p);
    const cm_exec alone = {.threads = 1};
    const float *first = cm_params_at(t->worker[0].params[k], at)->grad;
    if (t->workers == 1) memcpy(p->grad, first, n * sizeof(float));
    else t->ops->add(&alone, n, first, cm_params_at(t->worker[1].params[k], at)->grad, p->grad);
    for (size_t w = 2; w < t->workers; w++)
        t->ops->axpy(&alone, n, 1.0f, cm_params_at(t->worker[w].params[k], at)->grad, p->grad);
}

/* The people of one batch: each pass over the dataset has an order of its own. */
static void choose_samples(cm_trainer *t, size_t *samples) {
    const size_t n = t->dataset.count, first = t->optimizer.step * t->batch, pass = first / n;
    if (t->order_pass != pass) {
        char id[32];
        snprintf(id, sizeof id, "order/%zu", pass);
        for (size_t i = 0; i < n; i++) t->order[i] = i;
        cm_rng r = cm_rng_named(t->seed, id);
        cm_rng_shuffle(&r, t->order, n);
        t->order_pass = pass;
    }
    memcpy(samples, t->order + first % n, t->batch * sizeof *samples);
}

cm_status cm_trainer_step(cm_trainer *t, double *norm) {
    choose_samples(t, t->samples);
    step_job job = {t, t->samples};
    cm_parallel((int)t->workers, t->workers, worker_step, &job);
    for (size_t i = 0; i < t->workers; i++)
        if (t->worker[i].status != CM_OK)
            return cm_fail(t->worker[i].status, "step %zu: %s", t->optimizer.step + 1, t->worker[i].why);
    for (size_t i = 0; i < t->workers; i++)
        if (!isfinite(t->worker[i].loss))
            return cm_fail(CM_EUNDEFINED, "step %zu: the loss is not finite", t->optimizer.step + 1);
    cm_parallel((int)t->workers, t->optimizer.count, gather_gradient, t);
    return cm_optimizer_step(&t->optimizer, (int)t->workers, norm);
}
