// SPDX-License-Identifier: Apache-2.0
#include "harness/suite.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/closest.h"
#include "core/base/names.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"
#include "prompts/prompt_set.h"

/* --- the keys ------------------------------------------------------------- */

enum { MAX_SIDE = 16384 };

static const cm_json_key suite_keys[] = {
    {"about", CM_JSON_TEXT},                    {"prompts", CM_JSON_NAME},       {"scorer", CM_JSON_NAME},
    {"sampler", CM_JSON_NAME},                  {"steps", CM_JSON_WHOLE, 1, 1000}, {"guidance", CM_JSON_NUMBER},
    {"negative", CM_JSON_TEXT},                 {"width", CM_JSON_WHOLE, 8, MAX_SIDE}, {"height", CM_JSON_WHOLE, 8, MAX_SIDE},
    {"run_seed", CM_JSON_WHOLE},                {"backend", CM_JSON_NAME},       {"attention_factor", CM_JSON_WHOLE, 0, 1024},
    {"illustrated", CM_JSON_WHOLE},             {"arms", CM_JSON_LIST},          {"pairs", CM_JSON_LIST},
    {"reference", CM_JSON_OBJECT},              {"ceiling", CM_JSON_OBJECT},     {"speed", CM_JSON_LIST},
    {0}};
static const cm_json_key speed_keys[] = {
    {"model", CM_JSON_NAME},         {"backend", CM_JSON_NAME},      {"width", CM_JSON_WHOLE, 8, MAX_SIDE},
    {"height", CM_JSON_WHOLE, 8, MAX_SIDE}, {"steps", CM_JSON_WHOLE, 1, 1000}, {"repeats", CM_JSON_WHOLE, 0, 10000},
    {"warm_up", CM_JSON_WHOLE, 0, MAX_SIDE}, {"stages", CM_JSON_LIST}, {"note", CM_JSON_TEXT},
    {0}};
static const cm_json_key arm_keys[] = {{"name", CM_JSON_NAME}, {"model", CM_JSON_NAME}, {"about", CM_JSON_TEXT}, {0}};
static const cm_json_key drawn_keys[] = {
    {"name", CM_JSON_NAME}, {"seed", CM_JSON_WHOLE}, {"count", CM_JSON_WHOLE, 0, 10000000}, {"simple", CM_JSON_BOOL}, {0}};

/* Settings that belong to the suite: an arm that has them would be measured without them. */
static cm_status check_arm_settings(const json_t *row) {
    static const char *const of_models[] = {"unet", "vae", "config", "lora"};
    static const char *const of_suites[] = {"sampler", "steps", "guidance", "negative", "width", "height", "backend"};
    for (size_t i = 0; i < sizeof of_models / sizeof *of_models; i++)
        if (json_object_get(row, of_models[i]))
            return cm_fail(CM_EFORMAT, "an arm cannot bring its own \"%s\": write that model with `cosmicman export` and give its "
                           "folder as \"model\"", of_models[i]);
    for (size_t i = 0; i < sizeof of_suites / sizeof *of_suites; i++)
        if (json_object_get(row, of_suites[i]))
            return cm_fail(CM_EFORMAT, "\"%s\" is the suite's, the same for all arms: another value wants another suite", of_suites[i]);
    return CM_OK;
}

/* --- files ---------------------------------------------------------------- */

enum { MAX_FILES = 256 };

/* Names the nearest of those that ship. */
static cm_status unknown_file(const char *name, const char *folder, const char *sub, const char *ending, cm_arena *out) {
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

static bool is_chosen(const char *list, const char *name) {
    const size_t n = strlen(name);
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == n && strncmp(at, name, n) == 0) return true;
    return list == NULL;
}

static cm_status unknown_arm(const json_t *arms, const char *typed, cm_arena *out) {
    const size_t n = json_array_size(arms);
    const char **names = CM_PUSH_ZERO(out, const char *, n + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < n; i++) names[i] = cm_json_text_or(json_array_get(arms, i), "name", "");
    return cm_unknown_choice("--arms", typed, names);
}

