# SPDX-License-Identifier: Apache-2.0
"""Every key of a published configuration set to other values: each ends in what diffusers draws, or is refused in a line.

    python sweep.py LIST... [--cosmicman build/cosmicman] [--only TEXT] [--out table.txt]

LIST is a module beside this one ("schedulers") with a function cases() that yields Case. The case's tiny model (a folder
of ../pipeline) is copied with its keys changed; this program and diffusers draw from the copy. Verdicts:

    equal    relative L2 of the last latents at most LIMIT, or of a picture at most one step of 255 a byte
    refused  exit 1 or 2 with one line on standard error
    fault    anything else: another picture, no line, a crash, or drawn where diffusers gives an error or no numbers

Exit 1 when there is a fault. A case that diffusers cannot draw must be refused, unless `theirs_fails` says why it is drawn.
"""
import argparse
import copy
import dataclasses
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

import diffusers
import numpy as np
import torch
import transformers
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "pipeline")
PROMPT = "a full-body shot, an adult female, red striped long sleeve cotton shirt, black hair"
ABSENT = "(absent)"  # as a value: the key is taken out
PARTS = {}  # of each model, for schedulers
LIMIT = 1e-4  # after eight steps in f32; 2e-6 is usual, the wrong offset of a timestep 2e-2


@dataclasses.dataclass
class Case:
    file: str                 # "scheduler/scheduler_config.json"
    changes: dict             # key: value or ABSENT
    model: str = "model"      # a folder of ../pipeline
    sampler: str = None       # ours, with --sampler
    theirs: object = None     # the diffusers class it means, and what it fixes: (class, {setting: value})
    steps: int = 6
    picture: bool = False     # compare the decoded picture instead
    options: tuple = ()       # more of `cosmicman generate`
    call: dict = dataclasses.field(default_factory=dict)  # more of diffusers' __call__
    theirs_fails: str = None  # why ours may draw what diffusers cannot

    def name(self):
        changed = ", ".join(f"{k}={v if v == ABSENT else json.dumps(v)}" for k, v in self.changes.items())
        return f"{self.model}/{self.file} {self.sampler or 'own'} {self.steps}: {changed or 'as it is'}"


def changed_copy(case, to):
    """The model's folder, its weights linked, with one file changed."""
    source = os.path.join(MODELS, case.model)
    shutil.copytree(source, to, copy_function=lambda a, b: os.symlink(os.path.abspath(a), b))
    path = os.path.join(to, case.file)
    with open(path) as f:
        config = json.load(f)
    for key, value in case.changes.items():
        if value == ABSENT:
            config.pop(key, None)
        else:
            config[key] = copy.deepcopy(value)
    os.remove(path)
    with open(path, "w") as f:
        json.dump(config, f, indent=2)
    if "_class_name" in config and case.file.startswith("scheduler/"):
        index = os.path.join(to, "model_index.json")
        with open(index) as f:
            said = json.load(f)
        said["scheduler"] = ["diffusers", config["_class_name"]]
        os.remove(index)
        with open(index, "w") as f:
            json.dump(said, f)


def draw_ours(case, folder, binary, work):
    latents, picture = os.path.join(work, "ours.safetensors"), os.path.join(work, "ours.png")
    command = [binary, "generate", "--model", folder, "--prompt", PROMPT, "--width", "64", "--height", "64", "--steps",
               str(case.steps), "--seed", "7", "--cfg", "5", "--threads", "1", "--backend", "f32", "-q", "--out", picture,
               "--save-latents", latents, *case.options]
    if case.sampler:
        command += ["--sampler", case.sampler]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        reasons = [line for line in lines if line.startswith("cosmicman: ")]
        clean = done.returncode in (1, 2) and len(reasons) == 1 and len(lines) == len(reasons)
        return None, (reasons[0] if clean else f"exit {done.returncode}: {done.stderr[-300:]!r}"), clean
    if case.picture:
        return np.asarray(Image.open(picture)).astype(np.float64), done.stderr.strip(), True
    from safetensors.numpy import load_file
    return load_file(latents)["latents"].astype(np.float64), done.stderr.strip(), True


