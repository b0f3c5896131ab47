// SPDX-License-Identifier: Apache-2.0
/* The table of metrics: every score that the program can make, a row each.
 *
 *     const cm_metric *m = cm_metric_find("fid@clean");
 *
 * A row names a protocol. It says which network looks at an image (extractor.h), how the image is made ready for it
 * (picture_rules.h), and what the score is made of. That is exactly one of five things:
 *
 *     of_sets       the features of all images and of a reference: distances between sets, the inception score
 *     of_text       an image and its prompt, through a CLIP pair
 *     of_questions  what a parser answers when it is asked for the prompt's attributes (accuracy.h)
 *     of_attention  the generator's own cross-attention against the regions that a parser finds (refocus.h)
 *     mean_of       the means of other columns
 *
 * All but the first are scores that each image has. A new metric is a row in metric.c and, where its formula is new, a
 * file (docs/HOWTO-metric.md). docs/SCORES.md says what each row measures, its range and its traps.
 */
#ifndef CM_METRICS_METRIC_H
#define CM_METRICS_METRIC_H

#include "metrics/accuracy.h"
#include "metrics/extractor.h"
#include "metrics/refocus.h"
#include "metrics/set_score.h"
#include "metrics/text_image.h"

typedef enum cm_needs_reference {
    CM_REFERENCE_NONE,
    CM_REFERENCE_STATISTICS,
    CM_REFERENCE_PICTURES
} cm_needs_reference;

/* 1 + cm_slot_kind */
typedef enum cm_question_kind {
    CM_QUESTIONS_NONE,
    CM_QUESTIONS_OBJECT = 1 + CM_SLOT_OBJECT,
    CM_QUESTIONS_TEXTURE = 1 + CM_SLOT_TEXTURE,
    CM_QUESTIONS_SHAPE = 1 + CM_SLOT_SHAPE
} cm_question_kind;

typedef enum cm_attention_kind {
    CM_ATTENTION_NONE,
    CM_ATTENTION_HOLA,
    CM_ATTENTION_SHARE,
    CM_ATTENTION_IOU,
    CM_ATTENTION_MASS
} cm_attention_kind;

typedef struct cm_metric {
    const char *name;             /* "acc_obj": in records and on the command line */
    const char *title;            /* "Acc_obj": in tables */
    const char *network;          /* a row of cm_networks: "inception" */
    const char *rule;             /* how images are made ready: a row of picture_rules.h */
    cm_output output;             /* of the network, that the score is made from; no meaning for "nano-parser" */
    cm_needs_reference reference; /* none; at least statistics (mean and covariance); images */
    bool higher_is_better;
    bool equal_n;                   /* images and reference must be equally many to compare with published numbers */
    int decimals;                   /* as a table prints it */
    cm_set_score *of_sets;          /* NULL: no */
    const cm_text_image *of_text;   /* NULL: no */
    cm_question_kind of_questions;  /* percent of that kind of question answered right; 0: no */
    cm_attention_kind of_attention; /* 0: no. What HOLA trains: it shows whether attention moved, and is no quality */
    const char *mean_of;            /* "acc_obj,acc_tex,acc_shape": plain mean of those columns' means; NULL: no */
    const char *about, *source;     /* one line each: what it is; whose convention, and paper */
} cm_metric;

extern const cm_metric cm_metrics[];
extern const size_t cm_metric_count;
const cm_metric *cm_metric_find(const char *name); /* NULL: none of that name */

/* What a family's name on the command line stands for, in the table's order, NULL after the last:
 * "acc" the four accuracies, "attention" the four of attention, "nano" all of the shipped networks. NULL: no family.
 * Names that several protocols begin with ("fid") are none: which one is meant must be said. */
const char *const *cm_metric_family(const char *name);

/* The rows that a row's mean_of names. 0: it has none. */
enum { CM_METRIC_MEMBERS = 4 };
size_t cm_metric_members(const cm_metric *m, const cm_metric *members[CM_METRIC_MEMBERS]);

/* An image's score from its answers, in percent (NaN: nothing of that kind was asked), and from its attention. */
double cm_metric_of_questions(const cm_metric *m, const cm_accuracy *answers);
double cm_metric_of_attention(const cm_metric *m, const cm_refocus_scores *attention);
/* What even attention (1/keys on every token everywhere) would have, and the least that a score of attention can be;
 * NaN: not known. */
double cm_metric_even(const cm_metric *m,
                      const cm_refocus_scores *attention); /* of attn_mass: the regions' share of the map */
double cm_metric_floor(const cm_metric *m, const cm_refocus_scores *attention);

#endif
