# SPDX-License-Identifier: Apache-2.0
"""NumPy's .npz in its forms: stored, deflated, Fortran order, several types, an array of objects. usage: make.py"""
import pathlib

import numpy as np

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(7)
a = rng.standard_normal((3, 4)).astype(np.float32)
b = np.asfortranarray(rng.standard_normal((2, 3, 5)))
plain = dict(f4=a, f8=b, u1=np.arange(2 * 3 * 5 * 3, dtype=np.uint8).reshape(2, 3, 5, 3), i8=np.int64(77),
             f2=a.astype(np.float16), text=np.array("words"), empty=np.zeros((0, 4), np.float32))
np.savez(here / "plain.npz", **plain)
np.savez_compressed(here / "deflated.npz", **plain)
np.savez(here / "objects.npz", objects=np.array([{"a": 1}, None], dtype=object), f4=a)
mu, x = rng.standard_normal(6), rng.standard_normal((20, 6))
np.savez(here / "statistics.npz", mu=mu, sigma=np.cov(x, rowvar=False))
print(repr(a.ravel()[:3]), repr(b.ravel()[:3]))
