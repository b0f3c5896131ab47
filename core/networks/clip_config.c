// SPDX-License-Identifier: Apache-2.0
#include "core/networks/clip_config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/networks/config.h"

enum { HEAD = 64, CONTEXT = 77, VOCABULARY = 49408 };

static const float openai_mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
static const float openai_std[3] = {0.26862954f, 0.26130258f, 0.27577711f};

/* --- known architectures ------------------------------------------------------- */

static const struct known {
    const char *name, *shown;
    size_t projection, image, patch, width, inner, layers, heads, text_width, text_layers;
    cm_act act; /* of the weights that are usual for it */
} known[] = {{"clip-vit-b-32", "ViT-B/32", 512, 224, 32, 768, 3072, 12, 12, 512, 12, CM_QUICK_GELU},
             {"clip-vit-b-16", "ViT-B/16", 512, 224, 16, 768, 3072, 12, 12, 512, 12, CM_QUICK_GELU},
             {"clip-vit-l-14", "ViT-L/14", 768, 224, 14, 1024, 4096, 24, 16, 768, 12, CM_QUICK_GELU},
             {"clip-vit-l-14-336", "ViT-L/14@336", 768, 336, 14, 1024, 4096, 24, 16, 768, 12, CM_QUICK_GELU},
             {"clip-vit-h-14", "ViT-H/14", 1024, 224, 14, 1280, 5120, 32, 16, 1024, 24, CM_GELU},
             {"clip-vit-g-14", "ViT-g/14", 1024, 224, 14, 1408, 6144, 40, 16, 1024, 24, CM_GELU},
             {"clip-vit-bigg-14", "ViT-bigG/14", 1280, 224, 14, 1664, 8192, 48, 16, 1280, 32, CM_GELU},
             {NULL}};

static void set_act(cm_clip_pair_config *c, cm_act act) {
    c->text.act = c->vision.act = act;
}

/* What all of them share. */
static void begin(cm_clip_pair_config *c) {
    *c = (cm_clip_pair_config){0};
    memcpy(c->mean, openai_mean, sizeof c->mean);
    memcpy(c->std, openai_std, sizeof c->std);
    c->text.vocab_size = VOCABULARY;
    c->text.max_positions = CONTEXT;
    c->text.eos_token_id = 2; /* the largest id, as both programs pool */
    c->text.layer_norm_eps = c->vision.layer_norm_eps = 1e-5f;
    set_act(c, CM_GELU);
}

static const struct known *find_known(const cm_clip_pair_config *c) {
    const cm_clip_vision_config *v = &c->vision;
    for (const struct known *k = known; k->name; k++)
        if (k->width == v->hidden_size && k->layers == v->layers && k->patch == v->patch_size &&
            k->image == v->image_height && k->image == v->image_width && k->text_width == c->text.hidden_size &&
            k->text_layers == c->text.layers)
            return k;
    return NULL;
}

static void set_name(cm_clip_pair_config *c) {
    const struct known *k = find_known(c);
    c->name = k ? k->shown : NULL;
}

cm_status cm_clip_named(const char *name, cm_clip_pair_config *out) {
    const struct known *k = known;
    char all[256] = "";
    for (; k->name && strcmp(k->name, name) != 0; k++) {
        if (all[0]) strncat(all, ", ", sizeof all - strlen(all) - 1);
        strncat(all, k->name, sizeof all - strlen(all) - 1);
    }
    if (!k->name) return cm_fail(CM_EUSAGE, "'%.60s' is none of %s", name, all);
    begin(out);
    cm_clip_text_config *t = &out->text;
    cm_clip_vision_config *v = &out->vision;
    t->hidden_size = k->text_width;
    t->intermediate_size = 4 * k->text_width;
    t->layers = k->text_layers;
    t->heads = k->text_width / HEAD;
    v->hidden_size = k->width;
    v->intermediate_size = k->inner;
    v->layers = k->layers;
    v->heads = k->heads;
    v->image_height = v->image_width = k->image;
    v->patch_size = k->patch;
    t->projection_dim = v->projection_dim = k->projection;
    set_act(out, k->act);
    out->name = k->shown;
    return CM_OK;
}

