// SPDX-License-Identifier: Apache-2.0
#include "core/io/json_keys.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/progress.h"

enum { MAX_KEYS = 128, SHOWN = 3 };

static const cm_json_key *find_key(const cm_json_key *keys, const char *name) {
    while (keys->name && strcmp(keys->name, name) != 0) keys++;
    return keys->name ? keys : NULL;
}

/* --- values --------------------------------------------------------------- */

static bool has_type(const json_t *v, cm_json_type type) {
    switch (type) {
    case CM_JSON_TEXT: return json_is_string(v);
    case CM_JSON_NAME: return json_is_string(v) && json_string_length(v) > 0;
    case CM_JSON_WHOLE: return json_is_integer(v);
    case CM_JSON_NUMBER: return json_is_number(v) && isfinite(json_number_value(v));
    case CM_JSON_BOOL: return json_is_boolean(v);
    case CM_JSON_LIST: return json_is_array(v);
    case CM_JSON_OBJECT: return json_is_object(v);
    case CM_JSON_ANY: break;
    }
    return true;
}

static const char *name_of_type(cm_json_type type) {
    static const char *const names[] = {"a text",         "a text that is not empty",
                                        "a whole number", "a number",
                                        "true or false",  "a list",
                                        "an object",      "a value"};
    return names[type];
}

/* What was given, short enough for a message. */
static void print_value(const json_t *v, char *out, size_t size) {
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    snprintf(out, size, "%.40s%s", text ? text : "?", text && strlen(text) > 40 ? "..." : "");
    free(text);
}

static cm_status check_bounds(const cm_json_key *k, double x, const char *given) {
    const double least = k->type == CM_JSON_WHOLE || k->most > 0 || k->least > 0 ? k->least : -INFINITY;
    if (k->most > 0 && (x < least || x > k->most))
        return cm_fail(CM_EFORMAT, "\"%s\" is %s, not within %.15g to %.15g", k->name, given, least, k->most);
    if (x < least) return cm_fail(CM_EFORMAT, "\"%s\" is %s, which is below %.15g", k->name, given, least);
    return CM_OK;
}

static cm_status check_value(const cm_json_key *k, const json_t *v) {
    char given[64];
    print_value(v, given, sizeof given);
    if (!has_type(v, k->type))
        return cm_fail(CM_EFORMAT, "\"%s\" is %s, not %s", k->name, given, name_of_type(k->type));
    const bool number = k->type == CM_JSON_WHOLE || k->type == CM_JSON_NUMBER;
    return number ? check_bounds(k, json_number_value(v), given) : CM_OK;
}

/* --- keys ----------------------------------------------------------------- */

static void list_names(const cm_json_key *keys, const char *names[MAX_KEYS + 1]) {
    size_t n = 0;
    for (; keys->name && n < MAX_KEYS; keys++) names[n++] = keys->name;
    names[n] = NULL;
}

static cm_status unknown_key(const cm_json_key *keys, const char *key) {
    const char *names[MAX_KEYS + 1];
    list_names(keys, names);
    const char *near = cm_closest(key, names);
    if (near) return cm_fail(CM_EFORMAT, "unknown key \"%.60s\"; the closest is \"%s\"", key, near);
    return cm_fail(CM_EFORMAT, "unknown key \"%.60s\"", key);
}

cm_status cm_json_check(const json_t *o, const char *what, const cm_json_key *keys) {
    if (!json_is_object(o)) return cm_fail(CM_EFORMAT, "%s: not a JSON object", what);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)o, key, value) {
        const cm_json_key *k = find_key(keys, key);
        const cm_status s = k ? check_value(k, value) : unknown_key(keys, key);
        if (s != CM_OK) return cm_fail_in(s, "%s", what);
    }
    return CM_OK;
}

/* --- rows from elsewhere -------------------------------------------------- */

/* The known key that is at most two letters away and shares more than it lacks: "sead", but not "url" for "id". */
static const char *misspelt(const cm_json_key *keys, const char *key) {
    for (; keys->name; keys++) {
        const size_t away = cm_edit_distance(key, keys->name), length = strlen(keys->name);
        if (away <= 2 && 2 * away <= length && length > 2) return keys->name;
    }
    return NULL;
}

/* The known key that another one begins with: "negative" of "negative_prompt". */
static const char *beginning(const cm_json_key *keys, const char *key) {
    for (; keys->name; keys++)
        if (strlen(keys->name) > 3 && strncmp(keys->name, key, strlen(keys->name)) == 0) return keys->name;
    return NULL;
}

static cm_status take_stray(cm_strays *strays, const cm_json_key *keys, const char *key) {
    const char *known = beginning(keys, key);
    if (!strays->names) strays->names = json_object();
    if (json_object_set_new(strays->names, key, known ? json_string(known) : json_null()) != 0)
        return cm_fail(CM_ENOMEM, "out of memory");
    return CM_OK;
}

cm_status cm_json_check_foreign(const json_t *o, const cm_json_key *keys, cm_strays *strays) {
    if (!json_is_object(o)) return cm_fail(CM_EFORMAT, "not a JSON object");
    const char *key;
    json_t *value;
    bool stray = false;
    json_object_foreach((json_t *)o, key, value) {
        const cm_json_key *k = find_key(keys, key);
        if (k) {
            if (!json_is_null(value)) CM_TRY(check_value(k, value));
            continue;
        }
        if (misspelt(keys, key)) return unknown_key(keys, key);
        CM_TRY(take_stray(strays, keys, key));
        stray = true;
    }
    strays->rows += stray;
    return CM_OK;
}

void cm_strays_warn(cm_strays *strays, const char *path) {
    const char *key;
    json_t *known;
    char list[384] = "";
    size_t n = 0;
    json_object_foreach(strays->names, key, known) {
        const size_t used = strlen(list);
        if (n++ >= SHOWN) continue;
        snprintf(list + used, sizeof list - used, "%s\"%.40s\"", used ? ", " : "", key);
        if (json_is_string(known))
            snprintf(list + strlen(list), sizeof list - strlen(list), " (known is \"%s\")", json_string_value(known));
    }
    if (n > SHOWN) snprintf(list + strlen(list), sizeof list - strlen(list), " and %zu more", n - SHOWN);
    if (n)
        cm_warn("%s: %zu row%s with keys that mean nothing here: %s", path, strays->rows, strays->rows == 1 ? "" : "s",
                list);
    json_decref(strays->names);
    *strays = (cm_strays){0};
}
