// SPDX-License-Identifier: Apache-2.0
#include "harness/records/run_headers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/jsonl.h"
#include "harness/records/run_lines.h"

/* --- holding one against another --------------------------------------------------------- */

const char *const cm_shard_keys[] = {"format", "suite",     "prompts", "prompts_hash", "count",
                                     "images", "arms",      "pairs",   "gates",        "settings",
                                     "plan",   "reference", "ceiling", "statistics",   NULL};

/* Where two values differ first: the path and both sides there. */
typedef struct place {
    char where[160];
    const json_t *was, *is;
    bool length; /* lists of different length, whose beginnings may be equal */
} place;

static bool differs(const json_t *was, const json_t *is, place *p);

/* key: of an object, or NULL: entry i of a list */
static bool differs_below(const json_t *was, const json_t *is, place *p, const char *key, size_t i) {
    const size_t used = strlen(p->where);
    if (key) snprintf(p->where + used, sizeof p->where - used, ".%s", key);
    else snprintf(p->where + used, sizeof p->where - used, "[%zu]", i);
    if (differs(was, is, p)) return true;
    p->where[used] = '\0';
    return false;
}

static bool differs(const json_t *was, const json_t *is, place *p) {
    if (json_is_object(was) && json_is_object(is)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)is, key, value)
            if (differs_below(json_object_get(was, key), value, p, key, 0)) return true;
        return false;
    }
    if (json_is_array(was) && json_is_array(is) && json_array_size(was) == json_array_size(is)) {
        for (size_t i = 0; i < json_array_size(is); i++)
            if (differs_below(json_array_get(was, i), json_array_get(is, i), p, NULL, i)) return true;
        return false;
    }
    p->was = was;
    p->is = is;
    p->length = json_is_array(was) && json_is_array(is);
    return !json_equal(was, is);
}

static void print_short(const json_t *v, char *out, size_t size) {
    char *text = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) : NULL;
    snprintf(out, size, "%.60s%s", text ? text : "nothing", text && strlen(text) > 60 ? "..." : "");
    free(text);
}

cm_status cm_headers_same(const json_t *found, const json_t *wanted, const char *const *keys) {
    for (; *keys; keys++) {
        place p = {0};
        char was[72], is[72];
        const json_t *before = json_object_get(found, *keys), *now = json_object_get(wanted, *keys);
        snprintf(p.where, sizeof p.where, "%s", *keys);
        if ((!before && !now) || !differs(before, now, &p)) continue;
        if (p.length)
            return cm_fail(CM_EUSAGE, "another %s: %zu there, %zu now", p.where, json_array_size(p.was),
                           json_array_size(p.is));
        print_short(p.was, was, sizeof was);
        print_short(p.is, is, sizeof is);
        return cm_fail(CM_EUSAGE, "another %s: %s there, %s now", p.where, was, is);
    }
    return CM_OK;
}

cm_status cm_headers_continue(const json_t *found, const json_t *wanted, const char *const *keys) {
    char why[512];
    if (cm_headers_same(found, wanted, keys) == CM_OK) return CM_OK;
    snprintf(why, sizeof why, "%s", cm_why());
    return cm_fail(CM_EUSAGE, "the run in this folder has %s; --fresh begins anew", why);
}

/* --- joining two --------------------------------------------------------------------- */

/* Two entries of a plan's list that are of the same thing: its name, a metric's weights and settings too. */
static bool is_same_entry(const json_t *a, const json_t *b) {
    static const char *const keys[] = {"name", "metric", "weights"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(cm_text_of(a, keys[i]), cm_text_of(b, keys[i])) != 0) return false;
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
                           *cm_text_of(o, "name") ? cm_text_of(o, "name") : cm_text_of(o, "metric"));
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
        if (both) CM_TRY(cm_headers_continue(o, more, one));
    }
    return CM_OK;
}

static void list_names(const json_t *arms, char *out, size_t size) {
    size_t i, used = 0;
    json_t *arm;
    out[0] = 0;
    json_array_foreach((json_t *)arms, i, arm)
        if (used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", cm_text_of(arm, "name"));
}

/* Other arms are told by their names. */
static cm_status same_arms(const json_t *found, const json_t *wanted) {
    char was[256], is[256];
    list_names(found, was, sizeof was);
    list_names(wanted, is, sizeof is);
    return strcmp(was, is) == 0
               ? CM_OK
               : cm_fail(CM_EUSAGE, "the run in this folder has the arms %s, now they are %s; --fresh begins anew", was,
                         is);
}

cm_status cm_headers_join(const json_t *found, const json_t *wanted, json_t **out) {
    static const char *const same[] = {"suite", "settings", "arms", "count", "images", "pairs", "gates", "shard", NULL};
    static const char *const either[] = {"prompts",   "prompts_hash", "prompts_version", "statistics",
                                         "reference", "ceiling",      "questions",       NULL};
    CM_TRY(same_arms(json_object_get(found, "arms"), json_object_get(wanted, "arms")));
    CM_TRY(cm_headers_continue(found, wanted, same));
    json_t *header = json_deep_copy(found);
    if (!header) return cm_fail(CM_ENOMEM, "out of memory");
    cm_status s = join_object(header, wanted, either);
    if (s == CM_OK) s = join_plan(json_object_get(header, "plan"), json_object_get(wanted, "plan"));
    const json_t *statistics = json_object_get(wanted, "write_statistics");
    if (statistics) json_object_set(header, "write_statistics", (json_t *)statistics);
    if (s == CM_OK) *out = header;
    else json_decref(header);
    return s;
}

/* --- what is known later -------------------------------------------------------------- */

json_t *cm_header_complete(const json_t *header, const json_t *all) {
    size_t i, k;
    json_t *line, *arm, *full = json_deep_copy(header);
    json_array_foreach((json_t *)all, i, line) {
        json_array_foreach(json_object_get(full, "arms"), k, arm) {
            if (!cm_line_is(line, "arm") || strcmp(cm_text_of(line, "arm"), cm_text_of(arm, "name")) != 0) continue;
            json_object_set(arm, "hash", json_object_get(line, "hash"));
            if (json_object_get(line, "trained")) json_object_set(arm, "trained", json_object_get(line, "trained"));
            if (json_object_get(line, "layers")) json_object_set(arm, "layers", json_object_get(line, "layers"));
        }
    }
    return full;
}
