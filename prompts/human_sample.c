// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "prompts/human.h"

/* One person in the making. */
typedef struct maker {
    cm_human *h;
    cm_rng *r;
    int want;
    double rich;
} maker;

static bool chance(const maker *m, double p) {
    return cm_rng_uniform(m->r) < p;
}

static cm_human_part *add_part(maker *m, int group) {
    cm_human_part *p = &m->h->parts[m->h->count++];
    *p = (cm_human_part){.group = group};
    return p;
}

static void add_fact(cm_human_part *p, const char *key, const char *value) {
    cm_human_fact *f = &p->facts[p->count++];
    f->key = key;
    const size_t n = strnlen(value, sizeof f->value - 1);
    memcpy(f->value, value, n);
    f->value[n] = '\0';
}

const char *cm_human_value(const cm_human *h, int group, const char *key) {
    for (size_t i = 0; i < h->count; i++)
        for (size_t k = 0; h->parts[i].group == group && k < h->parts[i].count; k++)
            if (strcmp(h->parts[i].facts[k].key, key) == 0) return h->parts[i].facts[k].value;
    return NULL;
}

static bool has_value(const cm_human *h, int group, const char *key, const char *value) {
    const char *is = cm_human_value(h, group, key);
    return is && strcmp(is, value) == 0;
}

/* One of a list, at random, that may be said of this person. False: none may. */
static bool pick(const maker *m, const char *list, char out[48]) {
    const char *fitting[32];
    uint32_t n = 0;
    while (*list && n < 32) {
        const size_t length = strcspn(list, ",");
        if (list[length - 1] != '*' || m->h->adult) fitting[n++] = list;
        list += length + (list[length] == ',');
    }
    return n > 0 && cm_human_list_at(fitting[cm_rng_below(m->r, n)], 0, out, NULL);
}

/* Is the group to be there, which otherwise is with probability p? */
static bool takes(const maker *m, int group, double p) {
    return cm_human_shows(m->h->shot, group) && (m->want == group || chance(m, p));
}

/* --- the person ------------------------------------------------------------ */

static void add_person(maker *m) {
    static const double ages[] = {.05, .09, .11, .2, .38, .17};
    char age[48], country[48];
    const size_t a = cm_rng_choose(m->r, ages, sizeof ages / sizeof *ages);
    m->h->adult = a >= 3;
    m->h->female = chance(m, .32); /* half of all, with those that a garment asks for */
    cm_human_list_at(cm_human_person[0].values, (int)a, age, NULL);
    pick(m, cm_human_person[1].values, country);
    cm_human_part *p = add_part(m, 0);
    add_fact(p, "age", age);
    add_fact(p, "country", country);
    add_fact(p, "gender", m->h->female ? "female" : "male");
}

static void add_hair_length(const maker *m, cm_human_part *p, const char *style) {
    char length[48];
    const char *list = strcmp(style, "bob") == 0 ? "above chin,above shoulders"
                       : m->h->female            ? "above chin,above shoulders,above chest"
                                                 : "above eyes,above chin,above shoulders";
    const bool has = strcmp(style, "straight") == 0 || strcmp(style, "wavy") == 0 || strcmp(style, "curly") == 0 ||
                     strcmp(style, "bob") == 0;
    if (has && chance(m, .5 + .4 * m->rich) && pick(m, list, length)) add_fact(p, "hair length", length);
}

/* Bald are men only, gray and white are not the young. */
static void add_hair(maker *m) {
    char style[48], color[48];
    const bool old = has_value(m->h, 0, "age", "elderly");
    const char *styles = m->h->female  ? "straight,wavy,curly,bun,bob,afro-hair"
                         : m->h->adult ? "straight,wavy,curly,afro-hair,crew cut,crew cut,bald,bun"
                                       : "straight,wavy,curly,afro-hair,crew cut";
    const char *colors = old           ? "gray,white,gray,white,black,brown"
                         : m->h->adult ? "black,brown,blonde,red,gray"
                                       : "black,brown,blonde,red";
    cm_human_part *p = add_part(m, 3);
    pick(m, styles, style);
    pick(m, colors, color);
    if (strcmp(style, "bald") != 0 && chance(m, .6 + .4 * m->rich)) add_fact(p, "hair color", color);
    add_fact(p, "hair style", style);
    add_hair_length(m, p, style);
}

