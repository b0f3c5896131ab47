// SPDX-License-Identifier: Apache-2.0
/* Which phrases of a drawn person HOLA supervises, and their targets: the region of
 * each phrase at each supervised size.
 *
 * A region smaller than a cell cannot be looked at alone, and one that no cell shows
 * would train its words to be looked at nowhere. So, unless the rules keep them,
 * phrases with an empty target are left out, and groups whose regions have the area
 * of a cell in too few of their cases are left out of that size; both are counted.
 */
#ifndef CM_CORE_TRAIN_HOLA_TARGETS_H
#define CM_CORE_TRAIN_HOLA_TARGETS_H

#include "core/labels/regions.h"
#include "core/train/captions.h"
#include "core/train/people_dataset.h"
#include "core/train/hola.h"

enum { CM_HOLA_PHRASES = CM_GROUPS + 1 }; /* a phrase's index: 1 + its group; the shot phrase's is 0 */

typedef struct cm_hola_rules {
    bool phrase[CM_HOLA_PHRASES]; /* supervised, where the person has it */
    cm_region_rule masks;
    bool
        own_regions; /* garments' regions as the drawing knows them (tops, coats and ties apart), not parsing classes */
    bool keep_empty; /* phrases without a region are trained to be looked at nowhere, as in the authors' code */
    bool shared;     /* a cell's targets are divided by the tokens that claim it where these claim more than one:
                        attainable,     since a cell's attention sums to 1 over tokens */
    double
        least_share; /* a group takes part where its regions have a cell's area in this share of its cases; 0: always */
} cm_hola_rules;

/* What was found among people, by phrase and size. */
typedef struct cm_hola_survey {
    size_t people;
    size_t cases[CM_HOLA_PHRASES];                     /* people who have the phrase, its region visible */
    size_t hidden[CM_HOLA_PHRASES];                    /* who have it, its region nowhere in the image */
    size_t small[CM_HOLA_PHRASES][CM_HOLA_MAX_SIZES];  /* cases whose region has less than a cell's area */
    size_t lost[CM_HOLA_PHRASES][CM_HOLA_MAX_SIZES];   /* cases whose target is zero everywhere */
    bool left_out[CM_HOLA_PHRASES][CM_HOLA_MAX_SIZES]; /* by least_share */
} cm_hola_survey;

/* Looks at the first people of the dataset (drawn where they are not yet), undropped captions. */
cm_status cm_hola_look(const cm_hola_rules *r, const cm_hola *h, const cm_tokenizer *t, cm_people_dataset *dataset,
                       size_t people, cm_arena *scratch, cm_hola_survey *out);

/* The groups of one drawn person with this caption, in `out`. left: phrases with tokens and a rule that got no target
 * at any size. */
cm_status cm_hola_targets(const cm_hola_rules *r, const cm_hola_survey *s, const cm_hola *h,
                          const cm_people_dataset *dataset, size_t person, const cm_description *caption, cm_arena *out,
                          cm_hola_image *image, size_t *left);

/* "shot", "person", "tops" */
const char *cm_hola_phrase_name(size_t phrase);

#endif
