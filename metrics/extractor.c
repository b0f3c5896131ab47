// SPDX-License-Identifier: Apache-2.0
#include "metrics/extractor.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "core/networks/dinov2.h"
#include "core/networks/inception.h"
#include "core/networks/open_network.h"
#include "core/networks/vit.h"
#include "metrics/mock.h"
#include "prompts/asked_slots.h"

enum { SEED = 2020, NANO_WIDTH = 64, NANO_HEIGHT = 96 };

typedef enum kind { INCEPTION, CLIP, DINOV2, FEATURES, PARSER } kind;

const cm_network_row cm_networks[] = {
    {"inception",
     "Inception v3 of 2015-12-05, the network of FID, KID and the inception score",
     {"pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth",
      "inception-2015-12-05.safetensors", "inception"}},
    {"clip-vit-b-32",
     "CLIP ViT-B/32",
     {"ViT-B-32.pt", "clip-vit-base-patch32", "openai/clip-vit-base-patch32", "clip-vit-b-32"}},
    {"clip-vit-b-16",
     "CLIP ViT-B/16",
     {"ViT-B-16.pt", "clip-vit-base-patch16", "openai/clip-vit-base-patch16", "clip-vit-b-16"}},
    {"clip-vit-l-14",
     "CLIP ViT-L/14",
     {"ViT-L-14.pt", "clip-vit-large-patch14", "openai/clip-vit-large-patch14", "clip-vit-l-14"}},
    {"clip-vit-l-14-336",
     "CLIP ViT-L/14 at 336 pixels",
     {"ViT-L-14-336px.pt", "clip-vit-large-patch14-336", "openai/clip-vit-large-patch14-336", "clip-vit-l-14-336"}},
    {"hps-v2.0", "CLIP ViT-H/14 of HPS v2.0", {"HPS_v2_compressed.pt", "HPS_v2.pt", "hps-v2.0"}},
    {"hps-v2.1", "CLIP ViT-H/14 of HPS v2.1", {"HPS_v2.1_compressed.pt", "HPS_v2.1.pt", "hps-v2.1"}},
    {"dinov2-vit-l-14",
     "DINOv2 ViT-L/14",
     {"dinov2_vitl14_pretrain.pth", "dinov2-large", "facebook/dinov2-large", "dinov2-vit-l-14"}},
    {"dinov2-vit-l-14-reg4",
     "DINOv2 ViT-L/14 with registers",
     {"dinov2_vitl14_reg4_pretrain.pth", "dinov2-with-registers-large", "facebook/dinov2-with-registers-large",
      "dinov2-vit-l-14-reg4"}},
    {"nano-features", "the shipped feature network, images of 64x96", .shipped = true},
    {"nano-clip", "the shipped CLIP pair, images of 64x96", .shipped = true},
    {"nano-parser", "the shipped parser of people: classes of pixels and attributes, images of 64x96", .shipped = true},
};
const size_t cm_network_count = sizeof cm_networks / sizeof *cm_networks;

const cm_network_row *cm_network_find(const char *name) {
    for (size_t i = 0; i < cm_network_count; i++)
        if (strcmp(cm_networks[i].name, name) == 0) return &cm_networks[i];
    return NULL;
}

struct cm_extractor {
    kind kind;
    bool mock;
    const char *label;
    char hash[65];
    size_t width, height, widths[CM_OUTPUTS];
    cm_params *params; /* of all but the next two */
    cm_clip_pair *pair;
    cm_dinov2 *dinov2;
    cm_inception *inception;
    cm_feature_net *features;
    cm_parser *parser;
    cm_slot_set asked; /* of a parser */
    cm_arena arena;
};

/* --- opening ----------------------------------------------------------------- */

