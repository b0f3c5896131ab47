# SPDX-License-Identifier: Apache-2.0
"""The tiny model of make.py in torch's own files: torch/, a diffusers folder with a sharded UNet, and single.ckpt, in
the original layout beside what a training run leaves.

    python torch_files.py     # after make.py and original.py
"""
import os
import shutil

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL, OUT = os.path.join(HERE, "model"), os.path.join(HERE, "torch")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.copytree(MODEL, OUT, ignore=shutil.ignore_patterns("*.safetensors"))
    for kind, part, shard in ((UNet2DConditionModel, "unet", "120KB"), (AutoencoderKL, "vae", "10GB")):
        model = kind.from_pretrained(os.path.join(MODEL, part), dtype=torch.float16)
        model.save_pretrained(os.path.join(OUT, part), safe_serialization=False, max_shard_size=shard)
        shutil.copy(os.path.join(MODEL, part, "config.json"), os.path.join(OUT, part))
    text = load_file(os.path.join(MODEL, "text_encoder", "model.safetensors"))
    torch.save(text, os.path.join(OUT, "text_encoder", "pytorch_model.bin"))
    weights = load_file(os.path.join(HERE, "single.safetensors"))
    torch.save({"epoch": 1, "global_step": 20, "callbacks": {"checkpoint": {"best": None}}, "state_dict": weights},
               os.path.join(HERE, "single.ckpt"))


main()
