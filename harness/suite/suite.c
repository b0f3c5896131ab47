// SPDX-License-Identifier: Apache-2.0
#include "harness/suite/suite.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/closest.h"
#include "core/base/names.h"
#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"
#include "harness/suite/suite_parts.h"
#include "prompts/prompt_set.h"

/* --- the keys ------------------------------------------------------------- */

static const cm_json_key suite_keys[] = {{"about", CM_JSON_TEXT},
                                         {"prompts", CM_JSON_NAME},
                                         {"prompt_column", CM_JSON_NAME},
                                         {"count", CM_JSON_WHOLE, 1, 1e9},
                                         {"metrics", CM_JSON_NAME},
                                         {"primary", CM_JSON_NAME},
                                         {"scorer", CM_JSON_NAME},
                                         {"weights", CM_JSON_NAME},
                                         {"networks", CM_JSON_NAME},
                                         {"tokenizer", CM_JSON_NAME},
                                         {"kid_subset", CM_JSON_WHOLE, 2, 1e9},
                                         {"images", CM_JSON_WHOLE, 1, 1000},
                                         {"run_seed", CM_JSON_WHOLE},
                                         {"config", CM_JSON_NAME},
                                         {"timeout", CM_JSON_NUMBER, 0, 1e9},
                                         {"attention_factor", CM_JSON_WHOLE, 0, 1024},
                                         {"illustrated", CM_JSON_WHOLE},
                                         {"arms", CM_JSON_LIST},
                                         {"pairs", CM_JSON_LIST},
                                         {"reference", CM_JSON_ANY},
                                         {"ceiling", CM_JSON_OBJECT},
                                         {"speed", CM_JSON_LIST},
                                         {"gates", CM_JSON_LIST},
                                         {0}};
enum { SUITE_KEYS = CM_SETTING_COUNT + sizeof suite_keys / sizeof *suite_keys };
static const cm_json_key speed_keys[] = {{"model", CM_JSON_NAME},
                                         CM_SETTING_BACKEND(CM_SETTING_KEY),
                                         CM_SETTING_WIDTH(CM_SETTING_KEY),
                                         CM_SETTING_HEIGHT(CM_SETTING_KEY),
                                         CM_SETTING_STEPS(CM_SETTING_KEY),
                                         {"repeats", CM_JSON_WHOLE, 0, 10000},
                                         {"warm_up", CM_JSON_WHOLE, 0, 16384},
                                         {"stages", CM_JSON_LIST},
                                         {"note", CM_JSON_TEXT},
                                         {0}};
static const cm_json_key gate_keys[] = {{"pair", CM_JSON_LIST},    {"arm", CM_JSON_NAME},
                                        {"score", CM_JSON_NAME},   {"margin", CM_JSON_NUMBER, 0, 1e300},
                                        {"bound", CM_JSON_NUMBER}, {0}};
static const cm_json_key drawn_keys[] = {{"name", CM_JSON_NAME},
                                         {"seed", CM_JSON_WHOLE},
                                         {"count", CM_JSON_WHOLE, 0, 10000000},
                                         {"simple", CM_JSON_BOOL},
                                         {0}};

/* --- files ---------------------------------------------------------------- */

enum { MAX_FILES = 256 };

/* Names the nearest of those that ship. */
static cm_status unknown_file(const char *name, const char *folder, const char *sub, const char *ending,
                              cm_arena *out) {
    char *names[MAX_FILES + 1];
    size_t count = 0;
    if (strlen(name) > strlen(ending) && strcmp(name + strlen(name) - strlen(ending), ending) == 0)
        return cm_fail(CM_EUSAGE, "%s: no such file", name);
    CM_TRY(cm_names_in(folder, ending, out, names, MAX_FILES, &count));
    names[count] = NULL;
    const char *near = cm_closest(name, (const char *const *)names);
    if (near) return cm_fail(CM_EUSAGE, "'%s' is no file and no name in %s; the closest is '%s'", name, sub, near);
    return cm_fail(CM_EUSAGE, "'%s' is no file and no name in %s", name, sub);
}

/* name with `ending` in the shipped folder `sub`, unless it is a path by itself. */
static cm_status find_file(const char *name, const char *sub, const char *ending, cm_arena *out, const char **path) {
    if (strchr(name, '/') || (cm_path_exists(name) && !cm_path_is_dir(name))) {
        *path = cm_arena_string(out, name);
        return cm_arena_check(out);
    }
    char *folder;
    CM_TRY(cm_shipped_folder(sub, out, &folder));
    *path = cm_arena_print(out, "%s/%s%s", folder, name, ending);
    CM_TRY(cm_arena_check(out));
    if (cm_path_exists(*path)) return CM_OK;
    return unknown_file(name, folder, sub, ending, out);
}

cm_status cm_find_prompts(const char *name, cm_arena *out, const char **path) {
    return find_file(name, "prompts/sets", ".jsonl", out, path);
}

