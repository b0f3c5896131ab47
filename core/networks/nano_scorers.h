// SPDX-License-Identifier: Apache-2.0
/* The nano score networks: a parser with attribute heads, and a feature network.
 *
 * parser: a U of residual blocks from half the image's size down, joined at full size with a thin layer
 * that saw every pixel: image [n,H,W,3] in [-1,1] -> class logits a pixel. For every attribute slot
 * (people.h) a learned query gathers from the features of three scales by attention, and a linear head answers.
 * With "regions" it also says for every pixel which of so many labelled regions (groups of clothes) it belongs to, and
 * looks into each of them: how large it is, mean, spread and peak of colours, places and features over the classes' and
 * the regions' own soft maps. Of these a vector a region is made, which the queries see beside the pixels, and each
 * slot's head sees that of its own region: what is small is then as easy to name as what is large. features
 * (Inception-like: parallel 1x1, 3x3, 5x5-as-3x3s and pooled branches): image -> a pooled vector [n,F] whose Gaussian
 * statistics make fd@nano, trained to name attributes.
 *
 * config.json, parser:   {"channels": [24,48,80,112], "edge_channels": 8, "groups": 8, "classes": 18,
 *                         "slot_width": 96, "slot_heads": 4, "slots": [5,9,...],
 *                         "regions": 21, "region_width": 160, "slot_regions": [1,7,...], "attended_scales": 2}; without
 *                         "regions": none; the queries look at so many of the smaller scales [all three]
 * config.json, features: {"stem": [24,32], "stages": [[16,24,16,8],...], "repeats": [1,2,2], "groups": 8,
 *                         "slots": [5,9,...]}; a stage lists the widths of its four branches.
 */
#ifndef CM_CORE_NETWORKS_NANO_SCORERS_H
#define CM_CORE_NETWORKS_NANO_SCORERS_H

#include <jansson.h>

#include "core/networks/params.h"
#include "core/tensor/nn.h"

typedef struct cm_parser cm_parser;
cm_status cm_parser_build(cm_parser **out, const json_t *config, cm_params *p, cm_arena *arena);
/* classes: [n,H,W,18] logits (NULL: not wanted). slots: [n, sum of slot counts], slot after slot (NULL: not wanted). */
void cm_parser_forward(cm_ctx *g, const cm_parser *n, cm_tensor *pixels, cm_tensor **classes, cm_tensor **slots);
/* The same with regions [n,H,W,"regions"], logits (NULL: not wanted; *regions is NULL where the parser has none). */
void cm_parser_forward_all(cm_ctx *g, const cm_parser *n, cm_tensor *pixels, cm_tensor **classes, cm_tensor **regions,
                           cm_tensor **slots);
size_t cm_largest_logit(const float *x, size_t n); /* which of them; the first of equals */
size_t cm_parser_slot_logits(const cm_parser *n);  /* sum of slot counts, from config "slots" */

typedef struct cm_feature_net cm_feature_net;
cm_status cm_feature_net_build(cm_feature_net **out, const json_t *config, cm_params *p, cm_arena *arena);
/* pooled [n,F]; slots as above, for training (NULL: not wanted) */
void cm_feature_net_forward(cm_ctx *g, const cm_feature_net *n, cm_tensor *pixels, cm_tensor **pooled,
                            cm_tensor **slots);
size_t cm_feature_net_width(const cm_feature_net *n);

#endif
