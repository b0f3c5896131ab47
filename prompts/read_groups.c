// SPDX-License-Identifier: Apache-2.0
#include "prompts/read_groups.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* What each group's things are called, in the singular but where the plural is the word. */
static const struct {
    int group;
    const char *words;
} names[] = {
    {CM_GROUP_SHOT, "shot headshot portrait"},
    {0, "male female person man woman boy girl lady guy"},
    {1, "body"},
    {2, "background street park beach room road garden forest office studio wall city"},
    {3, "hair head bald afro ponytail"},
    {4, "saree uniform costume kimono robe swimsuit"},
    {5, "dress jumpsuit gown romper overalls"},
    {6, "t-shirt shirt sweater sweatshirt hoodie camisole blouse top polo vest cardigan"},
    {7, "coat jacket overcoat blazer parka suit"},
    {8, "pants jeans shorts skirt trousers sweatpants leggings"},
    {9, "shoe sneaker boot heel loafer sandal slipper"},
    {10, "bag backpack handbag purse"},
    {11, "hat cap beanie helmet"},
    {12, "belt"},
    {13, "scarf shawl"},
    {14, "style"},
    {15, "headband"},
    {16, "headscarf"},
    {17, "veil"},
    {18, "sock stocking"},
    {19, "tie necktie"},
};

enum { NO_GROUP = -2 };

/* A word of the text; empty at its end. */
typedef struct word {
    size_t begin, end;
} word;

static bool in_word(char c) {
    return isalnum((unsigned char)c) || c == '-' || c == '\'' || (unsigned char)c >= 0x80;
}

static word next_word(const char *text, size_t from) {
    while (text[from] && !in_word(text[from])) from++;
    word w = {from, from};
    while (in_word(text[w.end])) w.end++;
    return w;
}

/* Is the word in the list, as it is or, if `plural`, without its s? */
static bool lists(const char *list, const char *text, word w, bool plural) {
    const char *letters = text + w.begin;
    const size_t n = w.end - w.begin;
    for (const char *at = list; *at; at += strcspn(at, " "), at += *at == ' ') {
        const size_t length = strcspn(at, " ");
        if (strncasecmp(at, letters, length) != 0) continue;
        if (n == length || (plural && n == length + 1 && tolower((unsigned char)letters[length]) == 's')) return true;
    }
    return false;
}

static int group_of(const char *text, word w) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (lists(names[i].words, text, w, true)) return names[i].group;
    return NO_GROUP;
}

/* A phrase in the making: its words so far, and the group of the last that has one. */
typedef struct reader {
    const char *text;
    cm_arena *out;
    cm_description *d;
    word so_far;
    int group;
} reader;

static void end_phrase(reader *r) {
    cm_description *d = r->d;
    if (r->group != NO_GROUP && d->count < CM_GROUPS + 1) {
        cm_phrase *p = &d->phrases[d->count++];
        *p = (cm_phrase){.group = r->group, .begin = r->so_far.begin, .end = r->so_far.end};
        p->classes = cm_groups[r->group == CM_GROUP_SHOT ? 1 : r->group].classes;
        p->text = cm_arena_print(r->out, "%.*s", (int)(p->end - p->begin), r->text + p->begin);
    }
    r->so_far = (word){0, 0};
    r->group = NO_GROUP;
}

static void add_word(reader *r, word w) {
    const int group = group_of(r->text, w);
    if (r->so_far.end == 0) r->so_far = w;
    r->so_far.end = w.end;
    if (group != NO_GROUP) r->group = group;
}

/* "black and white shirt" is one phrase: "and" ends only what has a group. */
static bool ends_phrase(const reader *r, word w) {
    return lists("wearing in with on at", r->text, w, false) ||
           (lists("and", r->text, w, false) && r->group != NO_GROUP);
}

cm_status cm_read_groups(const char *text, cm_arena *out, cm_description *d) {
    cm_description made = {.text = cm_arena_string(out, text)};
    reader r = {text, out, &made, {0, 0}, NO_GROUP};
    size_t from = 0;
    for (word w = next_word(text, 0); w.end > w.begin; from = w.end, w = next_word(text, w.end)) {
        const size_t stop = from + strcspn(text + from, ",;.");
        if (stop < w.begin) end_phrase(&r);
        if (ends_phrase(&r, w)) end_phrase(&r);
        else add_word(&r, w);
    }
    end_phrase(&r);
    CM_TRY(cm_arena_check(out));
    if (made.count == 0)
        return cm_fail(CM_EUNDEFINED, "no phrase of the prompt names a group (hair, tops, shoes, ...)");
    *d = made;
    return CM_OK;
}
