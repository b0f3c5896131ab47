// SPDX-License-Identifier: Apache-2.0
#include "core/networks/vit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/networks/blocks.h"

static void take(cm_affine a, cm_tensor **weight, cm_tensor **bias) {
    *weight = a.weight;
    *bias = a.bias;
}

static void build_layer(cm_vit_layer *l, cm_params *p, const cm_vit_shape *s, const cm_vit_names *n, const char *name) {
    const size_t width = s->width, inner = s->inner;
    take(cm_affine_norm(p, width, "%s.%s", name, n->norm1), &l->ln1_w, &l->ln1_b);
    take(cm_affine_linear(p, width, width, "%s.%s", name, n->q), &l->q_w, &l->q_b);
    take(cm_affine_linear(p, width, width, "%s.%s", name, n->k), &l->k_w, &l->k_b);
    take(cm_affine_linear(p, width, width, "%s.%s", name, n->v), &l->v_w, &l->v_b);
    take(cm_affine_linear(p, width, width, "%s.%s", name, n->out), &l->o_w, &l->o_b);
    take(cm_affine_norm(p, width, "%s.%s", name, n->norm2), &l->ln2_w, &l->ln2_b);
    take(cm_affine_linear(p, inner, width, "%s.%s", name, n->fc1), &l->fc1_w, &l->fc1_b);
    take(cm_affine_linear(p, width, inner, "%s.%s", name, n->fc2), &l->fc2_w, &l->fc2_b);
    if (n->scale1) l->scale1 = cm_param(p, CM_INIT_ONE, CM_SHAPE(width), "%s.%s", name, n->scale1);
    if (n->scale2) l->scale2 = cm_param(p, CM_INIT_ONE, CM_SHAPE(width), "%s.%s", name, n->scale2);
}

cm_vit_layer *cm_vit_build(cm_params *p, const cm_vit_shape *s, const cm_vit_names *names, const char *prefix,
                           size_t layers, cm_arena *out) {
    cm_vit_layer *l = CM_PUSH_ZERO(out, cm_vit_layer, layers);
    for (size_t i = 0; l && i < layers; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s.%zu", prefix, i);
        build_layer(&l[i], p, s, names, name);
    }
    return l;
}

/* x + scale linear(h) */
static cm_tensor *add_linear(cm_ctx *g, cm_tensor *h, cm_tensor *weight, cm_tensor *bias, cm_tensor *scale,
                             cm_tensor *x) {
    if (!scale) return cm_linear_plus(g, h, weight, bias, x);
    cm_tensor *y = cm_linear(g, h, weight, bias);
    return cm_then(g, y, cm_add_scaled(g, x, y, scale));
}

/* [n,L,C] -> [n,1,C] */
static cm_tensor *first_token(cm_ctx *g, cm_tensor *x) {
    if (!x) return NULL;
    const size_t n = x->shape[0], c = cm_dim(x, -1);
    cm_tensor *rows = cm_view(g, x, CM_SHAPE(n, cm_count(x) / n));
    rows = cm_then(g, rows, cm_slice_last(g, rows, 0, c));
    return cm_then(g, rows, cm_view(g, rows, CM_SHAPE(n, 1, c)));
}

/* `from`: the normed tokens that ask; x: what the answer is added to */
static cm_tensor *attend(cm_ctx *g, const cm_vit_layer *l, const cm_vit_shape *s, cm_tensor *from, cm_tensor *h,
                         cm_tensor *x) {
    cm_tensor *q = cm_linear(g, from, l->q_w, l->q_b), *k = cm_linear(g, h, l->k_w, l->k_b),
              *v = cm_linear(g, h, l->v_w, l->v_b);
    cm_tensor *y = cm_attention(g, q, k, v, s->heads, 0.0f, s->causal, NULL);
    cm_drop(g, q);
    cm_drop(g, k);
    cm_drop(g, v);
    return cm_then(g, y, add_linear(g, y, l->o_w, l->o_b, l->scale1, x));
}

static cm_tensor *think(cm_ctx *g, const cm_vit_layer *l, const cm_vit_shape *s, cm_tensor *x) {
    cm_tensor *h = cm_layer_norm(g, x, l->ln2_w, l->ln2_b, s->eps);
    h = cm_then(g, h, cm_linear(g, h, l->fc1_w, l->fc1_b));
    h = cm_then(g, h, cm_activate(g, h, s->act));
    return cm_then(g, h, add_linear(g, h, l->fc2_w, l->fc2_b, l->scale2, x));
}

cm_tensor *cm_vit_run(cm_ctx *g, const cm_vit_layer *l, const cm_vit_shape *s, cm_tensor *x) {
    cm_tensor *h = cm_layer_norm(g, x, l->ln1_w, l->ln1_b, s->eps);
    cm_tensor *y = attend(g, l, s, h, h, x);
    cm_drop(g, h);
    return cm_then(g, y, think(g, l, s, y));
}

cm_tensor *cm_vit_run_first(cm_ctx *g, const cm_vit_layer *l, const cm_vit_shape *s, cm_tensor *x) {
    cm_tensor *h = cm_layer_norm(g, x, l->ln1_w, l->ln1_b, s->eps), *from = first_token(g, h),
              *first = first_token(g, x);
    cm_tensor *y = attend(g, l, s, from, h, first);
    cm_drop(g, h);
    cm_drop(g, from);
    cm_drop(g, first);
    return cm_then(g, y, think(g, l, s, y));
}

cm_tensor *cm_vit_prepend(cm_ctx *g, cm_tensor *tokens, size_t count, cm_tensor *x) {
    if (!tokens || !x) return NULL;
    cm_tensor *one = cm_view(g, tokens, CM_SHAPE(1, count, cm_dim(x, -1)));
    cm_tensor *all = cm_then(g, one, cm_repeat_batch(g, one, x->shape[0]));
    return cm_then(g, all, cm_concat_tokens(g, all, x));
}

cm_status cm_vit_take(const cm_ctx *g, const cm_tensor *t, size_t first, float *out, const char *what) {
    CM_TRY(cm_ctx_check(g));
    const size_t width = cm_dim(t, -1), count = cm_count(t);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(t->data[i])) return cm_fail(CM_EUNDEFINED, "%s %zu is not finite", what, first + i / width);
    memcpy(out + first * width, t->data, count * sizeof *out);
    return CM_OK;
}
