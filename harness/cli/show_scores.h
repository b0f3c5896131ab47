// SPDX-License-Identifier: Apache-2.0
/* What score and merge print at their end. */
#ifndef CM_HARNESS_CLI_SHOW_SCORES_H
#define CM_HARNESS_CLI_SHOW_SCORES_H

#include "harness/evaluation.h"

/* Writes the report and prints the table of scores. undefined: how many have no value. */
cm_status cm_show_scores(const char *folder, size_t *undefined);
/* Prints what became of the pictures, and says the exit code: 0, or 3 where not all went well. */
int cm_show_counts(const cm_evaluation_counts *n, size_t undefined);

#endif
