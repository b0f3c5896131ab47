# SPDX-License-Identifier: Apache-2.0
"""The sums and means that diffusers' own scheduler tests check, by running its schedulers on those tests' dummy model.

    python published.py       # diffusers 0.42.1, PyTorch 2.15.0; writes published.json beside itself

The model is sample * t / (t + 1), the sample 0..767 over 768 with the batch counted fastest, random numbers those of
seed 0 (tests/schedulers/test_schedulers.py: dummy_model, dummy_sample_deter, dummy_noise_deter). Those tests scale what the
model sees in place, so a step goes on from the scaled sample; so does this. "test" names the test
that checks a row's sum and mean. It is null where the walk is ours alone: theirs take PNDM's Runge-Kutta steps, and
DPM-Solver++ without a lower order at the end, which no sampler here does.
"""
import inspect
import json
import os

import diffusers
import torch
from diffusers import (DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
                       EulerDiscreteScheduler, LMSDiscreteScheduler, PNDMScheduler)

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH, CHANNELS, SIDE = 4, 3, 8
COUNT = BATCH * CHANNELS * SIDE * SIDE
LINEAR = dict(beta_start=0.0001, beta_end=0.02, beta_schedule="linear")
CLASSES = {"ddim": DDIMScheduler, "ddpm": DDPMScheduler, "pndm": PNDMScheduler, "lms": LMSDiscreteScheduler,
           "euler": EulerDiscreteScheduler, "euler_a": EulerAncestralDiscreteScheduler, "dpmpp_2m": DPMSolverMultistepScheduler}
OWN = {"ddim": dict(num_train_timesteps=1000, clip_sample=True, **LINEAR), "ddpm": dict(num_train_timesteps=1000, variance_type="fixed_small", clip_sample=True, **LINEAR),
       "pndm": dict(num_train_timesteps=1000, skip_prk_steps=True, **LINEAR), "dpmpp_2m": dict(num_train_timesteps=1000, **LINEAR)}
V = dict(prediction_type="v_prediction")
ROWS = [  # sampler, test, steps, first step, settings
    ("ddim", "no_noise", 10, 0, {}), ("ddim", "with_v_prediction", 10, 0, V),
    ("ddim", "with_set_alpha_to_one", 10, 0, dict(set_alpha_to_one=True, beta_start=0.01)),
    ("ddim", "with_no_set_alpha_to_one", 10, 0, dict(set_alpha_to_one=False, beta_start=0.01)),
    ("ddim", "with_noise", 10, 8, {}),
    ("ddpm", "no_noise", 1000, 0, {}), ("ddpm", "with_v_prediction", 1000, 0, V), ("ddpm", None, 1000, 990, {}),
    ("lms", "no_noise", 10, 0, {}), ("lms", "with_v_prediction", 10, 0, V), ("lms", "device_karras_sigmas", 10, 0, dict(use_karras_sigmas=True)),
    ("euler", "no_noise", 10, 0, {}), ("euler", "with_v_prediction", 10, 0, V),
    ("euler", "device_karras_sigmas", 10, 0, dict(use_karras_sigmas=True)), ("euler", "with_noise", 10, 8, {}),
    ("euler_a", "no_noise", 10, 0, {}), ("euler_a", "with_v_prediction", 10, 0, V), ("euler_a", "with_noise", 10, 8, {}),
    ("pndm", None, 10, 0, {}), ("pndm", None, 10, 0, V), ("pndm", None, 10, 0, dict(set_alpha_to_one=True, beta_start=0.01)),
    ("dpmpp_2m", None, 10, 0, {}), ("dpmpp_2m", None, 10, 0, V), ("dpmpp_2m", None, 10, 0, V | dict(use_karras_sigmas=True)),
    ("dpmpp_2m", None, 10, 5, {}),
]
FILES = {"lms": "lms", "euler": "euler", "euler_a": "euler_ancestral", "ddim": "ddim", "ddpm": "ddpm"}


def count(backwards):
    x = torch.arange(COUNT).flip(-1) if backwards else torch.arange(COUNT)
    return (x.reshape(CHANNELS, SIDE, SIDE, BATCH) / COUNT).permute(3, 0, 1, 2)


def run(name, steps, first, config):
    scheduler = CLASSES[name](**config)
    scheduler.set_timesteps(steps)
    generator = torch.manual_seed(0)
    more = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    x = count(False) * scheduler.init_noise_sigma
    if first:
        # theirs scale the sample before they add noise, too
        x = scheduler.add_noise(x, count(True), scheduler.timesteps[first:first + 1])
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    for t in scheduler.timesteps[first:]:
        x = scheduler.scale_model_input(x, t)  # theirs go on from the scaled sample
        x = scheduler.step(x * t / (t + 1), t, x, **more).prev_sample
    return float(x.abs().sum()), float(x.abs().mean())


def main():
    assert diffusers.__version__ == "0.42.1"
    rows = []
    for name, test, steps, first, settings in ROWS:
        config = OWN.get(name, dict(num_train_timesteps=1100, **LINEAR)) | settings
        total, mean = run(name, steps, first, config)
        source = test and f"tests/schedulers/test_scheduler_{FILES[name]}.py: test_full_loop_{test}"
        rows.append({"test": source, "sampler": name, "steps": steps, "first": first, "config": config, "sum": total, "mean": mean})
        print(name, test, total, mean)
    with open(os.path.join(HERE, "published.json"), "w") as f:
        f.write("[" + ",\n ".join(json.dumps(r) for r in rows) + "]\n")


main()
