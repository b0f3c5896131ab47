// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/closest.h"
#include "core/base/names.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/generator/recipes.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"
#include "harness/arms/command_arm.h"
#include "harness/suite/suite_parts.h"

const char *const cm_arm_kind_names[CM_ARM_KINDS] = {"absent", "model", "images", "command"};

static const cm_json_key own_keys[] = {{"name", CM_JSON_NAME},   {"about", CM_JSON_TEXT},
                                       {"model", CM_JSON_NAME},  {"unet", CM_JSON_NAME},
                                       {"vae", CM_JSON_NAME},    {"config", CM_JSON_NAME},
                                       {"images", CM_JSON_NAME}, {"match", CM_JSON_NAME},
                                       {"exec", CM_JSON_NAME},   {0}};

enum { KEYS = CM_SETTING_COUNT + sizeof own_keys / sizeof *own_keys };

/* --- how images are made ------------------------------------------------------ */

cm_status cm_suite_read_settings(const json_t *o, cm_arena *out, cm_settings *s) {
    const char *name = cm_json_text_or(o, "recipe", NULL);
    cm_recipe recipe;
    if (name) CM_TRY(cm_recipe_find(name, out, &recipe));
    if (name) cm_recipe_follow(&recipe, s);
    return cm_settings_read(o, CM_IN_SUITE, out, s);
}

/* --- an arm ----------------------------------------------------------------- */

static const char *const kind_words[CM_ARM_KINDS] = {"", "a model", "a folder of images", "a command"};

/* Keys of one kind of arm say nothing of another kind. */
static cm_status check_kind(const json_t *row, cm_arm_kind kind) {
    static const struct {
        const char *key;
        cm_arm_kind kind;
    } own[] = {{"unet", CM_ARM_MODEL}, {"vae", CM_ARM_MODEL}, {"config", CM_ARM_MODEL}, {"match", CM_ARM_IMAGES}};
    static const unsigned where[CM_ARM_KINDS] = {[CM_ARM_MODEL] = CM_IN_SUITE, [CM_ARM_COMMAND] = CM_IN_COMMAND};
    const char *key = NULL;
    for (size_t i = 0; !key && i < sizeof own / sizeof *own; i++)
        if (json_object_get(row, own[i].key) && own[i].kind != kind) key = own[i].key;
    for (const cm_setting *x = cm_settings_table; !key && x->name; x++)
        if (json_object_get(row, x->name) && !(x->where & where[kind])) key = x->name;
    return !key || kind == CM_ARM_ABSENT
               ? CM_OK
               : cm_fail(CM_EFORMAT, "\"%s\" says nothing of an arm that is %s", key, kind_words[kind]);
}

static cm_status read_match(const json_t *row, cm_arm *a) {
    const char *match = cm_json_text_or(row, "match", "id");
    a->in_order = strcmp(match, "order") == 0;
    return a->in_order || !strcmp(match, "id")
               ? CM_OK
               : cm_unknown_choice("match", match, (const char *const[]){"id", "order", NULL});
}

static cm_status read_kind(const cm_suite *s, const json_t *row, cm_arm *a) {
    a->model = cm_json_text_or(row, "model", NULL);
    a->images = cm_json_text_or(row, "images", NULL);
    a->command = cm_json_text_or(row, "exec", NULL);
    if (!!a->model + !!a->images + !!a->command > 1)
        return cm_fail(CM_EFORMAT, "one of \"model\", \"images\" and \"exec\" is wanted, not several");
    a->kind = a->model ? CM_ARM_MODEL : a->images ? CM_ARM_IMAGES : a->command ? CM_ARM_COMMAND : CM_ARM_ABSENT;
    a->unet = cm_json_text_or(row, "unet", NULL);
    a->vae = cm_json_text_or(row, "vae", NULL);
    a->config = cm_json_text_or(row, "config", cm_json_text_or(s->document, "config", NULL));
    CM_TRY(check_kind(row, a->kind));
    if (a->command) CM_TRY(cm_command_check(a->command));
    return read_match(row, a);
}

static cm_status check_name(const char *name) {
    CM_TRY(cm_name_check("arm", name));
    if (strcasecmp(name, "reference") && strcasecmp(name, "ceiling")) return CM_OK;
    return cm_fail(CM_EFORMAT, "an arm cannot be called '%s', which files of the run are", name);
}

