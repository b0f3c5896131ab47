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
# the other order of bytes, as IRAF, FITS and old workstations leave it; deflated, so that both ways are taken
np.savez_compressed(here / "big-endian.npz", f4=a.astype(">f4"), f8=np.asfortranarray(b.astype(">f8")), i8=np.array(77, ">i8"),
                    u1=plain["u1"].astype(">u1"), f2=a.astype(">f2"), empty=np.zeros((0, 4), ">f4"))
np.save(here / "alone.npy", plain["u1"])
# guided-diffusion's reference batch: pictures beside two pairs of mean and covariance
np.savez_compressed(here / "adm.npz", arr_0=rng.integers(0, 256, (8, 8, 6, 3), dtype=np.uint8), mu=np.zeros(128), sigma=np.eye(128),
                    mu_s=np.zeros(2023, np.float32), sigma_s=np.eye(2))
# a header that says more than there is, in front of data that unpack to 8 MB
import io, zipfile
buffer = io.BytesIO()
np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": (1 << 30, 64, 64, 3)})
with zipfile.ZipFile(here / "giant.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    z.writestr(zipfile.ZipInfo("arr_0.npy"), buffer.getvalue() + bytes(8 << 20), zipfile.ZIP_DEFLATED)
print(repr(a.ravel()[:3]), repr(b.ravel()[:3]))
