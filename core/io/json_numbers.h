// SPDX-License-Identifier: Apache-2.0
/* Numbers that files have and jansson has not, mended in the text before it is parsed; strings are left alone. */
#ifndef CM_CORE_IO_JSON_NUMBERS_H
#define CM_CORE_IO_JSON_NUMBERS_H

#include <stdbool.h>

#include "core/base/arena.h"

/* Python's NaN, Infinity and -Infinity as strings of that name: text becomes a copy in the arena. */
cm_status cm_json_quote_numbers(cm_arena *a, char **text, size_t *length);

/* torch takes seeds up to 2^64-1, jansson whole numbers up to 2^63-1: a "seed" beyond is written as the negative number
 * that means the same (2^64 less). False: nothing of the kind in this line, or no memory, which the arena says. */
bool cm_json_fold_seed(const char *line, size_t length, cm_arena *a, const char **out);

#endif
