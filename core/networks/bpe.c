// SPDX-License-Identifier: Apache-2.0
#include "core/networks/bpe.h"

#include <stdio.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/gzip.h"
#include "core/io/jsonl.h"
#include "core/networks/unicode.h"

enum { MAX_IDS = 1 << 22, MAX_FILE = 1 << 28, MAX_TOKEN = 4096, CLIP_MERGES = 49152 - 256 - 2 };

/* Pairs that join: an open hash table. */
typedef struct merge {
    int left, right; /* left -1: empty */
    int rank, joined;
} merge;

struct cm_bpe {
    const char **texts; /* [size], NULL where an id is unused */
    int size;
    int *slots; /* hash table of ids, -1 empty */
    size_t slot_mask;
    merge *merges;
    size_t merge_mask;
    int bytes[256], last_bytes[256]; /* ids of single bytes, within and at the end of a word; -1: none */
};

/* --- vocabulary --------------------------------------------------------------------- */

/* FNV-1a */
static size_t hash_text(const char *text, size_t n) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static size_t table_size(size_t count) {
    size_t n = 16;
    while (n < 2 * count) n *= 2;
    return n;
}

static int find(const cm_bpe *b, const char *text, size_t n) {
    for (size_t at = hash_text(text, n) & b->slot_mask; b->slots[at] >= 0; at = (at + 1) & b->slot_mask) {
        const char *known = b->texts[b->slots[at]];
        if (strncmp(known, text, n) == 0 && strlen(known) == n) return b->slots[at]; /* text may have a 0 in it */
    }
    return -1;
}

int cm_bpe_find(const cm_bpe *b, const char *token) {
    return find(b, token, strlen(token));
}

const char *cm_bpe_text(const cm_bpe *b, int id) {
    return id >= 0 && id < b->size ? b->texts[id] : NULL;
}

int cm_bpe_size(const cm_bpe *b) {
    return b->size;
}

static cm_status check_vocabulary(const json_t *vocabulary, const char *path, int *size) {
    const char *key;
    json_t *value;
    *size = 0;
    if (!json_is_object(vocabulary) || json_object_size(vocabulary) == 0)
        return cm_fail(CM_EFORMAT, "%s: no object of tokens", path);
    json_object_foreach((json_t *)vocabulary, key, value) {
        if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) >= MAX_IDS)
            return cm_fail(CM_EFORMAT, "%s: the id of \"%.60s\" is no number from 0 to %d", path, key, MAX_IDS - 1);
        if (json_integer_value(value) >= *size) *size = (int)json_integer_value(value) + 1;
    }
    return CM_OK;
}

static cm_status read_vocabulary(cm_bpe *b, const json_t *vocabulary, const char *path, cm_arena *arena) {
    const size_t slots = table_size(json_object_size(vocabulary));
    CM_TRY(check_vocabulary(vocabulary, path, &b->size));
    b->texts = CM_PUSH_ZERO(arena, const char *, b->size);
    b->slots = CM_PUSH(arena, int, slots);
    CM_TRY(cm_arena_check(arena));
    b->slot_mask = slots - 1;
    for (size_t i = 0; i < slots; i++) b->slots[i] = -1;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)vocabulary, key, value) {
        const int id = (int)json_integer_value(value);
        if (b->texts[id])
            return cm_fail(CM_EFORMAT, "%s: \"%.60s\" and \"%.60s\" are both %d", path, b->texts[id], key, id);
        b->texts[id] = cm_arena_string(arena, key);
        CM_TRY(cm_arena_check(arena));
        size_t at = hash_text(key, strlen(key)) & b->slot_mask;
        while (b->slots[at] >= 0) at = (at + 1) & b->slot_mask;
        b->slots[at] = id;
    }
    return CM_OK;
}

