// SPDX-License-Identifier: Apache-2.0
/* The layer that CLIP's towers and DINOv2 are stacks of: a transformer's with norms in front,
 *
 *     x + s1 attention(norm1(x)),  then  x + s2 fc2(act(fc1(norm2(x))))
 *
 * where s1 and s2 are DINOv2's layer scales, and 1 in CLIP (Radford et al. 2021; Oquab et al. 2023).
 */
#ifndef CM_CORE_NETWORKS_VIT_H
#define CM_CORE_NETWORKS_VIT_H

#include "core/networks/params.h"
#include "core/tensor/nn.h"

typedef struct cm_vit_layer {
    cm_tensor *ln1_w, *ln1_b, *q_w, *q_b, *k_w, *k_b, *v_w, *v_b, *o_w, *o_b, *ln2_w, *ln2_b, *fc1_w, *fc1_b, *fc2_w,
        *fc2_b;
    cm_tensor *scale1, *scale2; /* [C], or NULL */
} cm_vit_layer;

/* What each of the weights is called, behind the layer's own name. */
typedef struct cm_vit_names {
    const char *norm1, *q, *k, *v, *out, *norm2, *fc1, *fc2, *scale1, *scale2; /* scales: NULL where there are none */
} cm_vit_names;

typedef struct cm_vit_shape {
    size_t width, inner, heads;
    float eps;
    cm_act act;
    bool causal;
} cm_vit_shape;

/* `layers` of them, named PREFIX.0 and on. Lives in `out`. */
cm_vit_layer *cm_vit_build(cm_params *p, const cm_vit_shape *s, const cm_vit_names *names, const char *prefix,
                           size_t layers, cm_arena *out);

/* x [n,L,C] -> [n,L,C]; x stays the caller's. */
cm_tensor *cm_vit_run(cm_ctx *g, const cm_vit_layer *l, const cm_vit_shape *s, cm_tensor *x);

/* x [n,L,C] -> [n,1,C]: what the layer makes of the first token, which is all that a class token's last layer is for.
 */
cm_tensor *cm_vit_run_first(cm_ctx *g, const cm_vit_layer *l, const cm_vit_shape *s, cm_tensor *x);

/* The same `count` tokens (count*C values) before the tokens of each of x [n,L,C] -> [n,count+L,C]. */
cm_tensor *cm_vit_prepend(cm_ctx *g, cm_tensor *tokens, size_t count, cm_tensor *x);

/* A piece's results t [n,..,P] out of the pass, as rows `first` and on of out [..,P]. CM_EUNDEFINED names the first
 * that is not finite: "the embedding of image", its number. */
cm_status cm_vit_take(const cm_ctx *g, const cm_tensor *t, size_t first, float *out, const char *what);

#endif
