// SPDX-License-Identifier: Apache-2.0
/* Which questions say something: for every attribute slot (people.h), how often a parser names the right value of
 * drawings, against an answer that never looks.
 *
 * Counted as the questions are asked and answered (questions.h, accuracy.h): of the people who have the thing, and
 * right only where the thing itself is seen too. The answer that never looks says the commonest value of those people,
 * and is right as often as that value is there. Of a thing that is only there or not ("belt"), who has it is always the
 * answer; there `right` is the mean of two shares, of those with it who are seen with it and those without who are seen
 * without, and every answer that never looks gets one half. A question is asked when the parser is right at least
 * CM_ASKING_MARGIN more often than that.
 */
#ifndef CM_CORE_TRAIN_SLOT_CHECK_H
#define CM_CORE_TRAIN_SLOT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/data/people/people.h"

#define CM_ASKING_MARGIN 0.10 /* ten points */

enum { CM_SLOT_VALUES = 16 }; /* the most that a slot has */

/* People by slot and true value, and those of whom the parser said so. Begin with {0}. */
typedef struct cm_slot_tally {
    size_t there[CM_MAX_SLOTS][CM_SLOT_VALUES], right[CM_MAX_SLOTS][CM_SLOT_VALUES];
} cm_slot_tally;
/* seen: the value named, of every slot */
void cm_slot_tally_add(cm_slot_tally *t, const cm_person *p, const int seen[CM_MAX_SLOTS]);

typedef struct cm_slot_check {
    size_t n;                /* people of whom it can be asked; 0: nothing is known, and it is not asked */
    double right, commonest; /* shares */
    bool asked;
} cm_slot_check;
cm_slot_check cm_slot_check_of(const cm_slot_tally *t, int slot);

/* Right answers of a kind of those slots that are `asked`, over people: as acc_* counts them, all questions in one. */
double cm_slot_tally_share(const cm_slot_tally *t, const bool asked[CM_MAX_SLOTS], cm_slot_kind kind);

#endif
