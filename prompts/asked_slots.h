// SPDX-License-Identifier: Apache-2.0
/* Which attribute slots a parser is asked about: those that it answers well enough on drawings, as its card says.
 *
 * `cosmicman train check --part parser --cards` writes into card.json, beside the weights, for each slot whether its
 * answers beat the commonest value's by ten points (core/train/slot_check.h):
 *
 *     "questions": {"margin": 0.1,
 *                   "slots": {"tops.color": {"right": 0.97, "commonest": 0.12, ..., "asked": true}, ...}}
 */
#ifndef CM_PROMPTS_ASKED_SLOTS_H
#define CM_PROMPTS_ASKED_SLOTS_H

#include <jansson.h>
#include <stdbool.h>

#include "prompts/questions.h"

/* folder: of the weights. known: does its card say it? If not (a parser from elsewhere), *asked is CM_ALL_SLOTS. A slot
 * that the card does not name is asked. CM_EFORMAT where the card is no card, or names a slot that there is not. */
cm_status cm_asked_slots_read(const char *folder, cm_slot_set *asked, bool *known);

/* The slots of questions that are never asked, as a new list of names ["tops.material", ...]; NULL where all are asked.
 */
json_t *cm_slots_left_out(cm_slot_set asked);

#endif
