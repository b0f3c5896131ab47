// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <string.h>

#include "core/networks/checkpoint_keys.h"

static void becomes(cm_ckpt_part part, const char *stored, const char *want) {
    cm_ckpt_tensor t;
    cm_ckpt_rename(part, 4, stored, &t);
    cr_expect_eq(t.pieces, 1, "%s: %zu pieces", stored, t.pieces);
    cr_expect_str_eq(t.names[0], want);
}

Test(checkpoint_keys, unet_names_count_levels_and_layers) {
    static const char *const pairs[][2] = {
        {"time_embed.2.bias", "time_embedding.linear_2.bias"},
        {"label_emb.0.0.weight", "add_embedding.linear_1.weight"},
        {"input_blocks.0.0.weight", "conv_in.weight"},
        {"input_blocks.1.0.in_layers.0.weight", "down_blocks.0.resnets.0.norm1.weight"},
        {"input_blocks.3.0.op.bias", "down_blocks.0.downsamplers.0.conv.bias"},
        {"input_blocks.4.0.skip_connection.weight", "down_blocks.1.resnets.0.conv_shortcut.weight"},
        {"input_blocks.8.1.transformer_blocks.9.attn2.to_k.weight",
         "down_blocks.2.attentions.1.transformer_blocks.9.attn2.to_k.weight"},
        {"input_blocks.11.0.out_layers.3.bias", "down_blocks.3.resnets.1.conv2.bias"},
        {"middle_block.0.emb_layers.1.weight", "mid_block.resnets.0.time_emb_proj.weight"},
        {"middle_block.1.proj_in.weight", "mid_block.attentions.0.proj_in.weight"},
        {"middle_block.2.in_layers.2.weight", "mid_block.resnets.1.conv1.weight"},
        {"output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"},
        {"output_blocks.5.2.conv.bias", "up_blocks.1.upsamplers.0.conv.bias"},
        {"output_blocks.5.1.norm.weight", "up_blocks.1.attentions.2.norm.weight"},
        {"output_blocks.11.0.in_layers.0.bias", "up_blocks.3.resnets.2.norm1.bias"},
        {"out.0.weight", "conv_norm_out.weight"},
        {"out.2.weight", "conv_out.weight"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char stored[200] = "model.diffusion_model.";
        strncat(stored, pairs[i][0], sizeof stored - strlen(stored) - 1);
        becomes(CM_ORIGINAL_UNET, stored, pairs[i][1]);
    }
}

Test(checkpoint_keys, the_autoencoders_ways_up_count_from_the_other_end) {
    becomes(CM_ORIGINAL_VAE, "first_stage_model.decoder.up.3.block.0.norm1.weight",
            "decoder.up_blocks.0.resnets.0.norm1.weight");
    becomes(CM_ORIGINAL_VAE, "first_stage_model.decoder.up.0.block.2.nin_shortcut.bias",
            "decoder.up_blocks.3.resnets.2.conv_shortcut.bias");
    becomes(CM_ORIGINAL_VAE, "first_stage_model.encoder.down.1.downsample.conv.weight",
            "encoder.down_blocks.1.downsamplers.0.conv.weight");
    becomes(CM_ORIGINAL_VAE, "first_stage_model.encoder.mid.attn_1.proj_out.weight",
            "encoder.mid_block.attentions.0.to_out.0.weight");
    becomes(CM_ORIGINAL_VAE, "first_stage_model.decoder.norm_out.weight", "decoder.conv_norm_out.weight");
    becomes(CM_ORIGINAL_VAE, "first_stage_model.post_quant_conv.bias", "post_quant_conv.bias");
}

Test(checkpoint_keys, text_towers_of_both_families) {
    cm_ckpt_tensor t;
    becomes(CM_ORIGINAL_TEXT, "cond_stage_model.transformer.text_model.final_layer_norm.bias",
            "text_model.final_layer_norm.bias");
    becomes(CM_ORIGINAL_TEXT, "conditioner.embedders.0.transformer.text_model.final_layer_norm.bias",
            "text_model.final_layer_norm.bias");
    becomes(CM_ORIGINAL_TEXT2, "conditioner.embedders.1.model.transformer.resblocks.31.mlp.c_proj.bias",
            "text_model.encoder.layers.31.mlp.fc2.bias");
    cm_ckpt_rename(CM_ORIGINAL_TEXT2, 4, "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_bias", &t);
    cr_expect_eq(t.pieces, 3);
    cr_expect_str_eq(t.names[1], "text_model.encoder.layers.0.self_attn.k_proj.bias");
    cm_ckpt_rename(CM_ORIGINAL_TEXT2, 4, "conditioner.embedders.1.model.text_projection", &t);
    cr_expect(t.pieces == 1 && t.transposed);
}

Test(checkpoint_keys, the_refiners_tower_is_the_first_embedder) {
    becomes(CM_ORIGINAL_TEXT_REFINER, "conditioner.embedders.0.model.transformer.resblocks.31.mlp.c_proj.bias",
            "text_model.encoder.layers.31.mlp.fc2.bias");
    becomes(CM_ORIGINAL_UNET, "model.diffusion_model.middle_block.1.transformer_blocks.3.norm1.bias",
            "mid_block.attentions.0.transformer_blocks.3.norm1.bias");
}

Test(checkpoint_keys, what_is_not_of_the_part_is_passed_over_and_what_is_unknown_said) {
    cm_ckpt_tensor t;
    static const char *const others[] = {"betas", "first_stage_model.encoder.conv_in.weight", "model_ema.decay",
                                         "conditioner.embedders.1.model.logit_scale"};
    for (size_t i = 0; i < 4; i++) {
        cm_ckpt_rename(i < 3 ? CM_ORIGINAL_UNET : CM_ORIGINAL_TEXT2, 4, others[i], &t);
        cr_expect(t.pieces == 0 && !t.unknown, "%s", others[i]);
    }
    static const char *const strange[] = {"model.diffusion_model.input_blocks.x.0.weight",
                                          "model.diffusion_model.input_blocks.1.2.weight",
                                          "model.diffusion_model.middle_block.3.weight",
                                          "model.diffusion_model.head.weight",
                                          "first_stage_model.decoder.up.9.block.0.conv1.weight"};
    for (size_t i = 0; i < 5; i++) {
        cm_ckpt_rename(i < 4 ? CM_ORIGINAL_UNET : CM_ORIGINAL_VAE, 4, strange[i], &t);
        cr_expect(t.pieces == 0 && t.unknown, "%s", strange[i]);
    }
}

Test(checkpoint_keys, both_towers_of_a_clip_and_a_dinov2) {
    cm_ckpt_tensor t;
    becomes(CM_ORIGINAL_CLIP, "visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight");
    becomes(CM_ORIGINAL_CLIP, "module.visual.ln_pre.bias", "vision_model.pre_layrnorm.bias");
    becomes(CM_ORIGINAL_CLIP, "visual.transformer.resblocks.47.mlp.c_fc.weight",
            "vision_model.encoder.layers.47.mlp.fc1.weight");
    becomes(CM_ORIGINAL_CLIP, "positional_embedding", "text_model.embeddings.position_embedding.weight");
    becomes(CM_ORIGINAL_DINOV2, "blocks.23.ls2.gamma", "encoder.layer.23.layer_scale2.lambda1");
    becomes(CM_ORIGINAL_DINOV2, "patch_embed.proj.bias", "embeddings.patch_embeddings.projection.bias");
    cm_ckpt_rename(CM_ORIGINAL_CLIP, 0, "visual.proj", &t);
    cr_expect(t.pieces == 1 && t.transposed);
    cm_ckpt_rename(CM_ORIGINAL_DINOV2, 0, "blocks.0.attn.qkv.weight", &t);
    cr_expect(t.pieces == 3 && !t.transposed);
    cr_expect_str_eq(t.names[2], "encoder.layer.0.attention.attention.value.weight");
    cm_ckpt_rename(CM_ORIGINAL_CLIP, 0, "logit_scale", &t);
    cr_expect(t.pieces == 0 && !t.unknown);
    cm_ckpt_rename(CM_ORIGINAL_CLIP, 0, "visual.attnpool.q_proj.weight", &t);
    cr_expect(t.unknown);
    cm_ckpt_rename(CM_ORIGINAL_DINOV2, 0, "blocks.0.mlp.w12.weight", &t);
    cr_expect(t.unknown);
}
