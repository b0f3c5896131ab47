// SPDX-License-Identifier: Apache-2.0
/* The parser of scorenet.h. */
#include "core/networks/scorenet.h"

#include <assert.h>
#include <stdio.h>

#include "core/networks/blocks.h"
#include "core/networks/config.h"

enum { MAX_LEVELS = 6, MAX_SLOTS = 256, SCALES = 3 };

static const float eps = 1e-5f;

struct cm_parser {
    size_t levels, channels[MAX_LEVELS], edge_channels, groups, classes, slot_width, slot_heads;
    size_t slots, slot_counts[MAX_SLOTS], slot_logits, scales;
    cm_affine edge, stem, halve[MAX_LEVELS];
    cm_resnet down[MAX_LEVELS], up[MAX_LEVELS];
    cm_affine narrow, join, join_norm, classify;
    cm_tensor *queries;                           /* [slots, slot_width] */
    cm_affine scale_norm[SCALES], keys[SCALES], values[SCALES], mix, answers[MAX_SLOTS];
};

static cm_status check_groups(const cm_parser *n) {
    for (size_t i = 0; i < n->levels; i++)
        if (n->channels[i] % n->groups)
            return cm_fail(CM_EFORMAT, "parser config: \"channels\" %zu is not a multiple of \"groups\" %zu", n->channels[i], n->groups);
    if (2 * n->edge_channels % n->groups)
        return cm_fail(CM_EFORMAT, "parser config: \"edge_channels\" twice is not a multiple of \"groups\" %zu", n->groups);
    if (n->slot_width % n->slot_heads)
        return cm_fail(CM_EFORMAT, "parser config: \"slot_width\" is not a multiple of \"slot_heads\"");
    return CM_OK;
}

static cm_status configure(cm_parser *n, const json_t *config) {
    cm_config c = cm_config_begin(config, "parser config");
    n->levels = cm_config_length(&c, "channels");
    n->slots = cm_config_length(&c, "slots");
    if (c.status == CM_OK && (n->levels < 2 || n->levels > MAX_LEVELS || n->slots < 1 || n->slots > MAX_SLOTS))
        c.status = cm_fail(CM_EFORMAT, "parser config: wants \"channels\" (2 to %d) and \"slots\" (1 to %d)", MAX_LEVELS, MAX_SLOTS);
    if (c.status != CM_OK) return c.status;
    cm_config_sizes(&c, "channels", 8, 1, 4096, n->levels, n->channels);
    cm_config_sizes(&c, "slots", 2, 1, 4096, n->slots, n->slot_counts);
    n->edge_channels = cm_config_size(&c, "edge_channels", 8, 1, 256);
    n->groups = cm_config_size(&c, "groups", 8, 1, 256);
    n->classes = cm_config_size(&c, "classes", 18, 2, 4096);
    n->slot_width = cm_config_size(&c, "slot_width", 96, 1, 4096);
    n->slot_heads = cm_config_size(&c, "slot_heads", 4, 1, 256);
    if (c.status != CM_OK) return c.status;
    for (size_t i = 0; i < n->slots; i++) n->slot_logits += n->slot_counts[i];
    n->scales = n->levels - 1 < SCALES ? n->levels - 1 : SCALES;
    return check_groups(n);
}

static void build_body(cm_parser *n, cm_params *p) {
    char name[64];
    n->edge = cm_affine_conv(p, n->edge_channels, 3, 3, "edge");
    n->stem = cm_affine_conv(p, n->channels[0], n->edge_channels, 3, "stem");
    for (size_t i = 0; i < n->levels; i++) {
        const size_t in = n->channels[i ? i - 1 : 0], out = n->channels[i];
        if (i) n->halve[i] = cm_affine_conv(p, in, in, 3, "down.%zu.halve", i);
        snprintf(name, sizeof name, "down.%zu", i);
        cm_resnet_build(&n->down[i], p, name, in, out, 0, n->groups, eps);
    }
    for (size_t i = n->levels - 1; i-- > 0;) {
        snprintf(name, sizeof name, "up.%zu", i);
        cm_resnet_build(&n->up[i], p, name, n->channels[i + 1] + n->channels[i], n->channels[i], 0, n->groups, eps);
    }
    const size_t thin = 2 * n->edge_channels;
    n->narrow = cm_affine_conv(p, thin, n->channels[0], 1, "narrow");
    n->join = cm_affine_conv(p, thin, thin + n->edge_channels, 3, "join");
    n->join_norm = cm_affine_norm(p, thin, "join_norm");
    n->classify = cm_affine_conv(p, n->classes, thin, 1, "classify");
}

static void build_slots(cm_parser *n, cm_params *p) {
    const size_t width = n->slot_width;
    n->queries = cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(n->slots, width), "slots.queries");
    for (size_t i = 0; i < n->scales; i++) {
        n->scale_norm[i] = cm_affine_norm(p, n->channels[i], "slots.norms.%zu", i);
        n->keys[i] = cm_affine_linear(p, width, n->channels[i], "slots.keys.%zu", i);
        n->values[i] = cm_affine_linear(p, width, n->channels[i], "slots.values.%zu", i);
    }
    n->mix = cm_affine_linear(p, width, width, "slots.mix");
    for (size_t i = 0; i < n->slots; i++) n->answers[i] = cm_affine_linear(p, n->slot_counts[i], width, "slots.answers.%zu", i);
}

cm_status cm_parser_build(cm_parser **out, const json_t *config, cm_params *p, cm_arena *arena) {
    cm_parser *n = CM_PUSH_ZERO(arena, cm_parser, 1);
    CM_TRY(cm_arena_check(arena));
    CM_TRY(configure(n, config));
    build_body(n, p);
    build_slots(n, p);
    *out = n;
    return CM_OK;
}

