// SPDX-License-Identifier: Apache-2.0
/* The parser of nano_scorers.h. */
#include "core/networks/nano_scorers.h"

#include <assert.h>
#include <stdio.h>

#include "core/networks/blocks.h"
#include "core/networks/config.h"

enum { MAX_LEVELS = 6, MAX_SLOTS = 256, SCALES = 3 };

static const float eps = 1e-5f;

struct cm_parser {
    size_t levels, channels[MAX_LEVELS], edge_channels, groups, classes, slot_width, slot_heads;
    size_t slots, slot_counts[MAX_SLOTS], slot_logits, scales,
        finest; /* finest: the first scale that queries look at */
    size_t regions, region_width,
        slot_regions[MAX_SLOTS]; /* regions 0: an older parser, which does not look into them */
    cm_affine edge, stem, halve[MAX_LEVELS];
    cm_resnet down[MAX_LEVELS], up[MAX_LEVELS];
    cm_affine narrow, join, join_norm, classify;
    cm_tensor *queries; /* [slots, slot_width] */
    cm_affine scale_norm[SCALES], keys[SCALES], values[SCALES], mix, answers[MAX_SLOTS];
    cm_affine outline, look, region_key, region_value, region_own; /* where there are regions */
    cm_tensor *region_names;                                       /* [classes + regions, region_width] */
};

static cm_status check_groups(const cm_parser *n) {
    for (size_t i = 0; i < n->levels; i++)
        if (n->channels[i] % n->groups)
            return cm_fail(CM_EFORMAT, "parser config: \"channels\" %zu is not a multiple of \"groups\" %zu",
                           n->channels[i], n->groups);
    if (2 * n->edge_channels % n->groups)
        return cm_fail(CM_EFORMAT, "parser config: \"edge_channels\" twice is not a multiple of \"groups\" %zu",
                       n->groups);
    if (n->slot_width % n->slot_heads)
        return cm_fail(CM_EFORMAT, "parser config: \"slot_width\" is not a multiple of \"slot_heads\"");
    return CM_OK;
}

static cm_status configure(cm_parser *n, const json_t *config) {
    cm_config c = cm_config_begin(config, "parser config");
    n->levels = cm_config_length(&c, "channels");
    n->slots = cm_config_length(&c, "slots");
    if (c.status == CM_OK && (n->levels < 2 || n->levels > MAX_LEVELS || n->slots < 1 || n->slots > MAX_SLOTS))
        c.status = cm_fail(CM_EFORMAT, "parser config: wants \"channels\" (2 to %d) and \"slots\" (1 to %d)",
                           MAX_LEVELS, MAX_SLOTS);
    if (c.status != CM_OK) return c.status;
    cm_config_sizes(&c, "channels", 8, 1, 4096, n->levels, n->channels);
    cm_config_sizes(&c, "slots", 2, 1, 4096, n->slots, n->slot_counts);
    n->edge_channels = cm_config_size(&c, "edge_channels", 8, 1, 256);
    n->groups = cm_config_size(&c, "groups", 8, 1, 256);
    n->classes = cm_config_size(&c, "classes", 18, 2, 4096);
    n->slot_width = cm_config_size(&c, "slot_width", 96, 1, 4096);
    n->slot_heads = cm_config_size(&c, "slot_heads", 4, 1, 256);
    n->regions = cm_config_size(&c, "regions", 0, 0, 4096);
    n->region_width = cm_config_size(&c, "region_width", 160, 1, 4096);
    if (n->regions) cm_config_sizes(&c, "slot_regions", 0, 0, n->regions - 1, n->slots, n->slot_regions);
    if (c.status != CM_OK) return c.status;
    for (size_t i = 0; i < n->slots; i++) n->slot_logits += n->slot_counts[i];
    n->scales = n->levels - 1 < SCALES ? n->levels - 1 : SCALES;
    n->finest = n->scales - cm_config_size(&c, "attended_scales", n->scales, 1, n->scales);
    if (c.status != CM_OK) return c.status;
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

enum { PLACES = 4, PLACE = 3 + PLACES }; /* a pixel's colour, and where it is, from each side */

/* What is seen of a region: its area, and mean, spread and peak of everything that is pooled. */
static size_t region_sights(const cm_parser *n) {
    size_t channels = PLACE + 2 * n->edge_channels;
    for (size_t i = 0; i < n->scales; i++) channels += n->channels[i];
    return 1 + 3 * channels;
}

static void build_regions(cm_parser *n, cm_params *p) {
    n->outline = cm_affine_conv(p, n->regions, 2 * n->edge_channels, 1, "regions.classify");
    n->look = cm_affine_linear(p, n->region_width, region_sights(n), "regions.look");
    n->region_names =
        cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(n->classes + n->regions, n->region_width), "regions.names");
    n->region_key = cm_affine_linear(p, n->slot_width, n->region_width, "regions.key");
    n->region_value = cm_affine_linear(p, n->slot_width, n->region_width, "regions.value");
    n->region_own = cm_affine_linear(p, n->slot_width, n->region_width, "regions.own");
}

