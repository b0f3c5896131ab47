// SPDX-License-Identifier: Apache-2.0
/* Which cross-attention layers a downsample factor selects: those whose maps have
 * round(H/factor) x round(W/factor) cells, H and W in pixels.
 *
 * The rule is that of CosmicMan's code (hola_loss and its `attn_map_size`, which is
 * this factor: 16 selects the layers of half the latent's side), and round is
 * Python's: half to even. Training, captured maps and scores all ask here.
 */
#ifndef CM_CORE_NETWORKS_ATTENTION_SIZE_H
#define CM_CORE_NETWORKS_ATTENTION_SIZE_H

#include "core/networks/unet.h"

typedef struct cm_attention_size {
    size_t height, width; /* cells */
} cm_attention_size;

/* factor: 1 or more */
cm_attention_size cm_attention_size_of(size_t pixel_height, size_t pixel_width, size_t factor);

/* Has the layer maps of that size? */
bool cm_attention_has_size(const cm_attention_site *site, cm_attention_size size);

/* How many of the network's cross-attention layers the factor selects in images of that size; of `all`, where it is
 * not NULL. latent_factor: pixels a latent (8). */
size_t cm_attention_layers(const cm_unet *n, size_t latent_factor, size_t pixel_height, size_t pixel_width,
                           size_t factor, cm_arena *scratch, size_t *all);

/* CM_EUSAGE where it selects none, with the nearest sizes of which it selects some. */
cm_status cm_attention_check(const cm_unet *n, size_t latent_factor, size_t pixel_height, size_t pixel_width,
                             size_t factor, cm_arena *scratch);

#endif