size_t cm_parser_slot_logits(const cm_parser *n) {
    return n->slot_logits;
}

/* --- forward ------------------------------------------------------------------------ */

/* Tokens of every scale, after another: [n, sum of h*w, slot_width]. */
static cm_tensor *gather_scales(cm_ctx *g, const cm_parser *n, cm_tensor *const *scale, const cm_affine *to) {
    cm_tensor *all = NULL;
    for (size_t i = 0; i < n->scales; i++) {
        const cm_tensor *s = scale[i];
        if (!s) return NULL;
        cm_tensor *h = cm_view(g, scale[i], CM_SHAPE(s->shape[0], s->shape[1] * s->shape[2], s->shape[3]));
        h = cm_then(g, h, cm_layer_norm(g, h, n->scale_norm[i].weight, n->scale_norm[i].bias, eps));
        h = cm_then(g, h, cm_apply_linear(g, h, to[i]));
        if (!all) {
            all = h;
            continue;
        }
        all = cm_then(g, all, cm_concat_tokens(g, all, h));
        cm_drop(g, h);
    }
    return all;
}

/* Every slot's head on its own row of x [n, slots * width]. */
static cm_tensor *answer(cm_ctx *g, const cm_parser *n, cm_tensor *x) {
    cm_tensor *all = NULL;
    for (size_t i = 0; i < n->slots; i++) {
        cm_tensor *h = cm_slice_last(g, x, i * n->slot_width, n->slot_width);
        h = cm_then(g, h, cm_apply_linear(g, h, n->answers[i]));
        if (i == 0) {
            all = h;
            continue;
        }
        all = cm_then(g, all, cm_concat_last(g, all, h));
        cm_drop(g, h);
    }
    return all;
}

static cm_tensor *run_slots(cm_ctx *g, const cm_parser *n, cm_tensor *const *scale, size_t batch) {
    cm_tensor *k = gather_scales(g, n, scale, n->keys), *v = gather_scales(g, n, scale, n->values);
    cm_tensor *one = cm_view(g, n->queries, CM_SHAPE(1, n->slots, n->slot_width));
    cm_tensor *q = cm_then(g, one, cm_repeat_batch(g, one, batch));
    cm_tensor *h = cm_attention(g, q, k, v, n->slot_heads, 0.0f, false, NULL);
    cm_drop(g, q);
    cm_drop(g, k);
    cm_drop(g, v);
    cm_tensor *m = cm_apply_linear(g, h, n->mix);
    m = cm_then(g, m, cm_activate(g, m, CM_SILU));
    m = cm_then(g, m, cm_add(g, h, m));
    cm_drop(g, h);
    m = cm_then(g, m, cm_view(g, m, CM_SHAPE(batch, n->slots * n->slot_width)));
    return cm_then(g, m, answer(g, n, m));
}

static cm_tensor *run_classes(cm_ctx *g, const cm_parser *n, cm_tensor *half, cm_tensor *edge) {
    if (!edge) return NULL;
    cm_tensor *h = cm_apply_conv(g, half, n->narrow);
    h = cm_then(g, h, cm_upsample_to(g, h, edge->shape[1], edge->shape[2]));
    h = cm_then(g, h, cm_concat_last(g, h, edge));
    h = cm_then(g, h, cm_apply_conv(g, h, n->join));
    h = cm_then(g, h, cm_group_norm(g, h, n->join_norm.weight, n->join_norm.bias, n->groups, eps, CM_SILU));
    return cm_then(g, h, cm_apply_conv(g, h, n->classify));
}

/* scale[i]: features at 1/2^(i+1) of the picture; the deepest only feeds the others. */
static void run_body(cm_ctx *g, const cm_parser *n, cm_tensor *edge, cm_tensor **scale) {
    cm_tensor *x = cm_conv2d(g, edge, n->stem.weight, n->stem.bias, 2, CM_PAD_SAME);
    for (size_t i = 0; i < n->levels; i++) {
        if (i) x = cm_conv2d(g, x, n->halve[i].weight, n->halve[i].bias, 2, CM_PAD_SAME);
        scale[i] = cm_then(g, x, cm_resnet_forward(g, &n->down[i], x, NULL));
        x = scale[i];
    }
    for (size_t i = n->levels - 1; i-- > 0;) {
        if (!scale[i]) return;
        cm_tensor *h = cm_upsample_to(g, scale[i + 1], scale[i]->shape[1], scale[i]->shape[2]);
        h = cm_then(g, h, cm_concat_last(g, h, scale[i]));
        scale[i] = cm_then(g, scale[i], cm_resnet_forward(g, &n->up[i], h, NULL));
        cm_drop(g, h);
    }
}

void cm_parser_forward(cm_ctx *g, const cm_parser *n, cm_tensor *pixels, cm_tensor **classes, cm_tensor **slots) {
    cm_tensor *scale[MAX_LEVELS] = {0};
    assert(!pixels || (pixels->ndim == 4 && pixels->shape[3] == 3));
    cm_tensor *edge = cm_apply_conv(g, pixels, n->edge);
    edge = cm_then(g, edge, cm_activate(g, edge, CM_SILU));
    run_body(g, n, edge, scale);
    if (classes) *classes = run_classes(g, n, scale[0], edge);
    if (slots) *slots = pixels ? run_slots(g, n, scale, pixels->shape[0]) : NULL;
    cm_drop(g, edge);
    for (size_t i = 0; i < n->levels; i++) cm_drop(g, scale[i]);
}
