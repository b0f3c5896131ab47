// SPDX-License-Identifier: Apache-2.0
#include "metrics/extractor.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "core/networks/dinov2.h"
#include "core/networks/inception.h"
#include "core/networks/scorenet.h"
#include "core/networks/vit.h"

enum { SEED = 2020 };

typedef enum kind { INCEPTION, CLIP, DINOV2, NANO } kind;

const cm_network_row cm_networks[] = {
    {"inception", "Inception v3 of 2015-12-05, the network of FID, KID and the inception score",
     {"pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth", "inception-2015-12-05.safetensors", "inception"}},
    {"clip-vit-b-32", "CLIP ViT-B/32", {"ViT-B-32.pt", "clip-vit-base-patch32", "openai/clip-vit-base-patch32", "clip-vit-b-32"}},
    {"clip-vit-b-16", "CLIP ViT-B/16", {"ViT-B-16.pt", "clip-vit-base-patch16", "openai/clip-vit-base-patch16", "clip-vit-b-16"}},
    {"clip-vit-l-14", "CLIP ViT-L/14", {"ViT-L-14.pt", "clip-vit-large-patch14", "openai/clip-vit-large-patch14", "clip-vit-l-14"}},
    {"clip-vit-l-14-336", "CLIP ViT-L/14 at 336 pixels",
     {"ViT-L-14-336px.pt", "clip-vit-large-patch14-336", "openai/clip-vit-large-patch14-336", "clip-vit-l-14-336"}},
    {"hps-v2.0", "CLIP ViT-H/14 of HPS v2.0", {"HPS_v2_compressed.pt", "HPS_v2.pt", "hps-v2.0"}},
    {"hps-v2.1", "CLIP ViT-H/14 of HPS v2.1", {"HPS_v2.1_compressed.pt", "HPS_v2.1.pt", "hps-v2.1"}},
    {"dinov2-vit-l-14", "DINOv2 ViT-L/14", {"dinov2_vitl14_pretrain.pth", "dinov2-large", "facebook/dinov2-large", "dinov2-vit-l-14"}},
    {"dinov2-vit-l-14-reg4", "DINOv2 ViT-L/14 with registers",
     {"dinov2_vitl14_reg4_pretrain.pth", "dinov2-with-registers-large", "facebook/dinov2-with-registers-large", "dinov2-vit-l-14-reg4"}},
};
const size_t cm_network_count = sizeof cm_networks / sizeof *cm_networks;

const cm_network_row *cm_network_find(const char *name) {
    for (size_t i = 0; i < cm_network_count; i++)
        if (strcmp(cm_networks[i].name, name) == 0) return &cm_networks[i];
    return NULL;
}

struct cm_extractor {
    kind kind;
    const char *label;
    char hash[65];
    size_t width, height, widths[CM_OUTPUTS];
    cm_params *params;       /* of Inception and nano */
    cm_inception *inception;
    cm_clip_pair *pair;
    cm_dinov2 *dinov2;
    cm_feature_net *nano;
    cm_arena arena;
};

/* --- opening ----------------------------------------------------------------- */

static cm_status open_params(cm_extractor *e, const char *weights) {
    return *e->label ? cm_params_create(&e->params, SEED) : cm_params_open(&e->params, weights);
}

static cm_status finish_params(cm_extractor *e) {
    CM_TRY(cm_params_check(e->params, false));
    CM_TRY(cm_params_hash(e->params, e->hash));
    cm_params_fix(e->params);
    return CM_OK;
}

static cm_status open_inception(cm_extractor *e, const char *weights) {
    e->width = e->height = 299;
    e->widths[CM_OUT_FEATURES] = CM_INCEPTION_POOL;
    e->widths[CM_OUT_SPATIAL] = CM_INCEPTION_SPATIAL;

    CM_TRY(open_params(e, weights));
    CM_TRY(cm_inception_build(&e->inception, CM_INCEPTION_FID, e->params, &e->arena));
    e->widths[CM_OUT_LOGITS] = cm_inception_classes(e->inception);
    return finish_params(e);
}

static cm_status open_dinov2(cm_extractor *e, const char *network, const char *weights) {
    const char *path = *e->label ? cm_arena_print(&e->arena, "random:%s", network) : weights;
    CM_TRY(cm_arena_check(&e->arena));
    CM_TRY(cm_dinov2_open(&e->dinov2, path, &(cm_dinov2_options){.seed = SEED}));
    const cm_dinov2_info *info = cm_dinov2_get_info(e->dinov2);
    e->width = info->width;
    e->height = info->height;
    e->widths[CM_OUT_FEATURES] = info->features;
    return cm_dinov2_hash(e->dinov2, e->hash);
}

static cm_status open_clip(cm_extractor *e, const char *network, const char *weights, const char *tokenizer) {
    const bool hps = strncmp(network, "hps", 3) == 0;
    const char *path = *e->label ? cm_arena_print(&e->arena, "random:%s", hps ? "clip-vit-h-14" : network) : weights;
    CM_TRY(cm_arena_check(&e->arena));
    CM_TRY(cm_clip_pair_open(&e->pair, path, &(cm_clip_options){.tokenizer = tokenizer, .seed = SEED}));
    const cm_clip_pair_info *info = cm_clip_pair_get_info(e->pair);
    e->width = info->width;
    e->height = info->height;
    e->widths[CM_OUT_FEATURES] = info->projection;
    return cm_clip_pair_hash(e->pair, e->hash);
}

