// SPDX-License-Identifier: Apache-2.0
#include "reports/report_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"

enum { MOST_ARMS = 256, NEWEST_FORMAT = 3 };

bool cm_number_of(const json_t *o, const char *key, double *out) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v)) return false;
    *out = json_number_value(v);
    return isfinite(*out);
}

bool cm_report_model_published(const cm_report_model *r) {
    return r->format < 2 && json_is_object(json_object_get(r->run, "plan"));
}

/* --- reading ---------------------------------------------------------------------------- */

typedef struct kind_list {
    const char *kind;
    cm_row_list *list;
} kind_list;

enum { KINDS = 10 };
static void name_kinds(cm_report_model *r, kind_list kinds[KINDS]) {
    const kind_list all[KINDS] = {{"score", &r->scores},   {"pair", &r->pairs}, {"ceiling", &r->ceilings},
                                  {"chance", &r->chances}, {"kept", &r->kept},  {"speed", &r->speeds},
                                  {"sgemm", &r->sgemms},   {"part", &r->parts}, {"command", &r->commands},
                                  {"failed", &r->failures}};
    memcpy(kinds, all, sizeof all);
}

/* Until format 2 the f32 kernels were called openblas, a name that since then means OpenBLAS's own. */
static void rename_backend(json_t *o, const char *key) {
    if (!strcmp(cm_text_of(o, key), "openblas")) json_object_set_new(o, key, json_string("f32"));
}

static void modernize(json_t *record) {
    json_t *settings = json_object_get(record, "settings"), *arm;
    size_t i;
    rename_backend(record, "backend");
    rename_backend(settings, "backend");
    rename_backend(settings, "scores_backend");
    json_array_foreach(json_object_get(record, "arms"), i, arm)
        rename_backend(json_object_get(arm, "settings"), "backend");
}

static cm_status keep(const cm_report_model *r, json_t *array, const json_t *record) {
    if (r->format < 3) modernize((json_t *)record);
    return json_array_append(array, (json_t *)record) == 0 ? CM_OK
                                                           : cm_fail(CM_ENOMEM, "out of memory while reading records");
}

static cm_status take_header(cm_report_model *r, const json_t *record) {
    double format = 1;
    if (r->run)
        return cm_fail(CM_EFORMAT, "two lines of kind \"run\": records of two runs in one file; report each by itself");
    cm_number_of(record, "format", &format);
    if (format > NEWEST_FORMAT)
        return cm_fail(CM_EFORMAT,
                       "records of format %.0f, and version " CM_VERSION
                       " reads up to %d: use version %.40s, which wrote them",
                       format, NEWEST_FORMAT,
                       *cm_text_of(record, "version") ? cm_text_of(record, "version") : "(unknown)");
    r->format = (int)format;
    r->run = record;
    return CM_OK;
}

/* Images of `score --metric` are shown nowhere, so they are not kept. */
static cm_status take(cm_report_model *r, cm_image_places *places, const cm_record_lines *lines, const json_t *record) {
    const char *kind = cm_text_of(record, "kind");
    kind_list kinds[KINDS];
    if (!strcmp(kind, "image")) return cm_image_places_add(places, record, cm_record_lines_offset(lines));
    if (!strcmp(kind, "run")) CM_TRY(take_header(r, record));
    if (!strcmp(kind, "done")) r->done = record;
    bool kept = record == r->run || record == r->done;
    name_kinds(r, kinds);
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kind, kinds[i].kind) != 0) continue;
        kinds[i].list->count++;
        kept = true;
    }
    return kept ? keep(r, r->all, record) : CM_OK;
}

static cm_status sort_by_kind(cm_report_model *r) {
    kind_list kinds[KINDS];
    name_kinds(r, kinds);
    for (size_t i = 0; i < KINDS; i++) kinds[i].list->at = CM_PUSH(&r->arena, const json_t *, kinds[i].list->count + 1);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < KINDS; i++) {
        size_t k, n = 0;
        json_t *record;
        json_array_foreach(r->all, k, record)
            if (!strcmp(cm_text_of(record, "kind"), kinds[i].kind)) kinds[i].list->at[n++] = record;
    }
    return CM_OK;
}