/* --- garments -------------------------------------------------------------- */

static bool is_for(const maker *m, const cm_human_type *t) {
    return !((t->only & CM_FOR_WOMEN && !m->h->female) || (t->only & CM_FOR_MEN && m->h->female) ||
             (t->only & CM_FOR_ADULTS && !m->h->adult) || (t->only & CM_FOR_MINORS && m->h->adult));
}

/* What one word rules out for those behind it. */
static bool agrees(const cm_human_part *p, const char *key, const char *value) {
    for (size_t i = 0; i < p->count; i++) {
        const char *k = p->facts[i].key, *v = p->facts[i].value;
        if (strcmp(key, "shoulder exposure level") == 0 && strcmp(v, "sleeveless") == 0) return false;
        if (strcmp(key, "collar shape") == 0 && strcmp(k, "shoulder exposure level") == 0) return false;
        if (strcmp(key, "graphic") == 0 && strcmp(k, "pattern") == 0) return false;
        const bool plain = strcmp(value, "leather") == 0 || strcmp(value, "fur") == 0 || strcmp(value, "denim") == 0;
        if (plain && strcmp(k, "pattern") == 0 && strcmp(v, "solid color") != 0) return false;
    }
    return true;
}

static double weight_of(const maker *m, const char *key) {
    if (strcmp(key, "color") == 0) return .75 + .25 * m->rich;
    if (strcmp(key, "graphic") == 0) return .15;
    if (strcmp(key, "shoulder exposure level") == 0) return .2;
    return .25 + .65 * m->rich;
}

static void dress_in(maker *m, const cm_human_type *t) {
    cm_human_part *p = add_part(m, t->group);
    char value[48];
    p->type = t;
    for (int i = 0; i < CM_HUMAN_SLOTS && t->slots[i].key; i++) {
        const cm_human_slot *s = &t->slots[i];
        if (!cm_human_shows_key(m->h->shot, s->key) || !chance(m, weight_of(m, s->key))) continue;
        if (pick(m, s->values, value) && agrees(p, s->key, value)) add_fact(p, s->key, value);
    }
    if (p->count == 0 && cm_human_shows_key(m->h->shot, t->slots[0].key) && pick(m, t->slots[0].values, value))
        add_fact(p, t->slots[0].key, value);
    add_fact(p, "type", t->value);
}

static bool add_garment(maker *m, int group) {
    int fitting[32], n = 0;
    for (int i = 0; i < cm_human_type_count && n < 32; i++)
        if (cm_human_types[i].group == group && is_for(m, &cm_human_types[i])) fitting[n++] = i;
    if (n) dress_in(m, &cm_human_types[fitting[cm_rng_below(m->r, (uint32_t)n)]]);
    return n > 0;
}

/* One thing on the head at most. */
static void add_headwear(maker *m) {
    static const int groups[] = {11, 15, 16, 17};
    static const double weights[] = {.6, .16, .14, .1};
    int group = groups[cm_rng_choose(m->r, weights, 4)];
    const bool wanted = m->want == 11 || (m->want >= 15 && m->want <= 17);
    if (wanted) group = m->want;
    if (group == 17 && !has_value(m->h, 5, "type", "dress") && !has_value(m->h, 5, "type", "wedding dress")) return;
    if (wanted || chance(m, .08 + .27 * m->rich)) add_garment(m, group);
}

