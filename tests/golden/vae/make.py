# SPDX-License-Identifier: Apache-2.0
"""Small random autoencoders of diffusers, encoder and decoder. Run: python make.py"""
import pathlib
import sys

import torch
from diffusers import AutoencoderKL

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
from small import gradients, last, randomise, save, tensors  # noqa: E402

OLDER = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def older(name):
    """As files were written before diffusers 0.18."""
    for new, old in OLDER.items():
        name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
    return name


CASES = {
    "sd": (dict(block_out_channels=[8, 16, 16], layers_per_block=2, norm_num_groups=4, latent_channels=4), None),
    "older": (dict(block_out_channels=[8, 12], layers_per_block=1, norm_num_groups=4, latent_channels=3), older),
    "bare": (dict(block_out_channels=[4, 8], layers_per_block=1, norm_num_groups=2, latent_channels=2,
                  use_quant_conv=False, use_post_quant_conv=False, mid_block_add_attention=False, scaling_factor=0.5,
                  shift_factor=0.25), None),
}


def make(name, config, rename, seed):
    blocks = len(config["block_out_channels"])
    config = {"down_block_types": ["DownEncoderBlock2D"] * blocks, "up_block_types": ["UpDecoderBlock2D"] * blocks, **config}
    model = randomise(AutoencoderKL(**config), seed)
    g = torch.Generator().manual_seed(seed + 1)
    values = {}
    pixels = torch.rand(2, 3, 24, 16, generator=g) * 2 - 1
    for size, (h, w) in {"even": (6, 4), "odd": (5, 3)}.items():
        z = torch.randn(2, config["latent_channels"], h, w, generator=g)
        values["z." + size] = last(z)
        with torch.no_grad():
            values["y." + size] = last(model.decode(z.double()).sample)
    posterior = model.encode(pixels.double()).latent_dist
    values |= {"pixels": last(pixels), "mean": last(posterior.mean), "logvar": last(posterior.logvar)}
    if name == "older":
        decoded = last(model.decode(posterior.mean).sample)
        values["dy"] = torch.randn(decoded.shape, generator=g)
        found = gradients(model, decoded, values["dy"].double())
        values |= {older(k): v for k, v in found.items()}
    save(here / name, {"_class_name": "AutoencoderKL", **config}, tensors(model, rename or (lambda k: k)),
         "diffusion_pytorch_model.safetensors", values)


for i, (name, (config, rename)) in enumerate(CASES.items()):
    make(name, config, rename, 200 + i)
