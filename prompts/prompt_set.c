// SPDX-License-Identifier: Apache-2.0
#include "prompts/prompt_set.h"

#include <string.h>

#include "core/base/name_table.h"
#include "core/base/system.h"
#include "core/io/jsonl.h"

const char *cm_prompt_group_name(int group) {
    return group == CM_GROUP_SHOT ? "shot" : cm_groups[group].name;
}

/* A number, or the group's name. */
static cm_status read_group(const json_t *o, int *group) {
    const json_t *v = json_object_get(o, "group");
    for (int g = CM_GROUP_SHOT; g < CM_GROUPS; g++) {
        if (json_is_string(v) ? strcmp(json_string_value(v), cm_prompt_group_name(g)) != 0
                              : !json_is_integer(v) || json_integer_value(v) != g)
            continue;
        *group = g;
        return CM_OK;
    }
    return cm_fail(CM_EFORMAT, "\"group\": none of the text groups, -1 to %d or a name", CM_GROUPS - 1);
}

static cm_status read_classes(const json_t *o, int group, uint32_t *classes) {
    const json_t *list = json_object_get(o, "classes");
    *classes = group == CM_GROUP_SHOT ? cm_groups[1].classes : cm_groups[group].classes;
    if (!list) return CM_OK;
    uint32_t bits = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        const json_int_t value = json_is_integer(c) ? json_integer_value(c) : -1;
        if (value < 0 || value >= CM_CLASSES) return cm_fail(CM_EFORMAT, "classes: entry %zu is no parsing class", i + 1);
        bits |= 1u << value;
    }
    *classes = bits;
    return CM_OK;
}

static cm_status read_attributes(const json_t *o, cm_arena *out, cm_phrase *p) {
    json_t *all = json_object_get(o, "attributes"), *value;
    const char *key;
    if (json_object_size(all) > CM_MAX_ATTRIBUTES + 1) return cm_fail(CM_EFORMAT, "more than %d attributes", CM_MAX_ATTRIBUTES + 1);
    json_object_foreach(all, key, value) {
        if (!json_is_string(value)) return cm_fail(CM_EFORMAT, "attribute '%s' is not text", key);
        p->attributes[p->attribute_count++] =
            (cm_attribute){cm_arena_string(out, key), cm_arena_string(out, json_string_value(value))};
    }
    return CM_OK;
}

/* from: where the search for the phrase begins; moves behind it. */
static cm_status read_phrase(const json_t *o, const char *prompt, size_t *from, cm_arena *out, cm_phrase *p) {
    const char *text;
    CM_TRY(read_group(o, &p->group));
    CM_TRY(cm_json_text(o, "text", &text));
    const char *at = strstr(prompt + *from, text);
    if (!at) at = strstr(prompt, text);
    if (!at || !text[0]) return cm_fail(CM_EFORMAT, "the prompt does not contain the phrase '%s'", text);
    p->text = cm_arena_string(out, text);
    p->begin = (size_t)(at - prompt);
    p->end = *from = p->begin + strlen(text);
    CM_TRY(read_classes(o, p->group, &p->classes));
    return read_attributes(o, out, p);
}

static cm_status read_prompt(const json_t *o, cm_arena *out, cm_prompt *p) {
    const char *id, *text;
    CM_TRY(cm_json_text(o, "id", &id));
    CM_TRY(cm_json_text(o, "prompt", &text));
    if (!id[0] || id[0] == '.' || strpbrk(id, "/\\ \"<>&")) return cm_fail(CM_EFORMAT, "id '%s' cannot be a file's name", id);
    p->id = cm_arena_string(out, id);
    p->dense.text = cm_arena_string(out, text);
    CM_TRY(cm_arena_check(out));
    const json_t *seed = json_object_get(o, "seed"), *groups = json_object_get(o, "groups");
    if (seed && !json_is_integer(seed)) return cm_fail(CM_EFORMAT, "seed is not a whole number");
    p->has_seed = seed != NULL;
    if (seed) p->seed = (uint64_t)json_integer_value(seed);
    p->dense.count = json_array_size(groups);
    if (p->dense.count > CM_GROUPS + 1) return cm_fail(CM_EFORMAT, "more than %d groups", CM_GROUPS + 1);
    size_t from = 0;
    for (size_t i = 0; i < p->dense.count; i++)
        CM_TRY(read_phrase(json_array_get(groups, i), p->dense.text, &from, out, &p->dense.phrases[i]));
    return cm_arena_check(out);
}

static cm_status read_all(const json_t *lines, cm_arena *out, cm_prompt_set *s) {
    s->prompts = CM_PUSH_ZERO(out, cm_prompt, s->count);
    CM_TRY(cm_arena_check(out));
    cm_name_table ids;
    CM_TRY(cm_name_table_init(&ids, s->count, out));
    for (size_t i = 0; i < s->count; i++) {
        cm_status status = read_prompt(json_array_get(lines, i), out, &s->prompts[i]);
        if (status == CM_OK && !cm_name_table_add(&ids, s->prompts[i].id, i, NULL))
            status = cm_fail(CM_EFORMAT, "id '%s' stands twice", s->prompts[i].id);
        if (status != CM_OK) return cm_fail_in(status, "prompt %zu", i + 1);
    }
    return CM_OK;
}

char *cm_prompt_set_stem(const char *path, cm_arena *out) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return cm_arena_print(out, "%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

cm_status cm_prompt_set_read(const char *path, size_t limit, cm_arena *out, cm_prompt_set *set) {
    json_t *lines = NULL;
    cm_prompt_set s = {.name = cm_prompt_set_stem(path, out)};
    CM_TRY(cm_jsonl_read(path, &lines));
    s.count = json_array_size(lines);
    if (limit && limit < s.count) s.count = limit;
    cm_status status = s.count ? cm_sha_file(path, s.hash) : cm_fail(CM_EFORMAT, "no prompts in it");
    if (status == CM_OK) status = read_all(lines, out, &s);
    json_decref(lines);
    if (status != CM_OK) return cm_fail_in(status, "%s", path);
    *set = s;
    return CM_OK;
}