/* --- transformers ---------------------------------------------------------------- */

/* Files of before transformers 4.30 may have the towers as "text_config_dict" alone. */
static const json_t *tower_config(const json_t *config, const char *key, const char *old_key) {
    const json_t *t = json_object_get(config, key);
    return json_is_object(t) && json_object_size(t) ? t : json_object_get(config, old_key);
}

cm_status cm_clip_configure(const json_t *config, cm_clip_pair_config *out) {
    cm_config c = cm_config_begin(config, "CLIP config");
    const json_t *text = tower_config(config, "text_config", "text_config_dict");
    const json_t *vision = tower_config(config, "vision_config", "vision_config_dict");
    const char *type = cm_config_text(&c, "model_type", "clip");
    const size_t projection = cm_config_size(&c, "projection_dim", 512, 1, 1 << 16);
    CM_TRY(c.status);
    if (strcmp(type, "clip") != 0) return cm_fail(CM_EFORMAT, "CLIP config: \"model_type\" is '%.60s', not clip", type);
    if (!json_is_object(text) || !json_is_object(vision))
        return cm_fail(CM_EFORMAT, "CLIP config: no \"text_config\" and \"vision_config\"");
    begin(out);
    CM_TRY(cm_clip_text_configure(text, &out->text));
    CM_TRY(cm_clip_vision_configure(vision, &out->vision));
    out->text.projection_dim = out->vision.projection_dim =
        projection; /* the towers' own are not used by a CLIPModel */
    set_name(out);
    return CM_OK;
}

/* --- open_clip ---------------------------------------------------------------------- */

static cm_status open_vision(const json_t *json, cm_clip_vision_config *v) {
    static const cm_config_rule rules[] = {{"pool_type", "[\"tok\"]"},
                                           {"pos_embed_type", "[\"learnable\"]"},
                                           {"attentional_pool", "[false]"},
                                           {"no_ln_pre", "[false]"},
                                           {"final_ln_after_pool", "[false]"},
                                           {"output_tokens", "[false]"},
                                           {NULL, NULL}};
    static const char *const read[] = {"layers",     "width",      "head_width",    "mlp_ratio",
                                       "patch_size", "image_size", "patch_dropout", NULL};
    cm_config c = cm_config_begin(json, "open_clip's vision_cfg");
    size_t image[2];
    v->layers = cm_config_size(&c, "layers", 12, 1, 256);
    v->hidden_size = cm_config_size(&c, "width", 768, 1, 1 << 16);
    const size_t head = cm_config_size(&c, "head_width", HEAD, 1, 1 << 16);
    v->intermediate_size = (size_t)(cm_config_number(&c, "mlp_ratio", 4.0) * (double)v->hidden_size);
    v->patch_size = cm_config_size(&c, "patch_size", 16, 1, 1024);
    cm_config_sizes(&c, "image_size", 224, 1, 1 << 14, 2, image);
    CM_TRY(cm_config_end(&c, rules, read));
    v->image_height = image[0];
    v->image_width = image[1];
    v->heads = v->hidden_size / head;
    if (v->hidden_size % head || v->intermediate_size == 0 || image[0] % v->patch_size || image[1] % v->patch_size)
        return cm_fail(CM_EFORMAT,
                       "open_clip's vision_cfg: width %zu, head_width %zu, mlp_ratio, image_size and patch_size do not "
                       "fit",
                       v->hidden_size, head);
    return CM_OK;
}

