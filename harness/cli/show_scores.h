// SPDX-License-Identifier: Apache-2.0
/* What score and merge print at their end. */
#ifndef CM_HARNESS_CLI_SHOW_SCORES_H
#define CM_HARNESS_CLI_SHOW_SCORES_H

#include "harness/run/evaluation.h"

/* Writes the report and prints the table of scores. */
cm_status cm_show_scores(const char *folder);
/* 5: a gate failed; 4: one is undecided; 3: not all went well; 0. Prints a line a gate that did not pass. */
int cm_exit_of(const cm_evaluation_counts *n);
/* Prints what became of the images, and says the exit code: as cm_exit_of. */
int cm_show_counts(const cm_evaluation_counts *n);

#endif
