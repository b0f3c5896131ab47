// SPDX-License-Identifier: Apache-2.0
/* Checkpoints and finished weights of a training run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/train/trainer.h"

/* weights, average, first and second moments: four tensors a parameter */
static const char *const kinds[] = {"weight", "ema", "m", "v"};
enum { KINDS = 4 };

static float *kind_data(const cm_optimizer *o, size_t i, size_t kind) {
    float *const data[KINDS] = {o->params[i]->data, o->ema[i], o->m[i], o->v[i]};
    return data[kind];
}

static char *item_name(const cm_trainer *t, cm_arena *a, size_t i, size_t kind) {
    size_t k = t->parts_count - 1;
    while (t->parts[k].first > i) k--;
    return cm_arena_print(a, "%zu/%s/%s", k, kinds[kind], cm_params_name(t->parts[k].params, i - t->parts[k].first));
}

/* What the people are: a run on others is another run. */
static const char *people_of(const cm_trainer *t) {
    return t->dataset.data ? t->dataset.data->hash : "drawn";
}

cm_status cm_checkpoint_save(const cm_trainer *t) {
    const cm_optimizer *o = &t->optimizer;
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_store_item *items = CM_PUSH(&a, cm_store_item, o->count * KINDS);
    for (size_t i = 0; items && i < o->count; i++)
        for (size_t kind = 0; kind < KINDS; kind++)
            items[i * KINDS + kind] = (cm_store_item){.name = item_name(t, &a, i, kind),
                                                      .dtype = CM_F32,
                                                      .ndim = o->params[i]->ndim,
                                                      .shape = o->params[i]->shape,
                                                      .floats = kind_data(o, i, kind)};
    char *path = cm_arena_print(&a, "%s/checkpoint.safetensors", t->out);
    char *step = cm_arena_print(&a, "%zu", o->step);
    cm_status s = cm_arena_check(&a);
    const char *const metadata[] = {"stage",  t->stage->name, "step", step,
                                    "people", people_of(t),   NULL}; /* no times: equal runs, equal bytes */
    if (s == CM_OK) s = cm_safetensors_write(path, items, o->count * KINDS, metadata);
    cm_arena_free(&a);
    return s;
}

static bool is_of(const cm_stored *stored, const cm_tensor *p) {
    bool same = stored && !stored->unread && stored->dtype == CM_F32 && stored->ndim == p->ndim;
    for (int d = 0; same && d < p->ndim; d++) same = stored->shape[d] == p->shape[d];
    return same;
}

static cm_status fill(cm_trainer *t, const cm_safetensors *f, const char *path, cm_arena *a) {
    const cm_optimizer *o = &t->optimizer;
    if (cm_safetensors_count(f) > o->count * KINDS)
        return cm_fail(CM_EUSAGE, "%s: has %zu tensors, this network's has %zu: the checkpoint is of another network",
                       path, cm_safetensors_count(f), o->count * KINDS);
    for (size_t i = 0; i < o->count; i++) {
        const size_t n = cm_count(o->params[i]);
        for (size_t kind = 0; kind < KINDS; kind++) {
            const char *name = item_name(t, a, i, kind);
            const cm_stored *stored = name ? cm_safetensors_find(f, name) : NULL;
            CM_TRY(cm_arena_check(a));
            if (!is_of(stored, o->params[i]))
                return cm_fail(CM_EUSAGE, "%s: '%s' is missing or misshapen: the checkpoint is of another network",
                               path, name);
            memcpy(kind_data(o, i, kind), stored->data, n * sizeof(float));
        }
    }
    return CM_OK;
}

static cm_status check_people(const cm_trainer *t, const char *path, const char *before) {
    const char *now = people_of(t);
    if (strcmp(before, now) == 0) return CM_OK;
    if (!t->dataset.data)
        return cm_fail(CM_EUSAGE,
                       "%s: was trained on people of a folder, not on drawn ones; give its --data, or another --out",
                       path);
    return cm_fail(CM_EUSAGE, "%s: was trained on %s than those of %s; give another --out (and its weights as --init)",
                   path, strcmp(before, "drawn") == 0 ? "drawn people, other" : "other people",
                   t->dataset.data->labels);
}

static cm_status load_from(cm_trainer *t, const cm_safetensors *f, const char *path, cm_arena *a) {
    const char *stage = cm_safetensors_metadata(f, "stage"), *step = cm_safetensors_metadata(f, "step");
    const char *people = cm_safetensors_metadata(f, "people");
    char *end;
    if (!stage || !step) return cm_fail(CM_EFORMAT, "%s: not a checkpoint", path);
    const size_t done = strtoull(step, &end, 10);
    if (*end || end == step) return cm_fail(CM_EFORMAT, "%s: not a checkpoint: its step is \"%.20s\"", path, step);
    if (strcmp(stage, t->stage->name) != 0)
        return cm_fail(CM_EUSAGE, "%s: a checkpoint of stage '%s', not '%s'", path, stage, t->stage->name);
    CM_TRY(check_people(t, path, people ? people : "drawn"));
    CM_TRY(fill(t, f, path, a));
    t->optimizer.step = t->saved = done;
    return CM_OK;
}