/* Values that a slot's head answers from. */
static size_t slot_sees(const cm_parser *n) {
    return n->slot_width + (n->regions ? n->region_width : 0);
}

static void build_slots(cm_parser *n, cm_params *p) {
    const size_t width = n->slot_width;
    n->queries = cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(n->slots, width), "slots.queries");
    for (size_t i = 0; i < n->scales; i++) {
        n->scale_norm[i] = cm_affine_norm(p, n->channels[i], "slots.norms.%zu", i);
        if (i < n->finest) continue;
        n->keys[i] = cm_affine_linear(p, width, n->channels[i], "slots.keys.%zu", i);
        n->values[i] = cm_affine_linear(p, width, n->channels[i], "slots.values.%zu", i);
    }
    n->mix = cm_affine_linear(p, width, width, "slots.mix");
    for (size_t i = 0; i < n->slots; i++)
        n->answers[i] = cm_affine_linear(p, n->slot_counts[i], slot_sees(n), "slots.answers.%zu", i);
}

cm_status cm_parser_build(cm_parser **out, const json_t *config, cm_params *p, cm_arena *arena) {
    cm_parser *n = CM_PUSH_ZERO(arena, cm_parser, 1);
    CM_TRY(cm_arena_check(arena));
    CM_TRY(configure(n, config));
    build_body(n, p);
    build_slots(n, p);
    if (n->regions) build_regions(n, p);
    *out = n;
    return CM_OK;
}

