// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "prompts/human.h"

/* Which kind of question a key is: the paper's three accuracies. NULL: not asked (country, age, background, style), as
 * questions.h leaves them out for the drawn people. */
static const char *kind_of(const char *key) {
    static const struct {
        const char *key, *kind;
    } kinds[] = {{"type", "object"},        {"gender", "object"},       {"color", "texture"},
                 {"hair color", "texture"}, {"pattern", "texture"},     {"material", "texture"},
                 {"graphic", "texture"},    {"hair style", "shape"},    {"hair length", "shape"},
                 {"body shape", "shape"},   {"sleeve length", "shape"}, {"length", "shape"},
                 {"top length", "shape"},   {"coat length", "shape"},   {"boots length", "shape"},
                 {"bottom shape", "shape"}, {"collar shape", "shape"},  {"shoulder exposure level", "shape"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].key, key) == 0) return kinds[i].kind;
    return NULL;
}

static const char *noun_of(const cm_phrase *p) {
    for (size_t i = 0; i < p->attribute_count; i++)
        if (strcmp(p->attributes[i].key, "type") == 0) return p->attributes[i].value;
    return p->group == 3 ? "hair" : "";
}

static bool begins_with_vowel(const char *word) {
    return strchr("aeiou", word[0]) != NULL;
}

static void ask_of_hair(const char *key, const char *value, char *out, size_t size) {
    static const char *const styles[][2] = {{"bun", "Is the hair in a bun?"},
                                            {"bob", "Is the hair cut in a bob?"},
                                            {"bald", "Is the person bald?"},
                                            {"crew cut", "Is the hair a crew cut?"},
                                            {"afro-hair", "Is the hair an afro?"}};
    if (strcmp(key, "hair length") == 0) snprintf(out, size, "Does the hair end %s?", value);
    else snprintf(out, size, "Is the hair %s?", value);
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
        if (strcmp(styles[i][0], value) == 0) snprintf(out, size, "%s", styles[i][1]);
}

static void ask_of_collar(const char *does, const char *noun, const char *value, char *out, size_t size) {
    snprintf(out, size, "%s the %s have a %s?", does, noun, strcmp(value, "v neck") == 0 ? "v-neck" : value);
}

/* The words of one question about a garment. */
static void ask_of_garment(const char *key, const char *value, const char *noun, char *out, size_t size) {
    const bool many = cm_human_is_plural(noun);
    const char *is = many ? "Are" : "Is", *does = many ? "Do" : "Does";
    const bool knit = strcmp(value, "knitted") == 0 || strcmp(value, "woven") == 0;
    if (strcmp(key, "type") == 0)
        snprintf(out, size, "%s there %s%s?", is, many ? "" : begins_with_vowel(value) ? "an " : "a ", value);
    else if (strcmp(key, "material") == 0 && !knit) snprintf(out, size, "%s the %s made of %s?", is, noun, value);
    else if (strcmp(value, "solid color") == 0) snprintf(out, size, "%s the %s of one solid color?", is, noun);
    else if (strcmp(key, "graphic") == 0) snprintf(out, size, "%s the %s have a graphic on it?", does, noun);
    else if (strcmp(key, "sleeve length") == 0 && strcmp(value, "sleeveless") != 0)
        snprintf(out, size, "%s the %s have %ss?", does, noun, value);
    else if (strcmp(key, "collar shape") == 0) ask_of_collar(does, noun, value, out, size);
    else if (strcmp(key, "shoulder exposure level") == 0)
        snprintf(out, size, "%s the %s leave the shoulders bare?", does, noun);
    else if (strcmp(value, "ankle") == 0) snprintf(out, size, "Do the %s end at the ankle?", noun);
    else if (strcmp(value, "normal") == 0) snprintf(out, size, "%s the %s of normal length?", is, noun);
    else snprintf(out, size, "%s the %s %s?", is, noun, value);
}

static void ask(const cm_phrase *p, const cm_attribute *a, char *out, size_t size) {
    if (p->group == 0) snprintf(out, size, "Is the person %s?", a->value);
    else if (p->group == 1) snprintf(out, size, "Does the person have a %s?", a->value);
    else if (p->group == 3) ask_of_hair(a->key, a->value, out, size);
    else ask_of_garment(a->key, a->value, noun_of(p), out, size);
}

/* Adds [phrase, key, question] to its kind. */
static int add_question(json_t *kinds, const cm_description *d, size_t of, const cm_attribute *a) {
    char text[160];
    const char *kind = kind_of(a->key);
    if (!kind) return 0;
    ask(&d->phrases[of], a, text, sizeof text);
    return json_array_append_new(json_object_get(kinds, kind), json_pack("[I, s, s]", (json_int_t)of, a->key, text));
}

json_t *cm_human_questions(const cm_description *d) {
    json_t *kinds = json_pack("{s:[], s:[], s:[]}", "object", "texture", "shape");
    int failed = !kinds;
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < d->phrases[i].attribute_count; k++)
            failed |= add_question(kinds, d, i, &d->phrases[i].attributes[k]);
    if (!failed) return kinds;
    json_decref(kinds);
    return NULL;
}
