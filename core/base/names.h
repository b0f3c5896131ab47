// SPDX-License-Identifier: Apache-2.0
/* What may stand in the name of an arm, a suite or a score: one rule for suites, options and records.
 *
 *     letters and digits of any script in UTF-8, and _ - + . @ : = [ ] ( ) and blanks; at most 96 bytes,
 *     the first a letter or a digit, no blank at the end
 *
 * Such a name can be a folder, a cell of a table, an entry of "--arms A,B" and a label in a plot.
 */
#ifndef CM_CORE_BASE_NAMES_H
#define CM_CORE_BASE_NAMES_H

#include <stdbool.h>

#include "core/base/status.h"

enum { CM_NAME_BYTES = 96 };

bool cm_name_is_good(const char *name);

/* CM_EFORMAT with the rule in the message; `what` is "arm", "suite", "--name". */
cm_status cm_name_check(const char *what, const char *name);

#endif
