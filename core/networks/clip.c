// SPDX-License-Identifier: Apache-2.0
#include "core/networks/clip.h"

#include <assert.h>
#include <string.h>

#include "core/networks/blocks.h"
#include "core/networks/config.h"

/* --- config --------------------------------------------------------------------- */

static cm_act activation(cm_config *c) {
    const char *name = cm_config_text(c, "hidden_act", "quick_gelu");
    if (strcmp(name, "gelu") == 0) return CM_GELU;
    if (strcmp(name, "quick_gelu") != 0 && c->status == CM_OK)
        c->status = cm_fail(CM_EFORMAT, "%s: \"hidden_act\" is '%s'; known are gelu and quick_gelu", c->what, name);
    return CM_QUICK_GELU;
}

/* transformers writes projection_dim for towers without a projection too; the class says which it is. */
static size_t projection_width(cm_config *c) {
    const size_t width = cm_config_has(c, "projection_dim") ? cm_config_size(c, "projection_dim", 0, 0, 1 << 16) : 0;
    if (!cm_config_has(c, "architectures") || cm_config_length(c, "architectures") == 0) return width;
    const char *class = cm_config_item(c, "architectures", 0);
    return strstr(class, "WithProjection") || strcmp(class, "CLIPModel") == 0 ? width : 0;
}

static cm_status check_heads(const cm_config *c, size_t hidden, size_t heads) {
    if (c->status != CM_OK) return c->status;
    if (hidden % heads)
        return cm_fail(CM_EFORMAT, "%s: \"hidden_size\" %zu is not a multiple of \"num_attention_heads\" %zu", c->what,
                       hidden, heads);
    return CM_OK;
}

/* What would change a tower's output and is not done. */
static const cm_config_rule text_rules[] = {
    {"chunk_size_feed_forward", "[0]"},
    {"is_decoder", "[false]"},
    {"model_type", "[\"clip_text_model\", \"clip\", \"\"]"},
    {"pruned_heads", "[{}]"},
    {"use_attention_mask", "[false, null]"},
    {NULL, NULL},
};

static const char *const text_known[] = {
    "architectures",
    "eos_token_id",
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "layer_norm_eps",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "projection_dim",
    "vocab_size",
    /* of training and initialising, of types and versions, and what transformers' versions write of every network, for
     * generating text mostly: nothing of it changes what a text tower gives */
    "add_cross_attention",
    "attention_dropout",
    "attn_implementation",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "cross_attention_hidden_size",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "dropout",
    "dtype",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "gradient_checkpointing",
    "id2label",
    "initializer_factor",
    "initializer_range",
    "is_encoder_decoder",
    "label2id",
    "length_penalty",
    "max_length",
    "min_length",
    "name_or_path",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_scores",
    "pad_token_id",
    "prefix",
    "problem_type",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict",
    "return_dict_in_generate",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tie_encoder_decoder",
    "tie_word_embeddings",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "typical_p",
    "use_bfloat16",
    "use_cache",
    "use_return_dict",
    NULL,
};

/* A whole CLIP's file holds the tower's; transformers takes that. */
static const json_t *text_part(const json_t *config) {
    const char *type = json_string_value(json_object_get(config, "model_type"));
    const json_t *inner = json_object_get(config, "text_config");
    return type && strcmp(type, "clip") == 0 && json_is_object(inner) ? inner : config;
}

