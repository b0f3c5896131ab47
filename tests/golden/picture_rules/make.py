# SPDX-License-Identifier: Apache-2.0
"""Pictures made ready by the packages that published the rules, for tests/unit/test_picture_rules.c. Run in this folder.

The packages' own forward functions run up to their first layer. A picture is a formula (`picture`, the test has the same one).
Tensors: "<case>/<rule>" f32 [64,3]: the values at 64 pixels, number (i * 7919) % (size * size), of size x size.
"""
import types

import numpy as np
import open_clip
import torch
from cleanfid.inception_torchscript import InceptionV3W
from cleanfid.resize import build_resizer
from PIL import Image
from pytorch_fid.inception import InceptionV3
from safetensors.numpy import save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchmetrics.image.fid import NoTrainInceptionV3
from torchvision import transforms as t
from torchvision.transforms import functional as f

CASES = [(1024, 1024), (768, 1153), (1001, 299), (299, 299), (120, 67), (1, 1), (3, 500), (640, 337)]  # height, width
SIZES = {"fid": 299, "clip": 224, "dinov2": 224, "cmmd": 336, "nano": 96, "hps": 224}
CLIP = t.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
IMAGENET = t.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def picture(h, w):
    y, x, c = np.mgrid[:h, :w, :3].astype(np.uint64)
    noise = (x * 2654435761 + y * 40503 + c * 97 + x * y * 7) >> 5
    return np.where((x // 37 + y // 23) % 3 == 0, noise % 2 * 255, noise % 256).astype(np.uint8)


class Seen(Exception):
    pass


def capture(x):
    raise Seen(x)


def before_first_layer(forward, of, x):
    try:
        forward(types.SimpleNamespace(**of), x)
    except Seen as s:
        return s.args[0]
    raise AssertionError


def tensor(p):
    return torch.from_numpy(p).permute(2, 0, 1)[None]


def centre_square(p):
    h, w = p.shape[:2]
    side = min(h, w)
    return Image.fromarray(p[(h - side) // 2:(h - side) // 2 + side, (w - side) // 2:(w - side) // 2 + side])


def padded(p):
    """HPSv2's transform of validation pictures (hpsv2 1.2.0), written again over torchvision's functions."""
    x = t.ToTensor()(p)
    scale = 224 / max(x.shape[1:])
    h, w = (max(round(n * scale), 1) for n in x.shape[1:])
    x = f.resize(x, [h, w], t.InterpolationMode.BICUBIC)
    across, down = 224 - w, 224 - h
    return CLIP(f.pad(x, [across // 2, down // 2, across - across // 2, down - down // 2]))[None]


rules = {
    "fid@tf1": lambda p: before_first_layer(FeatureExtractorInceptionV3.forward, dict(
        features_list=["64"], feature_extractor_internal_dtype=torch.float32, INPUT_IMAGE_SIZE=299, Conv2d_1a_3x3=capture), tensor(p)),
    "fid@pytorch": lambda p: before_first_layer(InceptionV3.forward, dict(
        resize_input=True, normalize_input=True, blocks=[capture], output_blocks=[0], last_needed_block=0), t.ToTensor()(p)[None]),
    "fid@clean": lambda p: before_first_layer(InceptionV3W.forward, dict(
        resize_inside=False, layers=types.SimpleNamespace(forward=capture)), tensor(build_resizer("clean")(p))),
    "fid@tm18": lambda p: before_first_layer(NoTrainInceptionV3._torch_fidelity_forward, dict(
        features_list=["64"], use_antialias=True, INPUT_IMAGE_SIZE=299, Conv2d_1a_3x3=capture), tensor(p)),
    "clip": lambda p: open_clip.image_transform(224, is_train=False)(Image.fromarray(p))[None],
    "dinov2": lambda p: IMAGENET(t.ToTensor()(t.Resize((224, 224), t.InterpolationMode.BICUBIC)(Image.fromarray(p))))[None],
    "cmmd": lambda p: CLIP(t.ToTensor()(centre_square(p).resize((336, 336), Image.BICUBIC)))[None],
    "hps": padded,
    "nano": lambda p: tensor(np.asarray(Image.fromarray(p).resize((96, 96), Image.BICUBIC)).astype(np.float32) / np.float32(127.5) - 1),
}
out = {}
for number, (h, w) in enumerate(CASES):
    for name, rule in rules.items():
        size = SIZES[name.split("@")[0]]
        x = rule(picture(h, w))[0].permute(1, 2, 0).numpy()
        assert x.shape == (size, size, 3), (name, x.shape)
        out[f"{number}/{name}"] = x.reshape(-1, 3)[np.arange(64) * 7919 % (size * size)].astype(np.float32)
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, "rules.safetensors")
