# SPDX-License-Identifier: Apache-2.0
"""The shipped parser in PyTorch, float64: writes slots and classes of nano.jsonl anew after new weights.

    python3 tests/golden/nano/parser.py [FOLDER]     # default: core/models/nano/parser
"""
import json
import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

here = pathlib.Path(__file__).parent
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else here / "../../../core/models/nano/parser")
config = json.loads((folder / "config.json").read_text())
weights = {k: v.double() for k, v in load_file(folder / "model.safetensors").items()}
EPS = 1e-5


def conv(x, name, stride=1):
    w = weights[name + ".weight"]
    return F.conv2d(x, w, weights[name + ".bias"], stride=stride, padding=(w.shape[-1] - 1) // 2)


def linear(x, name):
    return F.linear(x, weights[name + ".weight"], weights[name + ".bias"])


def norm(x, name):
    return F.silu(F.group_norm(x, config["groups"], weights[name + ".weight"], weights[name + ".bias"], EPS))


def resnet(x, name):
    h = conv(norm(x, name + ".norm1"), name + ".conv1")
    h = conv(norm(h, name + ".norm2"), name + ".conv2")
    return h + (conv(x, name + ".conv_shortcut") if name + ".conv_shortcut.weight" in weights else x)


def up(x, like):
    return F.interpolate(x, scale_factor=2, mode="nearest")[:, :, :like.shape[2], :like.shape[3]]


def body(edge):
    scales, levels = [], len(config["channels"])
    x = conv(edge, "stem", 2)
    for i in range(levels):
        x = resnet(conv(x, f"down.{i}.halve", 2) if i else x, f"down.{i}")
        scales.append(x)
    for i in reversed(range(levels - 1)):
        scales[i] = resnet(torch.cat([up(scales[i + 1], scales[i]), scales[i]], 1), f"up.{i}")
    return scales[:min(3, levels - 1)]


def tokens(x):
    return x.flatten(2).transpose(1, 2)


def look(pixels, thin, scales, maps):
    """Area, and mean, spread and peak of all that is known of each region: [1, regions, sights]."""
    height, width = pixels.shape[2:]
    x = ((torch.arange(width).double() + 0.5) / width).expand(height, width)
    y = ((torch.arange(height).double() + 0.5) / height)[:, None].expand(height, width)
    places = torch.stack([x, y, 1 - x, 1 - y])[None]
    seen = [torch.log(1 + 1e4 * maps.mean((2, 3)))[:, :, None]]
    for values in [torch.cat([pixels, places, thin], 1)] + scales:
        if values.shape[2:] != maps.shape[2:]:
            maps = F.interpolate(maps, size=values.shape[2:], mode="bilinear", align_corners=False)
        w, v = tokens(maps).transpose(1, 2), tokens(values)
        total = w.sum(2, keepdim=True) + 1e-4 * v.shape[1]
        mean = w @ v / total
        peak = (torch.where(w >= 1e-3, w, 0)[..., None] * v[:, None]).amax(2).clamp(min=0)
        seen += [mean, torch.sqrt(w @ (v * v) / total - mean * mean + 1e-3), peak]
    return torch.cat(seen, 2)


def parse(pixels):
    """[1,3,H,W] -> classes [1,18,H,W], every slot's logits"""
    edge = F.silu(conv(pixels, "edge"))
    scales = body(edge)
    thin = norm(conv(torch.cat([up(conv(scales[0], "narrow"), edge), edge], 1), "join"), "join_norm")
    classes = conv(thin, "classify")
    finest = len(scales) - config.get("attended_scales", len(scales))
    normed = [F.layer_norm(tokens(s), s.shape[1:2], weights[f"slots.norms.{i}.weight"], weights[f"slots.norms.{i}.bias"], EPS)
              for i, s in enumerate(scales)]
    keys = [linear(s, f"slots.keys.{i}") for i, s in enumerate(normed) if i >= finest]
    values = [linear(s, f"slots.values.{i}") for i, s in enumerate(normed) if i >= finest]
    own = None
    if config.get("regions"):
        maps = torch.cat([classes.softmax(1), conv(thin, "regions.classify").softmax(1)], 1) ** 2
        flat = [s.transpose(1, 2).reshape(scales[i].shape) for i, s in enumerate(normed)]
        regions = F.silu(linear(look(pixels, thin, flat, maps), "regions.look") + weights["regions.names"])
        keys.append(linear(regions, "regions.key"))
        values.append(linear(regions, "regions.value"))
        own = regions[:, [config["classes"] + r for r in config["slot_regions"]]]
    heads, width = config["slot_heads"], config["slot_width"]
    split = lambda x: x.reshape(1, -1, heads, width // heads).transpose(1, 2)
    h = F.scaled_dot_product_attention(split(weights["slots.queries"][None]), split(torch.cat(keys, 1)), split(torch.cat(values, 1)))
    h = h.transpose(1, 2).reshape(1, -1, width)
    if own is not None:
        h = h + linear(own, "regions.own")
    h = h + F.silu(linear(h, "slots.mix"))
    if own is not None:
        h = torch.cat([h, own], 2)
    return classes, [linear(h[:, i], f"slots.answers.{i}") for i in range(h.shape[1])]


rows = [json.loads(line) for line in (here / "nano.jsonl").read_text().splitlines()]
for row in rows:
    image = numpy.array(Image.open(here / (row["id"] + ".png")).convert("RGB"))
    pixels = torch.from_numpy(image).double().permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        classes, slots = parse(pixels)
    row["slots"] = [int(s.argmax()) for s in slots]
    row["classes"] = torch.bincount(classes.argmax(1).flatten(), minlength=config["classes"]).tolist()
    surest = min(float(s[0].topk(2).values.diff().abs()) for s in slots)
    print(row["id"], "closest call between two values of a slot:", f"{surest:.3g}")
(here / "nano.jsonl").write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))