cm_status cm_clip_text_configure(const json_t *config, cm_clip_text_config *out) {
    static const char *const not_null[] = {"eos_token_id",        "hidden_act",
                                           "hidden_size",         "intermediate_size",
                                           "layer_norm_eps",      "max_position_embeddings",
                                           "num_attention_heads", "num_hidden_layers",
                                           "vocab_size",          NULL};
    cm_config c = cm_config_begin(text_part(config), "text encoder config");
    cm_clip_text_config t = {0};
    t.vocab_size = cm_config_size(&c, "vocab_size", 49408, 1, 1 << 24);
    t.hidden_size = cm_config_size(&c, "hidden_size", 512, 1, 1 << 16);
    t.intermediate_size = cm_config_size(&c, "intermediate_size", 2048, 1, 1 << 18);
    t.layers = cm_config_size(&c, "num_hidden_layers", 12, 1, 256);
    t.heads = cm_config_size(&c, "num_attention_heads", 8, 1, 1024);
    t.max_positions = cm_config_size(&c, "max_position_embeddings", 77, 1, 1 << 16);
    t.projection_dim = projection_width(&c);
    t.act = activation(&c);
    t.layer_norm_eps = (float)cm_config_number(&c, "layer_norm_eps", 1e-5);
    t.eos_token_id = (int)cm_config_size(&c, "eos_token_id", 49407, 0, 1 << 24);
    cm_config_refuse_nulls(&c, not_null);
    CM_TRY(cm_config_end(&c, text_rules, text_known));
    CM_TRY(check_heads(&c, t.hidden_size, t.heads));
    *out = t;
    return CM_OK;
}

/* image_size: a number, or [height, width]. */
static void image_size(cm_config *c, cm_clip_vision_config *v) {
    size_t two[2] = {224, 224};
    cm_config_sizes(c, "image_size", 224, 1, 1 << 14, 2, two);
    v->image_height = two[0];
    v->image_width = two[1];
    if (c->status == CM_OK && (two[0] % v->patch_size || two[1] % v->patch_size))
        c->status = cm_fail(CM_EFORMAT, "%s: \"image_size\" %zux%zu is not a multiple of \"patch_size\" %zu", c->what,
                            two[0], two[1], v->patch_size);
}

cm_status cm_clip_vision_configure(const json_t *config, cm_clip_vision_config *out) {
    static const cm_config_rule rules[] = {{"num_channels", "[3]"}, {NULL, NULL}};
    cm_config c = cm_config_begin(config, "image encoder config");
    cm_clip_vision_config v = {0};
    v.hidden_size = cm_config_size(&c, "hidden_size", 768, 1, 1 << 16);
    v.intermediate_size = cm_config_size(&c, "intermediate_size", 3072, 1, 1 << 18);
    v.layers = cm_config_size(&c, "num_hidden_layers", 12, 1, 256);
    v.heads = cm_config_size(&c, "num_attention_heads", 12, 1, 1024);
    v.patch_size = cm_config_size(&c, "patch_size", 32, 1, 1024);
    image_size(&c, &v);
    v.projection_dim = projection_width(&c);
    v.act = activation(&c);
    v.layer_norm_eps = (float)cm_config_number(&c, "layer_norm_eps", 1e-5);
    CM_TRY(check_heads(&c, v.hidden_size, v.heads));
    CM_TRY(cm_config_end(&c, rules, NULL));
    *out = v;
    return CM_OK;
}

/* --- build ------------------------------------------------------------------------ */

/* transformers 5 leaves the tower's name out of a lone tower's file. */
static const char *prefix_of(const cm_params *p, const char *tower, const char *probe) {
    return cm_param_exists(p, probe) ? "" : tower;
}

static void take(cm_affine a, cm_tensor **weight, cm_tensor **bias) {
    *weight = a.weight;
    *bias = a.bias;
}

static const cm_vit_names layer_names = {"layer_norm1",
                                         "self_attn.q_proj",
                                         "self_attn.k_proj",
                                         "self_attn.v_proj",
                                         "self_attn.out_proj",
                                         "layer_norm2",
                                         "mlp.fc1",
                                         "mlp.fc2",
                                         NULL,
                                         NULL};

static cm_vit_layer *build_layers(cm_params *p, const char *prefix, const cm_vit_shape *s, size_t layers,
                                  cm_arena *out) {
    char name[80];
    snprintf(name, sizeof name, "%sencoder.layers", prefix);
    return cm_vit_build(p, s, &layer_names, name, layers, out);
}

static cm_vit_shape text_shape(const cm_clip_text_config *c) {
    return (cm_vit_shape){c->hidden_size, c->intermediate_size, c->heads, c->layer_norm_eps, c->act, true};
}

