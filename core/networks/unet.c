// SPDX-License-Identifier: Apache-2.0
#include "core/networks/unet.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/networks/blocks.h"

typedef struct level {
    size_t layers;
    cm_resnet resnets[CM_UNET_MAX_LAYERS + 1];
    cm_transformer attentions[CM_UNET_MAX_LAYERS + 1];
    bool attention;
    cm_affine sampler; /* convolution of the down- or upsampler; weight NULL: none */
} level;

struct cm_unet {
    cm_unet_config config;
    cm_tensor *guidance;                                                 /* [channels[0], guidance_width]; NULL: none */
    cm_affine conv_in, time1, time2, added1, added2, norm_out, conv_out; /* added: weight NULL where there is none */
    level down[CM_UNET_MAX_BLOCKS], mid, up[CM_UNET_MAX_BLOCKS];
    size_t sites; /* number of cross-attentions */
};

/* --- build ------------------------------------------------------------------ */

typedef struct builder {
    cm_unet *n;
    cm_params *p;
    cm_arena *arena;
} builder;

/* Layer j of a block whose channels are those of config block i. */
static void build_layer(const builder *b, level *l, const char *block, size_t j, size_t in, size_t i, size_t depth) {
    const cm_unet_config *c = &b->n->config;
    const size_t out = c->channels[i];
    char name[120];
    snprintf(name, sizeof name, "%s.resnets.%zu", block, j);
    cm_resnet_build(&l->resnets[j], b->p, name, in, out, c->time_width, c->norm_groups, c->norm_eps);
    if (!l->attention) return;
    const cm_transformer_shape shape = {.channels = out,
                                        .heads = c->heads[i],
                                        .depth = depth,
                                        .text_channels = c->cross_attention_dim,
                                        .groups = c->norm_groups,
                                        .linear_projection = c->use_linear_projection};
    snprintf(name, sizeof name, "%s.attentions.%zu", block, j);
    cm_transformer_build(&l->attentions[j], b->p, name, &shape, &b->n->sites, b->arena);
}

static void build_down(const builder *b, size_t i) {
    const cm_unet_config *c = &b->n->config;
    level *l = &b->n->down[i];
    char block[64];
    snprintf(block, sizeof block, "down_blocks.%zu", i);
    *l = (level){.layers = c->layers[i], .attention = c->down_attention[i]};
    for (size_t j = 0; j < l->layers; j++)
        build_layer(b, l, block, j, j ? c->channels[i] : c->channels[i ? i - 1 : 0], i, c->down_depth[i][j]);
    if (i + 1 < c->blocks)
        l->sampler = cm_affine_conv(b->p, c->channels[i], c->channels[i], 3, "%s.downsamplers.0.conv", block);
}

static void build_mid(const builder *b) {
    const cm_unet_config *c = &b->n->config;
    const size_t last = c->blocks - 1, channels = c->channels[last];
    level *l = &b->n->mid;
    if (!c->mid_block) return;
    *l = (level){.layers = c->mid_attention ? 2 : 1, .attention = c->mid_attention};
    build_layer(b, l, "mid_block", 0, channels, last, c->mid_depth);
    l->attention = false; /* the second residual block stands alone */
    if (c->mid_attention) build_layer(b, l, "mid_block", 1, channels, last, 0);
    l->attention = c->mid_attention;
}

static void build_up(const builder *b, size_t i) {
    const cm_unet_config *c = &b->n->config;
    const size_t at = c->blocks - 1 - i; /* the down block at the same size */
    const size_t out = c->channels[at], below = c->channels[at + 1 < c->blocks ? at + 1 : at];
    const size_t above = c->channels[at ? at - 1 : 0];
    level *l = &b->n->up[i];
    char block[64];
    snprintf(block, sizeof block, "up_blocks.%zu", i);
    *l = (level){.layers = c->layers[at] + 1, .attention = c->up_attention[i]};
    for (size_t j = 0; j < l->layers; j++) {
        const size_t skip = j + 1 == l->layers ? above : out;
        build_layer(b, l, block, j, (j ? out : below) + skip, at, c->up_depth[i][j]);
    }
    if (at) l->sampler = cm_affine_conv(b->p, out, out, 3, "%s.upsamplers.0.conv", block);
}

