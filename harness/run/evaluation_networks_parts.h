// SPDX-License-Identifier: Apache-2.0
/* What the files of the pass over images share. */
#ifndef CM_HARNESS_RUN_EVALUATION_NETWORKS_PARTS_H
#define CM_HARNESS_RUN_EVALUATION_NETWORKS_PARTS_H

#include "harness/run/evaluation_parts.h"

/* Images that a network sees together. */
typedef struct cm_batch {
    size_t count;
    const size_t *rows;             /* of the side */
    cm_image *images, *classes;     /* sizes, the pixels are gone; a drawing's classes */
    float *pixels[CM_EVAL_METRICS]; /* by feed: [count,height,width,3], made ready; NULL: not wanted */
    const char **trouble;           /* why an image cannot be scored, or NULL */
    const char **doubtful;          /* its path, where a score's text looks wrongly decoded */
    json_t **records;               /* what was seen of each */
} cm_batch;

/* The object under `key` of a record, made where it is absent. */
json_t *cm_record_part(json_t *record, const char *key);

/* Of the images at[count] of the batch that have a prompt: all scores of text and image, from embeddings
 * [count,width]; the answers to questions about them. Both go to the batch's records. */
cm_status cm_batch_score_texts(const cm_evaluation *e, size_t feed, cm_batch *b, const size_t *at, size_t count,
                               const float *embeddings, cm_worker *w);
cm_status cm_batch_answer(const cm_evaluation *e, size_t feed, cm_batch *b, const size_t *at, size_t count,
                          cm_worker *w);

#endif
