// SPDX-License-Identifier: Apache-2.0
/* The phrases of one line of labels.jsonl. */
#include <string.h>

#include "core/base/closest.h"
#include "core/data/labelled/labelled.h"
#include "core/io/jsonl.h"

static const cm_json_key phrase_keys[] = {{"group", CM_JSON_ANY},         {"name", CM_JSON_NAME},
                                          {"text", CM_JSON_NAME},         {"begin", CM_JSON_WHOLE},
                                          {"end", CM_JSON_WHOLE},         {"classes", CM_JSON_LIST},
                                          {"attributes", CM_JSON_OBJECT}, {0}};

const json_t *cm_labelled_value(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    return json_is_null(v) ? NULL : v;
}

/* --- group --------------------------------------------------------------------------- */

static cm_status find_group(const char *name, int *group) {
    const char *names[CM_GROUPS + 2] = {"shot"};
    for (int g = 0; g < CM_GROUPS; g++) names[g + 1] = cm_groups[g].name;
    for (int g = CM_GROUP_SHOT; g < CM_GROUPS; g++)
        if (strcmp(names[g + 1], name) == 0) {
            *group = g;
            return CM_OK;
        }
    return cm_unknown_choice("group", name, names);
}

static cm_status read_group(const json_t *o, int *group) {
    const json_t *given = cm_labelled_value(o, "group");
    const char *name = cm_json_text_or(o, "name", NULL);
    int named = 0;
    if (json_is_string(given)) return find_group(json_string_value(given), group);
    if (name) CM_TRY(find_group(name, &named));
    if (!given && !name) return cm_fail(CM_EFORMAT, "has neither \"group\" nor \"name\"");
    *group = named;
    if (!given) return CM_OK;
    if (!json_is_integer(given)) return cm_fail(CM_EFORMAT, "\"group\" is neither a number nor a name");
    const json_int_t number = json_integer_value(given);
    if (number < CM_GROUP_SHOT || number >= CM_GROUPS)
        return cm_fail(CM_EFORMAT, "group %" JSON_INTEGER_FORMAT ": groups are 0 to %d, and %d for the shot", number,
                       CM_GROUPS - 1, CM_GROUP_SHOT);
    if (name && named != (int)number)
        return cm_fail(CM_EFORMAT, "group %d is \"%s\", the name says \"%s\"", (int)number,
                       number < 0 ? "shot" : cm_groups[number].name, name);
    *group = (int)number;
    return CM_OK;
}

/* --- classes ------------------------------------------------------------------------- */

/* A phrase that says none has its group's; an empty list is no region. */
static cm_status read_classes(const json_t *o, int group, uint32_t *classes) {
    const json_t *list = cm_labelled_value(o, "classes"), *one;
    size_t i;
    *classes = list ? 0 : cm_groups[group == CM_GROUP_SHOT ? 1 : group].classes;
    json_array_foreach((json_t *)list, i, one) {
        if (!json_is_integer(one) || json_integer_value(one) < 0 || json_integer_value(one) >= CM_CLASSES)
            return cm_fail(CM_EFORMAT, "\"classes\": entry %zu is no class; classes are the numbers 0 to %d", i,
                           CM_CLASSES - 1);
        *classes |= 1u << json_integer_value(one);
    }
    return CM_OK;
}

/* --- span ---------------------------------------------------------------------------- */

/* Where the text stands from `from` on. */
static cm_status find_span(const char *description, size_t from, const char *text, cm_labelled_phrase *p) {
    const char *at = strstr(description + from, text);
    if (!at)
        return cm_fail(CM_EFORMAT, "\"%.60s\" does not stand in the description%s", text,
                       from ? " behind the phrase before it" : "");
    p->begin = (size_t)(at - description);
    p->end = p->begin + strlen(text);
    return CM_OK;
}

static bool is_inside_letter(char c) {
    return ((unsigned char)c & 0xc0) == 0x80;
}

