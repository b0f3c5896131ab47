// SPDX-License-Identifier: Apache-2.0
#include "harness/run.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "core/base/folder_lock.h"
#include "core/base/name_table.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/generator/trained_for.h"
#include "core/io/jsonl.h"
#include "core/io/record_lines.h"
#include "harness/crew.h"
#include "harness/drawn.h"
#include "harness/judge.h"
#include "harness/manifest.h"
#include "harness/shoot.h"
#include "harness/speed.h"
#include "harness/subject.h"
#include "prompts/prompt_set.h"

typedef struct run {
    const cm_run_options *options;
    cm_arena arena;
    cm_suite suite;
    cm_prompt_set prompts;
    cm_scorer *scorer;
    cm_folder_lock folder;
    cm_records *records;
    pthread_mutex_t lock;    /* of records and results */
    json_t *found;           /* records that were there */
    double started;
    double *scores;          /* [arms,prompts,CM_SCORES] */
    bool *done;              /* [arms,prompts] */
    cm_crew crew;
    cm_speed speed;
    const char *said_of_size, *said_of_words; /* the last warnings of an arm's model; NULL: none yet */
} run;

static const char *text_at(const json_t *o, const char *key) {
    const char *t = json_string_value(json_object_get(o, key));
    return t ? t : "";
}

static bool is_kind(const json_t *o, const char *kind) {
    return strcmp(text_at(o, "kind"), kind) == 0;
}

/* --- what is there ---------------------------------------------------------------- */

static const json_t *find_kind(const json_t *all, const char *kind) {
    for (size_t i = 0; i < json_array_size(all); i++)
        if (is_kind(json_array_get(all, i), kind)) return json_array_get(all, i);
    return NULL;
}

/* Is the recorded picture still the one on disk? */
static bool is_intact(const run *r, const json_t *image, cm_arena *scratch) {
    char hash[65];
    const char *path = cm_arena_print(scratch, "%s/%s", r->options->folder, text_at(image, "picture"));
    return path && cm_path_exists(path) && cm_sha_file(path, hash) == CM_OK && strcmp(hash, text_at(image, "picture_hash")) == 0;
}

/* A line that a run which goes on makes again: scores (there may be half of them), pictures that are gone. */
static bool is_stale(run *r, const json_t *row) {
    if (!is_kind(row, "image")) return is_kind(row, "score") || is_kind(row, "pair") || is_kind(row, "ceiling");
    const cm_arena_mark mark = cm_arena_get_mark(&r->arena);
    const bool intact = is_intact(r, row, &r->arena);
    cm_arena_reset(&r->arena, mark);
    return !intact;
}

/* Takes the stale lines out of an unfinished run's records. */
static cm_status drop_stale(run *r, const char *path) {
    json_t *all = NULL, *kept = json_array();
    cm_status s = kept ? cm_record_lines_all(path, &all) : cm_fail(CM_ENOMEM, "out of memory");
    const bool finished = s == CM_OK && find_kind(all, "done");
    for (size_t i = 0; !finished && i < json_array_size(all) && s == CM_OK; i++) {
        const bool stale = is_stale(r, json_array_get(all, i));
        if (cm_interrupted()) s = cm_fail(CM_EINTERRUPTED, "stopped"); /* a picture that was not hashed is not gone */
        else if (!stale && json_array_append(kept, json_array_get(all, i)) != 0) s = cm_fail(CM_ENOMEM, "out of memory");
    }
    const bool any = !finished && json_array_size(kept) < json_array_size(all);
    if (s == CM_OK && any) s = cm_jsonl_write(path, kept);
    json_decref(kept);
    json_decref(all);
    return s;
}

static cm_status cut_half_line(const char *path) {
    cm_records *r = NULL;
    CM_TRY(cm_records_open(&r, path, NULL));
    cm_records_close(&r);
    return CM_OK;
}

static cm_status open_records(run *r) {
    const char *path = cm_arena_print(&r->arena, "%s/records.jsonl", r->options->folder);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_folder_lock_take(&r->folder, r->options->folder));
    if (r->options->fresh && cm_path_exists(path) && unlink(path) != 0) return cm_fail(CM_EIO, "%s: cannot remove", path);
    if (cm_path_exists(path)) {
        CM_TRY(cut_half_line(path));
        CM_TRY(drop_stale(r, path));
    }
    return cm_records_open(&r->records, path, &r->found);
}

static void take_scores(run *r, size_t at, const json_t *image) {
    const json_t *scores = json_object_get(image, "scores");
    for (size_t k = 0; k < CM_SCORES; k++) {
        const json_t *v = json_object_get(scores, cm_nano_metrics[k].name);
        r->scores[at * CM_SCORES + k] = json_is_number(v) ? json_number_value(v) : (double)NAN;
    }
    r->done[at] = true;
}

