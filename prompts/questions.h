// SPDX-License-Identifier: Apache-2.0
/* Questions: what a prompt's own groups let one ask about a picture.
 *
 * Each attribute of a phrase that is an attribute slot (core/data/people/people.h) makes one question of
 * the slot's kind: object (is the garment there, of that type?), texture (colour, pattern, material), shape
 * (lengths, sleeves, collars, hair style). Slots of kind OTHER (country, age, background) are not asked. A fixed
 * noun ("belt") asks whether the thing is there. A value that the slot does not know cannot be asked.
 */
#ifndef CM_PROMPTS_QUESTIONS_H
#define CM_PROMPTS_QUESTIONS_H

#include "core/data/people/people.h"

typedef struct cm_question {
    int slot, wanted;     /* index into cm_slots, and into the slot's values */
    cm_slot_kind kind;
    int object_slot;      /* slot that says whether the thing is there; -1: none does */
    uint32_t classes;     /* the phrase's region */
    bool of_absence;      /* asks for the thing's absence ("bald"): needs no region */
} cm_question;

typedef struct cm_questions {
    size_t count, unknown; /* unknown: attributes with a slot but a value that it does not have */
    cm_question *list;
} cm_questions;

cm_status cm_questions_build(const cm_description *d, cm_arena *out, cm_questions *q);

#endif
