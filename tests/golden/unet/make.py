# SPDX-License-Identifier: Apache-2.0
"""Small random UNets of diffusers: outputs, one cross-attention's probabilities, gradients. Run: python make.py [CASE ...]"""
import pathlib
import sys

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
from small import gradients, last, randomise, save, tensors  # noqa: E402

CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
UP_CROSS, UP_PLAIN = "CrossAttnUpBlock2D", "UpBlock2D"
SITE = "down_blocks.0.attentions.0.transformer_blocks.0.attn2"

CASES = {
    # as Stable Diffusion 1.5, small: convolutions around the transformers, two layers a block, the last block plain
    "sd": dict(block_out_channels=[8, 16], down_block_types=[CROSS, PLAIN], up_block_types=[UP_PLAIN, UP_CROSS],
               layers_per_block=2, norm_num_groups=4, cross_attention_dim=12, attention_head_dim=2, sample_size=8),
    # as SDXL's body: linear projections, heads and depth by block; other channels in than out, other embedding
    "linear": dict(block_out_channels=[8, 16, 16], down_block_types=[PLAIN, CROSS, CROSS],
                   up_block_types=[UP_CROSS, UP_CROSS, UP_PLAIN], layers_per_block=1, norm_num_groups=8,
                   cross_attention_dim=10, attention_head_dim=[1, 2, 4], transformer_layers_per_block=[1, 2, 1],
                   use_linear_projection=True, in_channels=9, out_channels=4, flip_sin_to_cos=False, freq_shift=1,
                   norm_eps=1e-6, sample_size=[8, 6]),
    # a middle without attention, layers by block, blocks that differ between down and up
    "plain": dict(block_out_channels=[8, 12], down_block_types=[PLAIN, PLAIN], up_block_types=[UP_CROSS, UP_PLAIN],
                  mid_block_type="UNetMidBlock2D", layers_per_block=[1, 2], norm_num_groups=4, cross_attention_dim=12,
                  attention_head_dim=[2, 3], sample_size=8),
    # one block only: nothing is halved
    "one": dict(block_out_channels=[8], down_block_types=[CROSS], up_block_types=[UP_CROSS], layers_per_block=1,
                norm_num_groups=4, cross_attention_dim=6, attention_head_dim=2, sample_size=8),
    # as SDXL: pooled text and sizes beside the time embedding
    "xl": dict(block_out_channels=[8, 16], down_block_types=[PLAIN, CROSS], up_block_types=[UP_CROSS, UP_PLAIN],
               layers_per_block=1, norm_num_groups=4, cross_attention_dim=10, attention_head_dim=[1, 2],
               transformer_layers_per_block=[1, 2], use_linear_projection=True, addition_embed_type="text_time",
               addition_time_embed_dim=4, projection_class_embeddings_input_dim=6 * 4 + 5, sample_size=8),
}
# as LCM: the guidance scale is an input
CASES["guided"] = dict(CASES["one"], time_cond_proj_dim=7)
# as SSD-1B and Vega: depths by attention, another list on the way up, no middle; a time embedding of another width
CASES["nested"] = dict(block_out_channels=[4, 8], down_block_types=[CROSS, CROSS], up_block_types=[UP_CROSS, UP_CROSS],
                       mid_block_type=None, layers_per_block=[1, 2], norm_num_groups=4, cross_attention_dim=6,
                       attention_head_dim=2, transformer_layers_per_block=[1, [2, 1]],
                       reverse_transformer_layers_per_block=[[1, 0, 2], 1], time_embedding_dim=12, sample_size=None)
# what CosmicMan's trainer and EMAModel write instead of, and beside, diffusers' own
EXTRA = {"nested": {"_class_name": "UNet2DConditionModel_New", "down_block_types": [CROSS + "_New", CROSS], "up_block_types": [UP_CROSS + "_New"] * 2,
                    "decay": 0.9999, "inv_gamma": 1.0, "min_decay": 0.0, "optimization_step": 20000, "power": 0.6667,
                    "update_after_step": 0, "use_ema_warmup": False}}
SIZES = {"even": (8, 8), "odd": (7, 5), "wide": (5, 9)}


def make(name, config, seed):
    model = randomise(UNet2DConditionModel(**config), seed)
    g = torch.Generator().manual_seed(seed + 1)
    text = torch.randn(2, 5, config["cross_attention_dim"], generator=g).double()
    t = torch.tensor([3.0, 881.0])
    values, more = {"text": text, "t": t}, {}
    if config.get("addition_embed_type"):
        pooled = torch.randn(2, 5, generator=g)
        numbers = torch.tensor([[96.0, 64, 0, 0, 96, 64], [1024, 768, 16, 8, 512, 640]])
        values |= {"pooled": pooled, "numbers": numbers}
        more = {"added_cond_kwargs": {"text_embeds": pooled.double(), "time_ids": numbers.double()}}
    if config.get("time_cond_proj_dim"):
        values["guidance"] = torch.tensor([7.5])
        embed = StableDiffusionPipeline.get_guidance_scale_embedding
        more = {"timestep_cond": embed(None, (values["guidance"] - 1).repeat(2), config["time_cond_proj_dim"]).double()}
    for size, (h, w) in SIZES.items():
        x = torch.randn(2, config.get("in_channels", 4), h, w, generator=g)
        values["x." + size] = last(x)
        with torch.no_grad():
            values["y." + size] = last(model(x.double(), t, text, **more).sample)
    if name == "sd":
        x = values["x.even"].permute(0, 3, 1, 2).double()
        values["probs"] = probabilities(model, x, t, text)
        values["dy"] = torch.randn(values["y.even"].shape, generator=g)
        # kept in f32 and small: this case alone
        values |= gradients(model, last(model(x, t, text).sample), values["dy"].double())
    kept = {k: v for k, v in config.items()}
    kept = {"_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, **kept, **EXTRA.get(name, {})}
    save(here / name, kept, tensors(model), "diffusion_pytorch_model.safetensors", values)


def probabilities(model, x, t, text):
    """[n, heads, queries, keys] at SITE"""
    model.set_attn_processor(AttnProcessor())
    attention = dict(model.named_modules())[SITE]
    scores, kept = attention.get_attention_scores, []
    attention.get_attention_scores = lambda *a: kept.append(scores(*a)) or kept[-1]
    with torch.no_grad():
        model(x, t, text)
    attention.get_attention_scores = scores
    model.set_default_attn_processor()
    return kept[0].reshape(len(x), attention.heads, *kept[0].shape[1:])


for i, (name, config) in enumerate(CASES.items()):
    if len(sys.argv) == 1 or name in sys.argv[1:]:
        make(name, config, 100 + i)
