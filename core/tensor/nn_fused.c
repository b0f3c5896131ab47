// SPDX-License-Identifier: Apache-2.0
/* Layers in a row. Where the backend has products with what stands around them, and no gradient is recorded, one pass;
 * else one after the other. */
#include <assert.h>

#include "core/tensor/nn_parts.h"

static cm_tensor *instead(cm_ctx *g, cm_tensor *used, cm_tensor *made) {
    cm_drop(g, used);
    return made;
}

/* Scale and shift [2][n,c] of a group norm, a tensor of this pass. */
static cm_tensor *group_scale(cm_ctx *g, const cm_tensor *x, const cm_group *n) {
    const size_t count = x->shape[0], c = cm_dim(x, -1);
    const cm_norm_shape s = {
        .n = count, .hw = cm_count(x) / count / c, .c = c, .groups = n->groups, .eps = n->eps, .act = n->act};
    assert(cm_count(n->weight) == c && c % n->groups == 0);
    cm_tensor *t = cm_tensor_new(g, CM_SHAPE(2, count * c));
    const cm_exec e = cm_exec_of(g);
    if (t) g->ops->group_scale(&e, &s, x->data, n->weight->data, n->bias->data, t->data, t->data + count * c);
    return t;
}

static cm_fusion around_group(const cm_tensor *scale, cm_act act) {
    return (cm_fusion){.scale = scale->data, .shift = scale->data + scale->shape[1], .act = act};
}

static cm_tensor *group_conv_parts(cm_ctx *g, cm_tensor *x, const cm_group *n, cm_tensor *weight, cm_tensor *bias,
                                   cm_tensor *image, cm_tensor *plus) {
    cm_tensor *h = cm_group_norm(g, x, n->weight, n->bias, n->groups, n->eps, n->act);
    h = instead(g, h, cm_conv2d(g, h, weight, bias, 1, CM_PAD_SAME));
    if (image) h = instead(g, h, cm_add_rows(g, h, image));
    return plus ? instead(g, h, cm_add(g, plus, h)) : h;
}

cm_tensor *cm_group_norm_conv2d(cm_ctx *g, cm_tensor *x, cm_group n, cm_tensor *weight, cm_tensor *bias,
                                cm_tensor *image, cm_tensor *plus) {
    if (!x || !weight || !n.weight || !n.bias) return NULL;
    const bool whole =
        g->ops->conv2d_fused && !cm_tape_records(g, CM_INPUTS(x, n.weight, n.bias, weight, bias, image, plus));
    if (!whole) return group_conv_parts(g, x, &n, weight, bias, image, plus);
    const cm_conv_shape s = cm_conv_shape_of(x, weight, 1, CM_PAD_SAME);
    cm_tensor *scale = group_scale(g, x, &n), *y = cm_tensor_new(g, CM_SHAPE(s.n, s.oh, s.ow, s.o));
    if (!scale || !y) return NULL;
    cm_fusion a = around_group(scale, n.act);
    a.image = image ? image->data : NULL;
    a.plus = plus ? plus->data : NULL;
    const cm_exec e = cm_exec_with(g, weight);
    g->ops->conv2d_fused(&e, &s, &a, x->data, weight->data, bias ? bias->data : NULL, y->data);
    cm_drop(g, scale);
    return cm_node(g, y, NULL, NULL, 0, 0, NULL);
}

/* y [...,out] = linear of x [...,in] with what stands around it */
static cm_tensor *linear_fused(cm_ctx *g, cm_tensor *x, const cm_fusion *a, cm_tensor *weight, cm_tensor *bias) {
    const size_t out = weight->shape[0], in = cm_count(weight) / out, rows = cm_count(x) / in;
    assert(cm_dim(x, -1) == in);
    cm_tensor *y = cm_like(g, x, a->geglu ? out / 2 : out);
    if (!y) return NULL;
    const cm_exec e = cm_exec_with(g, weight);
    g->ops->linear_fused(&e, rows, rows / x->shape[0], in, out, a, x->data, weight->data, bias ? bias->data : NULL,
                         y->data);
    return cm_node(g, y, NULL, NULL, 0, 0, NULL);
}

cm_tensor *cm_group_norm_linear(cm_ctx *g, cm_tensor *x, cm_group n, cm_tensor *weight, cm_tensor *bias) {
    if (!x || !weight || !n.weight || !n.bias) return NULL;
    if (!g->ops->linear_fused || cm_tape_records(g, CM_INPUTS(x, n.weight, n.bias, weight, bias))) {
        cm_tensor *h = cm_group_norm(g, x, n.weight, n.bias, n.groups, n.eps, n.act);
        return instead(g, h, cm_linear(g, h, weight, bias));
    }
    cm_tensor *scale = group_scale(g, x, &n);
    if (!scale) return NULL;
    const cm_fusion a = around_group(scale, n.act);
    return instead(g, scale, linear_fused(g, x, &a, weight, bias));
}

