// SPDX-License-Identifier: Apache-2.0
#include "harness/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"

static json_t *arms_of(const cm_suite *s, const char *const *hashes) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->arm_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name", s->arms[i].name, "model", s->arms[i].model,
                                              "hash", hashes[i], "about", s->arms[i].about));
    return list;
}

static json_t *drawn_of(const cm_drawn_set *d) {
    return json_pack("{s:s, s:I, s:I, s:b}", "name", d->name, "seed", (json_int_t)d->seed, "count", (json_int_t)d->count,
                     "simple", (int)d->simple);
}

static json_t *settings_of(const cm_suite *s) {
    return json_pack("{s:I, s:s, s:f, s:I, s:I, s:s?, s:I, s:s, s:s, s:I, s:I}", "steps", (json_int_t)s->steps, "sampler",
                     s->sampler->name, "guidance", s->guidance, "width", (json_int_t)s->width, "height",
                     (json_int_t)s->height, "negative", s->negative, "run_seed", (json_int_t)s->run_seed, "backend",
                     s->backend->name, "dtype", s->backend->dtype, "attention_factor", (json_int_t)s->attention_factor, "illustrated",
                     (json_int_t)s->illustrated);
}

json_t *cm_manifest_make(const cm_suite *s, const cm_prompt_set *prompts, const char *const *hashes,
                         const cm_scorer *scorer, int threads, const json_t *machine) {
    char now[32];
    cm_iso_time(now);
    json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:i}", "kind", "run", "suite", s->name, "prompts", prompts->name,
                          "count", (json_int_t)prompts->count, "started", now, "version", CM_VERSION, "threads", threads);
    json_object_set_new(o, "settings", settings_of(s));
    json_object_set_new(o, "arms", arms_of(s, hashes));
    json_object_set_new(o, "prompts_hash", json_string(prompts->hash));
    json_object_set_new(o, "reference", drawn_of(&s->reference));
    json_object_set_new(o, "ceiling", drawn_of(&s->ceiling));
    json_object_set_new(o, "scorer", json_pack("{s:s, s:s}", "name", cm_scorer_name(scorer), "hash", cm_scorer_hash(scorer)));
    if (machine) json_object_update_missing(o, (json_t *)machine);
    return o;
}

/* Where two values differ first: the path and both sides there. */
typedef struct place {
    char where[160];
    const json_t *was, *is;
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
    return !json_equal(was, is);
}

static void print_short(const json_t *v, char *out, size_t size) {
    char *text = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) : NULL;
    snprintf(out, size, "%.60s%s", text ? text : "nothing", text && strlen(text) > 60 ? "..." : "");
    free(text);
}

cm_status cm_manifest_same(const json_t *found, const json_t *wanted, const char *const *keys) {
    for (; *keys; keys++) {
        place p = {0};
        char was[72], is[72];
        const json_t *before = json_object_get(found, *keys), *now = json_object_get(wanted, *keys);
        snprintf(p.where, sizeof p.where, "%s", *keys);
        if ((!before && !now) || !differs(before, now, &p)) continue;
        print_short(p.was, was, sizeof was);
        print_short(p.is, is, sizeof is);
        return cm_fail(CM_EUSAGE, "another %s: %s there, %s now", p.where, was, is);
    }
    return CM_OK;
}

cm_status cm_manifest_continue(const json_t *found, const json_t *wanted, const char *const *keys) {
    char why[512];
    if (cm_manifest_same(found, wanted, keys) == CM_OK) return CM_OK;
    snprintf(why, sizeof why, "%s", cm_why());
    return cm_fail(CM_EUSAGE, "the run in this folder has %s; --fresh begins anew", why);
}

cm_status cm_manifest_check(const json_t *found, const json_t *wanted) {
    static const char *const keys[] = {"suite", "prompts", "prompts_hash", "count", "settings", "arms", "reference",
                                       "ceiling", "scorer", NULL};
    return cm_manifest_continue(found, wanted, keys);
}
