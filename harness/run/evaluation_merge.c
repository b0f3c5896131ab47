// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <unistd.h>

#include "core/base/folder_lock.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/io/inside.h"
#include "core/io/record_lines.h"
#include "harness/records/run_headers.h"
#include "harness/records/run_lines.h"
#include "harness/run/evaluation_parts.h"
#include "harness/scores/evaluation_finish.h"

typedef struct merge {
    const char *const *folders; /* [count], in the order of the command line */
    size_t count;
    const char *folder;
    json_t **lines;             /* [count]: each shard's records */
    const char **shard_folders; /* [count], by shard */
    json_t **shard_lines;       /* the same */
    json_t *header, *all;       /* of the folder that is made */
    cm_side *sides;
    size_t side_count;
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
        if (!of || index < 1 || index > of) return cm_fail(CM_EUSAGE, "%s: is no shard of a run", m->folders[i]);
        if (of != m->count)
            return cm_fail(CM_EUSAGE, "%s: is shard %zu of %zu, %zu folder%s given", m->folders[i], index, of, m->count,
                           m->count == 1 ? " is" : "s are");
        if (m->shard_folders[index - 1])
            return cm_fail(CM_EUSAGE, "%s and %s are both shard %zu", m->shard_folders[index - 1], m->folders[i],
                           index);
        m->shard_folders[index - 1] = m->folders[i];
        m->shard_lines[index - 1] = m->lines[i];
    }
    for (size_t i = 1; i < m->count; i++) {
        const cm_status s = cm_headers_same(header_of(m, 0), header_of(m, i), cm_shard_keys);
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

/* Every image of the shard must have been looked at, or have failed. */
static cm_status check_lines(merge *m, size_t shard, const cm_side *s) {
    for (size_t i = s->begin; i < s->end; i++) {
        if (!s->lines[i])
            return cm_fail(CM_EUSAGE, "%s: this shard has not finished: no record of image %zu of %s; run it again",
                           m->shard_folders[shard], i, s->name);
        const bool failed = cm_line_is(s->lines[i], "failed");
        if (failed) cm_warn("%s", cm_json_text_or(s->lines[i], "note", ""));
        const bool drawing =
            strncmp(cm_json_text_or(json_object_get(m->header, s->name), "hash", ""), "drawn:", 6) == 0;
        if (failed) m->counts->failed++;
        else if (!drawing) m->counts->scored++;
    }
    return CM_OK;
}

/* --- files ------------------------------------------------------------------------------ */

/* hash: NULL, or what the file's must be. */
static cm_status copy_file(merge *m, size_t shard, const char *file, const char *hash) {
    enum { MOST = 1 << 28 };
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    char *bytes, have[65] = "";
    size_t n;
    const char *from = cm_inside(m->shard_folders[shard], file, &scratch);
    char *to = cm_arena_print(&scratch, "%s/%s", m->folder, file);
    cm_status s = cm_arena_check(&scratch);
    if (s == CM_OK && !from)
        s = cm_fail(CM_EUSAGE, "%s/%s: is not there, or not in this folder", m->shard_folders[shard], file);
    if (s == CM_OK && hash) s = cm_sha_file(from, have);
    if (s == CM_OK && hash && strcmp(have, hash) != 0)
        s = cm_fail(CM_EUSAGE, "%s: is not the image that the records tell of; run this shard again", from);
    if (s == CM_OK) s = cm_read_text(from, MOST, &scratch, &bytes, &n);
    if (s == CM_OK) {
        char *slash = strrchr(to, '/');
        *slash = 0;
        s = cm_make_dirs(to);
        *slash = '/';
    }
    if (s == CM_OK) s = cm_write_whole(to, bytes, n);
    cm_arena_free(&scratch);
    return s;
}

static cm_status copy_files(merge *m, size_t shard, const cm_side *s) {
    for (size_t i = s->begin; i < s->end; i++) {
        size_t k;
        json_t *map;
        const char *file = cm_json_text_or(s->lines[i], "picture", NULL);
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        if (file) CM_TRY(copy_file(m, shard, file, cm_json_text_or(s->lines[i], "picture_hash", NULL)));
        json_array_foreach(json_object_get(s->lines[i], "attention"), k, map)
            CM_TRY(copy_file(m, shard, cm_json_text_or(map, "picture", ""), NULL));
    }
    return CM_OK;
}

/* --- features ---------------------------------------------------------------------------- */

enum { ROWS_AT_ONCE = 512 };

/* rows [count,width] from row `first` on must be those that the shard's records tell of. */
static cm_status check_rows(const cm_side *s, const char *column, size_t first, size_t count, size_t width,
                            const float *rows) {
    for (size_t k = 0; k < count; k++) {
        char hash[CM_FEATURE_HASH];
        const json_t *line = s->lines[first + k];
        const char *told = cm_line_feature(line, column);
        if (cm_line_is(line, "failed")) continue;
        cm_feature_hash(rows + k * width, width, hash);
        if (!told || strcmp(told, hash) != 0)
            return cm_fail(CM_EUSAGE,
                           "features/%s-%s: those of image %zu are not what the records tell of; run this shard again",
                           s->name, column, first + k);
    }
    return CM_OK;
}

static cm_status copy_rows(merge *m, const cm_feature_store *from, const cm_feature_store *to, const cm_side *s,
                           const char *column) {
    float *rows = CM_PUSH(&m->arena, float, ROWS_AT_ONCE * to->width);
    CM_TRY(cm_arena_check(&m->arena));
    for (size_t i = 0; i < from->rows; i += ROWS_AT_ONCE) {
        const size_t n = from->rows - i < ROWS_AT_ONCE ? from->rows - i : ROWS_AT_ONCE;
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        CM_TRY(cm_feature_store_read(from, i, n, rows));
        CM_TRY(check_rows(s, column, s->begin + i, n, to->width, rows));
        for (size_t k = 0; k < n; k++) CM_TRY(cm_feature_store_write(to, s->begin + i + k, rows + k * to->width));
    }
    return CM_OK;
}

/* One shard's rows of one column. */
static cm_status merge_column(merge *m, size_t shard, const cm_side *side, const json_t *column) {
    const char *name = cm_json_text_or(column, "name", "");
    const size_t width = cm_json_size_or(column, "width", 0);
    cm_feature_store to = {.file = -1}, from = {.file = -1};
    const cm_arena_mark mark = cm_arena_get_mark(&m->arena);
    cm_status s = cm_column_open(m->folder, side->name, name, side->count, width, true, &m->arena, &to);
    if (s == CM_OK)
        s = cm_column_open(m->shard_folders[shard], side->name, name, side->end - side->begin, width, false, &m->arena,
                           &from);
    if (s == CM_OK && (s = copy_rows(m, &from, &to, side, name)) != CM_OK)
        s = cm_fail_in(s, "%s", m->shard_folders[shard]);
    if (s == CM_OK) s = cm_feature_store_sync(&to);
    cm_feature_store_close(&from);
    cm_feature_store_close(&to);
    cm_arena_reset(&m->arena, mark);
    return s;
}

/* --- a shard --------------------------------------------------------------------------------- */

/* The shard's lines become the merged folder's. */
static cm_status take_side(merge *m, size_t shard, cm_side *from, cm_side *to) {
    size_t c;
    json_t *column;
    if (from->count == 0) return CM_OK;
    CM_TRY(check_lines(m, shard, from));
    CM_TRY(copy_files(m, shard, from));
    json_array_foreach(json_object_get(json_object_get(m->header, "plan"), "columns"), c, column)
        CM_TRY(merge_column(m, shard, from, column));
    for (size_t i = from->begin; i < from->end; i++) to->lines[i] = json_incref(from->lines[i]);
    return CM_OK;
}

/* An arm's model must be the same in every shard, and stands once. *known: it stands already. */
static cm_status check_arm(const merge *m, size_t shard, const json_t *arm, bool *known) {
    size_t i;
    json_t *line;
    *known = false;
    json_array_foreach(m->all, i, line) {
        if (!cm_line_is(line, "arm") || strcmp(cm_json_text_or(line, "arm", ""), cm_json_text_or(arm, "arm", "")) != 0)
            continue;
        *known = true;
        if (strcmp(cm_json_text_or(line, "hash", ""), cm_json_text_or(arm, "hash", "")) != 0)
            return cm_fail(CM_EUSAGE, "%s: arm %s has other weights than in the other shards", m->shard_folders[shard],
                           cm_json_text_or(arm, "arm", ""));
    }
    return CM_OK;
}

static cm_status take_others(merge *m, size_t shard) {
    size_t i;
    json_t *line;
    json_array_foreach(m->shard_lines[shard], i, line) {
        bool known = false;
        if (cm_line_is(line, "arm")) CM_TRY(check_arm(m, shard, line, &known));
        if (cm_line_stays(line) && !known && json_array_append(m->all, line) != 0)
            return cm_fail(CM_ENOMEM, "out of memory");
    }
    return CM_OK;
}

static cm_status merge_shard(merge *m, size_t shard) {
    cm_side *sides = NULL;
    size_t count = 0;
    CM_TRY(cm_sides_of_header(header_of(m, shard), &sides, &count));
    cm_status s = cm_sides_read(sides, count, m->shard_lines[shard]);
    if (s != CM_OK) s = cm_fail_in(s, "%s", m->shard_folders[shard]);
    for (size_t i = 0; i < count && s == CM_OK; i++) s = take_side(m, shard, &sides[i], &m->sides[i]);
    cm_sides_close(sides, count);
    return s == CM_OK ? take_others(m, shard) : s;
}

static cm_status begin(merge *m) {
    const char *path = cm_arena_print(&m->arena, "%s/records.jsonl", m->folder),
               *features = cm_arena_print(&m->arena, "%s/features", m->folder);
    CM_TRY(cm_arena_check(&m->arena));
    CM_TRY(cm_folder_lock_take(&m->lock, m->folder));
    if (cm_path_exists(path)) return cm_fail(CM_EUSAGE, "%s: is there already; merge into a new folder", path);
    CM_TRY(cm_make_dirs(features));
    m->header = json_deep_copy(header_of(m, 0));
    json_object_del(m->header, "shard");
    m->all = json_array();
    return m->header && m->all ? cm_sides_of_header(m->header, &m->sides, &m->side_count)
                               : cm_fail(CM_ENOMEM, "out of memory");
}

static cm_status work(merge *m, double started) {
    CM_TRY(read_shards(m));
    CM_TRY(begin(m));
    for (size_t i = 0; i < m->count; i++) CM_TRY(merge_shard(m, i));
    return cm_evaluation_finish(m->folder, m->header, m->sides, m->side_count, m->all, started, m->counts);
}

cm_status cm_evaluation_merge(const char *const *folders, size_t count, const char *folder,
                              cm_evaluation_counts *counts) {
    merge m = {.folders = folders, .count = count, .folder = folder, .counts = counts};
    *counts = (cm_evaluation_counts){0};
    cm_arena_init(&m.arena, 0);
    const cm_status s = work(&m, cm_now());
    cm_folder_lock_release(&m.lock);
    json_decref(m.all);
    json_decref(m.header);
    cm_sides_close(m.sides, m.side_count);
    for (size_t i = 0; m.lines && i < count; i++) json_decref(m.lines[i]);
    cm_arena_free(&m.arena);
    return s;
}
