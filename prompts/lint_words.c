// SPDX-License-Identifier: Apache-2.0
/* Misspelt words: those that are nearly one of the vocabulary's. */
#include <ctype.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/base/name_table.h"
#include "core/data/people/people.h"
#include "prompts/human_words.h"
#include "prompts/prompt_lint.h"

enum { MOST_WORDS = 1024, SHORTEST = 5, LONG = 8, ROOM = 48 };

struct cm_lint_words {
    size_t count;
    const char *word[MOST_WORDS];
    cm_name_table known;
    cm_arena *arena;
};

/* English words that are as near to one of ours as a slip of the finger. */
static const char *const english =
    "women while india sports books sport shows africa lines shoot basketball booth booths block colour coloured "
    "write parts shout shouts shots plants shore shores pleased boost boosts closer chill painted shops greek shift "
    "angle speakers curry chess scary stocks latin latina chile chili boats compared plain chose norman liner lined "
    "blown greet sorts collab teenage shoots closet stripe stripes stripped overcome printer graduating brows blank "
    "blaze crest scare scars strand cheat pointed plated flare flares flawed paints pints chopped flora clone cellar "
    "curls overload overcast sneaker weaving colon sacks greed bolts feared shocks starlight heals blond sleepless "
    "woken curvy hells snickers sweeter collagen welding collapsed jacked plume indiana linden";

static void add_words(cm_lint_words *w, const char *text) {
    char word[ROOM];
    while (*text) {
        size_t n = 0;
        while (isalpha((unsigned char)text[n]) && n + 1 < ROOM) word[n] = (char)tolower((unsigned char)text[n]), n++;
        word[n] = '\0';
        text += n ? n : 1;
        const char *copy = n && w->count < MOST_WORDS ? cm_arena_string(w->arena, word) : NULL;
        if (copy && cm_name_table_add(&w->known, copy, 0, NULL) && n >= SHORTEST) w->word[w->count++] = copy;
    }
}

/* Places are left out: their words are everybody's. */
static void add_vocabulary(cm_lint_words *w) {
    for (int s = 0; s < cm_slot_count; s++)
        for (int i = 0; i < cm_slots[s].count && cm_slots[s].group != 2; i++) add_words(w, cm_slots[s].values[i]);
    for (int t = 0; t < cm_human_type_count; t++) {
        add_words(w, cm_human_types[t].value);
        for (int s = 0; s < CM_HUMAN_SLOTS && cm_human_types[t].slots[s].key; s++)
            add_words(w, cm_human_types[t].slots[s].values);
    }
    for (int i = 0; i < 3; i++) add_words(w, cm_human_person[i].values);
    add_words(w, cm_human_hair_styles);
    add_words(w, cm_human_hair_colors);
    add_words(w, "headshot portrait background wearing woman shoulders eyes chest chin trousers leggings collared");
}

cm_status cm_lint_words_open(cm_lint_words **out, cm_arena *a) {
    cm_lint_words *w = CM_PUSH_ZERO(a, cm_lint_words, 1);
    CM_TRY(cm_arena_check(a));
    w->arena = a;
    CM_TRY(cm_name_table_init(&w->known, 2 * MOST_WORDS, a));
    add_vocabulary(w);
    const size_t ours = w->count;
    add_words(w, english);
    w->count = ours;
    CM_TRY(cm_arena_check(a));
    *out = w;
    return CM_OK;
}

/* A known word, or one with an ending more: "shirts", "dresses", "belted". */
static bool is_known(const cm_lint_words *w, const char *word, size_t n) {
    static const char *const endings[] = {"", "s", "es", "ed", "d", "ing", "y", "like"};
    char stem[ROOM];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t m = strlen(endings[i]);
        if (m >= n || strcmp(word + n - m, endings[i]) != 0) continue;
        memcpy(stem, word, n - m);
        stem[n - m] = '\0';
        if (cm_name_table_find(&w->known, stem)) return true;
    }
    return false;
}

/* Two neighbours exchanged: "brwon". */
static bool is_swapped(const char *a, const char *b) {
    size_t i = 0;
    if (strlen(a) != strlen(b)) return false;
    while (a[i] && a[i] == b[i]) i++;
    return a[i] && a[i + 1] && a[i] == b[i + 1] && a[i + 1] == b[i] && strcmp(a + i + 2, b + i + 2) == 0;
}

/* One edit, two of a long word; people rarely get the first letter wrong. */
const char *cm_lint_misspelt(const cm_lint_words *w, const char *word) {
    const size_t n = strlen(word);
    if (n < SHORTEST || n >= ROOM || is_known(w, word, n)) return NULL;
    for (size_t i = 0; i < w->count; i++) {
        const char *known = w->word[i];
        if (known[0] != word[0]) continue;
        const size_t away = cm_edit_distance(word, known);
        if (is_swapped(word, known) || away == 1 || (away == 2 && n >= LONG && strlen(known) >= LONG)) return known;
    }
    return NULL;
}