static cm_status take_images(run *r) {
    size_t i;
    json_t *row;
    cm_name_table ids;
    CM_TRY(cm_name_table_init(&ids, r->prompts.count, &r->arena));
    for (size_t p = 0; p < r->prompts.count; p++) cm_name_table_add(&ids, r->prompts.prompts[p].id, p, NULL);
    json_array_foreach(r->found, i, row) {
        const cm_name_entry *e = is_kind(row, "image") ? cm_name_table_find(&ids, text_at(row, "id")) : NULL;
        for (size_t a = 0; e && a < r->suite.arm_count; a++)
            if (strcmp(r->suite.arms[a].name, text_at(row, "arm")) == 0) take_scores(r, a * r->prompts.count + e->value, row);
    }
    return CM_OK;
}

/* --- the header ------------------------------------------------------------------- */

static cm_status hash_arms(run *r, const char **hashes) {
    for (size_t a = 0; a < r->suite.arm_count; a++) {
        cm_subject *subject = NULL;
        CM_TRY(cm_subject_open(&subject, r->suite.arms[a].model, r->suite.sampler, false));
        hashes[a] = cm_arena_string(&r->arena, cm_subject_hash(subject));
        cm_subject_close(&subject);
    }
    return cm_arena_check(&r->arena);
}

static cm_status begin(run *r) {
    const char **hashes = CM_PUSH(&r->arena, const char *, r->suite.arm_count);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(hash_arms(r, hashes));
    json_t *header = cm_manifest_make(&r->suite, &r->prompts, hashes, r->scorer, r->options->threads, r->options->machine);
    const json_t *found = find_kind(r->found, "run");
    const cm_status s = found ? cm_manifest_check(found, header) : cm_records_add(r->records, header);
    json_decref(header);
    return s;
}

/* --- pictures --------------------------------------------------------------------- */

typedef struct arm_job {
    run *r;
    size_t arm;
    const size_t *missing; /* prompts */
    cm_shoot shoot;
} arm_job;

static cm_status shoot_one(void *arg, size_t i, cm_worker_place *w) {
    arm_job *j = arg;
    run *r = j->r;
    const size_t prompt = j->missing[i], at = j->arm * r->prompts.count + prompt;
    json_t *record = NULL;
    double scores[CM_SCORES];
    CM_TRY(cm_shoot_prompt(&j->shoot, &r->prompts.prompts[prompt], prompt < r->suite.illustrated, w, scores, &record));
    pthread_mutex_lock(&r->lock);
    const cm_status s = cm_records_add(r->records, record);
    if (s == CM_OK) take_scores(r, at, record); /* as a resumed run reads them: the same bits */
    pthread_mutex_unlock(&r->lock);
    json_decref(record);
    return s;
}

/* Without what a killed run left half-written. */
static cm_status make_images_folder(run *r, const char *kind, const char *arm) {
    const char *path = cm_arena_print(&r->arena, "%s/%s/%s", r->options->folder, kind, arm);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_make_dirs(path));
    cm_parts_clean(path);
    return CM_OK;
}

static cm_status add_words(const run *r, cm_unknown_words *u) {
    for (size_t p = 0; p < r->prompts.count; p++) {
        CM_TRY(cm_unknown_words_add(u, r->prompts.prompts[p].dense.text));
        CM_TRY(cm_unknown_words_add(u, r->prompts.prompts[p].negative));
    }
    return cm_unknown_words_add(u, r->suite.negative);
}

/* Arms of one size and vocabulary have the same to say, which is said once. */
static void warn_once(const char **said, const char *model, const char *line) {
    if (!line || (*said && strcmp(*said, line) == 0)) return;
    cm_warn("%s: %s", model, line);
    *said = line;
}

/* What this arm's model was not trained for. */
static cm_status warn_of_arm(run *r, const char *name, const cm_model *m) {
    cm_unknown_words u;
    const char *size = NULL, *words = NULL;
    if (!m) return CM_OK;
    CM_TRY(cm_far_size(m, r->suite.width, r->suite.height, &r->arena, &size));
    warn_once(&r->said_of_size, name, size);
    cm_unknown_words_begin(&u, m);
    cm_status s = add_words(r, &u);
    if (s == CM_OK) s = cm_unknown_words_tell(&u, &r->arena, &words);
    cm_unknown_words_end(&u);
    warn_once(&r->said_of_words, name, words);
    return s;
}

static cm_status shoot_arm(run *r, size_t arm) {
    size_t *missing = CM_PUSH(&r->arena, size_t, r->prompts.count), n = 0;
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t p = 0; p < r->prompts.count; p++)
        if (!r->done[arm * r->prompts.count + p]) missing[n++] = p;
    const char *name = r->suite.arms[arm].name;
    CM_TRY(make_images_folder(r, "images", name));
    if (r->suite.illustrated) CM_TRY(make_images_folder(r, "attention", name));
    if (n == 0) return CM_OK;
    if (n < r->prompts.count) cm_note("%s: %zu of %zu pictures are there", name, r->prompts.count - n, r->prompts.count);

    cm_subject *subject = NULL;
    CM_TRY(cm_subject_open(&subject, r->suite.arms[arm].model, r->suite.sampler, r->options->lean));
    arm_job j = {r, arm, missing, {&r->suite, r->prompts.name, r->options->folder, name, subject, r->scorer}};
    cm_status s = warn_of_arm(r, r->suite.arms[arm].model, cm_subject_model(subject));
    if (s == CM_OK) s = cm_crew_run(&r->crew, name, n, shoot_one, &j);
    cm_subject_close(&subject);
    return s;
}

