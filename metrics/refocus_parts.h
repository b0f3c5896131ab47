// SPDX-License-Identifier: Apache-2.0
/* What refocus.c collects, for refocus_scores.c. */
#ifndef CM_METRICS_REFOCUS_PARTS_H
#define CM_METRICS_REFOCUS_PARTS_H

#include "core/networks/attention_size.h"
#include "metrics/refocus.h"

enum { CM_REFOCUS_SIZES = 8 };

/* All watched maps of one size, pooled over layers, heads and steps: per cell and channel, channels in order of the
 * phrases with classes, a phrase's tokens then its mean. */
typedef struct cm_refocus_pool {
    size_t height, width, keys, maps;
    double *sum, *squares; /* [height*width,channels] */
} cm_refocus_pool;

/* One layer's attention on each phrase's tokens, over heads and steps. */
typedef struct cm_refocus_sums {
    size_t keys, maps;
    double *sum; /* [phrases,height*width] */
} cm_refocus_sums;

struct cm_refocus {
    cm_arena *arena;
    const cm_refocus_phrase *phrases;
    size_t count, channels, factor;
    cm_attention_size size; /* watched; of no meaning with factor 0 */
    cm_refocus_pool pools[CM_REFOCUS_SIZES];
    cm_refocus_layer *layers; /* [CM_REFOCUS_LAYERS], by the site's index */
    cm_refocus_sums *sums;    /* the same */
    size_t pool_count, layer_count;
    bool too_many; /* layers or sizes: nothing is scored */
    cm_attention_observer observer;
};

/* How many channels a phrase has in a pool: its tokens and their mean, or none. */
size_t cm_refocus_channels(const cm_refocus_phrase *p);

#endif