static cm_vit_shape vision_shape(const cm_clip_vision_config *c) {
    return (cm_vit_shape){c->hidden_size, c->intermediate_size, c->heads, c->layer_norm_eps, c->act, false};
}

void cm_clip_text_build(cm_clip_text *n, const cm_clip_text_config *c, cm_params *p, cm_arena *out) {
    const char *prefix = prefix_of(p, "text_model.", "embeddings.token_embedding.weight");
    const size_t width = c->hidden_size;
    *n = (cm_clip_text){.config = *c};
    n->token_embedding =
        cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(c->vocab_size, width), "%sembeddings.token_embedding.weight", prefix);
    n->position_embedding = cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(c->max_positions, width),
                                     "%sembeddings.position_embedding.weight", prefix);
    const cm_vit_shape shape = text_shape(c);
    n->layers = build_layers(p, prefix, &shape, c->layers, out);
    take(cm_affine_norm(p, width, "%sfinal_layer_norm", prefix), &n->final_w, &n->final_b);
    if (c->projection_dim)
        n->projection = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(c->projection_dim, width), "text_projection.weight");
}

void cm_clip_vision_build(cm_clip_vision *n, const cm_clip_vision_config *c, cm_params *p, cm_arena *out) {
    const char *prefix = prefix_of(p, "vision_model.", "embeddings.class_embedding");
    const size_t width = c->hidden_size, patch = c->patch_size;
    const size_t positions = (c->image_height / patch) * (c->image_width / patch) + 1;
    *n = (cm_clip_vision){.config = *c};
    n->class_embedding = cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(width), "%sembeddings.class_embedding", prefix);
    n->patch_weight =
        cm_param(p, CM_INIT_CONV, CM_SHAPE(width, 3, patch, patch), "%sembeddings.patch_embedding.weight", prefix);
    n->position_embedding =
        cm_param(p, CM_INIT_EMBEDDING, CM_SHAPE(positions, width), "%sembeddings.position_embedding.weight", prefix);
    take(cm_affine_norm(p, width, "%spre_layrnorm", prefix), &n->pre_w, &n->pre_b); /* spelt so in every file */
    const cm_vit_shape shape = vision_shape(c);
    n->layers = build_layers(p, prefix, &shape, c->layers, out);
    take(cm_affine_norm(p, width, "%spost_layernorm", prefix), &n->post_w, &n->post_b);
    if (c->projection_dim)
        n->projection = cm_param(p, CM_INIT_LINEAR, CM_SHAPE(c->projection_dim, width), "visual_projection.weight");
}

/* --- forward ------------------------------------------------------------------------ */

static cm_status check_ids(const cm_clip_text_config *c, const int *ids, size_t batch, size_t length) {
    if (length > c->max_positions)
        return cm_fail(CM_EUSAGE, "%zu tokens, but the text encoder has %zu positions", length, c->max_positions);
    for (size_t i = 0; i < batch * length; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= c->vocab_size)
            return cm_fail(CM_EUSAGE, "token %d, but the text encoder knows 0 to %zu", ids[i], c->vocab_size - 1);
    return CM_OK;
}

/* The first end token; with the old config value 2 the largest id; the first token where there is none. */
static size_t end_of(const cm_clip_text_config *c, const int *ids, size_t length) {
    size_t at = 0;
    for (size_t i = 0; i < length; i++) {
        if (c->eos_token_id == 2 && ids[i] > ids[at]) at = i;
        if (c->eos_token_id != 2 && ids[i] == c->eos_token_id) return i;
    }
    return at;
}

static cm_tensor *pool_text(cm_ctx *g, const cm_clip_text *n, cm_tensor *hidden, const int *ids, size_t batch,
                            size_t length) {
    const cm_arena_mark mark = cm_arena_get_mark(&g->scratch);
    size_t *rows = CM_PUSH(&g->scratch, size_t, batch);
    if (!rows) return cm_ctx_fail(g, CM_ENOMEM, "out of memory in a text encoder");
    for (size_t i = 0; i < batch; i++) rows[i] = i * length + end_of(&n->config, ids + i * length, length);
    cm_tensor *p = cm_gather_rows(g, hidden, rows, batch);
    cm_arena_reset(&g->scratch, mark);
    return n->projection ? cm_then(g, p, cm_linear(g, p, n->projection, NULL)) : p;
}

