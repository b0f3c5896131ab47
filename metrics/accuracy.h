// SPDX-License-Identifier: Apache-2.0
/* Semantic accuracy: a prompt's questions, answered from what the parser saw in the image.
 *
 * A question is right when the slot's most likely value is the one asked. A texture or shape question counts as
 * failed where the thing is absent: its object slot says "none", or fewer than 1 in 1500 of the image's pixels
 * carry a class of the phrase's region. An object question needs the region too.
 */
#ifndef CM_METRICS_ACCURACY_H
#define CM_METRICS_ACCURACY_H

#include "core/io/image.h"
#include "prompts/questions.h"

/* What the parser saw: the most likely value of each slot, and the class of each pixel. */
typedef struct cm_parsed {
    int slot[CM_MAX_SLOTS];
    cm_slot_set asked; /* the slots that it can be asked about (asked_slots.h) */
    cm_image classes;  /* 1 channel, 0..17 */
} cm_parsed;

/* One question's answer: "was red asked, and what was seen?" */
typedef struct cm_answer {
    int slot, wanted; /* index into cm_slots, and into the slot's values */
    int seen;         /* the value that the parser named, whether the thing is there or not */
    bool absent;      /* the thing is not there */
    bool right;
} cm_answer;

/* What was asked of one body group, and how much of it was right. */
typedef struct cm_part_answers {
    int group;                 /* index into cm_groups: "tops" */
    size_t right[3], asked[3]; /* by cm_slot_kind */
} cm_part_answers;

typedef struct cm_accuracy {
    size_t right[3], asked[3]; /* by cm_slot_kind: object, texture, shape */
    size_t count;
    const cm_answer *answers; /* [count], in the order of the questions */
    size_t miss_count;
    const char **misses; /* "tops.color: asked red, seen blue" */
    size_t part_count;
    const cm_part_answers *parts; /* [part_count], those that were asked about, by group */
} cm_accuracy;

cm_status cm_accuracy_answer(const cm_questions *q, const cm_parsed *seen, cm_arena *out, cm_accuracy *a);

/* The questions of a prompt's description that this parser is asked, answered: what an evaluation keeps of an image. */
cm_status cm_metric_answers(const cm_description *prompt, const cm_parsed *seen, cm_arena *out, cm_accuracy *a);

/* Percent of one kind, NaN when nothing was asked. */
double cm_accuracy_percent(const cm_accuracy *a, cm_slot_kind kind);

/* "tops.color", "red", "blue" of an answer; the last is "not there" where the thing is absent. */
const char *cm_answer_slot(const cm_answer *a);
const char *cm_answer_wanted(const cm_answer *a);
const char *cm_answer_seen(const cm_answer *a);

#endif
