// SPDX-License-Identifier: Apache-2.0
/* Byte-pair encoding: a vocabulary, and which pairs of its tokens join, in which order.
 *
 * A word's bytes are written as the characters of GPT-2's byte alphabet, the last
 * with "</w>" behind it (Sennrich et al. 2016; Radford et al. 2019).
 */
#ifndef CM_CORE_NETWORKS_BPE_H
#define CM_CORE_NETWORKS_BPE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

typedef struct cm_bpe cm_bpe;

/* From vocab.json and merges.txt in folder, or tokenizer.json where there is no vocab.json. Lives in arena.
 * json: the parsed tokenizer.json, for its added tokens, or NULL; the caller's to release. */
cm_status cm_bpe_open(cm_bpe **out, const char *folder, cm_arena *arena, json_t **json);

/* From the one file of OpenAI's CLIP and open_clip, bpe_simple_vocab_16e6.txt.gz (packed or not): a first line that is
 * passed over, then a merge a line, of which the first 48,894 count. Ids follow from it: the 256 bytes, the same at the
 * end of a word, what each merge makes, then <|startoftext|> and <|endoftext|>. */
cm_status cm_bpe_open_merges(cm_bpe **out, const char *path, cm_arena *arena);

int cm_bpe_find(const cm_bpe *b, const char *token); /* -1: none */
const char *cm_bpe_text(const cm_bpe *b, int id);    /* NULL: none */
int cm_bpe_size(const cm_bpe *b);                    /* largest id + 1 */

typedef struct cm_bpe_piece {
    int id;
    size_t bytes; /* of the word */
} cm_bpe_piece;

/* Encodes a word; out has room for n pieces. Bytes that the vocabulary lacks become `unknown`.
 * Returns how many pieces; 0 when scratch is exhausted. */
size_t cm_bpe_encode(const cm_bpe *b, const char *word, size_t n, int unknown, cm_arena *scratch, cm_bpe_piece *out);

#endif
