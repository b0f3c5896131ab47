// SPDX-License-Identifier: Apache-2.0
/* The vocabulary is trained as byte-pair encodings are: the commonest pair of neighbours is merged until every word
 * is one token. Encoding replays the merges in the same order, so a word that was trained on arrives at its token. */
#include "core/data/people/people_words.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/data/people/people.h"
#include "core/io/jsonl.h"

enum { MAX_WORDS = 512, MAX_PIECES = 24, BYTES = 256 };

/* What the descriptions and alt texts add to the slots' values, and common words of free text. */
static const char other_words[] = "a an full body shot hair head man woman in and on background the of with wearing "
                                  "person people photo picture portrait "
                                  "standing is who has his her no nearly upper close up headshot at to by for";

static int compare_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_words(const char *text, cm_arena *out, const char **words, size_t *count) {
    while (*text && *count < MAX_WORDS) {
        size_t n = 0;
        while (isalpha((unsigned char)text[n])) n++;
        if (n) words[(*count)++] = cm_arena_print(out, "%.*s", (int)n, text);
        text += n ? n : 1;
    }
}

cm_status cm_people_words(cm_arena *out, const char *const **words, size_t *count) {
    const char **all = CM_PUSH(out, const char *, MAX_WORDS * 4);
    CM_TRY(cm_arena_check(out));
    size_t n = 0;
    add_words(other_words, out, all, &n);
    for (int s = 0; s < cm_slot_count; s++)
        for (int i = 0; i < cm_slots[s].count; i++) {
            size_t more = 0;
            add_words(cm_slots[s].values[i], out, all + n, &more);
            n += more;
            qsort(all, n, sizeof *all, compare_text);
            size_t kept = 0;
            for (size_t k = 0; k < n; k++)
                if (k == 0 || strcmp(all[k], all[kept - 1]) != 0) all[kept++] = all[k];
            n = kept;
        }
    *words = all;
    *count = n;
    return cm_arena_check(out);
}

/* CLIP writes a byte as a visible character: itself when it is one, else 256 and up. Returns its UTF-8. */
static void byte_symbols(char symbol[BYTES][4], int order[BYTES]) {
    int next = 0, n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int b = 0; b < BYTES; b++) {
            const int plain = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            if (plain == pass) continue;
            const int u = plain ? b : 256 + next++;
            if (u < 128) symbol[b][0] = (char)u, symbol[b][1] = 0;
            else symbol[b][0] = (char)(0xC0 | u >> 6), symbol[b][1] = (char)(0x80 | (u & 63)), symbol[b][2] = 0;
            order[n++] = b;
        }
}

typedef struct word_pieces {
    const char *piece[MAX_PIECES];
    size_t count;
} word_pieces;

/* Every word as letters, the last with its end mark. */
static word_pieces *split_words(const char *const *words, size_t count, cm_arena *a) {
    word_pieces *w = CM_PUSH_ZERO(a, word_pieces, count);
    for (size_t i = 0; w && i < count; i++) {
        const size_t n = strlen(words[i]);
        for (size_t k = 0; k < n && k < MAX_PIECES; k++)
            w[i].piece[w[i].count++] = cm_arena_print(a, "%c%s", words[i][k], k + 1 == n ? "</w>" : "");
    }
    return w;
}

/* The commonest pair of neighbours, the alphabetically first of equals; false when every word is whole. */
static int best_pair(const word_pieces *w, size_t count, const char *best[2]) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k + 1 < w[i].count; k++) {
            const char *a = w[i].piece[k], *b = w[i].piece[k + 1];
            size_t n = 0;
            for (size_t j = 0; j < count; j++)
                for (size_t m = 0; m + 1 < w[j].count; m++)
                    n += !strcmp(w[j].piece[m], a) && !strcmp(w[j].piece[m + 1], b);
            const int order = most ? (strcmp(a, best[0]) ? strcmp(a, best[0]) : strcmp(b, best[1])) : -1;
            if (n > most || (n == most && order < 0)) most = n, best[0] = a, best[1] = b;
        }
    return most > 0;
}

