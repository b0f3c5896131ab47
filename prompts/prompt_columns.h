// SPDX-License-Identifier: Apache-2.0
/* Which column of a table, or key of JSON rows, holds the prompts. */
#ifndef CM_PROMPTS_PROMPT_COLUMNS_H
#define CM_PROMPTS_PROMPT_COLUMNS_H

#include <stddef.h>

#include "core/base/status.h"

/* names: the table's columns, NULL at the end. given: the user's choice, or NULL for the usual names: "prompt", else
 * the one of caption, text, description, sentence, prompts and captions that is there; case does not count. CM_EUSAGE
 * for a name that is no column, and where two usual ones could be meant; CM_EFORMAT where there is none. Each names the
 * columns. */
cm_status cm_prompt_column_choose(const char *given, const char *const *names, size_t *which);

#endif
