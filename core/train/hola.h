// SPDX-License-Identifier: Apache-2.0
/* HOLA, the loss of Daring: cross-attention maps of a phrase's tokens should lie on
 * the phrase's region (CosmicMan, arXiv 2404.01294, section 4 and equation 3).
 *
 * Per image with at least one group, over the supervised layers l and heads a:
 *
 *   code form   mean over l, a of  1/(hw K) sum over K channels and hw pixels of (m - h)^2
 *   paper form  mean over l, a of  1/N      sum over the same channels and pixels of (m - h)^2
 *
 * channels: the map of every token of every group, and every group's mean over its
 * tokens; K = sum of (tokens + 1), N = groups. The loss is the mean over those
 * images, 0 when there is none. Supervised are the layers whose h*w is
 * round(H/factor)*round(W/factor), H and W in pixels (the authors' rule; 16 is half
 * of the latent's side).
 */
#ifndef CM_CORE_TRAIN_HOLA_H
#define CM_CORE_TRAIN_HOLA_H

#include "core/tensor/tensor.h"

typedef enum cm_hola_terms { CM_HOLA_BOTH, CM_HOLA_MEAN, CM_HOLA_TOKEN } cm_hola_terms;

typedef struct cm_hola_config {
    double weight;       /* 0: measured only */
    size_t factor;       /* 16 */
    cm_hola_terms terms; /* which channels count */
    bool paper_form;
} cm_hola_config;

/* One phrase of one image: its tokens and where it should look. */
typedef struct cm_hola_group {
    size_t begin, end;   /* tokens [begin, end) of the encoded prompt */
    const float *mask;   /* [height*width] at the supervised size, 0..1 */
} cm_hola_group;

typedef struct cm_hola_image {
    size_t count;        /* 0: the image does not take part */
    const cm_hola_group *groups;
} cm_hola_image;

enum { CM_HOLA_MAX_LAYERS = 64 };

/* Collects the maps of one forward pass. Lives while the pass does. */
typedef struct cm_hola {
    cm_hola_config config;
    size_t height, width;             /* of the supervised maps */
    cm_attention_observer observer;   /* put this into the context */
    size_t layers;
    cm_tensor *probs[CM_HOLA_MAX_LAYERS];
} cm_hola;

/* pixel_height, pixel_width: the picture's size */
void cm_hola_init(cm_hola *h, const cm_hola_config *c, size_t pixel_height, size_t pixel_width);
void cm_hola_begin(cm_hola *h); /* forgets the last pass */

/* The loss [1] over the maps seen since begin; images [n], n the batch. NULL when no layer has that size (an error in
 * g). Records its gradient when a tape is open. `images` must live until backward. */
cm_tensor *cm_hola_loss(cm_ctx *g, cm_hola *h, const cm_hola_image *images);

/* A region at the maps' size: bilinear, half-pixel centres, no antialias (torch, align_corners false).
 * map [height*width] of labels, chosen[label] says which count. */
void cm_hola_mask(const uint8_t *map, size_t height, size_t width, const bool *chosen, size_t out_height,
                  size_t out_width, float *out);

#endif
