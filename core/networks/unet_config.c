// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "core/networks/config.h"
#include "core/networks/unet.h"

/* What diffusers' UNet2DConditionModel can be asked for and we do not do. */
static const cm_config_rule rules[] = {
    {"act_fn", "[\"silu\", \"swish\"]"},
    {"addition_embed_type", "[null, \"text_time\"]"},
    {"attention_type", "[\"default\"]"},
    {"center_input_sample", "[false]"},
    {"class_embed_type", "[null]"},
    {"class_embeddings_concat", "[false]"},
    {"conv_in_kernel", "[3]"},
    {"conv_out_kernel", "[3]"},
    {"cross_attention_norm", "[null]"},
    {"downsample_padding", "[1]"},
    {"dual_cross_attention", "[false]"},
    {"encoder_hid_dim", "[null]"},
    {"encoder_hid_dim_type", "[null]"},
    {"mid_block_only_cross_attention", "[null, false]"},
    {"mid_block_scale_factor", "[1]"},
    {"num_attention_heads", "[null]"},
    {"num_class_embeds", "[null]"},
    {"only_cross_attention", "[false, [false], [false, false], [false, false, false], [false, false, false, false]]"},
    {"resnet_out_scale_factor", "[1]"},
    {"resnet_skip_time_act", "[false]"},
    {"resnet_time_scale_shift", "[\"default\"]"},
    {"time_embedding_act_fn", "[null]"},
    {"time_embedding_type", "[\"positional\"]"},
    {"timestep_post_act", "[null]"},
    {NULL, NULL},
};

static const char *const known[] = {
    "attention_head_dim",
    "block_out_channels",
    "cross_attention_dim",
    "down_block_types",
    "flip_sin_to_cos",
    "freq_shift",
    "in_channels",
    "layers_per_block",
    "mid_block_type",
    "norm_eps",
    "norm_num_groups",
    "out_channels",
    "reverse_transformer_layers_per_block",
    "sample_size",
    "time_cond_proj_dim",
    "time_embedding_dim",
    "transformer_layers_per_block",
    "up_block_types",
    "use_linear_projection",
    /* no meaning without what the rules refuse, or for float32 inference */
    "addition_embed_type_num_heads",
    "addition_time_embed_dim",
    "dropout",
    "projection_class_embeddings_input_dim",
    "upcast_attention",
    /* what diffusers' EMAModel.save_pretrained adds: of the average that the weights are */
    "decay",
    "inv_gamma",
    "min_decay",
    "optimization_step",
    "power",
    "update_after_step",
    "use_ema_warmup",
    NULL,
};

/* CosmicMan's trainer (train_sdxl.py) saves the names of its copies of the blocks, which compute the same. */
static bool is_block(const char *name, const char *plain) {
    const size_t n = strlen(plain);
    return strncmp(name, plain, n) == 0 && (name[n] == '\0' || strcmp(name + n, "_New") == 0);
}

static cm_status refuse_block(const cm_config *c, const char *key, const char *name, const char *const two[2]) {
    return cm_fail(CM_EFORMAT, "%s: \"%s\" has '%s'; known are %s and %s", c->what, key, name, two[0], two[1]);
}

static void block_types(cm_config *c, const char *key, const char *const two[2], size_t count, bool *attention) {
    if (c->status == CM_OK && cm_config_length(c, key) != count)
        c->status = cm_fail(CM_EFORMAT, "%s: \"%s\" has %zu entries and \"block_out_channels\" %zu", c->what, key,
                            cm_config_length(c, key), count);
    for (size_t i = 0; c->status == CM_OK && i < count; i++) {
        const char *name = cm_config_item(c, key, i);
        attention[i] = is_block(name, two[0]);
        if (c->status == CM_OK && !attention[i] && !is_block(name, two[1])) c->status = refuse_block(c, key, name, two);
    }
}

static void mid_block(cm_config *c, cm_unet_config *u) {
    static const char *const two[2] = {"UNetMidBlock2DCrossAttn", "UNetMidBlock2D"};
    u->mid_block = c->status == CM_OK && !json_is_null(json_object_get(c->json, "mid_block_type"));
    const char *name = u->mid_block ? cm_config_text(c, "mid_block_type", two[0]) : two[1];
    u->mid_attention = is_block(name, two[0]);
    if (c->status == CM_OK && !u->mid_attention && !is_block(name, two[1]))
        c->status = refuse_block(c, "mid_block_type", name, two);
}

enum { MOST_DEPTH = 64 };

