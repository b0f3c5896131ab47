# SPDX-License-Identifier: Apache-2.0
"""Reference values for metrics/: NumPy and SciPy on small fixed inputs. Writes stats.json and features.safetensors.

    python tests/golden/scores/make.py
"""
import json
import pathlib

import numpy as np
import scipy.linalg
import scipy.stats
from safetensors.numpy import save_file

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(20260102)


def interval(x):
    r = scipy.stats.bootstrap((x,), np.mean, n_resamples=200_000, method="BCa", batch=2000,
                              rng=np.random.default_rng(1)).confidence_interval
    return [float(r.low), float(r.high)]


def flip_p(d):
    return float(scipy.stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf,
                                              alternative="two-sided").pvalue)


skewed = np.round(rng.exponential(2.0, 60), 4)
shares = np.round(rng.integers(0, 5, 64) / 4 * 100, 4)
pairs = [np.round(rng.normal(m, 1, n), 3) for m, n in [(0.0, 8), (0.6, 12), (1.5, 10)]]
sample = np.round(rng.normal(size=11), 3)
levels = [0.0, 0.025, 0.3, 0.5, 0.975, 1.0]
stats = {
    "intervals": [{"x": x.tolist(), "interval": interval(x)} for x in (skewed, shares)],
    "flips": [{"x": d.tolist(), "p": flip_p(d)} for d in pairs],
    "quantiles": {"x": sample.tolist(), "levels": levels, "values": np.quantile(sample, levels).tolist()},
}


def frechet(a, b):
    """The usual formula with a general square root, in float64 and at full rank."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    gap = a.mean(0) - b.mean(0)
    root = scipy.linalg.sqrtm(s1 @ s2)
    return float(gap @ gap + np.trace(s1) + np.trace(s2) - 2 * np.trace(root).real)


def frechet_symmetric(a, b):
    """By eigenvalues of S1^1/2 S2 S1^1/2: for sets that lack rank, where sqrtm is not to be trusted."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    w, v = np.linalg.eigh(s1)
    half = (v * np.sqrt(np.clip(w, 0, None))) @ v.T
    roots = np.sqrt(np.clip(np.linalg.eigvalsh(half @ s2 @ half), 0, None))
    gap = a.mean(0) - b.mean(0)
    return float(gap @ gap + np.trace(s1) + np.trace(s2) - 2 * roots.sum())


def kid(x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)
    k = lambda p, q: (p @ q.T / p.shape[1] + 1) ** 3
    xx, yy, xy = k(x, x), k(y, y), k(x, y)
    n, m = len(x), len(y)
    return float((xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
                 - 2 * xy.mean())


mix = rng.normal(size=(24, 24)) / 4
a = (rng.normal(size=(90, 24)) @ mix + 0.2).astype(np.float32)
b = (rng.normal(size=(70, 24)) @ mix * 1.1 - 0.1).astype(np.float32)
few = b[:15].copy()
stats["distances"] = {
    "frechet": frechet(a, b), "frechet_few": frechet_symmetric(a, few), "frechet_both_few": frechet_symmetric(a[:20], few),
    "kernel": kid(a, b),
}
save_file({"a": a, "b": b}, here / "features.safetensors")
(here / "stats.json").write_text(json.dumps(stats) + "\n")