/* Every name in the user's list must be an arm. */
static cm_status check_choice(const json_t *arms, const char *list, cm_arena *out) {
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',') {
        const int n = (int)strcspn(at, ",");
        bool found = false;
        for (size_t i = 0; i < json_array_size(arms); i++) {
            const char *name = cm_json_text_or(json_array_get(arms, i), "name", "");
            found |= (int)strlen(name) == n && strncmp(name, at, (size_t)n) == 0;
        }
        if (!found) return unknown_arm(arms, cm_arena_print(out, "%.*s", n, at), out);
    }
    return CM_OK;
}

static cm_status read_arm(const json_t *row, size_t i, cm_arm *a) {
    char what[80];
    *a = (cm_arm){.about = cm_json_text_or(row, "about", "")};
    snprintf(what, sizeof what, "arm '%.40s'", cm_json_text_or(row, "name", ""));
    if (!json_is_string(json_object_get(row, "name"))) snprintf(what, sizeof what, "arm %zu", i + 1);
    cm_status s = check_arm_settings(row);
    if (s != CM_OK) return cm_fail_in(s, "%s", what);
    CM_TRY(cm_json_check(row, what, arm_keys));
    s = cm_json_text(row, "name", &a->name);
    if (s == CM_OK) s = cm_json_text(row, "model", &a->model);
    return s == CM_OK ? s : cm_fail_in(s, "%s", what);
}

/* Names are folders. The same model twice is no mistake (noise beside noise), but is told. */
static cm_status check_arms(const cm_suite *s) {
    for (size_t i = 0; i < s->arm_count; i++) {
        for (size_t k = 0; k < i; k++) {
            const cm_arm *a = &s->arms[k], *b = &s->arms[i];
            if (strcasecmp(a->name, b->name) == 0) return cm_fail(CM_EFORMAT, "two arms are named '%s'", b->name);
            if (strcmp(a->model, b->model) == 0)
                cm_warn("arms '%s' and '%s' are the same model, %s: their difference is 0", a->name, b->name, a->model);
        }
    }
    return CM_OK;
}

static cm_status read_arms(cm_suite *s, const char *list, cm_arena *out) {
    const json_t *arms = json_object_get(s->document, "arms");
    CM_TRY(check_choice(arms, list, out));
    s->arms = CM_PUSH(out, cm_arm, json_array_size(arms) + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < json_array_size(arms); i++) {
        cm_arm a;
        CM_TRY(read_arm(json_array_get(arms, i), i, &a));
        CM_TRY(cm_name_check("arm", a.name));
        if (is_chosen(list, a.name)) s->arms[s->arm_count++] = a;
    }
    CM_TRY(check_arms(s));
    const bool speed = json_array_size(json_object_get(s->document, "speed")) > 0;
    return s->arm_count || speed ? CM_OK : cm_fail(CM_EUSAGE, "no arms to run, and no speed rows");
}

static size_t find_arm(const cm_suite *s, const char *name) {
    size_t i = 0;
    while (i < s->arm_count && strcmp(s->arms[i].name, name) != 0) i++;
    return i;
}

/* An arm's name in a pair must be one of the suite's, chosen or not. */
static cm_status check_pair(const json_t *arms, const char *name, size_t i, cm_arena *out) {
    const size_t n = json_array_size(arms);
    const char **names = CM_PUSH_ZERO(out, const char *, n + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t k = 0; k < n; k++) {
        names[k] = cm_json_text_or(json_array_get(arms, k), "name", "");
        if (strcmp(names[k], name) == 0) return CM_OK;
    }
    return cm_unknown_choice(cm_arena_print(out, "pairs: entry %zu", i + 1), name, names);
}

/* Pairs of arms that are not both chosen are left out. */
static cm_status read_pairs(cm_suite *s, cm_arena *out) {
    const json_t *pairs = json_object_get(s->document, "pairs");
    s->pairs = CM_PUSH(out, cm_pair, json_array_size(pairs) + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *row = json_array_get(pairs, i);
        const char *a = json_string_value(json_array_get(row, 0)), *b = json_string_value(json_array_get(row, 1));
        if (!a || !b || json_array_size(row) != 2 || strcmp(a, b) == 0)
            return cm_fail(CM_EFORMAT, "pairs: entry %zu is not two arms", i + 1);
        CM_TRY(check_pair(json_object_get(s->document, "arms"), a, i, out));
        CM_TRY(check_pair(json_object_get(s->document, "arms"), b, i, out));
        const cm_pair p = {find_arm(s, a), find_arm(s, b)};
        if (p.a < s->arm_count && p.b < s->arm_count) s->pairs[s->pair_count++] = p;
    }
    return CM_OK;
}