static cm_status read_arm(const cm_suite *s, const json_t *row, size_t i, cm_arena *out, cm_arm *a) {
    char what[80];
    cm_json_key keys[KEYS];
    *a = (cm_arm){.about = cm_json_text_or(row, "about", ""), .settings = s->settings, .own = row};
    snprintf(what, sizeof what, "arm '%.40s'", cm_json_text_or(row, "name", ""));
    if (!json_is_string(json_object_get(row, "name"))) snprintf(what, sizeof what, "arm %zu", i + 1);
    cm_settings_keys(CM_IN_SUITE, own_keys, keys, KEYS);
    CM_TRY(cm_json_check(row, what, keys));
    cm_status status = cm_json_text(row, "name", &a->name);
    if (status == CM_OK) status = check_name(a->name);
    if (status == CM_OK) status = read_kind(s, row, a);
    if (status == CM_OK) status = cm_suite_read_settings(row, out, &a->settings);
    return status == CM_OK ? CM_OK : cm_fail_in(status, "%s", what);
}

/* --- which arms --------------------------------------------------------------- */

static bool is_chosen(const char *list, const char *name) {
    const size_t n = strlen(name);
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == n && strncmp(at, name, n) == 0) return true;
    return list == NULL;
}

static cm_status check_known(const json_t *arms, const char *what, const char *typed, cm_arena *out) {
    const size_t n = json_array_size(arms);
    const char **names = CM_PUSH_ZERO(out, const char *, n + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < n; i++) {
        names[i] = cm_json_text_or(json_array_get(arms, i), "name", "");
        if (strcmp(names[i], typed) == 0) return CM_OK;
    }
    return cm_unknown_choice(what, typed, names);
}

/* Every name in the user's list must be an arm. */
static cm_status check_choice(const json_t *arms, const char *list, cm_arena *out) {
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',') {
        const char *name = cm_arena_print(out, "%.*s", (int)strcspn(at, ","), at);
        CM_TRY(cm_arena_check(out));
        CM_TRY(check_known(arms, "--arms", name, out));
        const char *rest = at + strlen(name);
        if (*rest == ',' && is_chosen(rest + 1, name)) return cm_fail(CM_EUSAGE, "--arms: '%s' is named twice", name);
    }
    return CM_OK;
}

static const char *source_of(const cm_arm *a) {
    return a->model ? a->model : a->images ? a->images : a->command ? a->command : "";
}

/* Names are folders. The same arm twice is no mistake (noise beside noise), but is told. */
static cm_status check_arms(const cm_suite *s) {
    for (size_t i = 0; i < s->arm_count; i++) {
        for (size_t k = 0; k < i; k++) {
            const cm_arm *a = &s->arms[k], *b = &s->arms[i];
            if (strcasecmp(a->name, b->name) == 0) return cm_fail(CM_EFORMAT, "two arms are named '%s'", b->name);
            const bool bare = json_object_size(a->own) == json_object_size(b->own) && !a->unet && !b->unet &&
                              !memcmp(&a->settings, &b->settings, sizeof a->settings);
            if (a->kind && a->kind == b->kind && bare && strcmp(source_of(a), source_of(b)) == 0)
                cm_warn("arms '%s' and '%s' are the same %s, %s: their difference is 0", a->name, b->name,
                        cm_arm_kind_names[a->kind], source_of(a));
        }
    }
    return CM_OK;
}

/* --- pairs ------------------------------------------------------------------------ */

static size_t find_arm(const cm_suite *s, const char *name) {
    size_t i = 0;
    while (i < s->arm_count && strcmp(s->arms[i].name, name) != 0) i++;
    return i;
}

/* Pairs of arms that are not both there are left out. */
static cm_status read_pair(cm_suite *s, const json_t *row, size_t i, cm_arena *out) {
    char what[48];
    const char *a = json_string_value(json_array_get(row, 0)), *b = json_string_value(json_array_get(row, 1));
    const json_t *arms = json_object_get(s->document, "arms");
    if (!a || !b || json_array_size(row) != 2 || strcmp(a, b) == 0)
        return cm_fail(CM_EFORMAT, "pairs: entry %zu is not two arms", i + 1);
    snprintf(what, sizeof what, "pairs: entry %zu", i + 1);
    CM_TRY(check_known(arms, what, a, out));
    CM_TRY(check_known(arms, what, b, out));
    const cm_arm_pair p = {find_arm(s, a), find_arm(s, b)};
    if (p.a < s->arm_count && p.b < s->arm_count && s->arms[p.a].kind && s->arms[p.b].kind)
        s->pairs[s->pair_count++] = p;
    return CM_OK;
}

/* Without a word on pairs, every later arm is held against the first. */
static cm_status read_pairs(cm_suite *s, cm_arena *out) {
    const json_t *pairs = json_object_get(s->document, "pairs");
    s->pairs = CM_PUSH(out, cm_arm_pair, json_array_size(pairs) + s->arm_count + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < json_array_size(pairs); i++) CM_TRY(read_pair(s, json_array_get(pairs, i), i, out));
    size_t first = 0;
    while (first < s->arm_count && !s->arms[first].kind) first++;
    for (size_t i = first + 1; !pairs && i < s->arm_count; i++)
        if (s->arms[i].kind) s->pairs[s->pair_count++] = (cm_arm_pair){i, first};
    return CM_OK;
}

