// SPDX-License-Identifier: Apache-2.0
/* Token ids against transformers' CLIPTokenizer: identical, on every text and form of the vocabulary. */
#include <jansson.h>

#include "core/io/jsonl.h"
#include "core/networks/tokenizer.h"
#include "tests/golden/golden.h"

static uint32_t hash_ids(const int *ids, size_t n) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        for (int byte = 0; byte < 4; byte++) h = (h ^ ((uint32_t)ids[i] >> 8 * byte & 0xFF)) * 16777619u;
    return h;
}

static bool same_ids(const cm_tokens *got, const json_t *want) {
    for (size_t i = 0; want && i + 1 < got->used; i++)
        if (json_integer_value(json_array_get(want, i)) != got->ids[i]) return false;
    return true;
}

/* Offsets never leave the text, and lie in order but for what NFC reorders. */
static bool sane_offsets(const cm_tokens *t, size_t bytes) {
    for (size_t i = 0; i < t->length; i++)
        if (t->begin[i] > t->end[i] || t->end[i] > bytes) return false;
    for (size_t i = 1; i + 1 < t->used; i++)
        if (t->begin[i] == t->end[i]) return false;
    return t->cut_from <= bytes && (t->cut_from == bytes || t->total > t->length);
}

static void compare(const cm_tokenizer *t, const char *form, size_t at, const json_t *lines, size_t least) {
    size_t i, wrong = 0;
    json_t *line;
    json_array_foreach((json_t *)lines, i, line) {
        const char *text = json_string_value(json_object_get(line, "text"));
        const json_int_t hash = json_integer_value(json_array_get(json_object_get(line, "hashes"), at));
        const cm_arena_mark mark = cm_arena_get_mark(golden_arena());
        cm_tokens got;
        if (!golden_ok(cm_tokenize(t, text, golden_arena(), &got), form)) return;
        const bool right = hash_ids(got.ids, got.length) == (uint32_t)hash &&
                           sane_offsets(&got, json_string_length(json_object_get(line, "text"))) &&
                           (at > 0 || !json_object_get(line, "total") ||
                            (same_ids(&got, json_object_get(line, "ids")) &&
                             got.total == (size_t)json_integer_value(json_object_get(line, "total"))));
        if (!right && ++wrong <= 5) golden_that(false, "%s: text %zu: '%.80s'", form, i, text);
        cm_arena_reset(golden_arena(), mark);
    }
    golden_that(wrong == 0 && i >= least, "%s: %zu of %zu texts differ", form, wrong, i);
}

/* The texts of a file, by the first so many forms of the vocabulary. */
static void all_texts(const char *file, size_t count, size_t least) {
    static const char *const forms[] = {"sd", "sdxl2", "poor", "single"};
    json_t *lines = NULL;
    if (!golden_ok(cm_jsonl_read(golden_path(file), &lines), file)) return;
    for (size_t i = 0; i < count; i++) {
        cm_tokenizer *t = NULL;
        const char *folder = golden_path(cm_arena_print(golden_arena(), "tokenizer/%s", forms[i]));
        if (golden_ok(cm_tokenizer_open(&t, folder), forms[i])) compare(t, forms[i], i, lines, least);
        if (t) cm_tokenizer_close(&t);
    }
    json_decref(lines);
}

GOLDEN(tokenizer, "tokenizer") {
    all_texts("tokenizer/texts.jsonl", 4, 10000);
}
GOLDEN(tokenizer_more, "tokenizer/more") {
    all_texts("tokenizer/more.jsonl", 2, 2000);
}
