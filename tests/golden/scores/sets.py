# SPDX-License-Identifier: Apache-2.0
"""Scores of two sets of features by the packages people cite. usage: sets.py   (writes sets.safetensors, sets.json)"""
import json
import pathlib

import numpy as np
import torch
from pytorch_fid.fid_score import calculate_frechet_distance
from safetensors.numpy import save_file
from scipy import linalg
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import calculate_precision_recall_full
from torchmetrics.image.fid import _compute_fid

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(11)
N, M, W = 260, 210, 24
mix = rng.standard_normal((W, W)) / W ** 0.5
x = (rng.standard_normal((N, W)) @ mix + 0.3).astype(np.float32)
y = (rng.standard_normal((M, W)) @ mix * 1.2).astype(np.float32)
x[5] = y[7]      # a point of both sets
logits = (3 * rng.standard_normal((N, 12))).astype(np.float32)


def frechet(a, b):
    """pytorch-fid's own where it runs (scipy.linalg.sqrtm lost an argument it passes), else its formula."""
    mu1, mu2, s1, s2 = a.mean(0), b.mean(0), np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    try:
        return float(calculate_frechet_distance(mu1, s1, mu2, s2)), "pytorch-fid"
    except TypeError:
        root = linalg.sqrtm(s1 @ s2)
        return float(((mu1 - mu2) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.trace(root.real)), "its formula"


def prdc(fake, real, k):
    """Naeem et al.'s definitions, in float64, open balls."""
    def distances(a, b):
        return np.sqrt(np.maximum(((a[:, None, :] - b[None]) ** 2).sum(-1), 0))
    fake, real = fake.astype(np.float64), real.astype(np.float64)
    rr = np.sort(distances(real, real), 1)[:, k]
    rf = np.sort(distances(fake, fake), 1)[:, k]
    d = distances(real, fake)
    return {"precision": float((d < rr[:, None]).any(0).mean()), "recall": float((d < rf[None]).any(1).mean()),
            "density": float((d < rr[:, None]).sum(0).mean() / k), "coverage": float((d.min(1) < rr).mean())}


def cmmd(a, b):
    """The published formula: sigma 10, scale 1000, all pairs."""
    a, b = (v.astype(np.float64) / np.linalg.norm(v.astype(np.float64), axis=1, keepdims=True) for v in (a, b))
    def k(p, q):
        return np.exp(-((p[:, None, :] - q[None]) ** 2).sum(-1) / 200).mean()
    return float(1000 * (k(a, a) + k(b, b) - 2 * k(a, b)))


def infinity(a, b, sizes=5, least=100, seed=13579):
    """dgm-eval's: distances of drawn subsets against the whole reference, a line over 1/n, its value at 0."""
    r, ns, ds = np.random.RandomState(seed), np.linspace(least, len(a), sizes).astype(int), []
    for n in ns:
        ds.append(frechet(a[r.permutation(len(a))[:n]].astype(np.float64), b.astype(np.float64))[0])
    return float(np.polyval(np.polyfit(1 / ns, ds, 1), 0))


x64, y64 = x.astype(np.float64), y.astype(np.float64)
value, by = frechet(x64, y64)
few, _ = frechet(x64[:15], y64)
tm = [torch.tensor(v) for v in (x64.mean(0), np.cov(x64, rowvar=False), y64.mean(0), np.cov(y64, rowvar=False))]
precision, recall = calculate_precision_recall_full(torch.tensor(x64), torch.tensor(y64), 3)
out = {
    "frechet": value, "frechet_by": by, "frechet_few": few, "frechet_torchmetrics": float(_compute_fid(*tm)),
    "infinity": infinity(x, y),
    "kid": kid_features_to_metric(torch.tensor(x64), torch.tensor(y64), kid_subsets=20, kid_subset_size=100, kid_kernel="poly",
                                  kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1, rng_seed=2020, verbose=False),
    "kid_100": kid_features_to_metric(torch.tensor(x64), torch.tensor(y64), kid_subsets=100, kid_subset_size=100, kid_kernel="poly",
                                      kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1, rng_seed=2020,
                                      verbose=False),
    "is": isc_features_to_metric(torch.tensor(logits)),
    "prdc": prdc(x, y, 5), "closed": {"precision": precision, "recall": recall},
    "cmmd": cmmd(x, y),
    "permutation": np.random.RandomState(2020).permutation(1000)[:12].tolist(),
    "numbers": [int(v) for v in np.random.RandomState(2020).randint(0, 2 ** 32, 4, dtype=np.uint32)],
}
save_file({"x": x, "y": y, "logits": logits}, here / "sets.safetensors")
(here / "sets.json").write_text(json.dumps(out, indent=1) + "\n")
print(json.dumps(out, indent=1))
