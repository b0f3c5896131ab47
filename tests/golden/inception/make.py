# SPDX-License-Identifier: Apache-2.0
"""Inception v3 of three programs on the program's own random weights, and pictures that a formula makes in both.
Run: COSMICMAN=path/to/cosmicman python make.py"""
import os
import pathlib
import subprocess
import tempfile
from unittest import mock

import pytorch_fid.inception
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

here = pathlib.Path(__file__).parent
SEED, SIDE = 7, 299


def pictures():
    """[2,299,299,3] bytes; golden_inception.c has the same lines"""
    y, x, c = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), torch.arange(3), indexing="ij")
    wide = (x * x * 3 + y * y * 2 + x * y + c * 4001) // 512 % 256
    fine = (x * 7 + y * x // 16 + c * 40) % 256 // 2 + 64 * ((x // 37 + y // 41 + c) % 3)
    return torch.stack([wide, fine]).byte()


def weights(name):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([os.environ["COSMICMAN"], "export", "--model", f"random:inception-{name}", "--seed", str(SEED), "--out",
                        f"{folder}/made"], check=True, stdout=subprocess.DEVNULL)
        return load_file(f"{folder}/made/model.safetensors")


def fid_network(state):
    """pytorch-fid's network, which would download its weights."""
    with mock.patch.object(pytorch_fid.inception, "load_state_dict_from_url", return_value=state):
        with mock.patch.object(torch.nn.Module, "load_state_dict", lambda self, s: None):
            net = pytorch_fid.inception.fid_inception_v3()
    net.load_state_dict(state, strict=False)  # without num_batches_tracked
    return net.double().eval()


def run(net, pixels):
    kept = {}
    net.avgpool.register_forward_hook(lambda m, i, o: kept.update(pool=o.flatten(1)))
    net.Mixed_6d.branch1x1.register_forward_hook(lambda m, i, o: kept.update(spatial=o[:, :7].permute(0, 2, 3, 1).flatten(1)))
    with torch.no_grad():
        kept["logits"] = net(pixels)
    return kept


def fidelity(state, bytes_):
    """torch-fidelity's own class, f32; it scales by (x - 128) / 128 and does not resize what is 299 wide."""
    with mock.patch("torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", return_value=state), \
            mock.patch.object(torch.nn.Module, "load_state_dict", lambda self, s: None):
        net = FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"])
    net.load_state_dict(state, strict=False)
    with torch.no_grad():
        return net(bytes_)


def main():
    bytes_ = pictures().permute(0, 3, 1, 2)
    pixels = (bytes_.double() - 128) / 128
    state = weights("2015-12-05")
    fid = run(fid_network(state), pixels)
    pool, unbiased = fidelity(state, bytes_)
    for a, b in ((pool, fid["pool"]), (unbiased, fid["logits"] - state["fc.bias"].double())):
        print("torch-fidelity's f32 beside pytorch-fid's network in f64:", float((a - b).norm() / b.norm()))
    state = weights("torchvision")
    net = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False, transform_input=False)
    net.load_state_dict(state, strict=False)
    tv = run(net.double().eval(), pixels)
    values = {"pytorch_fid.pool": fid["pool"], "pytorch_fid.spatial": fid["spatial"], "pytorch_fid.logits": fid["logits"],
              "torch_fidelity.2048": pool, "torch_fidelity.logits_unbiased": unbiased,
              "torchvision.pool": tv["pool"], "torchvision.logits": tv["logits"]}
    save_file({k: v.float().contiguous() for k, v in values.items()}, here / "values.safetensors")


main()
