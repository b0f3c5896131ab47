// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/networks/tokenizer.h"
#include "tests/fuzz/fuzz.h"

static cm_status tokenize(const cm_tokenizer *t, cm_text_cleaning cleaning, const char *text) {
    cm_arena a;
    cm_tokens tokens;
    cm_arena_init(&a, 0);
    const cm_status s = cm_tokenize_to(t, cleaning, text, 77, &a, &tokens);
    for (size_t i = 0; s == CM_OK && i < tokens.length; i++) {
        if (tokens.begin[i] > tokens.end[i] || tokens.end[i] > strlen(text)) abort();
        cm_tokenizer_text(t, tokens.ids[i]);
    }
    cm_arena_free(&a);
    return s;
}

/* path: one of the files of a tokenizer's folder, the others beside it */
static cm_status open_folder(const char *path) {
    char folder[512];
    cm_tokenizer *t = NULL;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    CM_TRY(cm_tokenizer_open(&t, folder));
    const cm_status s =
        tokenize(t, CM_CLEAN_TRANSFORMERS, "A woman's RED coat, 2 caf\xc3\xa9s \xf0\x9f\x91\x95<|endoftext|>!!");
    cm_tokenizer_close(&t);
    return s;
}

static cm_status read_as_text(const char *path) {
    cm_tokenizer *t = NULL;
    cm_arena a;
    char *text = NULL;
    cm_arena_init(&a, 0);
    cm_status s = cm_tokenizer_open(&t, CM_TESTS_DIR "/golden/tokenizer/sd");
    if (s == CM_OK) s = cm_read_text(path, 1 << 20, &a, &text, NULL);
    if (s == CM_OK) s = tokenize(t, CM_CLEAN_TRANSFORMERS, text);
    if (s == CM_OK) s = tokenize(t, CM_CLEAN_OPEN_CLIP, text);
    cm_tokenizer_close(&t);
    cm_arena_free(&a);
    return s;
}

#define FOLDER "golden/tokenizer/sd"
static const char *const vocabs[] = {FOLDER "/vocab.json", NULL};
static const char *const merges[] = {FOLDER "/merges.txt", NULL};
static const char *const configs[] = {FOLDER "/tokenizer_config.json", "golden/tokenizer/poor/tokenizer_config.json",
                                      NULL};
static const char *const maps[] = {"fuzz/corpus/good/special_tokens_map.json", NULL};
static const char *const texts[] = {"golden/tokenizer/texts.jsonl", "golden/clip_pair/clean.jsonl", NULL};

const fuzz_target fuzz_vocab = {
    .name = "vocab", .corpus = vocabs, .file = "vocab.json", .beside = FOLDER, .most = 1 << 16, .read = open_folder};
const fuzz_target fuzz_merges = {
    .name = "merges", .corpus = merges, .file = "merges.txt", .beside = FOLDER, .most = 1 << 16, .read = open_folder};
const fuzz_target fuzz_tokenizer_config = {.name = "tokenizer-config",
                                           .corpus = configs,
                                           .file = "tokenizer_config.json",
                                           .beside = FOLDER,
                                           .most = 1 << 16,
                                           .read = open_folder};
const fuzz_target fuzz_tokens_map = {.name = "tokens-map",
                                     .corpus = maps,
                                     .file = "special_tokens_map.json",
                                     .beside = FOLDER,
                                     .most = 1 << 16,
                                     .read = open_folder};
const fuzz_target fuzz_text = {.name = "text", .corpus = texts, .file = "text", .most = 2000, .read = read_as_text};

/* The one file of CLIP's own tokenizer, packed or not. */
static cm_status open_packed(const char *path) {
    cm_tokenizer *t = NULL;
    CM_TRY(cm_tokenizer_open(&t, path));
    const cm_status s = tokenize(t, CM_CLEAN_OPEN_CLIP, "a red shirt, black hair");
    cm_tokenizer_close(&t);
    return s;
}

static const char *const packed[] = {"golden/clip_pair/bpe.txt.gz", "fuzz/corpus/good/bpe.txt", NULL};
const fuzz_target fuzz_packed = {
    .name = "packed-merges", .corpus = packed, .file = "bpe.txt", .most = 1 << 13, .read = open_packed};