static cm_status read_size(const json_t *o, const char *key, size_t multiple, size_t *value) {
    CM_TRY(cm_json_size(o, key, value));
    if (*value == 0 || *value % multiple) return cm_fail(CM_EUSAGE, "%s: %zu is not a positive multiple of %zu", key, *value, multiple);
    return CM_OK;
}

static cm_status read_settings(cm_suite *s) {
    const json_t *o = s->document;
    const char *sampler;
    CM_TRY(read_size(o, "steps", 1, &s->steps));
    CM_TRY(read_size(o, "width", 8, &s->width));
    CM_TRY(read_size(o, "height", 8, &s->height));
    CM_TRY(cm_json_number(o, "guidance", &s->guidance));
    CM_TRY(cm_json_text(o, "sampler", &sampler));
    CM_TRY(cm_json_text(o, "backend", &s->backend_name));
    CM_TRY(cm_sampler_choose("sampler", sampler, &s->sampler));
    CM_TRY(cm_backend_choose("backend", s->backend_name, &s->backend));
    s->about = cm_json_text_or(o, "about", "");
    s->scorer = cm_json_text_or(o, "scorer", "nano");
    s->negative = cm_json_text_or(o, "negative", NULL);
    s->run_seed = cm_json_size_or(o, "run_seed", 1);
    s->attention_factor = cm_json_size_or(o, "attention_factor", 16);
    s->illustrated = cm_json_size_or(o, "illustrated", 0);
    return CM_OK;
}

static cm_status check_speed(const json_t *rows) {
    char what[32];
    for (size_t i = 0; i < json_array_size(rows); i++) {
        snprintf(what, sizeof what, "speed row %zu", i + 1);
        CM_TRY(cm_json_check(json_array_get(rows, i), what, speed_keys));
    }
    return CM_OK;
}

static cm_status read_drawn(const json_t *document, const char *key, cm_drawn_set *d) {
    const json_t *o = json_object_get(document, key);
    if (o) CM_TRY(cm_json_check(o, key, drawn_keys));
    d->name = cm_json_text_or(o, "name", key);
    d->seed = cm_json_size_or(o, "seed", 0);
    d->count = cm_json_size_or(o, "count", 0);
    d->simple = cm_json_bool_or(o, "simple", false);
    if (d->count == 1) return cm_fail(CM_EUSAGE, "%s: one drawing is too few, 0 is none", key);
    return CM_OK;
}

static cm_status read_suite(const cm_suite_choice *choice, cm_arena *out, cm_suite *s) {
    const char *prompts = choice->prompts;
    CM_TRY(cm_json_check(s->document, "suite", suite_keys));
    if (!prompts) CM_TRY(cm_json_text(s->document, "prompts", &prompts));
    CM_TRY(cm_find_prompts(prompts, out, &s->prompts_path));
    CM_TRY(read_settings(s));
    CM_TRY(check_speed(json_object_get(s->document, "speed")));
    CM_TRY(read_arms(s, choice->arms, out));
    CM_TRY(read_pairs(s, out));
    CM_TRY(read_drawn(s->document, "reference", &s->reference));
    return read_drawn(s->document, "ceiling", &s->ceiling);
}

cm_status cm_suite_open(const cm_suite_choice *choice, cm_arena *out, cm_suite *s) {
    cm_suite r = {0};
    const char *path;
    CM_TRY(find_file(choice->suite, "harness/suites", ".json", out, &path));
    CM_TRY(cm_json_read(path, &r.document));
    r.name = cm_prompt_set_stem(path, out);
    cm_status status = cm_arena_check(out);
    if (status == CM_OK) status = cm_name_check("suite", r.name);
    if (status == CM_OK) status = read_suite(choice, out, &r);
    if (status == CM_OK) status = cm_arena_check(out);
    if (status != CM_OK) {
        cm_suite_close(&r);
        return cm_fail_in(status, "%s", path);
    }
    *s = r;
    return CM_OK;
}

void cm_suite_close(cm_suite *s) {
    json_decref(s->document);
    s->document = NULL;
}