static cm_status check_span(const char *description, const char *text, const cm_labelled_phrase *p) {
    const size_t length = strlen(description), bytes = p->end - p->begin;
    if (p->begin >= p->end || p->end > length)
        return cm_fail(CM_EFORMAT, "bytes %zu to %zu are no part of the description, which has %zu", p->begin, p->end,
                       length);
    if (is_inside_letter(description[p->begin]) || is_inside_letter(description[p->end]))
        return cm_fail(CM_EFORMAT, "bytes %zu to %zu cut a letter in two (bytes are counted, not letters)", p->begin,
                       p->end);
    if (text && (strlen(text) != bytes || strncmp(description + p->begin, text, bytes) != 0))
        return cm_fail(
            CM_EFORMAT,
            "bytes %zu to %zu of the description are \"%.*s\", the text is \"%.60s\" (bytes are counted, not letters)",
            p->begin, p->end, (int)(bytes < 60 ? bytes : 60), description + p->begin, text);
    return CM_OK;
}

/* from: the end of the phrase before it in the list */
static cm_status read_span(const json_t *o, const char *description, size_t from, cm_labelled_phrase *p) {
    const json_t *begin = cm_labelled_value(o, "begin"), *end = cm_labelled_value(o, "end");
    const char *text = cm_json_text_or(o, "text", NULL);
    if (!begin != !end)
        return cm_fail(CM_EFORMAT, "has \"%s\" without \"%s\"", begin ? "begin" : "end", begin ? "end" : "begin");
    if (!begin && !text)
        return cm_fail(CM_EFORMAT, "has neither \"begin\" and \"end\" nor a \"text\" to be found in the description");
    if (!begin) return find_span(description, from, text, p);
    p->begin = (size_t)json_integer_value(begin);
    p->end = (size_t)json_integer_value(end);
    return check_span(description, text, p);
}

/* --- all of a line ------------------------------------------------------------------- */

static cm_status read_phrase(const json_t *o, cm_strays *strays, const char *description, size_t from,
                             cm_labelled_phrase *p) {
    CM_TRY(cm_json_check_foreign(o, phrase_keys, strays));
    CM_TRY(read_group(o, &p->group));
    CM_TRY(read_classes(o, p->group, &p->classes));
    return read_span(o, description, from, p);
}

static cm_status check_apart(const cm_labelled_phrase *p, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (p[i].begin < p[count].end && p[count].begin < p[i].end)
            return cm_fail(CM_EFORMAT, "bytes %zu to %zu overlap those of phrase %zu, %zu to %zu", p[count].begin,
                           p[count].end, i + 1, p[i].begin, p[i].end);
    return CM_OK;
}

/* Groups rise, as drawn people have them: the order of captions is drawn from there. Few, and nearly sorted. */
static void sort_phrases(cm_labelled_phrase *p, size_t count) {
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && p[j - 1].group > p[j].group; j--) {
            const cm_labelled_phrase x = p[j];
            p[j] = p[j - 1];
            p[j - 1] = x;
        }
}

cm_status cm_labelled_phrases(const json_t *list, cm_strays *strays, cm_arena *out, cm_labelled_person *p) {
    const size_t n = json_array_size(list);
    if (n > CM_GROUPS + 1) return cm_fail(CM_EFORMAT, "%zu phrases; a description has at most %d", n, CM_GROUPS + 1);
    p->phrases = CM_PUSH_ZERO(out, cm_labelled_phrase, n + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < n; i++) {
        cm_status s =
            read_phrase(json_array_get(list, i), strays, p->description, i ? p->phrases[i - 1].end : 0, &p->phrases[i]);
        if (s == CM_OK) s = check_apart(p->phrases, i);
        if (s != CM_OK) return cm_fail_in(s == CM_EUSAGE ? CM_EFORMAT : s, "phrase %zu", i + 1);
    }
    p->phrase_count = n;
    sort_phrases(p->phrases, n);
    return CM_OK;
}
