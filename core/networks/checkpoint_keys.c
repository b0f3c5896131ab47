// SPDX-License-Identifier: Apache-2.0
#include "core/networks/checkpoint_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 2 }; /* residual blocks a level of the UNets of both families */

/* What follows `prefix` in text; NULL when it does not begin so. */
static const char *after(const char *text, const char *prefix) {
    const size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* A number and the dot behind it; NULL when there is none. */
static const char *number(const char *text, size_t *value) {
    char *end;
    if (*text < '0' || *text > '9') return NULL;
    *value = strtoul(text, &end, 10);
    return *end == '.' && *value < 1000 ? end + 1 : NULL;
}

typedef struct renaming {
    const char *from, *to;
} renaming;

/* text with the first prefix that fits exchanged; NULL when none does. */
static const char *exchange(const renaming *table, const char *text, char out[CM_ORIGINAL_NAME]) {
    for (; table->from; table++) {
        const char *rest = after(text, table->from);
        if (!rest) continue;
        snprintf(out, CM_ORIGINAL_NAME, "%s%s", table->to, rest);
        return out;
    }
    return NULL;
}

/* --- UNet --------------------------------------------------------------------- */

static const renaming unet_ends[] = {{"time_embed.0.", "time_embedding.linear_1."},
                                     {"time_embed.2.", "time_embedding.linear_2."},
                                     {"label_emb.0.0.", "add_embedding.linear_1."},
                                     {"label_emb.0.2.", "add_embedding.linear_2."},
                                     {"input_blocks.0.0.", "conv_in."},
                                     {"out.0.", "conv_norm_out."},
                                     {"out.2.", "conv_out."},
                                     {NULL, NULL}};

static const renaming unet_resnet[] = {{"in_layers.0.", "norm1."},
                                       {"in_layers.2.", "conv1."},
                                       {"emb_layers.1.", "time_emb_proj."},
                                       {"out_layers.0.", "norm2."},
                                       {"out_layers.3.", "conv2."},
                                       {"skip_connection.", "conv_shortcut."},
                                       {NULL, NULL}};

static bool resnet_name(const char *block, size_t j, const char *rest, char *out) {
    char name[CM_ORIGINAL_NAME];
    if (!exchange(unet_resnet, rest, name)) return false;
    return snprintf(out, CM_ORIGINAL_NAME, "%s.resnets.%zu.%s", block, j, name) < CM_ORIGINAL_NAME;
}

static bool attention_name(const char *block, size_t j, const char *rest, char *out) {
    return snprintf(out, CM_ORIGINAL_NAME, "%s.attentions.%zu.%s", block, j, rest) < CM_ORIGINAL_NAME;
}

static bool unet_down(const char *rest, char *out) {
    size_t at, member;
    char block[64];
    if (!(rest = number(rest, &at)) || !(rest = number(rest, &member)) || at == 0) return false;
    const size_t i = (at - 1) / (LAYERS + 1), j = (at - 1) % (LAYERS + 1);
    snprintf(block, sizeof block, "down_blocks.%zu", i);
    if (j < LAYERS)
        return member == 0 ? resnet_name(block, j, rest, out) : member == 1 && attention_name(block, j, rest, out);
    const char *conv = after(rest, "op.");
    return conv && snprintf(out, CM_ORIGINAL_NAME, "%s.downsamplers.0.conv.%s", block, conv) < CM_ORIGINAL_NAME;
}

static bool unet_mid(const char *rest, char *out) {
    size_t at;
    if (!(rest = number(rest, &at)) || at > 2) return false;
    return at == 1 ? attention_name("mid_block", 0, rest, out) : resnet_name("mid_block", at / 2, rest, out);
}

static bool unet_up(const char *rest, char *out) {
    size_t at, member;
    char block[64];
    if (!(rest = number(rest, &at)) || !(rest = number(rest, &member))) return false;
    const size_t i = at / (LAYERS + 1), j = at % (LAYERS + 1);
    snprintf(block, sizeof block, "up_blocks.%zu", i);
    const char *conv = after(rest, "conv.");
    if (member == 0) return resnet_name(block, j, rest, out);
    if (conv) return snprintf(out, CM_ORIGINAL_NAME, "%s.upsamplers.0.conv.%s", block, conv) < CM_ORIGINAL_NAME;
    return attention_name(block, j, rest, out);
}

static bool unet_name(const char *name, char *out) {
    const char *rest;
    if (exchange(unet_ends, name, out)) return true;
    if ((rest = after(name, "input_blocks."))) return unet_down(rest, out);
    if ((rest = after(name, "middle_block."))) return unet_mid(rest, out);
    if ((rest = after(name, "output_blocks."))) return unet_up(rest, out);
    return false;
}

/* --- autoencoder ----------------------------------------------------------------- */

static const renaming vae_mid[] = {{"block_1.", "resnets.0."},
                                   {"block_2.", "resnets.1."},
                                   {"attn_1.norm.", "attentions.0.group_norm."},
                                   {"attn_1.q.", "attentions.0.to_q."},
                                   {"attn_1.k.", "attentions.0.to_k."},
                                   {"attn_1.v.", "attentions.0.to_v."},
                                   {"attn_1.proj_out.", "attentions.0.to_out.0."},
                                   /* diffusers' names, old and new, which converters of 2023 left there */
                                   {"attn_1.group_norm.", "attentions.0.group_norm."},
                                   {"attn_1.to_q.", "attentions.0.to_q."},
                                   {"attn_1.to_k.", "attentions.0.to_k."},
                                   {"attn_1.to_v.", "attentions.0.to_v."},
                                   {"attn_1.to_out.0.", "attentions.0.to_out.0."},
                                   {"attn_1.query.", "attentions.0.to_q."},
                                   {"attn_1.key.", "attentions.0.to_k."},
                                   {"attn_1.value.", "attentions.0.to_v."},
                                   {"attn_1.proj_attn.", "attentions.0.to_out.0."},
                                   {NULL, NULL}};
static const renaming vae_ends[] = {
    {"conv_in.", "conv_in."}, {"conv_out.", "conv_out."}, {"norm_out.", "conv_norm_out."}, {NULL, NULL}};
static const renaming vae_shortcut[] = {{"nin_shortcut.", "conv_shortcut."}, {"", ""}, {NULL, NULL}};

static bool vae_level(const char *half, bool up, size_t blocks, const char *rest, char *out) {
    size_t i, j;
    char name[CM_ORIGINAL_NAME];
    if (!(rest = number(rest, &i)) || i >= blocks) return false;
    const size_t at = up ? blocks - 1 - i : i;
    const char *way = up ? "up" : "down", *inner = after(rest, "block.");
    if (inner) {
        if (!(inner = number(inner, &j)) || !exchange(vae_shortcut, inner, name)) return false;
        return snprintf(out, CM_ORIGINAL_NAME, "%s%s_blocks.%zu.resnets.%zu.%s", half, way, at, j, name) <
               CM_ORIGINAL_NAME;
    }
    inner = after(rest, up ? "upsample.conv." : "downsample.conv.");
    return inner && snprintf(out, CM_ORIGINAL_NAME, "%s%s_blocks.%zu.%ssamplers.0.conv.%s", half, way, at, way, inner) <
                        CM_ORIGINAL_NAME;
}

static bool vae_name(const char *name, size_t blocks, char *out) {
    if (after(name, "quant_conv.") || after(name, "post_quant_conv."))
        return snprintf(out, CM_ORIGINAL_NAME, "%s", name) < CM_ORIGINAL_NAME;
    const char *half = after(name, "encoder.")   ? "encoder."
                       : after(name, "decoder.") ? "decoder."
                                                 : NULL,
               *rest, *inner;
    char found[CM_ORIGINAL_NAME];
    if (!half) return false;
    rest = name + strlen(half);
    if ((inner = after(rest, "down."))) return vae_level(half, false, blocks, inner, out);
    if ((inner = after(rest, "up."))) return vae_level(half, true, blocks, inner, out);
    inner = after(rest, "mid.");
    if (!exchange(inner ? vae_mid : vae_ends, inner ? inner : rest, found)) return false;
    return snprintf(out, CM_ORIGINAL_NAME, "%s%s%s", half, inner ? "mid_block." : "", found) < CM_ORIGINAL_NAME;
}

size_t cm_ckpt_vae_blocks(const cm_tensor_file *f) {
    size_t blocks = 0;
    for (size_t k = 0; k < cm_tensor_file_count(f); k++) {
        const char *name = cm_tensor_file_at(f, k)->name, *inner = after(name, "first_stage_model.");
        const char *rest = after(inner ? inner : name, "decoder.up.");
        size_t i;
        if (rest && number(rest, &i) && i + 1 > blocks) blocks = i + 1;
    }
    return blocks;
}

/* --- OpenCLIP's towers --------------------------------------------------------------- */

static const renaming tower_layer[] = {
    {"ln_1.", "layer_norm1."}, {"ln_2.", "layer_norm2."},   {"attn.out_proj.", "self_attn.out_proj."},
    {"mlp.c_fc.", "mlp.fc1."}, {"mlp.c_proj.", "mlp.fc2."}, {NULL, NULL}};

typedef struct tower {
    const char *name, *projection, *stored_projection; /* the projection is stored [in,out] */
    const renaming *ends;
} tower;

static const renaming text_ends[] = {{"token_embedding.", "embeddings.token_embedding."},
                                     {"ln_final.", "final_layer_norm."},
                                     {"positional_embedding", "embeddings.position_embedding.weight"},
                                     {NULL, NULL}};
static const renaming vision_ends[] = {{"class_embedding", "embeddings.class_embedding"},
                                       {"positional_embedding", "embeddings.position_embedding.weight"},
                                       {"conv1.weight", "embeddings.patch_embedding.weight"},
                                       {"ln_pre.", "pre_layrnorm."},
                                       {"ln_post.", "post_layernorm."},
                                       {NULL, NULL}};
static const tower text_tower = {"text_model", "text_projection.weight", "text_projection", text_ends};
static const tower vision_tower = {"vision_model", "visual_projection.weight", "proj", vision_ends};

/* Queries, keys and values as one matrix become three. */
static bool three_names(const char *prefix, const char *layers, size_t i, const char *const names[3], const char *end,
                        cm_ckpt_tensor *t) {
    t->pieces = 3;
    for (size_t k = 0; k < 3; k++)
        if (snprintf(t->names[k], CM_ORIGINAL_NAME, "%s%s.%zu.%s.%s", prefix, layers, i, names[k], end) >=
            CM_ORIGINAL_NAME)
            return false;
    return true;
}

static bool tower_name(const tower *w, const char *name, cm_ckpt_tensor *t) {
    static const char *const three[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    char found[CM_ORIGINAL_NAME];
    size_t i;
    t->pieces = 1;
    if (exchange(w->ends, name, found))
        return snprintf(t->names[0], CM_ORIGINAL_NAME, "%s.%s", w->name, found) < CM_ORIGINAL_NAME;
    if (strcmp(name, w->stored_projection) == 0) {
        snprintf(t->names[0], sizeof t->names[0], "%s", w->projection);
        return t->transposed = true;
    }
    const char *rest = after(name, "transformer.resblocks.");
    if (!rest || !(rest = number(rest, &i))) return false;
    const char *fused = after(rest, "attn.in_proj_");
    if (fused) return three_names(w->name, ".encoder.layers", i, three, fused, t);
    if (!exchange(tower_layer, rest, found)) return false;
    return snprintf(t->names[0], sizeof t->names[0], "%s.encoder.layers.%zu.%s", w->name, i, found) < CM_ORIGINAL_NAME;
}

static bool clip_name(const char *name, cm_ckpt_tensor *t) {
    const char *visual = after(name, "visual.");
    return visual ? tower_name(&vision_tower, visual, t) : tower_name(&text_tower, name, t);
}

/* --- DINOv2 ------------------------------------------------------------------------------ */

static const renaming dino_ends[] = {{"cls_token", "embeddings.cls_token"},
                                     {"mask_token", "embeddings.mask_token"},
                                     {"register_tokens", "embeddings.register_tokens"},
                                     {"pos_embed", "embeddings.position_embeddings"},
                                     {"patch_embed.proj.", "embeddings.patch_embeddings.projection."},
                                     {"norm.", "layernorm."},
                                     {NULL, NULL}};
static const renaming dino_layer[] = {{"norm1.", "norm1."},
                                      {"norm2.", "norm2."},
                                      {"attn.proj.", "attention.output.dense."},
                                      {"ls1.gamma", "layer_scale1.lambda1"},
                                      {"ls2.gamma", "layer_scale2.lambda1"},
                                      {"mlp.fc1.", "mlp.fc1."},
                                      {"mlp.fc2.", "mlp.fc2."},
                                      {NULL, NULL}};

static bool dino_name(const char *name, cm_ckpt_tensor *t) {
    static const char *const three[] = {"attention.attention.query", "attention.attention.key",
                                        "attention.attention.value"};
    char found[CM_ORIGINAL_NAME];
    size_t i;
    t->pieces = 1;
    if (exchange(dino_ends, name, t->names[0])) return true;
    const char *rest = after(name, "blocks.");
    if (!rest || !(rest = number(rest, &i))) return false;
    const char *fused = after(rest, "attn.qkv.");
    if (fused) return three_names("", "encoder.layer", i, three, fused, t);
    if (!exchange(dino_layer, rest, found)) return false;
    return snprintf(t->names[0], sizeof t->names[0], "encoder.layer.%zu.%s", i, found) < CM_ORIGINAL_NAME;
}

/* --- which part ------------------------------------------------------------------------ */

static const char *in_part(cm_ckpt_part part, const char *stored) {
    const char *rest;
    switch (part) {
    case CM_ORIGINAL_UNET:
        rest = after(stored, "model.diffusion_model.");
        return rest ? rest : after(stored, "diffusion_model.");
    case CM_ORIGINAL_UNET_ALONE:
    case CM_ORIGINAL_VAE_ALONE: return stored;
    case CM_ORIGINAL_TEXT_OPEN: return after(stored, "cond_stage_model.model.");
    case CM_ORIGINAL_VAE: return after(stored, "first_stage_model.");
    case CM_ORIGINAL_TEXT:
        rest = after(stored, "cond_stage_model.transformer.");
        return rest ? rest : after(stored, "conditioner.embedders.0.transformer.");
    case CM_ORIGINAL_TEXT2: return after(stored, "conditioner.embedders.1.model.");
    case CM_ORIGINAL_TEXT_REFINER: return after(stored, "conditioner.embedders.0.model.");
    case CM_ORIGINAL_CLIP: rest = after(stored, "module."); return rest ? rest : stored;
    case CM_ORIGINAL_DINOV2: return stored;
    }
    return NULL;
}

/* The sizes are tensors in OpenAI's archives. */
static bool useless(const char *name) {
    static const char *const names[] = {"logit_scale",      "logit_bias",     "attn_mask",
                                        "input_resolution", "context_length", "vocab_size"};
    const size_t n = strlen(name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return n >= 12 && strcmp(name + n - 12, "position_ids") == 0;
}

bool cm_ckpt_expects(const char *stored) {
    static const char *const harmless[] = {
        "model_ema.",   "betas",     "alphas_cumprod", "sqrt_",  "log_one_minus_", "posterior_", "logvar",
        "lvlb_weights", "denoiser.", "scale_factor",   "v_pred", "ztsnr",          NULL};
    for (cm_ckpt_part part = CM_ORIGINAL_UNET; part <= CM_ORIGINAL_TEXT_OPEN; part++)
        if (in_part(part, stored)) return true;
    for (const char *const *prefix = harmless; *prefix; prefix++)
        if (after(stored, *prefix)) return true;
    const char *last = strrchr(stored, '.');
    return useless(last ? last + 1 : stored);
}

void cm_ckpt_rename(cm_ckpt_part part, size_t vae_blocks, const char *stored, cm_ckpt_tensor *out) {
    *out = (cm_ckpt_tensor){0};
    const char *name = in_part(part, stored);
    if (!name || useless(name)) return;
    bool known = true;
    out->pieces = 1;
    if (part == CM_ORIGINAL_UNET || part == CM_ORIGINAL_UNET_ALONE) known = unet_name(name, out->names[0]);
    if (part == CM_ORIGINAL_VAE || part == CM_ORIGINAL_VAE_ALONE) known = vae_name(name, vae_blocks, out->names[0]);
    if (part == CM_ORIGINAL_TEXT) known = snprintf(out->names[0], sizeof out->names[0], "%s", name) < CM_ORIGINAL_NAME;
    if (part == CM_ORIGINAL_TEXT2 || part == CM_ORIGINAL_TEXT_REFINER) known = tower_name(&text_tower, name, out);
    if (part == CM_ORIGINAL_TEXT_OPEN) {
        known = tower_name(&text_tower, name, out);
        out->spare = after(name, "transformer.resblocks.23.") || after(name, "text_projection");
    }
    if (part == CM_ORIGINAL_CLIP) known = clip_name(name, out);
    if (part == CM_ORIGINAL_DINOV2) known = dino_name(name, out);
    out->unknown = !known;
    if (!known) out->pieces = 0;
}

bool cm_ckpt_has_part(const cm_tensor_file *f, cm_ckpt_part part) {
    for (size_t i = 0; i < cm_tensor_file_count(f); i++)
        if (in_part(part, cm_tensor_file_at(f, i)->name)) return true;
    return false;
}

bool cm_ckpt_find_part(const cm_tensor_file *f, cm_ckpt_part *part) {
    const bool unet = *part == CM_ORIGINAL_UNET;
    if (cm_ckpt_has_part(f, *part)) return true;
    if (!cm_tensor_file_find(f, unet ? "input_blocks.0.0.weight" : "decoder.mid.block_1.norm1.weight")) return false;
    *part = unet ? CM_ORIGINAL_UNET_ALONE : CM_ORIGINAL_VAE_ALONE;
    return true;
}

cm_ckpt_family cm_ckpt_family_of(const cm_tensor_file *f) {
    bool unet = false, first = false, second = false, refiner = false, open = false;
    for (size_t i = 0; i < cm_tensor_file_count(f); i++) {
        const char *name = cm_tensor_file_at(f, i)->name;
        unet |= after(name, "model.diffusion_model.") != NULL;
        first |= after(name, "cond_stage_model.transformer.") != NULL;
        second |= after(name, "conditioner.embedders.1.model.") != NULL;
        refiner |= after(name, "conditioner.embedders.0.model.") != NULL;
        open |= after(name, "cond_stage_model.model.") != NULL;
    }
    if (!unet) return CM_ORIGINAL_NONE;
    if (second) return CM_ORIGINAL_SDXL;
    if (open) return CM_ORIGINAL_SD2;
    return first ? CM_ORIGINAL_SD1 : refiner ? CM_ORIGINAL_REFINER : CM_ORIGINAL_NONE;
}
