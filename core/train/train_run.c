// SPDX-License-Identifier: Apache-2.0
/* A run of the trainer: its steps, its record, when it is saved, and what may change when it goes on. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/train/trainer.h"

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
    json_t *line = json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f}", "kind", "step", "step",
                             (json_int_t)t->optimizer.step, "loss", t->mean_loss, "gradient_norm", s->norm / n, "rate",
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

/* Numbers have gone astray: what was saved before stays, and is said. */
static cm_status astray(const cm_trainer *t, const char *why) {
    if (t->saved == SIZE_MAX) return cm_fail(CM_EUNDEFINED, "%s; nothing was saved before", why);
    return cm_fail(CM_EUNDEFINED, "%s; %s/checkpoint.safetensors stays that of step %zu", why, t->out, t->saved);
}

static cm_status check_finite(const cm_trainer *t) {
    for (size_t i = 0; i < t->optimizer.count; i++) {
        const cm_tensor *p = t->optimizer.params[i];
        for (size_t j = 0; j < cm_count(p); j++) {
            if (isfinite(p->data[j])) continue;
            char why[64];
            snprintf(why, sizeof why, "step %zu: a weight is not finite", t->optimizer.step);
            return astray(t, why);
        }
    }
    return CM_OK;
}

/* Both whole, whatever signal has come. */
static cm_status save_checkpoint(cm_trainer *t) {
    CM_TRY(check_finite(t));
    cm_signals_hold(true);
    const cm_status s = cm_checkpoint_save(t);
    if (s == CM_OK) t->saved = t->optimizer.step;
    cm_signals_hold(false);
    return s;
}

static cm_status save_all(cm_trainer *t) {
    CM_TRY(save_checkpoint(t));
    cm_signals_hold(true);
    const cm_status s = cm_trainer_export(t);
    if (s == CM_OK) cm_trainer_plot(t);
    cm_signals_hold(false);
    return s;
}

/* A step that cannot be made (an image that cannot be read, no memory) ends the run; what was learned before it is
 * saved. */
static cm_status stop_before(cm_trainer *t, stretch *s, cm_records *records, cm_status status) {
    char why[512];
    if (status == CM_EINTERRUPTED) return CM_OK; /* in the middle of a step, which will be made again */
    snprintf(why, sizeof why, "%s", cm_why());
    if (status == CM_EUNDEFINED) return astray(t, why);
    if (t->optimizer.step == 0 || t->optimizer.step == t->saved) return status;
    cm_status saved = s->steps ? stretch_record(s, t, records) : CM_OK;
    if (saved == CM_OK)
        saved = save_checkpoint(t); /* for weights that are whole the stage may need what cannot be read */
    return saved == CM_OK ? cm_fail(status, "%s; step %zu is saved, and the same command continues", why, t->saved)
                          : cm_fail(status, "%s; what came before could not be saved either", why);
}

