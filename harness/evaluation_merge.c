// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <unistd.h>

#include "core/base/folder_lock.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/io/record_lines.h"
#include "harness/evaluation_parts.h"
#include "harness/manifest.h"

typedef struct merge {
    const char *const *folders;     /* [count], in the order of the command line */
    size_t count;
    const char *folder;
    json_t **lines;                 /* [count]: each shard's records */
    const char **shard_folders;     /* [count], by shard */
    json_t **shard_lines;           /* the same */
    json_t *all;                    /* of the folder that is made */
    cm_folder_lock lock;
    cm_evaluation_counts *counts;
    cm_arena arena;
} merge;

static const json_t *header_of(const merge *m, size_t i) {
    return json_array_get(m->shard_lines[i], 0);
}

/* Puts the shards in order; each must be there, once. */
static cm_status sort_shards(merge *m) {
    for (size_t i = 0; i < m->count; i++) {
        const json_t *shard = json_object_get(json_array_get(m->lines[i], 0), "shard");
        const size_t index = cm_json_size_or(shard, "index", 0), of = cm_json_size_or(shard, "of", 0);
        if (!of || index < 1 || index > of) return cm_fail(CM_EUSAGE, "%s: is no shard of a score run", m->folders[i]);
        if (of != m->count)
            return cm_fail(CM_EUSAGE, "%s: is shard %zu of %zu, %zu folder%s given", m->folders[i], index, of, m->count,
                           m->count == 1 ? " is" : "s are");
        if (m->shard_folders[index - 1])
            return cm_fail(CM_EUSAGE, "%s and %s are both shard %zu", m->shard_folders[index - 1], m->folders[i], index);
        m->shard_folders[index - 1] = m->folders[i];
        m->shard_lines[index - 1] = m->lines[i];
    }
    for (size_t i = 1; i < m->count; i++) {
        const cm_status s = cm_manifest_same(header_of(m, 0), header_of(m, i), cm_evaluation_keys);
        if (s != CM_OK) return cm_fail_in(s, "%s and %s are not of one run", m->shard_folders[0], m->shard_folders[i]);
    }
    return CM_OK;
}

static cm_status read_shards(merge *m) {
    m->lines = CM_PUSH_ZERO(&m->arena, json_t *, m->count);
    m->shard_lines = CM_PUSH_ZERO(&m->arena, json_t *, m->count);
    m->shard_folders = CM_PUSH_ZERO(&m->arena, const char *, m->count);
    CM_TRY(cm_arena_check(&m->arena));
    for (size_t i = 0; i < m->count; i++) {
        const char *path = cm_arena_print(&m->arena, "%s/records.jsonl", m->folders[i]);
        CM_TRY(cm_arena_check(&m->arena));
        CM_TRY(cm_record_lines_all(path, &m->lines[i]));
    }
    return sort_shards(m);
}

static cm_status add(merge *m, json_t *line) {
    return json_array_append(m->all, line) == 0 ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}

/* One side's pictures of one shard, in the order of the list; every one must have been looked at, or have failed. */
static cm_status add_pictures(merge *m, size_t shard, cm_side side, const cm_side_lines *known) {
    for (size_t i = 0; i < known->end - known->begin; i++) {
        json_t *line = known->lines[i];
        if (!line)
            return cm_fail(CM_EUSAGE, "%s: this shard has not finished: no record of picture %zu of the %s; run it again",
                           m->shard_folders[shard], known->begin + i, cm_side_names[side]);
        const bool failed = cm_line_is(line, "failed");
        if (failed) cm_warn("%s", cm_json_text_or(line, "note", ""));
        failed ? m->counts->failed++ : m->counts->scored++;
        CM_TRY(add(m, line));
    }
    return CM_OK;
}

enum { ROWS_AT_ONCE = 512 };

/* rows [count,width] from row `first` on must be those that the shard's records tell of. */
static cm_status check_rows(const cm_side_lines *known, const char *column, size_t first, size_t count, size_t width, const float *rows) {
    for (size_t k = 0; k < count; k++) {
        char hash[CM_FEATURE_HASH];
        const json_t *line = known->lines[first + k];
        const char *told = cm_line_feature(line, column);
        if (!cm_line_is(line, "picture")) continue;
        cm_feature_hash(rows + k * width, width, hash);
        if (!told || strcmp(told, hash) != 0)
            return cm_fail(CM_EUSAGE, "features/%s: those of picture %zu are not what the records tell of; run this shard again", column,
                           known->begin + first + k);
    }
    return CM_OK;
}

