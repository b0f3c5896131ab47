// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "core/base/folder_lock.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/image_set.h"
#include "core/io/jsonl.h"
#include "core/io/picture_source.h"
#include "harness/drawn.h"
#include "harness/judge.h"
#include "harness/manifest.h"
#include "harness/match_ids.h"
#include "harness/run.h"
#include "harness/shoot.h"

#define ABSENT SIZE_MAX

typedef struct folder_run {
    const cm_score_options *options;
    cm_arena arena;
    cm_suite suite;
    cm_prompt_set prompts;
    cm_scorer *scorer;
    cm_folder_lock folder;
    cm_records *records;
    cm_crew crew;
    pthread_mutex_t lock;
    cm_picture_source *source;
    size_t *pictures;     /* [prompts], in the source; ABSENT: no picture */
    double *scores;       /* [prompts,CM_SCORES] */
    float *features;
    bool *present;
    cm_score_counts counts;
} folder_run;

static cm_status match_prompts(folder_run *r, bool *used) {
    const size_t count = cm_picture_source_count(r->source);
    const char **ids = CM_PUSH(&r->arena, const char *, count + 1);
    cm_id_index by_id;
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < count; i++) ids[i] = cm_picture_source_id(r->source, i);
    CM_TRY(cm_id_index_make(ids, count, &r->arena, &by_id));
    for (size_t i = 0; i < r->prompts.count; i++) {
        const char *id = r->prompts.prompts[i].id;
        bool found;
        size_t index = ABSENT;
        CM_TRY(cm_id_index_find(&by_id, id, &r->arena, &found, &index));
        r->pictures[i] = index;
        if (found) used[index] = true;
        else cm_warn_counted(&r->counts.without_image, "prompt %s has no picture in %s", id, r->options->images);
    }
    cm_warn_rest(r->counts.without_image, "prompts have no picture");
    return CM_OK;
}

/* Pairs pictures with prompts; what has no partner is named. */
static cm_status match(folder_run *r) {
    CM_TRY(cm_picture_source_open(&r->source, r->options->images));
    cm_picture_source_tell_left_out(r->source);
    const size_t count = cm_picture_source_count(r->source);
    bool *used = CM_PUSH_ZERO(&r->arena, bool, count + 1);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(match_prompts(r, used));
    for (size_t i = 0; i < count; i++)
        if (!used[i]) cm_warn_counted(&r->counts.without_prompt, "%s has no prompt", cm_picture_source_path(r->source, i));
    cm_warn_rest(r->counts.without_prompt, "pictures have no prompt");
    if (r->counts.without_image < r->prompts.count) return CM_OK;
    return cm_fail(CM_EUSAGE, "%s: no picture is named after a prompt's id (ID.png)", r->options->images);
}

static cm_status score_picture(folder_run *r, size_t i, const cm_image *picture, cm_worker_place *w, json_t *record) {
    const size_t f = cm_scorer_width(r->scorer);
    cm_look look;
    CM_TRY(cm_shoot_score(r->scorer, picture, &r->prompts.prompts[i], NULL, NULL, 0, w, r->scores + i * CM_SCORES, record));
    CM_TRY(cm_scorer_look(r->scorer, &w->g, picture, NULL, CM_NEED_FEATURES, &w->scratch, &look));
    memcpy(r->features + i * f, look.features, f * sizeof *look.features);
    return CM_OK;
}

static cm_status score_one(void *arg, size_t i, cm_worker_place *w) {
    folder_run *r = arg;
    if (r->pictures[i] == ABSENT) return CM_OK;
    cm_image picture;
    const char *path = cm_picture_source_path(r->source, r->pictures[i]);
    const cm_status read = cm_picture_source_read(r->source, r->pictures[i], &w->scratch, &picture);
    if (read == CM_EINTERRUPTED || read == CM_ENOMEM) return read;
    if (read != CM_OK) {
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        cm_warn("%s", cm_why());
        pthread_mutex_lock(&r->lock);
        r->counts.unreadable++;
        pthread_mutex_unlock(&r->lock);
        return CM_OK;
    }
    const cm_prompt *p = &r->prompts.prompts[i];
    json_t *record = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "image", "suite", "score", "prompts",
                               r->prompts.name, "arm", r->options->name, "id", p->id, "prompt", p->dense.text, "picture",
                               path);
    cm_status s = score_picture(r, i, &picture, w, record);
    pthread_mutex_lock(&r->lock);
    if (s == CM_OK) s = cm_records_add(r->records, record);
    if (s == CM_OK) {
        r->present[i] = true;
        r->counts.scored++;
    }
    pthread_mutex_unlock(&r->lock);
    json_decref(record);
    return s == CM_OK ? s : cm_fail_in(s, "%s", path);
}