/* A block's entry: one depth for all of its attentions, or a list of one each. */
static void block_depths(cm_config *c, const char *key, const json_t *entry, size_t layers, size_t *out) {
    const bool list = json_is_array(entry);
    for (size_t j = 0; c->status == CM_OK && j < layers; j++) {
        const json_t *v = list ? json_array_get(entry, j) : entry;
        const json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
        if (n < 0 || n > MOST_DEPTH || (list && json_array_size(entry) != layers))
            c->status = cm_fail(CM_EFORMAT,
                                "%s: \"%s\": of a block with %zu attentions neither a whole number from 0 to %d nor "
                                "a list of so many",
                                c->what, key, layers, MOST_DEPTH);
        else out[j] = (size_t)n;
    }
}

static const json_t *block_entry(cm_config *c, const char *key, const json_t *v, size_t blocks, size_t i) {
    if (!json_is_array(v)) return v;
    if (c->status == CM_OK && json_array_size(v) != blocks)
        c->status =
            cm_fail(CM_EFORMAT, "%s: \"%s\" lists %zu blocks, not %zu", c->what, key, json_array_size(v), blocks);
    return json_array_get(v, i);
}

static bool is_nested(const json_t *v) {
    size_t i;
    json_t *one;
    json_array_foreach(v, i, one)
        if (json_is_array(one)) return true;
    return false;
}

/* transformer_layers_per_block, and on the way up the same from its end, or a list of its own (SSD-1B, Vega). */
static void depths(cm_config *c, cm_unet_config *u) {
    static const char down[] = "transformer_layers_per_block", up[] = "reverse_transformer_layers_per_block";
    if (c->status != CM_OK) return;
    json_t *one = json_integer(1);
    const json_t *v = json_object_get(c->json, down), *w = cm_config_has(c, up) ? json_object_get(c->json, up) : NULL;
    if (!v) v = one;
    if (!w && is_nested(v))
        c->status =
            cm_fail(CM_EFORMAT, "%s: \"%s\" lists attentions one by one, so that \"%s\" is wanted", c->what, down, up);
    for (size_t i = 0; i < u->blocks; i++) {
        const size_t at = u->blocks - 1 - i;
        block_depths(c, down, block_entry(c, down, v, u->blocks, i), u->layers[i], u->down_depth[i]);
        if (w && !json_is_array(w)) c->status = cm_fail(CM_EFORMAT, "%s: \"%s\" is not a list", c->what, up);
        block_depths(c, w ? up : down, w ? block_entry(c, up, w, u->blocks, i) : block_entry(c, down, v, u->blocks, at),
                     u->layers[at] + 1, u->up_depth[i]);
    }
    u->mid_depth = u->down_depth[u->blocks - 1][0];
    json_decref(one);
}

/* Heads and groups must divide the channels that they split. */
static cm_status check_divisions(const cm_unet_config *u) {
    for (size_t i = 0; i < u->blocks; i++) {
        const bool attention = u->down_attention[i] || u->up_attention[u->blocks - 1 - i];
        if (u->channels[i] % u->norm_groups)
            return cm_fail(CM_EFORMAT,
                           "UNet config: \"block_out_channels\" %zu is not a multiple of \"norm_num_groups\" %zu",
                           u->channels[i], u->norm_groups);
        if ((attention || (u->mid_block && u->mid_attention && i + 1 == u->blocks)) && u->channels[i] % u->heads[i])
            return cm_fail(CM_EFORMAT,
                           "UNet config: \"block_out_channels\" %zu is not a multiple of \"attention_head_dim\" %zu "
                           "(which is the number of heads)",
                           u->channels[i], u->heads[i]);
    }
    if (u->channels[0] % 2) return cm_fail(CM_EFORMAT, "UNet config: \"block_out_channels\" begins with an odd number");
    return CM_OK;
}

/* text_time: a pooled text and some numbers, each embedded like a timestep, beside the time embedding. */
static void added_conditions(cm_config *c, cm_unet_config *u) {
    if (c->status != CM_OK || !json_is_string(json_object_get(c->json, "addition_embed_type"))) return;
    u->added_time_dim = cm_config_size(c, "addition_time_embed_dim", 256, 2, 1 << 16);
    u->added_width = cm_config_size(c, "projection_class_embeddings_input_dim", 2816, 1, 1 << 20);
    if (c->status == CM_OK && u->added_time_dim % 2)
        c->status = cm_fail(CM_EFORMAT, "%s: \"addition_time_embed_dim\" %zu is odd", c->what, u->added_time_dim);
}

