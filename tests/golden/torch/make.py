# SPDX-License-Identifier: Apache-2.0
"""Small checkpoints as torch.save writes them, and the tensors that stand in them.

    python make.py            # PyTorch 2.15.0

plain.pt      tensors of every type that is read, views and parameters among other things; values.safetensors: the same
protocol4.pt  the same under the newest pickle protocol that torch takes
module.bin    a module's state_dict, with its _metadata
nested.ckpt   a training run's checkpoint: the weights under "state_dict"
script.pt     the same module written by torch.jit.save, inside another
ema.pth       {"params": ..., "params_ema": ...}
whole.pt      a pickled module: refused
short.pt      16-bit whole numbers: not read
float8.safetensors  every 8-bit float of both kinds and what it is in f32; floats and what they become
float8.pt     the 8-bit floats
hostile.pt    asks for os.system beside the weights; hostile_root.pt: instead of them
compressed.pt a good one packed again with compression
bare.pt       one tensor and no dictionary, as MLPerf's latents.pt; old_bare.pt: in the old format
nocrc.pt      plain.pt without zip's check sums
old.pt        the format from before torch 1.6; old_nested.pt: plain.pt's tensors in it, beside one of a type that is not read
"""
import argparse
import copy
import os
import pathlib
import zipfile

import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
torch.manual_seed(5)


class Hostile:
    def __reduce__(self):
        return os.system, ("echo executed >executed-by-a-pickle",)


def plain():
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 7
    half = torch.randn(3, 2, 2).half()
    return {
        "f32": base, "f16": half, "bf16": torch.randn(5).bfloat16(), "f64": torch.randn(2, 2).double(),
        "i64": torch.tensor([-1, 2 ** 40]), "i32": torch.tensor([7, -9], dtype=torch.int32),
        "u8": torch.tensor([0, 255], dtype=torch.uint8), "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5), "none": torch.zeros(0, 3),
        "view.turned": base.T, "view.rows": base[1:3], "view.columns": base[:, 1:5:2], "view.permuted": half.permute(2, 0, 1),
        "view.repeated": torch.tensor([[3.0]]).expand(1, 4), "view.last": base[3, 5],
        "parameter": torch.nn.Parameter(torch.randn(2, 3)), "named \"é\"": torch.ones(1),
        "note": "text", "step": 12, "rate": 1e-3, "big": 2 ** 70, "flag": True, "nothing": None, "list": [1, (2, 3)], 5: torch.ones(1),
    }


def float8():
    every = torch.arange(256, dtype=torch.int32).to(torch.uint8)
    edges = torch.cat([every.view(kind).float() for kind in (torch.float8_e4m3fn, torch.float8_e5m2)])
    edges = torch.sort(edges[edges.isfinite()].unique())[0]
    middle = (edges[1:] + edges[:-1]) / 2
    x = torch.cat([edges, middle, torch.nextafter(middle, torch.tensor(1e9)), torch.nextafter(middle, torch.tensor(-1e9)),
                   torch.tensor([448, 464, 464.5, 480, 1e30, -465, 57344, 61439, 61440, -61441, float("inf"), -float("inf"), float("nan"), -0.0])])
    out = {"x": x}
    for name, kind in (("e4m3", torch.float8_e4m3fn), ("e5m2", torch.float8_e5m2)):
        out[name] = every.view(kind).clone()
        out[name + ".f32"] = out[name].float()
        out[name + ".of_x"] = x.to(kind)
    save_file(out, here / "float8.safetensors")
    torch.save({k: v for k, v in out.items() if "f32" not in k and k != "x"}, here / "float8.pt")


def bare():
    latents = torch.arange(256, dtype=torch.float32).reshape(1, 4, 8, 8).sin()
    torch.save(latents, here / "bare.pt")
    torch.save(latents, here / "old_bare.pt", _use_new_zipfile_serialization=False)
    torch.serialization.set_crc32_options(False)
    torch.save(plain(), here / "nocrc.pt")
    torch.serialization.set_crc32_options(True)


def main():
    float8()
    tensors = plain()
    torch.save(tensors, here / "plain.pt")
    torch.save(tensors, here / "protocol4.pt", pickle_protocol=4)
    named = {k: v for k, v in tensors.items() if isinstance(v, torch.Tensor) and isinstance(k, str)}
    save_file({k: v.detach().contiguous().clone() for k, v in named.items()}, here / "values.safetensors")

    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    torch.save(module.state_dict(), here / "module.bin")
    torch.jit.save(torch.jit.script(torch.nn.ModuleDict({"in": copy.deepcopy(module)}).eval()), here / "script.pt")
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    torch.save({"epoch": 3, "global_step": 70, "hyper_parameters": argparse.Namespace(rate=0.1, names={"a", "b"}),
                "optimizer_states": [optimizer.state_dict()], "callbacks": {}, "state_dict": module.state_dict()},
               here / "nested.ckpt")
    torch.save({"params": {"x": torch.zeros(2)}, "params_ema": {"x": torch.ones(2)}}, here / "ema.pth")
    torch.save(module, here / "whole.pt")
    torch.save({"x": torch.ones(2, dtype=torch.int16)}, here / "short.pt")
    torch.save({"evil": Hostile(), "x": torch.ones(2)}, here / "hostile.pt")
    torch.save(Hostile(), here / "hostile_root.pt")
    torch.save({"x": torch.ones(2)}, here / "old.pt", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": tensors, "optimizer": {"left alone": torch.ones(3, dtype=torch.int16)}}, here / "old_nested.pt",
               _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(here / "ema.pth") as z, zipfile.ZipFile(here / "compressed.pt", "w", zipfile.ZIP_DEFLATED) as out:
        for name in z.namelist():
            out.writestr(name, z.read(name))


main()
bare()
