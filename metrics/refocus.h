// SPDX-License-Identifier: Apache-2.0
/* Refocusing: does a phrase's cross-attention look at the phrase's region?
 *
 *     cm_refocus *r;
 *     cm_refocus_begin(arena, spans, count, 16, height, width, &r);
 *     request.observer = cm_refocus_observer(r);              // generate
 *     cm_refocus_score(r, &classes, regions, scratch, &scores); // classes: the parsed picture
 *
 * Maps of every head of every watched layer, of the prompt's half of the guidance batch, at every
 * sampler step. Watched are the layers of height*width == round(H/factor)*round(W/factor) (the authors'
 * rule); factor 0: all. First and second moments are kept, so `hola` is exactly the mean over layers,
 * heads and steps of the closed form (CosmicMan, arXiv 2404.01294, as its code computes it):
 *
 *     1/(hw K) sum over K channels and pixels of (m - h)^2,   K = sum over groups of (tokens + 1)
 *
 * channels being each token's map and each group's mean map, h the group's region resized to the map
 * (bilinear, half-pixel centres, no antialias). iou and mass use group maps averaged over all of those;
 * iou takes the k cells with the most attention against the k cells with the most region, k = the region's
 * area in cells, at least 1; mass is the share of attention inside, sum(m h) / sum(m).
 * A region that the picture does not have is all zero: iou and mass are then 0.
 */
#ifndef CM_METRICS_REFOCUS_H
#define CM_METRICS_REFOCUS_H

#include <stddef.h>
#include <stdint.h>

#include "core/io/image.h"
#include "core/networks/tokenizer.h"
#include "core/tensor/tensor.h"

typedef struct cm_refocus cm_refocus;

typedef struct cm_refocus_scores {
    double hola, iou, mass;
} cm_refocus_scores;

/* spans: none empty. pixel_height, pixel_width: of the picture. Nothing else may reset `arena` while maps are taken. */
cm_status cm_refocus_begin(cm_arena *arena, const cm_token_span *spans, size_t count, size_t factor,
                           size_t pixel_height, size_t pixel_width, cm_refocus **out);
const cm_attention_observer *cm_refocus_observer(cm_refocus *r);

/* classes: 1 channel, parsing classes of the generated picture; regions[count]: bit set of classes a group.
 * CM_EUNDEFINED without groups or when no layer was seen. */
cm_status cm_refocus_score(const cm_refocus *r, const cm_image *classes, const uint32_t *regions, cm_arena *scratch,
                           cm_refocus_scores *scores);

/* Group g's mean map [height,width] at the finest watched size, for a picture. NULL: no layer was seen. */
const double *cm_refocus_map(const cm_refocus *r, size_t g, cm_arena *out, size_t *height, size_t *width);

#endif
