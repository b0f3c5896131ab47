// SPDX-License-Identifier: Apache-2.0
/* Questions: what a prompt's own groups let one ask about an image.
 *
 * Each attribute of a phrase that is an attribute slot (core/data/people/people.h) makes one question of
 * the slot's kind: object (is the garment there, of that type?), texture (colour, pattern, material), shape
 * (lengths, sleeves, collars, hair style). Slots of kind OTHER (country, age, background) are not asked. A fixed
 * noun ("belt") asks whether the thing is there. A value that the slot does not know cannot be asked.
 * Nor is asked what nobody could tell from the answer: slots that a parser does not name better than by always saying
 * the commonest value (asked_slots.h). Every attribute is counted, asked or not.
 */
#ifndef CM_PROMPTS_QUESTIONS_H
#define CM_PROMPTS_QUESTIONS_H

#include "core/data/people/people.h"

typedef struct cm_question {
    int slot, wanted; /* index into cm_slots, and into the slot's values */
    cm_slot_kind kind;
    int object_slot;  /* slot that says whether the thing is there; -1: none does */
    uint32_t classes; /* the phrase's region */
    bool of_absence;  /* asks for the thing's absence ("bald"): needs no region */
} cm_question;

/* A set of attribute slots: bit i for cm_slots[i]. */
typedef uint64_t cm_slot_set;
#define CM_ALL_SLOTS UINT64_MAX

typedef struct cm_questions {
    size_t count;
    size_t left_out; /* questions about slots that are not asked */
    size_t unknown;  /* attributes with a slot but a value that it does not have */
    size_t other;    /* attributes without a slot, or of kind OTHER */
    cm_question *list;
} cm_questions;

/* The questions about the slots in `asked`. */
cm_status cm_questions_build(const cm_description *d, cm_slot_set asked, cm_arena *out, cm_questions *q);

/* "Asked: 3,012 of 4,100 attributes of the prompts." */
typedef struct cm_question_counts {
    size_t asked, left_out, unknown, other; /* sums of the above; together all attributes */
    size_t of_slot[CM_MAX_SLOTS];           /* those left out, by slot */
} cm_question_counts;
/* Adds one prompt's. */
cm_status cm_questions_asked(const cm_description *d, cm_slot_set asked, cm_arena *scratch, cm_question_counts *c);
size_t cm_question_counts_all(const cm_question_counts *c);

#endif
