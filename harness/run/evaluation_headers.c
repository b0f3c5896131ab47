// SPDX-License-Identifier: Apache-2.0
/* The header of a run: all that its images and scores depend on, and where they were made. Which two belong together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/image_set.h"
#include "harness/run/evaluation_parts.h"

static const char *text_of(const json_t *o, const char *key) {
    return cm_json_text_or(o, key, "");
}

/* --- making one --------------------------------------------------------------------- */

/* A path from the command line as text for the records. */
static const char *shown(cm_evaluation *e, const char *path) {
    const char *text = path ? cm_printable_path(path, &e->arena) : "";
    return text ? text : "";
}

static json_t *making_of(const cm_making *m) {
    json_t *o = json_pack("{s:I, s:f, s:s?, s:s, s:s}", "steps", (json_int_t)m->steps, "guidance", m->guidance,
                          "negative", m->negative, "backend", m->backend->name, "dtype", m->backend->dtype);
    if (m->sampler)
        json_object_set_new(o, "sampler",
                            json_string(m->sampler->name)); /* else the model's own: see its "arm" record */
    if (m->width) json_object_set_new(o, "width", json_integer((json_int_t)m->width));
    if (m->height) json_object_set_new(o, "height", json_integer((json_int_t)m->height));
    if (*m->suffix) json_object_set_new(o, "suffix", json_string(m->suffix));
    return o;
}

/* What of an arm's making is not the suite's. */
static json_t *own_settings(const cm_making *m, const cm_making *suite) {
    const char *key;
    void *next;
    json_t *own = making_of(m), *common = making_of(suite), *value;
    json_object_foreach_safe(own, next, key, value)
        if (json_equal(value, json_object_get(common, key))) json_object_del(own, key);
    json_decref(common);
    return own;
}

static json_t *arm_of(cm_evaluation *e, const cm_side *s) {
    const cm_arm *a = s->arm;
    json_t *o = json_pack("{s:s, s:s, s:s}", "name", a->name, "about",
                          *a->about || !a->images ? a->about : shown(e, a->images), "kind", cm_arm_kind_names[a->kind]);
    json_t *own = own_settings(&a->making, &e->suite->making);
    const char *const texts[][2] = {{"model", a->model}, {"unet", a->unet},
                                    {"vae", a->vae},     {"config", a->model ? a->config : NULL},
                                    {"from", a->images}, {"command", a->command}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i][1]) json_object_set_new(o, texts[i][0], json_string(shown(e, texts[i][1])));
    if (s->list.source) json_object_set_new(o, "list_hash", json_string(cm_image_list_hash(&s->list, &e->arena)));
    if (a->in_order) json_object_set_new(o, "match", json_string("order"));
    if (json_object_size(own)) json_object_set(o, "settings", own);
    json_decref(own);
    return o;
}

static json_t *settings_of(const cm_evaluation *e) {
    const cm_suite *s = e->suite;
    json_t *o = making_of(&s->making);
    json_object_set_new(o, "run_seed", json_integer((json_int_t)s->run_seed));
    json_object_set_new(o, "attention_factor", json_integer((json_int_t)s->attention_factor));
    json_object_set_new(o, "illustrated", json_integer((json_int_t)s->illustrated));
    json_object_set_new(o, "scores_backend", json_string(e->options->backend->name));
    json_object_set_new(o, "unequal", json_boolean(e->options->unequal));
    return o;
}

static json_t *side_of(cm_evaluation *e, const cm_side *s, const cm_drawn_set *d, const char *from) {
    return json_pack("{s:s, s:s, s:I, s:s}", "name", from ? shown(e, from) : d->name, "from",
                     from ? shown(e, from) : "drawn people", "count", (json_int_t)s->count, "hash",
                     cm_image_list_hash(&s->list, &e->arena));
}