static void merge_pair(word_pieces *w, size_t count, const char *const pair[2], const char *merged) {
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        for (size_t k = 0; k < w[i].count; k++) {
            const int hit =
                k + 1 < w[i].count && !strcmp(w[i].piece[k], pair[0]) && !strcmp(w[i].piece[k + 1], pair[1]);
            w[i].piece[n++] = hit ? merged : w[i].piece[k];
            k += (size_t)hit;
        }
        w[i].count = n;
    }
}

typedef struct bpe_text {
    json_t *vocab;
    char *merges;
    size_t length, room;
} bpe_text;

static void add_token(bpe_text *t, const char *token) {
    if (!json_object_get(t->vocab, token))
        json_object_set_new(t->vocab, token, json_integer((json_int_t)json_object_size(t->vocab)));
}

static void add_merge(bpe_text *t, const char *a, const char *b) {
    const size_t n = strlen(a) + strlen(b) + 2;
    if (t->length + n >= t->room) return;
    memcpy(t->merges + t->length, a, strlen(a));
    t->length += strlen(a);
    t->merges[t->length++] = ' ';
    memcpy(t->merges + t->length, b, strlen(b));
    t->length += strlen(b);
    t->merges[t->length++] = '\n';
}

static cm_status train_tokens(cm_arena *a, bpe_text *t) {
    static const char head[] = "#version: 0.2\n";
    const char *const *words;
    size_t count;
    char symbol[BYTES][4];
    int order[BYTES];
    CM_TRY(cm_people_words(a, &words, &count));
    t->room = 1 << 16;
    t->merges = CM_PUSH(a, char, t->room);
    word_pieces *w = split_words(words, count, a);
    CM_TRY(cm_arena_check(a));
    memcpy(t->merges, head, sizeof head - 1);
    t->length = sizeof head - 1;
    byte_symbols(symbol, order);
    for (int end = 0; end < 2; end++)
        for (int i = 0; i < BYTES; i++) add_token(t, cm_arena_print(a, "%s%s", symbol[order[i]], end ? "</w>" : ""));
    for (const char *pair[2]; best_pair(w, count, pair);) {
        const char *merged = cm_arena_print(a, "%s%s", pair[0], pair[1]);
        CM_TRY(cm_arena_check(a));
        add_merge(t, pair[0], pair[1]);
        add_token(t, merged);
        merge_pair(w, count, (const char *const[2]){pair[0], pair[1]}, merged);
    }
    add_token(t, "<|startoftext|>");
    add_token(t, "<|endoftext|>");
    return CM_OK;
}

cm_status cm_people_write_tokenizer(const char *folder) {
    cm_arena a;
    cm_arena_init(&a, 0);
    bpe_text t = {json_object(), NULL, 0, 0};
    json_t *config = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:s, s:b}", "tokenizer_class", "CLIPTokenizer",
                               "bos_token", "<|startoftext|>", "eos_token", "<|endoftext|>", "unk_token",
                               "<|endoftext|>", "pad_token", "<|endoftext|>", "model_max_length", 77, "do_lower_case",
                               1, "errors", "replace", "add_prefix_space", 0);
    cm_status s = t.vocab && config ? train_tokens(&a, &t) : cm_fail(CM_ENOMEM, "no memory for the vocabulary");
    if (s == CM_OK) s = cm_make_dirs(folder);
    if (s == CM_OK) s = cm_json_write(cm_arena_print(&a, "%s/vocab.json", folder), t.vocab);
    if (s == CM_OK) s = cm_write_whole(cm_arena_print(&a, "%s/merges.txt", folder), t.merges, t.length);
    if (s == CM_OK) s = cm_json_write(cm_arena_print(&a, "%s/tokenizer_config.json", folder), config);
    json_decref(t.vocab);
    json_decref(config);
    cm_arena_free(&a);
    return s;
}
