// SPDX-License-Identifier: Apache-2.0
/* The functions that networks are written with.
 *
 * Each makes one new tensor in the context, runs the backend's kernel and, while
 * a tape is open and an input needs a gradient, records its own backward. None
 * drops its inputs. NULL in, NULL out (see tensor.h). Wrong shapes are our bug:
 * asserted.
 */
#ifndef CM_CORE_TENSOR_NN_H
#define CM_CORE_TENSOR_NN_H

#include "core/tensor/ops.h"
#include "core/tensor/tensor.h"

/* --- layers ------------------------------------------------------------- */

typedef enum cm_pad {
    CM_PAD_NONE,
    CM_PAD_SAME,      /* (k-1)/2 on every side, as padding=1 for 3x3 */
    CM_PAD_DOWN_RIGHT /* one row below and one column right only: the KL autoencoder's downsampler */
} cm_pad;

/* x [N,H,W,C], weight [O,C,kh,kw], bias [O] or NULL -> [N,oh,ow,O]. Where the kernel is as large as its stride and
 * nothing is padded (a vision transformer's patches) it is run as a linear layer of the patches. */
cm_tensor *cm_conv2d(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias, size_t stride, cm_pad pad);
/* x [...,I], weight [O,I] (or [O,I,1,1]), bias [O] or NULL -> [...,O] */
cm_tensor *cm_linear(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias);
/* plus + the same, in one pass; plus has as many values as the result */
cm_tensor *cm_linear_plus(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias, cm_tensor *plus);
/* Layers that come in a row, in one pass where the backend can: what is between them is then never written. */
typedef struct cm_group {
    cm_tensor *weight, *bias;
    size_t groups;
    float eps;
    cm_act act;
} cm_group;
/* conv2d(group_norm(x)), stride 1 and same size, + image [N,O] at every pixel + plus as the result; each may be NULL */
cm_tensor *cm_group_norm_conv2d(cm_ctx *g, cm_tensor *x, cm_group n, cm_tensor *weight, cm_tensor *bias,
                                cm_tensor *image, cm_tensor *plus);
cm_tensor *cm_group_norm_linear(cm_ctx *g, cm_tensor *x, cm_group n, cm_tensor *weight, cm_tensor *bias);
/* out[i] = linear(layer_norm(x)) by weights[i], without bias */
void cm_layer_norm_linears(cm_ctx *g, cm_tensor *x, cm_tensor *gamma, cm_tensor *beta, float eps, size_t count,
                           cm_tensor *const *weights, cm_tensor **out);
/* x + linear(geglu(linear(layer_norm(x)))): a transformer's feed-forward layer, all weights with biases */
typedef struct cm_feed_forward {
    cm_tensor *gamma, *beta;
    float eps;
    cm_tensor *weight1, *bias1, *weight2, *bias2;
} cm_feed_forward;
cm_tensor *cm_feed_forward_plus(cm_ctx *g, cm_tensor *x, const cm_feed_forward *f);
/* 3x3, same size, of x doubled by nearest neighbour */
cm_tensor *cm_upsample_conv2d(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias);

/* Layers between parts of tensors: channels of t [N,H,W,C] from `from` on. y.t is there already and has the size that
 * the layer makes of x; its other channels stay. Without gradients: a failure while a tape records them. */
typedef struct cm_channels {
    cm_tensor *t;
    size_t from;
} cm_channels;
typedef struct cm_conv_layer {
    cm_tensor *weight, *bias; /* [O,C,kh,kw], [O] or NULL */
    size_t stride;
    cm_pad pad;
    bool relu; /* max(0, y) at the end */
} cm_conv_layer;
typedef struct cm_pool_layer {
    cm_pool kind;
    size_t channels, k, stride;
    bool same;       /* (k-1)/2 of padding on every side */
    cm_tensor *bias; /* [channels], added to the result, or NULL */
    bool relu;
} cm_pool_layer;
void cm_conv2d_slices(cm_ctx *g, cm_channels x, const cm_conv_layer *l, cm_channels y);
void cm_pool2d_slices(cm_ctx *g, cm_channels x, const cm_pool_layer *l, cm_channels y);

/* x [N,...,C]; act is CM_IDENTITY or CM_SILU, fused */
cm_tensor *cm_group_norm(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias, size_t groups, float eps,
                         cm_act act);
cm_tensor *cm_layer_norm(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias, float eps);
cm_tensor *cm_activate(cm_ctx *g, cm_tensor *x, cm_act act);
cm_tensor *cm_geglu(cm_ctx *g, cm_tensor *x);

/* q [N,Lq,heads*d], k, v [N,Lk,heads*d] -> [N,Lq,heads*d]; scale 0 means 1/sqrt(d).
 * probs: NULL, or receives the probabilities [N,heads,Lq,Lk] as a tensor whose gradient counts. */
cm_tensor *cm_attention(cm_ctx *g, cm_tensor *q, cm_tensor *k, cm_tensor *v, size_t heads, float scale, bool causal,
                        cm_tensor **probs);

/* ids [N*L] in [0, rows of table) -> [N,L,C]; table [V,C] */
cm_tensor *cm_embedding(cm_ctx *g, const int *ids, size_t n, size_t length, cm_tensor *table);

/* --- elementwise and shape ---------------------------------------------- */

cm_tensor *cm_add(cm_ctx *g, cm_tensor *a, cm_tensor *b); /* same shape */
cm_tensor *cm_add_broadcast(
    cm_ctx *g, cm_tensor *x,
    cm_tensor *t); /* t's values repeat over x's leading dimensions (positions: x [N,L,C], t [L,C]) */