cm_status cm_unet_build(cm_unet **out, const cm_unet_config *c, cm_params *p, cm_arena *arena) {
    cm_unet *n = CM_PUSH_ZERO(arena, cm_unet, 1);
    CM_TRY(cm_arena_check(arena));
    n->config = *c;
    const builder b = {n, p, arena};
    const size_t time = c->time_width;
    n->conv_in = cm_affine_conv(p, c->channels[0], c->in_channels, 3, "conv_in");
    n->time1 = cm_affine_linear(p, time, c->channels[0], "time_embedding.linear_1");
    n->time2 = cm_affine_linear(p, time, time, "time_embedding.linear_2");
    if (c->guidance_width)
        n->guidance =
            cm_param(p, CM_INIT_LINEAR, CM_SHAPE(c->channels[0], c->guidance_width), "time_embedding.cond_proj.weight");
    if (c->added_width) {
        n->added1 = cm_affine_linear(p, time, c->added_width, "add_embedding.linear_1");
        n->added2 = cm_affine_linear(p, time, time, "add_embedding.linear_2");
    }
    for (size_t i = 0; i < c->blocks; i++) build_down(&b, i);
    build_mid(&b);
    for (size_t i = 0; i < c->blocks; i++) build_up(&b, i);
    n->norm_out = cm_affine_norm(p, c->channels[0], "conv_norm_out");
    n->conv_out = cm_affine_conv(p, c->out_channels, c->channels[0], 3, "conv_out");
    CM_TRY(cm_arena_check(arena));
    *out = n;
    return CM_OK;
}

const cm_unet_config *cm_unet_get_config(const cm_unet *n) {
    return &n->config;
}

/* --- text keys and values ----------------------------------------------------- */

struct cm_unet_text {
    size_t n;
    cm_tensor **keys, **values; /* [sites] */
    cm_tensor *added;           /* [n, time_width]; NULL without conditions */
    cm_tensor *guidance;        /* [n, channels[0]]; NULL without */
};

typedef void layer_visit(void *arg, const cm_transformer_layer *l, size_t heads, size_t halvings);

static void visit_level(const level *l, size_t halvings, layer_visit *visit, void *arg) {
    for (size_t j = 0; l->attention && j < l->layers; j++)
        for (size_t k = 0; k < l->attentions[j].depth; k++)
            visit(arg, &l->attentions[j].layers[k], l->attentions[j].heads, halvings);
}

/* Every cross-attention in the order of the forward pass; halvings: how often the latent was halved there. */
static void visit_layers(const cm_unet *n, layer_visit *visit, void *arg) {
    const size_t blocks = n->config.blocks;
    for (size_t i = 0; i < blocks; i++) visit_level(&n->down[i], i, visit, arg);
    visit_level(&n->mid, blocks - 1, visit, arg);
    for (size_t i = 0; i < blocks; i++) visit_level(&n->up[i], blocks - 1 - i, visit, arg);
}

typedef struct text_maker {
    cm_ctx *g;
    cm_tensor *text;
    cm_unet_text *made;
    cm_arena *keep;
} text_maker;

/* A copy that outlives the pass. */
static cm_tensor *kept(cm_ctx *g, cm_arena *keep, cm_tensor *x) {
    cm_tensor *y = CM_PUSH(keep, cm_tensor, 1);
    float *data = x ? CM_PUSH(keep, float, cm_count(x)) : NULL;
    if (!y || !data) {
        cm_drop(g, x);
        return x ? cm_ctx_fail(g, CM_ENOMEM, "out of memory for the text's keys and values") : NULL;
    }
    memcpy(data, x->data, cm_count(x) * sizeof *data);
    *y = (cm_tensor){.data = data, .ndim = x->ndim, .is_param = true};
    memcpy(y->shape, x->shape, sizeof y->shape);
    cm_drop(g, x);
    return y;
}

static void make_text(void *arg, const cm_transformer_layer *l, size_t heads, size_t halvings) {
    (void)heads;
    (void)halvings;
    const text_maker *m = arg;
    cm_tensor *k = cm_linear(m->g, m->text, l->k2, NULL), *v = cm_linear(m->g, m->text, l->v2, NULL);
    m->made->keys[l->site_index] = m->keep ? kept(m->g, m->keep, k) : k;
    m->made->values[l->site_index] = m->keep ? kept(m->g, m->keep, v) : v;
}

cm_unet_text *cm_unet_prepare_text(cm_ctx *g, const cm_unet *n, cm_tensor *text, cm_arena *keep) {
    if (!text) return NULL;
    assert(text->ndim == 3 && text->shape[2] == n->config.cross_attention_dim);
    cm_arena *memory = keep ? keep : &g->memory;
    cm_unet_text *t = CM_PUSH(memory, cm_unet_text, 1);
    cm_tensor **keys = CM_PUSH(memory, cm_tensor *, n->sites), **values = CM_PUSH(memory, cm_tensor *, n->sites);
    if (!t || !keys || !values) return cm_ctx_fail(g, CM_ENOMEM, "out of memory for the text's keys and values");
    *t = (cm_unet_text){.n = text->shape[0], .keys = keys, .values = values};
    visit_layers(n, make_text, &(text_maker){g, text, t, keep});
    return cm_ctx_check(g) == CM_OK ? t : NULL;
}

