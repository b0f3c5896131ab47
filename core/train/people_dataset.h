// SPDX-License-Identifier: Apache-2.0
/* A dataset: the people a stage trains on, drawn, or read from a folder of labelled ones, each when first asked for.
 *
 * Drawn person i of a dataset depends on (seed, set, i) only. Sets keep people apart: "train" for training, "held-out"
 * for the criteria. Person i of a folder is that of line i of its labels.jsonl. Images and maps are kept (30 KiB a
 * person at 64x96). Different persons may be drawn or read by different threads at once; one person by one thread at a
 * time.
 */
#ifndef CM_CORE_TRAIN_PEOPLE_DATASET_H
#define CM_CORE_TRAIN_PEOPLE_DATASET_H

#include <jansson.h>

#include "core/data/labelled/labelled.h"
#include "core/data/people/people.h"

typedef struct cm_people_dataset {
    uint64_t seed;
    const char *set;
    size_t count, width, height;
    cm_people_options options;
    const cm_labelled_set *data; /* NULL: drawn people */
    bool *drawn;                 /* or read */
    uint8_t *pictures;           /* [count][height*width*3] */
    uint8_t *classes, *groups;   /* [count][height*width]; NULL: a folder without them */
} cm_people_dataset;

/* From a recipe's people, people_seed, width, height, simple, pairs (all; seen or held-out, people.h). */
cm_status cm_people_dataset_init(cm_people_dataset *c, const json_t *recipe, const char *set, size_t count,
                                 cm_arena *out);
/* The people to train on: those of the recipe's folder ("data"), or drawn ones; at most `most`, a multiple of `batch`.
 * needs: what a folder must have; its size and seed are the recipe's. */
cm_status cm_people_dataset_open(cm_people_dataset *c, const json_t *recipe, const cm_labelled_needs *needs,
                                 size_t most, size_t batch, cm_arena *out);
/* Of captions' order and of what they leave out. */
uint64_t cm_people_dataset_seed(const cm_people_dataset *c, size_t i);
/* Of drawn people only. */
void cm_people_dataset_person(const cm_people_dataset *c, size_t i, cm_person *p);
/* Makes sure that person i is drawn or read. scratch is left as it was. */
cm_status cm_people_dataset_draw(cm_people_dataset *c, size_t i, cm_arena *scratch);
/* Pixels of person i in [-1,1], [height,width,3]. */
void cm_people_dataset_pixels(const cm_people_dataset *c, size_t i, float *out);

#endif
