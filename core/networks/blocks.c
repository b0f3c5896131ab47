// SPDX-License-Identifier: Apache-2.0
#include "core/networks/blocks.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define NAME_FROM(text, name)                                                                                          \
    char text[200];                                                                                                    \
    do {                                                                                                               \
        va_list args;                                                                                                  \
        va_start(args, name);                                                                                          \
        vsnprintf(text, sizeof text, name, args);                                                                      \
        va_end(args);                                                                                                  \
    } while (0)

cm_affine cm_affine_conv(cm_params *p, size_t out, size_t in, size_t kernel, const char *name, ...) {
    NAME_FROM(text, name);
    cm_affine a;
    a.weight = cm_param(p, CM_INIT_CONV, CM_SHAPE(out, in, kernel, kernel), "%s.weight", text);
    a.bias = cm_param(p, CM_INIT_BIAS, CM_SHAPE(out), "%s.bias", text);
    return a;
}

cm_affine cm_affine_linear(cm_params *p, size_t out, size_t in, const char *name, ...) {
    NAME_FROM(text, name);
    cm_affine a;
    a.weight = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(out, in), "%s.weight", text);
    a.bias = cm_param(p, CM_INIT_BIAS, CM_SHAPE(out), "%s.bias", text);
    return a;
}

cm_affine cm_affine_norm(cm_params *p, size_t channels, const char *name, ...) {
    NAME_FROM(text, name);
    cm_affine a;
    a.weight = cm_param(p, CM_INIT_ONE, CM_SHAPE(channels), "%s.weight", text);
    a.bias = cm_param(p, CM_INIT_ZERO, CM_SHAPE(channels), "%s.bias", text);
    return a;
}

cm_tensor *cm_then(cm_ctx *g, cm_tensor *used, cm_tensor *made) {
    cm_drop(g, used);
    return made;
}

cm_tensor *cm_apply_conv(cm_ctx *g, cm_tensor *x, cm_affine c) {
    return cm_conv2d(g, x, c.weight, c.bias, 1, CM_PAD_SAME);
}

cm_tensor *cm_apply_linear(cm_ctx *g, cm_tensor *x, cm_affine l) {
    return cm_linear(g, x, l.weight, l.bias);
}

cm_tensor *cm_apply_linear_plus(cm_ctx *g, cm_tensor *x, cm_affine l, cm_tensor *plus) {
    return plus ? cm_linear_plus(g, x, l.weight, l.bias, plus) : NULL;
}

/* --- ResnetBlock2D -------------------------------------------------------- */

void cm_resnet_build(cm_resnet *r, cm_params *p, const char *name, size_t in, size_t out, size_t time_channels,
                     size_t groups, float eps) {
    *r = (cm_resnet){.groups = groups, .eps = eps};
    r->norm1 = cm_affine_norm(p, in, "%s.norm1", name);
    r->conv1 = cm_affine_conv(p, out, in, 3, "%s.conv1", name);
    if (time_channels) r->time = cm_affine_linear(p, out, time_channels, "%s.time_emb_proj", name);
    r->norm2 = cm_affine_norm(p, out, "%s.norm2", name);
    r->conv2 = cm_affine_conv(p, out, out, 3, "%s.conv2", name);
    if (in != out) r->shortcut = cm_affine_conv(p, out, in, 1, "%s.conv_shortcut", name);
}

cm_tensor *cm_resnet_forward(cm_ctx *g, const cm_resnet *r, cm_tensor *x, cm_tensor *time) {
    const cm_group norm1 = {r->norm1.weight, r->norm1.bias, r->groups, r->eps, CM_SILU};
    const cm_group norm2 = {r->norm2.weight, r->norm2.bias, r->groups, r->eps, CM_SILU};
    cm_tensor *t = r->time.weight ? cm_apply_linear(g, time, r->time) : NULL;
    if (r->time.weight && !t) return NULL;
    cm_tensor *h = cm_group_norm_conv2d(g, x, norm1, r->conv1.weight, r->conv1.bias, t, NULL);
    cm_drop(g, t);
    cm_tensor *s = r->shortcut.weight ? cm_apply_conv(g, x, r->shortcut) : x;
    if (!s) return NULL;
    h = cm_then(g, h, cm_group_norm_conv2d(g, h, norm2, r->conv2.weight, r->conv2.bias, NULL, s));
    if (r->shortcut.weight) cm_drop(g, s);
    return h;
}

