// SPDX-License-Identifier: Apache-2.0
#include "core/train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/folder_lock.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/base/threads.h"
#include "core/io/jsonl.h"
#include "core/train/frozen.h"

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
        if (!json_is_string(network)) return cm_fail(CM_EFORMAT, "recipe: \"%s\" is no folder's name and no configuration", keys[i]);
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
    return cm_crowd_open(&t->crowd, t->recipe, &needs, cm_json_size_or(t->recipe, "people", 20000), t->batch, &t->arena);
}

cm_status cm_trainer_open(cm_trainer *t, const cm_stage *stage, json_t *recipe, const char *out, const char *weights) {
    *t = (cm_trainer){.stage = stage, .recipe = json_incref(recipe), .out = out, .weights = weights, .order_pass = SIZE_MAX};
    cm_arena_init(&t->arena, 0);
    CM_TRY(cm_recipe_check(recipe, stage->name));
    const char *backend = cm_json_text_or(recipe, "backend", "openblas");
    CM_TRY(cm_backend_choose("backend", backend, &t->ops));
    if (t->ops->inference)
        return cm_fail(CM_EUSAGE, "backend '%s' is for inference; training takes ref, openblas, bf16x3 or bf16", backend);
    t->seed = cm_json_size_or(recipe, "seed", 1);
    t->batch = cm_json_size_or(recipe, "batch", 16);
    t->workers = cm_json_size_or(recipe, "workers", (size_t)cm_threads_available());
    if (t->batch == 0 || t->workers == 0 || t->batch % t->workers)
        return cm_fail(CM_EUSAGE, "batch (%zu) must be a multiple of workers (%zu)", t->batch, t->workers);
    CM_TRY(resolve_networks(t));
    CM_TRY(cm_folder_lock_take(&t->lock, out));
    CM_TRY(open_people(t));
    t->order = CM_PUSH(&t->arena, size_t, t->crowd.count);
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

/* The people of one batch: each pass over the crowd has an order of its own. */
static void choose_samples(cm_trainer *t, size_t *samples) {
    const size_t n = t->crowd.count, first = t->optimizer.step * t->batch, pass = first / n;
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
            return cm_fail(t->worker[i].status, "step %zu: %s", t->optimizer.step, t->worker[i].why);
    cm_parallel((int)t->workers, t->optimizer.count, gather_gradient, t);
    return cm_optimizer_step(&t->optimizer, (int)t->workers, norm);
}

/* --- the run ---------------------------------------------------------------- */

/* Sums over a stretch of steps, for one line of the record. */
typedef struct stretch {
    size_t steps;
    double loss, norm, metrics[CM_TRAIN_METRICS], started;
} stretch;

static void stretch_add(stretch *s, const cm_trainer *t, double norm) {
    s->steps++;
    s->norm += norm;
    for (size_t i = 0; i < t->workers; i++) {
        s->loss += t->worker[i].loss / (double)t->workers;
        for (size_t k = 0; k < CM_TRAIN_METRICS; k++) s->metrics[k] += t->worker[i].metrics[k] / (double)t->workers;
    }
}

static cm_status stretch_record(stretch *s, cm_trainer *t, cm_records *records) {
    const double n = (double)s->steps, seconds = cm_now() - s->started;
    t->seconds += seconds;
    t->mean_loss = s->loss / n;
    json_t *line = json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f}", "kind", "step", "step", (json_int_t)t->optimizer.step,
                             "loss", t->mean_loss, "gradient_norm", s->norm / n, "rate",
                             cm_optimizer_rate(&t->optimizer.config, t->optimizer.step - 1), "seconds", t->seconds,
                             "samples_per_second", n * (double)t->batch / seconds);
    for (size_t k = 0; k < CM_TRAIN_METRICS && t->stage->metrics[k]; k++) {
        t->mean_metrics[k] = s->metrics[k] / n;
        json_object_set_new(line, t->stage->metrics[k], json_real(t->mean_metrics[k]));
    }
    const cm_status status = cm_records_add(records, line);
    json_decref(line);
    *s = (stretch){.started = cm_now()};
    return status;
}

/* Whole, whatever signal has come. */
static cm_status save_all(cm_trainer *t) {
    cm_signals_hold(true);
    cm_status s = cm_checkpoint_save(t);
    if (s == CM_OK) s = cm_trainer_export(t);
    if (s == CM_OK) cm_trainer_plot(t);
    cm_signals_hold(false);
    return s;
}

