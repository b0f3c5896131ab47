// SPDX-License-Identifier: Apache-2.0
/* Attributes of phrases that come as text alone, so that questions can be asked about prompts from tables and captions.
 *
 * A value of one of the group's slots (core/data/people/people.h) that stands in the phrase as whole words, in any
 * case, is its attribute: "red long sleeve shirt" of the tops is type shirt, color red, sleeve length long sleeve.
 * Words inside of a longer value say nothing by themselves ("short" of "short sleeve", "shirt" of "polo shirt"). Of a
 * slot with two values in one phrase ("black and white") none is taken: an image could satisfy only one.
 */
#ifndef CM_PROMPTS_READ_ATTRIBUTES_H
#define CM_PROMPTS_READ_ATTRIBUTES_H

#include "core/labels/labels.h"

/* Adds to each phrase that has no attributes. Keys and values are the slots' own strings. */
void cm_read_attributes(cm_description *d);

#endif