static cm_status judge(folder_run *r, json_t *list) {
    const char *name = r->options->name;
    cm_reference reference = {r->suite.reference.count, cm_scorer_width(r->scorer), NULL};
    CM_TRY(cm_drawn_features(&r->suite.reference, r->scorer, &r->crew, &r->arena, &reference.features));
    const cm_results results = {.suite = "score", .prompts = r->prompts.name, .arms = 1, .count = r->prompts.count,
                                .names = &name, .scores = r->scores, .features = r->features, .present = r->present};
    CM_TRY(cm_judge(&results, &reference, list));
    return cm_drawn_ceiling(&r->suite, r->scorer, &reference, r->counts.scored, &r->crew, list);
}

static cm_status finish(folder_run *r, double started) {
    json_t *list = json_array();
    char now[32];
    cm_iso_time(now);
    cm_status s = judge(r, list);
    json_array_append_new(list, json_pack("{s:s, s:f, s:s}", "kind", "done", "seconds", cm_now() - started, "finished", now));
    for (size_t i = 0; i < json_array_size(list) && s == CM_OK; i++) s = cm_records_add(r->records, json_array_get(list, i));
    json_decref(list);
    return s;
}

static cm_status begin(folder_run *r) {
    const cm_score_options *o = r->options;
    const char *path = cm_arena_print(&r->arena, "%s/records.jsonl", o->folder);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_folder_lock_take(&r->folder, o->folder));
    if (cm_path_exists(path) && unlink(path) != 0) return cm_fail(CM_EIO, "%s: cannot remove", path);
    CM_TRY(cm_records_open(&r->records, path, NULL));
    const char *about = cm_printable_path(o->images, &r->arena);
    cm_arm arm = {o->name, "pictures", about ? about : ""};
    r->suite.arms = &arm;
    r->suite.arm_count = 1;
    json_t *header = cm_manifest_make(&r->suite, &r->prompts, &(const char *){""}, r->scorer, o->threads, o->machine);
    json_object_set_new(header, "suite", json_string("score"));
    json_t *left_out = cm_picture_source_left_out(r->source);
    if (left_out) json_object_set_new(header, "left_out", json_pack("{s:o}", "pictures", left_out));
    const cm_status s = cm_records_add(r->records, header);
    json_decref(header);
    r->suite.arms = NULL;
    r->suite.arm_count = 0;
    return s;
}

static cm_status work(folder_run *r, double started) {
    const cm_score_options *o = r->options;
    const cm_suite_choice choice = {.suite = o->suite, .prompts = o->prompts};
    CM_TRY(cm_suite_open(&choice, &r->arena, &r->suite));
    CM_TRY(cm_prompt_set_read(r->suite.prompts_path, &(cm_prompt_reading){.column = o->column}, &r->arena, &r->prompts));
    CM_TRY(cm_scorer_open(&r->scorer, o->scorer ? o->scorer : r->suite.scorer));
    const size_t n = r->prompts.count;
    r->pictures = CM_PUSH(&r->arena, size_t, n);
    r->scores = CM_PUSH(&r->arena, double, n * CM_SCORES);
    r->features = CM_PUSH_ZERO(&r->arena, float, n * cm_scorer_width(r->scorer));
    r->present = CM_PUSH_ZERO(&r->arena, bool, n);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < n * CM_SCORES; i++) r->scores[i] = (double)NAN;
    CM_TRY(match(r));
    CM_TRY(begin(r));
    CM_TRY(cm_crew_open(&r->crew, r->suite.backend, o->threads));
    CM_TRY(cm_crew_run(&r->crew, o->name, n, score_one, r));
    cm_picture_source_warn(r->source);
    if (r->counts.scored == 0) return cm_fail(CM_EUNDEFINED, "%s: not one picture could be scored", o->images);
    return finish(r, started);
}

cm_status cm_score_folder(const cm_score_options *o, cm_score_counts *counts) {
    folder_run r = {.options = o};
    cm_arena_init(&r.arena, 0);
    pthread_mutex_init(&r.lock, NULL);
    const cm_status s = work(&r, cm_now());
    *counts = r.counts;
    cm_crew_close(&r.crew);
    cm_records_close(&r.records);
    cm_folder_lock_release(&r.folder);
    cm_scorer_close(&r.scorer);
    cm_picture_source_close(&r.source);
    cm_suite_close(&r.suite);
    pthread_mutex_destroy(&r.lock);
    cm_arena_free(&r.arena);
    return s;
}