cm_status cm_suite_read_arms(cm_suite *s, const char *only, cm_arena *out) {
    const json_t *arms = json_object_get(s->document, "arms");
    size_t run = 0;
    CM_TRY(check_choice(arms, only, out));
    s->arms = CM_PUSH(out, cm_arm, json_array_size(arms) + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < json_array_size(arms); i++) {
        cm_arm a;
        CM_TRY(read_arm(s, json_array_get(arms, i), i, out, &a));
        if (!is_chosen(only, a.name)) continue;
        s->arms[s->arm_count++] = a;
        run += a.kind != CM_ARM_ABSENT;
    }
    CM_TRY(check_arms(s));
    CM_TRY(read_pairs(s, out));
    if (run || json_array_size(json_object_get(s->document, "speed"))) return CM_OK;
    return s->arm_count
               ? cm_fail(CM_EUSAGE, "this suite's arms are to be given: --arm '%s=MODEL' or --arm-images '%s=DIR'",
                         s->arms[0].name, s->arms[0].name)
               : cm_fail(CM_EUSAGE, "no arms to run, and no speed rows");
}

/* --- from the command line ------------------------------------------------------------ */

/* Where ",KEY=" with a key of arms begins, or the end. */
static const char *next_setting(const cm_json_key *keys, const char *text) {
    for (const char *at = strchr(text, ','); at; at = strchr(at + 1, ',')) {
        const size_t n = strcspn(at + 1, "=,");
        for (const cm_json_key *k = keys; at[1 + n] == '=' && k->name; k++)
            if (strlen(k->name) == n && strncmp(k->name, at + 1, n) == 0) return at;
    }
    return text + strlen(text);
}

static json_t *value_of(const cm_json_key *keys, const char *key, const char *text, size_t length) {
    const cm_json_key *k = keys;
    while (k->name && strcmp(k->name, key)) k++;
    char number[64];
    snprintf(number, sizeof number, "%.*s", (int)(length < 63 ? length : 63), text);
    json_t *v =
        k->type == CM_JSON_WHOLE || k->type == CM_JSON_NUMBER ? json_loads(number, JSON_DECODE_ANY, NULL) : NULL;
    return v ? v : json_stringn(text, length); /* no number where one is wanted: the check says so */
}

/* ",KEY=" in a path that is not there was meant as a setting. */
static cm_status check_settings(const cm_json_key *keys, const char *option, const char *path, size_t length) {
    const char *names[KEYS];
    char whole[4096], key[48], what[32];
    size_t n = 0;
    for (const cm_json_key *k = keys; k->name; k++)
        if (strcmp(k->name, "name") != 0 && strcmp(k->name, "about") != 0) names[n++] = k->name;
    names[n] = NULL;
    snprintf(whole, sizeof whole, "%.*s", (int)length, path);
    snprintf(what, sizeof what, "--%s", option);
    if (cm_path_exists(whole)) return CM_OK;
    for (const char *at = strchr(whole, ','); at; at = strchr(at + 1, ',')) {
        const size_t word = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_-");
        snprintf(key, sizeof key, "%.*s", (int)word, at + 1);
        if (word && at[1 + word] == '=') return cm_unknown_choice(what, key, names);
    }
    return CM_OK;
}

cm_status cm_suite_arm_row(const char *option, const char *key, const char *text, json_t **row) {
    const size_t name = strcspn(text, "=");
    cm_json_key keys[KEYS];
    cm_settings_keys(CM_IN_SUITE, own_keys, keys, KEYS);
    if (!text[name] || name == 0 || !text[name + 1])
        return cm_fail(CM_EUSAGE, "--%s: '%s' is not NAME=%s", option, text, key);
    const char *at = text + name + 1, *end = strcmp(key, "exec") ? next_setting(keys, at) : at + strlen(at);
    if (strcmp(key, "exec") != 0) CM_TRY(check_settings(keys, option, at, (size_t)(end - at)));
    json_t *o = json_object();
    json_object_set_new(o, "name", json_stringn(text, name));
    json_object_set_new(o, key, json_stringn(at, (size_t)(end - at)));
    while (*end) {
        char setting[32];
        const char *value = strchr(end, '=') + 1, *next = next_setting(keys, value);
        snprintf(setting, sizeof setting, "%.*s", (int)(value - end - 2), end + 1);
        json_object_set_new(o, setting, value_of(keys, setting, value, (size_t)(next - value)));
        end = next;
    }
    if (!json_object_get(o, "name") || !json_object_get(o, key)) {
        json_decref(o);
        return cm_fail(CM_EUSAGE, "--%s: the text is not UTF-8", option);
    }
    *row = o;
    return CM_OK;
}