static cm_status open_inception(cm_extractor *e, const char *weights) {
    e->width = e->height = 299;
    e->widths[CM_OUT_FEATURES] = CM_INCEPTION_POOL;
    e->widths[CM_OUT_SPATIAL] = CM_INCEPTION_SPATIAL;
    CM_TRY(*e->label ? cm_params_create(&e->params, SEED) : cm_params_open(&e->params, weights));
    CM_TRY(cm_inception_build(&e->inception, CM_INCEPTION_FID, e->params, &e->arena));
    e->widths[CM_OUT_LOGITS] = cm_inception_classes(e->inception);
    CM_TRY(cm_params_check(e->params, false));
    cm_params_freeze(e->params);
    return cm_params_hash(e->params, e->hash);
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

/* --- opening what is shipped ---------------------------------------------------- */

/* PART of the shipped networks' folder; "": the folder itself. */
static cm_status shipped_folder(cm_extractor *e, const char *part, const char **folder) {
    char *models;
    CM_TRY(cm_models_folder(&e->arena, &models));
    *folder = cm_arena_print(&e->arena, "%s/nano%s%s", models, *part ? "/" : "", part);
    CM_TRY(cm_arena_check(&e->arena));
    return cm_path_is_dir(*folder) ? CM_OK
                                   : cm_fail(CM_EUNAVAILABLE, "%s: this network of the program is missing", *folder);
}

/* An attribute's values are numbered as the vocabulary has them: a parser of another one would answer other questions.
 */
static cm_status check_slots(const cm_extractor *e) {
    size_t logits = 0;
    for (int i = 0; i < cm_slot_count; i++) logits += (size_t)cm_slots[i].count;
    if (cm_parser_slot_logits(e->parser) == logits) return CM_OK;
    return cm_fail(CM_EFORMAT,
                   "the parser answers %zu values, the attribute slots have %zu: it was trained on another vocabulary",
                   cm_parser_slot_logits(e->parser), logits);
}

/* Which questions its answers are good enough for. */
static cm_status read_asked(cm_extractor *e, const char *folder) {
    bool known;
    CM_TRY(cm_asked_slots_read(folder, &e->asked, &known));
    if (!known)
        cm_note("%s: its card does not say which questions the parser answers better than the commonest value would: "
                "all are asked "
                "(`train check --part parser --cards` measures it)",
                folder);
    return CM_OK;
}

static cm_status open_nano(cm_extractor *e) {
    const char *folder;
    const bool parses = e->kind == PARSER;
    cm_open_network f;
    e->width = NANO_WIDTH;
    e->height = NANO_HEIGHT;
    CM_TRY(shipped_folder(e, parses ? "parser" : "features", &folder));
    CM_TRY(parses ? cm_open_parser(&f, cm_in_folder(folder), &e->arena, &e->parser)
                  : cm_open_features(&f, cm_in_folder(folder), &e->arena, &e->features));
    json_decref(f.config);
    e->params = f.params;
    if (!parses) e->widths[CM_OUT_FEATURES] = cm_feature_net_width(e->features);
    const cm_status s = parses ? check_slots(e) : CM_OK;
    if (s != CM_OK) return cm_fail_in(s, "%s", folder);
    if (parses) CM_TRY(read_asked(e, folder));
    return cm_params_hash(e->params, e->hash);
}

static void open_mock(cm_extractor *e) {
    e->width = CM_MOCK_WIDTH;
    e->height = CM_MOCK_HEIGHT;
    memset(e->hash, '0', sizeof e->hash - 1);
    e->asked = e->kind == PARSER ? CM_ALL_SLOTS : 0;
    for (int i = 0; i < CM_OUTPUTS && e->kind == INCEPTION; i++) e->widths[i] = CM_MOCK_FEATURES;
    if (e->kind == FEATURES || e->kind == DINOV2) e->widths[CM_OUT_FEATURES] = CM_MOCK_FEATURES;
    if (e->kind == CLIP) e->widths[CM_OUT_FEATURES] = CM_MOCK_EMBEDDING;
}

/* --- opening --------------------------------------------------------------------- */

static kind kind_of(const cm_network_row *row) {
    if (strcmp(row->name, "inception") == 0) return INCEPTION;
    if (strcmp(row->name, "nano-features") == 0) return FEATURES;
    if (strcmp(row->name, "nano-parser") == 0) return PARSER;
    return strncmp(row->name, "dino", 4) == 0 ? DINOV2 : CLIP;
}

/* What stands for a network's weights: label, kind, and the path where they are shipped. */
static cm_status choose_weights(cm_extractor *e, const cm_network_row *row, const char **weights) {
    const char *said = *weights ? *weights : row->shipped ? "nano" : "";
    const bool nano = strcmp(said, "nano") == 0, random = strcmp(said, "random") == 0;
    e->kind = kind_of(row);
    e->mock = strcmp(said, "mock") == 0;
    if (!*said) return cm_fail(CM_EUSAGE, "its weights are not shipped: a file or folder of them is needed");
    if (row->shipped && !nano && !e->mock)
        return cm_fail(CM_EUSAGE, "'%s': its weights are the shipped ones (nano), or mock", said);
    if (nano && !row->shipped && e->kind != INCEPTION)
        return cm_fail(CM_EUSAGE, "the nano network stands in Inception's place only");
    if (nano && e->kind == INCEPTION) e->kind = FEATURES;
    e->label = cm_arena_string(&e->arena, random || e->mock || (nano && !row->shipped) ? said : "");
    CM_TRY(cm_arena_check(&e->arena));
    if (row->shipped && e->kind == CLIP) CM_TRY(shipped_folder(e, "", &said));
    *weights = said;
    return CM_OK;
}

static cm_status open_kind(cm_extractor *e, const char *network, const char *weights, const char *tokenizer) {
    const cm_network_row *row = cm_network_find(network);
    if (!row) return cm_fail(CM_EUSAGE, "none of the networks (`cosmicman list networks`)");
    CM_TRY(choose_weights(e, row, &weights));
    if (e->mock) {
        open_mock(e);
        return CM_OK;
    }
    switch (e->kind) {
    case INCEPTION: return open_inception(e, weights);
    case DINOV2: return open_dinov2(e, network, weights);
    case CLIP: return open_clip(e, network, weights, row->shipped ? NULL : tokenizer);
    case FEATURES:
    case PARSER: return open_nano(e);
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

cm_slot_set cm_extractor_asked(const cm_extractor *e) {
    return e->asked;
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

bool cm_extractor_reads(const cm_extractor *e) {
    return e->kind == CLIP;
}

bool cm_extractor_parses(const cm_extractor *e) {
    return e->kind == PARSER;
}

const cm_tokenizer *cm_extractor_tokenizer(const cm_extractor *e) {
    return e->pair ? cm_clip_pair_tokenizer(e->pair) : NULL;
}

/* --- features -------------------------------------------------------------------- */

static cm_status take(const cm_ctx *g, const cm_tensor *t, float *out) {
    return out ? cm_vit_take(g, t, 0, out, "the features of image") : CM_OK;
}

static cm_status run_inception(const cm_extractor *e, cm_ctx *g, cm_tensor *pixels, float *const out[CM_OUTPUTS]) {
    cm_inception_out r = {0};
    const unsigned wanted = (out[CM_OUT_FEATURES] ? CM_INCEPTION_WANT_POOL : 0) |
                            (out[CM_OUT_SPATIAL] ? CM_INCEPTION_WANT_SPATIAL : 0) |
                            (out[CM_OUT_LOGITS] ? CM_INCEPTION_WANT_LOGITS_UNBIASED : 0);
    cm_inception_forward(g, e->inception, pixels, wanted, &r);
    CM_TRY(take(g, r.pool, out[CM_OUT_FEATURES]));
    CM_TRY(take(g, r.spatial, out[CM_OUT_SPATIAL]));
    return take(g, r.logits_unbiased, out[CM_OUT_LOGITS]);
}

static cm_status run_nano(const cm_extractor *e, cm_ctx *g, cm_tensor *pixels, float *const out[CM_OUTPUTS]) {
    cm_tensor *pooled = NULL;
    cm_feature_net_forward(g, e->features, pixels, &pooled, NULL);
    return take(g, pooled, out[CM_OUT_FEATURES]);
}

static cm_status run_mock(const cm_extractor *e, const float *pixels, size_t n, float *const out[CM_OUTPUTS]) {
    for (size_t i = 0; i < n; i++, pixels += CM_MOCK_VALUES)
        for (int k = 0; k < CM_OUTPUTS; k++) {
            if (!out[k]) continue;
            if (e->kind == CLIP) cm_mock_image(pixels, out[k] + i * CM_MOCK_EMBEDDING);
            else cm_mock_features(pixels, out[k] + i * CM_MOCK_FEATURES);
        }
    return CM_OK;
}

cm_status cm_extractor_run(const cm_extractor *e, cm_ctx *g, const float *pixels, size_t n,
                           float *const out[CM_OUTPUTS]) {
    if (e->kind == PARSER) return cm_fail(CM_EUSAGE, "a parser has no features");
    if (e->mock) return run_mock(e, pixels, n, out);
    if (e->kind == CLIP) return cm_clip_pair_images(e->pair, g, pixels, n, out[CM_OUT_FEATURES]);
    if (e->kind == DINOV2) return cm_dinov2_images(e->dinov2, g, pixels, n, out[CM_OUT_FEATURES]);
    cm_ctx_reset(g);
    cm_tensor *x = cm_tensor_copy(g, CM_SHAPE(n, e->height, e->width, 3), pixels);
    const cm_status s = e->kind == INCEPTION ? run_inception(e, g, x, out) : run_nano(e, g, x, out);
    cm_ctx_reset(g);
    return s;
}

/* --- texts ----------------------------------------------------------------------- */

cm_status cm_extractor_read(const cm_extractor *e, cm_ctx *g, cm_text_cleaning cleaning, const char *const *texts,
                            size_t n, float *out, cm_clip_reading *readings) {
    if (e->kind != CLIP) return cm_fail(CM_EUSAGE, "a network without a text tower reads no text");
    if (!e->mock) return cm_clip_pair_texts(e->pair, g, cleaning, texts, n, out, readings);
    for (size_t i = 0; i < n; i++) {
        cm_mock_text(out + i * CM_MOCK_EMBEDDING);
        if (readings) readings[i] = (cm_clip_reading){.tokens = strlen(texts[i]), .read = strlen(texts[i])};
    }
    return CM_OK;
}

/* --- parsing --------------------------------------------------------------------- */

static cm_status take_parsed(const cm_extractor *e, const float *classes, const float *slots, cm_arena *out,
                             cm_parsed *seen) {
    seen->asked = e->asked;
    CM_TRY(cm_image_new(out, e->width, e->height, 1, &seen->classes));
    for (size_t i = 0; i < e->width * e->height; i++)
        seen->classes.pixels[i] = (uint8_t)cm_largest_logit(classes + i * CM_CLASSES, CM_CLASSES);
    for (int i = 0; i < cm_slot_count; slots += cm_slots[i++].count)
        seen->slot[i] = (int)cm_largest_logit(slots, (size_t)cm_slots[i].count);
    return CM_OK;
}

/* Each image by itself, so that what is seen does not depend on which were looked at together. */
static cm_status parse_one(const cm_extractor *e, cm_ctx *g, const float *pixels, cm_arena *out, cm_parsed *seen) {
    cm_tensor *classes = NULL, *slots = NULL;
    cm_ctx_reset(g);
    cm_tensor *x = cm_tensor_copy(g, CM_SHAPE(1, e->height, e->width, 3), pixels);
    cm_parser_forward(g, e->parser, x, &classes, &slots);
    CM_TRY(cm_ctx_check(g));
    return take_parsed(e, classes->data, slots->data, out, seen);
}

cm_status cm_extractor_parse(const cm_extractor *e, cm_ctx *g, const float *pixels, size_t n, cm_arena *out,
                             cm_parsed *seen) {
    if (e->kind != PARSER) return cm_fail(CM_EUSAGE, "a network that is no parser parses nothing");
    cm_status s = CM_OK;
    for (size_t i = 0; i < n && s == CM_OK; i++) {
        const float *image = pixels + i * e->width * e->height * 3;
        s = e->mock ? cm_mock_parse(image, out, &seen[i]) : parse_one(e, g, image, out, &seen[i]);
    }
    if (g) cm_ctx_reset(g);
    return s;
}
