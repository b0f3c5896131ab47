// SPDX-License-Identifier: Apache-2.0
/* Groups of a prompt that comes as text alone.
 *
 * A phrase ends at a comma, or before a word that joins ("wearing", "in", "with", "on", "at", "and"). Its last word
 * that names something of a group ("shirt" of "red striped shirt", "hair" of "brown hair above shoulders") says the
 * group; a phrase without one belongs to none, and is left out. Dense descriptions come back as they were made.
 */
#ifndef CM_PROMPTS_READ_GROUPS_H
#define CM_PROMPTS_READ_GROUPS_H

#include "core/labels/labels.h"

/* d: the phrases in order, with their group's default region, without attributes. CM_EUNDEFINED when there is none;
 * phrases beyond what a description holds are left out. */
cm_status cm_read_groups(const char *text, cm_arena *out, cm_description *d);

#endif
