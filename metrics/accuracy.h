// SPDX-License-Identifier: Apache-2.0
/* Semantic accuracy: a prompt's questions, answered from what the parser saw in the picture.
 *
 * A question is right when the slot's most likely value is the one asked. A texture or shape question counts as
 * failed where the thing is absent: its object slot says "none", or fewer than 1 in 1500 of the picture's pixels
 * carry a class of the phrase's region. An object question needs the region too.
 */
#ifndef CM_METRICS_ACCURACY_H
#define CM_METRICS_ACCURACY_H

#include "core/io/image.h"
#include "prompts/questions.h"

/* What the parser saw: the most likely value of each slot, and the class of each pixel. */
typedef struct cm_parsed {
    int slot[CM_MAX_SLOTS];
    cm_image classes; /* 1 channel, 0..17 */
} cm_parsed;

typedef struct cm_accuracy {
    size_t right[3], asked[3]; /* by cm_slot_kind: object, texture, shape */
    size_t miss_count;
    const char **misses;       /* "tops.color: asked red, seen blue" */
} cm_accuracy;

cm_status cm_accuracy_answer(const cm_questions *q, const cm_parsed *seen, cm_arena *out, cm_accuracy *a);

/* Percent of one kind, NaN when nothing was asked. */
double cm_accuracy_percent(const cm_accuracy *a, cm_slot_kind kind);

#endif