/* The shipped feature network: pictures of 64x96. */
static cm_status open_nano(cm_extractor *e) {
    char *models;
    json_t *config = NULL;
    CM_TRY(cm_models_folder(&e->arena, &models));
    const char *folder = cm_arena_print(&e->arena, "%s/nano/features", models), *path = cm_arena_print(&e->arena, "%s/config.json", folder);
    CM_TRY(cm_arena_check(&e->arena));
    CM_TRY(cm_json_read(path, &config));
    e->width = 64;
    e->height = 96;
    cm_status s = cm_params_open(&e->params, folder);
    if (s == CM_OK) s = cm_feature_net_build(&e->nano, config, e->params, &e->arena);
    json_decref(config);
    CM_TRY(s);
    e->widths[CM_OUT_FEATURES] = cm_feature_net_width(e->nano);
    return finish_params(e);
}

static cm_status open_kind(cm_extractor *e, const char *network, const char *weights, const char *tokenizer) {
    const bool nano = strcmp(weights, "nano") == 0;
    e->label = nano || strcmp(weights, "random") == 0 ? weights : "";
    e->label = cm_arena_string(&e->arena, e->label);
    CM_TRY(cm_arena_check(&e->arena));
    e->kind = nano ? NANO : strncmp(network, "dino", 4) == 0 ? DINOV2 : strcmp(network, "inception") == 0 ? INCEPTION : CLIP;
    if (nano && strcmp(network, "inception") != 0) return cm_fail(CM_EUSAGE, "the nano network stands in Inception's place only");
    switch (e->kind) {
        case INCEPTION: return open_inception(e, weights);
        case DINOV2: return open_dinov2(e, network, weights);
        case NANO: return open_nano(e);
        case CLIP: return open_clip(e, network, weights, tokenizer);
    }
    return CM_OK;
}

cm_status cm_extractor_open(cm_extractor **out, const char *network, const char *weights, const char *tokenizer) {
    cm_extractor *e = calloc(1, sizeof *e);
    if (!e) return cm_fail(CM_ENOMEM, "out of memory");
    cm_arena_init(&e->arena, 0);
    const cm_status s = open_kind(e, network, weights, tokenizer);
    if (s != CM_OK) {
        cm_extractor_close(&e);
        return cm_fail_in(s, "network %s", network);
    }
    *out = e;
    return CM_OK;
}

void cm_extractor_close(cm_extractor **e) {
    if (!*e) return;
    cm_clip_pair_close(&(*e)->pair);
    cm_dinov2_close(&(*e)->dinov2);
    cm_params_close(&(*e)->params);
    cm_arena_free(&(*e)->arena);
    free(*e);
    *e = NULL;
}

const char *cm_extractor_label(const cm_extractor *e) {
    return e->label;
}

const char *cm_extractor_hash(const cm_extractor *e) {
    return e->hash;
}

size_t cm_extractor_width(const cm_extractor *e, cm_output output) {
    return e->widths[output];
}

void cm_extractor_size(const cm_extractor *e, size_t *width, size_t *height) {
    *width = e->width;
    *height = e->height;
}

const cm_clip_pair *cm_extractor_pair(const cm_extractor *e) {
    return e->pair;
}

/* --- running ---------------------------------------------------------------------- */

static cm_status take(const cm_ctx *g, const cm_tensor *t, float *out) {
    return out ? cm_vit_take(g, t, 0, out, "the features of picture") : CM_OK;
}

static cm_status run_inception(const cm_extractor *e, cm_ctx *g, cm_tensor *pixels, float *const out[CM_OUTPUTS]) {
    cm_inception_out r = {0};
    const unsigned wanted = (out[CM_OUT_FEATURES] ? CM_INCEPTION_WANT_POOL : 0) | (out[CM_OUT_SPATIAL] ? CM_INCEPTION_WANT_SPATIAL : 0) |
                            (out[CM_OUT_LOGITS] ? CM_INCEPTION_WANT_LOGITS_UNBIASED : 0);
    cm_inception_forward(g, e->inception, pixels, wanted, &r);
    CM_TRY(take(g, r.pool, out[CM_OUT_FEATURES]));
    CM_TRY(take(g, r.spatial, out[CM_OUT_SPATIAL]));
    return take(g, r.logits_unbiased, out[CM_OUT_LOGITS]);
}

static cm_status run_nano(const cm_extractor *e, cm_ctx *g, cm_tensor *pixels, float *const out[CM_OUTPUTS]) {
    cm_tensor *pooled = NULL;
    cm_feature_net_forward(g, e->nano, pixels, &pooled, NULL);
    return take(g, pooled, out[CM_OUT_FEATURES]);
}

cm_status cm_extractor_run(const cm_extractor *e, cm_ctx *g, const float *pixels, size_t n, float *const out[CM_OUTPUTS]) {
    if (e->kind == CLIP) return cm_clip_pair_images(e->pair, g, pixels, n, out[CM_OUT_FEATURES]);
    if (e->kind == DINOV2) return cm_dinov2_images(e->dinov2, g, pixels, n, out[CM_OUT_FEATURES]);
    cm_ctx_reset(g);
    cm_tensor *x = cm_tensor_copy(g, CM_SHAPE(n, e->height, e->width, 3), pixels);
    const cm_status s = e->kind == INCEPTION ? run_inception(e, g, x, out) : run_nano(e, g, x, out);
    cm_ctx_reset(g);
    return s;
}
