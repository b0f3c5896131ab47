// SPDX-License-Identifier: Apache-2.0
#include "core/networks/original.h"

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

static const renaming unet_ends[] = {
    {"time_embed.0.", "time_embedding.linear_1."}, {"time_embed.2.", "time_embedding.linear_2."},
    {"label_emb.0.0.", "add_embedding.linear_1."}, {"label_emb.0.2.", "add_embedding.linear_2."},
    {"input_blocks.0.0.", "conv_in."},             {"out.0.", "conv_norm_out."},
    {"out.2.", "conv_out."},                       {NULL, NULL}};

static const renaming unet_resnet[] = {{"in_layers.0.", "norm1."},  {"in_layers.2.", "conv1."},
                                       {"emb_layers.1.", "time_emb_proj."}, {"out_layers.0.", "norm2."},
                                       {"out_layers.3.", "conv2."}, {"skip_connection.", "conv_shortcut."}, {NULL, NULL}};

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
    if (j < LAYERS) return member == 0 ? resnet_name(block, j, rest, out) : member == 1 && attention_name(block, j, rest, out);
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
                                   {NULL, NULL}};
static const renaming vae_ends[] = {{"conv_in.", "conv_in."}, {"conv_out.", "conv_out."}, {"norm_out.", "conv_norm_out."}, {NULL, NULL}};
static const renaming vae_shortcut[] = {{"nin_shortcut.", "conv_shortcut."}, {"", ""}, {NULL, NULL}};

static bool vae_level(const char *half, bool up, size_t blocks, const char *rest, char *out) {
    size_t i, j;
    char name[CM_ORIGINAL_NAME];
    if (!(rest = number(rest, &i)) || i >= blocks) return false;
    const size_t at = up ? blocks - 1 - i : i;
    const char *way = up ? "up" : "down", *inner = after(rest, "block.");
    if (inner) {
        if (!(inner = number(inner, &j)) || !exchange(vae_shortcut, inner, name)) return false;
        return snprintf(out, CM_ORIGINAL_NAME, "%s%s_blocks.%zu.resnets.%zu.%s", half, way, at, j, name) < CM_ORIGINAL_NAME;
    }
    inner = after(rest, up ? "upsample.conv." : "downsample.conv.");
    return inner && snprintf(out, CM_ORIGINAL_NAME, "%s%s_blocks.%zu.%ssamplers.0.conv.%s", half, way, at, way, inner) < CM_ORIGINAL_NAME;
}

static bool vae_name(const char *name, size_t blocks, char *out) {
    if (after(name, "quant_conv.") || after(name, "post_quant_conv."))
        return snprintf(out, CM_ORIGINAL_NAME, "%s", name) < CM_ORIGINAL_NAME;
    const char *half = after(name, "encoder.") ? "encoder." : after(name, "decoder.") ? "decoder." : NULL, *rest, *inner;
    char found[CM_ORIGINAL_NAME];
    if (!half) return false;
    rest = name + strlen(half);
    if ((inner = after(rest, "down."))) return vae_level(half, false, blocks, inner, out);
    if ((inner = after(rest, "up."))) return vae_level(half, true, blocks, inner, out);
    inner = after(rest, "mid.");
    if (!exchange(inner ? vae_mid : vae_ends, inner ? inner : rest, found)) return false;
    return snprintf(out, CM_ORIGINAL_NAME, "%s%s%s", half, inner ? "mid_block." : "", found) < CM_ORIGINAL_NAME;
}

size_t cm_original_vae_blocks(const cm_tensor_file *f) {
    size_t blocks = 0;
    for (size_t k = 0; k < cm_tensor_file_count(f); k++) {
        const char *rest = after(cm_tensor_file_at(f, k)->name, "first_stage_model.decoder.up.");
        size_t i;
        if (rest && number(rest, &i) && i + 1 > blocks) blocks = i + 1;
    }
    return blocks;
}

/* --- OpenCLIP's text tower ---------------------------------------------------------- */

static const renaming tower_ends[] = {
    {"token_embedding.", "text_model.embeddings.token_embedding."}, {"ln_final.", "text_model.final_layer_norm."}, {NULL, NULL}};
