// SPDX-License-Identifier: Apache-2.0
/* HOLA as a recipe says it. "hola_form" names a setting whole; single keys change it.
 *
 *                     authors      paper         garments
 *   hola_scale        averaged     summed        averaged     (hola.h)
 *   hola_masks        bilinear     bilinear      area         (core/labels/regions.h)
 *   hola_phrases      all          figure        garments     all; all but the background; hair and what is
 *                                                            worn; or a list of groups
 *   hola_keep_empty   true         true          false        (hola_targets.h)
 *   hola_least_share  0            0             0.95
 *   hola_regions      classes      classes       classes      parsing classes, or the drawing's own regions of groups
 *   hola_targets      mask         mask          mask         or shared
 *   hola_terms        both         both          both         or mean, token
 *   hola_factor       16           16            16           one, or a list
 *
 * authors: CosmicMan's released code. paper: its equation 3, the background among c_other. garments: what works on the
 * drawn people (docs/DARING.md). Besides: "hola", the weight; "hola_layers", a list of beginnings of layers' names;
 * "hola_begin" and "hola_end", shares of the training between which the loss is on; "hola_least_t", the timestep from
 * which on it is.
 */
#ifndef CM_CORE_TRAIN_HOLA_SETTINGS_H
#define CM_CORE_TRAIN_HOLA_SETTINGS_H

#include <jansson.h>

#include "core/train/hola_targets.h"

typedef struct cm_hola_settings {
    double weight;     /* 0: measured only */
    double begin, end; /* shares of the steps: on where begin <= step/steps < end */
    size_t least_t;    /* images with less noise do not take part */
    cm_hola_config loss;
    cm_hola_rules rules;
} cm_hola_settings;

/* Texts live in `recipe`. CM_EUSAGE names the key. */
cm_status cm_hola_settings_read(const json_t *recipe, cm_hola_settings *out);

#endif
