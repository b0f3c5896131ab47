// SPDX-License-Identifier: Apache-2.0
/* What a setting of HOLA can reach on the people it is trained with: `cosmicman train hola-floor`. */
#ifndef CM_CORE_TRAIN_HOLA_REACH_H
#define CM_CORE_TRAIN_HOLA_REACH_H

#include "core/train/hola_floor.h"
#include "core/train/hola_settings.h"

typedef struct cm_hola_reach {
    cm_hola_settings settings;
    cm_attention_size sizes[CM_HOLA_MAX_SIZES];
    cm_hola_survey survey;                             /* of the phrases' regions */
    size_t images[CM_HOLA_MAX_SIZES];                  /* people with a group at that size */
    cm_hola_bounds bounds[CM_HOLA_MAX_SIZES];          /* means over them */
    double region[CM_HOLA_PHRASES][CM_HOLA_MAX_SIZES]; /* over all cells of these people, the share that the phrase's
                                                          targets ask for, per token */
    double kept[CM_HOLA_PHRASES][CM_HOLA_MAX_SIZES]; /* the share of all attention that its words have at the minimum */
} cm_hola_reach;

/* The first `people` training people of the recipe, with all their phrases; keys: tokens of a prompt. */
cm_status cm_hola_reach_measure(const json_t *recipe, size_t people, cm_hola_reach *out);

#endif
