// SPDX-License-Identifier: Apache-2.0
/* What the files of an evaluation share.
 *
 *     evaluation.c            all of it, in order
 *     evaluation_plan.c       which networks look at which images for which metrics
 *     evaluation_units.c      the units: prompts, or images that are units themselves
 *     evaluation_sets.c       the sides: arms, the reference, the ceiling's drawings
 *     evaluation_headers.c    the header of the run's records
 *     evaluation_known.c      what the folder has already, and what is left to do
 *     evaluation_make.c       images that models make
 *     evaluation_commands.c   images that commands make
 *     evaluation_attention.c  what an image's phrases look at while a model makes it
 *     evaluation_networks.c   the pass over images
 *     evaluation_prompts.c    what networks say of an image and its prompt
 *     evaluation_merge.c      shards
 *
 * The folder's records and features are harness/records; scores and pairs are made by harness/scores.
 */
#ifndef CM_HARNESS_RUN_EVALUATION_PARTS_H
#define CM_HARNESS_RUN_EVALUATION_PARTS_H

#include <pthread.h>

#include "core/base/folder_lock.h"
#include "core/io/jsonl.h"
#include "harness/records/sides.h"
#include "harness/run/evaluation.h"
#include "harness/run/worker_pool.h"
#include "metrics/metric.h"
#include "metrics/picture_rules.h"
#include "prompts/prompt_set.h"

enum { CM_EVAL_NETWORKS = 16, CM_SHOWN_IMAGES = 64, CM_SHOWN_SIDE = 512, CM_SHOWN_OF_PROMPT = 4 };

/* --- the plan ------------------------------------------------------------------------- */

/* Images made ready by one rule for one network: looked at once, whatever is scored from it. */
typedef struct cm_feed {
    size_t network; /* index into the plan's extractors */
    const cm_picture_rule *rule;
    unsigned stored, wanted; /* outputs, as bits: kept in a column; computed at all */
    bool parse;              /* by the parser, for answers */
} cm_feed;

/* A file of features. */
typedef struct cm_feature_column {
    size_t feed, width;
    cm_output output;
    char *name; /* "inception-tf1-features": its file's */
} cm_feature_column;

typedef struct cm_plan {
    size_t metric_count, network_count, feed_count, column_count;
    const cm_metric *metrics[CM_EVAL_METRICS];
    const char *labels[CM_EVAL_METRICS]; /* the metrics' names in records: "fid@clean[random]" where weights are not the
                                            published ones */
    size_t kid_subset;                   /* 0: KID's published one */
    size_t feed_of[CM_EVAL_METRICS], column_of[CM_EVAL_METRICS]; /* column_of: of a score of sets */
    cm_extractor *extractors[CM_EVAL_NETWORKS];
    const char *networks[CM_EVAL_NETWORKS], *weights[CM_EVAL_NETWORKS];
    cm_feed feeds[CM_EVAL_METRICS];
    cm_feature_column columns[CM_EVAL_METRICS];
} cm_plan;

/* First which metrics, of "fid@clean,acc"; then each network's weights are found, and it is opened. Texts live in
 * `out`. */
cm_status cm_plan_choose(const cm_suite *s, cm_arena *out, cm_plan *p);
cm_status cm_plan_open(const cm_suite *s, cm_arena *out, cm_plan *p);
void cm_plan_close(cm_plan *p);
bool cm_plan_of_text(const cm_plan *p); /* does a metric need prompts? */
bool cm_plan_of_sets(const cm_plan *p); /* is a metric made from features? */
bool cm_plan_of_attention(const cm_plan *p);
cm_needs_reference cm_plan_needs(const cm_plan *p); /* the most that a metric needs of a reference */
const char *cm_plan_primary(const cm_suite *s, const cm_plan *p);
const cm_extractor *cm_plan_parser(const cm_plan *p, size_t *feed); /* NULL: no metric needs it */
/* For the header: metrics with their labels, networks and hashes, columns. NULL: out of memory. */
json_t *cm_plan_describe(const cm_plan *p);

/* --- sides ------------------------------------------------------------------------------ */

/* One prompt, or one image without any. */
typedef struct cm_unit {
    const char *id, *negative;
    const cm_description *prompt; /* NULL: none */
    bool has_seed;
    uint64_t seed;
} cm_unit;

