// SPDX-License-Identifier: Apache-2.0
/* Two texts: the dense description, which says every slot that applies, and an alt text like the web's. */
#include <stdio.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/data/people/vocabulary.h"
#include "core/labels/phrase_order.h"

enum { TEXT_MAX = 1024 };

static bool says(const cm_person *p, int slot) {
    const cm_slot *s = &cm_slots[slot];
    if (p->value[slot] < 0) return false;
    return s->object_slot < 0 || p->value[s->object_slot] > 0;
}

/* The words of a slot as they stand in a phrase; NULL when it adds none. */
static const char *slot_words(const cm_person *p, int slot) {
    return says(p, slot) ? cm_slots[slot].values[p->value[slot]] : NULL;
}

static bool group_present(const cm_person *p, int group) {
    if (group <= 3) return true;
    const int type = cm_slot_find(group, "type");
    if (type < 0) return false;
    return group == 9 || p->value[type] > 0; /* shoes are always there, and their first type is no "none" */
}

static uint32_t region_of(const cm_person *p, int group) {
    if (group == CM_GROUP_SHOT) return cm_groups[1].classes;
    if (group == 3 && p->value[S_HAIR_STYLE] == HAIR_BALD) return 1u << CM_FACE;
    if (group == 8) return p->value[S_BOTTOM] == SKIRT ? 1u << CM_SKIRT : 1u << CM_PANTS;
    return cm_groups[group].classes;
}

static void add_word(char text[TEXT_MAX], const char *word) {
    const size_t n = strlen(text);
    snprintf(text + n, TEXT_MAX - n, "%s%s", n ? " " : "", word);
}

static void add_slot(const cm_person *p, int slot, char text[TEXT_MAX], cm_phrase *to) {
    const char *w = slot_words(p, slot);
    if (!w) return;
    add_word(text, w);
    to->attributes[to->attribute_count++] = (cm_attribute){cm_slots[slot].key, w};
}

/* Values in the order of the group's keys, then the noun. */
static void write_phrase(const cm_person *p, int group, char text[TEXT_MAX], cm_phrase *to) {
    if (group == CM_GROUP_SHOT) {
        add_word(text, "a full-body shot");
        return;
    }
    if (group == 0) {
        add_word(text, p->value[S_AGE] == YOUNG ? "a" : "an");
        add_slot(p, S_AGE, text, to);
        add_slot(p, S_COUNTRY, text, to);
        add_slot(p, S_GENDER, text, to);
        return;
    }
    for (int k = 0; k < CM_MAX_ATTRIBUTES && cm_groups[group].keys[k]; k++) {
        const int slot = cm_slot_find(group, cm_groups[group].keys[k]);
        if (slot >= 0) add_slot(p, slot, text, to);
    }
    if (group == 3) add_word(text, p->value[S_HAIR_STYLE] == HAIR_BALD ? "head" : "hair");
    else if (group > 3) add_slot(p, cm_slot_find(group, "type"), text, to);
}

static cm_status finish_phrase(cm_phrase *to, const char *text, char all[TEXT_MAX], cm_arena *out) {
    const size_t n = strlen(all);
    to->begin = n ? n + 2 : 0;
    snprintf(all + n, TEXT_MAX - n, "%s%s", n ? ", " : "", text);
    to->end = strlen(all);
    to->text = cm_arena_string(out, text);
    return cm_arena_check(out);
}

cm_status cm_person_describe(const cm_person *p, uint64_t seed, double drop, cm_arena *out, cm_description *d) {
    int groups[CM_GROUPS + 1];
    size_t order[CM_GROUPS + 1], n = 0;
    for (int g = CM_GROUP_SHOT; g < CM_GROUPS; g++)
        if (group_present(p, g)) groups[n++] = g;
    char all[TEXT_MAX] = "";
    cm_description result = {.count = cm_phrase_order(groups, n, seed, drop, order)};
    for (size_t i = 0; i < result.count; i++) {
        cm_phrase *to = &result.phrases[i];
        char text[TEXT_MAX] = "";
        *to = (cm_phrase){.group = groups[order[i]], .classes = region_of(p, groups[order[i]])};
        write_phrase(p, to->group, text, to);
        CM_TRY(finish_phrase(to, text, all, out));
    }
    result.text = cm_arena_string(out, all);
    CM_TRY(cm_arena_check(out));
    *d = result;
    return CM_OK;
}

/* A few of the garments, often without colour, now and then with a wrong one. */
char *cm_person_alt_text(const cm_person *p, uint64_t seed, cm_arena *out) {
    static const int types[] = {S_ONE, S_TOP, S_COAT, S_BOTTOM, S_BAG, S_HAT, S_SHOES};
    static const char *const places[] = {
        "on white background", "on gray background", "in room", "on street", "in park", "on beach"};
    cm_rng r = cm_rng_named(seed, "people/alt text");
    size_t worn[7], n = 0;
    for (size_t i = 0; i < 7; i++)
        if (types[i] == S_SHOES || p->value[types[i]] > 0) worn[n++] = i;
    cm_rng_shuffle(&r, worn, n);
    const size_t said = (size_t[]){0, 1, 1, 2}[cm_rng_below(&r, 4)];
    char text[TEXT_MAX] = "a";
    add_word(text, p->value[S_GENDER] == MALE ? "man" : "woman");
    for (size_t i = 0; i < said && i < n; i++) {
        const int type = types[worn[i]], color = type + 1; /* a garment's colour follows its type */
        const char *noun = cm_slots[type].values[p->value[type]];
        const bool plural = noun[strlen(noun) - 1] == 's' && strcmp(noun, "dress") != 0;
        const int c = cm_rng_uniform(&r) < .9 ? p->value[color] : (int)cm_rng_below(&r, COLORS);
        const bool colored = cm_rng_uniform(&r) < .5;
        const char *first = colored ? cm_slots[color].values[c] : noun;
        if (i) add_word(text, "and");
        if (!i || type == S_BAG) add_word(text, type == S_BAG ? "with" : "in");
        if (!plural) add_word(text, strchr("aeiou", first[0]) ? "an" : "a");
        if (colored) add_word(text, first);
        add_word(text, noun);
    }
    if (cm_rng_uniform(&r) < .25) add_word(text, places[p->value[S_BACKGROUND]]);
    return cm_arena_string(out, text);
}
