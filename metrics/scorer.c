// SPDX-License-Identifier: Apache-2.0
#include "metrics/scorer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "core/networks/clip.h"
#include "core/networks/scorenet.h"
#include "core/networks/tokenizer.h"
#include "core/tensor/nn.h"
#include "metrics/nano_scores.h"
#include "metrics/text_image.h"
#include "metrics/picture_rules.h"

enum { PARSER, FEATURES, TEXT, VISION, NETWORKS };
static const char *const folders[NETWORKS] = {"parser", "features", "text_encoder", "clip"};

struct cm_scorer {
    char name[32], hash[65];
    bool mock;
    size_t width, height, features;
    cm_params *params[NETWORKS];
    cm_parser *parser;
    cm_feature_net *net;
    cm_clip_text text;
    cm_clip_vision vision;
    cm_tokenizer *tokenizer;
    cm_arena arena;
};

/* --- opening ---------------------------------------------------------------- */

static cm_status build_text(cm_scorer *s, const json_t *config) {
    cm_clip_text_config c;
    CM_TRY(cm_clip_text_configure(config, &c));
    cm_clip_text_build(&s->text, &c, s->params[TEXT], &s->arena);
    return CM_OK;
}

static cm_status build_vision(cm_scorer *s, const json_t *config) {
    cm_clip_vision_config c;
    CM_TRY(cm_clip_vision_configure(config, &c));
    cm_clip_vision_build(&s->vision, &c, s->params[VISION], &s->arena);
    s->width = c.image_width;
    s->height = c.image_height;
    if (c.projection_dim && c.projection_dim == s->text.config.projection_dim) return CM_OK;
    return cm_fail(CM_EFORMAT, "the image tower projects to %zu, the text tower to %zu", c.projection_dim,
                   s->text.config.projection_dim);
}

static cm_status build(cm_scorer *s, const json_t *config, int which) {
    if (which == PARSER) return cm_parser_build(&s->parser, config, s->params[PARSER], &s->arena);
    if (which == FEATURES) return cm_feature_net_build(&s->net, config, s->params[FEATURES], &s->arena);
    return which == TEXT ? build_text(s, config) : build_vision(s, config);
}

static cm_status open_network(cm_scorer *s, const char *folder, int which) {
    json_t *config = NULL;
    const char *path = cm_arena_print(&s->arena, "%s/config.json", folder);
    CM_TRY(cm_arena_check(&s->arena));
    CM_TRY(cm_json_read(path, &config));
    cm_status status = cm_params_open(&s->params[which], folder);
    if (status == CM_OK && (status = build(s, config, which)) != CM_OK) status = cm_fail_in(status, "%s", folder);
    if (status == CM_OK) status = cm_params_check(s->params[which], false);
    if (status == CM_OK) status = cm_arena_check(&s->arena);
    json_decref(config);
    return status;
}

static cm_status check_slots(const cm_scorer *s) {
    size_t logits = 0;
    for (int i = 0; i < cm_slot_count; i++) logits += (size_t)cm_slots[i].count;
    if (cm_parser_slot_logits(s->parser) == logits) return CM_OK;
    return cm_fail(CM_EFORMAT, "the parser answers %zu values, the attribute slots have %zu: it was trained on another vocabulary",
                   cm_parser_slot_logits(s->parser), logits);
}

static cm_status hash_networks(cm_scorer *s) {
    cm_sha *h = cm_sha_begin();
    cm_status status = CM_OK;
    for (int i = 0; i < NETWORKS && status == CM_OK; i++) {
        char part[65];
        status = cm_params_hash(s->params[i], part);
        if (status == CM_OK) cm_sha_add(h, part, 64);
    }
    cm_sha_end(&h, s->hash);
    return status;
}

static cm_status open_networks(cm_scorer *s) {
    char *models;
    CM_TRY(cm_models_folder(&s->arena, &models));
    for (int i = 0; i < NETWORKS; i++) {
        const char *folder = cm_arena_print(&s->arena, "%s/%s/%s", models, s->name, folders[i]);
        CM_TRY(cm_arena_check(&s->arena));
        if (!cm_path_is_dir(folder)) return cm_fail(CM_EUNAVAILABLE, "%s: this network of the scorer is missing", folder);
        CM_TRY(open_network(s, folder, i));
    }
    const char *tokenizer = cm_arena_print(&s->arena, "%s/%s/tokenizer", models, s->name);
    CM_TRY(cm_arena_check(&s->arena));
    CM_TRY(cm_tokenizer_open(&s->tokenizer, tokenizer));
    CM_TRY(check_slots(s));
    s->features = cm_feature_net_width(s->net);
    return hash_networks(s);
}

static void open_mock(cm_scorer *s) {
    s->width = 64;
    s->height = 96;
    s->features = 8;
    memset(s->hash, '0', 64);
}

cm_status cm_scorer_open(cm_scorer **out, const char *name) {
    cm_scorer *s = calloc(1, sizeof *s);
    if (!s) return cm_fail(CM_ENOMEM, "out of memory");
    cm_arena_init(&s->arena, 0);
    strncpy(s->name, name, sizeof s->name - 1);
    s->mock = strcmp(name, "mock") == 0;
    cm_status status = CM_OK;
    if (s->mock) open_mock(s);
    else if (strpbrk(name, "/.")) status = cm_fail(CM_EUSAGE, "no scorer '%s': nano or mock", name);
    else status = open_networks(s);
    if (status != CM_OK) {
        cm_scorer_close(&s);
        return cm_fail_in(status, "scorer '%s'", name);
    }
    *out = s;
    return CM_OK;
}

