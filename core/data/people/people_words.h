// SPDX-License-Identifier: Apache-2.0
/* The drawn people's words, and the nano tokenizer made from them. */
#ifndef CM_CORE_DATA_PEOPLE_PEOPLE_WORDS_H
#define CM_CORE_DATA_PEOPLE_PEOPLE_WORDS_H

#include <stddef.h>

#include "core/base/arena.h"

/* Every word of dense descriptions and alt texts, and some that people type around them: sorted, each once,
 * letters only ("t-shirt" is the words "t" and "shirt"; the hyphen is a token of its own). */
cm_status cm_people_words(cm_arena *out, const char *const **words, size_t *count);

/* vocab.json, merges.txt and tokenizer_config.json in CLIP's format: bytes, bytes that end a word, merges, the two
 * special tokens. Each word is one token; any other text falls back to shorter pieces and bytes. */
cm_status cm_people_write_tokenizer(const char *folder);

#endif
