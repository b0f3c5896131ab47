// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/tensor/nn_parts.h"

/* --- convolution and linear ---------------------------------------------- */

typedef struct conv_node {
    cm_conv_shape s;
    cm_tensor *x, *w, *bias, *y;
} conv_node;

static void conv_back(cm_ctx *g, void *arg) {
    const conv_node *n = arg;
    const float *dy = cm_flowed(n->y);
    if (!dy) return;
    const cm_exec e = cm_exec_of(g);
    g->ops->conv2d_grad(&e, &n->s, n->x->data, n->w->data, dy, cm_grad(g, n->x), cm_grad(g, n->w), cm_grad(g, n->bias));
}

cm_conv_shape cm_conv_shape_under(const cm_tensor *x, size_t channels, const cm_tensor *w, size_t stride, cm_pad pad) {
    assert(x->ndim == 4 && w->ndim == 4 && channels == w->shape[1] && stride > 0);
    cm_conv_shape s = {.n = x->shape[0],
                       .h = x->shape[1],
                       .w = x->shape[2],
                       .c = channels,
                       .o = w->shape[0],
                       .kh = w->shape[2],
                       .kw = w->shape[3],
                       .stride = stride};
    size_t rows = s.h, columns = s.w; /* with padding */
    if (pad == CM_PAD_SAME) {
        s.pad_top = (s.kh - 1) / 2;
        s.pad_left = (s.kw - 1) / 2;
        rows += 2 * s.pad_top;
        columns += 2 * s.pad_left;
    } else if (pad == CM_PAD_DOWN_RIGHT) {
        rows++;
        columns++;
    }
    assert(rows >= s.kh && columns >= s.kw);
    s.oh = (rows - s.kh) / stride + 1;
    s.ow = (columns - s.kw) / stride + 1;
    return s;
}

cm_conv_shape cm_conv_shape_of(const cm_tensor *x, const cm_tensor *w, size_t stride, cm_pad pad) {
    return cm_conv_shape_under(x, x->shape[3], w, stride, pad);
}

cm_tensor *cm_conv2d(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias, size_t stride, cm_pad pad) {
    if (!x || !weight) return NULL;
    const cm_conv_shape s = cm_conv_shape_of(x, weight, stride, pad);
    if (s.kh == 1 && s.kw == 1 && stride == 1 && pad != CM_PAD_DOWN_RIGHT) return cm_linear(g, x, weight, bias);
    if (s.kh == stride && s.kw == stride && pad == CM_PAD_NONE && s.h % stride == 0 && s.w % stride == 0) {
        cm_tensor *patches = cm_patches(g, x, stride), *made = cm_linear(g, patches, weight, bias);
        cm_drop(g, patches);
        return made;
    }
    cm_tensor *y = cm_tensor_new(g, CM_SHAPE(s.n, s.oh, s.ow, s.o));
    if (!y) return NULL;
    const cm_exec e = cm_exec_with(g, weight);
    g->ops->conv2d(&e, &s, x->data, weight->data, bias ? bias->data : NULL, y->data);
    return cm_node(g, y, conv_back, &(conv_node){s, x, weight, bias, y}, sizeof(conv_node), CM_INPUTS(x, weight, bias));
}

typedef struct linear_node {
    size_t rows, in, out;
    cm_tensor *x, *w, *bias, *plus, *y;
} linear_node;

static void linear_back(cm_ctx *g, void *arg) {
    const linear_node *n = arg;
    const float *dy = cm_flowed(n->y);
    if (!dy) return;
    cm_exec e = cm_exec_of(g);
    float *dx = cm_grad_fresh(g, n->x, &e.fresh);
    g->ops->linear_grad(&e, n->rows, n->in, n->out, n->x->data, n->w->data, dy, dx, cm_grad(g, n->w),
                        cm_grad(g, n->bias));
    if (n->plus) cm_grad_pass(g, n->y, 1.0f, n->plus); /* last: it may take dy itself over */
}

cm_tensor *cm_linear_plus(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias, cm_tensor *plus) {
    if (!x || !weight) return NULL;
    const size_t out = weight->shape[0], in = cm_count(weight) / out;
    assert(cm_dim(x, -1) == in);
    cm_tensor *y = cm_like(g, x, out);
    if (!y) return NULL;
    const size_t rows = cm_count(x) / in;
    const cm_exec e = cm_exec_with(g, weight);
    assert(!plus || cm_count(plus) == cm_count(y));
    g->ops->linear(&e, rows, in, out, x->data, weight->data, bias ? bias->data : NULL, plus ? plus->data : NULL,
                   y->data);
    return cm_node(g, y, linear_back, &(linear_node){rows, in, out, x, weight, bias, plus, y}, sizeof(linear_node),
                   CM_INPUTS(x, weight, bias, plus));
}

