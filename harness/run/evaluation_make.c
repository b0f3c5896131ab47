// SPDX-License-Identifier: Apache-2.0
/* Images that models make, each with its record, and those of commands in their turn. Attention can be seen only here,
 * while an image is made.
 */
#include <string.h>
#include <strings.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/generator/trained_for.h"
#include "harness/records/run_lines.h"
#include "harness/run/evaluation_attention.h"
#include "harness/run/evaluation_parts.h"
#include "harness/arms/subject.h"

/* --- records ---------------------------------------------------------------------------- */

json_t *cm_evaluation_groups(const cm_description *d, const cm_tokens *t) {
    json_t *list = json_array();
    for (size_t i = 0; i < d->count; i++) {
        const cm_phrase *phrase = &d->phrases[i];
        json_t *o = json_pack("{s:s, s:s}", "group", cm_prompt_group_name(phrase->group), "text", phrase->text);
        const cm_token_span s = t ? cm_tokens_of(t, phrase->begin, phrase->end) : (cm_token_span){0};
        if (t) json_object_set_new(o, "token_begin", json_integer((json_int_t)s.begin));
        if (t) json_object_set_new(o, "token_end", json_integer((json_int_t)s.end));
        json_array_append_new(list, o);
    }
    return list;
}

json_t *cm_evaluation_image(const cm_evaluation *e, const cm_side *s, size_t row) {
    const size_t unit = row / s->images;
    const cm_unit *u = &e->units[unit];
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "kind", "image", "suite", e->suite->name, "prompts",
                  e->prompts.name ? e->prompts.name : "", "arm", s->name, "index", (json_int_t)row, "id", u->id);
    if (s->images > 1) json_object_set_new(o, "k", json_integer((json_int_t)(row % s->images)));
    if (u->prompt) json_object_set_new(o, "prompt", json_string(u->prompt->text));
    return o;
}

static json_t *seconds_of(const cm_timing *t) {
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "tokenise", t->tokenize, "text", t->text, "unet_step",
                     t->unet_step_median, "decode", t->decode, "total", t->total);
}

cm_status cm_evaluation_hash_image(const cm_evaluation *e, const char *path, cm_arena *scratch, json_t *record) {
    char hash[65];
    const char *file = cm_arena_print(scratch, "%s/%s", e->options->folder, path);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(cm_sha_file(file, hash));
    json_object_set_new(record, "picture_hash", json_string(hash));
    return CM_OK;
}

cm_status cm_evaluation_keep(cm_evaluation *e, cm_side *s, size_t row, json_t *record) {
    pthread_mutex_lock(&e->lock);
    cm_status status = cm_evaluation_add(e, record);
    if (status == CM_OK) status = cm_side_know(s, row, record);
    pthread_mutex_unlock(&e->lock);
    return status;
}

/* --- models ---------------------------------------------------------------------------------- */

typedef struct model_job {
    cm_evaluation *e;
    cm_side *s;
    cm_settings settings; /* with the model's own in place of what was not said */
    const cm_subject *subject;
    const size_t *missing; /* rows */
} model_job;

static cm_status make_image(const model_job *j, size_t row, cm_worker *w, json_t **record) {
    cm_evaluation *e = j->e;
    const cm_side *s = j->s;
    const size_t unit = row / s->images, k = row % s->images;
    const cm_unit *u = &e->units[unit];
    const bool attention = cm_plan_of_attention(&e->plan), shown = unit < e->suite->illustrated && k == 0;
    const char *path = s->list.files[row],
               *text = cm_arena_print(&w->scratch, "%s%s", u->prompt->text, j->settings.suffix);
    cm_watch seen = {.count = 0};
    cm_tokens tokens;
    cm_result r;
    CM_TRY(cm_arena_check(&w->scratch));
    CM_TRY(cm_subject_tokens(j->subject, text, &w->scratch, &tokens));
    if (attention || shown) CM_TRY(cm_watch_begin(e, &j->settings, u->prompt, &tokens, w, &seen));
    cm_request request = {.prompt = text,
                          .settings = j->settings,
                          .observer = seen.refocus ? cm_refocus_observer(seen.refocus) : NULL};
    request.settings.seed = cm_evaluation_seed(e, unit, k);
    if (u->negative) request.settings.negative = u->negative;
    CM_TRY(cm_subject_make(j->subject, &w->g, &request, &w->scratch, &r));
    CM_TRY(cm_evaluation_write_image(e, path, &r.picture, &w->scratch));
    json_t *o = *record = cm_evaluation_image(e, s, row);
    json_object_set_new(o, "groups", cm_evaluation_groups(u->prompt, &r.tokens));
    json_object_set_new(o, "seed", json_integer((json_int_t)request.settings.seed));
    json_object_set_new(o, "noise_hash", json_string(r.noise_hash));
    json_object_set_new(o, "picture", json_string(path));
    json_object_set_new(o, "seconds", seconds_of(&r.timing));
    CM_TRY(cm_evaluation_hash_image(e, path, &w->scratch, o));
    if (attention) CM_TRY(cm_watch_score(e, &seen, &r.picture, w, o));
    return shown ? cm_watch_illustrate(e, s, row, &seen, &r.picture, &w->scratch, o) : CM_OK;
}

