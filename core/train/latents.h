// SPDX-License-Identifier: Apache-2.0
/* What a UNet sees of a dataset: scaled latents and text features, made by the frozen networks when first asked
 * for and kept in half precision (3 KiB and 20 KiB a person). Where captions are fresh their features are made at each
 * visit instead. With a cache folder the latents and the maps of all people are made once, by all threads, into a file
 * that later runs map: what it holds depends on the autoencoder's weights, the people and how they are drawn, or on the
 * bytes of their folder's files, and its name on a hash of these. */
#ifndef CM_CORE_TRAIN_LATENTS_H
#define CM_CORE_TRAIN_LATENTS_H

#include "core/io/safetensors.h"
#include "core/train/captions.h"
#include "core/train/people_dataset.h"
#include "core/networks/open_network.h"

typedef struct cm_latents {
    cm_people_dataset *dataset;
    cm_open_network vae_files, text_files;
    cm_vae *vae;
    cm_clip_text text;
    cm_tokenizer *tokenizer;
    cm_caption_kind kind;
    double drop; /* of groups in dense captions */
    bool fresh;  /* captions are drawn anew at each visit */
    size_t height, width, channels, length, features;
    bool *encoded, *read;
    uint16_t *z, *hidden;  /* f16: [count][h*w*c], [count][length*features]; z NULL: in the cache; hidden NULL: fresh */
    cm_safetensors *cache; /* NULL: none */
    const unsigned char *cached_z; /* f16, as z */
    float *empty;                  /* features of the empty caption [length*features] */
} cm_latents;

cm_status cm_latents_open(cm_latents *l, cm_people_dataset *dataset, const json_t *recipe, cm_caption_kind kind,
                          cm_ctx *g, cm_arena *out);
void cm_latents_close(cm_latents *l);
/* Fills what is missing of these persons; g is reset. */
cm_status cm_latents_make(cm_latents *l, cm_ctx *g, const size_t *people, size_t count, cm_arena *scratch);
void cm_latents_get(const cm_latents *l, size_t i, float *z, float *hidden); /* either may be NULL */
/* The caption of person i at this visit (pass over the dataset); visits count only where captions are fresh. */
cm_status cm_latents_caption(const cm_latents *l, size_t i, uint64_t visit, cm_arena *out, cm_caption *c);
/* Text features of n captions [n,length,features] as a tensor of g. */
cm_tensor *cm_latents_text(const cm_latents *l, cm_ctx *g, const int *ids, size_t n);

/* latents_cache.c: takes latents and maps from the folder's file, which is made where it is not there. */
cm_status cm_latents_use_cache(cm_latents *l, const char *folder, const cm_ops *ops, int threads, cm_arena *out);
/* Latents of people that are drawn, f16, n of them one after another; g is not reset. */
cm_status cm_latents_encode(const cm_latents *l, cm_ctx *g, const size_t *people, size_t n, uint16_t *const *to);

#endif
