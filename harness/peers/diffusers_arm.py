# SPDX-License-Identifier: Apache-2.0
"""An arm of a suite that diffusers draws, from the rows that a command arm is given (docs/SUITES.md).

    "exec": "python harness/peers/diffusers_arm.py --model DIR --prompts {prompts} --out {out}"

The first noise is that of our own arms: torch.randn by torch.Generator("cpu").manual_seed(seed), in f32 whatever the type of
the weights. An image gets its name when it is whole, so that a run which is stopped leaves no half one.
"""
import argparse
import json
import os
import warnings

warnings.filterwarnings("ignore")

SAMPLERS = {  # our names: diffusers' class, and what of its settings differs
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
}
DTYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}


def open_pipeline(args):
    import diffusers
    import torch
    if args.threads:
        torch.set_num_threads(args.threads)
    pipe = diffusers.DiffusionPipeline.from_pretrained(args.model, torch_dtype=getattr(torch, DTYPES[args.dtype]), local_files_only=True)
    if getattr(pipe, "safety_checker", None):
        pipe.safety_checker = None  # it blackens images, which would count against the arm
    if args.sampler:
        name, settings = SAMPLERS[args.sampler]
        pipe.scheduler = getattr(diffusers, name).from_config(pipe.scheduler.config, **settings)
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(args.device)


def draw(pipe, row):
    import torch
    generator = torch.Generator("cpu").manual_seed(row["seed"])
    factor, channels, side = pipe.vae_scale_factor, pipe.unet.config.in_channels, pipe.unet.config.sample_size
    width, height = row.get("width") or side * factor, row.get("height") or side * factor
    noise = torch.randn((1, channels, height // factor, width // factor), generator=generator)
    return pipe(row["prompt"], negative_prompt=row["negative"], num_inference_steps=row["steps"], guidance_scale=row["guidance"],
                width=width, height=height, generator=generator, latents=noise.to(pipe.device, pipe.unet.dtype)).images[0]


def save(image, path):
    part = path + ".part"
    image.save(part, format="PNG")
    os.replace(part, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True, metavar="DIR", help="a diffusers folder")
    parser.add_argument("--prompts", required=True, metavar="FILE", help="rows, a JSON object a line")
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder for images")
    parser.add_argument("--sampler", choices=SAMPLERS, help="else the one of the model's folder")
    parser.add_argument("--dtype", choices=DTYPES, default="f32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="of PyTorch on the CPU; 0: its default")
    args = parser.parse_args()
    with open(args.prompts, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f if line.strip()]
    pipe = open_pipeline(args)
    for i, row in enumerate(rows):
        save(draw(pipe, row), os.path.join(args.out, row["file"]))
        print(f"{i + 1}/{len(rows)} {row['file']}", flush=True)


if __name__ == "__main__":
    main()
