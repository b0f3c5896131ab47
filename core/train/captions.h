// SPDX-License-Identifier: Apache-2.0
/* Captions of people as token ids with the spans of their phrases. */
#ifndef CM_CORE_TRAIN_CAPTIONS_H
#define CM_CORE_TRAIN_CAPTIONS_H

#include "core/data/people/people.h"
#include "core/networks/tokenizer.h"
#include "core/train/people_dataset.h"

typedef enum cm_caption_kind { CM_CAPTION_POOR, CM_CAPTION_DENSE } cm_caption_kind;

/* Phrases whose tokens were cut off have token_begin == token_end. Poor captions have no phrases. */
typedef struct cm_caption {
    cm_tokens tokens;
    cm_description dense;
} cm_caption;

/* drop: probability that a group is left out of a dense caption. Lives in `out`. */
cm_status cm_caption_make(const cm_tokenizer *t, const cm_person *p, cm_caption_kind kind, uint64_t seed, double drop,
                          cm_arena *out, cm_caption *c);
/* The same of person i of a dataset, drawn or from a folder. */
cm_status cm_caption_of(const cm_tokenizer *t, const cm_people_dataset *dataset, size_t i, cm_caption_kind kind,
                        uint64_t seed, double drop, cm_arena *out, cm_caption *c);
/* Sets the phrases' token_begin and token_end from their bytes. */
void cm_caption_spans(const cm_tokens *tokens, cm_description *d);

#endif