/* --- parts ------------------------------------------------------------------ */

static cm_status check_speed(const json_t *rows) {
    char what[32];
    for (size_t i = 0; i < json_array_size(rows); i++) {
        snprintf(what, sizeof what, "speed row %zu", i + 1);
        CM_TRY(cm_json_check(json_array_get(rows, i), what, speed_keys));
    }
    return CM_OK;
}

/* {"pair": [a, b], "score", "margin"} or {"arm", "score", "bound"}. */
static cm_status check_gate(const cm_suite *s, const json_t *gate, const char *what) {
    const char *names[CM_GATE_ARMS + 1] = {NULL};
    const json_t *pair = json_object_get(gate, "pair");
    const size_t arms = json_array_size(json_object_get(s->document, "arms"));
    CM_TRY(cm_json_check(gate, what, gate_keys));
    if (!json_object_get(gate, "score")) return cm_fail(CM_EFORMAT, "%s: \"score\" is missing", what);
    const bool bounded =
        json_object_get(gate, "arm") && json_object_get(gate, "bound") && !pair && !json_object_get(gate, "margin");
    const bool paired = json_array_size(pair) == 2 && !json_object_get(gate, "arm") && !json_object_get(gate, "bound");
    if (!bounded && !paired)
        return cm_fail(CM_EFORMAT, "%s: \"pair\": [a, b] with \"margin\", or \"arm\" with \"bound\", is wanted", what);
    for (size_t i = 0; i < arms && i < CM_GATE_ARMS; i++)
        names[i] = cm_json_text_or(json_array_get(json_object_get(s->document, "arms"), i), "name", "");
    for (size_t k = 0; k < (paired ? 2 : 1); k++) {
        const char *name = paired ? json_string_value(json_array_get(pair, k)) : cm_json_text_or(gate, "arm", "");
        size_t i = 0;
        while (names[i] && name && strcmp(names[i], name) != 0) i++;
        if (!names[i] || !name) return cm_unknown_choice(what, name ? name : "", names);
    }
    return CM_OK;
}

static cm_status read_gates(cm_suite *s) {
    char what[32];
    s->gates = json_object_get(s->document, "gates");
    for (size_t i = 0; i < json_array_size(s->gates); i++) {
        snprintf(what, sizeof what, "gate %zu", i + 1);
        CM_TRY(check_gate(s, json_array_get(s->gates, i), what));
    }
    return CM_OK;
}

static cm_status read_drawn(const json_t *o, const char *key, cm_drawn_set *d) {
    if (o) CM_TRY(cm_json_check(o, key, drawn_keys));
    d->name = cm_json_text_or(o, "name", key);
    d->seed = cm_json_size_or(o, "seed", 0);
    d->count = cm_json_size_or(o, "count", 0);
    d->simple = cm_json_bool_or(o, "simple", false);
    if (d->count == 1) return cm_fail(CM_EUSAGE, "%s: one drawing is too few, 0 is none", key);
    return CM_OK;
}

/* A path, or drawn people. */
static cm_status read_reference(cm_suite *s) {
    const json_t *o = json_object_get(s->document, "reference");
    if (json_is_string(o)) s->reference = json_string_value(o);
    if (json_is_string(o) && !*s->reference) return cm_fail(CM_EFORMAT, "reference: '' is no path");
    if (o && !json_is_string(o) && !json_is_object(o))
        return cm_fail(CM_EFORMAT, "reference: a path, or {\"seed\", \"count\"} of drawn people");
    return read_drawn(json_is_object(o) ? o : NULL, "reference", &s->drawn);
}

/* Earlier suites name a scorer: the shipped networks, or the mock that stands for them in tests. */
static cm_status read_scores(cm_suite *s) {
    const json_t *o = s->document;
    const char *scorer = cm_json_text_or(o, "scorer", NULL);
    s->metrics = cm_json_text_or(o, "metrics", "nano");
    s->primary = cm_json_text_or(o, "primary", NULL);
    s->weights = cm_json_text_or(o, "weights", NULL);
    s->networks = cm_json_text_or(o, "networks", NULL);
    s->tokenizer = cm_json_text_or(o, "tokenizer", NULL);
    s->kid_subset = cm_json_size_or(o, "kid_subset", 0);
    if (!scorer) return CM_OK;
    if (strcmp(scorer, "nano") && strcmp(scorer, "mock"))
        return cm_unknown_choice("scorer", scorer, (const char *const[]){"nano", "mock", NULL});
    if (!strcmp(scorer, "mock")) s->weights = "mock";
    return CM_OK;
}

static cm_status read_settings(cm_suite *s, cm_arena *out) {
    const json_t *o = s->document;
    s->about = cm_json_text_or(o, "about", "");
    s->run_seed = cm_json_size_or(o, "run_seed", 1);
    s->images = cm_json_size_or(o, "images", 1);
    s->timeout = cm_json_number_or(o, "timeout", 0);
    s->attention_factor = cm_json_size_or(o, "attention_factor", 16);
    s->illustrated = cm_json_size_or(o, "illustrated", 0);
    s->prompt_column = cm_json_text_or(o, "prompt_column", NULL);
    s->count = cm_json_size_or(o, "count", 0);
    CM_TRY(cm_settings_defaults(&s->settings));
    return cm_suite_read_settings(o, out, &s->settings);
}