static void add_shoes(maker *m) {
    if (!takes(m, 9, .6 + .4 * m->rich) || !add_garment(m, 9)) return;
    const bool low = !has_value(m->h, 9, "type", "high heels") && !has_value(m->h, 9, "type", "boots");
    if (low && takes(m, 18, .08 + .25 * m->rich)) add_garment(m, 18);
}

/* A uniform or gown, a one-piece, or a top and what is under it. */
static void add_clothes(maker *m) {
    const bool special = takes(m, 4, .05) && m->want != 5 && m->want != 6 && m->want != 8 && m->want != 7 &&
                         m->want != 12 && m->want != 17 && m->want != 19;
    const double one = m->want == 6 || m->want == 8 || m->want == 19 ? 0 : m->want == 17 ? 1 : m->h->female ? .3 : .06;
    if (special && add_garment(m, 4)) return;
    if (takes(m, 5, one)) {
        add_garment(m, 5);
    } else {
        add_garment(m, 6);
        if (takes(m, 8, .75 + .25 * m->rich)) add_garment(m, 8);
        const bool shirt = has_value(m->h, 6, "type", "shirt") && m->h->adult;
        if (shirt && takes(m, 19, m->h->female ? .08 : .3)) add_garment(m, 19);
    }
    if (takes(m, 7, .08 + .2 * m->rich)) add_garment(m, 7);
    if (takes(m, 12, .03 + .25 * m->rich)) add_garment(m, 12);
}

/* Is one of the values said of any garment? */
static bool wears_any(const cm_human *h, const char *list) {
    for (size_t i = 0; i < h->count; i++) {
        const cm_human_part *p = &h->parts[i];
        if (p->type && cm_human_list_has(list, p->type->value, NULL)) return true;
    }
    return false;
}

/* A style that the clothes do not speak against: no sporty wedding dress, no formal shorts. */
static bool suits(const cm_human *h, const char *style) {
    const bool special = wears_any(h, "saree,kimono,chef uniform,graduation gown,school uniform");
    if (strcmp(style, "sporty style") == 0)
        return !special &&
               wears_any(h, "sneakers,sweatpants,hoodie,sweatshirt,t-shirt,polo shirt,soccer uniform,baseball cap") &&
               !wears_any(h, "high heels,dress,wedding dress,tie,blazer,overcoat,oxford shoes,loafers");
    if (special || wears_any(h, "soccer uniform")) return false;
    if (strcmp(style, "formal style") == 0)
        return wears_any(h, "blazer,tie,wedding dress,dress,shirt,overcoat,blouse") &&
               !wears_any(
                   h,
                   "shorts,sweatpants,hoodie,sweatshirt,t-shirt,sneakers,baseball cap,beanie,backpack,jeans,headband");
    return !wears_any(h, "wedding dress") && !(strcmp(style, "casual style") == 0 && wears_any(h, "tie,high heels"));
}

void cm_human_sample(cm_human *h, cm_rng *r, int shot, int want, double rich) {
    maker m = {h, r, want, rich};
    char value[48];
    *h = (cm_human){.shot = shot, .place = -1};
    add_person(&m);
    if (h->adult && takes(&m, 1, .35 + .5 * rich) && pick(&m, cm_human_body.values, value))
        add_fact(add_part(&m, 1), "body shape", value);
    if (takes(&m, 2, .7 + .3 * rich)) {
        h->place = (int)cm_rng_below(r, (uint32_t)cm_human_place_count);
        add_fact(add_part(&m, 2), "background", cm_human_places[h->place].text);
    }
    add_hair(&m);
    add_clothes(&m);
    add_shoes(&m);
    if (takes(&m, 10, .08 + .3 * rich)) add_garment(&m, 10);
    add_headwear(&m);
    if (takes(&m, 13, .04 + .2 * rich)) add_garment(&m, 13);
    if (takes(&m, 14, .1 + .3 * rich) && pick(&m, cm_human_style.values, value) && suits(h, value))
        add_fact(add_part(&m, 14), "overall-style", value);
}
