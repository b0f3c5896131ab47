// SPDX-License-Identifier: Apache-2.0
/* Inception v3 (Szegedy et al. 2016, arXiv 1512.00567), as two programs run it.
 *
 * CM_INCEPTION_FID is the graph of 2015-12-05 (classify_image_graph_def.pb), in whose features FID, KID, precision and
 * recall, Inception Score and sFID are defined. Weights: pt_inception-2015-12-05-6726825d.pth, which pytorch-fid,
 * torch-fidelity, clean-fid and torchmetrics read, under torchvision's names. It differs from torchvision's network in
 * three places: means over 3x3 in the blocks Mixed_5b to 7b leave padding out, the pool of Mixed_7c takes the most, and
 * there are 1008 classes. CM_INCEPTION_TORCHVISION is torchvision's inception_v3 in eval mode, without its auxiliary
 * head: means count the padding's zeros, 1000 classes.
 *
 * Every convolution has a batch norm (eps 1e-3), which is folded into weights and bias in double. 1x1 convolutions of
 * one input run as one, and the pool branch's runs before its mean, which is the same and less.
 */
#ifndef CM_CORE_NETWORKS_INCEPTION_H
#define CM_CORE_NETWORKS_INCEPTION_H

#include "core/networks/params.h"
#include "core/tensor/nn.h"

typedef enum cm_inception_kind { CM_INCEPTION_FID, CM_INCEPTION_TORCHVISION } cm_inception_kind;

enum {
    CM_INCEPTION_SIDE = 299,     /* of an image */
    CM_INCEPTION_POOL = 2048,    /* widths of the outputs */
    CM_INCEPTION_SPATIAL = 2023, /* 17 x 17 x 7 */
    CM_INCEPTION_SIDE_LEAST = 75 /* smaller images end before the last block */
};

typedef struct cm_inception cm_inception;

/* Asks p for the weights by torchvision's names and checks them: what is missing or misshapen is listed, with the
 * network's name, so that the wrong file is seen. AuxLogits.* and num_batches_tracked may be left over. Lives in arena
 * and with p. Not for a trainable p: the folded weights do not follow. Call cm_params_freeze(p) after it for speed. */
cm_status cm_inception_build(cm_inception **out, cm_inception_kind kind, cm_params *p, cm_arena *arena);
size_t cm_inception_classes(const cm_inception *n);    /* 1008 or 1000 */
const char *cm_inception_name(cm_inception_kind kind); /* "inception-2015-12-05", "inception-torchvision" */

/* What to compute, to be combined. */
enum {
    CM_INCEPTION_WANT_POOL = 1,
    CM_INCEPTION_WANT_SPATIAL = 2,
    CM_INCEPTION_WANT_LOGITS_UNBIASED = 4,
    CM_INCEPTION_WANT_LOGITS = 8
};

typedef struct cm_inception_out {
    cm_tensor *pool; /* [n,2048], the mean over 8x8 (TensorFlow's pool_3) */
    /* [n,2023], for sFID: TensorFlow's "mixed_6/conv:0", channels 0 to 6, as [17,17,7] (ADM's evaluator,
     * github.com/openai/ guided-diffusion, `spatial[..., :7]`). That is branch1x1 of Mixed_6d (torch-fidelity's table
     * of names: mixed_6/conv is Mixed_6d.branch1x1) after its batch norm and ReLU: the convolution before them is the
     * op mixed_6/conv/Conv2D, and what goes by the scope's own name is what is joined. Only the images' own size 299
     * makes 17x17. */
    cm_tensor *spatial;
    cm_tensor *logits_unbiased; /* [n,classes] without the bias: Inception Score's, as in torch-fidelity and TTUR */
    cm_tensor *logits;          /* [n,classes] */
} cm_inception_out;

/* pixels [n,H,W,3], scaled to [-1,1] by the caller's rule; H = W = 299, or less down to 75 (tests). What is not wanted
 * is NULL. pixels is not dropped. Without gradients: a failure while a tape is open and pixels or weights need one. */
void cm_inception_forward(cm_ctx *g, const cm_inception *n, cm_tensor *pixels, unsigned wanted, cm_inception_out *out);

#endif
