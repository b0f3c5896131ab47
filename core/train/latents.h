// SPDX-License-Identifier: Apache-2.0
/* What a UNet sees of a crowd: scaled latents and text features, made by the frozen networks when first asked
 * for and kept in half precision (3 KiB and 20 KiB a person). */
#ifndef CM_CORE_TRAIN_LATENTS_H
#define CM_CORE_TRAIN_LATENTS_H

#include "core/train/captions.h"
#include "core/train/crowd.h"
#include "core/train/frozen.h"

typedef struct cm_latents {
    cm_crowd *crowd;
    cm_frozen vae_files, text_files;
    cm_vae *vae;
    cm_clip_text text;
    cm_tokenizer *tokenizer;
    cm_caption_kind kind;
    double drop;                     /* of groups in dense captions */
    size_t height, width, channels, length, features;
    bool *encoded, *read;
    uint16_t *z, *hidden;            /* f16: [count][h*w*c], [count][length*features] */
    float *empty;                    /* features of the empty caption [length*features] */
} cm_latents;

cm_status cm_latents_open(cm_latents *l, cm_crowd *crowd, const json_t *recipe, cm_caption_kind kind, cm_ctx *g,
                          cm_arena *out);
void cm_latents_close(cm_latents *l);
/* Fills what is missing of these persons; g is reset. */
cm_status cm_latents_make(cm_latents *l, cm_ctx *g, const size_t *people, size_t count, cm_arena *scratch);
void cm_latents_get(const cm_latents *l, size_t i, float *z, float *hidden); /* either may be NULL */
/* The caption person i is always trained with. */
cm_status cm_latents_caption(const cm_latents *l, size_t i, cm_arena *out, cm_caption *c);
/* Text features of n captions [n,length,features] as a tensor of g. */
cm_tensor *cm_latents_text(const cm_latents *l, cm_ctx *g, const int *ids, size_t n);

#endif