static cm_status open_text(const json_t *json, cm_clip_text_config *t) {
    static const cm_config_rule rules[] = {{"pool_type", "[\"argmax\"]"},
                                           {"proj_type", "[\"linear\"]"},
                                           {"embed_cls", "[false]"},
                                           {"no_causal_mask", "[false]"},
                                           {"proj_bias", "[false]"},
                                           {"output_tokens", "[false]"},
                                           {NULL, NULL}};
    static const char *const read[] = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio", NULL};
    cm_config c = cm_config_begin(json, "open_clip's text_cfg");
    t->max_positions = cm_config_size(&c, "context_length", CONTEXT, 2, 1 << 16);
    t->vocab_size = cm_config_size(&c, "vocab_size", VOCABULARY, 1, 1 << 24);
    t->hidden_size = cm_config_size(&c, "width", 512, 1, 1 << 16);
    t->heads = cm_config_size(&c, "heads", 8, 1, 1024);
    t->layers = cm_config_size(&c, "layers", 12, 1, 256);
    t->intermediate_size = (size_t)(cm_config_number(&c, "mlp_ratio", 4.0) * (double)t->hidden_size);
    CM_TRY(cm_config_end(&c, rules, read));
    if (t->hidden_size % t->heads || t->intermediate_size == 0)
        return cm_fail(CM_EFORMAT, "open_clip's text_cfg: width %zu, heads %zu and mlp_ratio do not fit",
                       t->hidden_size, t->heads);
    return CM_OK;
}

static cm_status read_three(const json_t *o, const char *key, float out[3]) {
    const json_t *list = json_object_get(o, key);
    if (!list) return CM_OK;
    for (size_t i = 0; i < 3; i++) {
        const json_t *x = json_is_array(list) ? json_array_get(list, i) : list;
        if (!json_is_number(x) || !isfinite(json_number_value(x)))
            return cm_fail(CM_EFORMAT, "open_clip's preprocess_cfg: \"%s\" is no number, nor three", key);
        out[i] = (float)json_number_value(x);
    }
    return CM_OK;
}

cm_status cm_clip_configure_open(const json_t *config, cm_clip_pair_config *out) {
    /* the last four say how training began, and in what form open_clip answers */
    static const char *const read[] = {"embed_dim",
                                       "vision_cfg",
                                       "text_cfg",
                                       "quick_gelu",
                                       "init_logit_scale",
                                       "cast_dtype",
                                       "output_dict",
                                       "nonscalar_logit_scale",
                                       NULL};
    const json_t *model = json_object_get(config, "model_cfg"), *pixels = json_object_get(config, "preprocess_cfg");
    static const cm_config_rule rules[] = {{"custom_text", "[false]"}, {NULL, NULL}};
    cm_config c = cm_config_begin(model ? model : config, "open_clip's model_cfg");
    begin(out);
    const size_t projection = cm_config_size(&c, "embed_dim", 0, 1, 1 << 16);
    const bool quick = cm_config_bool(&c, "quick_gelu", false);
    CM_TRY(cm_config_end(&c, rules, read));
    if (projection == 0) return cm_fail(CM_EFORMAT, "open_clip's model_cfg: no \"embed_dim\"");
    CM_TRY(open_vision(json_object_get(c.json, "vision_cfg"), &out->vision));
    CM_TRY(open_text(json_object_get(c.json, "text_cfg"), &out->text));
    CM_TRY(read_three(pixels, "mean", out->mean));
    CM_TRY(read_three(pixels, "std", out->std));
    for (size_t i = 0; i < 3; i++)
        if (!(out->std[i] > 0)) return cm_fail(CM_EFORMAT, "open_clip's preprocess_cfg: \"std\" is not above 0");
    out->text.projection_dim = out->vision.projection_dim = projection;
    set_act(out, quick ? CM_QUICK_GELU : CM_GELU);
    set_name(out);
    return CM_OK;
}

/* --- shapes --------------------------------------------------------------------------- */

static const cm_stored *find(const cm_tensor_file *f, const char *name) {
    char behind[160];
    const cm_stored *t = cm_tensor_file_find(f, name);
    snprintf(behind, sizeof behind, "module.%s", name);
    return t ? t : cm_tensor_file_find(f, behind);
}

/* The size of a tensor's dimension; 0 when there is none of this name and so many dimensions. */
static size_t size_of(const cm_tensor_file *f, const char *name, int ndim, int i) {
    const cm_stored *t = find(f, name);
    return t && t->ndim == ndim ? t->shape[i] : 0;
}

