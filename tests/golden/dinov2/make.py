# SPDX-License-Identifier: Apache-2.0
"""Small random DINOv2s of transformers, and positions stretched as the official code does.

    python make.py            # transformers, PyTorch; float64 forward, weights rounded to f16

plain/, registers/   transformers folders; values "features.*" at the trained size, where nothing is stretched, and at
                     another size, by the same network with positions that were stretched here
facebook.pth         a state dict in facebookresearch's names
values.safetensors   also "from.side" -> "plain.*" and "registers.*": interpolate with the arguments of
                     dinov2/models/vision_transformer.py and hub/backbones.py
"""
import copy
import json
import pathlib
import sys
import tempfile

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
from small import last, randomise  # noqa: E402

values = {}


def stretch(grid, side, registers):
    """[m,m,c] -> [side,side,c]: interpolate_offset 0.1 without antialias, or a size with it."""
    m = grid.shape[0]
    how = dict(size=(side, side), antialias=True) if registers else dict(scale_factor=((side + 0.1) / m,) * 2)
    out = F.interpolate(grid.permute(2, 0, 1)[None], mode="bicubic", **how)[0].permute(1, 2, 0)
    assert out.shape[:2] == (side, side)
    return out


def with_positions(model, side, registers):
    """The same weights on another grid."""
    old = model.embeddings.position_embeddings.data
    m = int((old.shape[1] - 1) ** 0.5)
    grid = stretch(old[0, 1:].reshape(m, m, -1), side, registers).reshape(1, side * side, -1)
    model.embeddings.position_embeddings.data = torch.cat([old[:, :1], grid], 1)
    return model


def run(name, model, size, other, registers, seed):
    g = torch.Generator().manual_seed(seed)
    for side in (size, other):
        pixels = torch.randn(2, 3, side, side, generator=g)
        if side != size:
            model = with_positions(model, side // model.config.patch_size, registers)
        values[f"pixels.{name}.{side}"] = last(pixels)
        values[f"features.{name}.{side}"] = model(pixels.double()).pooler_output


def make(name, kind, config, seed, other, **more):
    model = randomise(kind(config(num_hidden_layers=2, num_attention_heads=3, hidden_size=24, mlp_ratio=2, image_size=28,
                                  patch_size=7, **more)), seed)
    folder = here / name
    folder.mkdir(exist_ok=True)
    copy.deepcopy(model).half().save_pretrained(folder)
    keep = ("architectures", "hidden_act", "hidden_size", "image_size", "layer_norm_eps", "mlp_ratio", "model_type",
            "num_attention_heads", "num_channels", "num_hidden_layers", "num_register_tokens", "patch_size", "qkv_bias",
            "use_swiglu_ffn")
    written = dict(model.config.to_dict(), architectures=[kind.__name__])
    (folder / "config.json").write_text(json.dumps({k: written[k] for k in keep if k in written}, indent=1) + "\n")
    run(name, model, 28, other, bool(more), seed + 1)


def facebook_names(weights):
    """transformers' names -> facebookresearch's, queries, keys and values as one."""
    out = {}
    for name, w in weights.items():
        if ".key." in name or ".value." in name:
            continue
        if ".query." in name:
            w = torch.cat([weights[name.replace("query", part)] for part in ("query", "key", "value")])
        for old, new in (("embeddings.patch_embeddings.projection.", "patch_embed.proj."),
                         ("embeddings.position_embeddings", "pos_embed"), ("embeddings.", ""), ("layernorm.", "norm."),
                         ("encoder.layer.", "blocks."), ("attention.attention.query.", "attn.qkv."),
                         ("attention.output.dense.", "attn.proj."), ("layer_scale1.lambda1", "ls1.gamma"),
                         ("layer_scale2.lambda1", "ls2.gamma")):
            name = name.replace(old, new)
        out[name] = w
    return out


def make_facebook():
    """One head of 64, so that shapes say all."""
    model = randomise(Dinov2WithRegistersModel(Dinov2WithRegistersConfig(
        num_hidden_layers=1, num_attention_heads=1, hidden_size=64, mlp_ratio=1, image_size=20, patch_size=4,
        num_register_tokens=2)), 504)
    with tempfile.TemporaryDirectory() as folder:  # its files have other names than its parameters
        copy.deepcopy(model).half().save_pretrained(folder)
        torch.save(facebook_names(load_file(pathlib.Path(folder) / "model.safetensors")), here / "facebook.pth")
    run("facebook", model, 20, 12, True, 505)


def make_stretched():
    """From a grid as large as the published one, to the one of 224 pixels; and to a larger one."""
    grid = torch.randn(37, 37, 1, generator=torch.Generator().manual_seed(506))
    values["from"] = grid
    for side in (16, 39):
        values[f"plain.{side}"] = stretch(grid.double(), side, False)
        values[f"registers.{side}"] = stretch(grid.double(), side, True)


make("plain", Dinov2Model, Dinov2Config, 500, 21)
make("registers", Dinov2WithRegistersModel, Dinov2WithRegistersConfig, 502, 14, num_register_tokens=2)
make_facebook()
make_stretched()
save_file({k: v.detach().float().contiguous() for k, v in values.items()}, here / "values.safetensors")