static cm_status read_suite(cm_suite *s, const char *arms, cm_arena *out) {
    const char *prompts = NULL;
    cm_json_key keys[SUITE_KEYS];
    cm_settings_keys(CM_IN_SUITE, suite_keys, keys, SUITE_KEYS);
    CM_TRY(cm_json_check(s->document, "suite", keys));
    prompts = cm_json_text_or(s->document, "prompts", NULL);
    if (prompts) CM_TRY(cm_find_prompts(prompts, out, &s->prompts_path));
    CM_TRY(read_settings(s, out));
    CM_TRY(read_scores(s));
    CM_TRY(check_speed(json_object_get(s->document, "speed")));
    CM_TRY(cm_suite_read_arms(s, arms, out));
    CM_TRY(read_gates(s));
    CM_TRY(read_reference(s));
    return read_drawn(json_object_get(s->document, "ceiling"), "ceiling", &s->ceiling);
}

/* --- the command line's changes ------------------------------------------------------ */

/* An arm that the suite has, too, gets what the command line says of it. */
static cm_status change_arm(json_t *arms, const json_t *row) {
    size_t i;
    json_t *arm;
    json_array_foreach(arms, i, arm) {
        if (strcmp(cm_json_text_or(arm, "name", ""), cm_json_text_or(row, "name", ""))) continue;
        json_object_del(arm, "model");
        json_object_del(arm, "images");
        json_object_del(arm, "exec");
        return json_object_update(arm, (json_t *)row) == 0 ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
    }
    return json_array_append(arms, (json_t *)row) == 0 ? CM_OK : cm_fail(CM_ENOMEM, "out of memory");
}

static cm_status change_list(json_t *document, const char *key, const json_t *rows) {
    size_t i;
    json_t *row, *list = json_object_get(document, key);
    if (!list) {
        list = json_array();
        if (json_object_set_new(document, key, list) != 0) return cm_fail(CM_ENOMEM, "out of memory");
    }
    json_array_foreach((json_t *)rows, i, row) {
        if (!strcmp(key, "arms")) CM_TRY(change_arm(list, row));
        else if (json_array_append(list, row) != 0) return cm_fail(CM_ENOMEM, "out of memory");
    }
    return CM_OK;
}

static cm_status change(json_t *document, const json_t *changes) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)changes, key, value) {
        if (json_is_array(value)) CM_TRY(change_list(document, key, value));
        else if (json_object_set(document, key, value) != 0) return cm_fail(CM_ENOMEM, "out of memory");
    }
    if (!json_object_get(changes, "metrics") || json_object_get(changes, "scorer")) return CM_OK;
    const bool mock = strcmp(cm_json_text_or(document, "scorer", ""), "mock") == 0;
    json_object_del(document, "scorer");
    return mock ? json_object_set_new(document, "weights", json_string("mock")) == 0
                      ? CM_OK
                      : cm_fail(CM_ENOMEM, "out of memory")
                : CM_OK;
}

/* Prompts of the command line. */
static cm_status check_own_prompts(const json_t *changes, cm_arena *out) {
    const char *prompts = cm_json_text_or(changes, "prompts", NULL), *path;
    const cm_status s = prompts ? cm_find_prompts(prompts, out, &path) : CM_OK;
    return s == CM_OK ? CM_OK : cm_fail_in(s, "--prompts");
}

cm_status cm_suite_open(const cm_suite_choice *choice, cm_arena *out, cm_suite *s) {
    cm_suite r = {.name = choice->name};
    const char *path = "suite";
    if (choice->suite) {
        CM_TRY(find_file(choice->suite, "harness/suites", ".json", out, &path));
        CM_TRY(cm_json_read(path, &r.document));
        r.name = cm_prompt_set_stem(path, out);
    } else {
        r.document = json_object();
    }
    cm_status status = cm_arena_check(out);
    if (status == CM_OK) status = check_own_prompts(choice->changes, out);
    if (status != CM_OK) {
        cm_suite_close(&r);
        return status; /* no fault of the suite's file */
    }
    status = cm_name_check("suite", r.name);
    if (status == CM_OK && json_is_object(r.document)) status = change(r.document, choice->changes);
    if (status == CM_OK) status = read_suite(&r, choice->arms, out);
    if (status == CM_OK) status = cm_arena_check(out);
    if (status != CM_OK) {
        cm_suite_close(&r);
        return choice->suite ? cm_fail_in(status, "%s", path) : status;
    }
    *s = r;
    return CM_OK;
}

void cm_suite_close(cm_suite *s) {
    json_decref(s->document);
    s->document = NULL;
}
