// SPDX-License-Identifier: Apache-2.0
/* Checks a file of prompts for what spoils an evaluation: text behind the encoder's 77th token, contradictions, words
 * and attributes that no question can be asked about, prompts that stand twice, rows that cannot be read. */
#ifndef CM_PROMPTS_PROMPT_LINT_H
#define CM_PROMPTS_PROMPT_LINT_H

#include "core/networks/tokenizer.h"
#include "prompts/prompt_set.h"

typedef enum cm_lint_kind {
    CM_LINT_ROW, /* the row cannot be read; it is left out of the other checks */
    CM_LINT_CUT, /* tokens beyond the encoder's length */
    CM_LINT_CONTRADICTION,
    CM_LINT_UNKNOWN, /* a misspelt word, an attribute or value that is not known */
    CM_LINT_DUPLICATE,
    CM_LINT_EMPTY, /* an empty prompt or negative */
    CM_LINT_KINDS
} cm_lint_kind;
extern const char *const cm_lint_names[CM_LINT_KINDS]; /* "contradiction" */

typedef struct cm_lint_options {
    const cm_tokenizer *tokenizer; /* CLIP's; NULL: the set's own counts, else a lower bound */
    const char *column;            /* of the prompts, or NULL */
    /* One finding; place: "FILE:12". */
    void (*tell)(void *arg, cm_lint_kind kind, const char *place, const char *text);
    void *arg;
} cm_lint_options;

typedef struct cm_lint_counts {
    size_t prompts, counted; /* counted: of which the tokens are known, not only bounded */
    size_t version;          /* of a set that says it, or 0 */
    size_t found[CM_LINT_KINDS];
} cm_lint_counts;

/* Fails only where the file as a whole cannot be read. */
cm_status cm_prompt_lint(const char *path, const cm_lint_options *o, cm_lint_counts *counts);

/* For the check of a prompt: one contradiction after the other, in the words of the message. phrases: the prompt's own
 * or those that were found in its text. */
typedef void cm_lint_say(void *arg, const char *text);
void cm_lint_contradictions(const char *text, const cm_description *phrases, cm_lint_say *say, void *arg);

/* The vocabulary's word that a word is a misspelling of: "coton" of "cotton". NULL: it is none, or near to none. */
typedef struct cm_lint_words cm_lint_words;
cm_status cm_lint_words_open(cm_lint_words **out, cm_arena *a);
const char *cm_lint_misspelt(const cm_lint_words *w, const char *word);

#endif
