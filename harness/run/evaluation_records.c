// SPDX-License-Identifier: Apache-2.0
/* The records of a folder as sides: of each image the last word. */
#include <stdlib.h>
#include <string.h>

#include "harness/run/evaluation_parts.h"

static const char *text_of(const json_t *o, const char *key) {
    return cm_json_text_or(o, key, "");
}

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
        const bool absent = strcmp(text_of(arm, "kind"), "absent") == 0;
        sides[(*count)++] = (cm_side){
            .kind = CM_SIDE_ARM, .name = text_of(arm, "name"), .count = absent ? 0 : units * images, .images = images};
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

bool cm_line_stays(const json_t *line) {
    static const char *const kinds[] = {"arm", "command", "speed", "sgemm", "pass"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (cm_line_is(line, kinds[i])) return true;
    return false;
}

json_t *cm_evaluation_full_header(const json_t *header, const json_t *all) {
    size_t i, k;
    json_t *line, *arm, *full = json_deep_copy(header);
    json_array_foreach((json_t *)all, i, line) {
        json_array_foreach(json_object_get(full, "arms"), k, arm) {
            if (!cm_line_is(line, "arm") || strcmp(text_of(line, "arm"), text_of(arm, "name")) != 0) continue;
            json_object_set(arm, "hash", json_object_get(line, "hash"));
            if (json_object_get(line, "trained")) json_object_set(arm, "trained", json_object_get(line, "trained"));
            if (json_object_get(line, "layers")) json_object_set(arm, "layers", json_object_get(line, "layers"));
        }
    }
    return full;
}

json_t *cm_evaluation_lines(const json_t *header, const cm_side *sides, size_t side_count, const json_t *all) {
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

bool cm_evaluation_is_done(const json_t *lines) {
    size_t i;
    json_t *line;
    json_array_foreach((json_t *)lines, i, line)
        if (cm_line_is(line, "done")) return true;
    return false;
}
