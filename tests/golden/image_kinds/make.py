# SPDX-License-Identifier: Apache-2.0
"""JPEG of four components, WebP, BMP and GIF, and what Pillow's Image.open(path).convert("RGB") and ("L") read from them,
for tests/unit/test_image_kinds.c. Run in this folder. values.safetensors holds "<file>/rgb" and "<file>/grey" (u8)."""
import struct

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

rng = np.random.default_rng(11)
H, W = 21, 19
y, x = np.mgrid[0:H, 0:W]
rgb = np.stack([x * 13 % 256, y * 12 % 256, (x * y * 2) % 256], -1).astype(np.uint8)
rgb[3:9, 2:7] = rng.integers(0, 256, (6, 5, 3))
alpha = ((x + y) * 6).astype(np.uint8)
picture, cut = Image.fromarray(rgb), Image.fromarray(np.dstack([rgb, alpha]))
files = []


def keep(name, data=None):
    if data is not None:
        with open(name, "wb") as f:
            f.write(data)
    files.append(name)


# JPEG: Adobe's CMYK; the same file said to be YCCK; and without Adobe's marker.
ink = Image.fromarray(np.dstack([rgb, alpha]), "CMYK")
ink.save("cmyk-adobe.jpg", quality=92)
keep("cmyk-adobe.jpg")
data = open("cmyk-adobe.jpg", "rb").read()
at = data.index(b"Adobe")
keep("ycck.jpg", data[:at + 11] + b"\2" + data[at + 12:])
length = struct.unpack(">H", data[at - 2:at])[0]
keep("cmyk-plain.jpg", data[:at - 4] + data[at - 2 + length:])

# WebP
for name, what, options in [("lossy.webp", picture, {"quality": 80}), ("lossless.webp", picture, {"lossless": True}),
                            ("lossy-alpha.webp", cut, {"quality": 70}), ("lossless-alpha.webp", cut, {"lossless": True, "exact": True})]:
    what.save(name, **options)
    keep(name)
picture.save("frames.webp", save_all=True, append_images=[picture.rotate(90), picture.rotate(180)], duration=50, lossless=True)
keep("frames.webp")

# GIF
few = picture.quantize(20)
few.save("plain.gif", interlace=0)
keep("plain.gif")
few.save("laced.gif", interlace=1)
keep("laced.gif")
few.save("clear.gif", transparency=3)
keep("clear.gif")
few.save("frames.gif", save_all=True, append_images=[picture.rotate(90).quantize(9)], duration=50)
keep("frames.gif")
small = open("plain.gif", "rb").read()
at = small.index(b"\x2c" + struct.pack("<HHHH", 0, 0, W, H))
# on a larger screen, away from its corner; and beyond a screen that is too small
keep("aside.gif", small[:6] + struct.pack("<HH", W + 9, H + 5) + small[10:at + 1] + struct.pack("<HH", 4, 3) + small[at + 5:])
keep("beyond.gif", small[:6] + struct.pack("<HH", 7, 5) + small[10:])
# a palette of 16 colours, or none, where 20 are used
keep("short-palette.gif", small[:10] + bytes([small[10] & 0xf8 | 3]) + small[11:13 + 48] + small[13 + 96:])
keep("no-palette.gif", small[:10] + bytes([small[10] & 0x7f]) + small[11:13] + small[13 + 96:])


# BMP: Pillow writes three kinds, the others are made by hand.
def bmp(name, bits, rows, method=0, palette=b"", colours=0, height=H, header=40, masks=b"", body=None):
    body = b"".join(r + b"\0" * (-len(r) % 4) for r in rows) if body is None else body
    if header == 12:
        info = struct.pack("<IHHHH", 12, W, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, W, height, 1, bits, method, len(body), 2835, 2835, colours, 0) + masks
        info += b"\0" * (header - len(info))
    offset = 14 + len(info) + len(palette)
    keep(name, b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + info + palette + body)


def pack(values, bits):
    text = "".join(f"{v:0{bits}b}" for v in values)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


picture.save("24.bmp")
keep("24.bmp")
picture.convert("L").save("grey.bmp")
keep("grey.bmp")
picture.convert("1").save("one.bmp")
keep("one.bmp")
up = rgb[::-1]
bgr = up[..., ::-1]
bmp("top-first.bmp", 24, [r[:, ::-1].tobytes() for r in rgb], height=-H)
bmp("32.bmp", 32, [np.dstack([r[None], alpha[:1]])[0].tobytes() for r in bgr])
bmp("32-fields.bmp", 32, [np.dstack([r[None], alpha[:1]])[0].tobytes() for r in bgr], method=3, header=124,
    masks=struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff000000))
wide = up.astype(np.uint16) >> 3
bmp("16.bmp", 16, [r.astype("<u2").tobytes() for r in wide[..., 0] << 10 | wide[..., 1] << 5 | wide[..., 2]])
bmp("565.bmp", 16, [r.astype("<u2").tobytes() for r in wide[..., 0] << 11 | (up[..., 1].astype(np.uint16) >> 2) << 5 | wide[..., 2]],
    method=3, masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f))
index = ((x + 3 * y) % 14).astype(np.uint8)[::-1]
colours = rng.integers(0, 256, (14, 3), dtype=np.uint8)
four, three = b"".join(c.tobytes() + b"\0" for c in colours), colours.tobytes()
bmp("palette8.bmp", 8, [r.tobytes() for r in index], palette=four, colours=14)
bmp("palette4.bmp", 4, [pack(r, 4) for r in index], palette=four, colours=14)
bmp("os2.bmp", 8, [r.tobytes() for r in index], palette=three + b"\0" * 3 * 242, header=12)
bmp("short-palette.bmp", 8, [r.tobytes() for r in index], palette=four[:40], colours=10)
bmp("rle8.bmp", 8, [], method=1, palette=four, colours=14, body=b"".join(
    b"\5" + r[:1].tobytes() + b"\0\7" + r[5:12].tobytes() + b"\0" + b"\7" + r[12:13].tobytes() + b"\0\0" for r in index) + b"\0\1")
bmp("rle4.bmp", 4, [], method=2, palette=four, colours=14, body=b"".join(
    b"\6" + pack(r[:2], 4) + b"\0\4" + pack(r[6:10], 4) + b"\x09" + pack(r[10:12], 4) + b"\0\0" for r in index) + b"\0\1")

out = {}
for name in files:
    out[f"{name}/rgb"] = np.asarray(Image.open(name).convert("RGB"))
    out[f"{name}/grey"] = np.asarray(Image.open(name).convert("RGB").convert("L"))[..., None]
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, "values.safetensors")