/* The first `length` positions [length,C]. */
static cm_tensor *positions(cm_ctx *g, const cm_clip_text *n, size_t length) {
    if (length == n->config.max_positions) return n->position_embedding;
    const cm_arena_mark mark = cm_arena_get_mark(&g->scratch);
    size_t *rows = CM_PUSH(&g->scratch, size_t, length);
    if (!rows) return cm_ctx_fail(g, CM_ENOMEM, "out of memory in a text encoder");
    for (size_t i = 0; i < length; i++) rows[i] = i;
    cm_tensor *t = cm_gather_rows(g, n->position_embedding, rows, length);
    cm_arena_reset(&g->scratch, mark);
    return t;
}

cm_status cm_clip_text_forward(cm_ctx *g, const cm_clip_text *n, const int *ids, size_t batch, size_t length,
                               cm_tensor **hidden, cm_tensor **penultimate, cm_tensor **pooled) {
    const cm_clip_text_config *c = &n->config;
    CM_TRY(check_ids(c, ids, batch, length));
    const cm_vit_shape shape = text_shape(c);
    cm_tensor *x = cm_embedding(g, ids, batch, length, n->token_embedding), *where = positions(g, n, length);
    x = cm_then(g, x, cm_add_broadcast(g, x, where));
    cm_drop(g, where);
    for (size_t i = 0; i + 1 < c->layers; i++) x = cm_then(g, x, cm_vit_run(g, &n->layers[i], &shape, x));
    cm_tensor *before = x;
    x = cm_vit_run(g, &n->layers[c->layers - 1], &shape, before);
    if (penultimate) *penultimate = before;
    else cm_drop(g, before);
    x = cm_then(g, x, cm_layer_norm(g, x, n->final_w, n->final_b, c->layer_norm_eps));
    if (pooled) *pooled = pool_text(g, n, x, ids, batch, length);
    if (hidden) *hidden = x;
    else cm_drop(g, x);
    return cm_ctx_check(g);
}

cm_tensor *cm_clip_vision_forward(cm_ctx *g, const cm_clip_vision *n, cm_tensor *pixels) {
    if (!pixels) return NULL;
    const cm_clip_vision_config *c = &n->config;
    assert(pixels->shape[1] == c->image_height && pixels->shape[2] == c->image_width);
    const cm_vit_shape shape = vision_shape(c);
    const size_t batch = pixels->shape[0],
                 patches = (c->image_height / c->patch_size) * (c->image_width / c->patch_size);
    cm_tensor *x = cm_conv2d(g, pixels, n->patch_weight, NULL, c->patch_size, CM_PAD_NONE);
    x = cm_then(g, x, cm_view(g, x, CM_SHAPE(batch, patches, c->hidden_size)));
    x = cm_then(g, x, cm_vit_prepend(g, n->class_embedding, 1, x));
    x = cm_then(g, x, cm_add_broadcast(g, x, n->position_embedding));
    x = cm_then(g, x, cm_layer_norm(g, x, n->pre_w, n->pre_b, c->layer_norm_eps));
    for (size_t i = 0; i + 1 < c->layers; i++) x = cm_then(g, x, cm_vit_run(g, &n->layers[i], &shape, x));
    x = cm_then(g, x, cm_vit_run_first(g, &n->layers[c->layers - 1], &shape, x));
    cm_tensor *first = cm_then(g, x, cm_view(g, x, CM_SHAPE(batch, c->hidden_size)));
    first = cm_then(g, first, cm_layer_norm(g, first, n->post_w, n->post_b, c->layer_norm_eps));
    return n->projection ? cm_then(g, first, cm_linear(g, first, n->projection, NULL)) : first;
}