cm_status cm_checkpoint_load(cm_trainer *t, bool *found) {
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *path = cm_arena_print(&a, "%s/checkpoint.safetensors", t->out);
    cm_status s = cm_arena_check(&a);
    *found = s == CM_OK && cm_path_exists(path);
    if (*found) {
        cm_safetensors *f;
        if ((s = cm_safetensors_open(&f, path)) == CM_OK) {
            s = load_from(t, f, path, &a);
            cm_safetensors_close(&f);
        }
    }
    cm_arena_free(&a);
    return s;
}

/* --- finished weights -------------------------------------------------------- */

/* Where each session of the run began and what it planned: a schedule that was changed on the way is not hidden. */
static json_t *sessions(const cm_trainer *t) {
    char path[1024];
    json_t *lines, *list = json_array();
    snprintf(path, sizeof path, "%s/train.jsonl", t->out);
    if (cm_jsonl_read(path, &lines) != CM_OK) return list;
    size_t i;
    json_t *line;
    json_array_foreach(lines, i, line) {
        const json_t *recipe = json_object_get(line, "recipe");
        if (!recipe) continue;
        json_array_append_new(list, json_pack("{s:I, s:I}", "from", (json_int_t)cm_json_size_or(line, "step", 0),
                                              "planned", (json_int_t)cm_json_size_or(recipe, "steps", 0)));
    }
    json_decref(lines);
    return list;
}

static cm_status write_card(const cm_trainer *t, const cm_train_part *part, const char *path) {
    json_t *measured = json_object();
    for (size_t k = 0; k < CM_TRAIN_METRICS && t->stage->metrics[k]; k++)
        json_object_set_new(measured, t->stage->metrics[k], json_real(t->mean_metrics[k]));
    json_t *card = json_pack("{s:s, s:I, s:I, s:I, s:f, s:s, s:s, s:f, s:o, s:o, s:O}", "stage", t->stage->name,
                             "parameters", (json_int_t)cm_params_values(part->params), "steps",
                             (json_int_t)t->optimizer.step, "samples", (json_int_t)(t->optimizer.step * t->batch),
                             "hours", t->seconds / 3600, "cpu", cm_cpu_get()->model, "dtype", t->ops->dtype, "loss",
                             t->mean_loss, "training", measured, "sessions", sessions(t), "recipe", t->recipe);
    if (card && t->dataset.data) json_object_set_new(card, "labels", json_string(t->dataset.data->hash));
    const cm_status s = card ? cm_json_write(path, card) : cm_fail(CM_ENOMEM, "%s: out of memory", path);
    json_decref(card);
    return s;
}

static cm_status export_part(const cm_trainer *t, const cm_train_part *part, cm_arena *a) {
    const char *folder = part->folder[0] ? cm_arena_print(a, "%s/%s", t->weights, part->folder) : t->weights;
    const char *file = cm_arena_print(a, "%s/%s", folder, part->file);
    const char *config = cm_arena_print(a, "%s/config.json", folder), *card = cm_arena_print(a, "%s/card.json", folder);
    CM_TRY(cm_arena_check(a));
    CM_TRY(cm_make_dirs(folder));
    CM_TRY(cm_params_save(part->params, file, CM_F16, (const float *const *)t->optimizer.ema + part->first, NULL));
    CM_TRY(cm_json_write(config, part->config));
    return write_card(t, part, card);
}

const char *cm_config_differs(const json_t *a, const json_t *b) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)a, key, value) {
        const json_t *other = json_object_get(b, key);
        if (other && !json_is_real(value) && !json_equal(value, other)) return key;
    }
    return NULL;
}

static cm_status check_weights_of(const cm_trainer *t, const cm_train_part *part, cm_arena *a) {
    const char *folder = part->folder[0] ? cm_arena_print(a, "%s/%s", t->weights, part->folder) : t->weights;
    const char *path = cm_arena_print(a, "%s/config.json", folder);
    json_t *there;
    CM_TRY(cm_arena_check(a));
    if (cm_path_exists(folder) && !cm_path_is_dir(folder))
        return cm_fail(CM_EUSAGE, "%s: is a file; weights go to a folder", folder);
    if (!cm_path_exists(path)) return CM_OK;
    CM_TRY(cm_json_read(path, &there));
    const char *key = cm_config_differs(part->config, there);
    json_decref(there);
    if (!key) return CM_OK;
    return cm_fail(CM_EUSAGE,
                   "%s: holds the weights of another network (\"%s\" in its config.json), which would be lost", folder,
                   key);
}

cm_status cm_trainer_check_weights(const cm_trainer *t) {
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_status s = CM_OK;
    for (size_t k = 0; k < t->parts_count && s == CM_OK; k++)
        if (t->parts[k].folder) s = check_weights_of(t, &t->parts[k], &a);
    cm_arena_free(&a);
    return s;
}

cm_status cm_trainer_export(cm_trainer *t) {
    if (t->stage->finish) CM_TRY(t->stage->finish(t));
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_status s = CM_OK;
    for (size_t k = 0; k < t->parts_count && s == CM_OK; k++)
        if (t->parts[k].folder) s = export_part(t, &t->parts[k], &a);
    cm_arena_free(&a);
    return s;
}