/* --- scores ----------------------------------------------------------------------- */

typedef struct feature_job {
    const run *r;
    float *features;
} feature_job;

/* Features come from the files, so that a run that was stopped has the same ones. */
static cm_status read_features(void *arg, size_t at, cm_worker_place *w) {
    const feature_job *j = arg;
    const run *r = j->r;
    const size_t f = cm_scorer_width(r->scorer);
    cm_image picture;
    cm_look look;
    const char *path = cm_arena_print(&w->scratch, "%s/images/%s/%s.png", r->options->folder,
                                      r->suite.arms[at / r->prompts.count].name, r->prompts.prompts[at % r->prompts.count].id);
    CM_TRY(cm_arena_check(&w->scratch));
    CM_TRY(cm_image_read(path, 3, &w->scratch, &picture));
    CM_TRY(cm_scorer_look(r->scorer, &w->g, &picture, NULL, CM_NEED_FEATURES, &w->scratch, &look));
    memcpy(j->features + at * f, look.features, f * sizeof *look.features);
    return CM_OK;
}

static cm_status add_all(cm_records *records, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) CM_TRY(cm_records_add(records, json_array_get(list, i)));
    return CM_OK;
}

static cm_status judge(run *r, json_t *list) {
    const size_t n = r->suite.arm_count * r->prompts.count;
    feature_job features = {r, CM_PUSH(&r->arena, float, n * cm_scorer_width(r->scorer))};
    const char **names = CM_PUSH(&r->arena, const char *, r->suite.arm_count);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t a = 0; a < r->suite.arm_count; a++) names[a] = r->suite.arms[a].name;
    CM_TRY(cm_crew_run(&r->crew, "features", n, read_features, &features));
    cm_reference reference = {r->suite.reference.count, cm_scorer_width(r->scorer), NULL};
    CM_TRY(cm_drawn_features(&r->suite.reference, r->scorer, &r->crew, &r->arena, &reference.features));
    const cm_results results = {r->suite.name, r->prompts.name, r->suite.arm_count, r->prompts.count, names, r->scores,
                                features.features, r->done, r->suite.pair_count, r->suite.pairs};
    CM_TRY(cm_judge(&results, &reference, list));
    return cm_drawn_ceiling(&r->suite, r->scorer, &reference, r->prompts.count, &r->crew, list);
}

static cm_status finish(run *r) {
    json_t *list = json_array();
    cm_status s = r->suite.arm_count ? judge(r, list) : CM_OK;
    if (s == CM_OK) s = add_all(r->records, list);
    json_decref(list);
    if (s != CM_OK) return s;
    char now[32];
    cm_iso_time(now);
    json_t *done = json_pack("{s:s, s:f, s:s}", "kind", "done", "seconds", cm_now() - r->started, "finished", now);
    s = cm_records_add(r->records, done);
    json_decref(done);
    return s;
}

/* --- all -------------------------------------------------------------------------- */

static cm_status work(run *r) {
    const cm_run_options *o = r->options;
    CM_TRY(cm_suite_open(&o->choice, &r->arena, &r->suite));
    if (o->speed) CM_TRY(cm_speed_open(&r->speed, &r->suite, o->threads, o->lean));
    CM_TRY(cm_prompt_set_read(r->suite.prompts_path, &(cm_prompt_reading){.limit = o->limit}, &r->arena, &r->prompts));
    CM_TRY(cm_scorer_open(&r->scorer, r->suite.scorer));
    CM_TRY(open_records(r));
    CM_TRY(begin(r));
    if (find_kind(r->found, "done")) {
        cm_note("%s: this run is finished; --fresh begins anew", o->folder);
        return CM_OK;
    }
    const size_t n = r->suite.arm_count * r->prompts.count;
    r->scores = CM_PUSH(&r->arena, double, n * CM_SCORES);
    r->done = CM_PUSH_ZERO(&r->arena, bool, n);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(take_images(r));
    if (o->speed) CM_TRY(cm_speed_run(&r->speed, &r->suite, r->found, r->records));
    if (r->suite.arm_count) CM_TRY(cm_crew_open(&r->crew, r->suite.backend, o->lean ? 1 : o->threads));
    if (r->suite.arm_count && o->lean) r->crew.places[0].g.threads = o->threads;
    for (size_t a = 0; a < r->suite.arm_count; a++) CM_TRY(shoot_arm(r, a));
    return finish(r);
}

cm_status cm_run(const cm_run_options *o) {
    run r = {.options = o, .started = cm_now()};
    cm_arena_init(&r.arena, 0);
    pthread_mutex_init(&r.lock, NULL);
    const cm_status s = work(&r);
    cm_speed_close(&r.speed);
    cm_crew_close(&r.crew);
    cm_records_close(&r.records);
    json_decref(r.found);
    cm_folder_lock_release(&r.folder);
    cm_scorer_close(&r.scorer);
    cm_suite_close(&r.suite);
    pthread_mutex_destroy(&r.lock);
    cm_arena_free(&r.arena);
    return s;
}
