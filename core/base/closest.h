// SPDX-License-Identifier: Apache-2.0
/* The known name nearest to a misspelled one, for messages: "unknown key 'samplr'; the closest is 'sampler'". */
#ifndef CM_CORE_BASE_CLOSEST_H
#define CM_CORE_BASE_CLOSEST_H

#include <stddef.h>

#include "core/base/status.h"

/* Levenshtein's distance: inserted, deleted and replaced bytes. b is cut after 48 bytes. */
size_t cm_edit_distance(const char *a, const char *b);

/* The word of `words` (ends in NULL) nearest to `typed`, borrowed; NULL when none is near: at most half its bytes
 * and at most 3 edits away, or a word that begins with `typed`. */
const char *cm_closest(const char *typed, const char *const *words);

/* CM_EUSAGE for a value that is none of `names` (ends in NULL): "--sampler: 'eulr' is none of ddim, euler, ...; the
 * closest is 'euler'". what: the option or key. A long list is told only when no name is near. */
cm_status cm_unknown_choice(const char *what, const char *typed, const char *const *names);

#endif
