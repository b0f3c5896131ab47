// SPDX-License-Identifier: Apache-2.0
/* The prompt sets about people, made from a seed: human-2048, its subset human-100, and sets of a user's own size.
 *
 * Shots keep to their shares (human_words.h), half of the prompts are phrases and half sentences. Prompt after prompt
 * the value that was said least so far is looked for, among those that its shot shows, so that rare ones come as often
 * as the size allows.
 */
#ifndef CM_PROMPTS_HUMAN_SET_H
#define CM_PROMPTS_HUMAN_SET_H

#include <jansson.h>

#include "core/networks/tokenizer.h"
#include "prompts/human.h"

enum { CM_HUMAN_SET_VERSION = 1 };

typedef struct cm_human_row {
    int shot;
    bool sentence;
    cm_description dense;
} cm_human_row;

/* rows [count]; all texts differ. CM_EUSAGE for more than 100,000. */
cm_status cm_human_set_make(uint64_t seed, size_t count, cm_arena *out, cm_human_row *rows);

/* The places in rows of `few` of them, in order: shots and styles in their shares, as many men as women, and as many
 * values as these allow. */
cm_status cm_human_set_subset(const cm_human_row *rows, size_t count, size_t few, cm_arena *out, size_t *places);

/* Tokenizers that count and span a set's phrases, by the name that they have in it ("clip", "nano"). */
typedef struct cm_human_tokenizer {
    const char *name;
    const cm_tokenizer *tokenizer;
} cm_human_tokenizer;

/* A row as it stands in the file, a new object. */
cm_status cm_human_row_json(const cm_human_row *row, const char *id, const cm_human_tokenizer *tokenizers, size_t count,
                            cm_arena *scratch, json_t **out);

/* Every value that such prompts can have: "6/pattern/floral". For tests and statistics. */
typedef struct cm_human_facts {
    size_t count;
    const char **name;
    int *last_shot; /* the closest shot that shows it */
    int *group;
} cm_human_facts;
cm_status cm_human_facts_list(cm_arena *out, cm_human_facts *f);

#endif