/* GPT-2's alphabet: printable bytes of Latin-1 are themselves, the others follow from U+0100 on. */
static bool is_plain(unsigned byte) {
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

static void name_bytes(cm_bpe *b) {
    uint32_t next = 0x100;
    for (unsigned i = 0; i < 256; i++) {
        char text[12];
        const size_t n = cm_unicode_write(is_plain(i) ? i : next++, text);
        b->bytes[i] = find(b, text, n);
        memcpy(text + n, "</w>", 4);
        b->last_bytes[i] = find(b, text, n + 4);
    }
}

/* --- merges --------------------------------------------------------------------------- */

static merge *merge_slot(const cm_bpe *b, int left, int right) {
    const uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t at = (size_t)((key * 0x9E3779B97F4A7C15u) >> 20) & b->merge_mask;
    while (b->merges[at].left >= 0 && (b->merges[at].left != left || b->merges[at].right != right))
        at = (at + 1) & b->merge_mask;
    return &b->merges[at];
}

static cm_status make_merges(cm_bpe *b, size_t count, cm_arena *arena) {
    const size_t slots = table_size(count);
    b->merges = CM_PUSH(arena, merge, slots);
    CM_TRY(cm_arena_check(arena));
    b->merge_mask = slots - 1;
    for (size_t i = 0; i < slots; i++) b->merges[i].left = -1;
    return CM_OK;
}

/* where: "merges.txt:12", for messages */
static cm_status add_merge(cm_bpe *b, const char *left, size_t ln, const char *right, size_t rn, int rank,
                           const char *where) {
    char joined[2 * MAX_TOKEN];
    if (ln == 0 || rn == 0 || ln > MAX_TOKEN || rn > MAX_TOKEN) return cm_fail(CM_EFORMAT, "%s: not two tokens", where);
    memcpy(joined, left, ln);
    memcpy(joined + ln, right, rn);
    const merge m = {find(b, left, ln), find(b, right, rn), rank, find(b, joined, ln + rn)};
    if (m.left < 0 || m.right < 0 || m.joined < 0)
        return cm_fail(CM_EFORMAT, "%s: '%.*s' + '%.*s' or what they join to is not in the vocabulary", where,
                       (int)(ln < 60 ? ln : 60), left, (int)(rn < 60 ? rn : 60), right);
    *merge_slot(b, m.left, m.right) = m;
    return CM_OK;
}

static cm_status add_line(cm_bpe *b, const char *line, size_t n, int rank, const char *where) {
    const char *blank = memchr(line, ' ', n);
    if (!blank || memchr(blank + 1, ' ', n - (size_t)(blank + 1 - line)))
        return cm_fail(CM_EFORMAT, "%s: not two tokens", where);
    const size_t ln = (size_t)(blank - line);
    return add_merge(b, line, ln, blank + 1, n - ln - 1, rank, where);
}

static cm_status read_merges_text(cm_bpe *b, const char *path, const char *text, size_t length, cm_arena *arena) {
    size_t lines = 0, number = 0;
    int rank = 0;
    for (size_t i = 0; i < length; i++) lines += text[i] == '\n';
    CM_TRY(make_merges(b, lines + 1, arena));
    for (size_t at = 0; at < length; number++) {
        const char *line = text + at, *end = memchr(line, '\n', length - at);
        size_t n = end ? (size_t)(end - line) : length - at;
        at += n + 1;
        if (n && line[n - 1] == '\r') n--;
        if (n == 0 || (n >= 8 && memcmp(line, "#version", 8) == 0)) continue;
        char where[700];
        snprintf(where, sizeof where, "%s:%zu", path, number + 1);
        CM_TRY(add_line(b, line, n, rank++, where));
    }
    if (rank == 0) return cm_fail(CM_EFORMAT, "%s: no merges in it: every word would be spelled out", path);
    return CM_OK;
}

/* "a b" or ["a", "b"] each */
static cm_status read_merges_json(cm_bpe *b, const json_t *merges, const char *path, cm_arena *arena) {
    size_t i;
    json_t *one;
    if (!json_is_array(merges) || json_array_size(merges) == 0)
        return cm_fail(CM_EFORMAT, "%s: no list of merges", path);
    CM_TRY(make_merges(b, json_array_size(merges), arena));
    json_array_foreach(merges, i, one) {
        char where[700];
        snprintf(where, sizeof where, "%s: merge %zu", path, i);
        const char *left = json_string_value(json_array_get(one, 0)),
                   *right = json_string_value(json_array_get(one, 1));
        if (json_is_string(one)) CM_TRY(add_line(b, json_string_value(one), json_string_length(one), (int)i, where));
        else if (left && right) CM_TRY(add_merge(b, left, strlen(left), right, strlen(right), (int)i, where));
        else return cm_fail(CM_EFORMAT, "%s: not two tokens", where);
    }
    return CM_OK;
}

/* --- opening ---------------------------------------------------------------------------- */

static cm_status open_pair(cm_bpe *b, const char *folder, const char *vocab_path, cm_arena *arena) {
    json_t *vocabulary = NULL;
    CM_TRY(cm_json_read(vocab_path, &vocabulary));
    cm_status s = read_vocabulary(b, vocabulary, vocab_path, arena);
    json_decref(vocabulary);
    CM_TRY(s);
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    char *path = cm_arena_print(&scratch, "%s/merges.txt", folder), *text = NULL;
    size_t length;
    s = cm_arena_check(&scratch);
    if (s == CM_OK) s = cm_read_text(path, MAX_FILE, &scratch, &text, &length);
    if (s == CM_OK) s = read_merges_text(b, path, text, length, arena);
    cm_arena_free(&scratch);
    return s;
}

/* What transformers' own file may say beyond a CLIP tokenizer is refused. */
static cm_status open_single(cm_bpe *b, const char *path, const json_t *json, cm_arena *arena) {
    const json_t *model = json_object_get(json, "model");
    const char *type = json_string_value(json_object_get(model, "type"));
    const char *suffix = json_string_value(json_object_get(model, "end_of_word_suffix"));
    if (!type || strcmp(type, "BPE") != 0 || !suffix || strcmp(suffix, "</w>") != 0)
        return cm_fail(CM_EFORMAT, "%s: not a byte-pair tokenizer with \"</w>\" at the end of words", path);
    CM_TRY(read_vocabulary(b, json_object_get(model, "vocab"), path, arena));
    return read_merges_json(b, json_object_get(model, "merges"), path, arena);
}

cm_status cm_bpe_open(cm_bpe **out, const char *folder, cm_arena *arena, json_t **json) {
    cm_bpe *b = CM_PUSH_ZERO(arena, cm_bpe, 1);
    const char *vocab = cm_arena_print(arena, "%s/vocab.json", folder),
               *single = cm_arena_print(arena, "%s/tokenizer.json", folder);
    CM_TRY(cm_arena_check(arena));
    *json = NULL;
    if (cm_path_exists(vocab) || !cm_path_exists(single)) {
        CM_TRY(open_pair(b, folder, vocab, arena));
    } else {
        CM_TRY(cm_json_read(single, json));
        const cm_status s = open_single(b, single, *json, arena);
        if (s != CM_OK) {
            json_decref(*json);
            *json = NULL;
            return s;
        }
    }
    name_bytes(b);
    *out = b;
    return CM_OK;
}

/* --- the one file of CLIP ------------------------------------------------------------------ */

/* Plain bytes first, then the others, in order: the order of ids. */
static cm_status add_bytes(json_t *vocabulary, const char *behind) {
    for (int plain = 1; plain >= 0; plain--) {
        uint32_t next = 0x100;
        for (unsigned i = 0; i < 256; i++) {
            char text[12];
            if (is_plain(i) != plain) continue;
            const size_t n = cm_unicode_write(plain ? i : next++, text);
            snprintf(text + n, sizeof text - n, "%s", behind);
            if (json_object_set_new(vocabulary, text, json_integer((json_int_t)json_object_size(vocabulary))))
                return cm_fail(CM_ENOMEM, "out of memory");
        }
    }
    return CM_OK;
}

/* "a b" -> "ab"; two merges may make the same, and the later id counts, as in the original. */
static cm_status add_joined(json_t *vocabulary, const char *line, size_t n, json_int_t id) {
    char joined[2 * MAX_TOKEN];
    const char *blank = memchr(line, ' ', n);
    if (!blank || n > sizeof joined) return cm_fail(CM_EFORMAT, "not two tokens");
    const size_t left = (size_t)(blank - line), right = n - left - 1;
    memcpy(joined, line, left);
    memcpy(joined + left, blank + 1, right);
    if (json_object_setn_new(vocabulary, joined, left + right, json_integer(id)))
        return cm_fail(CM_EFORMAT, "not UTF-8, or out of memory");
    return CM_OK;
}

/* Cuts text to the lines that count, and makes the vocabulary of them. */
static cm_status name_merges(json_t *vocabulary, char *text, size_t *length) {
    json_int_t id = 512;
    size_t at = 0, number = 1;
    while (at < *length && id < 512 + CLIP_MERGES) {
        const char *end = memchr(text + at, '\n', *length - at);
        size_t n = end ? (size_t)(end - text) - at : *length - at;
        const size_t next = at + n + 1;
        if (n && text[at + n - 1] == '\r') n--;
        const cm_status s = n ? add_joined(vocabulary, text + at, n, id) : CM_OK;
        if (s != CM_OK) return cm_fail_in(s, "line %zu", number + 1);
        if (n) id++;
        at = next;
        number++;
    }
    if (at < *length) *length = at;
    if (json_object_set_new(vocabulary, "<|startoftext|>", json_integer(id)) ||
        json_object_set_new(vocabulary, "<|endoftext|>", json_integer(id + 1)))
        return cm_fail(CM_ENOMEM, "out of memory");
    return CM_OK;
}

static cm_status open_merges(cm_bpe *b, const char *path, json_t *vocabulary, cm_arena *arena, cm_arena *scratch) {
    char *text;
    size_t length;
    CM_TRY(cm_gzip_read(path, MAX_FILE, scratch, &text, &length));
    const char *first = memchr(text, '\n', length);
    if (!first || !memchr(text, '#', (size_t)(first - text)))
        return cm_fail(CM_EFORMAT, "%s: its first line is not \"...#version...\", as in bpe_simple_vocab_16e6.txt",
                       path);
    char *rest = text + (first + 1 - text);
    length -= (size_t)(rest - text);
    cm_status s = add_bytes(vocabulary, "");
    if (s == CM_OK) s = add_bytes(vocabulary, "</w>");
    if (s == CM_OK) s = name_merges(vocabulary, rest, &length);
    if (s != CM_OK) return cm_fail_in(s, "%s", path);
    CM_TRY(read_vocabulary(b, vocabulary, path, arena));
    return read_merges_text(b, path, rest, length, arena);
}

cm_status cm_bpe_open_merges(cm_bpe **out, const char *path, cm_arena *arena) {
    cm_bpe *b = CM_PUSH_ZERO(arena, cm_bpe, 1);
    json_t *vocabulary = json_object();
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    cm_status s = b && vocabulary ? CM_OK : cm_fail(CM_ENOMEM, "%s: out of memory", path);
    if (s == CM_OK) s = open_merges(b, path, vocabulary, arena, &scratch);
    json_decref(vocabulary);
    cm_arena_free(&scratch);
    if (s != CM_OK) return s;
    name_bytes(b);
    *out = b;
    return CM_OK;
}

/* --- encoding ----------------------------------------------------------------------------- */

enum { NONE = -1 };

typedef struct symbol {
    int id;
    long previous, next; /* NONE at the ends */
    size_t bytes;        /* 0: joined to the one before */
} symbol;

typedef struct candidate {
    int rank, joined;
    long left;
} candidate;

/* A heap with the lowest rank, then the leftmost, on top. */
typedef struct heap {
    candidate *items;
    size_t count;
} heap;

static bool before(const candidate *a, const candidate *b) {
    return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

static void push(heap *h, candidate c) {
    size_t at = h->count++;
    for (; at > 0 && before(&c, &h->items[(at - 1) / 2]); at = (at - 1) / 2) h->items[at] = h->items[(at - 1) / 2];
    h->items[at] = c;
}

static candidate pop(heap *h) {
    const candidate top = h->items[0], last = h->items[--h->count];
    size_t at = 0;
    for (size_t child = 1; child < h->count; child = 2 * at + 1) {
        if (child + 1 < h->count && before(&h->items[child + 1], &h->items[child])) child++;
        if (!before(&h->items[child], &last)) break;
        h->items[at] = h->items[child];
        at = child;
    }
    h->items[at] = last;
    return top;
}

static void consider(const cm_bpe *b, heap *h, const symbol *s, long left) {
    if (left < 0 || s[left].next < 0) return;
    const merge *m = merge_slot(b, s[left].id, s[s[left].next].id);
    if (m->left >= 0) push(h, (candidate){m->rank, m->joined, left});
}

/* Joins the symbol with the one behind it, unless something has changed there since. */
static void join(const cm_bpe *b, heap *h, symbol *s, candidate c) {
    symbol *left = &s[c.left];
    if (!left->bytes || left->next < 0) return;
    symbol *right = &s[left->next];
    const merge *m = merge_slot(b, left->id, right->id);
    if (m->left < 0 || m->joined != c.joined) return;
    left->id = c.joined;
    left->bytes += right->bytes;
    right->bytes = 0;
    left->next = right->next;
    if (right->next >= 0) s[right->next].previous = c.left;
    consider(b, h, s, left->previous);
    consider(b, h, s, c.left);
}

size_t cm_bpe_encode(const cm_bpe *b, const char *word, size_t n, int unknown, cm_arena *scratch, cm_bpe_piece *out) {
    if (n == 0) return 0;
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    symbol *s = CM_PUSH(scratch, symbol, n);
    heap h = {CM_PUSH(scratch, candidate, 3 * n), 0}; /* n pairs at first, two more for each of at most n joins */
    if (!s || !h.items) return 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned char byte = (unsigned char)word[i];
        const int id = i + 1 == n ? b->last_bytes[byte] : b->bytes[byte];
        s[i] = (symbol){id < 0 ? unknown : id, (long)i - 1, i + 1 == n ? NONE : (long)i + 1, 1};
    }
    for (size_t i = 0; i < n; i++) consider(b, &h, s, (long)i);
    while (h.count) join(b, &h, s, pop(&h));
    size_t count = 0;
    for (long i = 0; i >= 0; i = s[i].next) out[count++] = (cm_bpe_piece){s[i].id, s[i].bytes};
    cm_arena_reset(scratch, mark);
    return count;
}