cm_tensor *cm_linear(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias) {
    return cm_linear_plus(g, x, weight, bias, NULL);
}

/* --- norms ----------------------------------------------------------------- */

typedef struct norm_node {
    cm_norm_shape s;
    cm_tensor *x, *w, *b, *y, *moments; /* moments: mean then rstd */
} norm_node;

static void group_back(cm_ctx *g, void *arg) {
    const norm_node *n = arg;
    const float *dy = cm_flowed(n->y), *mean = n->moments->data, *rstd = mean + n->s.n * n->s.groups;
    if (!dy) return;
    cm_exec e = cm_exec_of(g);
    float *dx = cm_grad_fresh(g, n->x, &e.fresh);
    g->ops->group_norm_grad(&e, &n->s, n->x->data, n->w->data, n->b->data, mean, rstd, dy, dx, cm_grad(g, n->w),
                            cm_grad(g, n->b));
}

cm_tensor *cm_group_norm(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias, size_t groups, float eps,
                         cm_act act) {
    if (!x || !weight || !bias) return NULL;
    const size_t n = x->shape[0], c = cm_dim(x, -1), hw = cm_count(x) / n / c;
    assert(cm_count(weight) == c && c % groups == 0 && (act == CM_IDENTITY || act == CM_SILU));
    const cm_norm_shape s = {.n = n, .hw = hw, .c = c, .groups = groups, .eps = eps, .act = act};
    cm_tensor *y = cm_like(g, x, c), *moments = cm_tensor_new(g, CM_SHAPE(2, n * groups));
    if (!moments) return NULL;
    const cm_exec e = cm_exec_of(g);
    g->ops->group_norm(&e, &s, x->data, weight->data, bias->data, y->data, moments->data, moments->data + n * groups);
    y = cm_node(g, y, group_back, &(norm_node){s, x, weight, bias, y, moments}, sizeof(norm_node),
                CM_INPUTS(x, weight, bias, moments));
    cm_drop(g, moments);
    return y;
}

static void layer_back(cm_ctx *g, void *arg) {
    const norm_node *n = arg;
    const float *dy = cm_flowed(n->y), *mean = n->moments->data, *rstd = mean + n->s.n;
    if (!dy) return;
    cm_exec e = cm_exec_of(g);
    float *dx = cm_grad_fresh(g, n->x, &e.fresh);
    g->ops->layer_norm_grad(&e, n->s.n, n->s.c, n->x->data, n->w->data, mean, rstd, dy, dx, cm_grad(g, n->w),
                            cm_grad(g, n->b));
}

cm_tensor *cm_layer_norm(cm_ctx *g, cm_tensor *x, cm_tensor *weight, cm_tensor *bias, float eps) {
    if (!x || !weight || !bias) return NULL;
    const size_t c = cm_dim(x, -1), rows = cm_count(x) / c;
    assert(cm_count(weight) == c);
    cm_tensor *y = cm_like(g, x, c), *moments = cm_tensor_new(g, CM_SHAPE(2, rows));
    if (!moments) return NULL;
    const cm_exec e = cm_exec_of(g);
    g->ops->layer_norm(&e, rows, c, eps, x->data, weight->data, bias->data, y->data, moments->data,
                       moments->data + rows);
    const norm_node node = {{.n = rows, .hw = 1, .c = c, .groups = 1, .eps = eps}, x, weight, bias, y, moments};
    y = cm_node(g, y, layer_back, &node, sizeof node, CM_INPUTS(x, weight, bias, moments));
    cm_drop(g, moments);
    return y;
}

/* --- activations ----------------------------------------------------------- */

typedef struct act_node {
    cm_act act;
    cm_tensor *x, *y;
} act_node;

static void act_back(cm_ctx *g, void *arg) {
    const act_node *n = arg;
    const float *dy = cm_flowed(n->y);
    cm_exec e = cm_exec_of(g);
    float *dx = dy ? cm_grad_fresh(g, n->x, &e.fresh) : NULL;
    if (dx) g->ops->act_grad(&e, n->act, cm_count(n->x), n->x->data, dy, dx);
}

cm_tensor *cm_activate(cm_ctx *g, cm_tensor *x, cm_act act) {
    cm_tensor *y = x ? cm_tensor_new(g, x->ndim, x->shape) : NULL;
    if (!y) return NULL;
    const cm_exec e = cm_exec_of(g);
    g->ops->act(&e, act, cm_count(x), x->data, y->data);
    return cm_node(g, y, act_back, &(act_node){act, x, y}, sizeof(act_node), CM_INPUTS(x));
}

static void geglu_back(cm_ctx *g, void *arg) {
    const act_node *n = arg;
    const float *dy = cm_flowed(n->y);
    cm_exec e = cm_exec_of(g);
    float *dx = dy ? cm_grad_fresh(g, n->x, &e.fresh) : NULL;
    const size_t half = cm_dim(n->y, -1);
    if (dx) g->ops->geglu_grad(&e, cm_count(n->y) / half, half, n->x->data, dy, dx);
}

