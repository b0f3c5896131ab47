// SPDX-License-Identifier: Apache-2.0
/* The evaluation: arms x prompts, any scores, paired; into FOLDER/records.jsonl (docs/RECORDS.md).
 *
 *     cm_evaluation_options o = {.suite = &suite, .folder = "out/bench", .threads = 2, .speed = true};
 *     CM_TRY(cm_evaluate(&o, &counts));
 *
 * Images of arms that are models or commands are made (images/ARM/ID.png), the same prompt from the same noise; images
 * that were there are taken as they are. Then every image and the reference's is looked at once, whatever is scored
 * from it, and scores, intervals and pairs are made from the records and the features (features/SET-COLUMN.f32,
 * feature_store.h) alone.
 *
 * A run that was stopped goes on where it was, and ends with the same records: an image's file is there before its
 * record, features are on disk before a record tells of them with their hash; what is missing or altered is made or
 * looked at again. Metrics may be added to a folder: what its networks have seen is kept. Scores and "done" are written
 * in one piece, the records of images in order before them. With shards > 1 only that share of the prompts and of the
 * reference is worked on and no score is made; cm_evaluation_merge joins the folders of all shares, in any order, to
 * what one run would have left.
 *
 * The unit of statistics is the prompt. Without prompts each image of the only arm is one.
 */
#ifndef CM_HARNESS_RUN_EVALUATION_H
#define CM_HARNESS_RUN_EVALUATION_H

#include "harness/scores/evaluation_finish.h"
#include "harness/suite/suite.h"

typedef struct cm_evaluation_options {
    const cm_suite *suite;
    const char *folder;
    const cm_ops *backend; /* of the scores' networks; must compute in f32 */
    int threads;
    size_t limit;           /* only the first that many prompts; 0: as many as the suite says */
    size_t batch;           /* images that a network sees at once; 0: 8 */
    size_t shard, shards;   /* 1-based; 0, 0: all */
    const char *statistics; /* NULL, or where the only arm's mean and covariance are to be written (.npz) */
    bool of_images;    /* the units are the images of the only arm, which a prompt may belong to; else the prompts */
    bool fresh, speed; /* fresh: begin anew; speed: the suite's speed rows, too */
    bool lean;         /* little memory for more time: an image at a time, on all threads */
    bool unequal;      /* sets of different size may be compared */
    bool allow_exec;   /* a suite file's commands may run */
    const json_t *machine; /* keys for the header, or NULL */
} cm_evaluation_options;

cm_status cm_evaluate(const cm_evaluation_options *o, cm_evaluation_counts *counts);

/* folders[count]: of every shard of one run. */
cm_status cm_evaluation_merge(const char *const *folders, size_t count, const char *folder,
                              cm_evaluation_counts *counts);

#endif