static const renaming tower_layer[] = {{"ln_1.", "layer_norm1."},
                                       {"ln_2.", "layer_norm2."},
                                       {"attn.out_proj.", "self_attn.out_proj."},
                                       {"mlp.c_fc.", "mlp.fc1."},
                                       {"mlp.c_proj.", "mlp.fc2."},
                                       {NULL, NULL}};

static bool tower_name(const char *name, cm_original_tensor *t) {
    static const char *const three[] = {"q_proj", "k_proj", "v_proj"};
    char found[CM_ORIGINAL_NAME];
    size_t i;
    t->pieces = 1;
    if (exchange(tower_ends, name, t->names[0])) return true;
    if (strcmp(name, "positional_embedding") == 0) {
        snprintf(t->names[0], sizeof t->names[0], "text_model.embeddings.position_embedding.weight");
        return true;
    }
    if (strcmp(name, "text_projection") == 0) {
        snprintf(t->names[0], sizeof t->names[0], "text_projection.weight");
        return t->transposed = true;
    }
    const char *rest = after(name, "transformer.resblocks.");
    if (!rest || !(rest = number(rest, &i))) return false;
    const char *fused = after(rest, "attn.in_proj_");
    for (size_t k = 0; fused && k < 3; k++)
        snprintf(t->names[k], sizeof t->names[k], "text_model.encoder.layers.%zu.self_attn.%s.%.64s", i, three[k], fused);
    if (fused) {
        t->pieces = 3;
        return true;
    }
    if (!exchange(tower_layer, rest, found)) return false;
    return snprintf(t->names[0], sizeof t->names[0], "text_model.encoder.layers.%zu.%s", i, found) < CM_ORIGINAL_NAME;
}

/* --- which part ------------------------------------------------------------------------ */

static const char *in_part(cm_original_part part, const char *stored) {
    const char *rest;
    switch (part) {
    case CM_ORIGINAL_UNET: return after(stored, "model.diffusion_model.");
    case CM_ORIGINAL_VAE: return after(stored, "first_stage_model.");
    case CM_ORIGINAL_TEXT:
        rest = after(stored, "cond_stage_model.transformer.");
        return rest ? rest : after(stored, "conditioner.embedders.0.transformer.");
    case CM_ORIGINAL_TEXT2: return after(stored, "conditioner.embedders.1.model.");
    case CM_ORIGINAL_TEXT_REFINER: return after(stored, "conditioner.embedders.0.model.");
    }
    return NULL;
}

static bool useless(const char *name) {
    const size_t n = strlen(name);
    return strcmp(name, "logit_scale") == 0 || (n >= 12 && strcmp(name + n - 12, "position_ids") == 0);
}

void cm_original_rename(cm_original_part part, size_t vae_blocks, const char *stored, cm_original_tensor *out) {
    *out = (cm_original_tensor){0};
    const char *name = in_part(part, stored);
    if (!name || useless(name)) return;
    bool known = true;
    out->pieces = 1;
    if (part == CM_ORIGINAL_UNET) known = unet_name(name, out->names[0]);
    if (part == CM_ORIGINAL_VAE) known = vae_name(name, vae_blocks, out->names[0]);
    if (part == CM_ORIGINAL_TEXT) known = snprintf(out->names[0], sizeof out->names[0], "%s", name) < CM_ORIGINAL_NAME;
    if (part == CM_ORIGINAL_TEXT2 || part == CM_ORIGINAL_TEXT_REFINER) known = tower_name(name, out);
    out->unknown = !known;
    if (!known) out->pieces = 0;
}

cm_original_family cm_original_family_of(const cm_tensor_file *f) {
    bool unet = false, first = false, second = false, refiner = false;
    for (size_t i = 0; i < cm_tensor_file_count(f); i++) {
        const char *name = cm_tensor_file_at(f, i)->name;
        unet |= after(name, "model.diffusion_model.") != NULL;
        first |= after(name, "cond_stage_model.transformer.") != NULL;
        second |= after(name, "conditioner.embedders.1.model.") != NULL;
        refiner |= after(name, "conditioner.embedders.0.model.") != NULL;
    }
    if (!unet) return CM_ORIGINAL_NONE;
    if (second) return CM_ORIGINAL_SDXL;
    return first ? CM_ORIGINAL_SD1 : refiner ? CM_ORIGINAL_REFINER : CM_ORIGINAL_NONE;
}
