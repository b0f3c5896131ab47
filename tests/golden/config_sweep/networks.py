# SPDX-License-Identifier: Apache-2.0
"""Every key of UNet2DConditionModel, AutoencoderKL, CLIPTextModel and tokenizer_config.json set to other values.

Values that change the weights' shapes end in an error of both programs; the tiny models' own goldens (../unet, ../vae,
../clip) hold those that are followed.
"""
from sweep import ABSENT, Case

UNET = {
    "sample_size": [8, None, [8, 6], "8"], "in_channels": [5, "4"], "out_channels": [5], "center_input_sample": [True],
    "flip_sin_to_cos": [False, None, 1], "freq_shift": [1, "0"],
    "down_block_types": [["DownBlock2D", "DownBlock2D"], ["AttnDownBlock2D", "DownBlock2D"]], "mid_block_type": [None, "UNetMidBlock2D", "UNetMidBlock2DSimpleCrossAttn"],
    "up_block_types": [["UpBlock2D", "UpBlock2D"], ["SimpleCrossAttnUpBlock2D", "UpBlock2D"]], "only_cross_attention": [True, [False, False]],
    "block_out_channels": [[16, 64], [32]], "layers_per_block": [2, [1, 1], 3], "downsample_padding": [0], "mid_block_scale_factor": [2.0],
    "dropout": [0.5], "act_fn": ["swish", "mish", "gelu", "relu"], "norm_num_groups": [2, None, 8], "norm_eps": [1e-3, 1e-6, None],
    "cross_attention_dim": [16, None, [32, 32]], "transformer_layers_per_block": [2, [1, 1], [1, [1, 1]], None],
    "reverse_transformer_layers_per_block": [[1, 1], [[1, 1], [1, 1]], [2, 1]], "encoder_hid_dim": [32],
    "encoder_hid_dim_type": ["text_proj"], "attention_head_dim": [1, 2, 8, [2, 4], None], "num_attention_heads": [2],
    "dual_cross_attention": [True], "use_linear_projection": [True], "class_embed_type": ["timestep"], "addition_embed_type": ["text"],
    "addition_time_embed_dim": [8], "num_class_embeds": [3], "upcast_attention": [True], "resnet_time_scale_shift": ["scale_shift"],
    "resnet_skip_time_act": [True], "resnet_out_scale_factor": [2.0], "time_embedding_type": ["fourier"], "time_embedding_dim": [128, 16],
    "time_embedding_act_fn": ["silu"], "timestep_post_act": ["silu"], "time_cond_proj_dim": [8], "conv_in_kernel": [1], "conv_out_kernel": [1],
    "projection_class_embeddings_input_dim": [8], "attention_type": ["gated"], "class_embeddings_concat": [True],
    "mid_block_only_cross_attention": [True, False], "cross_attention_norm": ["layer_norm"], "addition_embed_type_num_heads": [8],
    "decay": [0.9999], "_class_name": ["UNet2DConditionModel_New"], "use_linear_projektion": [True],
}
VAE = {
    "in_channels": [4], "out_channels": [4], "down_block_types": [["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]],
    "block_out_channels": [[32, 64]], "layers_per_block": [2, 3], "act_fn": ["swish", "mish", "gelu"], "latent_channels": [8],
    "norm_num_groups": [2, 8, None], "sample_size": [32, None], "scaling_factor": [0.13025, 1.0, "x", None], "shift_factor": [0.25, None],
    "latents_mean": [[0.1, 0.2, 0.3, 0.4]], "latents_std": [[2.0, 1.0, 0.5, 1.5]], "force_upcast": [False, True],
    "use_quant_conv": [False], "use_post_quant_conv": [False], "mid_block_add_attention": [False], "scale_factor": [0.5],
}
TEXT = {
    "vocab_size": [10], "hidden_size": [64], "intermediate_size": [64], "projection_dim": [8, None], "num_hidden_layers": [1, 5],
    "num_attention_heads": [1, 8], "max_position_embeddings": [20], "hidden_act": ["gelu", "quick_gelu", "relu", "gelu_new"],
    "layer_norm_eps": [1e-3, "x"], "attention_dropout": [0.5], "initializer_range": [1.0], "initializer_factor": [2.0],
    "pad_token_id": [0], "bos_token_id": [3], "eos_token_id": [2, 5], "use_attention_mask": [False, True], "return_dict": [False],
    "output_hidden_states": [True], "chunk_size_feed_forward": [1], "id2label": [{"0": "A"}], "torch_dtype": ["float16"],
    "model_type": ["clip"], "is_decoder": [True], "dropout": [0.3], "hiden_act": ["gelu"],
}
TOKENIZER = {
    "model_max_length": [20, 1e30], "padding_side": ["left"], "truncation_side": ["left"], "clean_up_tokenization_spaces": [True],
    "do_lower_case": [False], "errors": ["strict"], "add_prefix_space": [True], "pad_token": ["!", "a</w>"], "unk_token": ["a</w>"],
    "split_special_tokens": [True], "additional_special_tokens": [["a</w>"]], "model_input_names": [["input_ids"]],
    "special_tokens_map_file": ["x"], "name_or_path": ["x"], "use_fast": [False], "tokenizer_class": ["CLIPTokenizerFast"],
}


# what diffusers cannot open, and why it is drawn here
THEIRS_FAILS = {
    # a 1x1 convolution may be stored as a linear layer
    "use_linear_projection": "diffusers wants the other number of dimensions; the weights are the same",
    "sample_size": "only the size of diffusers' tiles follows from it",
    "model_max_length": "without a length diffusers cannot pad; the text encoder's positions are one",
}


def each(file, table, **more):
    for key, values in table.items():
        for value in values + ([] if key.startswith("_") else [ABSENT]):
            yield Case(file, {key: value}, steps=2, theirs_fails=THEIRS_FAILS.get(key), **more)


def cases():
    yield from each("unet/config.json", UNET)
    yield from each("vae/config.json", VAE, picture=True)
    yield from each("text_encoder/config.json", TEXT)
    yield from each("tokenizer/tokenizer_config.json", TOKENIZER)
    xl = {k: v for k, v in VAE.items() if k in ("shift_factor", "latents_mean", "latents_std", "scaling_factor")}
    yield from each("vae/config.json", xl, model="xl", picture=True)
    yield Case("vae/config.json", {"latents_mean": [0.1, 0.2, 0.3, 0.4], "latents_std": [2.0, 1.0, 0.5, 1.5]}, model="xl", steps=2, picture=True)
    yield from each("text_encoder_2/config.json", {k: TEXT[k] for k in ("use_attention_mask", "eos_token_id", "projection_dim")}, model="xl")
