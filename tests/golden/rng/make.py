# SPDX-License-Identifier: Apache-2.0
"""Normal numbers of torch's CPU generator, for tests/unit/test_rng.c. Run in this folder."""
import torch
from safetensors.torch import save_file

SEEDS = [0, 7, 2**32 + 5]
SIZES = [1, 5, 15, 16, 17, 100, 1536, 16384]
CALLS = [5, 17, 3, 1, 16, 15, 1, 40]  # one after the other on one generator

out = {}
for seed in SEEDS:
    for n in SIZES:
        values = torch.randn(n, generator=torch.Generator("cpu").manual_seed(seed))
        # of the largest, its first and last values are enough
        out[f"{seed}/{n}"] = values if n < 16384 else torch.cat([values[:64], values[-64:]])
    g = torch.Generator("cpu").manual_seed(seed)
    out[f"{seed}/calls"] = torch.cat([torch.randn(n, generator=g) for n in CALLS])
save_file(out, "rng.safetensors")
