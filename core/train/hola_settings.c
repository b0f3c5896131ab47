// SPDX-License-Identifier: Apache-2.0
#include "core/train/hola_settings.h"

#include <string.h>

#include "core/base/closest.h"
#include "core/io/jsonl.h"

enum { OVERALL_STYLE = 14 };

/* A form's settings, as the words of its keys. */
typedef struct form {
    const char *name, *scale, *masks, *phrases;
    bool keep_empty;
    double least_share;
} form;
static const form forms[] = {{"authors", "averaged", "bilinear", "all", true, 0},
                             {"paper", "summed", "bilinear", "figure", true, 0},
                             {"garments", "averaged", "area", "garments", false, 0.95}};

/* The place of the key's word among those allowed. */
static cm_status choose(const json_t *r, const char *key, const char *otherwise, const char *const *words,
                        size_t *place) {
    const char *word = cm_json_text_or(r, key, otherwise);
    for (*place = 0; words[*place]; ++*place)
        if (strcmp(words[*place], word) == 0) return CM_OK;
    return cm_unknown_choice(key, word, words);
}

/* --- phrases ---------------------------------------------------------------------- */

static bool is_garment(size_t phrase) {
    return phrase > 3 && phrase != 1 + OVERALL_STYLE;
}

static cm_status add_phrase(const char *name, cm_hola_rules *rules) {
    const char *names[CM_HOLA_PHRASES + 1] = {NULL};
    for (size_t i = 0; i < CM_HOLA_PHRASES; i++) {
        names[i] = cm_hola_phrase_name(i);
        if (strcmp(names[i], name) != 0) continue;
        rules->phrase[i] = true;
        return CM_OK;
    }
    return cm_unknown_choice("hola_phrases", name, names);
}

static cm_status read_phrases(const json_t *r, const char *otherwise, cm_hola_rules *rules) {
    static const char *const words[] = {"all", "figure", "garments", NULL};
    const json_t *list = json_object_get(r, "hola_phrases");
    size_t kind, i;
    json_t *name;
    if (json_is_array(list)) {
        if (json_array_size(list) == 0)
            return cm_fail(CM_EUSAGE,
                           "hola_phrases: the list is empty; \"all\", \"figure\", \"garments\" or names of groups");
        json_array_foreach(list, i, name) {
            if (!json_is_string(name)) return cm_fail(CM_EUSAGE, "hola_phrases: entry %zu is not a name of a group", i);
            CM_TRY(add_phrase(json_string_value(name), rules));
        }
        return CM_OK;
    }
    CM_TRY(choose(r, "hola_phrases", otherwise, words, &kind));
    for (i = 0; i < CM_HOLA_PHRASES; i++)
        rules->phrase[i] = kind == 0 || (kind == 1 && i != 3) || (kind == 2 && is_garment(i));
    return CM_OK;
}

/* --- layers ----------------------------------------------------------------------- */

static cm_status add_factor(const json_t *value, cm_hola_config *c) {
    if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > 1024)
        return cm_fail(CM_EUSAGE, "hola_factor: whole numbers from 1 to 1024 (16: layers of half the latent's side)");
    for (size_t i = 0; i < c->factor_count; i++)
        if (c->factors[i] == (size_t)json_integer_value(value))
            return cm_fail(CM_EUSAGE, "hola_factor: %zu stands there twice", c->factors[i]);
    c->factors[c->factor_count++] = (size_t)json_integer_value(value);
    return CM_OK;
}

static cm_status read_factors(const json_t *r, cm_hola_config *c) {
    const json_t *v = json_object_get(r, "hola_factor");
    if (!v) c->factors[c->factor_count++] = 16;
    if (!v) return CM_OK;
    if (!json_is_array(v)) return add_factor(v, c);
    const size_t n = json_array_size(v);
    if (n < 1 || n > CM_HOLA_MAX_SIZES)
        return cm_fail(CM_EUSAGE, "hola_factor: a list of 1 to %d, not of %zu", CM_HOLA_MAX_SIZES, n);
    for (size_t i = 0; i < n; i++) CM_TRY(add_factor(json_array_get(v, i), c));
    return CM_OK;
}

static cm_status read_layers(const json_t *r, cm_hola_config *c) {
    const json_t *list = json_object_get(r, "hola_layers");
    const size_t n = json_array_size(list);
    if (list && (!json_is_array(list) || n < 1 || n > CM_HOLA_MAX_NAMES))
        return cm_fail(CM_EUSAGE, "hola_layers: a list of 1 to %d beginnings of layers' names, like [\"up_blocks.1\"]",
                       CM_HOLA_MAX_NAMES);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name || !name[0])
            return cm_fail(CM_EUSAGE, "hola_layers: entry %zu is not a beginning of a layer's name", i);
        c->names[c->name_count++] = name;
    }
    return CM_OK;
}

/* --- all -------------------------------------------------------------------------- */

static cm_status read_words(const json_t *r, const form *f, cm_hola_settings *s) {
    size_t scale, masks, regions, targets, terms;
    CM_TRY(choose(r, "hola_scale", f->scale, (const char *const[]){"averaged", "summed", NULL}, &scale));
    CM_TRY(choose(r, "hola_masks", f->masks, (const char *const[]){"area", "bilinear", NULL}, &masks));
    CM_TRY(choose(r, "hola_regions", "classes", (const char *const[]){"classes", "groups", NULL}, &regions));
    CM_TRY(choose(r, "hola_targets", "mask", (const char *const[]){"mask", "shared", NULL}, &targets));
    CM_TRY(choose(r, "hola_terms", "both", (const char *const[]){"both", "mean", "token", NULL}, &terms));
    s->loss.summed = scale == 1;
    s->loss.terms = (cm_hola_terms)terms;
    s->rules.masks = (cm_region_rule)masks;
    s->rules.own_regions = regions == 1;
    s->rules.shared = targets == 1;
    return CM_OK;
}

cm_status cm_hola_settings_read(const json_t *recipe, cm_hola_settings *out) {
    static const char *const names[] = {"authors", "paper", "garments", NULL};
    size_t form_index;
    cm_hola_settings s = {.weight = cm_json_number_or(recipe, "hola", 0),
                          .begin = cm_json_number_or(recipe, "hola_begin", 0),
                          .end = cm_json_number_or(recipe, "hola_end", 1),
                          .least_t = cm_json_size_or(recipe, "hola_least_t", 0)};
    CM_TRY(choose(recipe, "hola_form", "authors", names, &form_index));
    const form *f = &forms[form_index];
    s.rules.keep_empty = cm_json_bool_or(recipe, "hola_keep_empty", f->keep_empty);
    s.rules.least_share = cm_json_number_or(recipe, "hola_least_share", f->least_share);
    CM_TRY(read_words(recipe, f, &s));
    CM_TRY(read_phrases(recipe, f->phrases, &s.rules));
    CM_TRY(read_factors(recipe, &s.loss));
    CM_TRY(read_layers(recipe, &s.loss));
    if (s.begin >= s.end)
        return cm_fail(CM_EUSAGE, "hola_begin %g is not before hola_end %g: the loss would never be on", s.begin,
                       s.end);
    *out = s;
    return CM_OK;
}