static cm_status name_arms(cm_report_model *r) {
    const json_t *arms = json_object_get(r->run, "arms");
    r->arm_count = json_array_size(arms);
    if (r->arm_count > MOST_ARMS) return cm_fail(CM_EFORMAT, "%zu arms, more than %d", r->arm_count, MOST_ARMS);
    r->arms = CM_PUSH(&r->arena, const char *, r->arm_count + 1);
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < r->arm_count; i++) r->arms[i] = cm_text_of(json_array_get(arms, i), "name");
    return CM_OK;
}

static cm_status read_records(cm_report_model *r, const char *path, cm_record_lines *lines, cm_image_places *places) {
    const json_t *record = NULL;
    cm_status s;
    while ((s = cm_record_lines_next(lines, &record)) == CM_OK && record)
        if ((s = take(r, places, lines, record)) != CM_OK) return cm_fail_in(s, "%s", path);
    CM_TRY(s);
    if (!r->run) return cm_fail(CM_EFORMAT, "%s: has no line of kind \"run\": not the records of a bench", path);
    if ((s = name_arms(r)) != CM_OK) return cm_fail_in(s, "%s", path);
    CM_TRY(sort_by_kind(r));
    CM_TRY(cm_report_model_index(r));
    CM_TRY(cm_report_model_find_columns(r));
    CM_TRY(cm_report_model_read_images(r, places, lines));
    CM_TRY(cm_report_model_find_standings(r));
    return cm_report_model_find_growths(r);
}

static cm_status read_peers(cm_report_model *r, const char *path) {
    if (!path) {
        path = cm_arena_print(&r->arena, "%s/peers/records.jsonl", r->folder);
        CM_TRY(cm_arena_check(&r->arena));
        if (!cm_path_exists(path)) return CM_OK;
    }
    CM_TRY(cm_record_lines_all(path, &r->peer_records));
    r->peers.at = CM_PUSH(&r->arena, const json_t *, json_array_size(r->peer_records) + 1);
    CM_TRY(cm_arena_check(&r->arena));
    size_t i;
    json_t *record;
    json_array_foreach(r->peer_records, i, record)
        if (!strcmp(cm_text_of(record, "kind"), "peer")) r->peers.at[r->peers.count++] = record;
    return r->peers.count
               ? CM_OK
               : cm_fail(CM_EFORMAT, "%s: has no line of kind \"peer\": not the records of `make peers`", path);
}

static cm_status open_all(cm_report_model *r, const char *peers) {
    r->all = json_array();
    r->images = json_array();
    r->index = json_object();
    const char *path = cm_arena_print(&r->arena, "%s/records.jsonl", r->folder);
    if (!r->all || !r->images || !r->index) return cm_fail(CM_ENOMEM, "out of memory while reading records");
    CM_TRY(cm_arena_check(&r->arena));
    cm_record_lines *lines = NULL;
    cm_image_places places = {0};
    CM_TRY(cm_record_lines_open(&lines, path));
    const cm_status s = read_records(r, path, lines, &places);
    cm_record_lines_close(&lines);
    free(places.at);
    return s == CM_OK ? read_peers(r, peers) : s;
}

cm_status cm_report_model_open(cm_report_model *r, const char *folder, const char *peers) {
    *r = (cm_report_model){.folder = folder};
    cm_arena_init(&r->arena, 0);
    const cm_status s = open_all(r, peers);
    if (s != CM_OK) cm_report_model_close(r);
    return s;
}

void cm_report_model_close(cm_report_model *r) {
    json_decref(r->index);
    json_decref(r->images);
    json_decref(r->all);
    json_decref(r->peer_records);
    cm_arena_free(&r->arena);
    *r = (cm_report_model){0};
}