size_t cm_largest_logit(const float *x, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

size_t cm_parser_slot_logits(const cm_parser *n) {
    return n->slot_logits;
}

/* --- forward ------------------------------------------------------------------------ */

/* Every scale's features, each position normalised: what keys, values and regions are made of. */
static void normalise(cm_ctx *g, const cm_parser *n, cm_tensor *const *scale, cm_tensor **norm) {
    for (size_t i = 0; i < n->scales; i++)
        norm[i] = cm_layer_norm(g, scale[i], n->scale_norm[i].weight, n->scale_norm[i].bias, eps);
}

/* Tokens of every scale that is looked at, after another: [n, sum of h*w, slot_width]. */
static cm_tensor *gather_scales(cm_ctx *g, const cm_parser *n, cm_tensor *const *norm, const cm_affine *to) {
    cm_tensor *all = NULL;
    for (size_t i = n->finest; i < n->scales; i++) {
        const cm_tensor *s = norm[i];
        if (!s) return NULL;
        cm_tensor *h = cm_view(g, norm[i], CM_SHAPE(s->shape[0], s->shape[1] * s->shape[2], s->shape[3]));
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

/* [a, b], of which b is used up. */
static cm_tensor *beside(cm_ctx *g, cm_tensor *a, cm_tensor *b) {
    cm_tensor *both = cm_concat_last(g, a, b);
    cm_drop(g, b);
    return both;
}

/* Soft maps of what the logits say, squared, so that a thousand pixels of doubt weigh less than ten of certainty. No
 * gradient flows back: maps learn from labels alone. */
static cm_tensor *soft_maps(cm_ctx *g, const cm_tensor *logits) {
    if (!logits) return NULL;
    cm_tensor *h = cm_tensor_copy(g, logits->ndim, logits->shape, logits->data);
    h = cm_then(g, h, cm_softmax_last(g, h));
    return cm_then(g, h, cm_mul(g, h, h));
}

/* Colours and places: [n,H,W,7]; places are shares of width and height from the left, the top, the right, the bottom,
 * so that their peaks are how far a region reaches. */
static cm_tensor *places(cm_ctx *g, cm_tensor *pixels) {
    if (!pixels) return NULL;
    const size_t height = pixels->shape[1], width = pixels->shape[2];
    cm_tensor *at = cm_tensor_new(g, CM_SHAPE(pixels->shape[0], height, width, PLACES));
    for (size_t i = 0; at && i < pixels->shape[0] * height * width; i++) {
        const float x = ((float)(i % width) + 0.5f) / (float)width,
                    y = ((float)(i / width % height) + 0.5f) / (float)height;
        const float sides[PLACES] = {x, y, 1 - x, 1 - y};
        for (size_t k = 0; k < PLACES; k++) at->data[PLACES * i + k] = sides[k];
    }
    return beside(g, pixels, at);
}

/* What is seen of every region: [n, classes + regions, region_sights]. */
static cm_tensor *look_into(cm_ctx *g, const cm_parser *n, cm_tensor *pixels, cm_tensor *thin, cm_tensor *const *norm,
                            cm_tensor *maps) {
    cm_tensor *whole = places(g, pixels);
    whole = cm_then(g, whole, cm_concat_last(g, whole, thin));
    cm_tensor *seen = cm_region_areas(g, maps);
    seen = cm_then(g, seen, beside(g, seen, cm_region_pool(g, maps, whole)));
    cm_drop(g, whole);
    for (size_t i = 0; i < n->scales; i++) {
        if (!norm[i]) return NULL;
        cm_tensor *smaller = cm_upsample_bilinear(g, maps, norm[i]->shape[1], norm[i]->shape[2]);
        if (i) cm_drop(g, maps);
        maps = smaller;
        seen = cm_then(g, seen, beside(g, seen, cm_region_pool(g, maps, norm[i])));
    }
    cm_drop(g, maps);
    return seen;
}

/* A vector for each class and region: [n, classes + regions, region_width]. */
static cm_tensor *describe_regions(cm_ctx *g, const cm_parser *n, cm_tensor *pixels, cm_tensor *thin,
                                   cm_tensor *const *norm, const cm_tensor *classes, const cm_tensor *regions) {
    cm_tensor *maps = soft_maps(g, classes);
    maps = cm_then(g, maps, beside(g, maps, soft_maps(g, regions)));
    cm_tensor *h = look_into(g, n, pixels, thin, norm, maps);
    cm_drop(g, maps);
    h = cm_then(g, h, cm_apply_linear(g, h, n->look));
    h = cm_then(g, h, cm_add_broadcast(g, h, n->region_names));
    return cm_then(g, h, cm_activate(g, h, CM_SILU));
}

/* Each slot's own region: [n, slots, region_width]. */
static cm_tensor *own_regions(cm_ctx *g, const cm_parser *n, cm_tensor *regions) {
    if (!regions) return NULL;
    const size_t images = regions->shape[0], all = n->classes + n->regions;
    size_t *rows = CM_PUSH(&g->memory, size_t, images * n->slots);
    if (!rows) return cm_ctx_fail(g, CM_ENOMEM, "out of memory");
    for (size_t i = 0; i < images * n->slots; i++)
        rows[i] = i / n->slots * all + n->classes + n->slot_regions[i % n->slots];
    cm_tensor *own = cm_gather_rows(g, regions, rows, images * n->slots);
    return cm_then(g, own, cm_view(g, own, CM_SHAPE(images, n->slots, n->region_width)));
}

/* Every slot's head on its own row of x [n, slots * slot_sees]. */
static cm_tensor *answer(cm_ctx *g, const cm_parser *n, cm_tensor *x) {
    cm_tensor *all = NULL;
    for (size_t i = 0; i < n->slots; i++) {
        cm_tensor *h = cm_slice_last(g, x, i * slot_sees(n), slot_sees(n));
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

/* One more key or value for every region. */
static cm_tensor *with_regions(cm_ctx *g, cm_tensor *tokens, cm_tensor *regions, cm_affine to) {
    if (!regions) return tokens;
    cm_tensor *more = cm_apply_linear(g, regions, to);
    tokens = cm_then(g, tokens, cm_concat_tokens(g, tokens, more));
    cm_drop(g, more);
    return tokens;
}

static cm_tensor *gather_by_attention(cm_ctx *g, const cm_parser *n, cm_tensor *const *norm, cm_tensor *regions,
                                      size_t batch) {
    cm_tensor *k = gather_scales(g, n, norm, n->keys), *v = gather_scales(g, n, norm, n->values);
    if (n->regions) {
        k = with_regions(g, k, regions, n->region_key);
        v = with_regions(g, v, regions, n->region_value);
    }
    cm_tensor *one = cm_view(g, n->queries, CM_SHAPE(1, n->slots, n->slot_width));
    cm_tensor *q = cm_then(g, one, cm_repeat_batch(g, one, batch));
    cm_tensor *h = cm_attention(g, q, k, v, n->slot_heads, 0.0f, false, NULL);
    cm_drop(g, q);
    cm_drop(g, k);
    cm_drop(g, v);
    return h;
}

/* regions: a vector each, or NULL where the parser has none. */
static cm_tensor *run_slots(cm_ctx *g, const cm_parser *n, cm_tensor *const *norm, cm_tensor *regions, size_t batch) {
    cm_tensor *h = gather_by_attention(g, n, norm, regions, batch),
              *own = n->regions ? own_regions(g, n, regions) : NULL;
    if (n->regions) h = cm_then(g, h, cm_apply_linear_plus(g, own, n->region_own, h));
    cm_tensor *m = cm_apply_linear(g, h, n->mix);
    m = cm_then(g, m, cm_activate(g, m, CM_SILU));
    m = cm_then(g, m, cm_add(g, h, m));
    cm_drop(g, h);
    if (n->regions) m = cm_then(g, m, beside(g, m, own));
    m = cm_then(g, m, cm_view(g, m, CM_SHAPE(batch, n->slots * slot_sees(n))));
    return cm_then(g, m, answer(g, n, m));
}

/* Features of every pixel, of 2 * edge_channels: what says its class and its region. */
static cm_tensor *run_thin(cm_ctx *g, const cm_parser *n, cm_tensor *half, cm_tensor *edge) {
    if (!edge) return NULL;
    cm_tensor *h = cm_apply_conv(g, half, n->narrow);
    h = cm_then(g, h, cm_upsample_to(g, h, edge->shape[1], edge->shape[2]));
    h = cm_then(g, h, cm_concat_last(g, h, edge));
    h = cm_then(g, h, cm_apply_conv(g, h, n->join));
    return cm_then(g, h, cm_group_norm(g, h, n->join_norm.weight, n->join_norm.bias, n->groups, eps, CM_SILU));
}

/* scale[i]: features at 1/2^(i+1) of the image; the deepest only feeds the others. */
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

/* Slots' answers; classes and regions may be NULL where the parser has no regions. */
static cm_tensor *run_heads(cm_ctx *g, const cm_parser *n, cm_tensor *pixels, cm_tensor *thin, cm_tensor *const *scale,
                            const cm_tensor *classes, const cm_tensor *regions) {
    cm_tensor *norm[SCALES] = {0}, *looks = NULL;
    normalise(g, n, scale, norm);
    if (n->regions) looks = describe_regions(g, n, pixels, thin, norm, classes, regions);
    cm_tensor *slots = pixels ? run_slots(g, n, norm, looks, pixels->shape[0]) : NULL;
    cm_drop(g, looks);
    for (size_t i = 0; i < n->scales; i++) cm_drop(g, norm[i]);
    return slots;
}

/* Hands a tensor over, or drops it where nobody wants it. */
static void give(cm_ctx *g, cm_tensor *x, cm_tensor **out) {
    if (out) *out = x;
    else cm_drop(g, x);
}

void cm_parser_forward_all(cm_ctx *g, const cm_parser *n, cm_tensor *pixels, cm_tensor **classes, cm_tensor **regions,
                           cm_tensor **slots) {
    cm_tensor *scale[MAX_LEVELS] = {0}, *thin = NULL, *of_class = NULL, *of_region = NULL;
    assert(!pixels || (pixels->ndim == 4 && pixels->shape[3] == 3));
    cm_tensor *edge = cm_apply_conv(g, pixels, n->edge);
    edge = cm_then(g, edge, cm_activate(g, edge, CM_SILU));
    run_body(g, n, edge, scale);
    if (classes || n->regions) {
        thin = run_thin(g, n, scale[0], edge);
        of_class = cm_apply_conv(g, thin, n->classify);
    }
    if (n->regions) of_region = cm_apply_conv(g, thin, n->outline);
    if (slots) *slots = run_heads(g, n, pixels, thin, scale, of_class, of_region);
    give(g, of_class, classes);
    give(g, of_region, regions);
    cm_drop(g, thin);
    cm_drop(g, edge);
    for (size_t i = 0; i < n->levels; i++) cm_drop(g, scale[i]);
}

void cm_parser_forward(cm_ctx *g, const cm_parser *n, cm_tensor *pixels, cm_tensor **classes, cm_tensor **slots) {
    cm_parser_forward_all(g, n, pixels, classes, NULL, slots);
}
