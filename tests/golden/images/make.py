# SPDX-License-Identifier: Apache-2.0
"""Small pictures of every kind, and what Pillow reads from them, for tests/unit/test_image.c. Run in this folder.

images.safetensors holds, per file, "<file>/rgb" and "<file>/grey" (u8), and "<file>/labels" where it is a label map.
"""
import io
import struct
import zlib

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

rng = np.random.default_rng(7)
H, W = 13, 11
y, x = np.mgrid[0:H, 0:W]
rgb = np.stack([x * 20 % 256, y * 17 % 256, (x * y * 3) % 256], -1).astype(np.uint8)
rgb[3:6, 2:7] = rng.integers(0, 256, (3, 5, 3))
grey = rgb[..., 0]
out = {}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, colour, depth, rows, extra=b"", interlace=0):
    """A PNG made by hand: Pillow writes neither 16-bit RGB nor low-depth grey. rows: bytes of the unfiltered rows."""
    data = zlib.compress(b"".join(b"\0" + r for r in rows), 9)
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, depth, colour, 0, 0, interlace)) + extra +
                chunk(b"IDAT", data) + chunk(b"IEND", b""))


def luma(a):
    return np.asarray(Image.fromarray(a).convert("L"))


def expect(name, colours, values=None):
    out[f"{name}/rgb"] = colours if colours.ndim == 3 else np.repeat(colours[..., None], 3, -1)
    out[f"{name}/grey"] = (colours if colours.ndim == 2 else luma(colours))[..., None]
    if values is not None:
        out[f"{name}/labels"] = values[..., None]


def pack(values, bits):
    """One row's values at 1, 2 or 4 bits, high bits first."""
    text = "".join(f"{v:0{bits}b}" for v in values)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


def adam7(pixels):
    """Rows of the seven passes."""
    rows = []
    for y0, x0, dy, dx in [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]:
        part = pixels[y0::dy, x0::dx]
        if part.size:
            rows += [r.tobytes() for r in part]
    return rows


Image.fromarray(rgb).save("rgb.png")
expect("rgb.png", rgb)
Image.fromarray(grey).save("grey.png")
expect("grey.png", grey, grey)
Image.fromarray(np.dstack([rgb, 255 - grey])).save("rgba.png")
expect("rgba.png", rgb)
Image.fromarray(np.dstack([grey, 255 - grey]), "LA").save("grey-alpha.png")
expect("grey-alpha.png", grey)
wide = rgb.astype(">u2") * 256 + rng.integers(0, 256, rgb.shape)
png("rgb16.png", 2, 16, [r.astype(">u2").tobytes() for r in wide])
expect("rgb16.png", rgb)
png("grey16.png", 0, 16, [r.astype(">u2").tobytes() for r in wide[..., 0]])
expect("grey16.png", grey)
png("interlaced.png", 2, 8, adam7(rgb), interlace=1)
expect("interlaced.png", rgb)
index = ((x + 3 * y) % 18).astype(np.uint8)
colours = rng.integers(0, 256, (18, 3), dtype=np.uint8)
png("palette.png", 3, 8, [r.tobytes() for r in index], chunk(b"PLTE", colours.tobytes()) + chunk(b"tRNS", b"\0\x80"))
expect("palette.png", colours[index], index)
png("palette4.png", 3, 4, [pack(r, 4) for r in index % 16], chunk(b"PLTE", colours[:16].tobytes()))
expect("palette4.png", colours[index % 16], index % 16)
for bits in (1, 2, 4):
    low = (index % (1 << bits)).astype(np.uint8)
    png(f"grey{bits}.png", 0, bits, [pack(r, bits) for r in low])
    expect(f"grey{bits}.png", (low * (255 // ((1 << bits) - 1))).astype(np.uint8), low)

smooth = np.asarray(Image.fromarray(rgb).resize((40, 48), Image.Resampling.BICUBIC))
for name, picture, options in [("rgb.jpg", smooth, {"quality": 90, "subsampling": 0}), ("grey.jpg", smooth[..., 0], {}),
                               ("progressive.jpg", smooth, {"progressive": True, "quality": 80})]:
    Image.fromarray(picture).save(name, **options)
    expect(name, np.asarray(Image.open(name)))
Image.fromarray(np.dstack([smooth, grey[:1, :1].repeat(48, 0).repeat(40, 1)]), "CMYK").save("cmyk.jpg")
for name in list({k.split("/")[0] for k in out}):  # our own encoder against Pillow's reading
    if name.endswith(".png") and "16" not in name:
        assert (np.asarray(Image.open(name).convert("RGB")) == out[f"{name}/rgb"]).all(), name
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, "images.safetensors")
