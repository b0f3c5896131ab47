// SPDX-License-Identifier: Apache-2.0
/* UNet2DConditionModel, from diffusers' config.json: cross-attention and plain blocks, down, mid, up. */
#ifndef CM_CORE_NETWORKS_UNET_H
#define CM_CORE_NETWORKS_UNET_H

#include <jansson.h>

#include "core/networks/params.h"
#include "core/tensor/nn.h"

enum { CM_UNET_MAX_BLOCKS = 8, CM_UNET_MAX_LAYERS = 8 };

typedef struct cm_unet_config {
    size_t in_channels, out_channels, blocks;
    size_t channels[CM_UNET_MAX_BLOCKS],
        layers[CM_UNET_MAX_BLOCKS]; /* layers: of the down block; the up block has one more */
    bool down_attention[CM_UNET_MAX_BLOCKS], up_attention[CM_UNET_MAX_BLOCKS]; /* CrossAttn… or plain */
    size_t heads[CM_UNET_MAX_BLOCKS]; /* diffusers' attention_head_dim, which for SD means the NUMBER of heads */
    /* transformer_layers_per_block: of each attention of each down and up block, and of the middle's */
    size_t down_depth[CM_UNET_MAX_BLOCKS][CM_UNET_MAX_LAYERS], up_depth[CM_UNET_MAX_BLOCKS][CM_UNET_MAX_LAYERS + 1],
        mid_depth;
    size_t cross_attention_dim, norm_groups,
        time_width; /* time_width: of the time embedding, usually 4 * channels[0] */
    size_t added_width,
        added_time_dim; /* addition_embed_type text_time (SDXL): pooled text and embedded numbers; 0: none */
    float norm_eps;
    size_t guidance_width; /* time_cond_proj_dim: the guidance scale's embedding (Luo et al. 2023, LCM); 0: none */
    bool use_linear_projection, flip_sin_to_cos, mid_block, mid_attention;
    float freq_shift;
    size_t sample_height, sample_width; /* of the latents it was made for */
} cm_unet_config;

typedef struct cm_unet cm_unet; /* holds the weights' pointers; lives in the arena given to build */

cm_status cm_unet_configure(const json_t *config, cm_unet_config *out); /* what it does not know is refused by name */
cm_status cm_unet_build(cm_unet **out, const cm_unet_config *c, cm_params *p, cm_arena *arena);
const cm_unet_config *cm_unet_get_config(const cm_unet *n);

/* Text keys and values, computed once a prompt: valid until the arena they were put in is reset. */
typedef struct cm_unet_text cm_unet_text;
/* text [n,L,cross_attention_dim]; results live in g until cm_ctx_reset (training), or copied to `keep` when not NULL */
cm_unet_text *cm_unet_prepare_text(cm_ctx *g, const cm_unet *n, cm_tensor *text, cm_arena *keep);

/* text_time conditions, computed once a prompt: pooled [n, P], numbers [n,k] (for SDXL height, width, crop top, crop
 * left, target height, target width; Podell et al. 2024, sec. 2.2), P + k * added_time_dim = added_width. Lives as t.
 */
cm_unet_text *cm_unet_add_conditions(cm_ctx *g, const cm_unet *n, cm_unet_text *t, cm_tensor *pooled,
                                     const float *numbers, size_t k, cm_arena *keep);

/* Of a network with guidance_width: the scale that it was distilled to follow in one pass, embedded as diffusers'
 * get_guidance_scale_embedding of guidance - 1 (Luo et al. 2023, LCM), for all n. Lives as t. */
cm_unet_text *cm_unet_add_guidance(cm_ctx *g, const cm_unet *n, cm_unet_text *t, double guidance, cm_arena *keep);

/* latents [n,h,w,in], t [n] timesteps -> predicted noise [n,h,w,out]. text's n must equal latents' n. */
cm_tensor *cm_unet_forward(cm_ctx *g, const cm_unet *n, cm_tensor *latents, const float *t, const cm_unet_text *text);

/* Cross-attention sites of one forward pass, for a latent of h x w: names, sizes. count may exceed max. */
size_t cm_unet_sites(const cm_unet *n, size_t h, size_t w, size_t max, cm_attention_site *sites, cm_arena *arena);

#endif
