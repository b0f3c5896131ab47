// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "prompts/human.h"

enum { TEXT_MAX = 1536 };

/* A text in the making. A phrase is what lies between mark and the end. */
typedef struct writer {
    char text[TEXT_MAX];
    size_t length;
    const cm_human *h;
    cm_arena *out;
    cm_description *d;
} writer;

static void put(writer *w, const char *text) {
    const int n = snprintf(w->text + w->length, TEXT_MAX - w->length, "%s", text);
    w->length += (size_t)n < TEXT_MAX - w->length ? (size_t)n : TEXT_MAX - w->length - 1;
}

static void put_word(writer *w, size_t begin, const char *word) {
    if (w->length > begin) put(w, " ");
    put(w, word);
}

static bool is_value(const cm_human_part *p, const char *key, const char *value) {
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->facts[i].key, key) == 0) return strcmp(p->facts[i].value, value) == 0;
    return false;
}

static const char *fact_of(const cm_human_part *p, const char *key) {
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->facts[i].key, key) == 0) return cm_human_word(key, p->facts[i].value);
    return NULL;
}

/* --- phrases --------------------------------------------------------------- */

/* "young adult Asian female", or in a sentence "young adult Asian woman", "teenage Asian girl", "Asian toddler girl".
 */
static void put_person(writer *w, size_t begin, const cm_human_part *p) {
    const char *age = fact_of(p, "age"), *country = fact_of(p, "country"), *gender = fact_of(p, "gender");
    const bool teenager = strcmp(age, "teenager") == 0, toddler = strcmp(age, "toddler") == 0,
               child = strcmp(age, "child") == 0;
    const bool first = !w->h->sentence || w->h->adult || teenager;
    if (first) put_word(w, begin, w->h->sentence && teenager ? "teenage" : age);
    put_word(w, begin, country);
    if (!w->h->sentence) put_word(w, begin, gender);
    else if (child) put_word(w, begin, gender), put_word(w, begin, "child");
    else if (toddler) put_word(w, begin, "toddler"), put_word(w, begin, w->h->female ? "girl" : "boy");
    else if (teenager) put_word(w, begin, w->h->female ? "girl" : "boy");
    else put_word(w, begin, w->h->female ? "woman" : "man");
}

/* "red straight hair above chest", "black hair in a bun", "gray afro-hair", "bald head" */
static void put_hair(writer *w, size_t begin, const cm_human_part *p) {
    const char *style = fact_of(p, "hair style"), *color = fact_of(p, "hair color"),
               *length = fact_of(p, "hair length");
    const bool cut = strcmp(style, "bun") == 0 || strcmp(style, "bob") == 0 || strcmp(style, "crew cut") == 0;
    if (color) put_word(w, begin, color);
    if (!cut) put_word(w, begin, style);
    if (strcmp(style, "bald") == 0) put_word(w, begin, "head");
    else if (strcmp(style, "afro-hair") != 0) put_word(w, begin, "hair");
    if (cut) put_word(w, begin, "in a"), put_word(w, begin, style);
    if (length) put_word(w, begin, length);
}

static void put_part(writer *w, size_t begin, const cm_human_part *p) {
    if (p->group == 0) put_person(w, begin, p);
    else if (p->group == 3) put_hair(w, begin, p);
    else
        for (size_t i = 0; i < p->count; i++) put_word(w, begin, cm_human_word(p->facts[i].key, p->facts[i].value));
}

static uint32_t region_of(const cm_human_part *p) {
    if (is_value(p, "hair style", "bald")) return 1u << CM_FACE;
    return p->type && p->type->classes ? p->type->classes : cm_groups[p->group].classes;
}

/* Takes what was put since `begin` as the part's phrase. */
static void end_phrase(writer *w, size_t begin, const cm_human_part *p) {
    cm_phrase *to = &w->d->phrases[w->d->count++];
    *to = (cm_phrase){.group = p->group, .classes = region_of(p), .begin = begin, .end = w->length};
    to->text = cm_arena_string(w->out, w->text + begin);
    for (size_t i = 0; i < p->count; i++)
        to->attributes[to->attribute_count++] =
            (cm_attribute){p->facts[i].key, cm_arena_string(w->out, p->facts[i].value)};
}

static void add_phrase(writer *w, const cm_human_part *p) {
    const size_t begin = w->length;
    put_part(w, begin, p);
    end_phrase(w, begin, p);
}