typedef struct cm_evaluation {
    const cm_evaluation_options *options;
    const cm_suite *suite;
    cm_arena arena;
    cm_plan plan;
    cm_prompt_set prompts;
    size_t unit_count, first_unit, last_unit; /* this shard's: [first, last) */
    cm_unit *units;
    size_t side_count; /* arms in the suite's order, then the reference, the ceiling, where there are any */
    cm_side *sides;
    bool statistics;     /* the reference is a file of them (it may hold images, too) */
    cm_worker_pool pool; /* of scores */
    cm_side *at;         /* the side that is being looked at */
    cm_folder_lock folder;
    json_t *header, *existing; /* of this run, joined with that of the folder; the folder's other records */
    cm_records *records;
    json_t *pending;         /* records whose features may not be on disk yet */
    double started, written; /* written: when there were none pending the last time */
    bool finished;           /* all that is asked for was there */
    pthread_mutex_t lock;    /* of records, lines and counts */
    cm_evaluation_counts counts;
    size_t doubtful;                          /* images whose prompt looks wrongly decoded */
    const char *said_of_size, *said_of_words; /* the last warnings of an arm's model; NULL: none yet */
} cm_evaluation;

/* Units, from prompts or images; *source: the list of images that are units themselves, or NULL. */
cm_status cm_evaluation_open_units(cm_evaluation *e, cm_picture_source **source);
const cm_arm *cm_evaluation_first_images(const cm_suite *s); /* the first arm that is a folder; NULL: none */
cm_status cm_evaluation_check_any(const cm_picture_source *source, const char *path); /* are there images at all? */
/* Units and sides, from prompts, folders and drawings. */
cm_status cm_evaluation_open_sides(cm_evaluation *e);
cm_side *cm_evaluation_side(cm_evaluation *e, const char *name); /* NULL: none of that name */
cm_status cm_evaluation_check_sizes(const cm_evaluation *e);     /* of images that were there */
uint64_t cm_evaluation_seed(const cm_evaluation *e, size_t unit, size_t k);
/* "p0001.png", or "2/p0001.png" of several images a prompt: below images/ARM. */
const char *cm_evaluation_file(const cm_evaluation *e, size_t unit, size_t k, cm_arena *out);

/* What is there, and what is left: opens the folder's records. e->finished: nothing is left. */
cm_status cm_evaluation_begin(cm_evaluation *e);
cm_status cm_evaluation_add(cm_evaluation *e, const json_t *line); /* under the lock */

/* New: what every record of an arm's image has; the groups of a prompt, t: NULL, or its tokens. */
json_t *cm_evaluation_image(const cm_evaluation *e, const cm_side *s, size_t row);
json_t *cm_evaluation_groups(const cm_description *d, const cm_tokens *t);

/* CM_EUSAGE where a suite file's commands would run and nobody said that they may. */
cm_status cm_evaluation_check_commands(const cm_evaluation *e);
/* The record's hash of an image's file; the record of a row, to the file and to what is known. */
cm_status cm_evaluation_hash_image(const cm_evaluation *e, const char *path, cm_arena *scratch, json_t *record);
cm_status cm_evaluation_keep(cm_evaluation *e, cm_side *s, size_t row, json_t *record);
/* Rows missing[count] of an arm that is a command. */
cm_status cm_evaluation_run_command(cm_evaluation *e, cm_side *s, const size_t *missing, size_t count);
/* All images of the arms that models and commands make. */
cm_status cm_evaluation_make(cm_evaluation *e);
/* The pass over one side. */
cm_status cm_evaluation_list_todo(cm_evaluation *e, cm_side *s);
cm_status cm_evaluation_look(cm_evaluation *e, cm_side *s);

/* --- records ------------------------------------------------------------------------------ */

json_t *cm_evaluation_header(cm_evaluation *e); /* new; NULL: out of memory */
/* How much of the prompts is asked, for the header: {"asked": 3012, "of": 4100, "other": ..., "unknown": ...,
 * "left_out":
 * {"tops.material": 312, ...}}; told in one line, too. NULL where no metric asks, or no prompt says anything. */
cm_status cm_evaluation_count_questions(cm_evaluation *e, json_t **out);

#endif
