// SPDX-License-Identifier: Apache-2.0
#include "core/generator/settings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define ROW(field, option, type, least, most, argument, otherwise, help, more, beside, where, label)                   \
    {#field, option, CM_TYPE_##type, otherwise, {#field, (cm_json_type)CM_SETTING_JSON_##type, least, most}, where,    \
     label, offsetof(cm_settings, field), sizeof((cm_settings *)0)->field}
/* clang-format on */
const cm_setting cm_settings_table[CM_SETTING_COUNT + 1] = {CM_SETTINGS(ROW), {0}};

static const cm_setting *next_in(unsigned where, const cm_setting *row) {
    while (row->name && !(row->where & where)) row++;
    return row->name ? row : NULL;
}

/* Over the rows that stand in `where`. */
#define FOR_EACH(row, where)                                                                                           \
    for (const cm_setting *row = next_in(where, cm_settings_table); row; row = next_in(where, row + 1))

/* --- filling ---------------------------------------------------------------------------------- */

static cm_status check(const cm_setting *row, const char *what, double v) {
    if (row->type == CM_TYPE_SIDE && (v == 0 || fmod(v, 8) != 0))
        return cm_fail(CM_EUSAGE, "%s: %.15g is not a multiple of 8", what, v);
    if (v >= row->key.least && v <= row->key.most) return CM_OK;
    return cm_fail(CM_EUSAGE, "%s: %.15g is not within %.15g to %.15g", what, v, row->key.least, row->key.most);
}

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "sides and seeds are stored alike");

cm_status cm_setting_set(const cm_setting *row, const char *what, cm_setting_value v, cm_settings *s) {
    void *to = (char *)s + row->place;
    if (to == &s->sampler) return cm_sampler_choose(what, v.text, &s->sampler);
    if (to == &s->backend) return cm_backend_choose(what, v.text, &s->backend);
    const bool number = row->type == CM_TYPE_NUMBER, text = row->type == CM_TYPE_TEXT || row->type == CM_TYPE_NAME;
    memcpy(to, number ? (void *)&v.number : text ? (void *)&v.text : (void *)&v.whole, row->bytes);
    if (text || row->type == CM_TYPE_SEED) return CM_OK;
    return check(row, what, number ? v.number : (double)v.whole);
}

cm_status cm_settings_defaults(cm_settings *s) {
    *s = (cm_settings){0};
    for (const cm_setting *row = cm_settings_table; row->name; row++) {
        const char *text = row->otherwise;
        if (!text) continue;
        const cm_setting_value v = {strtoull(text, NULL, 10), strtod(text, NULL), text};
        CM_TRY(cm_setting_set(row, row->name, v, s));
    }
    return CM_OK;
}

void cm_settings_copy(unsigned where, const cm_settings *from, cm_settings *to) {
    FOR_EACH(row, where) memcpy((char *)to + row->place, (const char *)from + row->place, row->bytes);
}

cm_status cm_settings_complete(cm_settings *s, size_t width, size_t height, const char *sampler) {
    if (!s->width) s->width = width;
    if (!s->height) s->height = height;
    return s->sampler ? CM_OK : cm_sampler_choose("sampler", sampler, &s->sampler);
}

/* --- JSON ------------------------------------------------------------------------------------- */

void cm_settings_keys(unsigned where, const cm_json_key *own, cm_json_key *keys, size_t count) {
    size_t n = 0;
    FOR_EACH(row, where) keys[n++] = row->key;
    while (own->name && n + 1 < count) keys[n++] = *own++;
    assert(!own->name);
    keys[n] = (cm_json_key){0};
}

cm_status cm_settings_read(const json_t *o, unsigned where, cm_arena *out, cm_settings *s) {
    FOR_EACH(row, where) {
        const json_t *v = json_object_get(o, row->name);
        if (!v) continue;
        const char *text = json_is_string(v) ? cm_arena_string(out, json_string_value(v)) : NULL;
        CM_TRY(cm_arena_check(out));
        CM_TRY(cm_setting_set(row, row->name,
                              (cm_setting_value){(uint64_t)json_integer_value(v), json_number_value(v), text}, s));
    }
    return CM_OK;
}

static json_t *json_of(const cm_setting *row, const cm_settings *s) {
    const void *field = (const char *)s + row->place;
    const char *text = field == &s->sampler ? s->sampler->name : field == &s->backend ? s->backend->name : NULL;
    if (row->type == CM_TYPE_NUMBER) return json_real(*(const double *)field);
    if (row->type < CM_TYPE_NUMBER) return json_integer((json_int_t) * (const uint64_t *)field);
    if (!text) text = *(const char *const *)field;
    return text ? json_string(text) : json_null();
}

/* No side, no sampler, an empty suffix. */
static bool is_unsaid(const cm_setting *row, const cm_settings *s) {
    static const char none[sizeof(void *)];
    const char *field = (const char *)s + row->place;
    return memcmp(field, none, row->bytes) == 0 || (row->type == CM_TYPE_TEXT && !**(const char *const *)field);
}

bool cm_settings_write(const cm_settings *s, unsigned where, json_t *o) {
    FOR_EACH(row, where) {
        if (where == CM_IN_RUN_IF_SAID && is_unsaid(row, s)) continue;
        if (json_object_set_new(o, row->name, json_of(row, s)) != 0) return false;
    }
    return true;
}

static const char *text_of(const cm_setting *row, const cm_settings *s, cm_arena *a) {
    json_t *v = json_of(row, s);
    const char *text = json_is_string(v)    ? cm_arena_string(a, json_string_value(v))
                       : json_is_real(v)    ? cm_arena_print(a, "%.17g", json_real_value(v))
                       : json_is_integer(v) ? cm_arena_print(a, "%llu", (unsigned long long)json_integer_value(v))
                                            : "";
    json_decref(v);
    return text;
}

size_t cm_settings_pairs(const cm_settings *s, unsigned where, cm_arena *a, const char **pairs) {
    size_t n = 0;
    FOR_EACH(row, where) {
        const char *text = text_of(row, s, a);
        if (n && strcmp(pairs[n - 2], row->label) == 0) {
            pairs[n - 1] = cm_arena_print(a, "%s %s", pairs[n - 1], text);
            continue;
        }
        pairs[n++] = row->label;
        pairs[n++] = text;
    }
    return n;
}