/* --- Transformer2DModel ----------------------------------------------------- */

static void layer_build(cm_transformer_layer *l, cm_params *p, const char *name, const cm_transformer_shape *s) {
    const size_t c = s->channels, t = s->text_channels;
    l->norm1 = cm_affine_norm(p, c, "%s.norm1", name);
    l->q1 = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(c, c), "%s.attn1.to_q.weight", name);
    l->k1 = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(c, c), "%s.attn1.to_k.weight", name);
    l->v1 = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(c, c), "%s.attn1.to_v.weight", name);
    l->o1 = cm_affine_linear(p, c, c, "%s.attn1.to_out.0", name);
    l->norm2 = cm_affine_norm(p, c, "%s.norm2", name);
    l->q2 = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(c, c), "%s.attn2.to_q.weight", name);
    l->k2 = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(c, t), "%s.attn2.to_k.weight", name);
    l->v2 = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(c, t), "%s.attn2.to_v.weight", name);
    l->o2 = cm_affine_linear(p, c, c, "%s.attn2.to_out.0", name);
    l->norm3 = cm_affine_norm(p, c, "%s.norm3", name);
    l->ff_in = cm_affine_linear(p, 8 * c, c, "%s.ff.net.0.proj", name);
    l->ff_out = cm_affine_linear(p, c, 4 * c, "%s.ff.net.2", name);
}

static cm_affine projection(cm_params *p, const cm_transformer_shape *s, const char *name, const char *part) {
    if (s->linear_projection) return cm_affine_linear(p, s->channels, s->channels, "%s.%s", name, part);
    return cm_affine_conv(p, s->channels, s->channels, 1, "%s.%s", name, part);
}

void cm_transformer_build(cm_transformer *t, cm_params *p, const char *name, const cm_transformer_shape *s,
                          size_t *sites, cm_arena *out) {
    *t = (cm_transformer){.groups = s->groups, .heads = s->heads, .depth = s->depth};
    t->layers = CM_PUSH_ZERO(out, cm_transformer_layer, s->depth);
    t->norm = cm_affine_norm(p, s->channels, "%s.norm", name);
    t->proj_in = projection(p, s, name, "proj_in");
    for (size_t i = 0; t->layers && i < s->depth; i++) {
        char layer[200];
        snprintf(layer, sizeof layer, "%s.transformer_blocks.%zu", name, i);
        layer_build(&t->layers[i], p, layer, s);
        t->layers[i].site = cm_arena_print(out, "%s.attn2", layer);
        t->layers[i].site_index = (*sites)++;
    }
    t->proj_out = projection(p, s, name, "proj_out");
}

static cm_tensor *self_attention(cm_ctx *g, const cm_transformer_layer *l, cm_tensor *x, size_t heads) {
    cm_tensor *const weights[3] = {l->q1, l->k1, l->v1};
    cm_tensor *qkv[3];
    cm_layer_norm_linears(g, x, l->norm1.weight, l->norm1.bias, 1e-5f, 3, weights, qkv);
    cm_tensor *h = cm_attention(g, qkv[0], qkv[1], qkv[2], heads, 0.0f, false, NULL);
    for (int i = 0; i < 3; i++) cm_drop(g, qkv[i]);
    return cm_then(g, h, cm_apply_linear_plus(g, h, l->o1, x));
}

typedef struct text_site {
    size_t heads, height, width;
    cm_tensor *k, *v;
} text_site;

/* Attention with the observer told, where it wants to know. */
static cm_tensor *observed_attention(cm_ctx *g, const cm_transformer_layer *l, cm_tensor *q, const text_site *s) {
    const cm_attention_observer *o = g->observer;
    const cm_attention_site site = {.name = l->site,
                                    .index = g->attention_index++,
                                    .n = q ? q->shape[0] : 0,
                                    .heads = s->heads,
                                    .height = s->height,
                                    .width = s->width,
                                    .keys = s->k ? s->k->shape[1] : 0};
    const bool wanted = o && q && s->k && o->wants(o->arg, &site);
    cm_tensor *probs = NULL;
    cm_tensor *h = cm_attention(g, q, s->k, s->v, s->heads, 0.0f, false, wanted ? &probs : NULL);
    if (probs) o->give(o->arg, &site, probs);
    return h;
}