static cm_status train(cm_trainer *t, cm_records *records) {
    const size_t steps = t->optimizer.config.steps, every = cm_json_size_or(t->recipe, "record_every", 50);
    const double save_every = cm_json_number_or(t->recipe, "save_seconds", 300);
    cm_progress progress;
    char extra[96];
    cm_progress_begin(&progress, t->stage->name, "step", t->optimizer.step, steps);
    stretch s = {.started = cm_now()};
    double saved = cm_now();
    cm_status status = CM_OK;
    while (status == CM_OK && t->optimizer.step < steps && !cm_interrupted()) {
        double norm;
        if ((status = cm_trainer_step(t, &norm)) != CM_OK) {
            status = stop_before(t, &s, records, status);
            break;
        }
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
    if (status == CM_OK && s.steps > 0) status = stretch_record(&s, t, records);
    if (status == CM_OK) status = save_all(t);
    if (status == CM_OK && t->optimizer.step < steps)
        status = cm_fail(CM_EINTERRUPTED, "stopped at step %zu of %zu; the same command continues", t->optimizer.step,
                         steps);
    return status;
}

/* What may differ between a run's sessions: its length, its speed, what is said of it, and where the same data are. */
static bool may_change(const char *key) {
    static const char *const keys[] = {"steps",        "workers", "backend", "record_every",
                                       "save_seconds", "comment", "cache",   "data"};
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

static cm_status check_network(const cm_trainer *t, const json_t *before) {
    static const char *const keys[] = {"network", "text", "vision"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *differs = cm_config_differs(json_object_get(t->recipe, keys[i]), json_object_get(before, keys[i]));
        if (differs)
            return cm_fail(CM_EUSAGE,
                           "%s: its checkpoint is of another network: \"%s\" of \"%s\" is another; give another --out",
                           t->out, differs, keys[i]);
    }
    return CM_OK;
}

/* A run that goes on with other settings is neither the one nor the other: told; with another network it cannot. */
static cm_status check_settings(const cm_trainer *t, const json_t *lines) {
    const json_t *before = NULL;
    const char *key;
    json_t *line, *value;
    size_t i;
    json_array_foreach(lines, i, line)
        if (json_object_get(line, "recipe")) before = json_object_get(line, "recipe");
    if (!before) return CM_OK;
    CM_TRY(check_network(t, before));
    json_object_foreach(t->recipe, key, value)
        if (!may_change(key) && !json_equal(value, json_object_get(before, key)))
            warn_of_key(t, key, json_object_get(before, key), value);
    json_object_foreach((json_t *)before, key, value)
        if (!may_change(key) && !json_object_get(t->recipe, key)) warn_of_key(t, key, value, NULL);
    return CM_OK;
}

/* The time that the run has taken so far, as its record says it. */
static double seconds_before(const json_t *lines) {
    double seconds = 0;
    const json_t *line;
    size_t i;
    json_array_foreach((json_t *)lines, i, line) seconds = cm_json_number_or(line, "seconds", seconds);
    return seconds;
}

/* Why a run ended before its steps were made. */
static void record_stop(const cm_trainer *t, cm_records *records, const char *why) {
    json_t *line = json_pack("{s:s, s:I, s:s}", "kind", "stop", "step", (json_int_t)t->optimizer.step, "why", why);
    if (line) cm_records_add(records, line); /* on a full disk there is no place for it either */
    json_decref(line);
}

cm_status cm_trainer_run(cm_trainer *t) {
    bool found;
    CM_TRY(cm_checkpoint_load(t, &found));
    char *path = cm_arena_print(&t->arena, "%s/train.jsonl", t->out);
    CM_TRY(cm_arena_check(&t->arena));
    cm_records *records;
    json_t *lines = NULL;
    CM_TRY(cm_records_open(&records, path, &lines));
    if (found) t->seconds = seconds_before(lines);
    cm_status status = found ? check_settings(t, lines) : CM_OK;
    json_decref(lines);
    if (status != CM_OK) {
        cm_records_close(&records);
        return status;
    }
    char now[32];
    cm_iso_time(now);
    json_t *head = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:O}", "kind", "run", "stage", t->stage->name,
                             "started", now, "step", (json_int_t)t->optimizer.step, "version", CM_VERSION, "cpu",
                             cm_cpu_get()->model, "backend", t->ops->name, "dtype", t->ops->dtype, "recipe", t->recipe);
    status = cm_records_add(records, head);
    json_decref(head);
    if (status == CM_OK) {
        if (t->optimizer.step >= t->optimizer.config.steps)
            cm_note("%s: nothing is left to do: %zu steps are done, %zu are asked for in all", t->stage->name,
                    t->optimizer.step, t->optimizer.config.steps);
        else
            cm_note("%s: %s %zu of %zu, batch %zu on %zu workers", t->stage->name,
                    found ? "continues at step" : "starts at step", t->optimizer.step, t->optimizer.config.steps,
                    t->batch, t->workers);
        status = train(t, records);
        if (status != CM_OK && status != CM_EINTERRUPTED) {
            char why[512];
            snprintf(why, sizeof why, "%s", cm_why());
            record_stop(t, records, why);
            status = cm_fail(status, "%s", why);
        }
    }
    cm_records_close(&records);
    return status;
}