cm_unet_text *cm_unet_add_conditions(cm_ctx *g, const cm_unet *n, cm_unet_text *t, cm_tensor *pooled,
                                     const float *numbers, size_t k, cm_arena *keep) {
    const cm_unet_config *c = &n->config;
    if (!t || !pooled) return NULL;
    assert(n->added1.weight && pooled->shape[0] == t->n);
    if (cm_dim(pooled, -1) + k * c->added_time_dim != c->added_width)
        return cm_ctx_fail(g, CM_EFORMAT,
                           "the UNet wants %zu added values, a pooled text of %zu and %zu numbers of %zu give %zu",
                           c->added_width, cm_dim(pooled, -1), k, c->added_time_dim,
                           cm_dim(pooled, -1) + k * c->added_time_dim);
    cm_tensor *e = cm_timestep_embedding(g, numbers, t->n * k, c->added_time_dim, c->flip_sin_to_cos, c->freq_shift);
    e = cm_then(g, e, cm_view(g, e, CM_SHAPE(t->n, k * c->added_time_dim)));
    e = cm_then(g, e, cm_concat_last(g, pooled, e));
    e = cm_then(g, e, cm_apply_linear(g, e, n->added1));
    e = cm_then(g, e, cm_activate(g, e, CM_SILU));
    e = cm_then(g, e, cm_apply_linear(g, e, n->added2));
    t->added = keep ? kept(g, keep, e) : e;
    return cm_ctx_check(g) == CM_OK ? t : NULL;
}

cm_unet_text *cm_unet_add_guidance(cm_ctx *g, const cm_unet *n, cm_unet_text *t, double guidance, cm_arena *keep) {
    const size_t width = n->config.guidance_width, half = width / 2;
    if (!t || !n->guidance) return t;
    cm_tensor *e = cm_tensor_new(g, CM_SHAPE(t->n, width));
    if (!e) return NULL;
    memset(e->data, 0, cm_count(e) * sizeof(float)); /* an odd width ends in 0 */
    const float step = logf(10000.0f) / (float)(half - 1), scale = (float)(guidance - 1) * 1000.0f;
    for (size_t i = 0; i < t->n * half; i++) {
        const float angle = scale * expf((float)(i % half) * -step);
        e->data[i / half * width + i % half] = sinf(angle);
        e->data[i / half * width + half + i % half] = cosf(angle);
    }
    e = cm_then(g, e, cm_linear(g, e, n->guidance, NULL));
    t->guidance = keep ? kept(g, keep, e) : e;
    return cm_ctx_check(g) == CM_OK ? t : NULL;
}

/* --- forward ------------------------------------------------------------------ */

enum { MAX_SKIPS = 1 + CM_UNET_MAX_BLOCKS * (CM_UNET_MAX_LAYERS + 1) };

typedef struct pass {
    cm_ctx *g;
    const cm_unet *n;
    const cm_unet_text *text;
    cm_tensor *time;             /* [n, time_width], through SiLU */
    cm_tensor *skips[MAX_SKIPS]; /* outputs of the way down, read again on the way up */
    size_t count;
} pass;

static cm_tensor *time_embedding(cm_ctx *g, const cm_unet *n, const float *t, size_t batch, const cm_unet_text *text) {
    const cm_unet_config *c = &n->config;
    cm_tensor *e = cm_timestep_embedding(g, t, batch, c->channels[0], c->flip_sin_to_cos, c->freq_shift);
    if (text->guidance) e = cm_then(g, e, cm_add(g, e, text->guidance));
    e = cm_then(g, e, cm_apply_linear(g, e, n->time1));
    e = cm_then(g, e, cm_activate(g, e, CM_SILU));
    e = cm_then(g, e, cm_apply_linear(g, e, n->time2));
    if (text->added) e = cm_then(g, e, cm_add(g, e, text->added));
    return cm_then(g, e, cm_activate(g, e, CM_SILU)); /* every residual block begins with this SiLU: once for all */
}

static cm_tensor *run_transformer(pass *f, const cm_transformer *t, cm_tensor *x) {
    return cm_transformer_forward(f->g, t, x, f->text->keys, f->text->values);
}

