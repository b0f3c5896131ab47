# SPDX-License-Identifier: Apache-2.0
"""What the goldens of whole networks share: small random weights that f16 holds exactly, run in float64."""
import json
import pathlib

import torch
from safetensors.torch import save_file


def randomise(model, seed):
    """Weights that excite every branch, norms' scales and shifts included; rounded to f16."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g)
            fan_in = p[0].numel() if p.ndim > 1 else 1
            if "embedding" in name and p.ndim < 4 and "time" not in name:
                value = 0.5 * noise
            elif p.ndim > 1:
                value = noise / fan_in ** 0.5
            elif "norm" in name and name.endswith("weight"):
                value = 1 + 0.2 * noise
            else:
                value = 0.2 * noise
            p.copy_(value.half())
    return model.double().eval()


def tensors(model, rename=lambda name: name):
    return {rename(k): v.detach().half().contiguous() for k, v in model.named_parameters()}


def last(x):
    """[N,C,H,W] -> [N,H,W,C]"""
    return x.permute(0, 2, 3, 1)


def save(folder, config, weights, file, values):
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    save_file(weights, folder / file)
    save_file({k: v.detach().float().contiguous() for k, v in values.items()}, folder / "values.safetensors")


def gradients(model, out, dy):
    model.zero_grad()
    (out * dy).sum().backward()
    return {"grad." + k: p.grad for k, p in model.named_parameters()}