cm_tensor *cm_add_scaled(cm_ctx *g, cm_tensor *x, cm_tensor *h,
                         cm_tensor *factor); /* x + h factor, factor [C] of the last dimension (layer scale) */
cm_tensor *cm_add_rows(cm_ctx *g, cm_tensor *x, cm_tensor *t); /* x [N,...,C] + t [N,C] (time embedding) */
cm_tensor *cm_sub(cm_ctx *g, cm_tensor *a, cm_tensor *b);
cm_tensor *cm_mul(cm_ctx *g, cm_tensor *a, cm_tensor *b); /* same shape */
cm_tensor *cm_scale(cm_ctx *g, cm_tensor *x, float factor);
cm_tensor *cm_scale_by(cm_ctx *g, cm_tensor *x, cm_tensor *factor); /* factor [1], with gradient (logit scale) */
cm_tensor *cm_exp(cm_ctx *g, cm_tensor *x);
cm_tensor *cm_clamp(cm_ctx *g, cm_tensor *x, float lo, float hi);             /* gradient passes inside */
cm_tensor *cm_concat_last(cm_ctx *g, cm_tensor *a, cm_tensor *b);             /* [...,A] and [...,B] -> [...,A+B] */
cm_tensor *cm_concat_tokens(cm_ctx *g, cm_tensor *a, cm_tensor *b);           /* [N,A,C] and [N,B,C] -> [N,A+B,C] */
cm_tensor *cm_slice_last(cm_ctx *g, cm_tensor *x, size_t from, size_t count); /* [...,C] -> [...,count] */
cm_tensor *cm_gather_rows(cm_ctx *g, cm_tensor *x, const size_t *rows,
                          size_t count); /* x [R,C] (leading dimensions joined) -> [count,C] */
/* [N,H,W,C] -> [N,H/size,W/size,C*size*size]: squares of pixels, each with its values in a kernel's order [C,size,size]
 */
cm_tensor *cm_patches(cm_ctx *g, cm_tensor *x, size_t size);
cm_tensor *cm_repeat_batch(cm_ctx *g, cm_tensor *x,
                           size_t times); /* [N,...] -> [times*N,...], whole batch after whole batch */
cm_tensor *cm_upsample_nearest2(cm_ctx *g, cm_tensor *x);
cm_tensor *cm_upsample_bilinear(cm_ctx *g, cm_tensor *x, size_t h, size_t w); /* align_corners=False, no antialias */
cm_tensor *cm_avg_pool(cm_ctx *g, cm_tensor *x, size_t k, size_t stride);     /* no padding */
cm_tensor *cm_max_pool(cm_ctx *g, cm_tensor *x, size_t k, size_t stride);     /* no padding */
cm_tensor *cm_mean_hw(cm_ctx *g, cm_tensor *x);                               /* [N,H,W,C] or [N,L,C] -> [N,C] */
/* What lies in soft regions: maps [N,H,W,R] >= 0 (weights; no gradient flows into them), x [N,H,W,C] -> [N,R,3C], for
 * each region the weighted means of x, then the spreads sqrt(variance + 0.001), as if 1e-4 of the image more were in
 * each region with the value 0: what is nowhere has mean 0; then the peaks, the largest of map times value and 0. */
cm_tensor *cm_region_pool(cm_ctx *g, cm_tensor *maps, cm_tensor *x);
cm_tensor *cm_region_areas(cm_ctx *g,
                           const cm_tensor *maps); /* [N,R,1], ln(1 + 10000 share of the image), no gradient */
cm_tensor *cm_normalize_last(cm_ctx *g, cm_tensor *x, float eps); /* x / max(|x|, eps) over the last dimension */
cm_tensor *cm_matmul_nt(cm_ctx *g, cm_tensor *a, cm_tensor *b);   /* [M,K] x [N,K]' -> [M,N] */
cm_tensor *cm_softmax_last(cm_ctx *g, cm_tensor *x);

/* sin/cos embedding of timesteps t[n] -> [n,dim]: cos first when flip (diffusers' flip_sin_to_cos), freq_shift as there
 */
cm_tensor *cm_timestep_embedding(cm_ctx *g, const float *t, size_t n, size_t dim, bool flip, float freq_shift);

/* --- losses, all -> [1] --------------------------------------------------- */

cm_tensor *cm_mse_loss(cm_ctx *g, cm_tensor *x, const float *target,
                       const float *weight); /* mean of weight*(x-t)^2; weight per value or NULL */
cm_tensor *cm_l1_loss(cm_ctx *g, cm_tensor *x, const float *target);
/* logits [R,C], labels [R] (-1: ignored), class_weight [C] or NULL, row_weight [R] or NULL;
 * weighted mean over the rows that count (0 when none) */
cm_tensor *cm_cross_entropy(cm_ctx *g, cm_tensor *logits, const int *labels, const float *class_weight,
                            const float *row_weight);
/* KL of N(mean, exp(logvar)) to N(0,1), mean over all values: 0.5*(mean^2 + exp(logvar) - 1 - logvar) */
cm_tensor *cm_kl_loss(cm_ctx *g, cm_tensor *mean, cm_tensor *logvar);
cm_tensor *cm_weighted_sum(cm_ctx *g, cm_tensor *const *terms, const float *weights, size_t count); /* of [1] tensors */

#endif
