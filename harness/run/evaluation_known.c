// SPDX-License-Identifier: Apache-2.0
/* What the folder has already, and what is left to do. */
#include <string.h>
#include <unistd.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/record_lines.h"
#include "harness/records/run_headers.h"
#include "harness/records/run_lines.h"
#include "harness/run/evaluation_parts.h"

/* --- images that were made -------------------------------------------------------------- */

static bool makes_images(const cm_side *s) {
    return s->kind == CM_SIDE_ARM && (s->arm->kind == CM_ARM_MODEL || s->arm->kind == CM_ARM_COMMAND);
}

/* Is the recorded image still the one on disk, and was all seen of its making that is asked for? */
static bool is_intact(cm_evaluation *e, const cm_side *s, const json_t *line) {
    char hash[65];
    const cm_arena_mark mark = cm_arena_get_mark(&e->arena);
    const char *path = cm_arena_print(&e->arena, "%s/%s", e->options->folder, cm_text_of(line, "picture"));
    const bool same = path && cm_line_is_made(line) && cm_path_exists(path) && cm_sha_file(path, hash) == CM_OK &&
                      strcmp(hash, cm_text_of(line, "picture_hash")) == 0;
    cm_arena_reset(&e->arena, mark);
    return same &&
           (s->arm->kind != CM_ARM_MODEL || !cm_plan_of_attention(&e->plan) || json_object_get(line, "watched"));
}

static cm_status forget_lost(cm_evaluation *e) {
    for (size_t i = 0; i < e->side_count; i++) {
        cm_side *s = &e->sides[i];
        for (size_t k = s->begin; k < s->end && makes_images(s); k++) {
            if (!s->lines[k]) continue;
            const bool intact = is_intact(e, s, s->lines[k]);
            if (cm_interrupted())
                return cm_fail(CM_EINTERRUPTED, "stopped"); /* an image that was not hashed is not gone */
            if (intact) continue;
            json_decref(s->lines[k]);
            s->lines[k] = NULL;
        }
    }
    return CM_OK;
}

/* --- features ----------------------------------------------------------------------------- */

static cm_status open_stores(cm_evaluation *e) {
    for (size_t i = 0; i < e->side_count; i++) {
        cm_side *s = &e->sides[i];
        for (size_t c = 0; c < e->plan.column_count && s->list.count; c++) {
            const cm_feature_column *column = &e->plan.columns[c];
            if (e->options->fresh) unlink(cm_column_path(e->options->folder, s->name, column->name, &e->arena));
            CM_TRY(cm_arena_check(&e->arena));
            CM_TRY(cm_column_open(e->options->folder, s->name, column->name, s->end - s->begin, column->width, true,
                                  &e->arena, &s->stores[c]));
        }
    }
    return CM_OK;
}

/* Takes the hashes of rows that are not those on disk out of what the records say; lost: how many. */
static cm_status check_rows(cm_side *s, const char *column, const cm_feature_store *store, size_t *lost) {
    cm_feature_view view;
    CM_TRY(cm_feature_store_map(store, &view));
    for (size_t i = s->begin; i < s->end && !cm_interrupted(); i++) {
        char hash[CM_FEATURE_HASH];
        const char *told = cm_line_feature(s->lines[i], column);
        if (!told) continue;
        cm_feature_hash(view.values + (i - s->begin) * store->width, store->width, hash);
        if (strcmp(hash, told) == 0) continue;
        json_object_del(json_object_get(s->lines[i], "features"), column);
        ++*lost;
    }
    cm_feature_view_close(&view);
    return cm_interrupted() ? cm_fail(CM_EINTERRUPTED, "stopped") : CM_OK;
}

/* A column of metrics that were asked for before, and are not now: nothing can be looked at again. */
static cm_status check_old_column(cm_evaluation *e, cm_side *s, const json_t *column) {
    const char *name = cm_text_of(column, "name");
    cm_feature_store store = {.file = -1};
    size_t lost = 0;
    cm_status status = cm_column_open(e->options->folder, s->name, name, s->end - s->begin,
                                      cm_json_size_or(column, "width", 0), false, &e->arena, &store);
    if (status == CM_OK) status = check_rows(s, name, &store, &lost);
    cm_feature_store_close(&store);
    if (status == CM_OK && !lost) return CM_OK;
    if (status == CM_EINTERRUPTED) return status;
    return cm_fail(CM_EUSAGE,
                   "features/%s-%s.f32 is not what the records tell of; name its metrics too, or --fresh begins anew",
                   s->name, name);
}

static size_t find_column(const cm_plan *p, const char *name) {
    size_t c = 0;
    while (c < p->column_count && strcmp(p->columns[c].name, name) != 0) c++;
    return c;
}

