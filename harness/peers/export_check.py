# SPDX-License-Identifier: Apache-2.0
"""Whether what `cosmicman export` writes opens in diffusers and draws the same there.

Each model is exported as f32; diffusers' own pipeline, chosen by the folder's model_index.json, and `cosmicman generate`
draw one prompt from the same seed. The latents may differ by 1e-3 (relative L2: sums in another order over all steps), the
decoded images by 2 of 255.
usage: export_check.py [--cosmicman PROGRAM] [MODEL]...    exit 1: one does not open or is too far away
"""
import argparse
import os
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
import numpy
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from safetensors.torch import load_file

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PIPELINE = os.path.join(ROOT, "tests", "golden", "pipeline")
MODELS = ["nano:base", "nano:daring", "nano:hq", "random:nano", os.path.join(PIPELINE, "model"), os.path.join(PIPELINE, "xl")]
PROMPT, NEGATIVE = "a woman in a red shirt and blue jeans", "hat"
STEPS, GUIDANCE, SEED, WIDTH, HEIGHT = 6, 4.0, 7, 64, 96
MOST_LATENTS, MOST_PIXELS = 1e-3, 2


def ours(program, folder, work):
    image, latents = os.path.join(work, "ours.png"), os.path.join(work, "ours.safetensors")
    subprocess.run([program, "generate", "-q", "--model", folder, "--prompt", PROMPT, "--negative", NEGATIVE, "--steps", str(STEPS),
                    "--cfg", str(GUIDANCE), "--seed", str(SEED), "--width", str(WIDTH), "--height", str(HEIGHT),
                    "--out", image, "--save-latents", latents], check=True, stdout=subprocess.DEVNULL)
    return numpy.asarray(Image.open(image).convert("RGB"), numpy.int16), next(iter(load_file(latents).values()))


def theirs(folder):
    pipe = DiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)

    def draw(kind):
        return pipe(PROMPT, negative_prompt=NEGATIVE, num_inference_steps=STEPS, guidance_scale=GUIDANCE, width=WIDTH, height=HEIGHT,
                    generator=torch.Generator("cpu").manual_seed(SEED), output_type=kind).images

    return numpy.asarray(draw("pil")[0].convert("RGB"), numpy.int16), draw("latent")


def check(program, model):
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "exported")
        subprocess.run([program, "export", "--model", model, "--out", folder, "-q"], check=True, stdout=subprocess.DEVNULL)
        our_image, our_latents = ours(program, folder, work)
        their_image, their_latents = theirs(folder)
    latents = float((our_latents - their_latents).norm() / their_latents.norm())
    pixels = int(numpy.abs(our_image - their_image).max())
    good = latents <= MOST_LATENTS and pixels <= MOST_PIXELS
    print(f"{os.path.relpath(model, ROOT) if os.path.isabs(model) else model:36s} latents {latents:.1e}  pixels {pixels}/255  {'equal' if good else 'FAR'}",
          flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cosmicman", default=os.path.join(ROOT, "build", "cosmicman"))
    parser.add_argument("models", nargs="*", default=MODELS)
    args = parser.parse_args()
    os.environ.setdefault("COSMICMAN_MODELS", os.path.join(ROOT, "core", "models"))
    faults = 0
    for model in args.models or MODELS:
        try:
            faults += not check(args.cosmicman, model)
        except Exception as e:
            faults += 1
            print(f"{model:36s} {type(e).__name__}: {str(e).splitlines()[-1] if str(e) else ''}", flush=True)
    return faults > 0


if __name__ == "__main__":
    sys.exit(main())
