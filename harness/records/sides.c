// SPDX-License-Identifier: Apache-2.0
#include "harness/records/sides.h"

#include <stdlib.h>
#include <string.h>

#include "core/io/jsonl.h"
#include "harness/records/run_lines.h"

const char *const cm_side_lines[CM_SIDE_KINDS] = {"image", "reference", "drawing"};

/* --- from a header ------------------------------------------------------------------------------ */

static cm_status open_side(cm_side *s, const json_t *header) {
    const json_t *shard = json_object_get(header, "shard");
    const size_t of = cm_json_size_or(shard, "of", 1), index = cm_json_size_or(shard, "index", 1),
                 units = s->count / s->images;
    if (index < 1 || index > of) return cm_fail(CM_EFORMAT, "the header has no shard %zu of %zu", index, of);
    s->begin = s->images * (units * (index - 1) / of);
    s->end = s->images * (units * index / of);
    s->lines = calloc(s->count + 1, sizeof *s->lines);
    for (size_t c = 0; c < CM_EVAL_METRICS; c++) s->stores[c].file = -1;
    return s->lines ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}

enum { MOST_ROWS = 100000000, MOST_ARMS = 256 };

static cm_status fill_sides(const json_t *header, cm_side *sides, size_t *count) {
    size_t i;
    json_t *arm;
    const size_t units = cm_json_size_or(header, "count", 0), images = cm_json_size_or(header, "images", 1);
    if (!images || images > 1000 || units > MOST_ROWS / images)
        return cm_fail(CM_EFORMAT, "the header tells of %zu prompts with %zu images each", units, images);
    json_array_foreach(json_object_get(header, "arms"), i, arm) {
        const bool absent = strcmp(cm_text_of(arm, "kind"), "absent") == 0;
        sides[(*count)++] = (cm_side){.kind = CM_SIDE_ARM,
                                      .name = cm_text_of(arm, "name"),
                                      .count = absent ? 0 : units * images,
                                      .images = images};
        CM_TRY(open_side(&sides[*count - 1], header));
    }
    for (int k = CM_SIDE_REFERENCE; k < CM_SIDE_KINDS; k++) {
        const char *name = k == CM_SIDE_REFERENCE ? "reference" : "ceiling";
        const size_t n = cm_json_size_or(json_object_get(header, name), "count", 0);
        if (n > MOST_ROWS) return cm_fail(CM_EFORMAT, "the header tells of %zu images of the %s", n, name);
        if (!n) continue;
        sides[(*count)++] = (cm_side){.kind = (cm_side_kind)k, .name = name, .count = n, .images = 1};
        CM_TRY(open_side(&sides[*count - 1], header));
    }
    return CM_OK;
}

cm_status cm_sides_of_header(const json_t *header, cm_side **sides, size_t *count) {
    const size_t arms = json_array_size(json_object_get(header, "arms"));
    *count = 0;
    if (arms > MOST_ARMS) return cm_fail(CM_EFORMAT, "%zu arms, more than %d", arms, MOST_ARMS);
    cm_side *all = calloc(arms + 2, sizeof *all);
    if (!all) return cm_fail(CM_ENOMEM, "out of memory");
    const cm_status s = fill_sides(header, all, count);
    if (s == CM_OK) *sides = all;
    else cm_sides_close(all, *count);
    return s;
}

void cm_sides_close(cm_side *sides, size_t count) {
    for (size_t i = 0; sides && i < count; i++) {
        cm_image_list_close(&sides[i].list);
        for (size_t k = 0; sides[i].lines && k < sides[i].count; k++) json_decref(sides[i].lines[k]);
        for (size_t c = 0; sides[i].lines && c < CM_EVAL_METRICS; c++) cm_feature_store_close(&sides[i].stores[c]);
        free(sides[i].lines);
    }
    free(sides);
}

/* --- what records say of the rows ------------------------------------------------------------ */

/* What networks that looked later say is added; a failure takes the place of what was said, and the other way round. */
static cm_status join_line(json_t **at, json_t *line) {
    const char *key;
    json_t *value;
    if (!*at || cm_line_is(line, "failed") || cm_line_is(*at, "failed")) {
        json_incref(line);
        json_decref(*at);
        *at = line;
        return CM_OK;
    }
    json_object_foreach(line, key, value) {
        json_t *was = json_object_get(*at, key);
        const int bad = json_is_object(was) && json_is_object(value) ? json_object_update(was, value)
                                                                     : json_object_set(*at, key, value);
        if (bad) return cm_fail(CM_ENOMEM, "out of memory");
    }
    return CM_OK;
}

cm_status cm_side_know(cm_side *s, size_t row, json_t *line) {
    return join_line(&s->lines[row], line);
}

static cm_side *side_of_line(cm_side *sides, size_t count, const json_t *line) {
    const bool failed = cm_line_is(line, "failed");
    for (size_t i = 0; i < count; i++) {
        if (sides[i].kind == CM_SIDE_ARM && strcmp(sides[i].name, cm_text_of(line, "arm")) == 0 &&
            (failed || cm_line_is(line, "image")))
            return &sides[i];
        if (sides[i].kind != CM_SIDE_ARM && (failed ? !strcmp(sides[i].name, cm_text_of(line, "side"))
                                                    : cm_line_is(line, cm_side_lines[sides[i].kind])))
            return &sides[i];
    }
    return NULL;
}

cm_status cm_sides_read(cm_side *sides, size_t count, const json_t *all) {
    size_t k;
    json_t *line;
    json_array_foreach((json_t *)all, k, line) {
        cm_side *s = side_of_line(sides, count, line);
        if (!s) continue;
        const size_t index = cm_json_size_or(line, "index", SIZE_MAX);
        if (index < s->begin || index >= s->end)
            return cm_fail(CM_EFORMAT, "line %zu: index %zu of %s, which has %zu to %zu", k + 1, index, s->name,
                           s->begin, s->end);
        CM_TRY(join_line(&s->lines[index], line));
    }
    return CM_OK;
}

json_t *cm_sides_lines(const json_t *header, const cm_side *sides, size_t side_count, const json_t *all) {
    size_t k;
    json_t *line, *out = json_array();
    json_array_append(out, (json_t *)header);
    for (size_t i = 0; i < side_count; i++)
        for (size_t at = sides[i].begin; at < sides[i].end; at++)
            if (sides[i].lines[at]) json_array_append(out, sides[i].lines[at]);
    json_array_foreach((json_t *)all, k, line)
        if (cm_line_stays(line)) json_array_append(out, line);
    return out;
}

/* --- features -------------------------------------------------------------------------------- */

char *cm_column_path(const char *folder, const char *side, const char *column, cm_arena *out) {
    return cm_arena_print(out, "%s/features/%s-%s.f32", folder, side, column);
}

cm_status cm_column_open(const char *folder, const char *side, const char *column, size_t rows, size_t width, bool make,
                         cm_arena *out, cm_feature_store *store) {
    char *path = cm_column_path(folder, side, column, out);
    CM_TRY(cm_arena_check(out));
    return cm_feature_store_open(store, path, rows, width, make, out);
}
