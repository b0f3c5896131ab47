// SPDX-License-Identifier: Apache-2.0
/* Whether a run's folder still is what its records say.
 *
 *     cm_verify_result r;
 *     CM_TRY(cm_verify(&(cm_verify_options){.folder = "out/bench"}, &arena, &r));
 *     if (r.difference) ... the first one, in the order of records.jsonl ...
 *
 * Hashes again the images, the rows of features and the prompt set's file, and makes scores, pairs and
 * parts again from features and records, by the code that made them. Writes nothing, runs no command, opens no model:
 * what records say of a single image's text and answers is taken from them, unless all images are to be looked at
 * again: then the networks that the run has used look at them, in a folder for the time being. Attention was seen while
 * images were made; it is not seen again.
 */
#ifndef CM_HARNESS_VERIFY_VERIFY_FOLDER_H
#define CM_HARNESS_VERIFY_VERIFY_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"

typedef struct cm_verify_options {
    const char *folder;
    const char *prompts; /* the prompt set's file; NULL: the shipped one of its name, where there is one */
    bool images;         /* look at all images again, with */
    const char *weights, *networks, *tokenizer; /* as score's options; NULL: none */
    int threads;
} cm_verify_options;

typedef struct cm_verify_result {
    size_t images, rows, scores; /* as recorded, up to the difference */
    size_t seen;                 /* images that were looked at again */
    size_t unhashed;             /* images from elsewhere that are not found by their path, or are parts of an array */
    bool prompts,
        prompts_unseen;     /* the prompt set's file was held against its hash; there is one, and it was not found */
    bool finished;          /* false: a run, or a shard, without scores */
    const char *difference; /* one line: file and line, of what, what was recorded, what is there; NULL: none */
} cm_verify_result;

/* CM_OK with or without a difference; a file of the run that is gone is one. Other statuses: the records cannot be
 * read, or something else cannot. Results live in `out`. */
cm_status cm_verify(const cm_verify_options *o, cm_arena *out, cm_verify_result *r);

#endif
