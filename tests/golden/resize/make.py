# SPDX-License-Identifier: Apache-2.0
"""Resampled pictures of Pillow and torch, for tests/unit/test_resize.c. Run in this folder.

Tensors: "<case>/in" u8 [h,w,c], "<case>/<filter>" u8, "<case>/<filter>/float" f32 (of value/255, first channel).
"""
import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x as like_tensorflow1

FILTERS = {"box": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC,
           "lanczos": Image.Resampling.LANCZOS, "nearest": Image.Resampling.NEAREST}
CASES = [(7, 5, 13, 11), (33, 17, 8, 9), (1, 1, 4, 3), (1, 9, 5, 2), (16, 16, 16, 5), (12, 31, 31, 12), (40, 24, 1, 1),
         (21, 30, 7, 10), (9, 14, 18, 28),
         (20, 16, 10, 11), (20, 16, 10, 12), (20, 6, 4, 13)]  # about where the order of passes changes

rng = np.random.default_rng(20260101)
out = {}
for number, (h, w, oh, ow) in enumerate(CASES):
    noise = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
    noise[: h // 2] = np.where(noise[: h // 2] < 128, 0, 255)  # hard edges: overshoot is clipped
    out[f"{number}/in"] = noise
    first = noise[..., 0].astype(np.float32) / np.float32(255)
    for name, f in FILTERS.items():
        out[f"{number}/{name}"] = np.asarray(Image.fromarray(noise).resize((ow, oh), f))
        out[f"{number}/{name}/float"] = np.asarray(Image.fromarray(first).resize((ow, oh), f))[..., None]
    of_torch = {
        "torch": lambda x: torch.nn.functional.interpolate(x, (oh, ow), mode="bilinear", align_corners=False),
        "antialias": lambda x: torch.nn.functional.interpolate(x, (oh, ow), mode="bilinear", align_corners=False, antialias=True),
        "tf1": lambda x: like_tensorflow1(x, size=(oh, ow), align_corners=False)}
    for name, f in of_torch.items():
        out[f"{number}/{name}"] = np.rint(f(torch.from_numpy(noise).permute(2, 0, 1)[None].double())[0].permute(1, 2, 0).numpy()).astype(np.uint8)
        out[f"{number}/{name}/float"] = f(torch.from_numpy(first)[None, None])[0, 0].numpy()[..., None]
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, "resize.safetensors")
