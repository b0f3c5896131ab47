# SPDX-License-Identifier: Apache-2.0
"""The scheduler's configurations: for each sampler every key that any of diffusers' schedulers has, set to other values."""
import inspect

import diffusers
from sweep import ABSENT, Case

FILE = "scheduler/scheduler_config.json"
INFINITY = float("inf")
SAMPLERS = {
    "ddim": (diffusers.DDIMScheduler, {}), "ddpm": (diffusers.DDPMScheduler, {}),
    "pndm": (diffusers.PNDMScheduler, {"skip_prk_steps": True}), "lms": (diffusers.LMSDiscreteScheduler, {}),
    "euler": (diffusers.EulerDiscreteScheduler, {}), "euler_a": (diffusers.EulerAncestralDiscreteScheduler, {}),
    "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_karras": (diffusers.DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
}
# one value at least of each kind of effect, and one of a wrong type
VALUES = {
    "algorithm_type": ["dpmsolver++", "dpmsolver", "sde-dpmsolver", "sde-dpmsolver++", "deis", "data_prediction", "other", 3],
    "beta_end": [0.02, 0.012, 1, "0.012", None], "beta_start": [0.0001, 0.002, 0, -0.1, True],
    "beta_schedule": ["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace", "other", None],
    "clip_sample": [True, False, ABSENT, None, 1], "clip_sample_range": [0.5, 3, "1"],
    "dynamic_thresholding_ratio": [0.9, 2, "a"], "euler_at_final": [True, False, "no"],
    "final_sigmas_type": ["zero", "sigma_min", "other", None], "flow_shift": [3.0], "interpolation_type": ["linear", "log_linear", "other"],
    "lambda_min_clipped": [-INFINITY, -5.1, -2.0, INFINITY, "low", None], "lower_order_final": [False, True, 0],
    "num_train_timesteps": [500, 1000, 0, "1000", 1000.0, None], "prediction_type": ["epsilon", "v_prediction", "sample", "flow_prediction", "other", None],
    "rescale_betas_zero_snr": [True, False, "yes"], "sample_max_value": [0.7, 2.0, None],
    "set_alpha_to_one": [True, False, ABSENT, None], "sigma_max": [10.0, None, "a"], "sigma_min": [0.1, None, -1, True],
    "skip_prk_steps": [True, False, ABSENT, 1], "solver_order": [1, 2, 3, 4, 0, 2.0, "2"],
    "solver_type": ["midpoint", "heun", "logrho", "bh1", "bh2", "other", None],
    "steps_offset": [0, 1, 3, ABSENT, None, "1", -1, 1.0], "thresholding": [True, False, "a"],
    "time_shift_type": ["exponential"], "timestep_spacing": ["leading", "trailing", "linspace", ABSENT, "other", None],
    "timestep_type": ["discrete", "continuous", "other"], "trained_betas": [None, [0.001, 0.002], [0.0001 + 0.00001 * i for i in range(1000)], "a"],
    "use_beta_sigmas": [True, False, "a"], "use_dynamic_shifting": [True, False], "use_exponential_sigmas": [True, False, 1],
    "use_flow_sigmas": [True, False], "use_karras_sigmas": [True, False, None], "use_lu_lambdas": [True, False],
    "variance_type": ["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range", None, "other"],
}
MIXED = [  # settings that act on each other
    {"prediction_type": "v_prediction", "timestep_type": "continuous"}, {"use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 10.0},
    {"use_exponential_sigmas": True, "sigma_min": 0.1, "sigma_max": 10.0}, {"use_beta_sigmas": True, "sigma_min": 0.1, "sigma_max": 10.0},
    {"use_karras_sigmas": True, "use_beta_sigmas": True}, {"thresholding": True, "dynamic_thresholding_ratio": 0.9, "sample_max_value": 2.0},
    {"thresholding": True, "sample_max_value": 0.5}, {"clip_sample": True, "clip_sample_range": 0.7},
    {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"},
    {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}, {"beta_schedule": "squaredcos_cap_v2", "timestep_spacing": "trailing"},
    {"beta_schedule": "squaredcos_cap_v2", "use_karras_sigmas": True}, {"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1},
    {"beta_schedule": "squaredcos_cap_v2", "use_exponential_sigmas": True, "final_sigmas_type": "sigma_min"},
    {"final_sigmas_type": "sigma_min", "use_karras_sigmas": True}, {"interpolation_type": "log_linear", "use_karras_sigmas": True},
    {"interpolation_type": "log_linear", "final_sigmas_type": "sigma_min"}, {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"},
    {"algorithm_type": "sde-dpmsolver", "final_sigmas_type": "sigma_min"}, {"algorithm_type": "sde-dpmsolver++", "solver_type": "heun"},
    {"algorithm_type": "sde-dpmsolver++", "solver_order": 3}, {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "solver_order": 3},
    {"algorithm_type": "sde-dpmsolver", "final_sigmas_type": "sigma_min", "solver_order": 3}, {"solver_type": "heun", "final_sigmas_type": "sigma_min"},
    {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "thresholding": True, "prediction_type": "sample"},
    {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "prediction_type": "v_prediction", "solver_type": "heun"},
    {"solver_order": 3, "lower_order_final": False, "final_sigmas_type": "sigma_min"}, {"solver_order": 3, "euler_at_final": True},
    {"solver_order": 3, "use_karras_sigmas": True}, {"lambda_min_clipped": -2.0, "timestep_spacing": "trailing"},
    {"lambda_min_clipped": -2.0, "timestep_spacing": "leading"}, {"use_lu_lambdas": True, "timestep_spacing": "trailing"},
    {"prediction_type": "sample", "timestep_spacing": "trailing", "clip_sample": True}, {"steps_offset": 0, "timestep_spacing": "leading"},
    {"steps_offset": ABSENT, "timestep_spacing": "leading", "clip_sample": ABSENT},
]


THEIRS_FAILS = {"algorithm_type": {"deis": "from_config takes it for dpmsolver++, and then stops at a check of its own"}}


# (our sampler begins with, changes among the case's, why)
THEIRS_STOP = [
    ("dpmpp", {"beta_schedule": "squaredcos_cap_v2"}, "where two levels round to one timestep it is found twice: IndexError"),
    ("dpmpp", {"lower_order_final": False, "final_sigmas_type": "sigma_min"}, "two equal last levels: not numbers"),
    ("lms", {"steps_offset": None}, "added to an array as it is: TypeError"),
]


def case(changes, **more):
    why = [v[changes[k]] for k, v in THEIRS_FAILS.items() if isinstance(changes.get(k), str) and changes[k] in v]
    why += [w for sampler, c, w in THEIRS_STOP if (more.get("sampler") or "").startswith(sampler) and c.items() <= changes.items()]
    return Case(FILE, changes, theirs_fails=why[0] if why else None, **more)


def classes():
    named = {n: getattr(diffusers, n) for n in dir(diffusers) if n.endswith("Scheduler") and not n.startswith(("Flax", "Onnx"))}
    return {n: c for n, c in named.items() if inspect.isclass(c) and issubclass(c, diffusers.ConfigMixin)}


def published():
    """Every scheduler with its own defaults, and the networks' schedule, as diffusers would save it."""
    base = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    for name, kind in sorted(classes().items()):
        changes = {k: ABSENT for k in ("beta_start", "beta_end", "beta_schedule", "steps_offset", "clip_sample", "set_alpha_to_one",
                                       "trained_betas", "num_train_timesteps", "prediction_type")}
        for key, p in inspect.signature(kind.__init__).parameters.items():
            if p.default is not inspect.Parameter.empty and p.kind is not inspect.Parameter.VAR_KEYWORD:
                value = base.get(key, list(p.default) if isinstance(p.default, tuple) else p.default)
                if value is None or isinstance(value, (bool, int, float, str, list)):
                    changes[key] = value
        yield name, changes | {"_class_name": name}


def cases():
    own = {c: s for s, (c, fixed) in SAMPLERS.items() if not fixed or s == "pndm"}
    for name, changes in published():
        yield case(changes)
        yield case(changes, sampler="euler", theirs=SAMPLERS["euler"])
    for sampler, theirs in SAMPLERS.items():
        read = set(inspect.signature(theirs[0].__init__).parameters) | {"sigma_min", "sigma_max"}
        for key, values in VALUES.items():  # of keys that the class does not read, one
            for value in values if key in read else values[-2:-1] or values:
                if sampler != "dpmpp_2m_karras" or "sigma" in key:
                    yield case({key: value}, sampler=sampler, theirs=theirs)
        for changes in MIXED:
            if read & set(changes):
                yield case(changes, sampler=sampler, theirs=theirs)
    for sampler in ("ddim", "euler", "dpmpp_2m"):  # nothing is corrected in SDXL's
        for key in ("clip_sample", "steps_offset", "timestep_spacing", "set_alpha_to_one", "use_karras_sigmas", "lambda_min_clipped"):
            for value in VALUES[key]:
                yield case({key: value}, model="xl", sampler=sampler, theirs=SAMPLERS[sampler])
    for kind, sampler in own.items():  # the class from the file, without --sampler, and more steps than DPM-Solver's 15
        yield case({"_class_name": kind.__name__, "skip_prk_steps": True}, steps=16)
    for changes in ({"solver_order": 3}, {"algorithm_type": "sde-dpmsolver++"}, {"lower_order_final": False}):
        yield case({"_class_name": "DPMSolverMultistepScheduler"} | changes, steps=16)
    for key in ("clip_samples", "beta_strat", "entirely_unknown"):
        yield case({key: 1})