/* One more than the largest N of "PREFIX.N." */
static size_t count_layers(const cm_tensor_file *f, const char *prefix) {
    size_t layers = 0;
    for (size_t i = 0; i < cm_tensor_file_count(f); i++) {
        const char *name = cm_tensor_file_at(f, i)->name;
        if (strncmp(name, "module.", 7) == 0) name += 7;
        if (strncmp(name, prefix, strlen(prefix)) != 0) continue;
        char *end;
        const unsigned long n = strtoul(name + strlen(prefix), &end, 10);
        if (*end == '.' && n < 256 && n + 1 > layers) layers = n + 1;
    }
    return layers;
}

static size_t known_heads(size_t width) {
    for (const struct known *k = known; k->name; k++)
        if (k->width == width) return k->heads;
    return width % HEAD == 0 ? width / HEAD : 0;
}

static cm_status check_inferred(const cm_clip_pair_config *c, size_t cells, size_t side) {
    const cm_clip_text_config *t = &c->text;
    const cm_clip_vision_config *v = &c->vision;
    if (!v->hidden_size || !v->patch_size || !v->layers || !v->intermediate_size || !v->projection_dim)
        return cm_fail(CM_EFORMAT,
                       "no image tower in open_clip's names (visual.conv1.weight, visual.proj, visual.transformer.…)");
    if (!t->hidden_size || !t->vocab_size || !t->max_positions || !t->layers || !t->intermediate_size ||
        !t->projection_dim)
        return cm_fail(CM_EFORMAT,
                       "no text tower in open_clip's names (token_embedding.weight, text_projection, transformer.…)");
    if (side * side != cells || side == 0)
        return cm_fail(CM_EFORMAT, "visual.positional_embedding has %zu positions, not one and a square", cells + 1);
    if (!v->heads || !t->heads)
        return cm_fail(
            CM_EFORMAT,
            "widths %zu and %zu are of no known number of heads; an open_clip_config.json beside it would say",
            v->hidden_size, t->hidden_size);
    if (v->hidden_size > 1 << 16 || t->hidden_size > 1 << 16 || v->patch_size > 1024 || side > 1024)
        return cm_fail(CM_EFORMAT, "its sizes are beyond any CLIP");
    return CM_OK;
}

cm_status cm_clip_infer(const cm_tensor_file *f, cm_clip_pair_config *out) {
    cm_clip_pair_config c;
    begin(&c);
    cm_clip_text_config *t = &c.text;
    cm_clip_vision_config *v = &c.vision;
    v->hidden_size = size_of(f, "visual.conv1.weight", 4, 0);
    v->patch_size = size_of(f, "visual.conv1.weight", 4, 3);
    v->layers = count_layers(f, "visual.transformer.resblocks.");
    v->intermediate_size = size_of(f, "visual.transformer.resblocks.0.mlp.c_fc.weight", 2, 0);
    v->projection_dim = size_of(f, "visual.proj", 2, 1);
    v->heads = known_heads(v->hidden_size);
    t->vocab_size = size_of(f, "token_embedding.weight", 2, 0);
    t->hidden_size = size_of(f, "token_embedding.weight", 2, 1);
    t->max_positions = size_of(f, "positional_embedding", 2, 0);
    t->layers = count_layers(f, "transformer.resblocks.");
    t->intermediate_size = size_of(f, "transformer.resblocks.0.mlp.c_fc.weight", 2, 0);
    t->projection_dim = size_of(f, "text_projection", 2, 1);
    t->heads = t->hidden_size % HEAD == 0 ? t->hidden_size / HEAD : 0;
    const size_t positions = size_of(f, "visual.positional_embedding", 2, 0), cells = positions ? positions - 1 : 0;
    const size_t side = (size_t)lround(sqrt((double)cells));
    CM_TRY(check_inferred(&c, cells, side));
    v->image_height = v->image_width = side * v->patch_size;
    set_name(&c);
    *out = c;
    return CM_OK;
}
