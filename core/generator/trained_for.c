// SPDX-License-Identifier: Apache-2.0
#include "core/generator/trained_for.h"

#include <string.h>

#include "core/base/system.h"
#include "core/networks/unicode.h"

/* --- sizes ---------------------------------------------------------------- */

/* a and b are more than `times` apart. */
static bool far_apart(double a, double b, double times) {
    return a > times * b || b > times * a;
}

cm_status cm_far_size(const cm_model *m, size_t width, size_t height, cm_arena *out, const char **line) {
    const double w = (double)width, h = (double)height;
    const double own_w = (double)m->default_width, own_h = (double)m->default_height;
    *line = NULL;
    if (m->entry.random || (!far_apart(w * h, own_w * own_h, 2) && !far_apart(w * own_h, own_w * h, m->xl ? 4 : 2)))
        return CM_OK;
    *line = cm_arena_print(out,
                           "%zux%zu is far from %zux%zu, the size that the model was trained at; bodies may come out "
                           "broken or twice",
                           width, height, m->default_width, m->default_height);
    return cm_arena_check(out);
}

/* --- words ---------------------------------------------------------------- */

void cm_unknown_words_begin(cm_unknown_words *u, const cm_model *m) {
    *u = (cm_unknown_words){0};
    cm_arena_init(&u->words, 0);
    cm_arena_init(&u->scratch, 0);
    if (!m->entry.random && cm_tokenizer_size(m->tokenizer) < CM_SMALL_VOCABULARY) u->tokenizer = m->tokenizer;
}

void cm_unknown_words_end(cm_unknown_words *u) {
    cm_arena_free(&u->words);
    cm_arena_free(&u->scratch);
    *u = (cm_unknown_words){0};
}

/* A larger table with the same words; the smaller one stays in the arena. */
static cm_status make_room(cm_unknown_words *u) {
    if (u->count < u->room) return CM_OK;
    cm_name_table larger;
    CM_TRY(cm_name_table_init(&larger, u->room ? 2 * u->room : 64, &u->words));
    for (size_t i = 0; u->room && i < u->seen.places; i++)
        if (u->seen.entries[i].name) cm_name_table_add(&larger, u->seen.entries[i].name, 0, NULL);
    u->seen = larger;
    u->room = u->room ? 2 * u->room : 64;
    return CM_OK;
}

/* The tokenizer's words are letters, one number, or signs. Only letters are words here, and safe to print. */
static bool is_of_letters(const char *word) {
    cm_char first[4]; /* of the 4 bytes that a character has at most */
    size_t count = 0, bytes = 1;
    while (bytes < 4 && ((unsigned char)word[bytes] & 0xc0) == 0x80) bytes++;
    return cm_unicode_read(word, 0, word[0] ? bytes : 0, first, &count) == CM_OK && count == 1 &&
           cm_unicode_is_letter(first[0].code);
}

static cm_status add_word(cm_unknown_words *u, const char *text, size_t bytes) {
    char *word = cm_arena_print(&u->scratch, "%.*s", (int)bytes, text);
    CM_TRY(cm_arena_check(&u->scratch));
    for (char *c = word; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a'); /* as the tokenizer reads it */
    if (!is_of_letters(word)) return CM_OK;
    CM_TRY(make_room(u));
    if (cm_name_table_find(&u->seen, word)) return CM_OK;
    const char *kept = cm_arena_string(&u->words, word);
    CM_TRY(cm_arena_check(&u->words));
    cm_name_table_add(&u->seen, kept, 0, NULL);
    if (u->count < CM_UNKNOWN_NAMED) u->first[u->count] = kept;
    u->count++;
    return CM_OK;
}

/* A word's last piece ends in "</w>"; a special token, "<|endoftext|>", is by itself. */
static bool ends_word(const char *piece) {
    const size_t n = piece ? strlen(piece) : 0;
    if (n >= 4 && strcmp(piece + n - 4, "</w>") == 0) return true;
    return n == 0 || (n > 2 && piece[0] == '<' && piece[n - 1] == '>');
}

static cm_status add_pieces(cm_unknown_words *u, const char *text, const cm_tokens *t) {
    for (size_t i = 1, first = 1; i + 1 < t->used; i++) {
        if (!ends_word(cm_tokenizer_text(u->tokenizer, t->ids[i]))) continue;
        if (i > first) CM_TRY(add_word(u, text + t->begin[first], t->end[i] - t->begin[first]));
        first = i + 1;
    }
    return CM_OK;
}

cm_status cm_unknown_words_add(cm_unknown_words *u, const char *text) {
    cm_tokens t;
    if (!u->tokenizer || !text) return CM_OK;
    if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
    const cm_arena_mark mark = cm_arena_get_mark(&u->scratch);
    /* a byte is a token at most, but for what NFC takes apart: then the last words are left out */
    cm_status s = cm_tokenize_to(u->tokenizer, CM_CLEAN_TRANSFORMERS, text, strlen(text) + 2, &u->scratch, &t);
    if (s == CM_OK) s = add_pieces(u, text, &t);
    cm_arena_reset(&u->scratch, mark);
    return s;
}

/* Of a word that is no word a beginning, whole characters. */
static int shown_bytes(const char *word) {
    enum { MOST = 48 };
    size_t n = strlen(word);
    if (n > MOST)
        for (n = MOST; n > 0 && ((unsigned char)word[n] & 0xc0) == 0x80;) n--;
    return (int)n;
}

cm_status cm_unknown_words_tell(const cm_unknown_words *u, cm_arena *out, const char **line) {
    const char *names = "";
    *line = NULL;
    if (u->count == 0) return CM_OK;
    for (size_t i = 0; i < u->count && i < CM_UNKNOWN_NAMED && names; i++)
        names = cm_arena_print(out, "%s%s'%.*s%s'", names, i ? ", " : "", shown_bytes(u->first[i]), u->first[i],
                               u->first[i][shown_bytes(u->first[i])] ? "..." : "");
    CM_TRY(cm_arena_check(out));
    *line = cm_arena_print(out, "%zu %s not in the model's vocabulary, which only spells %s: %s%s", u->count,
                           u->count == 1 ? "word is" : "words are", u->count == 1 ? "it" : "them", names,
                           u->count > CM_UNKNOWN_NAMED ? ", ..." : "");
    return cm_arena_check(out);
}