static cm_status make_one(void *arg, size_t i, cm_worker *w) {
    const model_job *j = arg;
    json_t *record = NULL;
    const size_t row = j->missing[i];
    cm_status s = make_image(j, row, w, &record);
    if (s == CM_OK) s = cm_evaluation_keep(j->e, j->s, row, record);
    json_decref(record);
    return s == CM_OK ? CM_OK : cm_fail_in(s, "arm %s, prompt %s", j->s->name, j->e->units[row / j->s->images].id);
}

static cm_status add_words(const cm_evaluation *e, const cm_settings *m, cm_unknown_words *u) {
    for (size_t i = 0; i < e->unit_count; i++) {
        CM_TRY(cm_unknown_words_add(u, e->units[i].prompt->text));
        CM_TRY(cm_unknown_words_add(u, e->units[i].negative));
    }
    return cm_unknown_words_add(u, m->negative);
}

/* Arms of one size and vocabulary have the same to say, which is said once. */
static void warn_once(const char **said, const char *model, const char *line) {
    if (!line || (*said && strcmp(*said, line) == 0)) return;
    cm_warn("%s: %s", model, line);
    *said = line;
}

/* What this arm's model was not trained for. */
static cm_status warn_of_arm(cm_evaluation *e, const char *name, const cm_settings *settings, const cm_model *m) {
    cm_unknown_words u;
    const char *size = NULL, *words = NULL;
    if (!m) return CM_OK;
    CM_TRY(cm_far_size(m, settings->width, settings->height, &e->arena, &size));
    warn_once(&e->said_of_size, name, size);
    cm_unknown_words_begin(&u, m);
    cm_status s = add_words(e, settings, &u);
    if (s == CM_OK) s = cm_unknown_words_tell(&u, &e->arena, &words);
    cm_unknown_words_end(&u);
    warn_once(&e->said_of_words, name, words);
    return s;
}

/* labels: of people from a folder, the hash of its labels.jsonl. */
static const char *data_of(const json_t *recipe, const char *labels, cm_arena *scratch) {
    const char *data = cm_json_text_or(recipe, "data", ""), *captions = cm_json_text_or(recipe, "captions", "no");
    if (data[0])
        return cm_arena_print(scratch, "people of %s (labels.jsonl %.12s), %s captions", data, labels, captions);
    return cm_arena_print(scratch, "%zu drawn people from seed %zu, %s captions", cm_json_size_or(recipe, "people", 0),
                          cm_json_size_or(recipe, "people_seed", 0), captions);
}

/* What the model's card says of its training, where it has one: what decides whether two arms differ by a method alone.
 */
static json_t *trained_of(const cm_model *m, cm_arena *scratch) {
    json_t *card = NULL;
    const char *folder = m && m->entry.unet ? m->entry.unet : NULL,
               *path = folder ? cm_arena_print(scratch, "%s/card.json", folder) : NULL;
    if (!path || !cm_path_exists(path) || cm_json_read(path, &card) != CM_OK) return NULL;
    const json_t *r = json_object_get(card, "recipe");
    json_t *o = NULL;
    if (r) {
        o = json_pack("{s:s, s:I, s:I, s:f}", "data", data_of(r, cm_json_text_or(card, "labels", "?"), scratch),
                      "steps", (json_int_t)cm_json_size_or(r, "steps", 0), "seed",
                      (json_int_t)cm_json_size_or(r, "seed", 0), "hola", cm_json_number_or(r, "hola", 0));
        if (o && json_object_get(r, "init")) json_object_set(o, "from", json_object_get(r, "init"));
    }
    json_decref(card);
    return o;
}

/* What the model is, once it is open; a run that goes on must have the same. */
static cm_status record_arm(cm_evaluation *e, const cm_side *s, const cm_settings *m, const cm_subject *subject) {
    size_t i;
    json_t *line;
    json_array_foreach(e->existing, i, line) {
        if (!cm_line_is(line, "arm") || strcmp(cm_json_text_or(line, "arm", ""), s->name)) continue;
        const bool same = !strcmp(cm_json_text_or(line, "hash", ""), cm_subject_hash(subject));
        if (same && cm_plan_of_attention(&e->plan) && !json_object_get(line, "layers"))
            continue; /* attention is asked for only now */
        if (same) return CM_OK;
        return cm_fail(CM_EUSAGE, "arm %s has other weights than when this run began; --fresh begins anew", s->name);
    }
    json_t *o = json_pack("{s:s, s:s, s:s}", "kind", "arm", "arm", s->name, "hash", cm_subject_hash(subject));
    cm_settings_write(m, CM_IN_ARM, o);
    json_object_set_new(o, "dtype", json_string(m->backend->dtype));
    json_t *trained = trained_of(cm_subject_model(subject), &e->arena), *layers = NULL;
    cm_status status = cm_plan_of_attention(&e->plan) ? cm_watch_layers(e, m, subject, &e->arena, &layers) : CM_OK;
    if (trained) json_object_set_new(o, "trained", trained);
    if (layers) json_object_set_new(o, "layers", layers);
    if (status == CM_OK) status = cm_evaluation_add(e, o);
    if (status == CM_OK) json_array_append(e->existing, o);
    json_decref(o);
    return status;
}

