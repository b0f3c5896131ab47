// SPDX-License-Identifier: Apache-2.0
/* Scores of pictures that are there already, by protocol (metrics/metric.h): FID, KID, CLIP scores and others.
 *
 *     cm_evaluation_options o = {.images = "out/images", .reference = "photos", .metrics = "fid@clean,kid", ...};
 *     CM_TRY(cm_evaluate(&o, &counts));
 *
 * FOLDER/records.jsonl gets a header, a line a picture, a line a score; FOLDER/features/ the features, a file a column
 * (feature_store.h). A run that was stopped goes on where it was: features are on disk before a record tells of them, the
 * record has their hash, and a picture whose features are not those is looked at again. Metrics may be added to a folder:
 * what its networks have seen is kept. Scores and "done" are written in one piece. With shards > 1 only that share of the pictures is
 * looked at and no score is made; cm_evaluation_merge joins the folders of all shares, in any order, to what one run
 * would have left. Memory does not grow with the number of pictures, but for what a score itself says.
 */
#ifndef CM_HARNESS_EVALUATION_H
#define CM_HARNESS_EVALUATION_H

#include <jansson.h>
#include <stdbool.h>

#include "core/tensor/ops.h"

typedef struct cm_evaluation_options {
    const char *images;          /* a folder, a JSON-lines manifest, or an array of pictures */
    const char *prompts;         /* a prompt set's path, or NULL */
    const char *column;          /* the prompts' column in it; NULL: the usual names */
    const char *reference;       /* as images, or a file of statistics; NULL: none */
    const char *metrics;         /* "fid@clean,kid" */
    const char *weights;         /* the folder with the networks' files, "random", or NULL: only --network and nano */
    const char *networks;        /* "inception=FILE,clip-vit-b-32=FOLDER", or NULL */
    const char *tokenizer;       /* of CLIP's text towers, where it does not lie beside the weights; or NULL */
    const char *folder, *name;   /* where records go; what the pictures are called in tables */
    const char *statistics;      /* NULL, or where the pictures' mean and covariance are to be written (.npz) */
    const cm_ops *backend;
    int threads;
    size_t batch;                /* pictures a network sees at once */
    size_t kid_subset;           /* of KID; 0: the published 1000 */
    size_t shard, shards;        /* 1-based; 0, 0: all */
    bool fresh, unequal;         /* unequal: sets of different size may be compared */
    const json_t *machine;       /* keys for the header, or NULL */
} cm_evaluation_options;

typedef struct cm_evaluation_counts {
    size_t scored, failed;             /* of the pictures and the reference's */
    size_t without_image, without_prompt;
} cm_evaluation_counts;

cm_status cm_evaluate(const cm_evaluation_options *o, cm_evaluation_counts *counts);

/* folders[count]: of every shard of one run. */
cm_status cm_evaluation_merge(const char *const *folders, size_t count, const char *folder, cm_evaluation_counts *counts);

#endif