static cm_tensor *cross_attention(cm_ctx *g, const cm_transformer_layer *l, cm_tensor *x, const text_site *s) {
    cm_tensor *q;
    cm_layer_norm_linears(g, x, l->norm2.weight, l->norm2.bias, 1e-5f, 1, &l->q2, &q);
    cm_tensor *h = cm_then(g, q, observed_attention(g, l, q, s));
    return cm_then(g, h, cm_apply_linear_plus(g, h, l->o2, x));
}

static cm_tensor *feed_forward(cm_ctx *g, const cm_transformer_layer *l, cm_tensor *x) {
    return cm_feed_forward_plus(g, x,
                                &(cm_feed_forward){l->norm3.weight, l->norm3.bias, 1e-5f, l->ff_in.weight,
                                                   l->ff_in.bias, l->ff_out.weight, l->ff_out.bias});
}

cm_tensor *cm_transformer_forward(cm_ctx *g, const cm_transformer *t, cm_tensor *x, cm_tensor *const *keys,
                                  cm_tensor *const *values) {
    if (!x) return NULL;
    const size_t n = x->shape[0], height = x->shape[1], width = x->shape[2], c = x->shape[3];
    /* the group norm in front of a transformer is 1e-6 whatever the config's norm_eps is */
    const cm_group norm = {t->norm.weight, t->norm.bias, t->groups, 1e-6f, CM_IDENTITY};
    cm_tensor *h = cm_group_norm_linear(g, x, norm, t->proj_in.weight, t->proj_in.bias);
    h = cm_then(g, h, cm_view(g, h, CM_SHAPE(n, height * width, c)));
    for (size_t i = 0; i < t->depth; i++) {
        const cm_transformer_layer *l = &t->layers[i];
        const text_site site = {t->heads, height, width, keys[l->site_index], values[l->site_index]};
        h = cm_then(g, h, self_attention(g, l, h, t->heads));
        h = cm_then(g, h, cross_attention(g, l, h, &site));
        h = cm_then(g, h, feed_forward(g, l, h));
    }
    h = cm_then(g, h, cm_apply_linear_plus(g, h, t->proj_out, x));
    return cm_then(g, h, cm_view(g, h, CM_SHAPE(n, height, width, c)));
}

/* --- upsampling ------------------------------------------------------------- */

cm_tensor *cm_upsample_to(cm_ctx *g, cm_tensor *x, size_t h, size_t w) {
    if (!x) return NULL;
    const size_t n = x->shape[0], xh = x->shape[1], xw = x->shape[2];
    if (h == 2 * xh && w == 2 * xw) return cm_upsample_nearest2(g, x);
    assert((h + 1) / 2 == xh && (w + 1) / 2 == xw);
    const cm_arena_mark mark = cm_arena_get_mark(&g->scratch);
    size_t *rows = CM_PUSH(&g->scratch, size_t, n * h * w);
    if (!rows) return cm_ctx_fail(g, CM_ENOMEM, "out of memory in an upsampling to %zux%zu", w, h);
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < h; r++)
            for (size_t c = 0; c < w; c++) rows[(i * h + r) * w + c] = (i * xh + r / 2) * xw + c / 2;
    cm_tensor *y = cm_gather_rows(g, x, rows, n * h * w);
    cm_arena_reset(&g->scratch, mark);
    return cm_then(g, y, cm_view(g, y, CM_SHAPE(n, h, w, x->shape[3])));
}

cm_tensor *cm_upsample_conv_to(cm_ctx *g, cm_tensor *x, size_t h, size_t w, cm_affine conv) {
    if (!x) return NULL;
    if (h == 2 * x->shape[1] && w == 2 * x->shape[2]) return cm_upsample_conv2d(g, x, conv.weight, conv.bias);
    cm_tensor *y = cm_upsample_to(g, x, h, w);
    return cm_then(g, y, cm_apply_conv(g, y, conv));
}
