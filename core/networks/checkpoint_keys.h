// SPDX-License-Identifier: Apache-2.0
/* Single-file checkpoints in the original layout of Stable Diffusion 1.x, 2.x, XL and XL's refiner: all networks in one
 * file, under the names of the first implementations; and CLIP's and DINOv2's own files. Here those names become
 * diffusers' and transformers'. */
#ifndef CM_CORE_NETWORKS_CHECKPOINT_KEYS_H
#define CM_CORE_NETWORKS_CHECKPOINT_KEYS_H

#include "core/io/tensor_file.h"

typedef enum cm_ckpt_part {
    CM_ORIGINAL_UNET,         /* model.diffusion_model. */
    CM_ORIGINAL_VAE,          /* first_stage_model. */
    CM_ORIGINAL_TEXT,         /* cond_stage_model.transformer., or XL's conditioner.embedders.0.transformer. */
    CM_ORIGINAL_TEXT2,        /* XL's conditioner.embedders.1.model., OpenCLIP's names */
    CM_ORIGINAL_TEXT_REFINER, /* the same tower of XL's refiner: conditioner.embedders.0.model. */
    CM_ORIGINAL_TEXT_OPEN,    /* Stable Diffusion 2's, OpenCLIP's names: cond_stage_model.model. */
    CM_ORIGINAL_UNET_ALONE,
    CM_ORIGINAL_VAE_ALONE, /* a file of this part only, without the prefix */
    CM_ORIGINAL_CLIP,  /* both towers of a CLIP of OpenAI's, open_clip's or HPSv2's names, perhaps behind "module." */
    CM_ORIGINAL_DINOV2 /* facebookresearch's names: blocks.0.attn.qkv. */
} cm_ckpt_part;

typedef enum cm_ckpt_family {
    CM_ORIGINAL_NONE,
    CM_ORIGINAL_SD1,
    CM_ORIGINAL_SD2,
    CM_ORIGINAL_SDXL,
    CM_ORIGINAL_REFINER
} cm_ckpt_family;

/* By the names in it; NONE: not such a checkpoint. */
cm_ckpt_family cm_ckpt_family_of(const cm_tensor_file *f);

/* Has it tensors of this part? */
bool cm_ckpt_has_part(const cm_tensor_file *f, cm_ckpt_part part);
/* UNET and VAE become their ..._ALONE where the names have no prefix; false: they are not the original ones. */
bool cm_ckpt_find_part(const cm_tensor_file *f, cm_ckpt_part *part);

enum { CM_ORIGINAL_NAME = 256 };

/* What one stored tensor is for a part: `pieces` tensors (3 where queries, keys and values are one matrix), each a
 * piece of the rows, under names[i]. transposed: stored as the product's other side. pieces 0: not of this part, or
 * of no use (counters, logit scales). *unknown: of this part by its prefix, but of no known name. */
typedef struct cm_ckpt_tensor {
    size_t pieces;
    char names[3][CM_ORIGINAL_NAME];
    bool transposed, unknown;
    bool spare; /* of a layer that diffusers' towers end before: nobody misses it when it is not wanted */
} cm_ckpt_tensor;

/* vae_blocks: of the autoencoder, whose ways up are counted from the other end; cm_ckpt_vae_blocks finds it. */
void cm_ckpt_rename(cm_ckpt_part part, size_t vae_blocks, const char *stored, cm_ckpt_tensor *out);
size_t cm_ckpt_vae_blocks(const cm_tensor_file *f);

/* Is this tensor of a whole checkpoint of any use, or known to be of none: averaged weights, a schedule's tables,
 * markers? */
bool cm_ckpt_expects(const char *stored);

#endif
