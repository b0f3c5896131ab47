# SPDX-License-Identifier: Apache-2.0
"""Values and gradients of every function of core/tensor/nn.h by PyTorch autograd in float64.

Writes gradients.safetensors beside itself: for each case of tests/cases/gradient_cases.c its
inputs, "y", "dy" and "grad.INPUT" of sum(y * dy). Run: python make.py
"""
import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(20)
out = {}


def rand(*shape):
    return torch.randn(*shape)


def spaced(*shape):
    """Random order, at least 0.1 apart and 0.05 from zero: no kink within a difference's step."""
    n = math.prod(shape)
    return ((torch.randperm(n) - n // 2) * 0.1 + 0.05).reshape(shape)


def case(name, inputs, function):
    given = {k: v.float() for k, v in inputs.items()}
    x = {k: v.double().requires_grad_(not k.startswith("_")) for k, v in given.items()}
    y = function(*x.values())
    dy = torch.randn(y.shape).float()
    (y * dy.double()).sum().backward()
    for k, v in given.items():
        out[f"{name}.{k}"] = v
        if not k.startswith("_"):
            out[f"{name}.grad.{k}"] = x[k].grad.float()
    out[f"{name}.y"] = y.detach().float()
    out[f"{name}.dy"] = dy


def nchw(f):
    """f on PyTorch's layout, called with channels-last tensors."""
    def g(x, *rest):
        return f(x.permute(0, 3, 1, 2), *rest).permute(0, 2, 3, 1)
    return g


def norm(groups, eps):
    return nchw(lambda x, w, b: F.group_norm(x, groups, w, b, eps))


def heads_of(x, heads):
    n, length, c = x.shape
    return x.reshape(n, length, heads, c // heads).transpose(1, 2)


def attend(q, k, v, heads, scale=None, causal=False):
    q, k, v = (heads_of(t, heads) for t in (q, k, v))
    s = q @ k.transpose(-1, -2) * (scale or 1 / math.sqrt(q.shape[-1]))
    if causal:
        s = s.masked_fill(torch.ones(s.shape[-2:]).triu(1).bool(), -torch.inf)
    p = s.softmax(-1)
    o = (p @ v).transpose(1, 2)
    return o.reshape(o.shape[0], o.shape[1], -1), p


def f32(x):
    return float(torch.tensor(x))


def kl(m, lv):
    return (0.5 * (m * m + lv.exp() - 1 - lv)).mean().reshape(1)


def cross(x, labels, cw=None, rw=None):
    labels = torch.tensor(labels)
    keep = labels >= 0
    w = torch.ones(len(labels), dtype=torch.float64)
    if cw is not None:
        w = cw[labels.clamp(min=0)] * rw
    w = w * keep
    nll = F.cross_entropy(x, labels.clamp(min=0), reduction="none")
    return ((w * nll).sum() / w.sum()).reshape(1)


conv = lambda c, o, k: dict(weight=rand(o, c, k, k) * 0.4, bias=rand(o))
case("conv_same", dict(x=rand(2, 5, 6, 3), **conv(3, 4, 3)), nchw(lambda x, w, b: F.conv2d(x, w, b, padding=1)))
case("conv_stride2", dict(x=rand(2, 5, 6, 3), **conv(3, 4, 3)),
     nchw(lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1)))
case("conv_down_right", dict(x=rand(2, 6, 4, 3), **conv(3, 5, 3)),
     nchw(lambda x, w, b: F.conv2d(F.pad(x, (0, 1, 0, 1)), w, b, stride=2)))
case("conv_none", dict(x=rand(1, 5, 7, 2), weight=rand(3, 2, 3, 3)), nchw(lambda x, w: F.conv2d(x, w)))
case("conv_1x1", dict(x=rand(2, 3, 4, 5), **conv(5, 3, 1)), nchw(lambda x, w, b: F.conv2d(x, w, b)))
case("linear", dict(x=rand(2, 3, 5), weight=rand(4, 5), bias=rand(4)), F.linear)
case("linear_plain", dict(x=rand(7, 3), weight=rand(2, 3)), F.linear)
affine = lambda c: dict(weight=1 + 0.3 * rand(c), bias=0.3 * rand(c))
case("group_norm", dict(x=rand(2, 3, 4, 6) + 0.5, **affine(6)), norm(3, 1e-5))
case("group_norm_silu", dict(x=rand(2, 3, 5, 4) + 0.5, **affine(4)), lambda x, w, b: F.silu(norm(2, 1e-6)(x, w, b)))
case("layer_norm", dict(x=rand(2, 3, 7), **affine(7)), lambda x, w, b: F.layer_norm(x, (7,), w, b, 1e-5))
for name, f in dict(silu=F.silu, gelu=F.gelu, quick_gelu=lambda x: x * torch.sigmoid(1.702 * x), tanh=torch.tanh,
                    sigmoid=torch.sigmoid).items():
    case(name, dict(x=2 * rand(3, 11)), f)
case("relu", dict(x=spaced(3, 11)), F.relu)
case("geglu", dict(x=rand(2, 3, 10)), lambda x: x[..., :5] * F.gelu(x[..., 5:]))
qkv = lambda n, lq, lk, c: dict(q=rand(n, lq, c), k=rand(n, lk, c), v=rand(n, lk, c))
case("attention", qkv(2, 5, 4, 6), lambda q, k, v: attend(q, k, v, 2)[0])
case("attention_causal", qkv(2, 5, 5, 8), lambda q, k, v: attend(q, k, v, 2, f32(0.7), True)[0])
case("attention_probs", qkv(2, 5, 4, 6),
     lambda q, k, v: torch.cat([t.reshape(1, -1) for t in attend(q, k, v, 2)], 1))
case("attention_probs_only", {k if k != "v" else "_v": v for k, v in qkv(2, 4, 7, 6).items()},
     lambda q, k, v: attend(q, k, v, 3)[1])
case("add", dict(a=rand(2, 3, 5), b=rand(2, 3, 5)), torch.add)
case("add_broadcast", dict(x=rand(3, 4, 5), t=rand(4, 5)), torch.add)
case("add_rows", dict(x=rand(2, 3, 2, 5), t=rand(2, 5)), lambda x, t: x + t[:, None, None])
case("sub", dict(a=rand(2, 3, 5), b=rand(2, 3, 5)), torch.sub)
case("mul", dict(a=rand(2, 3, 5), b=rand(2, 3, 5)), torch.mul)
case("square", dict(x=rand(9)), lambda x: x * x)
case("scale", dict(x=rand(2, 7)), lambda x: x * f32(-1.7))
case("scale_by", dict(x=rand(2, 7), factor=rand(1)), torch.mul)
case("exp", dict(x=rand(2, 7)), torch.exp)
case("clamp", dict(x=spaced(5, 7)), lambda x: x.clamp(f32(-0.7), f32(0.8)))
case("concat_last", dict(a=rand(2, 3, 4), b=rand(2, 3, 2)), lambda a, b: torch.cat([a, b], -1))
case("concat_tokens", dict(a=rand(2, 3, 4), b=rand(2, 2, 4)), lambda a, b: torch.cat([a, b], 1))
case("slice_last", dict(x=rand(2, 3, 7)), lambda x: x[..., 2:5])
case("gather_rows", dict(x=rand(2, 3, 4)), lambda x: x.reshape(6, 4)[[3, 0, 3, 5, 1]])
case("repeat_batch", dict(x=rand(2, 3, 4)), lambda x: torch.cat([x] * 3))
case("embedding", dict(table=rand(5, 4)), lambda t: t[[1, 4, 1, 0, 2, 4]].reshape(2, 3, 4))
case("upsample_nearest2", dict(x=rand(2, 3, 2, 5)), nchw(lambda x: F.interpolate(x, scale_factor=2.0)))
resize = lambda h, w: nchw(lambda x: F.interpolate(x, size=(h, w), mode="bilinear", align_corners=False))
case("bilinear_up", dict(x=rand(2, 3, 4, 2)), resize(7, 9))
case("bilinear_down", dict(x=rand(2, 7, 5, 2)), resize(3, 2))
case("avg_pool", dict(x=rand(2, 5, 6, 3)), nchw(lambda x: F.avg_pool2d(x, 3, 1)))
case("avg_pool_stride", dict(x=rand(2, 5, 6, 3)), nchw(lambda x: F.avg_pool2d(x, 2, 2)))
case("max_pool", dict(x=spaced(2, 5, 7, 3)), nchw(lambda x: F.max_pool2d(x, 3, 2)))
case("mean_hw", dict(x=rand(2, 3, 4, 5)), lambda x: x.mean((1, 2)))
case("normalize_last", dict(x=rand(3, 2, 5)), lambda x: F.normalize(x, dim=-1, eps=f32(1e-3)))
case("normalize_short", dict(x=torch.cat([rand(2, 5), 1e-4 * rand(2, 5)])),
     lambda x: F.normalize(x, dim=-1, eps=f32(1e-3)))
case("matmul_nt", dict(a=rand(3, 5), b=rand(4, 5)), lambda a, b: a @ b.T)
case("softmax_last", dict(x=2 * rand(3, 2, 6)), lambda x: x.softmax(-1))
case("mse_loss", dict(x=rand(3, 5), _target=rand(3, 5)), lambda x, t: F.mse_loss(x, t).reshape(1))
case("mse_loss_weighted", dict(x=rand(3, 5), _target=rand(3, 5), _weight=torch.rand(3, 5)),
     lambda x, t, w: (w * (x - t) ** 2).mean().reshape(1))
case("l1_loss", dict(x=spaced(3, 5), _target=torch.zeros(3, 5)), lambda x, t: F.l1_loss(x, t).reshape(1))
case("kl_loss", dict(mean=rand(2, 5), logvar=rand(2, 5)), kl)
case("cross_entropy", dict(x=rand(5, 4)), lambda x: cross(x, [2, 0, 3, 2, 1]))
case("cross_entropy_weighted", dict(x=rand(5, 4), _class_weight=torch.rand(4) + 0.2, _row_weight=torch.rand(5) + 0.1),
     lambda x, c, r: cross(x, [2, 0, -1, 2, 1], c, r))
case("weighted_sum", dict(x=rand(3, 4), _target=rand(3, 4)),
     lambda x, t: f32(0.3) * F.mse_loss(x, t).reshape(1) - 1.25 * kl(x, x))
case("residual", dict(x=rand(2, 4, 3, 4), **affine(4), kernel=0.3 * rand(4, 4, 3, 3)),
     lambda x, w, b, k: F.gelu(x + nchw(lambda h: F.conv2d(h, k, padding=1))(F.silu(norm(2, 1e-5)(x, w, b)))))
case("linear_plus", dict(x=rand(2, 3, 5), weight=rand(4, 5), bias=rand(4), plus=rand(2, 3, 4)),
     lambda x, w, b, p: F.linear(x, w, b) + p)
case("conv_patches", dict(x=rand(2, 4, 6, 3), weight=rand(5, 3, 2, 2), bias=rand(5)),
     lambda x, w, b: nchw(lambda t: F.conv2d(t, w, b, stride=2))(x))
case("add_scaled", dict(x=rand(2, 3, 4), h=rand(2, 3, 4), factor=rand(4)), lambda x, h, f: x + h * f)

steps = torch.tensor([0.0, 1.0, 17.0, 500.0, 999.0])
for flip, shift in ((True, 0.0), (False, 1.0)):
    half = 5
    f = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32) / (half - shift))
    a = steps[:, None] * f[None]
    e = torch.cat([a.cos(), a.sin()] if flip else [a.sin(), a.cos()], -1)
    out[f"timestep.{'flip' if flip else 'plain'}"] = e
out["timestep.t"] = steps

save_file({k: v.contiguous() for k, v in out.items()}, pathlib.Path(__file__).with_name("gradients.safetensors"))
