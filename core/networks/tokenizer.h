// SPDX-License-Identifier: Apache-2.0
/* The byte-pair tokenizer of CLIP, from vocab.json and merges.txt (transformers' CLIPTokenizer).
 *
 * Text is cleaned, split by its pattern, and merged by rank. Which cleaning is the caller's to say: it belongs to the
 * program whose tokens are wanted, not to the form of the vocabulary's file. Invalid UTF-8 is an error that names the
 * byte.
 */
#ifndef CM_CORE_NETWORKS_TOKENIZER_H
#define CM_CORE_NETWORKS_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"

typedef struct cm_tokenizer cm_tokenizer;

/* A folder with vocab.json and merges.txt (special tokens and lengths from tokenizer_config.json and
 * special_tokens_map.json when present), or the one file of OpenAI's CLIP and open_clip, bpe_simple_vocab_16e6.txt.gz,
 * whose padding is 0. */
cm_status cm_tokenizer_open(cm_tokenizer **out, const char *folder);
void cm_tokenizer_close(cm_tokenizer **t);

typedef enum cm_text_cleaning {
    CM_CLEAN_TRANSFORMERS, /* transformers' fast tokenizer: NFC, white space joined, lower case */
    CM_CLEAN_OPENAI,       /* OpenAI's CLIP: ftfy, HTML's names, lower case (text_clean.h) */
    CM_CLEAN_OPEN_CLIP     /* open_clip: the same; START and END are spelled <start_of_text>, <end_of_text> in a text */
} cm_text_cleaning;

typedef struct cm_tokens {
    int *ids;            /* [length]: BOS, tokens, EOS, padding */
    size_t *begin, *end; /* [length]: the bytes of the text a token came from; equal for special tokens */
    size_t length;       /* the model's length (77) */
    size_t used;         /* BOS and EOS included */
    size_t cut_from;     /* byte where the text was cut off; the text's length when nothing was cut */
    size_t total;        /* tokens the whole text would have taken, BOS and EOS included */
    bool doubtful;       /* ftfy would repair what looks wrongly decoded, we do not; not asked for transformers */
} cm_tokens;

typedef struct cm_token_span {
    size_t begin, end; /* tokens of the encoded text; end 0: none */
} cm_token_span;
/* The tokens that come from bytes [begin,end) of the text; none when all of them were cut off. */
cm_token_span cm_tokens_of(const cm_tokens *t, size_t begin, size_t end);

/* As transformers does. */
cm_status cm_tokenize(const cm_tokenizer *t, const char *text, cm_arena *out, cm_tokens *tokens);
/* As one of them does, and to another length than the model's, 2 or more. */
cm_status cm_tokenize_to(const cm_tokenizer *t, cm_text_cleaning cleaning, const char *text, size_t length,
                         cm_arena *out, cm_tokens *tokens);
size_t cm_tokenizer_length(const cm_tokenizer *t); /* model_max_length */
int cm_tokenizer_eos(const cm_tokenizer *t);
int cm_tokenizer_pad(const cm_tokenizer *t);
int cm_tokenizer_bos(const cm_tokenizer *t);
int cm_tokenizer_size(const cm_tokenizer *t);                 /* number of ids */
const char *cm_tokenizer_text(const cm_tokenizer *t, int id); /* "shirt</w>"; NULL: no such id */

#endif
