# SPDX-License-Identifier: Apache-2.0
"""AdamW steps and the HOLA loss by PyTorch, for tests/unit/test_train.c.

python make.py  (torch, safetensors) writes adamw.safetensors and hola.safetensors beside itself.
"""
import math
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

here = os.path.dirname(os.path.abspath(__file__))


def adamw():
    torch.manual_seed(1)
    w = torch.nn.Parameter(torch.randn(3, 4))
    b = torch.nn.Parameter(torch.randn(4))
    out = {"w": w.detach().clone(), "b": b.detach().clone()}
    opt = torch.optim.AdamW([{"params": [w], "weight_decay": 0.1}, {"params": [b], "weight_decay": 0.0}],
                            lr=0.01, betas=(0.9, 0.99), eps=1e-8)
    warmup, steps, rate, final = 2, 6, 0.01, 0.1
    ema = [w.detach().clone(), b.detach().clone()]
    for step in range(steps):
        if step < warmup:
            lr = rate * (step + 1) / warmup
        else:
            lr = rate * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))))
        for group in opt.param_groups:
            group["lr"] = lr
        w.grad, b.grad = torch.randn(3, 4) * (step + 1), torch.randn(4)
        out[f"gw{step}"], out[f"gb{step}"] = w.grad.clone(), b.grad.clone()
        torch.nn.utils.clip_grad_norm_([w, b], 1.5)
        opt.step()
        keep = min((1 + step) / (10 + step), 0.5)
        for e, p in zip(ema, (w, b)):
            e.mul_(keep).add_(p.detach(), alpha=1 - keep)
    out.update(w_end=w.detach().clone(), b_end=b.detach().clone(), w_ema=ema[0], b_ema=ema[1])
    save_file(out, os.path.join(here, "adamw.safetensors"))


def hola(probs, images, terms, form):
    """probs: list over layers of [n,heads,hw,keys]; images: per image a list of (begin, end, mask [hw])."""
    values = []
    for b, groups in enumerate(images):
        if not groups:
            continue
        each = []
        for p in probs:
            maps, targets = [], []
            for begin, end, mask in groups:
                m = p[b, :, :, begin:end]
                if terms != "mean":
                    maps += [m[..., j] for j in range(end - begin)]
                    targets += [mask] * (end - begin)
                if terms != "token":
                    maps.append(m.mean(-1))
                    targets.append(mask)
            m, h = torch.stack(maps, 1), torch.stack(targets)[None]
            square = (m - h) ** 2
            each.append(square.mean((1, 2)) if form == "code" else square.sum((1, 2)) / len(groups))
        values.append(torch.cat(each).mean())
    return torch.stack(values).mean()


def make_hola():
    torch.manual_seed(2)
    # patches rather than noise, so that the resized mask has values between 0 and 1
    labels = F.interpolate(torch.randint(0, 3, (1, 1, 17, 11)).float(), size=(96, 64), mode="nearest")[0, 0]
    masks = [F.interpolate((labels == k).float()[None, None], size=(6, 4), mode="bilinear", align_corners=False).reshape(-1)
             for k in (1, 2)]
    scores = [torch.randn(3, 2, 24, 9) * 2 for _ in range(2)]
    probs = [s.softmax(-1).requires_grad_() for s in scores]
    images = [[(1, 4, masks[0]), (4, 6, masks[1])], [], [(2, 3, masks[1])]]
    out = {"labels": labels.to(torch.uint8), "mask1": masks[0], "mask2": masks[1]}
    for i, p in enumerate(probs):
        out[f"probs{i}"] = p.detach().clone()
    for name, terms, form in (("both", "both", "code"), ("mean", "mean", "code"), ("token", "token", "code"),
                              ("paper", "both", "paper")):
        loss = hola(probs, images, terms, form)
        grads = torch.autograd.grad(loss, probs)
        out[f"loss_{name}"] = loss.detach().reshape(1)
        for i, g in enumerate(grads):
            out[f"grad_{name}{i}"] = g.clone()
    save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(here, "hola.safetensors"))


adamw()
make_hola()
