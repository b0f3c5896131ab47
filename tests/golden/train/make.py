# SPDX-License-Identifier: Apache-2.0
"""AdamW steps and the HOLA loss by PyTorch, for tests/unit/test_train.c.

python make.py  (torch, safetensors) writes adamw.safetensors, hola.safetensors and hola_forms.safetensors beside itself.
hola_forms was made with torch 2.15.0 and safetensors 0.8.0; its values are computed in float64 and kept so.
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


# group, classes, tokens: a shot, a background, a top and a coat on the same class, a hat smaller than a cell, a belt that is not there
PHRASES = ((-1, range(1, 18), 1, 3), (2, (0,), 3, 5), (6, (4,), 5, 8), (7, (4,), 8, 10), (11, (1,), 10, 12), (12, (8,), 12, 14))
SIZES = ((12, 8), (6, 4))
FORMS = {  # phrases by their place above, masks, empty ones kept, shared, sum, sizes
    "authors": ((0, 1, 2, 3, 4, 5), "bilinear", True, False, "code", (1,)),
    "paper": ((0, 2, 3, 4, 5), "bilinear", True, False, "paper", (1,)),
    "garments": ((2, 3, 4, 5), "area", False, False, "code", (0, 1)),
    "shared": ((2, 3, 4, 5), "area", False, True, "code", (0, 1)),
    "shared_all": ((0, 1, 2, 3, 4, 5), "area", False, True, "paper", (0,)),
}


def region(labels, classes, size, masks):
    full = sum((labels == c).double() for c in classes)[None, None]
    if masks == "area":
        return F.adaptive_avg_pool2d(full, size).reshape(-1)
    return F.interpolate(full, size=size, mode="bilinear", align_corners=False).reshape(-1)


def form_loss(labels, probs, form):
    """One image; probs: {size: [heads, cells, keys]}. The hat is left out of 6x4 where empty regions are."""
    places, masks, keep, shared, how, sizes = form
    values = []
    for k in sizes:
        groups = []
        for place in places:
            group, classes, begin, end = PHRASES[place]
            h = region(labels, classes, SIZES[k], masks)
            if not keep and (h.sum() == 0 or (group == 11 and k == 1)):
                continue
            groups.append([begin, end, h])
        if shared:
            claimed = sum(h * (e - b) for b, e, h in groups).clamp(min=1)
            groups = [[b, e, h / claimed] for b, e, h in groups]
        maps, targets = [], []
        for b, e, h in groups:
            m = probs[k][:, :, b:e]
            maps += [m[..., j] for j in range(e - b)] + [m.mean(-1)]
            targets += [h] * (e - b + 1)
        square = (torch.stack(maps, 1) - torch.stack(targets)[None]) ** 2
        values.append(square.mean((1, 2)) if how == "code" else square.sum((1, 2)) / len(groups))
    return torch.cat(values).mean()


def make_hola_forms():
    torch.manual_seed(3)
    labels = torch.zeros(96, 64, dtype=torch.long)
    labels[20:50, 13:51], labels[50:90, 20:30], labels[50:90, 33:45], labels[9:12, 30:33] = 4, 6, 6, 1
    probs = {k: (torch.randn(2, h * w, 16, dtype=torch.float64) * 2).softmax(-1).float().double().requires_grad_()
             for k, (h, w) in enumerate(SIZES)}
    out = {"labels": labels.to(torch.uint8)}
    out.update({f"probs{k}": p.detach().float() for k, p in probs.items()})
    for name, form in FORMS.items():
        loss = form_loss(labels, probs, form)
        grads = torch.autograd.grad(loss, [probs[k] for k in form[5]])
        out[f"loss_{name}"] = loss.detach().reshape(1)
        out.update({f"grad_{name}{k}": g for k, g in zip(form[5], grads)})
    save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(here, "hola_forms.safetensors"))


adamw()
make_hola()
make_hola_forms()
