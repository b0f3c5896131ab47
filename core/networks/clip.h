// SPDX-License-Identifier: Apache-2.0
/* CLIP's text and image towers, in transformers' names and config.json. */
#ifndef CM_CORE_NETWORKS_CLIP_H
#define CM_CORE_NETWORKS_CLIP_H

#include <jansson.h>

#include "core/networks/params.h"
#include "core/networks/vit.h"
#include "core/tensor/nn.h"

typedef struct cm_clip_text_config {
    size_t vocab_size, hidden_size, intermediate_size, layers, heads, max_positions,
        projection_dim; /* projection 0: none */
    cm_act act;
    float layer_norm_eps;
    int eos_token_id; /* 2 in old configs: pool at the largest id */
} cm_clip_text_config;

typedef struct cm_clip_text {
    cm_clip_text_config config;
    cm_tensor *token_embedding, *position_embedding, *final_w, *final_b, *projection; /* projection NULL when absent */
    cm_vit_layer *layers;
} cm_clip_text;

typedef struct cm_clip_vision_config {
    size_t hidden_size, intermediate_size, layers, heads, image_height, image_width, patch_size, projection_dim;
    cm_act act;
    float layer_norm_eps;
} cm_clip_vision_config; /* image_size in config.json may be a number or [height, width] */

typedef struct cm_clip_vision {
    cm_clip_vision_config config;
    cm_tensor *class_embedding, *patch_weight, *position_embedding, *pre_w, *pre_b, *post_w, *post_b, *projection;
    cm_vit_layer *layers;
} cm_clip_vision;

cm_status cm_clip_text_configure(const json_t *config, cm_clip_text_config *out);
cm_status cm_clip_vision_configure(const json_t *config, cm_clip_vision_config *out);
/* Asks p for every weight ("text_model.…", "vision_model.…", "text_projection.weight", "visual_projection.weight").
 * The structs' own arrays live in `out`. */
void cm_clip_text_build(cm_clip_text *n, const cm_clip_text_config *c, cm_params *p, cm_arena *out);
void cm_clip_vision_build(cm_clip_vision *n, const cm_clip_vision_config *c, cm_params *p, cm_arena *out);

/* ids [n, length]. hidden: last hidden state after the final norm [n,length,C]. penultimate: input of the last
 * layer's output, i.e. hidden_states[-2] [n,length,C]. pooled: at the end token [n,C], projected [n,P] if there is a
 * projection. Each may be NULL. */
cm_status cm_clip_text_forward(cm_ctx *g, const cm_clip_text *n, const int *ids, size_t batch, size_t length,
                               cm_tensor **hidden, cm_tensor **penultimate, cm_tensor **pooled);
/* pixels [n,H,W,3], already normalised -> [n,P] (or [n,C] without projection) */
cm_tensor *cm_clip_vision_forward(cm_ctx *g, const cm_clip_vision *n, cm_tensor *pixels);

#endif