cm_tensor *cm_geglu(cm_ctx *g, cm_tensor *x) {
    if (!x) return NULL;
    const size_t half = cm_dim(x, -1) / 2;
    assert(cm_dim(x, -1) == 2 * half);
    cm_tensor *y = cm_like(g, x, half);
    if (!y) return NULL;
    const cm_exec e = cm_exec_of(g);
    g->ops->geglu(&e, cm_count(y) / half, half, x->data, y->data);
    return cm_node(g, y, geglu_back, &(act_node){CM_GELU, x, y}, sizeof(act_node), CM_INPUTS(x));
}

static void softmax_back(cm_ctx *g, void *arg) {
    const act_node *n = arg;
    const float *dy = cm_flowed(n->y);
    float *dx = dy ? cm_grad(g, n->x) : NULL;
    const cm_exec e = cm_exec_of(g);
    const size_t c = cm_dim(n->x, -1);
    if (dx) g->ops->softmax_grad(&e, cm_count(n->x) / c, c, n->y->data, dy, dx);
}

cm_tensor *cm_softmax_last(cm_ctx *g, cm_tensor *x) {
    cm_tensor *y = x ? cm_tensor_new(g, x->ndim, x->shape) : NULL;
    if (!y) return NULL;
    const cm_exec e = cm_exec_of(g);
    const size_t c = cm_dim(x, -1);
    g->ops->softmax(&e, cm_count(x) / c, c, x->data, y->data);
    return cm_node(g, y, softmax_back, &(act_node){CM_IDENTITY, x, y}, sizeof(act_node), CM_INPUTS(x));
}

/* --- attention --------------------------------------------------------------- */

typedef struct attention_node {
    cm_attention_shape s;
    cm_tensor *q, *k, *v, *out, *lse, *probs;
} attention_node;

static void attention_back(cm_ctx *g, void *arg) {
    const attention_node *n = arg;
    const float *dprobs = cm_flowed(n->probs);
    if (!cm_flowed(n->out) && !dprobs) return;
    const float *dout = cm_grad(g, n->out); /* zeros when only the probabilities have a gradient */
    cm_exec e = cm_exec_of(g);
    cm_tensor *const to[3] = {n->q, n->k, n->v};
    float *d[3];
    bool fresh[3];
    for (int i = 0; i < 3; i++) d[i] = cm_grad_fresh(g, to[i], &fresh[i]);
    e.fresh = fresh[0] && fresh[1] && fresh[2];
    for (int i = 0; i < 3; i++)
        if (fresh[i] && !e.fresh) memset(d[i], 0, cm_count(to[i]) * sizeof(float));
    if (dout)
        g->ops->attention_grad(&e, &n->s, n->q->data, n->k->data, n->v->data, n->out->data, n->lse->data, dout, dprobs,
                               d[0], d[1], d[2]);
}

cm_tensor *cm_attention(cm_ctx *g, cm_tensor *q, cm_tensor *k, cm_tensor *v, size_t heads, float scale, bool causal,
                        cm_tensor **probs) {
    if (probs) *probs = NULL;
    if (!q || !k || !v) return NULL;
    assert(q->ndim == 3 && k->ndim == 3 && v->ndim == 3 && q->shape[0] == k->shape[0] && q->shape[2] == k->shape[2]);
    assert(cm_count(k) == cm_count(v) && q->shape[2] % heads == 0);
    const size_t d = q->shape[2] / heads;
    const cm_attention_shape s = {.n = q->shape[0],
                                  .heads = heads,
                                  .lq = q->shape[1],
                                  .lk = k->shape[1],
                                  .d = d,
                                  .scale = scale != 0.0f ? scale : (float)(1.0 / sqrt((double)d)),
                                  .causal = causal};
    const bool records = cm_tape_records(g, CM_INPUTS(q, k, v));
    cm_tensor *out = cm_tensor_new(g, 3, q->shape);
    cm_tensor *p = probs ? cm_tensor_new(g, CM_SHAPE(s.n, heads, s.lq, s.lk)) : NULL;
    cm_tensor *lse = records ? cm_tensor_new(g, CM_SHAPE(s.n, heads, s.lq)) : NULL;
    if (cm_ctx_check(g) != CM_OK) return NULL;
    const cm_exec e = cm_exec_of(g);
    g->ops->attention(&e, &s, q->data, k->data, v->data, out->data, p ? p->data : NULL, lse ? lse->data : NULL);
    const attention_node node = {s, q, k, v, out, lse, p};
    out = cm_node(g, out, attention_back, &node, sizeof node, CM_INPUTS(q, k, v, lse, p));
    if (p) p->needs_grad = records;
    if (probs) *probs = p;
    cm_drop(g, lse);
    return out;
}
