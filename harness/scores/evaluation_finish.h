// SPDX-License-Identifier: Apache-2.0
/* The scores of a run: made from its folder's records and features alone, so that a run, a run that went on, and merged
 * shards end in the same digits. */
#ifndef CM_HARNESS_SCORES_EVALUATION_FINISH_H
#define CM_HARNESS_SCORES_EVALUATION_FINISH_H

#include "harness/records/sides.h"

typedef struct cm_evaluation_counts {
    size_t scored, failed; /* images of arms and of a reference that is no drawing */
    size_t without_image, without_prompt;
    size_t undefined; /* scores that have no value */
    size_t gates_failed, gates_undecided;
} cm_evaluation_counts;

/* The records of a folder whose images have all been looked at: its scores and "done" made from its records and
 * features alone. writes: the file of statistics that the header names, too. *lines: new. */
cm_status cm_evaluation_score(const char *folder, const json_t *header, cm_side *sides, size_t side_count,
                              const json_t *all, double started, bool writes, cm_evaluation_counts *counts,
                              json_t **lines);
/* Makes the scores of a folder whose images have all been looked at, from its records and features alone, and writes
 * the records anew: whole, with scores and "done", or not at all. */
cm_status cm_evaluation_finish(const char *folder, const json_t *header, cm_side *sides, size_t side_count,
                               const json_t *all, double started, cm_evaluation_counts *counts);

#endif
