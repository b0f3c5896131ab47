// SPDX-License-Identifier: Apache-2.0
/* DINOv2's vision transformers, with and without registers (Oquab et al. 2023; Darcet et al. 2024).
 *
 * path is one of
 *     random:dinov2-vit-l-14   also -s-14 and -b-14, each with -reg4 behind it: random weights from a seed
 *     a file of facebookresearch's (dinov2_vitl14_pretrain.pth): shapes say the architecture, heads are 64 wide
 *     a transformers folder    config.json of a Dinov2Model or Dinov2WithRegistersModel, and its weights
 * The giant's SwiGLU is not built.
 *
 * Positions were trained on a grid of 37x37 (518 pixels) and are stretched to the image's as the official code does
 * (dinov2/models/vision_transformer.py, hub/backbones.py): bicubic with a = -3/4 at the scale (side + 0.1)/37, not
 * antialiased, for models without registers; antialiased, a = -1/2, at side/37 for those with. transformers leaves the
 * 0.1 out, so that its features at 224 pixels differ from the official ones; here a transformers folder gives the
 * official ones.
 */
#ifndef CM_CORE_NETWORKS_DINOV2_H
#define CM_CORE_NETWORKS_DINOV2_H

#include <jansson.h>

#include "core/networks/vit.h"

typedef struct cm_dinov2_config {
    size_t hidden_size, intermediate_size, layers, heads, patch_size, registers;
    size_t trained; /* side of the square grid of positions in the file */
    float layer_norm_eps;
} cm_dinov2_config;

typedef struct cm_dinov2 cm_dinov2;

typedef struct cm_dinov2_options {
    size_t size;   /* height and width of the images, a multiple of the patch size; 0: 224 */
    uint64_t seed; /* of random weights */
} cm_dinov2_options;

typedef struct cm_dinov2_info {
    const char *name; /* "DINOv2 ViT-L/14", "DINOv2 ViT-L/14 reg4"; "DINOv2 24x1024/14" for others */
    const char *path;
    size_t width, height;  /* of the images */
    size_t features;       /* C */
    float mean[3], std[3]; /* ImageNet's, of pixels in [0,1] */
} cm_dinov2_info;

cm_status cm_dinov2_configure(const json_t *config, cm_dinov2_config *out);

/* options may be NULL */
cm_status cm_dinov2_open(cm_dinov2 **out, const char *path, const cm_dinov2_options *options);
void cm_dinov2_close(cm_dinov2 **n);
const cm_dinov2_info *cm_dinov2_get_info(const cm_dinov2 *n);
cm_status cm_dinov2_hash(const cm_dinov2 *n, char out[65]); /* SHA-256 over the weights; reads all of them */

/* pixels [count,height,width,3], normalised -> out [count,C], the class token behind the last norm. g is reset; several
 * threads may call at once, each with its own. CM_EUNDEFINED when a feature is not finite. */
cm_status cm_dinov2_images(const cm_dinov2 *n, cm_ctx *g, const float *pixels, size_t count, float *out);

/* positions [from,from,C] -> out [to,to,C], as above. */
cm_status cm_dinov2_stretch(const float *positions, size_t from, size_t to, size_t c, bool antialias, cm_arena *scratch,
                            float *out);

#endif
