// SPDX-License-Identifier: Apache-2.0
/* What a model was not trained for: sizes far from its own, and words that its vocabulary lacks. Both still draw, and
 * worse.
 *
 * Random weights were trained for nothing: of them nothing is said.
 */
#ifndef CM_CORE_GENERATOR_TRAINED_FOR_H
#define CM_CORE_GENERATOR_TRAINED_FOR_H

#include "core/base/name_table.h"
#include "core/generator/pipeline.h"

/* One line when width x height has less than half or more than twice the pixels of the size that the model was trained
 * at, or when the ratio of its sides is more than 2 times off (4 with Stable Diffusion XL, which was trained at ratios
 * from 1/4 to 4: Podell et al. 2024, sec. 2.3). *line is NULL when it is near; it lives in `out`. */
cm_status cm_far_size(const cm_model *m, size_t width, size_t height, cm_arena *out, const char **line);

/* The distinct words of texts that a small vocabulary, one made of whole words as nano's, has in pieces only. CLIP's
 * own vocabulary is no such: most words that it has in pieces were read in training. */
enum { CM_SMALL_VOCABULARY = 8192, CM_UNKNOWN_NAMED = 3 };
typedef struct cm_unknown_words {
    const cm_tokenizer *tokenizer; /* borrowed; NULL: every word is known */
    size_t count, room;
    const char *first[CM_UNKNOWN_NAMED];
    cm_name_table seen;
    cm_arena words, scratch;
} cm_unknown_words;

void cm_unknown_words_begin(cm_unknown_words *u, const cm_model *m);
/* text: NULL adds none. CM_EINTERRUPTED once a signal has come, since texts may be many. */
cm_status cm_unknown_words_add(cm_unknown_words *u, const char *text);
/* One line with the count and the first of them; *line is NULL when there are none. It lives in `out`. */
cm_status cm_unknown_words_tell(const cm_unknown_words *u, cm_arena *out, const char **line);
void cm_unknown_words_end(cm_unknown_words *u);

#endif