void cm_scorer_close(cm_scorer **s) {
    if (!*s) return;
    cm_tokenizer_close(&(*s)->tokenizer);
    for (int i = 0; i < NETWORKS; i++) cm_params_close(&(*s)->params[i]);
    cm_arena_free(&(*s)->arena);
    free(*s);
    *s = NULL;
}

const char *cm_scorer_name(const cm_scorer *s) {
    return s->name;
}

const char *cm_scorer_hash(const cm_scorer *s) {
    return s->hash;
}

size_t cm_scorer_width(const cm_scorer *s) {
    return s->features;
}

void cm_scorer_size(const cm_scorer *s, size_t *width, size_t *height) {
    *width = s->width;
    *height = s->height;
}

/* --- looking ---------------------------------------------------------------- */

static size_t largest(const float *x, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

static cm_status parse(const cm_scorer *s, cm_ctx *g, cm_tensor *pixels, cm_arena *out, cm_parsed *parsed) {
    cm_tensor *classes = NULL, *slots = NULL;
    cm_parser_forward(g, s->parser, pixels, &classes, &slots);
    CM_TRY(cm_ctx_check(g));
    CM_TRY(cm_image_new(out, s->width, s->height, 1, &parsed->classes));
    for (size_t i = 0; i < s->width * s->height; i++)
        parsed->classes.pixels[i] = (uint8_t)largest(classes->data + i * CM_CLASSES, CM_CLASSES);
    const float *at = slots->data;
    for (int i = 0; i < cm_slot_count; i++) {
        parsed->slot[i] = (int)largest(at, (size_t)cm_slots[i].count);
        at += cm_slots[i].count;
    }
    return CM_OK;
}

static cm_status extract(const cm_scorer *s, cm_ctx *g, cm_tensor *pixels, cm_arena *out, const float **features) {
    cm_tensor *pooled = NULL;
    cm_feature_net_forward(g, s->net, pixels, &pooled, NULL);
    CM_TRY(cm_ctx_check(g));
    float *copy = CM_PUSH(out, float, s->features);
    CM_TRY(cm_arena_check(out));
    memcpy(copy, pooled->data, s->features * sizeof *copy);
    *features = copy;
    return CM_OK;
}

static cm_status compare(const cm_scorer *s, cm_ctx *g, cm_tensor *pixels, const char *prompt, cm_arena *scratch,
                         double *score) {
    cm_tokens tokens;
    CM_TRY(cm_tokenize(s->tokenizer, prompt, scratch, &tokens));
    cm_tensor *pooled = NULL;
    CM_TRY(cm_clip_text_forward(g, &s->text, tokens.ids, 1, tokens.length, NULL, NULL, &pooled));
    const cm_tensor *image = cm_clip_vision_forward(g, &s->vision, pixels);
    CM_TRY(cm_ctx_check(g));
    double cosine;
    CM_TRY(cm_cosine(pooled->data, image->data, cm_dim(pooled, -1), &cosine));
    *score = 100 * cosine;
    return CM_OK;
}

static cm_status look_with_networks(const cm_scorer *s, cm_ctx *g, const cm_image *picture, const char *prompt,
                                    unsigned needs, cm_arena *out, cm_look *look) {
    cm_ctx_reset(g);
    cm_tensor *pixels = cm_tensor_new(g, CM_SHAPE(1, s->height, s->width, 3));
    CM_TRY(cm_ctx_check(g));
    CM_TRY(cm_picture_prepare(cm_picture_rule_find("nano"), picture, s->width, s->height, out, pixels->data));
    if (needs & CM_NEED_PARSER) CM_TRY(parse(s, g, pixels, out, &look->parsed));
    if (needs & CM_NEED_FEATURES) CM_TRY(extract(s, g, pixels, out, &look->features));
    if (needs & CM_NEED_CLIP) CM_TRY(compare(s, g, pixels, prompt, out, &look->clip));
    return CM_OK;
}

/* --- the mock --------------------------------------------------------------- */

/* Means of eight bands of bytes as features; everything else follows from them. */
static cm_status look_at_bytes(const cm_scorer *s, const cm_image *picture, cm_arena *out, cm_look *look) {
    float *f = CM_PUSH_ZERO(out, float, s->features);
    CM_TRY(cm_image_new(out, s->width, s->height, 1, &look->parsed.classes));
    CM_TRY(cm_arena_check(out));
    const size_t n = picture->width * picture->height * picture->channels, band = n / s->features;
    for (size_t i = 0; i < band * s->features; i++) f[i / band] += (float)picture->pixels[i] / (float)(255 * band);
    for (int i = 0; i < cm_slot_count; i++)
        look->parsed.slot[i] = picture->pixels[(size_t)i * 37 % n] % cm_slots[i].count;
    for (size_t i = 0; i < s->width * s->height; i++) look->parsed.classes.pixels[i] = picture->pixels[i * 3 % n] % CM_CLASSES;
    look->features = f;
    look->clip = 100.0 * (double)f[0];
    return CM_OK;
}

cm_status cm_scorer_look(const cm_scorer *s, cm_ctx *g, const cm_image *picture, const char *prompt, unsigned needs,
                         cm_arena *out, cm_look *look) {
    cm_look r = {0};
    if (picture->channels != 3) return cm_fail(CM_EUSAGE, "a picture of %zu channels cannot be scored", picture->channels);
    const cm_status status =
        s->mock ? look_at_bytes(s, picture, out, &r) : look_with_networks(s, g, picture, prompt, needs, out, &r);
    if (g) cm_ctx_reset(g);
    if (status != CM_OK) return status;
    *look = r;
    return CM_OK;
}