static void add_sides(cm_evaluation *e, json_t *h) {
    json_t *left_out = json_object();
    for (size_t i = 0; i < e->side_count; i++) {
        const cm_side *s = &e->sides[i];
        const bool reference = s->kind == CM_SIDE_REFERENCE;
        if (s->kind != CM_SIDE_ARM)
            json_object_set_new(h, s->name,
                                side_of(e, s, reference ? &e->suite->drawn : &e->suite->ceiling,
                                        reference ? e->suite->reference : NULL));
        if (s->list.source)
            json_object_set_new(left_out, s->name, cm_picture_source_left_out(s->list.source)); /* nothing: no key */
    }
    if (json_object_size(left_out)) json_object_set(h, "left_out", left_out);
    json_decref(left_out);
}

static json_t *arms_of(cm_evaluation *e) {
    json_t *list = json_array();
    for (size_t i = 0; i < e->suite->arm_count; i++) json_array_append_new(list, arm_of(e, &e->sides[i]));
    return list;
}

static json_t *pairs_of(const cm_suite *s) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->pair_count; i++)
        json_array_append_new(list, json_pack("[s, s]", s->arms[s->pairs[i].a].name, s->arms[s->pairs[i].b].name));
    return list;
}

json_t *cm_evaluation_header(cm_evaluation *e) {
    const cm_evaluation_options *o = e->options;
    char now[32];
    cm_iso_time(now);
    json_t *h =
        json_pack("{s:s, s:i, s:s, s:s, s:I, s:I, s:s, s:s, s:i}", "kind", "run", "format", CM_RECORDS_FORMAT, "suite",
                  e->suite->name, "prompts", e->prompts.name ? e->prompts.name : "", "count", (json_int_t)e->unit_count,
                  "images", (json_int_t)e->suite->images, "started", now, "version", CM_VERSION, "threads", o->threads);
    if (!h) return NULL;
    json_object_set_new(h, "settings", settings_of(e));
    json_object_set_new(h, "arms", arms_of(e));
    json_object_set_new(h, "pairs", pairs_of(e->suite));
    if (json_array_size(e->suite->gates)) json_object_set(h, "gates", (json_t *)e->suite->gates);
    if (e->plan.metric_count) json_object_set_new(h, "primary", json_string(cm_plan_primary(e->suite, &e->plan)));
    json_object_set_new(h, "plan", cm_plan_describe(&e->plan));
    json_t *questions = NULL;
    if (cm_evaluation_count_questions(e, &questions) != CM_OK) return json_decref(h), NULL;
    if (questions) json_object_set_new(h, "questions", questions);
    if (e->prompts.name) json_object_set_new(h, "prompts_hash", json_string(e->prompts.hash));
    if (e->prompts.version) json_object_set_new(h, "prompts_version", json_integer((json_int_t)e->prompts.version));
    add_sides(e, h);
    if (e->statistics) json_object_set_new(h, "statistics", json_string(e->suite->reference));
    if (o->statistics) json_object_set_new(h, "write_statistics", json_string(o->statistics));
    if (o->shards)
        json_object_set_new(h, "shard",
                            json_pack("{s:I, s:I}", "index", (json_int_t)o->shard, "of", (json_int_t)o->shards));
    if (o->machine) json_object_update_missing(h, (json_t *)o->machine);
    return cm_arena_check(&e->arena) == CM_OK ? h : (json_decref(h), NULL);
}

/* --- holding one against another --------------------------------------------------------- */

const char *const cm_evaluation_keys[] = {"format", "suite",     "prompts", "prompts_hash", "count",
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
        if (both) CM_TRY(cm_headers_continue(o, more, one));
    }
    return CM_OK;
}

static void list_names(const json_t *arms, char *out, size_t size) {
    size_t i, used = 0;
    json_t *arm;
    out[0] = 0;
    json_array_foreach((json_t *)arms, i, arm)
        if (used < size) used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", text_of(arm, "name"));
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

cm_status cm_evaluation_join_headers(const json_t *found, const json_t *wanted, json_t **out) {
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
