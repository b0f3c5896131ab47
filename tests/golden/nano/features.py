# SPDX-License-Identifier: Apache-2.0
"""The shipped feature network in PyTorch, float64: writes the features of nano.jsonl anew after new weights.

    python3 tests/golden/nano/features.py [FOLDER]     # default: core/models/nano/features
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
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else here / "../../../core/models/nano/features")
config = json.loads((folder / "config.json").read_text())
weights = {k: v.double() for k, v in load_file(folder / "model.safetensors").items()}


def unit(x, name, stride=1):
    w = weights[name + ".conv.weight"]
    x = F.conv2d(x, w, weights[name + ".conv.bias"], stride=stride, padding=(w.shape[-1] - 1) // 2)
    return F.silu(F.group_norm(x, config["groups"], weights[name + ".norm.weight"], weights[name + ".norm.bias"], 1e-5))


def block(x, name):
    three = unit(unit(x, name + ".three.0"), name + ".three.1")
    five = unit(unit(unit(x, name + ".five.0"), name + ".five.1"), name + ".five.2")
    pool = unit(F.avg_pool2d(x, 2, 2), name + ".pool")
    pool = F.interpolate(pool, size=x.shape[2:], mode="bilinear", align_corners=False)
    return torch.cat([unit(x, name + ".one"), three, five, pool], 1)


def features(pixels):
    x = unit(unit(pixels, "stem.0", 2), "stem.1")
    for i, repeats in enumerate(config["repeats"]):
        x = unit(x, f"stages.{i}.halve", 2)
        for j in range(repeats):
            x = block(x, f"stages.{i}.blocks.{j}")
    return x.mean((2, 3))[0]


rows = [json.loads(line) for line in (here / "nano.jsonl").read_text().splitlines()]
for row in rows:
    image = numpy.array(Image.open(here / (row["id"] + ".png")).convert("RGB"))
    with torch.no_grad():
        found = features(torch.from_numpy(image).double().permute(2, 0, 1)[None] / 127.5 - 1)
    was = torch.tensor(row["features"], dtype=torch.float64)
    print(row["id"], f"largest change {float((found - was).abs().max()):.2e}")
    row["features"] = [float(f"{v:.10g}") for v in found.tolist()]
(here / "nano.jsonl").write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))