/* x is a skip and stays; what is returned is one too. */
static cm_tensor *run_down(pass *f, const level *l, cm_tensor *x) {
    for (size_t j = 0; j < l->layers; j++) {
        x = cm_resnet_forward(f->g, &l->resnets[j], x, f->time);
        if (l->attention) x = cm_then(f->g, x, run_transformer(f, &l->attentions[j], x));
        f->skips[f->count++] = x;
    }
    if (!l->sampler.weight) return x;
    return f->skips[f->count++] = cm_conv2d(f->g, x, l->sampler.weight, l->sampler.bias, 2, CM_PAD_SAME);
}

static cm_tensor *run_mid(pass *f, const level *l, cm_tensor *x) {
    x = cm_resnet_forward(f->g, &l->resnets[0], x, f->time);
    if (!l->attention) return x;
    x = cm_then(f->g, x, run_transformer(f, &l->attentions[0], x));
    return cm_then(f->g, x, cm_resnet_forward(f->g, &l->resnets[1], x, f->time));
}

static cm_tensor *run_up(pass *f, const level *l, cm_tensor *x) {
    cm_ctx *g = f->g;
    for (size_t j = 0; j < l->layers; j++) {
        cm_tensor *skip = f->skips[--f->count];
        x = cm_then(g, x, cm_concat_last(g, x, skip));
        cm_drop(g, skip);
        x = cm_then(g, x, cm_resnet_forward(g, &l->resnets[j], x, f->time));
        if (l->attention) x = cm_then(g, x, run_transformer(f, &l->attentions[j], x));
    }
    if (!l->sampler.weight) return x;
    const cm_tensor *next = f->skips[f->count - 1];
    if (!next) return NULL;
    return cm_then(g, x, cm_upsample_conv_to(g, x, next->shape[1], next->shape[2], l->sampler));
}

cm_tensor *cm_unet_forward(cm_ctx *g, const cm_unet *n, cm_tensor *latents, const float *t, const cm_unet_text *text) {
    if (!latents || !text) return NULL;
    assert(latents->ndim == 4 && latents->shape[3] == n->config.in_channels && latents->shape[0] == text->n);
    if (n->config.added_width && !text->added)
        return cm_ctx_fail(g, CM_EUSAGE,
                           "this UNet also wants a pooled text and sizes (text_time), and there are none");
    if (n->guidance && !text->guidance)
        return cm_ctx_fail(g, CM_EUSAGE,
                           "this UNet also wants the guidance scale (time_cond_proj_dim), and there is none");
    const size_t blocks = n->config.blocks;
    pass f = {.g = g, .n = n, .text = text, .time = time_embedding(g, n, t, latents->shape[0], text)};
    g->attention_index = 0;
    cm_tensor *x = f.skips[f.count++] = cm_apply_conv(g, latents, n->conv_in);
    for (size_t i = 0; i < blocks; i++) x = run_down(&f, &n->down[i], x);
    if (n->config.mid_block) x = run_mid(&f, &n->mid, x);
    else if (x) x = cm_view(g, x, x->ndim, x->shape); /* the last skip, which the way up drops by itself */
    for (size_t i = 0; i < blocks; i++) x = run_up(&f, &n->up[i], x);
    cm_drop(g, f.time);
    const cm_group norm = {n->norm_out.weight, n->norm_out.bias, n->config.norm_groups, n->config.norm_eps, CM_SILU};
    return cm_then(g, x, cm_group_norm_conv2d(g, x, norm, n->conv_out.weight, n->conv_out.bias, NULL, NULL));
}

/* --- cross-attention sites ------------------------------------------------------ */

typedef struct site_list {
    size_t h, w, count, max;
    cm_attention_site *sites;
    cm_arena *arena;
} site_list;

static void list_site(void *arg, const cm_transformer_layer *l, size_t heads, size_t halvings) {
    site_list *s = arg;
    if (s->count < s->max)
        s->sites[s->count] = (cm_attention_site){.name = cm_arena_string(s->arena, l->site),
                                                 .index = (int)s->count,
                                                 .heads = heads,
                                                 .height = s->h,
                                                 .width = s->w};
    for (size_t i = 0; s->count < s->max && i < halvings; i++) { /* each halving rounds up */
        s->sites[s->count].height = (s->sites[s->count].height + 1) / 2;
        s->sites[s->count].width = (s->sites[s->count].width + 1) / 2;
    }
    s->count++;
}

size_t cm_unet_sites(const cm_unet *n, size_t h, size_t w, size_t max, cm_attention_site *sites, cm_arena *arena) {
    site_list s = {.h = h, .w = w, .max = max, .sites = sites, .arena = arena};
    visit_layers(n, list_site, &s);
    return s.count;
}
