// SPDX-License-Identifier: Apache-2.0
/* HOLA, the loss of Daring: cross-attention maps of a phrase's tokens should lie on
 * the phrase's region (CosmicMan, arXiv 2404.01294, section 4 and equation 3).
 *
 * Per image with at least one group, over the supervised layers l and heads a:
 *
 *   averaged   mean over l, a of  1/(hw K) sum over K channels and hw cells of (m - h)^2   (the authors' code)
 *   summed     mean over l, a of  1/N      sum over the same channels and cells of (m - h)^2   (the paper's equation)
 *
 * channels: the map of every token of every group, and every group's mean over its
 * tokens; K = sum of (tokens + 1), N = groups. The loss is the mean over those
 * images, 0 when there is none. Supervised are the layers of round(H/factor) x
 * round(W/factor) cells (core/networks/attention_size.h; 16 is half of the latent's
 * side), for one factor or several, each layer with targets of its own size.
 *
 * What the targets h are, and which phrases have one: core/train/hola_targets.h. What
 * the loss can reach at best: core/train/hola_floor.h.
 */
#ifndef CM_CORE_TRAIN_HOLA_H
#define CM_CORE_TRAIN_HOLA_H

#include "core/networks/attention_size.h"
#include "core/tensor/tensor.h"

typedef enum cm_hola_terms { CM_HOLA_BOTH, CM_HOLA_MEAN, CM_HOLA_TOKEN } cm_hola_terms;
enum { CM_HOLA_MAX_SIZES = 4, CM_HOLA_MAX_LAYERS = 64, CM_HOLA_MAX_NAMES = 16 };

typedef struct cm_hola_config {
    size_t factor_count, factors[CM_HOLA_MAX_SIZES];
    cm_hola_terms terms; /* which channels count */
    bool summed;
    size_t name_count;                    /* 0: layers of any name */
    const char *names[CM_HOLA_MAX_NAMES]; /* supervised layers' names begin with one of these: "up_blocks.1" */
} cm_hola_config;

/* One phrase of one image: its tokens and where it should look. */
typedef struct cm_hola_group {
    size_t begin, end; /* tokens [begin, end) of the encoded prompt */
    const float
        *target[CM_HOLA_MAX_SIZES]; /* [height*width] for each factor, 0..1; NULL: not supervised at that size */
} cm_hola_group;

typedef struct cm_hola_image {
    size_t count; /* 0: the image does not take part */
    const cm_hola_group *groups;
} cm_hola_image;

/* Collects the maps of one forward pass. Lives while the pass does. */
typedef struct cm_hola {
    cm_hola_config config;
    cm_attention_size sizes[CM_HOLA_MAX_SIZES]; /* of the supervised maps, for each factor */
    cm_attention_observer observer;             /* put this into the context */
    size_t layers;
    cm_tensor *probs[CM_HOLA_MAX_LAYERS];
    size_t size_of[CM_HOLA_MAX_LAYERS]; /* index into sizes */
} cm_hola;

/* pixel_height, pixel_width: the image's size */
void cm_hola_init(cm_hola *h, const cm_hola_config *c, size_t pixel_height, size_t pixel_width);
void cm_hola_begin(cm_hola *h); /* forgets the last pass */

/* Does a layer of that name take part, as far as names go? */
bool cm_hola_takes_name(const cm_hola_config *c, const char *name);

/* What one squared difference of an image counts within a layer of the size: 1/(hw K) or 1/N; 0: the image has no group
 * there. */
double cm_hola_share(const cm_hola_config *c, const cm_hola_image *image, size_t size, size_t cells);

/* The loss [1] over the maps seen since begin; images [n], n the batch. NULL when no layer was supervised (an error in
 * g). Records its gradient when a tape is open. `images` must live until backward. */
cm_tensor *cm_hola_loss(cm_ctx *g, cm_hola *h, const cm_hola_image *images);

#endif
