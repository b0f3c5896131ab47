#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes format2.jsonl, records of a run of format 2 with arms of every kind, for tests of reports. The numbers are made up
by a fixed formula; no image is there.   python3 tests/report/make_format2.py >tests/report/format2.jsonl"""
import json
import math

GROUPS = ["person", "body", "background", "hair", "special clothings", "one-piece outfits", "tops", "coats", "bottoms", "shoes",
          "bags", "hats", "belts", "scarf", "overall-style", "headband", "headscarf", "veil", "socks", "ties"]
ARMS = ["hq", "daring", "photos", "script", "sdxl"]
METRICS = [("fid@clean", "FID", "lower", 2, [41.2, 38.9, 3.1, 47.0]), ("kid", "KID", "lower", 4, [0.0121, 0.0104, 0.0003, 0.0188]),
           ("prdc@dino", "PRDC", "higher", 3, None), ("clip@mlperf", "CLIP", "higher", 2, [29.61, 29.44, 30.2, 28.7]),
           ("hpsv2@2.1", "HPSv2", "higher", 4, [0.2671, 0.2688, 0.2702, 0.2603]), ("acc_obj", "Acc_obj", "higher", 1, [88.2, 90.9, 97.0, 81.1]),
           ("acc_tex", "Acc_tex", "higher", 1, [79.0, 84.2, 93.1, 70.3]), ("acc_shape", "Acc_shape", "higher", 1, [62.2, 65.0, 88.8, 55.4]),
           ("acc_all", "Acc_all", "higher", 1, [76.5, 80.0, 93.0, 68.9]), ("hola", "HOLA", "lower", 4, [0.1264, 0.0741, None, None]),
           ("attn_share", "attn share", "higher", 4, [0.0512, 0.1103, None, None])]
MECHANISM = ("hola", "attn_share")
LAYERS = [("down_blocks.0.attn2", 12, 8, False), ("mid_block.attn2", 6, 4, True), ("up_blocks.1.attn2", 12, 8, False)]


def put(**row):
    print(json.dumps({k: v for k, v in row.items() if v is not None}, ensure_ascii=False, separators=(",", ":")))


def wave(*keys):
    return math.sin(sum((i + 1) * 12.9898 * k for i, k in enumerate(keys))) * 0.5 + 0.5


def trained(hola):
    return {"data": "people-hq 1.0", "steps": 20000, "seed": 7, "hola": hola}


def layers():
    return [{"name": n, "height": h, "width": w, "watched": s} for n, h, w, s in LAYERS]


def header():
    metrics = [{"metric": l, "label": l, "title": t, "better": b, "decimals": d, "network": "net-" + l.split("@")[0], "rule": "bicubic to 299",
                "weights": "", "about": "what " + t + " is", "source": "its paper", **({"mechanism": True} if l in MECHANISM else {}),
                **({"subset": 1000} if l == "kid" else {})} for l, t, b, d, _ in METRICS]
    arms = [{"name": "hq", "about": "without HOLA", "kind": "model", "model": "models/hq", "hash": "a1" * 32, "trained": trained(0), "layers": layers()},
            {"name": "daring", "about": "with HOLA", "kind": "model", "model": "models/daring", "hash": "b2" * 32, "trained": trained(0.001),
             "layers": layers()},
            {"name": "photos", "about": "held-out photographs", "kind": "images", "from": "/data/photos"},
            {"name": "script", "about": "another program", "kind": "command", "command": "python sd.py --prompts {prompts} --out {out}",
             "settings": {"steps": 20}},
            {"name": "sdxl", "about": "the authors' recipe", "kind": "model"}]
    put(kind="run", format=2, suite="mine", prompts="people-12", prompts_hash="c3" * 32, count=12, images=2, started="2026-01-02T03:04:05Z",
        version="0.1.0", compiler="gcc 12", cpu="a CPU", cpu_features="avx2", core_type="Haswell", threads=2, primary="acc_all",
        settings={"steps": 30, "sampler": "euler", "guidance": 7.5, "width": 512, "height": 768, "negative": "", "run_seed": 42,
                  "backend": "bf16x3", "dtype": "f32"},
        arms=arms, pairs=[["daring", "hq"], ["daring", "script"]],
        reference={"name": "photos-2048", "from": "/data/reference", "count": 2048, "hash": "d4" * 32},
        plan={"metrics": metrics, "networks": [{"name": "inception", "hash": "e5" * 32, "label": ""}], "columns": []})


def images():
    for a, arm in enumerate(ARMS[:4]):
        for p in range(12):
            for k in range(2):
                right = [3 + (p + a) % 2, 4, 2 + a % 2, 3]
                text = "a full-body shot, an adult Asian female, fit, city street, red floral short sleeve cotton dress, black high heels, number %d" % p
                put(kind="image", suite="mine", arm=arm, id="p%04d" % p, index=p, k=k, prompt=text, seed=p, noise_hash="f6" * 32,
                    picture="images/%s/p%04d%s.png" % (arm, p, "" if k == 0 else "-1"), picture_hash="07" * 32,
                    scores={"clip@mlperf": round(28 + 3 * wave(a, p), 3), "hpsv2@2.1": round(0.26 + 0.01 * wave(p, a), 5),
                            "acc_all": round(60 + 40 * wave(a + p), 1)},
                    counts={"acc_obj": right[:2], "acc_tex": right[2:]},
                    misses=["one-piece outfits.color: asked red, seen blue", "shoes.type: asked high heels, not there"][:1 + (p + a) % 2],
                    attention=[{"group": "one-piece outfits", "text": "red floral short sleeve cotton dress", "picture": "attention/%s/p%04d-0.png" % (arm, p)},
                               {"group": "shoes", "text": "black high heels", "picture": "attention/%s/p%04d-1.png" % (arm, p)}]
                    if a < 2 and p < 2 and k == 0 else None)


def scores():
    for label, title, better, decimals, values in METRICS:
        for part in ([".precision", ".recall"] if values is None else [""]):
            for a, arm in enumerate(ARMS[:4]):
                value = (0.8 if part == ".precision" else 0.4) + 0.02 * a if values is None else values[a]
                row = dict(kind="score", suite="mine", prompts="people-12", arm=arm, score=label + part, n=12, images=24, better=better)
                if value is None:
                    put(**row, note="undefined: this arm has no attention of its own")
                else:
                    half = abs(value) * 0.03
                    put(**row, value=value, lo=round(value - half, 6), hi=round(value + half, 6), deviation=round(half / 2, 6),
                        reference_n=2048 if label in ("fid@clean", "kid") else None, read=0.93 if label.startswith("clip") else None,
                        leading=True if arm == "photos" or (arm == "daring" and label in ("hpsv2@2.1", "hola")) else None,
                        even=0.117 if label == "hola" else 0.039 if label == "attn_share" else None, floor=0.061 if label == "hola" else None,
                        phrases=96 if label in MECHANISM else None, lost=7 + a if label in MECHANISM else None)


def pairs():
    for a, b in (("daring", "hq"), ("daring", "script")):
        for i, (label, title, better, decimals, values) in enumerate(METRICS):
            if values is None or values[ARMS.index(a)] is None or values[ARMS.index(b)] is None:
                put(kind="pair", score=label, a=a, b=b, note="no number for both arms")
                continue
            d = round(values[ARMS.index(a)] - values[ARMS.index(b)], 6)
            p = [0.0004, 0.011, 0.2, 0.034, 0.02, 0.004, 0.0002, 0.07, 0.001, 0.0001, 0.0003][i]
            put(kind="pair", suite="mine", score=label, a=a, b=b, difference=d, lo=round(d - abs(d) * 0.6, 6), hi=round(d + abs(d) * 0.6, 6), p=p,
                p_holm=p if label == "acc_all" else round(min(1, p * (len(METRICS) - i)), 6), n=12, effect=round(d / (abs(d) * 1.4 + 1e-9), 3), detectable=round(abs(d) * 0.9, 6),
                primary=True if label == "acc_all" else None)


def bounds():
    for label, chance, ceiling in (("acc_obj", 25.2, 97.3), ("acc_all", 24.3, 93.4)):
        put(kind="chance", score=label, value=chance, lo=chance - 2, hi=chance + 2, n=12, note="someone else's drawing")
        put(kind="ceiling", score=label, value=ceiling, lo=ceiling - 2, hi=ceiling + 2, n=12, note="their own")


def kept():
    for a, arm in enumerate(ARMS[:2]):
        for g, group in enumerate(("shot", "hair", "tops", "veil")):
            all = [round(0.05 * (1 + g) * (0.01 if (a, i) == (1, 1) else 1 + a * i), 6) for i in range(3)]
            region = group not in ("shot", "veil")
            put(kind="kept", arm=arm, group=group, n=12, lost=12 if group == "veil" else 0, all=all, area=0.1 if region else None,
                inside=[round(v * 0.3, 6) for v in all] if region else None)


def parts():
    for a, arm in enumerate(ARMS[:4]):
        for g, group in enumerate(GROUPS):
            n = 8 + (g * 7) % 30
            for s, score in enumerate(("acc_obj", "acc_tex", "acc_shape", "acc_all")):
                right = round(n * (0.45 + 0.12 * a + 0.3 * wave(g, s)))
                value = round(100 * min(right, n) / n, 2)
                put(kind="part", suite="mine", prompts="people-12", arm=arm, group=group, score=score, value=value, lo=max(0, value - 11),
                    hi=min(100, value + 9), n=n, right=min(right, n))


def speeds():
    for side, seconds, gflop in ((256, 0.41, 200.0), (512, 1.9, 804.0), (1024, 11.2, 3900.0)):
        put(kind="speed", model="models/daring", backend="bf16x3", dtype="f32", width=side, height=side, batch=2, stage="unet_step", median_s=seconds,
            p10_s=seconds * 0.97, p90_s=seconds * 1.08, n=9, peak_rss_mb=4100, gflop=gflop)
    put(kind="speed", model="models/daring", backend="bf16x3", dtype="f32", width=512, height=512, batch=1, stage="decode", note="too slow")
    put(kind="sgemm", backend="bf16x3", threads=2, gflops=690)
    put(kind="command", arm="script", seconds=310.5, peak_rss_mb=5200, status=0, images=24)


header()
images()
scores()
pairs()
bounds()
kept()
parts()
speeds()
put(kind="done", seconds=900, finished="2026-01-02T03:20:00Z")
