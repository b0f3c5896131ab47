# SPDX-License-Identifier: Apache-2.0
"""Whether diffusers, as a command arm of `cosmicman bench`, draws what our own arm draws from the same model and noise.

Each model is exported as f32 and run as two arms, ours and diffusers_arm.py. Images may differ by 2 of 255, for sums are in
another order over all steps; the PSNR (peak 255) of the worst is told, and what the command cost.
usage: arm_check.py [--cosmicman PROGRAM] [MODEL]...    exit 1: one arm fails or is too far away
"""
import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile

import numpy
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PIPELINE = os.path.join(ROOT, "tests", "golden", "pipeline")
MODELS = ["nano:hq", os.path.join(PIPELINE, "model"), os.path.join(PIPELINE, "xl")]
COUNT, STEPS, GUIDANCE, WIDTH, HEIGHT = 4, 6, 4.0, 64, 96
MOST_PIXELS = 2


def bench(program, model, folder):
    theirs = f"{shlex.quote(sys.executable)} {shlex.quote(os.path.join(ROOT, 'harness/peers/diffusers_arm.py'))} --model {shlex.quote(model)} --sampler ddim"
    command = [program, "bench", "-q", "--arm", f"ours={model}", "--arm-exec", f"theirs={theirs} --prompts {{prompts}} --out {{out}}",
               "--prompts", "people-64", "--count", str(COUNT), "--metric", "acc", "--sampler", "ddim", "--steps", str(STEPS), "--cfg", str(GUIDANCE),
               "--width", str(WIDTH), "--height", str(HEIGHT), "--backend", "f32", "--no-speed", "--out", folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "records.jsonl"), encoding="utf-8") as f:
        records = [json.loads(line) for line in f]
    return {(r["arm"], r["id"]): r["picture"] for r in records if r["kind"] == "image"}, next(r for r in records if r["kind"] == "command")


def pixels(folder, path):
    return numpy.asarray(Image.open(os.path.join(folder, path)).convert("RGB"), numpy.float64)


def check(program, name):
    with tempfile.TemporaryDirectory() as work:
        model, folder = os.path.join(work, "model"), os.path.join(work, "run")
        subprocess.run([program, "export", "--model", name, "--out", model, "-q"], check=True, stdout=subprocess.DEVNULL)
        images, command = bench(program, model, folder)
        ids = [i for arm, i in images if arm == "ours"]
        apart = [pixels(folder, images["ours", i]) - pixels(folder, images["theirs", i]) for i in ids]
    error = max(float((a * a).mean()) for a in apart)
    most = max(float(abs(a).max()) for a in apart)
    psnr = f"{10 * numpy.log10(255 ** 2 / error):.1f} dB" if error else "equal"
    print(f"{os.path.relpath(name, ROOT) if os.path.isabs(name) else name:36s} {len(ids)} images: {psnr}, at most {most:.0f}/255; "
          f"{command['seconds']:.1f} s, {command['peak_rss_mb']:.0f} MB", flush=True)
    return len(ids) == COUNT and most <= MOST_PIXELS


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
