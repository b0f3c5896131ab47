// SPDX-License-Identifier: Apache-2.0
#include "harness/suite.h"

#include <string.h>

#include "core/base/names.h"
#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "prompts/prompt_set.h"

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
    return cm_fail(CM_EUSAGE, "'%s' is no file and no name in %s", name, sub);
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

/* Every name in the user's list must be an arm. */
static cm_status check_choice(const json_t *arms, const char *list) {
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',') {
        const int n = (int)strcspn(at, ",");
        bool found = false;
        for (size_t i = 0; i < json_array_size(arms); i++) {
            const char *name = cm_json_text_or(json_array_get(arms, i), "name", "");
            found |= (int)strlen(name) == n && strncmp(name, at, (size_t)n) == 0;
        }
        if (!found) return cm_fail(CM_EUSAGE, "arms: '%.*s' is no arm of this suite", n, at);
    }
    return CM_OK;
}

static cm_status read_arms(cm_suite *s, const char *list, cm_arena *out) {
    const json_t *arms = json_object_get(s->document, "arms");
    CM_TRY(check_choice(arms, list));
    s->arms = CM_PUSH(out, cm_arm, json_array_size(arms) + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < json_array_size(arms); i++) {
        const json_t *row = json_array_get(arms, i);
        cm_arm a = {.about = cm_json_text_or(row, "about", "")};
        CM_TRY(cm_json_text(row, "name", &a.name));
        CM_TRY(cm_json_text(row, "model", &a.model));
        CM_TRY(cm_name_check("arm", a.name));
        if (is_chosen(list, a.name)) s->arms[s->arm_count++] = a;
    }
    const bool speed = json_array_size(json_object_get(s->document, "speed")) > 0;
    return s->arm_count || speed ? CM_OK : cm_fail(CM_EUSAGE, "no arms to run, and no speed rows");
}

static size_t find_arm(const cm_suite *s, const char *name) {
    size_t i = 0;
    while (i < s->arm_count && strcmp(s->arms[i].name, name) != 0) i++;
    return i;
}

/* Pairs of arms that are not both chosen are left out. */
static cm_status read_pairs(cm_suite *s, cm_arena *out) {
    const json_t *pairs = json_object_get(s->document, "pairs");
    s->pairs = CM_PUSH(out, cm_pair, json_array_size(pairs) + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *row = json_array_get(pairs, i);
        const char *a = json_string_value(json_array_get(row, 0)), *b = json_string_value(json_array_get(row, 1));
        if (!a || !b) return cm_fail(CM_EFORMAT, "pairs: entry %zu is not two arms", i + 1);
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
    s->sampler = cm_sampler_find(sampler);
    if (!s->sampler) return cm_fail(CM_EUSAGE, "no sampler '%s'; 'cosmicman list samplers' names them", sampler);
    s->backend = cm_backend_find(s->backend_name);
    if (!s->backend) return cm_fail(CM_EUSAGE, "no backend '%s'; 'cosmicman list backends' names them", s->backend_name);
    s->about = cm_json_text_or(o, "about", "");
    s->scorer = cm_json_text_or(o, "scorer", "nano");
    s->negative = cm_json_text_or(o, "negative", "");
    s->run_seed = cm_json_size_or(o, "run_seed", 1);
    s->attention_factor = cm_json_size_or(o, "attention_factor", 16);
    s->illustrated = cm_json_size_or(o, "illustrated", 0);
    return CM_OK;
}

static cm_status read_drawn(const json_t *document, const char *key, cm_drawn_set *d) {
    const json_t *o = json_object_get(document, key);
    d->name = cm_json_text_or(o, "name", key);
    d->seed = cm_json_size_or(o, "seed", 0);
    d->count = cm_json_size_or(o, "count", 0);
    d->simple = cm_json_bool_or(o, "simple", false);
    if (d->count == 1) return cm_fail(CM_EUSAGE, "%s: one drawing is too few, 0 is none", key);
    return CM_OK;
}

static cm_status read_suite(const cm_suite_choice *choice, cm_arena *out, cm_suite *s) {
    const char *prompts = choice->prompts;
    if (!prompts) CM_TRY(cm_json_text(s->document, "prompts", &prompts));
    CM_TRY(cm_find_prompts(prompts, out, &s->prompts_path));
    CM_TRY(read_settings(s));
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