/* The features on disk against what the records say of them. */
static cm_status check_features(cm_evaluation *e) {
    size_t k, lost = 0;
    json_t *column;
    json_array_foreach(json_object_get(json_object_get(e->header, "plan"), "columns"), k, column) {
        const char *name = cm_text_of(column, "name");
        const size_t c = find_column(&e->plan, name);
        for (size_t i = 0; i < e->side_count; i++) {
            if (e->sides[i].end == e->sides[i].begin) continue;
            if (c < e->plan.column_count && e->sides[i].list.count)
                CM_TRY(check_rows(&e->sides[i], name, &e->sides[i].stores[c], &lost));
            else CM_TRY(check_old_column(e, &e->sides[i], column));
        }
    }
    if (lost)
        cm_warn("%s: %zu rows of features are not what the records tell of; their images are looked at again",
                e->options->folder, lost);
    return CM_OK;
}

/* --- what is left to look at ---------------------------------------------------------------- */

static bool lacks_score(const cm_evaluation *e, const cm_side *s, size_t row, size_t metric) {
    const cm_metric *m = e->plan.metrics[metric];
    const json_t *line = s->lines[row];
    if (!s->prompts || !s->prompts[row / s->images]) return false;
    if (m->of_questions) return !json_object_get(line, "counts");
    return m->of_text && !json_object_get(json_object_get(line, "texts"), e->plan.labels[metric]);
}

/* Does the row lack features or a score that is made from this feed? */
static bool lacks(const cm_evaluation *e, const cm_side *s, size_t row, size_t feed) {
    for (size_t c = 0; c < e->plan.column_count; c++)
        if (e->plan.columns[c].feed == feed && !cm_line_feature(s->lines[row], e->plan.columns[c].name)) return true;
    for (size_t m = 0; m < e->plan.metric_count; m++)
        if (e->plan.metrics[m]->mean_of == NULL && e->plan.feed_of[m] == feed && lacks_score(e, s, row, m)) return true;
    return false;
}

static bool is_there(const cm_side *s, size_t row) {
    if (!s->list.count) return false; /* known from records alone */
    return makes_images(s) ? cm_line_is_made(s->lines[row]) : cm_image_list_has(&s->list, row);
}

cm_status cm_evaluation_list_todo(cm_evaluation *e, cm_side *s) {
    s->todo_count = 0;
    memset(s->needed, 0, sizeof s->needed);
    for (size_t row = s->begin; row < s->end; row++) {
        if (!is_there(s, row)) continue;
        bool any = !json_object_get(s->lines[row], "width"); /* never looked at */
        for (size_t f = 0; f < e->plan.feed_count; f++) {
            if (!lacks(e, s, row, f)) continue;
            any = s->needed[f] = true;
        }
        if (any) s->todo[s->todo_count++] = row;
        else if (!s->list.drawn) e->counts.scored++;
    }
    return CM_OK;
}

/* --- the folder's records -------------------------------------------------------------------- */

cm_status cm_evaluation_add(cm_evaluation *e, const json_t *line) {
    return line ? cm_records_add(e->records, line) : cm_fail(CM_ENOMEM, "out of memory");
}

static void count_known(cm_evaluation *e) {
    size_t k;
    json_t *line;
    for (size_t i = 0; i < e->side_count; i++) {
        const cm_side *s = &e->sides[i];
        for (size_t row = s->begin; row < s->end; row++) {
            e->counts.failed += cm_line_is(s->lines[row], "failed");
            e->counts.scored += !s->list.drawn && s->lines[row] && !cm_line_is(s->lines[row], "failed");
        }
    }
    json_array_foreach(e->existing, k, line) {
        e->counts.gates_failed += cm_line_is(line, "gate") && !strcmp(cm_text_of(line, "verdict"), "failed");
        e->counts.gates_undecided += cm_line_is(line, "gate") && !strcmp(cm_text_of(line, "verdict"), "undecided");
        e->counts.undefined += cm_line_is(line, "score") && !json_object_get(line, "value");
    }
}

/* Failures are tried again. */
static void forget_failed(cm_evaluation *e) {
    for (size_t i = 0; i < e->side_count; i++) {
        for (size_t row = e->sides[i].begin; row < e->sides[i].end; row++) {
            if (!cm_line_is(e->sides[i].lines[row], "failed")) continue;
            json_decref(e->sides[i].lines[row]);
            e->sides[i].lines[row] = NULL;
        }
    }
}

static cm_status check_format(const json_t *header) {
    const size_t format = cm_json_size_or(header, "format", 1);
    if (format == CM_RECORDS_FORMAT) return CM_OK;
    if (format < CM_RECORDS_FORMAT)
        return cm_fail(
            CM_EUSAGE,
            "the run in this folder is of version %s, whose records cannot be gone on with; --fresh begins anew",
            cm_json_text_or(header, "version", "?"));
    return cm_fail(CM_EUSAGE, "the run in this folder is of a newer version (%s, records of format %zu, here %d)",
                   cm_json_text_or(header, "version", "?"), format, CM_RECORDS_FORMAT);
}