static cm_status copy_rows(merge *m, const cm_feature_store *from, const cm_feature_store *to, const cm_side_lines *known, const char *column) {
    float *rows = CM_PUSH(&m->arena, float, ROWS_AT_ONCE * to->width);
    CM_TRY(cm_arena_check(&m->arena));
    for (size_t i = 0; i < from->rows; i += ROWS_AT_ONCE) {
        const size_t n = from->rows - i < ROWS_AT_ONCE ? from->rows - i : ROWS_AT_ONCE;
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        CM_TRY(cm_feature_store_read(from, i, n, rows));
        CM_TRY(check_rows(known, column, i, n, to->width, rows));
        for (size_t k = 0; k < n; k++) CM_TRY(cm_feature_store_write(to, known->begin + i + k, rows + k * to->width));
    }
    return CM_OK;
}

/* One shard's rows of one column. */
static cm_status merge_column(merge *m, size_t shard, cm_side side, const json_t *column, size_t count, const cm_side_lines *known) {
    const char *name = cm_json_text_or(column, "name", "");
    const size_t width = cm_json_size_or(column, "width", 0);
    cm_feature_store to = {.file = -1}, from = {.file = -1};
    const cm_arena_mark mark = cm_arena_get_mark(&m->arena);
    cm_status s = cm_column_open(m->folder, side, name, count, width, true, &m->arena, &to);
    if (s == CM_OK) s = cm_column_open(m->shard_folders[shard], side, name, known->end - known->begin, width, false, &m->arena, &from);
    if (s == CM_OK && (s = copy_rows(m, &from, &to, known, name)) != CM_OK) s = cm_fail_in(s, "%s", m->shard_folders[shard]);
    if (s == CM_OK) s = cm_feature_store_sync(&to);
    cm_feature_store_close(&from);
    cm_feature_store_close(&to);
    cm_arena_reset(&m->arena, mark);
    return s;
}

static cm_status merge_shard(merge *m, size_t shard, cm_side side, size_t count, cm_side_lines *known) {
    size_t c;
    json_t *column;
    const json_t *columns = json_object_get(json_object_get(header_of(m, 0), "plan"), "columns");
    cm_status s = cm_side_lines_read(known, m->shard_lines[shard], side, count * shard / m->count, count * (shard + 1) / m->count);
    if (s != CM_OK) return cm_fail_in(s, "%s", m->shard_folders[shard]);
    CM_TRY(add_pictures(m, shard, side, known));
    json_array_foreach(columns, c, column) CM_TRY(merge_column(m, shard, side, column, count, known));
    return CM_OK;
}

static cm_status merge_sides(merge *m) {
    const json_t *lists = json_object_get(header_of(m, 0), "lists");
    for (int side = 0; side < CM_SIDES; side++) {
        const size_t count = cm_json_size_or(json_object_get(lists, cm_side_names[side]), "count", 0);
        for (size_t i = 0; count && i < m->count; i++) {
            cm_side_lines known = {0};
            const cm_status s = merge_shard(m, i, (cm_side)side, count, &known);
            cm_side_lines_close(&known);
            CM_TRY(s);
        }
    }
    return CM_OK;
}

static cm_status begin(merge *m) {
    const char *path = cm_arena_print(&m->arena, "%s/records.jsonl", m->folder), *features = cm_arena_print(&m->arena, "%s/features", m->folder);
    CM_TRY(cm_arena_check(&m->arena));
    CM_TRY(cm_folder_lock_take(&m->lock, m->folder));
    if (cm_path_exists(path)) return cm_fail(CM_EUSAGE, "%s: is there already; merge into a new folder", path);
    CM_TRY(cm_make_dirs(features));
    json_t *header = json_copy((json_t *)header_of(m, 0));
    json_object_del(header, "shard");
    m->all = json_array();
    const cm_status s = add(m, header);
    json_decref(header);
    return s;
}

static cm_status work(merge *m, double started) {
    CM_TRY(read_shards(m));
    CM_TRY(begin(m));
    CM_TRY(merge_sides(m));
    return cm_evaluation_finish(m->folder, m->all, started);
}

cm_status cm_evaluation_merge(const char *const *folders, size_t count, const char *folder, cm_evaluation_counts *counts) {
    merge m = {.folders = folders, .count = count, .folder = folder, .counts = counts};
    *counts = (cm_evaluation_counts){0};
    cm_arena_init(&m.arena, 0);
    const cm_status s = work(&m, cm_now());
    cm_folder_lock_release(&m.lock);
    json_decref(m.all);
    for (size_t i = 0; m.lines && i < count; i++) json_decref(m.lines[i]);
    cm_arena_free(&m.arena);
    return s;
}
