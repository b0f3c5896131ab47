// SPDX-License-Identifier: Apache-2.0
/* What score and merge print at their end. */
#ifndef CM_HARNESS_CLI_SHOW_SCORES_H
#define CM_HARNESS_CLI_SHOW_SCORES_H

#include "harness/evaluation.h"

/* Writes the report and prints the table of scores. */
cm_status cm_show_scores(const char *folder);
/* Prints what became of the images, and says the exit code: 0, or 3 where not all went well. */
int cm_show_counts(const cm_evaluation_counts *n);

#endif
