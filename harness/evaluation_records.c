// SPDX-License-Identifier: Apache-2.0
/* What an evaluation's folder knows already: headers that belong together, and of each picture the last word. */
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "harness/evaluation_parts.h"
#include "harness/manifest.h"

/* --- headers ---------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key) {
    return cm_json_text_or(o, key, "");
}

/* Two entries of a plan's list that are of the same thing: its name, a metric's weights and settings too. */
static bool is_same_entry(const json_t *a, const json_t *b) {
    static const char *const keys[] = {"name", "metric", "weights"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(text_of(a, keys[i]), text_of(b, keys[i])) != 0) return false;
    return cm_json_size_or(a, "subset", 0) == cm_json_size_or(b, "subset", 0);
}

static const json_t *find_entry(const json_t *list, const json_t *wanted) {
    size_t i;
    json_t *o;
    json_array_foreach((json_t *)list, i, o)
        if (is_same_entry(o, wanted)) return o;
    return NULL;
}

/* Adds to `list` what of `more` is not in it; what is in both must be equal. */
static cm_status join_list(json_t *list, const json_t *more, const char *name) {
    size_t i;
    json_t *o;
    json_array_foreach((json_t *)more, i, o) {
        const json_t *same = find_entry(list, o);
        if (same && !json_equal(same, o))
            return cm_fail(CM_EUSAGE, "the run in this folder has another plan.%s for %s; --fresh begins anew", name,
                           *text_of(o, "name") ? text_of(o, "name") : text_of(o, "metric"));
        if (!same && json_array_append(list, o) != 0) return cm_fail(CM_ENOMEM, "out of memory");
    }
    return CM_OK;
}

static cm_status join_plan(json_t *plan, const json_t *more) {
    static const char *const lists[] = {"networks", "columns", "metrics"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        CM_TRY(join_list(json_object_get(plan, lists[i]), json_object_get(more, lists[i]), lists[i]));
    return CM_OK;
}

/* Adds what only `more` says; what both say under `keys` must be equal. */
static cm_status join_object(json_t *o, const json_t *more, const char *const *keys) {
    for (; *keys; keys++) {
        const char *one[] = {*keys, NULL};
        const json_t *was = json_object_get(o, *keys), *is = json_object_get(more, *keys);
        const bool unsaid = !was || (json_is_string(was) && !*json_string_value(was));
        if (unsaid && is) json_object_set(o, *keys, (json_t *)is);
        const bool both = !unsaid && is && !(json_is_string(is) && !*json_string_value(is));
        if (both) CM_TRY(cm_manifest_continue(o, more, one));
    }
    return CM_OK;
}

cm_status cm_evaluation_join_headers(const json_t *found, const json_t *wanted, json_t **out) {
    static const char *const same[] = {"suite", "arms", "settings", "shard", NULL};
    static const char *const either[] = {"prompts", "prompts_hash", "statistics", NULL};
    static const char *const sides[] = {"pictures", "reference", NULL};
    CM_TRY(cm_manifest_continue(found, wanted, same));
    json_t *header = json_deep_copy(found);
    if (!header) return cm_fail(CM_ENOMEM, "out of memory");
    cm_status s = join_object(header, wanted, either);
    if (s == CM_OK) s = join_object(json_object_get(header, "lists"), json_object_get(wanted, "lists"), sides);
    if (s == CM_OK) s = join_plan(json_object_get(header, "plan"), json_object_get(wanted, "plan"));
    const json_t *statistics = json_object_get(wanted, "write_statistics");
    if (statistics) json_object_set(header, "write_statistics", (json_t *)statistics);
    if (s == CM_OK) *out = header;
    else json_decref(header);
    return s;
}

/* --- pictures ---------------------------------------------------------------------- */

bool cm_line_is(const json_t *line, const char *kind) {
    return line && strcmp(text_of(line, "kind"), kind) == 0;
}

/* Features and scores of networks that looked later are added; a failure takes what was said before it away. */
static cm_status join_line(json_t **at, json_t *line) {
    static const char *const parts[] = {"features", "texts", "scores", "read"};
    json_t *joined = cm_line_is(line, "picture") && cm_line_is(*at, "picture") ? json_deep_copy(*at) : json_incref(line);
    if (!joined) return cm_fail(CM_ENOMEM, "out of memory");
    for (size_t i = 0; joined != line && i < sizeof parts / sizeof *parts; i++) {
        json_t *more = json_object_get(line, parts[i]), *o = json_object_get(joined, parts[i]);
        if (more && o) json_object_update(o, more);
        else if (more) json_object_set(joined, parts[i], more);
    }
    json_decref(*at);
    *at = joined;
    return CM_OK;
}

cm_status cm_side_lines_read(cm_side_lines *s, const json_t *all, cm_side side, size_t begin, size_t end) {
    *s = (cm_side_lines){begin, end, calloc(end - begin + 1, sizeof *s->lines)};
    if (!s->lines) return cm_fail(CM_ENOMEM, "out of memory");
    size_t k;
    json_t *line;
    json_array_foreach((json_t *)all, k, line) {
        const size_t index = cm_json_size_or(line, "index", SIZE_MAX);
        if (!cm_line_is(line, "picture") && !cm_line_is(line, "failed")) continue;
        if (strcmp(text_of(line, "side"), cm_side_names[side]) != 0) continue;
        if (index < begin || index >= end)
            return cm_fail(CM_EFORMAT, "line %zu: index %zu of pictures %zu to %zu", k + 1, index, begin, end);
        CM_TRY(join_line(&s->lines[index - begin], line));
    }
    return CM_OK;
}

void cm_side_lines_close(cm_side_lines *s) {
    for (size_t i = 0; s->lines && i < s->end - s->begin; i++) json_decref(s->lines[i]);
    free(s->lines);
    *s = (cm_side_lines){0};
}

const char *cm_line_feature(const json_t *line, const char *column) {
    return json_string_value(json_object_get(json_object_get(line, "features"), column));
}

json_t *cm_evaluation_lines(const json_t *header, const cm_side_lines *sides, const json_t *all) {
    size_t k;
    json_t *line, *out = json_array();
    json_array_append(out, (json_t *)header);
    for (int i = 0; i < CM_SIDES; i++)
        for (size_t at = 0; sides[i].lines && at < sides[i].end - sides[i].begin; at++)
            if (sides[i].lines[at]) json_array_append(out, sides[i].lines[at]);
    json_array_foreach((json_t *)all, k, line)
        if (cm_line_is(line, "pass")) json_array_append(out, line);
    return out;
}

bool cm_evaluation_is_done(const json_t *lines) {
    size_t i;
    json_t *line;
    json_array_foreach((json_t *)lines, i, line)
        if (cm_line_is(line, "done")) return true;
    return false;
}
