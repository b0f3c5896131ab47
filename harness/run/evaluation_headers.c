// SPDX-License-Identifier: Apache-2.0
/* The header of a run: all that its images and scores depend on, and where they were made. */
#include <string.h>

#include "core/base/system.h"
#include "core/io/image_set.h"
#include "harness/records/run_headers.h"
#include "harness/run/evaluation_parts.h"

/* A path from the command line as text for the records. */
static const char *shown(cm_evaluation *e, const char *path) {
    const char *text = path ? cm_printable_path(path, &e->arena) : "";
    return text ? text : "";
}

/* Without a sampler or sides: the model's own, see its "arm" record. */
static json_t *write_settings(const cm_settings *s) {
    json_t *o = json_object();
    cm_settings_write(s, CM_IN_RUN, o);
    json_object_set_new(o, "dtype", json_string(s->backend->dtype));
    cm_settings_write(s, CM_IN_RUN_IF_SAID, o);
    return o;
}

/* What of an arm's settings is not the suite's. */
static json_t *own_settings(const cm_settings *s, const cm_settings *suite) {
    const char *key;
    void *next;
    json_t *own = write_settings(s), *common = write_settings(suite), *value;
    json_object_foreach_safe(own, next, key, value)
        if (json_equal(value, json_object_get(common, key))) json_object_del(own, key);
    json_decref(common);
    return own;
}

static json_t *arm_of(cm_evaluation *e, const cm_side *s) {
    const cm_arm *a = s->arm;
    json_t *o = json_pack("{s:s, s:s, s:s}", "name", a->name, "about",
                          *a->about || !a->images ? a->about : shown(e, a->images), "kind", cm_arm_kind_names[a->kind]);
    json_t *own = own_settings(&a->settings, &e->suite->settings);
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
    json_t *o = write_settings(&s->settings);
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
