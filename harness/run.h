// SPDX-License-Identifier: Apache-2.0
/* A bench run: arms x prompts, scores, pairs, the ceiling, speed; into FOLDER/records.jsonl.
 *
 *     cm_run_options o = {.choice = {.suite = "quick"}, .folder = "out/bench", .threads = 2, .speed = true};
 *     CM_TRY(cm_run(&o));
 *
 * A run that was stopped goes on where it was: pictures that are recorded and still there are not made again, and
 * the scores come out the same. A finished run does nothing. Speed rows come first, each model in a child process of
 * its own (memory, and no threads yet to fork).
 */
#ifndef CM_HARNESS_RUN_H
#define CM_HARNESS_RUN_H

#include <jansson.h>

#include "harness/suite.h"

typedef struct cm_run_options {
    cm_suite_choice choice;
    const char *folder;
    size_t limit;            /* only the first that many prompts; 0: all */
    int threads;
    bool fresh, speed;
    bool lean;               /* little memory for more time: a picture at a time, on all threads */
    const json_t *machine;   /* keys for the header, or NULL */
} cm_run_options;

cm_status cm_run(const cm_run_options *o);

typedef struct cm_score_options {
    const char *images, *prompts, *column, *folder, *scorer, *name; /* column: of the prompts, or NULL; name: the arm's in records */
    const char *suite;       /* whose reference and ceiling */
    int threads;
    const json_t *machine;
} cm_score_options;

typedef struct cm_score_counts {
    size_t scored, unreadable, without_image, without_prompt;
} cm_score_counts;

/* Scores a folder of pictures named ID.png or ID.jpg; what cannot be read or has no partner is a warning that names
 * it, and counted. No attention scores. Begins anew every time. */
cm_status cm_score_folder(const cm_score_options *o, cm_score_counts *counts);

#endif
