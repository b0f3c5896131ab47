# SPDX-License-Identifier: Apache-2.0
"""Small good files for the fuzzers: pickles alone, sharded folders of both kinds, checkpoints of few names.

    python make.py            # PyTorch 2.15.0, safetensors; after golden/torch/make.py and golden/pipeline/*.py
"""
import json
import pathlib
import zipfile

import torch
from safetensors import safe_open
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
golden = here.parents[2] / "golden"

for name in ("plain.pt", "protocol4.pt", "nested.ckpt"):
    stem = name.split(".")[0]
    with zipfile.ZipFile(golden / "torch" / name) as z:
        (here / f"{stem}.pkl").write_bytes(z.read(f"{stem}/data.pkl"))

shards = here / "shards"
shards.mkdir(exist_ok=True)
for end, save in (("safetensors", save_file), ("bin", torch.save)):
    stem = "model" if end == "safetensors" else "pytorch_model"
    save({"a": torch.ones(2), "b": torch.zeros(3).half()}, shards / f"{stem}-1.{end}")
    save({"c": torch.ones(1, 2)}, shards / f"{stem}-2.{end}")
    where = {"a": f"{stem}-1.{end}", "b": f"{stem}-1.{end}", "c": f"{stem}-2.{end}"}
    (shards / f"{stem}.{end}.index.json").write_text(json.dumps({"metadata": {"total_size": 22}, "weight_map": where}) + "\n")

for name in ("single", "single_xl", "single_refiner"):
    tensors = {}
    with safe_open(golden / "pipeline" / f"{name}.safetensors", "pt") as f:
        for i, key in enumerate(sorted(f.keys())):
            if i % 17 == 0 or "in_proj" in key and "blocks.0" in key or "text_projection" in key or "position" in key:
                tensors[key] = torch.zeros([3 if "in_proj" in key else 1] * f.get_slice(key).get_shape().__len__()).half()
    save_file(tensors, here / f"{name}.safetensors")
