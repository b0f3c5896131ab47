// SPDX-License-Identifier: Apache-2.0
/* What the files that make an evaluation's scores share.
 *
 *     evaluation_finish.c    all of it: metrics in turn, corrections, the folder's records anew
 *     finish_sets.c          scores of sets, from features
 *     finish_images.c        scores that images have, and accuracy by body group
 *     finish_kept.c          the attention that each group's words keep, layer by layer
 *     finish_ceiling.c       what the scorers reach on drawings, and on someone else's
 *     finish_gates.c         what the run had to show
 *
 * Everything is read back from the folder, so that a run, a run that went on, and merged shards end in the same digits.
 */
#ifndef CM_HARNESS_SCORES_EVALUATION_FINISH_PARTS_H
#define CM_HARNESS_SCORES_EVALUATION_FINISH_PARTS_H

#include "harness/scores/evaluation_finish.h"
#include "metrics/metric.h"

enum { CM_FINISH_SEED = 20240402 };

typedef struct cm_finish {
    const char *folder;
    const json_t *header;
    json_t *out;    /* the folder's records, scores being added */
    cm_side *sides; /* arms first */
    size_t side_count, arm_count, unit_count, images;
    cm_side *reference, *ceiling; /* NULL: none */
    const char *primary;
    size_t pair_count;
    cm_arm_pair *pairs;
    bool writes; /* the file of statistics that the header names, too */
    cm_evaluation_counts *counts;
    cm_arena arena;
} cm_finish;

/* A metric as the header has it. */
typedef struct cm_scored {
    const cm_metric *m;
    const char *label, *column, *weights; /* column "": not of features */
    size_t width, kid_subset;
} cm_scored;

/* One metric of all arms, and of the ceiling: records. */
cm_status cm_finish_sets(cm_finish *r, const cm_scored *x);
cm_status cm_finish_images(cm_finish *r, const cm_scored *x);
cm_status cm_finish_ceiling(cm_finish *r, const cm_scored *x);
cm_status cm_finish_ceiling_of_parser(cm_finish *r);
cm_status cm_finish_parts(cm_finish *r); /* accuracy by body group */
cm_status cm_finish_kept(cm_finish *r);
cm_status cm_finish_gates(cm_finish *r); /* after all scores and pairs */

/* --- records: evaluation_finish.c -------------------------------------------------- */

cm_status cm_finish_add(cm_finish *r, json_t *o);                       /* takes it; NULL: out of memory */
void cm_finish_number(json_t *o, const char *key, double v);            /* where it is finite */
const char *cm_finish_join(cm_finish *r, const char *a, const char *b); /* "a; b" */
/* part: "" or of several values; read: NaN, or the share of text that was read. */
cm_status cm_finish_score(cm_finish *r, size_t arm, const cm_scored *x, const char *part, const cm_arm_value *v,
                          const char *note, double read);
cm_status cm_finish_pair(cm_finish *r, const cm_arm_pair *p, const cm_scored *x, const char *part,
                         const cm_pair_value *v);
const char *cm_finish_weights_note(cm_finish *r, const cm_scored *x);
/* Does the mean and covariance of a file take the place of a reference's images, which the file may hold, too? */
bool cm_finish_from_file(const cm_finish *r, const cm_metric *m);

/* --- features: finish_sets.c ---------------------------------------------------------- */

/* Rows of one side that count: the file itself when that is all of them, else a copy without the others. */
typedef struct cm_report_model_of {
    cm_feature_store store;
    cm_feature_view view;
    const float *x;
    size_t n;
    size_t *prompt_of; /* [n] */
} cm_report_model_of;

/* units: NULL, or [count / images]: only rows of these. */
cm_status cm_finish_open_rows(cm_finish *r, const cm_side *s, const cm_scored *x, const bool *units,
                              cm_report_model_of *o);
void cm_finish_close_rows(cm_report_model_of *r);

/* --- columns: finish_images.c ------------------------------------------------------------ */

/* The labels whose means make the score: its own, or those of its columns. */
size_t cm_finish_columns(const cm_finish *r, const cm_scored *x, const char *labels[CM_METRIC_MEMBERS]);
/* [sides,units,columns] of these sides, what their images have under `key` ("scores"); NULL: no memory, which the arena
 * then says. */
double *cm_finish_table(cm_finish *r, const cm_side *const *sides, size_t count, size_t units, const char *key,
                        const char *const *labels, size_t columns);
const char *cm_finish_label(const cm_finish *r, const char *metric); /* of a metric's name */

#endif
