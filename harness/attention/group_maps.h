// SPDX-License-Identifier: Apache-2.0
/* Where each group of a prompt looked, by layer and step: captured while an image is made, kept as a file and as an
 * overview.
 *
 *     cm_group_maps m;
 *     cm_group_maps_begin(&m, &model, &request, false, arena);   // finds the groups, sets the request's observer
 *     cm_generate(&model, ctx, &request, arena, &result);
 *     cm_group_maps_write(&m, &request, model.hash, "one.attention.safetensors", scratch);
 *     cm_group_maps_overview(&m, &result.picture, arena, &overview);
 *
 * The file holds a tensor maps.HxW [layer, step, group, H, W] (f32) for each size of layer: the share of a cell's
 * attention on the group's tokens, mean over heads; divided by the group's number of tokens it is the mean map of
 * CosmicMan's loss. Metadata: "layers.HxW" (names in order), "groups" (group, text, token_begin, token_end), both JSON;
 * "axes", "prompt", "negative", "seed", "sampler", "steps", "guidance", "width", "height", "model_hash".
 */
#ifndef CM_HARNESS_ATTENTION_GROUP_MAPS_H
#define CM_HARNESS_ATTENTION_GROUP_MAPS_H

#include "core/generator/pipeline.h"
#include "core/labels/labels.h"

typedef struct cm_group_maps {
    cm_description dense;
    const cm_phrase *phrases[CM_GROUPS + 1]; /* those with tokens */
    cm_token_span spans[CM_GROUPS + 1];
    size_t count, layers; /* groups; layers that will be captured */
    cm_capture *capture;
} cm_group_maps;

/* all: every cross-attention layer, not only those of 1/16 of the image's sides that the paper supervises. A prompt
 * without groups is CM_EUNDEFINED, a size without such layers CM_EUSAGE with the nearest that work. m and arena must
 * stay while the image is made. */
cm_status cm_group_maps_begin(cm_group_maps *m, const cm_model *model, cm_request *q, bool all, cm_arena *arena);
cm_status cm_group_maps_write(const cm_group_maps *m, const cm_request *q, const char *model_hash, const char *path,
                              cm_arena *scratch);
/* "shot, person, tops": the groups' names, as the overview's rows. */
char *cm_group_maps_rows(const cm_group_maps *m, cm_arena *out);
/* A row a group, its name before it. Columns: the image, each layer's map over it (mean over steps), the mean over
 * the layers; every map's own maximum is full light. */
cm_status cm_group_maps_overview(const cm_group_maps *m, const cm_image *picture, cm_arena *out, cm_image *overview);

#endif
