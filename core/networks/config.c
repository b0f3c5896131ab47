// SPDX-License-Identifier: Apache-2.0
#include "core/networks/config.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/closest.h"

enum { MAX_KEYS = 200 };

static void refuse(cm_config *c, const char *key, const json_t *value, const char *wanted) {
    if (c->status != CM_OK) return;
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    c->status = cm_fail(CM_EFORMAT, "%s: \"%s\" is %.80s, not %s", c->what, key, text ? text : "missing", wanted);
    free(text);
}

cm_config cm_config_begin(const json_t *json, const char *what) {
    cm_config c = {.json = json, .what = what};
    if (!json_is_object(json)) c.status = cm_fail(CM_EFORMAT, "%s: not a JSON object", what);
    return c;
}

/* NULL when absent or null. */
static const json_t *value_of(const cm_config *c, const char *key) {
    const json_t *v = c->status == CM_OK ? json_object_get(c->json, key) : NULL;
    return json_is_null(v) ? NULL : v;
}

bool cm_config_has(const cm_config *c, const char *key) {
    return value_of(c, key) != NULL;
}

void cm_config_refuse_nulls(cm_config *c, const char *const *keys) {
    for (; *keys && c->status == CM_OK; keys++)
        if (json_is_null(json_object_get(c->json, *keys))) refuse(c, *keys, json_object_get(c->json, *keys), "a value");
}

void cm_config_class(cm_config *c, const char *const *names) {
    const json_t *v = value_of(c, "_class_name");
    const char *name = json_string_value(v);
    if (!v) return;
    for (const char *const *n = names; *n; n++)
        if (name && strcmp(*n, name) == 0) return;
    refuse(c, "_class_name", v, names[0]);
}

static size_t size_from(cm_config *c, const char *key, const json_t *v, size_t low, size_t high) {
    if (json_is_integer(v) && json_integer_value(v) >= (json_int_t)low && json_integer_value(v) <= (json_int_t)high)
        return (size_t)json_integer_value(v);
    char wanted[80];
    snprintf(wanted, sizeof wanted, "a whole number from %zu to %zu", low, high);
    refuse(c, key, v, wanted);
    return low;
}

size_t cm_config_size(cm_config *c, const char *key, size_t otherwise, size_t low, size_t high) {
    const json_t *v = value_of(c, key);
    return v ? size_from(c, key, v, low, high) : otherwise;
}

double cm_config_number(cm_config *c, const char *key, double otherwise) {
    const json_t *v = value_of(c, key);
    if (v && !json_is_number(v)) refuse(c, key, v, "a number");
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

bool cm_config_bool(cm_config *c, const char *key, bool otherwise) {
    const json_t *v = value_of(c, key);
    if (v && !json_is_boolean(v)) refuse(c, key, v, "true or false");
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

const char *cm_config_text(cm_config *c, const char *key, const char *otherwise) {
    const json_t *v = value_of(c, key);
    if (v && !json_is_string(v)) refuse(c, key, v, "a name");
    return json_is_string(v) ? json_string_value(v) : otherwise;
}

void cm_config_sizes(cm_config *c, const char *key, size_t otherwise, size_t low, size_t high, size_t count,
                     size_t *out) {
    const json_t *v = value_of(c, key);
    for (size_t i = 0; i < count; i++) out[i] = otherwise;
    if (json_is_array(v) && json_array_size(v) != count) {
        char wanted[80];
        snprintf(wanted, sizeof wanted, "one number or a list of %zu", count);
        refuse(c, key, v, wanted);
        return;
    }
    for (size_t i = 0; v && i < count; i++)
        out[i] = size_from(c, key, json_is_array(v) ? json_array_get(v, i) : v, low, high);
}

size_t cm_config_length(cm_config *c, const char *key) {
    const json_t *v = value_of(c, key);
    if (v && !json_is_array(v)) refuse(c, key, v, "a list");
    return json_array_size(v);
}

const char *cm_config_item(cm_config *c, const char *key, size_t i) {
    const json_t *v = json_array_get(value_of(c, key), i);
    if (!json_is_string(v)) refuse(c, key, v, "a list of names, long enough");
    return json_is_string(v) ? json_string_value(v) : "";
}

static bool follows(const json_t *value, const char *values) {
    json_t *accepted = json_loads(values, 0, NULL);
    bool found = false;
    size_t i;
    json_t *one;
    json_array_foreach(accepted, i, one) {
        if (json_is_number(one) && json_is_number(value))
            found = found || json_number_value(one) == json_number_value(value);
        else found = found || json_equal(one, value);
    }
    json_decref(accepted);
    return found;
}

static bool listed(const char *key, const char *const *known) {
    for (; *known; known++)
        if (strcmp(*known, key) == 0) return true;
    return false;
}

static void refuse_unknown(cm_config *c, const char *key, const cm_config_rule *rules, const char *const *known) {
    const char *names[MAX_KEYS + 1];
    size_t count = 0;
    for (; *known && count < MAX_KEYS; known++) names[count++] = *known;
    for (; rules->key && count < MAX_KEYS; rules++) names[count++] = rules->key;
    names[count] = NULL;
    const char *near = cm_closest(key, names);
    if (near) c->status = cm_fail(CM_EFORMAT, "%s: unknown key \"%.60s\"; the closest is \"%s\"", c->what, key, near);
    else c->status = cm_fail(CM_EFORMAT, "%s: unknown key \"%.60s\", which may change the result", c->what, key);
}

cm_status cm_config_end(cm_config *c, const cm_config_rule *rules, const char *const *known) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(c->status == CM_OK ? c->json : NULL), key, value) {
        const cm_config_rule *rule = rules;
        while (rule->key && strcmp(rule->key, key) != 0) rule++;
        if (rule->key) {
            if (!follows(value, rule->values)) refuse(c, key, value, rule->values);
        } else if (known && key[0] != '_' && !listed(key, known) && !json_is_null(value) && c->status == CM_OK) {
            refuse_unknown(c, key, rules, known);
        }
    }
    return c->status;
}
