// SPDX-License-Identifier: Apache-2.0
/* A crowd: the drawn people a stage trains on, each drawn when first asked for.
 *
 * Person i of a crowd depends on (seed, set, i) only. Sets keep people apart:
 * "train" for training, "held-out" for the gates. Drawing takes milliseconds, so
 * pictures and maps are kept (24 to 30 KiB a person). Different persons may be
 * drawn by different threads at once; one person by one thread at a time.
 */
#ifndef CM_CORE_TRAIN_CROWD_H
#define CM_CORE_TRAIN_CROWD_H

#include <jansson.h>

#include "core/data/people/people.h"

typedef struct cm_crowd {
    uint64_t seed;
    const char *set;
    size_t count, width, height;
    cm_people_options options;
    bool *drawn;
    uint8_t *pictures;          /* [count][height*width*3] */
    uint8_t *classes, *groups;  /* [count][height*width] */
} cm_crowd;

/* From a recipe's people, people_seed, width, height, simple, pairs (all; seen or held-out, people.h). */
cm_status cm_crowd_init(cm_crowd *c, const json_t *recipe, const char *set, size_t count, cm_arena *out);
uint64_t cm_crowd_seed(const cm_crowd *c, size_t i);
void cm_crowd_person(const cm_crowd *c, size_t i, cm_person *p);
/* Makes sure that person i is drawn. scratch is left as it was. */
cm_status cm_crowd_draw(cm_crowd *c, size_t i, cm_arena *scratch);
/* Pixels of person i in [-1,1], [height,width,3]. */
void cm_crowd_pixels(const cm_crowd *c, size_t i, float *out);

#endif
