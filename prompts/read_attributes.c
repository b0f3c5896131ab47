// SPDX-License-Identifier: Apache-2.0
#include "prompts/read_attributes.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "core/data/people/people.h"

enum { MOST_FOUND = 64 };

/* A slot's value at text[begin, end). */
typedef struct found {
    int slot, value;
    size_t begin, end;
} found;

static bool in_word(char c) {
    return isalnum((unsigned char)c) || c == '-' || c == '\'' || (unsigned char)c >= 0x80;
}

/* Where the words stand in the text from `from` on; its end where they do not. */
static size_t find_words(const char *text, size_t from, const char *words) {
    const size_t length = strlen(text), n = strlen(words);
    for (size_t i = from; i + n <= length; i++) {
        const bool begins = i == 0 || !in_word(text[i - 1]);
        if (begins && !in_word(text[i + n]) && strncasecmp(text + i, words, n) == 0) return i;
    }
    return length;
}

static size_t find_values(const cm_phrase *p, int slot, found *list, size_t count) {
    const size_t length = strlen(p->text);
    for (int v = 0; v < cm_slots[slot].count; v++) {
        const char *value = cm_slots[slot].values[v];
        if (strcmp(value, "none") == 0) continue;
        for (size_t at = find_words(p->text, 0, value); at < length && count < MOST_FOUND;
             at = find_words(p->text, at + 1, value))
            list[count++] = (found){slot, v, at, at + strlen(value)};
    }
    return count;
}

static bool is_inside(const found *a, const found *b) {
    return a->begin >= b->begin && a->end <= b->end && a->end - a->begin < b->end - b->begin;
}

/* The one value of a slot; -1 where there is none, or several. */
static int value_of(int slot, const found *list, size_t count) {
    int value = -1;
    for (size_t i = 0; i < count; i++) {
        bool part = list[i].slot != slot;
        for (size_t k = 0; k < count && !part; k++) part = is_inside(&list[i], &list[k]);
        if (part) continue;
        if (value >= 0 && value != list[i].value) return -1;
        value = list[i].value;
    }
    return value;
}

static void read_phrase(cm_phrase *p) {
    found list[MOST_FOUND];
    size_t count = 0;
    for (int s = 0; s < cm_slot_count; s++)
        if (cm_slots[s].group == p->group) count = find_values(p, s, list, count);
    for (int s = 0; s < cm_slot_count && p->attribute_count < CM_MAX_ATTRIBUTES; s++) {
        const int v = cm_slots[s].group == p->group ? value_of(s, list, count) : -1;
        if (v >= 0) p->attributes[p->attribute_count++] = (cm_attribute){cm_slots[s].key, cm_slots[s].values[v]};
    }
}

void cm_read_attributes(cm_description *d) {
    for (size_t i = 0; i < d->count; i++)
        if (d->phrases[i].attribute_count == 0) read_phrase(&d->phrases[i]);
}