/* Without what a killed run left half-written. */
static cm_status make_folder(const cm_evaluation *e, const char *kind, const char *arm, cm_arena *scratch) {
    for (size_t k = 0; k < e->suite->images; k++) {
        const char *path = e->suite->images > 1 && !strcmp(kind, "images")
                               ? cm_arena_print(scratch, "%s/%s/%s/%zu", e->options->folder, kind, arm, k)
                               : cm_arena_print(scratch, "%s/%s/%s", e->options->folder, kind, arm);
        CM_TRY(cm_arena_check(scratch));
        CM_TRY(cm_make_dirs(path));
        cm_parts_clean(path);
    }
    return CM_OK;
}

static cm_status complete(const cm_subject *subject, cm_settings *s) {
    size_t width, height;
    cm_subject_size(subject, &width, &height);
    return cm_settings_complete(s, width, height, cm_subject_sampler(subject));
}

static cm_model_options options_of(const cm_evaluation *e, const cm_arm *a) {
    return (cm_model_options){.seed = 1,
                              .unet = a->unet,
                              .vae = a->vae,
                              .config = a->config,
                              .sampler = a->settings.sampler,
                              .lean = e->options->lean};
}

static cm_status run_model(cm_evaluation *e, cm_side *s, const size_t *missing, size_t count) {
    const cm_arm *a = s->arm;
    const bool lean = e->options->lean;
    const cm_model_options o = options_of(e, a);
    cm_subject *subject = NULL;
    cm_worker_pool pool = {0};
    CM_TRY(cm_subject_open(&subject, a->model, &o));
    model_job j = {e, s, a->settings, subject, missing};
    cm_status status = complete(subject, &j.settings);
    if (status == CM_OK) status = record_arm(e, s, &j.settings, subject);
    if (status == CM_OK) status = warn_of_arm(e, a->model, &j.settings, cm_subject_model(subject));
    if (status == CM_OK) status = cm_worker_pool_open(&pool, j.settings.backend, lean ? 1 : e->options->threads);
    if (status == CM_OK && lean) pool.places[0].g.threads = e->options->threads;
    if (status == CM_OK) status = cm_worker_pool_run(&pool, s->name, count, make_one, &j);
    cm_worker_pool_close(&pool);
    cm_subject_close(&subject);
    return status;
}

/* --- all ------------------------------------------------------------------------------------------ */

static cm_status make_side(cm_evaluation *e, cm_side *s) {
    size_t *missing = CM_PUSH(&e->arena, size_t, s->count + 1), n = 0;
    CM_TRY(cm_arena_check(&e->arena));
    for (size_t row = s->begin; row < s->end; row++) {
        if (cm_line_is_made(s->lines[row]))
            s->list.files[row] = cm_json_text_or(s->lines[row], "picture", s->list.files[row]);
        else missing[n++] = row;
    }
    CM_TRY(make_folder(e, "images", s->name, &e->arena));
    if (e->suite->illustrated && s->arm->kind == CM_ARM_MODEL) CM_TRY(make_folder(e, "attention", s->name, &e->arena));
    if (n == 0) return CM_OK;
    if (n < s->end - s->begin)
        cm_note("%s: %zu of %zu images are there", s->name, s->end - s->begin - n, s->end - s->begin);
    return s->arm->kind == CM_ARM_MODEL ? run_model(e, s, missing, n) : cm_evaluation_run_command(e, s, missing, n);
}

/* A last arm that is misspelt is told before the images of all others are made. */
static cm_status check_models(const cm_evaluation *e) {
    for (size_t i = 0; i < e->side_count; i++) {
        const cm_side *s = &e->sides[i];
        size_t row = s->begin;
        while (row < s->end && cm_line_is_made(s->lines[row])) row++;
        if (!s->arm || s->arm->kind != CM_ARM_MODEL || row == s->end) continue;
        const cm_model_options o = options_of(e, s->arm);
        const cm_status status = cm_subject_check(s->arm->model, &o);
        if (status != CM_OK) return cm_fail_in(status, "arm %s", s->name);
    }
    return CM_OK;
}

cm_status cm_evaluation_make(cm_evaluation *e) {
    CM_TRY(check_models(e));
    for (size_t i = 0; i < e->side_count; i++) {
        const cm_arm *a = e->sides[i].arm;
        if (a && (a->kind == CM_ARM_MODEL || a->kind == CM_ARM_COMMAND)) CM_TRY(make_side(e, &e->sides[i]));
    }
    return CM_OK;
}
