// SPDX-License-Identifier: Apache-2.0
/* The building blocks of UNet and autoencoder: ResnetBlock2D and Transformer2DModel of diffusers.
 *
 * Forward functions leave their inputs alone; what they make inside is dropped.
 */
#ifndef CM_CORE_NETWORKS_BLOCKS_H
#define CM_CORE_NETWORKS_BLOCKS_H

#include "core/networks/params.h"
#include "core/tensor/nn.h"

typedef struct cm_affine {
    cm_tensor *weight, *bias;
} cm_affine;

/* Ask for NAME.weight and NAME.bias. */
cm_affine cm_affine_conv(cm_params *p, size_t out, size_t in, size_t kernel, const char *name, ...)
    __attribute__((format(printf, 5, 6)));
cm_affine cm_affine_linear(cm_params *p, size_t out, size_t in, const char *name, ...)
    __attribute__((format(printf, 4, 5)));
cm_affine cm_affine_norm(cm_params *p, size_t channels, const char *name, ...) __attribute__((format(printf, 3, 4)));

/* Gives `used` back and returns `made`: x = cm_then(g, x, cm_linear(g, x, ...)) keeps a chain's memory small. */
cm_tensor *cm_then(cm_ctx *g, cm_tensor *used, cm_tensor *made);

cm_tensor *cm_apply_conv(cm_ctx *g, cm_tensor *x, cm_affine c); /* stride 1, same size */
cm_tensor *cm_apply_linear(cm_ctx *g, cm_tensor *x, cm_affine l);
cm_tensor *cm_apply_linear_plus(cm_ctx *g, cm_tensor *x, cm_affine l, cm_tensor *plus); /* plus + l(x) */

typedef struct cm_resnet {
    cm_affine norm1, conv1, time, norm2, conv2, shortcut; /* time, shortcut: weight NULL when absent */
    size_t groups;
    float eps;
} cm_resnet;

/* time_channels 0: no time embedding (autoencoder). A shortcut exists where channels change. */
void cm_resnet_build(cm_resnet *r, cm_params *p, const char *name, size_t in, size_t out, size_t time_channels,
                     size_t groups, float eps);
/* x [n,h,w,in], time [n,time_channels] already through SiLU (NULL where there is none) -> [n,h,w,out] */
cm_tensor *cm_resnet_forward(cm_ctx *g, const cm_resnet *r, cm_tensor *x, cm_tensor *time);

/* Self-attention, cross-attention, GEGLU feed-forward: BasicTransformerBlock. */
typedef struct cm_transformer_layer {
    cm_affine norm1, norm2, norm3, o1, o2, ff_in, ff_out;
    cm_tensor *q1, *k1, *v1, *q2, *k2, *v2;
    const char *site;  /* name of its cross-attention */
    size_t site_index; /* in the order of the forward pass */
} cm_transformer_layer;

typedef struct cm_transformer {
    cm_affine norm, proj_in, proj_out;
    size_t groups, heads, depth;
    cm_transformer_layer *layers;
} cm_transformer;

typedef struct cm_transformer_shape {
    size_t channels, heads, depth, text_channels, groups;
    bool linear_projection; /* proj_in and proj_out stored [C,C] instead of [C,C,1,1] */
} cm_transformer_shape;

/* *sites is the next cross-attention's number, counted up. Arrays and names live in `out`. */
void cm_transformer_build(cm_transformer *t, cm_params *p, const char *name, const cm_transformer_shape *s,
                          size_t *sites, cm_arena *out);
/* keys, values: of all sites, by number, each [n,L,C] */
cm_tensor *cm_transformer_forward(cm_ctx *g, const cm_transformer *t, cm_tensor *x, cm_tensor *const *keys,
                                  cm_tensor *const *values);

/* Nearest-neighbour doubling, cut to h x w where the size before halving was odd; the second with a convolution after
 * it. */
cm_tensor *cm_upsample_to(cm_ctx *g, cm_tensor *x, size_t h, size_t w);
cm_tensor *cm_upsample_conv_to(cm_ctx *g, cm_tensor *x, size_t h, size_t w, cm_affine conv);

#endif