void cm_layer_norm_linears(cm_ctx *g, cm_tensor *x, cm_tensor *gamma, cm_tensor *beta, float eps, size_t count,
                           cm_tensor *const *weights, cm_tensor **out) {
    for (size_t i = 0; i < count; i++) out[i] = NULL;
    if (!x || !gamma || !beta) return;
    bool whole = g->ops->linear_fused && !cm_tape_records(g, CM_INPUTS(x, gamma, beta));
    for (size_t i = 0; i < count; i++) whole = whole && weights[i] && !cm_tape_records(g, CM_INPUTS(weights[i]));
    if (whole) {
        const cm_fusion a = {.gamma = gamma->data, .beta = beta->data, .eps = eps};
        for (size_t i = 0; i < count; i++) out[i] = linear_fused(g, x, &a, weights[i], NULL);
        return;
    }
    cm_tensor *h = cm_layer_norm(g, x, gamma, beta, eps);
    for (size_t i = 0; i < count; i++) out[i] = cm_linear(g, h, weights[i], NULL);
    cm_drop(g, h);
}

static cm_tensor *feed_parts(cm_ctx *g, cm_tensor *x, const cm_feed_forward *f, bool records) {
    cm_tensor *h;
    if (g->ops->linear_fused && !records) {
        const cm_fusion a = {.gamma = f->gamma->data, .beta = f->beta->data, .eps = f->eps, .geglu = true};
        h = linear_fused(g, x, &a, f->weight1, f->bias1);
    } else {
        h = cm_layer_norm(g, x, f->gamma, f->beta, f->eps);
        h = instead(g, h, cm_linear(g, h, f->weight1, f->bias1));
        h = instead(g, h, cm_geglu(g, h));
    }
    return instead(g, h, cm_linear_plus(g, h, f->weight2, f->bias2, x));
}

cm_tensor *cm_feed_forward_plus(cm_ctx *g, cm_tensor *x, const cm_feed_forward *f) {
    if (!x) return NULL;
    const bool records =
        cm_tape_records(g, CM_INPUTS(x, f->gamma, f->beta, f->weight1, f->bias1, f->weight2, f->bias2));
    if (!g->ops->feed_forward || records) return feed_parts(g, x, f, records);
    const size_t c = cm_dim(x, -1);
    cm_exec_with(g, f->weight1);
    cm_exec_with(g, f->weight2);
    const cm_feed_forward_shape s = {.rows = cm_count(x) / c,
                                     .c = c,
                                     .hidden = cm_dim(f->weight2, 1),
                                     .eps = f->eps,
                                     .gamma = f->gamma->data,
                                     .beta = f->beta->data,
                                     .w1 = f->weight1->data,
                                     .b1 = f->bias1->data,
                                     .w2 = f->weight2->data,
                                     .b2 = f->bias2->data,
                                     .packs1 = &f->weight1->packs,
                                     .packs2 = &f->weight2->packs};
    assert(cm_count(f->weight1) == 2 * s.hidden * c && cm_count(f->weight2) == s.hidden * c);
    cm_tensor *y = cm_like(g, x, c);
    if (!y) return NULL;
    const cm_exec e = cm_exec_of(g);
    if (g->ops->feed_forward(&e, &s, x->data, y->data)) return cm_node(g, y, NULL, NULL, 0, 0, NULL);
    cm_drop(g, y);
    return feed_parts(g, x, f, false);
}

cm_tensor *cm_upsample_conv2d(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias) {
    if (!x || !weight) return NULL;
    if (!g->ops->conv2d_fused || cm_tape_records(g, CM_INPUTS(x, weight, bias))) {
        cm_tensor *h = cm_upsample_nearest2(g, x);
        return instead(g, h, cm_conv2d(g, h, weight, bias, 1, CM_PAD_SAME));
    }
    assert(weight->shape[2] == 3 && weight->shape[3] == 3);
    cm_conv_shape s = cm_conv_shape_of(x, weight, 1, CM_PAD_SAME);
    s.h = s.oh = 2 * s.h;
    s.w = s.ow = 2 * s.w;
    cm_tensor *y = cm_tensor_new(g, CM_SHAPE(s.n, s.oh, s.ow, s.o));
    if (!y) return NULL;
    const cm_exec e = cm_exec_with(g, weight);
    g->ops->conv2d_fused(&e, &s, &(cm_fusion){.upsample = true}, x->data, weight->data, bias ? bias->data : NULL,
                         y->data);
    return cm_node(g, y, NULL, NULL, 0, 0, NULL);
}