static cm_status train(cm_trainer *t, cm_records *records) {
    const size_t steps = t->optimizer.config.steps, every = cm_json_size_or(t->recipe, "record_every", 50);
    const double save_every = cm_json_number_or(t->recipe, "save_seconds", 300);
    cm_progress progress;
    char extra[96];
    cm_progress_begin(&progress, t->stage->name, "step", steps);
    stretch s = {.started = cm_now()};
    double saved = cm_now();
    cm_status status = CM_OK;
    while (status == CM_OK && t->optimizer.step < steps && !cm_interrupted()) {
        double norm;
        if ((status = cm_trainer_step(t, &norm)) != CM_OK) break;
        stretch_add(&s, t, norm);
        if (s.steps < every && t->optimizer.step < steps) continue;
        if ((status = stretch_record(&s, t, records)) != CM_OK) break;
        snprintf(extra, sizeof extra, "loss %.4f", t->mean_loss);
        cm_progress_step(&progress, t->optimizer.step, extra);
        if (cm_now() - saved < save_every) continue;
        status = save_all(t);
        saved = cm_now();
    }
    cm_progress_end(&progress);
    if (status == CM_EINTERRUPTED) status = CM_OK; /* in the middle of a step, which will be made again */
    if (status == CM_OK && s.steps > 0) status = stretch_record(&s, t, records);
    if (status == CM_OK) status = save_all(t);
    if (status == CM_OK && t->optimizer.step < steps)
        status = cm_fail(CM_EINTERRUPTED, "stopped at step %zu of %zu; the same command continues", t->optimizer.step, steps);
    return status;
}

/* What may differ between a run's sessions: its length, its speed, what is said of it. */
static bool may_change(const char *key) {
    static const char *const keys[] = {"steps", "workers", "backend", "record_every", "save_seconds", "comment", "cache"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i], key) == 0) return true;
    return false;
}

static char *value_text(const json_t *value) {
    return value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
}

static void warn_of_key(const cm_trainer *t, const char *key, const json_t *before, const json_t *now) {
    char *was = value_text(before), *is = value_text(now);
    cm_warn("%s: goes on with another \"%s\": %.60s from here on, %.60s before", t->out, key, is ? is : "its default",
            was ? was : "its default");
    free(was);
    free(is);
}

/* A run that goes on with other settings is neither the one nor the other. */
static void warn_of_settings(const cm_trainer *t, const json_t *lines) {
    const json_t *before = NULL;
    const char *key;
    json_t *line, *value;
    size_t i;
    json_array_foreach(lines, i, line)
        if (json_object_get(line, "recipe")) before = json_object_get(line, "recipe");
    if (!before) return;
    json_object_foreach(t->recipe, key, value)
        if (!may_change(key) && !json_equal(value, json_object_get(before, key))) warn_of_key(t, key, json_object_get(before, key), value);
    json_object_foreach((json_t *)before, key, value)
        if (!may_change(key) && !json_object_get(t->recipe, key)) warn_of_key(t, key, value, NULL);
}

cm_status cm_trainer_run(cm_trainer *t) {
    bool found;
    CM_TRY(cm_checkpoint_load(t, &found));
    char *path = cm_arena_print(&t->arena, "%s/train.jsonl", t->out);
    CM_TRY(cm_arena_check(&t->arena));
    cm_records *records;
    json_t *lines = NULL;
    CM_TRY(cm_records_open(&records, path, &lines));
    if (found) warn_of_settings(t, lines);
    json_decref(lines);
    char now[32];
    cm_iso_time(now);
    json_t *head = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:O}", "kind", "run", "stage", t->stage->name, "started", now,
                             "step", (json_int_t)t->optimizer.step, "version", CM_VERSION, "cpu", cm_cpu_get()->model, "backend",
                             t->ops->name, "dtype", t->ops->dtype, "recipe", t->recipe);
    cm_status status = cm_records_add(records, head);
    json_decref(head);
    if (status == CM_OK) {
        if (t->optimizer.step >= t->optimizer.config.steps)
            cm_note("%s: nothing is left to do: %zu steps are done, %zu are asked for in all", t->stage->name, t->optimizer.step,
                    t->optimizer.config.steps);
        else cm_note("%s: %s %zu of %zu, batch %zu on %zu workers", t->stage->name, found ? "continues at step" : "starts at step",
                t->optimizer.step, t->optimizer.config.steps, t->batch, t->workers);
        status = train(t, records);
    }
    cm_records_close(&records);
    return status;
}
