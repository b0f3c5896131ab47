// SPDX-License-Identifier: Apache-2.0
/* The attention that each group's words have in two arms, layer by layer: "kept" records of the first pair that has
 * them. */
#ifndef CM_REPORTS_LAYERS_H
#define CM_REPORTS_LAYERS_H

#include "reports/report_model.h"

typedef struct cm_layer_pair {
    const char *a, *b;    /* arms; a is held against b */
    const json_t *layers; /* of a: [{name, height, width, watched}]; NULL: no pair has any */
    size_t layer_count, group_count;
    const char **groups; /* that both arms have */
} cm_layer_pair;

/* Arms of different layers are no such pair. */
cm_status cm_layer_pair_find(const cm_report_model *r, cm_arena *out, cm_layer_pair *p);

/* A group's share of all attention of a layer; in_region: of the attention of a cell of its own region. NaN: none. */
double cm_layer_share(const cm_report_model *r, const char *arm, const char *group, size_t layer, bool in_region);

/* "up 1.0" of "up_blocks.1.attentions.0.transformer_blocks.0.attn2" and "up 1.0.3" of its fourth; block: "up 1" of all
 * of them. NULL: no memory. */
const char *cm_layer_title(const json_t *layer, bool block, cm_arena *out);

#endif
