// SPDX-License-Identifier: Apache-2.0
/* What a CLIP pair is made of: known architectures by name, transformers' and open_clip's config files, and what the
 * shapes of a file without one say.
 *
 * Sources: open_clip 3.3.0's model_configs/ViT-*.json and CLIPVisionCfg, CLIPTextCfg; OpenAI CLIP's build_model (heads
 * are width/64, sizes from shapes). OpenAI's weights were trained with QuickGELU, LAION's with GELU.
 */
#ifndef CM_CORE_NETWORKS_CLIP_CONFIG_H
#define CM_CORE_NETWORKS_CLIP_CONFIG_H

#include "core/io/tensor_file.h"
#include "core/networks/clip.h"

typedef struct cm_clip_pair_config {
    const char *name; /* "ViT-L/14@336" where it is one of the known; else NULL */
    cm_clip_text_config text;
    cm_clip_vision_config vision;
    float mean[3], std[3]; /* of pixels in [0,1] */
} cm_clip_pair_config;

/* "clip-vit-b-32", -b-16, -l-14, -l-14-336, -h-14, -g-14, -bigg-14. */
cm_status cm_clip_named(const char *name, cm_clip_pair_config *out);

/* transformers' config.json of a CLIPModel; pixels' mean and sd are OpenAI's. */
cm_status cm_clip_configure(const json_t *config, cm_clip_pair_config *out);

/* open_clip_config.json: its "model_cfg", and "preprocess_cfg" where there is one. */
cm_status cm_clip_configure_open(const json_t *config, cm_clip_pair_config *out);

/* From the names and shapes of a file in the original layout; act stays GELU. */
cm_status cm_clip_infer(const cm_tensor_file *f, cm_clip_pair_config *out);

#endif