/* The article that the part's first letter takes, none before a plural; "An" where a text begins with it. */
static void put_article(writer *w, const cm_human_part *p, bool capital) {
    writer probe = {.h = w->h};
    const char *noun = p->count ? p->facts[p->count - 1].value : "";
    if (p->type && cm_human_is_plural(noun)) return;
    put_part(&probe, 0, p);
    const bool vowel = strchr("aeiou", tolower((unsigned char)probe.text[0])) != NULL;
    put(w, capital ? (vowel ? "An " : "A ") : (vowel ? "an " : "a "));
}

static const cm_human_part *part_of(const cm_human *h, int group) {
    for (size_t i = 0; i < h->count; i++)
        if (h->parts[i].group == group) return &h->parts[i];
    return NULL;
}

/* Groups from 3 on, but for hair where it is left out, in a random order. */
static size_t shuffled(const cm_human *h, cm_rng *r, bool hair, bool bags, size_t order[CM_GROUPS]) {
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++) {
        const int g = h->parts[i].group;
        if (g < 3 || (g == 3 && !hair) || (g == 10 && !bags) || (g == 14 && !bags)) continue;
        order[n++] = i;
    }
    cm_rng_shuffle(r, order, n);
    return n;
}

/* --- phrases joined by commas ----------------------------------------------- */

/* Shot, person, body shape, background, then the rest in free order: as the paper's training captions have it. */
static void join_phrases(writer *w, cm_rng *r) {
    size_t order[CM_GROUPS];
    put(w, cm_human_shots[w->h->shot].phrase);
    for (size_t i = 0; i < w->h->count && w->h->parts[i].group < 3; i++) {
        put(w, ", ");
        if (w->h->parts[i].group == 0) put_article(w, &w->h->parts[i], false);
        add_phrase(w, &w->h->parts[i]);
    }
    const size_t n = shuffled(w->h, r, true, true, order);
    for (size_t i = 0; i < n; i++) {
        put(w, ", ");
        add_phrase(w, &w->h->parts[order[i]]);
    }
}

/* --- sentences --------------------------------------------------------------- */

static void put_body_and_hair(writer *w) {
    const cm_human_part *body = part_of(w->h, 1), *hair = part_of(w->h, 3);
    put(w, " with ");
    if (body) {
        put_article(w, body, false);
        add_phrase(w, body);
        put(w, " and ");
    }
    if (is_value(hair, "hair style", "bald")) put_article(w, hair, false);
    add_phrase(w, hair);
}

static void put_list(writer *w, const size_t *order, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const cm_human_part *p = &w->h->parts[order[i]];
        put(w, i == 0 ? "" : i + 1 < n ? ", " : " and ");
        put_article(w, p, false);
        add_phrase(w, p);
    }
}

static void put_place_and_style(writer *w) {
    const cm_human_part *place = part_of(w->h, 2), *style = part_of(w->h, 14);
    if (place) {
        put(w, ", ");
        put(w, cm_human_places[w->h->place].before);
        put(w, " ");
        add_phrase(w, place);
    }
    if (style) {
        put(w, ", in a ");
        add_phrase(w, style);
    }
}

/* "A headshot of an adult Asian woman with ..., wearing ..., on a ...", or the person first and the shot last. */
static void write_sentence(writer *w, cm_rng *r) {
    size_t order[CM_GROUPS];
    const bool shot_first = cm_rng_below(r, 2) == 0;
    const cm_human_part *bag = part_of(w->h, 10), *person = part_of(w->h, 0);
    const size_t n = shuffled(w->h, r, false, false, order);
    if (shot_first) put(w, cm_human_shots[w->h->shot].phrase), put(w, " of ");
    w->text[0] = (char)toupper((unsigned char)w->text[0]);
    put_article(w, person, !shot_first);
    add_phrase(w, person);
    put_body_and_hair(w);
    put(w, shot_first ? ", wearing " : " wears ");
    put_list(w, order, n);
    if (bag) {
        put(w, shot_first ? ", carrying " : " and carries ");
        put_article(w, bag, false);
        add_phrase(w, bag);
    }
    put_place_and_style(w);
    if (!shot_first) put(w, ", in "), put(w, cm_human_shots[w->h->shot].phrase);
    put(w, ".");
}

cm_status cm_human_describe(const cm_human *h, cm_rng *r, cm_arena *out, cm_description *d) {
    cm_description made = {0};
    writer w = {.h = h, .out = out, .d = &made};
    if (h->sentence) write_sentence(&w, r);
    else join_phrases(&w, r);
    made.text = cm_arena_string(out, w.text);
    CM_TRY(cm_arena_check(out));
    *d = made;
    return CM_OK;
}
