// SPDX-License-Identifier: Apache-2.0
#include "prompts/prompt_set.h"

#include <string.h>

#include "core/base/system.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"
#include "prompts/prompt_rows.h"

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
        if (value < 0 || value >= CM_CLASSES)
            return cm_fail(CM_EFORMAT, "classes: entry %zu is no parsing class", i + 1);
        bits |= 1u << value;
    }
    *classes = bits;
    return CM_OK;
}

static cm_status read_attributes(const json_t *o, cm_arena *out, cm_phrase *p) {
    json_t *all = json_object_get(o, "attributes"), *value;
    const char *key;
    if (json_object_size(all) > CM_MAX_ATTRIBUTES + 1)
        return cm_fail(CM_EFORMAT, "more than %d attributes", CM_MAX_ATTRIBUTES + 1);
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

static const cm_json_key group_keys[] = {{"group", CM_JSON_ANY},         {"name", CM_JSON_TEXT},
                                         {"text", CM_JSON_NAME},         {"begin", CM_JSON_WHOLE},
                                         {"end", CM_JSON_WHOLE},         {"classes", CM_JSON_LIST},
                                         {"attributes", CM_JSON_OBJECT}, {0}};

static cm_status read_prompt(const cm_prompt_row *row, cm_arena *out, cm_prompt *p) {
    *p = (cm_prompt){
        .id = cm_arena_string(out, row->id), .has_seed = row->has_seed, .seed = row->seed, .line = row->line};
    p->clip_tokens = cm_json_size_or(row->tokens, "clip", 0);
    p->negative = row->negative ? cm_arena_string(out, row->negative) : NULL;
    p->dense.text = cm_arena_string(out, row->text);
    CM_TRY(cm_arena_check(out));
    p->dense.count = json_array_size(row->groups);
    if (p->dense.count > CM_GROUPS + 1) return cm_fail(CM_EFORMAT, "more than %d groups", CM_GROUPS + 1);
    size_t from = 0;
    for (size_t i = 0; i < p->dense.count; i++) {
        const json_t *o = json_array_get(row->groups, i);
        CM_TRY(cm_json_check(o, "groups", group_keys));
        CM_TRY(read_phrase(o, p->dense.text, &from, out, &p->dense.phrases[i]));
    }
    return cm_arena_check(out);
}

static cm_status read_all(const char *path, const cm_prompt_rows *rows, const cm_prompt_reading *how, cm_arena *out,
                          cm_prompt_set *s) {
    s->version = rows->version;
    s->numbered = rows->source.numbered;
    s->prompts = CM_PUSH_ZERO(out, cm_prompt, rows->count);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < rows->count; i++) {
        const size_t line = rows->rows[i].line;
        const cm_status status = read_prompt(&rows->rows[i], out, &s->prompts[s->count]);
        if (status == CM_OK) s->count++;
        else CM_TRY(cm_prompt_fault(how, line, cm_prompt_source_fail_in(&rows->source, path, line, status)));
    }
    return CM_OK;
}

char *cm_prompt_set_stem(const char *path, cm_arena *out) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return cm_arena_print(out, "%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

cm_status cm_prompt_set_read(const char *path, const cm_prompt_reading *how, cm_arena *out, cm_prompt_set *set) {
    static const cm_prompt_reading usual = {0};
    cm_prompt_rows rows;
    if (!how) how = &usual;
    cm_prompt_set s = {.name = cm_prompt_set_stem(path, out)};
    CM_TRY(cm_arena_check(out));
    CM_TRY(cm_sha_file(path, s.hash));
    CM_TRY(cm_prompt_rows_read(path, how, out, &rows));
    const cm_status status = read_all(path, &rows, how, out, &s);
    cm_prompt_rows_close(&rows);
    if (status == CM_OK) *set = s;
    return status;
}