def open_theirs(case, folder):
    """The pipeline; where only the scheduler's file is changed, around networks that are read once."""
    kind = diffusers.StableDiffusionXLPipeline if case.model == "xl" else diffusers.StableDiffusionPipeline
    more = {"add_watermarker": False} if case.model == "xl" else {"requires_safety_checker": False}
    only_scheduler = case.file.startswith("scheduler/")
    if only_scheduler and case.model not in PARTS:
        PARTS[case.model] = kind.from_pretrained(os.path.join(MODELS, case.model), dtype=torch.float32).components
    if case.theirs:
        kind_of, fixed = case.theirs
        more["scheduler"] = kind_of.from_pretrained(folder, subfolder="scheduler", **fixed)
    elif only_scheduler:
        with open(os.path.join(folder, case.file)) as f:
            kind_of = getattr(diffusers, json.load(f)["_class_name"])
        more["scheduler"] = kind_of.from_pretrained(folder, subfolder="scheduler")
    return kind(**(PARTS[case.model] | more)) if only_scheduler else kind.from_pretrained(folder, dtype=torch.float32, **more)


def draw_theirs(case, folder):
    pipe = open_theirs(case, folder)
    pipe.set_progress_bar_config(disable=True)
    call = {"num_inference_steps": case.steps, "guidance_scale": 5.0, "width": 64, "height": 64} | case.call
    with torch.no_grad():
        out = pipe(PROMPT, generator=torch.Generator("cpu").manual_seed(7), output_type="pt" if case.picture else "latent", **call)
    values = out.images.double().numpy()
    return np.round(values[0].transpose(1, 2, 0) * 255) if case.picture else values


def compare(case, ours, theirs):
    if not np.isfinite(theirs).all():
        return False, "diffusers: not numbers"
    if ours.shape != theirs.shape:
        return False, f"shape {ours.shape}, theirs {theirs.shape}"
    if case.picture:
        far = np.abs(ours - theirs).max()
        return far <= 1, f"{far:.0f} of 255"
    far = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    return far <= LIMIT, f"{far:.1e}"


def judge(case, binary):
    """(verdict, what was seen)"""
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "folder")
        changed_copy(case, folder)
        ours, said, clean = draw_ours(case, folder, binary, work)
        if ours is None:
            return ("refused" if clean else "fault"), said.replace(folder + "/", "")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = draw_theirs(case, folder)
        except Exception as error:  # whatever it is, diffusers does not draw this
            why = f"diffusers: {type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"
            return ("ours alone: " + case.theirs_fails if case.theirs_fails else "fault"), why
        good, seen = compare(case, ours, theirs)
        return ("equal" if good else "fault"), seen + (f" ({said})" if said else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lists", nargs="+")
    parser.add_argument("--cosmicman", default="build/cosmicman")
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--part", default="1/1", help="2/3: of three runs side by side the second")
    parser.add_argument("--out", help="the table, as text")
    args = parser.parse_args()
    sys.path.insert(0, HERE)
    torch.set_num_threads(1)
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    counts, out = {}, open(args.out, "w") if args.out else None
    part, parts = (int(n) for n in args.part.split("/"))
    for name in args.lists:
        for i, case in enumerate(importlib.import_module(name).cases()):
            if args.only not in case.name() or i % parts != part - 1:
                continue
            verdict, seen = judge(case, os.path.abspath(args.cosmicman))
            kind = verdict.split(":")[0]
            counts[kind] = counts.get(kind, 0) + 1
            line = f"{verdict:8} | {case.name()} | {seen}"
            if kind == "fault" or not out:
                print(line, flush=True)
            if out:
                print(line, file=out, flush=True)
    print(", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())))
    return 1 if counts.get("fault") else 0


if __name__ == "__main__":
    sys.exit(main())