/* Sides that an earlier run looked at and this one does not ask for: their features make its scores. */
static cm_status keep_old_sides(cm_evaluation *e) {
    cm_side *told = NULL;
    size_t count = 0;
    CM_TRY(cm_sides_of_header(e->header, &told, &count));
    for (size_t i = 0; i < count; i++) {
        if (told[i].kind == CM_SIDE_ARM || cm_evaluation_side(e, told[i].name)) continue;
        size_t at = e->side_count++;
        while (at > 0 && e->sides[at - 1].kind > told[i].kind) {
            e->sides[at] = e->sides[at - 1];
            at--;
        }
        e->sides[at] = told[i];
        told[i] = (cm_side){0};
    }
    cm_sides_close(told, count);
    return CM_OK;
}

/* Did a command leave images out? Then it is asked for them again, though the run was finished without them. */
static bool lacks_made(const cm_evaluation *e) {
    for (size_t i = 0; i < e->side_count; i++) {
        const cm_side *s = &e->sides[i];
        for (size_t row = s->begin; row < s->end && makes_images(s); row++)
            if (!s->lines[row]) return true;
    }
    return false;
}

/* What an earlier run left. Scores go, for they are made again; of each image one line stays. */
static cm_status take_over(cm_evaluation *e, const json_t *header, const char *path) {
    const json_t *found = json_array_get(e->existing, 0);
    CM_TRY(check_format(found));
    CM_TRY(cm_headers_join(found, header, &e->header));
    CM_TRY(keep_old_sides(e));
    CM_TRY(cm_sides_read(e->sides, e->side_count, e->existing));
    e->finished = cm_lines_are_done(e->existing) && json_equal(found, e->header) && !lacks_made(e);
    if (e->finished) {
        count_known(e);
        return CM_OK;
    }
    forget_failed(e);
    CM_TRY(forget_lost(e));
    CM_TRY(open_stores(e));
    CM_TRY(check_features(e));
    json_t *lines = cm_sides_lines(e->header, e->sides, e->side_count, e->existing);
    const cm_status s = lines ? cm_jsonl_write(path, lines) : cm_fail(CM_ENOMEM, "out of memory");
    json_decref(lines);
    return s;
}

/* What is there, without the half of a line that a kill left; an empty array: nothing. */
static cm_status read_existing(cm_evaluation *e, const char *path) {
    cm_records *r = NULL;
    if (e->options->fresh && cm_path_exists(path) && unlink(path) != 0)
        return cm_fail(CM_EIO, "%s: cannot remove", path);
    if (cm_path_exists(path)) {
        CM_TRY(cm_records_open(&r, path, NULL)); /* cuts it off */
        cm_records_close(&r);
        CM_TRY(cm_record_lines_check(path));
    }
    CM_TRY(cm_records_open(&r, path, &e->existing));
    cm_records_close(&r);
    return CM_OK;
}

/* A folder of something else (a data set, another program's images) is not mixed into. */
static cm_status check_folder(cm_evaluation *e, const char *path) {
    json_t *lines = NULL;
    const char *folder = e->options->folder, *images = cm_arena_print(&e->arena, "%s/images", folder);
    const char *lock =
        cm_arena_print(&e->arena, "%s/.cosmicman.lock", folder); /* a run that was killed as it began left it */
    CM_TRY(cm_arena_check(&e->arena));
    if (!cm_path_exists(path))
        return cm_path_exists(images) && !cm_path_exists(lock)
                   ? cm_fail(CM_EUSAGE, "%s: has images, but no records of a run; name another folder", folder)
                   : CM_OK;
    const cm_status s = cm_jsonl_read(path, &lines);
    const bool run = s != CM_OK || json_array_size(lines) == 0 || cm_line_is(json_array_get(lines, 0), "run");
    json_decref(lines);
    return run ? CM_OK : cm_fail(CM_EUSAGE, "%s: has records of something that is no run; name another folder", folder);
}

static cm_status open_records(cm_evaluation *e, json_t *header) {
    char *path = cm_arena_print(&e->arena, "%s/records.jsonl", e->options->folder),
         *features = cm_arena_print(&e->arena, "%s/features", e->options->folder);
    CM_TRY(cm_arena_check(&e->arena));
    CM_TRY(check_folder(e, path));
    CM_TRY(cm_folder_lock_take(&e->folder, e->options->folder));
    if (e->plan.column_count) CM_TRY(cm_make_dirs(features));
    CM_TRY(read_existing(e, path));
    const bool is_new = json_array_size(e->existing) == 0;
    if (is_new) e->header = json_incref(header);
    const cm_status s = is_new ? open_stores(e) : take_over(e, header, path);
    if (s != CM_OK) return is_new ? s : cm_fail_in(s, "%s", path);
    if (e->finished) return CM_OK;
    CM_TRY(cm_records_open(&e->records, path, NULL));
    return is_new ? cm_evaluation_add(e, header) : CM_OK;
}

cm_status cm_evaluation_begin(cm_evaluation *e) {
    json_t *header = cm_evaluation_header(e);
    if (!header) return cm_fail(CM_ENOMEM, "out of memory");
    const cm_status s = open_records(e, header);
    json_decref(header);
    CM_TRY(s);
    e->pending = json_array();
    return e->pending ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}
