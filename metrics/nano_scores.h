// SPDX-License-Identifier: Apache-2.0
/* The scores of the nano networks by index, in the order of reports.
 *
 * A score of an arm is either of the set (made from the features of all its pictures) or the mean over
 * prompts of a score that each picture has. acc_all is the plain mean of the three columns before it, as in
 * the paper's tables. docs/SCORES.md says what each means and its traps.
 */
#ifndef CM_METRICS_NANO_SCORES_H
#define CM_METRICS_NANO_SCORES_H

#include <stdbool.h>
#include <stddef.h>

enum { CM_NEED_FEATURES = 1, CM_NEED_CLIP = 2, CM_NEED_PARSER = 4, CM_NEED_ATTENTION = 8 };

/* A picture's scores, by index; NaN: has none. */
typedef enum cm_score_index {
    CM_SCORE_FD, CM_SCORE_KD, CM_SCORE_CLIP, CM_SCORE_ACC_OBJ, CM_SCORE_ACC_TEX, CM_SCORE_ACC_SHAPE, CM_SCORE_ACC_ALL,
    CM_SCORE_HOLA, CM_SCORE_IOU, CM_SCORE_MASS, CM_SCORES
} cm_score_index;

typedef struct cm_nano_metric {
    const char *name, *about, *reference; /* "clip@nano"; one line; the paper and the convention followed */
    bool higher_is_better, of_set;
    unsigned needs;
} cm_nano_metric;

extern const cm_nano_metric cm_nano_metrics[CM_SCORES];
const cm_nano_metric *cm_nano_metric_find(const char *name); /* NULL: none of that name */

#endif
