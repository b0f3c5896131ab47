# SPDX-License-Identifier: Apache-2.0
"""A sample of the sweep for tests without Python: sample.json (the scheduler's files as text, and what a refusal says) and
sample.safetensors (what diffusers draws).

    python sample.py
"""
import json
import os
import tempfile

import torch
from safetensors.numpy import save_file
from schedulers import ABSENT, FILE, INFINITY, SAMPLERS, published
from sweep import HERE, Case, changed_copy, draw_theirs

DPM, SDE = "dpmpp_2m", {"algorithm_type": "sde-dpmsolver++"}
LEAST = {"final_sigmas_type": "sigma_min"}
DRAWN = [  # sampler (None: the file's class), changes, and the model or steps where they are others
    ("ddim", {"clip_sample": True, "steps_offset": 0}), ("ddim", {"clip_sample": ABSENT, "steps_offset": ABSENT}),
    ("ddim", {"clip_sample": True, "steps_offset": 0}, "xl"), ("ddim", {"prediction_type": "sample"}),
    ("ddim", {"thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 2.0}),
    ("ddim", {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}),
    ("ddpm", {"variance_type": "fixed_large"}), ("ddpm", {"beta_schedule": "sigmoid"}), ("ddpm", {"beta_schedule": "laplace"}),
    ("pndm", {"set_alpha_to_one": True}), ("lms", {"beta_schedule": "squaredcos_cap_v2"}), ("lms", {"use_beta_sigmas": True}),
    ("euler", {"beta_schedule": "squaredcos_cap_v2"}), ("euler", {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}),
    ("euler", {"use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 10.0}), ("euler", {"use_exponential_sigmas": True}),
    ("euler", {"use_beta_sigmas": True}), ("euler", {"interpolation_type": "log_linear"}), ("euler", LEAST),
    ("euler", {"prediction_type": "v_prediction", "timestep_type": "continuous"}), ("euler", {"prediction_type": "sample"}),
    ("euler", {"solver_type": "logrho", "solver_order": 3, "euler_at_final": True, "algorithm_type": "data_prediction"}),
    ("euler_a", {"beta_schedule": "squaredcos_cap_v2"}), (DPM, SDE), (DPM, SDE | {"solver_order": 3, "solver_type": "heun"}),
    (DPM, LEAST | {"algorithm_type": "dpmsolver", "solver_type": "heun"}), (DPM, LEAST | {"algorithm_type": "sde-dpmsolver"}),
    (DPM, {"solver_order": 1}), (DPM, {"solver_order": 3}, "model", 16), (DPM, {"solver_type": "bh2", "euler_at_final": True}),
    (DPM, {"lambda_min_clipped": -2.0, "timestep_spacing": "trailing"}), (DPM, {"beta_schedule": "squaredcos_cap_v2"}),
    (DPM, {"use_exponential_sigmas": True}), (DPM, {"use_lu_lambdas": True}), (DPM, {"use_karras_sigmas": True, "sigma_min": 0.1}),
    (None, "DDIMParallelScheduler"), (None, "DDPMParallelScheduler"), (None, "DPMSolverMultistepScheduler"),
]
REFUSED = [
    (None, "LCMScheduler", "LCMScheduler"), (None, "HeunDiscreteScheduler", "--sampler"), (None, "UniPCMultistepScheduler", "--sampler"),
    ("euler", "EDMEulerScheduler", "EDMEulerScheduler"), ("euler", "FlowMatchEulerDiscreteScheduler", "FlowMatch"),
    ("ddim", {"beta_end": None}, "beta_end"), ("ddim", {"num_train_timesteps": "1000"}, "num_train_timesteps"),
    ("ddim", {"beta_strat": 0.1}, "beta_start"), ("euler_a", {"prediction_type": "sample"}, "prediction_type"),
    (DPM, {"use_flow_sigmas": True}, "flow"), (DPM, {"algorithm_type": "dpmsolver"}, "sigma_min"), ("ddpm", {"variance_type": "learned"}, "learned"),
    (DPM, {"lambda_min_clipped": INFINITY}, "lambda_min_clipped"),
]


def case_of(sampler, changes, model="model", steps=6, **more):
    changes = dict(published())[changes] if isinstance(changes, str) else changes
    return Case(FILE, changes, sampler=sampler, theirs=SAMPLERS[sampler] if sampler else None, model=model, steps=steps, **more)


def row_of(case, work):
    changed_copy(case, work)
    with open(os.path.join(work, FILE)) as f:
        return {"model": case.model, "sampler": case.sampler, "steps": case.steps, "text": f.read()}


def main():
    rows, latents = [], {}
    cases = [case_of(*c) for c in DRAWN] + [
        case_of("euler", {}, "xl"), case_of("euler", {}, "xl", call={"negative_prompt": ""}), case_of("euler", {}, "xl", call={"negative_prompt": "hat"})]
    for case in cases:
        with tempfile.TemporaryDirectory() as work:
            row = row_of(case, os.path.join(work, "m"))
            latents[str(len(rows))] = draw_theirs(case, os.path.join(work, "m")).astype("float32")
        rows.append(row | {"negative": case.call.get("negative_prompt")})
    for sampler, changes, word in REFUSED:
        with tempfile.TemporaryDirectory() as work:
            rows.append(row_of(case_of(sampler, changes), os.path.join(work, "m")) | {"refused": word})
    with open(os.path.join(HERE, "sample.json"), "w") as f:
        f.write("[" + ",\n ".join(json.dumps(r) for r in rows) + "]\n")
    save_file(latents, os.path.join(HERE, "sample.safetensors"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
