// SPDX-License-Identifier: Apache-2.0
/* What the files of an evaluation share: the plan, the two lists of pictures, where features lie. */
#ifndef CM_HARNESS_EVALUATION_PARTS_H
#define CM_HARNESS_EVALUATION_PARTS_H

#include "core/io/jsonl.h"
#include "harness/evaluation.h"
#include "harness/feature_store.h"
#include "metrics/picture_rules.h"
#include "metrics/metric.h"

enum { CM_EVAL_METRICS = 32, CM_EVAL_NETWORKS = 12 };
typedef enum cm_side { CM_PICTURES, CM_REFERENCE, CM_SIDES } cm_side;
extern const char *const cm_side_names[CM_SIDES]; /* "pictures", "reference" */

/* Pictures made ready by one rule for one network: looked at once, whatever is scored from it. */
typedef struct cm_feed {
    size_t network;               /* index into the plan's extractors */
    const cm_picture_rule *rule;
    unsigned stored, wanted;      /* outputs, as bits: kept in a column; computed at all */
} cm_feed;

/* A file of features. */
typedef struct cm_feature_column {
    size_t feed, width;
    cm_output output;
    char *name;                   /* "inception-tf1-features": its file's */
} cm_feature_column;

typedef struct cm_plan {
    size_t metric_count, network_count, feed_count, column_count;
    const cm_metric *metrics[CM_EVAL_METRICS];
    size_t kid_subset;                                           /* 0: KID's published one */
    size_t feed_of[CM_EVAL_METRICS], column_of[CM_EVAL_METRICS]; /* column_of: of a score of sets */
    cm_extractor *extractors[CM_EVAL_NETWORKS];
    const char *networks[CM_EVAL_NETWORKS], *weights[CM_EVAL_NETWORKS];
    cm_feed feeds[CM_EVAL_METRICS];
    cm_feature_column columns[CM_EVAL_METRICS];
} cm_plan;

/* First which metrics, of "fid@clean,kid"; then each network's weights are found, and it is opened. Texts live in `out`. */
cm_status cm_plan_choose(const cm_evaluation_options *o, cm_arena *out, cm_plan *p);
cm_status cm_plan_open(const cm_evaluation_options *o, cm_arena *out, cm_plan *p);
void cm_plan_close(cm_plan *p);
bool cm_plan_of_text(const cm_plan *p);               /* does a metric need prompts? */
cm_needs_reference cm_plan_needs(const cm_plan *p);   /* the most that a metric needs of a reference */
json_t *cm_plan_describe(const cm_plan *p);           /* for the header: metrics, networks and hashes, columns */

/* "fid@clean"; "fid@clean[random]" where the network's weights are not the published ones; "kid(subset=500)" where KID's
 * subsets are not the published ones (0: they are). */
const char *cm_metric_label(const cm_metric *m, const char *weights_label, size_t subset, cm_arena *out);

/* FOLDER/features/SIDE-COLUMN.f32; NULL: no memory, which `out` then says. */
char *cm_column_path(const char *folder, cm_side side, const char *column, cm_arena *out);
/* make: where it is absent, else that is an error. */
cm_status cm_column_open(const char *folder, cm_side side, const char *column, size_t rows, size_t width, bool make,
                         cm_arena *out, cm_feature_store *store);

/* What two headers must agree on for their folders to be shards of one run; NULL after the last. */
extern const char *const cm_evaluation_keys[];

/* The header of a folder to which metrics are added: *out, new, has the plans of both. CM_EUSAGE naming what differs where
 * they are not of the same pictures, networks and settings. Prompts or a reference that one of them lacks come from the
 * other. */
cm_status cm_evaluation_join_headers(const json_t *found, const json_t *wanted, json_t **out);

/* What records say of one side's pictures [begin,end): a "picture" line with all that was said of it joined, or a "failed"
 * one, or NULL. A later line adds to an earlier one; a failure replaces it. */
typedef struct cm_side_lines {
    size_t begin, end;
    json_t **lines; /* [end - begin], owned */
} cm_side_lines;
cm_status cm_side_lines_read(cm_side_lines *s, const json_t *all, cm_side side, size_t begin, size_t end);
void cm_side_lines_close(cm_side_lines *s);
bool cm_line_is(const json_t *line, const char *kind);                    /* false of NULL */
const char *cm_line_feature(const json_t *line, const char *column);      /* the row's hash (feature_store.h), or NULL */

/* A folder's records without scores: the header, a line a picture in the order of the lists, what passes have cost. New. */
json_t *cm_evaluation_lines(const json_t *header, const cm_side_lines *sides, const json_t *all);
bool cm_evaluation_is_done(const json_t *lines);

/* Makes the scores of a folder whose pictures have all been looked at, from its header and records alone (`lines`), and
 * writes the folder's records anew: whole, with scores and "done", or not at all. */
cm_status cm_evaluation_finish(const char *folder, const json_t *lines, double started);

#endif
