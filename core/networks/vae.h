// SPDX-License-Identifier: Apache-2.0
/* AutoencoderKL, from diffusers' config.json. */
#ifndef CM_CORE_NETWORKS_VAE_H
#define CM_CORE_NETWORKS_VAE_H

#include <jansson.h>

#include "core/networks/params.h"
#include "core/tensor/nn.h"

enum { CM_VAE_STATISTICS = 64 /* channels of a latent whose statistics are read */ };

typedef struct cm_vae_config {
    size_t in_channels, out_channels, latent_channels, blocks, channels[8], layers_per_block, norm_groups;
    float scaling_factor;
    bool has_statistics; /* latents_mean and latents_std: Stable Diffusion XL's pipelines follow them */
    float mean[CM_VAE_STATISTICS], std[CM_VAE_STATISTICS]; /* [latent_channels] */
    bool use_quant_conv, use_post_quant_conv, mid_block_add_attention;
} cm_vae_config;

typedef struct cm_vae cm_vae;

cm_status cm_vae_configure(const json_t *config, cm_vae_config *out);
cm_status cm_vae_build(cm_vae **out, const cm_vae_config *c, cm_params *p, cm_arena *arena);
const cm_vae_config *cm_vae_get_config(const cm_vae *n);
size_t cm_vae_factor(const cm_vae *n); /* pixels a latent cell: 8 */

/* pixels [n,H,W,3] in [-1,1] -> moments; mean and logvar (clamped to [-30,20]) [n,h,w,latent] */
void cm_vae_encode(cm_ctx *g, const cm_vae *n, cm_tensor *pixels, cm_tensor **mean, cm_tensor **logvar);
/* latents (already divided by scaling_factor) [n,h,w,latent] -> pixels [n,H,W,3], about [-1,1]. Without a tape the last
 * level, of a whole image's width, is done in bands of lines where it is large: the same values in less memory. */
cm_tensor *cm_vae_decode(cm_ctx *g, const cm_vae *n, cm_tensor *latents);
/* Bytes that a band of the largest tensor may have (64 MiB unless said). */
enum { CM_VAE_LEAN_BAND = 16 << 20 };
void cm_vae_set_band(cm_vae *n, size_t bytes);
/* Bands for an image of this size; 1: whole. */
size_t cm_vae_bands(const cm_vae *n, size_t height, size_t width);

#endif