/* sample_size: a number, or [height, width]. */
static void sample_size(cm_config *c, cm_unet_config *u) {
    const json_t *v = c->status == CM_OK ? json_object_get(c->json, "sample_size") : NULL;
    const bool both = json_is_array(v);
    size_t two[2] = {64, 64};
    if (!json_is_null(v)) cm_config_sizes(c, "sample_size", 64, 1, 1 << 16, both ? 2 : 1, two);
    u->sample_height = two[0];
    u->sample_width = both ? two[1] : two[0];
}

static const char *const not_null[] = {"attention_head_dim", "block_out_channels",    "cross_attention_dim",
                                       "down_block_types",   "flip_sin_to_cos",       "freq_shift",
                                       "in_channels",        "layers_per_block",      "norm_eps",
                                       "norm_num_groups",    "out_channels",          "transformer_layers_per_block",
                                       "up_block_types",     "use_linear_projection", NULL};

cm_status cm_unet_configure(const json_t *config, cm_unet_config *out) {
    static const char *const down[2] = {"CrossAttnDownBlock2D", "DownBlock2D"};
    static const char *const up[2] = {"CrossAttnUpBlock2D", "UpBlock2D"};
    static const char *const classes[] = {"UNet2DConditionModel", "UNet2DConditionModel_New",
                                          "FlaxUNet2DConditionModel", NULL};
    cm_config c = cm_config_begin(config, "UNet config");
    cm_unet_config u = {0};
    u.blocks = cm_config_length(&c, "block_out_channels");
    if (c.status == CM_OK && (u.blocks < 1 || u.blocks > CM_UNET_MAX_BLOCKS))
        c.status =
            cm_fail(CM_EFORMAT, "UNet config: \"block_out_channels\" must list 1 to %d numbers", CM_UNET_MAX_BLOCKS);
    cm_config_class(&c, classes);
    cm_config_refuse_nulls(&c, not_null);
    if (c.status != CM_OK) return c.status;
    cm_config_sizes(&c, "block_out_channels", 1, 1, 1 << 16, u.blocks, u.channels);
    u.in_channels = cm_config_size(&c, "in_channels", 4, 1, 4096);
    u.out_channels = cm_config_size(&c, "out_channels", 4, 1, 4096);
    cm_config_sizes(&c, "layers_per_block", 2, 1, CM_UNET_MAX_LAYERS, u.blocks, u.layers);
    block_types(&c, "down_block_types", down, u.blocks, u.down_attention);
    block_types(&c, "up_block_types", up, u.blocks, u.up_attention);
    mid_block(&c, &u);
    cm_config_sizes(&c, "attention_head_dim", 8, 1, 4096, u.blocks, u.heads);
    depths(&c, &u);
    size_t text[CM_UNET_MAX_BLOCKS];
    cm_config_sizes(&c, "cross_attention_dim", 1280, 1, 1 << 16, u.blocks, text);
    for (size_t i = 1; c.status == CM_OK && i < u.blocks; i++)
        if (text[i] != text[0])
            c.status = cm_fail(CM_EFORMAT, "UNet config: \"cross_attention_dim\" differs between blocks");
    u.cross_attention_dim = text[0];
    u.norm_groups = cm_config_size(&c, "norm_num_groups", 32, 1, 4096);
    u.norm_eps = (float)cm_config_number(&c, "norm_eps", 1e-5);
    u.use_linear_projection = cm_config_bool(&c, "use_linear_projection", false);
    u.flip_sin_to_cos = cm_config_bool(&c, "flip_sin_to_cos", true);
    u.freq_shift = (float)cm_config_number(&c, "freq_shift", 0);
    u.time_width = 4 * u.channels[0];
    if (cm_config_has(&c, "time_embedding_dim")) u.time_width = cm_config_size(&c, "time_embedding_dim", 0, 1, 1 << 20);
    if (cm_config_has(&c, "time_cond_proj_dim"))
        u.guidance_width = cm_config_size(&c, "time_cond_proj_dim", 0, 4, 1 << 16);
    sample_size(&c, &u);
    added_conditions(&c, &u);
    CM_TRY(cm_config_end(&c, rules, known));
    const json_t *only = json_object_get(config, "only_cross_attention");
    if (json_is_array(only) && json_array_size(only) != u.blocks)
        return cm_fail(CM_EFORMAT, "UNet config: \"only_cross_attention\" lists %zu blocks, not %zu",
                       json_array_size(only), u.blocks);
    CM_TRY(check_divisions(&u));
    *out = u;
    return CM_OK;
}
