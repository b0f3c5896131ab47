// SPDX-License-Identifier: Apache-2.0
/* Refocusing: does a phrase's cross-attention look at the phrase's region?
 *
 *     cm_refocus *r;
 *     cm_refocus_begin(arena, phrases, count, 16, height, width, &r);
 *     request.observer = cm_refocus_observer(r);              // generate
 *     cm_refocus_score(r, &classes, scratch, &scores);        // classes: the parsed image
 *     cm_refocus_kept_by_layer(r, &classes, scratch, out, &kept);
 *
 * Maps of every head of every cross-attention layer, of the prompt's half of the guidance batch, at every sampler step.
 * At each cell a head's attention over all tokens sums to 1.
 *
 * A phrase's region h is the share of each cell that its classes cover in the parsed image, 0..1
 * (core/labels/regions.h, averaged over the cell's area). A phrase whose classes the image lacks has lost its region:
 * it is counted and takes part in no score.
 *
 * hola, iou and mass come from the layers that `factor` selects (core/networks/attention_size.h; 0: all). hola is the
 * mean over layers, heads and steps of the closed form (CosmicMan, arXiv 2404.01294, as its code computes it)
 *
 *     1/(hw K) sum over K channels and cells of (m - h)^2,   K = sum over phrases of (tokens + 1)
 *
 * channels being each token's map and each phrase's mean map. Beside it stand its floor, the least that attention which
 * sums to 1 can reach on these regions (core/train/hola_floor.h), and what even attention (1/keys everywhere) has. iou
 * and mass use each phrase's map averaged over all of that: iou takes the k cells with the most attention against the k
 * cells with the most region, k = the region's area in cells, at least 1; mass is the share of the phrase's own
 * attention inside, sum(m h) / sum(m). Both divide by what the phrase has, so a phrase that has lost nearly all
 * attention may score well.
 *
 * share does not: it is the attention that a cell of the region gives to the phrase, sum(a h) / sum(h), a being the sum
 * over the phrase's tokens, mean over heads and steps; over all layers, each counting once, whatever `factor` is; mean
 * over the phrases of garments. Even attention has tokens/keys.
 */
#ifndef CM_METRICS_REFOCUS_H
#define CM_METRICS_REFOCUS_H

#include <stddef.h>
#include <stdint.h>

#include "core/io/image.h"
#include "core/networks/tokenizer.h"
#include "core/tensor/tensor.h"

typedef struct cm_refocus cm_refocus;

typedef struct cm_refocus_phrase {
    cm_token_span tokens; /* not empty */
    uint32_t classes;     /* bit set of its region's classes; 0: it has none, and only what it keeps is measured */
    bool garment;         /* counts for share */
} cm_refocus_phrase;

typedef struct cm_refocus_scores {
    size_t phrases, lost;     /* with classes; of these, whose region the image lacks */
    double hola, floor, even; /* floor, even: of hola */
    double iou, mass, area;   /* area: mean share of the map that the regions cover, which is an even map's mass */
    double share, share_even; /* NaN: no garment has a region */
} cm_refocus_scores;

enum { CM_REFOCUS_LAYERS = 256 };

/* What one layer is, in the order of the forward pass. */
typedef struct cm_refocus_layer {
    const char *name; /* borrowed from the network */
    size_t height, width;
    bool watched; /* its size is the one that `factor` selects */
} cm_refocus_layer;

/* Each phrase's attention, layer by layer, as a share of all attention of the layer (mean over heads, steps and cells).
 */
typedef struct cm_refocus_kept {
    size_t phrases, layers;
    const cm_refocus_layer *layer; /* [layers] */
    const double *all, *inside;    /* [phrases,layers]: on the phrase's tokens; the same weighted with its region */
    const double *area;            /* [phrases]: the share of the image that its region covers; 0: lost, or none */
} cm_refocus_kept;

/* pixel_height, pixel_width: of the image. Nothing else may reset `arena` while maps are taken. */
cm_status cm_refocus_begin(cm_arena *arena, const cm_refocus_phrase *phrases, size_t count, size_t factor,
                           size_t pixel_height, size_t pixel_width, cm_refocus **out);
const cm_attention_observer *cm_refocus_observer(cm_refocus *r);

/* classes: 1 channel, parsing classes of the generated image. CM_EUNDEFINED without phrases that have classes, when
 * all have lost their regions (scores->phrases and ->lost then hold), and when no layer was seen. Where only those of
 * the watched size are missing, all but share are NaN. */
cm_status cm_refocus_score(const cm_refocus *r, const cm_image *classes, cm_arena *scratch, cm_refocus_scores *scores);
/* kept's arrays live in `out`, names in the network. No layer seen: kept->layers is 0. */
cm_status cm_refocus_kept_by_layer(const cm_refocus *r, const cm_image *classes, cm_arena *scratch, cm_arena *out,
                                   cm_refocus_kept *kept);

/* Phrase g's mean map [height,width] at the finest watched size, for an image. NULL: it has no classes, or no layer
 * was seen. */
const double *cm_refocus_map(const cm_refocus *r, size_t g, cm_arena *out, size_t *height, size_t *width);

#endif
