# SPDX-License-Identifier: Apache-2.0
"""Whether `cosmicman bench` of real folders gives the original packages' numbers on the images that it made.

Two small random models of Stable Diffusion 1.5's build, a CSV table, photographs as JPEG, random weights; an arm of each model, and
one of the first that diffusers draws (diffusers_arm.py). Then, on the very images: FID by clean-fid and pytorch-fid, KID by
torch-fidelity, CLIP by open_clip (HPS v2.1 is run, its package is not: it brings images to size in its own way), the images of both programs beside each other.
usage: bench_check.py [--photos DIR] [--count N] [--out DIR] [--exact]    exit 1: a number is too far away

Our value may be 1e-5 from the exact one (relative: our formula in f64 on features in f64, --exact: slow), 1e-4 from a package's
FID, 1e-3 from torch-fidelity's KID, 1e-5 of 100 from a cosine.
"""
import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
from unittest import mock

import numpy
import torch
from PIL import Image

import bench_inputs

ROOT = bench_inputs.ROOT
OF_TEXTS = "clip@mlperf,clip-phrases,hpsv2@2.1,acc"
faults = 0


def hold(what, ours, theirs, most, scale=None):
    global faults
    apart = abs(ours - theirs) / abs(scale or theirs)
    faults += not apart <= most
    print(f"{what:44s} ours {ours:.10g}  theirs {theirs:.10g}  apart {apart:.1e} of {most:.0e}  {'equal' if apart <= most else 'FAR'}", flush=True)


# --- ours -------------------------------------------------------------------------

def bench(o, folder, count, *arguments):
    common = ["--config", f"{o.work}/one", "--prompts", f"{o.work}/mine.csv", "--count", str(count), "--weights", f"{o.work}/weights",
              "--tokenizer", bench_inputs.VOCABULARY, "--steps", "6", "--width", "64", "--height", "96", "--no-speed", "--out", folder]
    subprocess.run([o.program, "bench", "--arm", f"hq={o.work}/one", *arguments, *common], check=True)
    with open(f"{folder}/records.jsonl", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def bench_models(o):
    return bench(o, f"{o.work}/run", o.count, "--arm", f"daring={o.work}/two", "--reference", f"{o.work}/photos", "--metric",
                 "fid@clean,fid@pytorch,kid," + OF_TEXTS, "--kid-subset-size", str(o.count // 2))


def bench_programs(o):
    arm = f"'{sys.executable}' '{ROOT}/harness/peers/diffusers_arm.py' --threads 1 --model '{o.work}/one' --prompts {{prompts}} --out {{out}}"
    return bench(o, f"{o.work}/both", min(o.count, 16), "--arm-exec", f"diffusers={arm}", "--metric", OF_TEXTS)


def score_of(records, arm, score):
    return next(r for r in records if r["kind"] == "score" and r["arm"] == arm and r["score"].split("(")[0] == score)


# --- sets ---------------------------------------------------------------------------

def inception(state):
    """pytorch-fid's network on given weights, its own resizing left out."""
    import pytorch_fid.inception
    real = torch.nn.Module.load_state_dict
    with mock.patch.object(pytorch_fid.inception, "load_state_dict_from_url", return_value=state), \
            mock.patch.object(torch.nn.Module, "load_state_dict", lambda self, s: real(self, s, strict=False)):
        return pytorch_fid.inception.InceptionV3([3], resize_input=False, normalize_input=False).eval()


def resized_clean(path):
    """[1,3,299,299], 0 to 255, by clean-fid's own resizer."""
    from cleanfid.resize import build_resizer
    with Image.open(path) as image:
        return torch.from_numpy(build_resizer("clean")(numpy.asarray(image.convert("RGB")))).permute(2, 0, 1)[None]


def resized_pytorch(path, dtype=torch.float32):
    """As pytorch-fid's network resizes: bilinear, corners not aligned, of values from 0 to 1."""
    with Image.open(path) as image:
        x = torch.from_numpy(numpy.asarray(image.convert("RGB")).copy()).permute(2, 0, 1)[None].to(dtype) / 255
    return torch.nn.functional.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False)


def clean_features(net, paths, dtype=torch.float32):
    with torch.inference_mode():
        return numpy.concatenate([net(((resized_clean(p).to(dtype) - 128) / 128))[0].flatten(1).double().numpy() for p in paths])


def pytorch_features(net, paths, dtype=torch.float32):
    with torch.inference_mode():
        return numpy.concatenate([net(2 * resized_pytorch(p, dtype) - 1)[0].flatten(1).double().numpy() for p in paths])


def exact_frechet(a, b):
    """Of fewer images than features: the trace of the root by singular values of the centred features' product, in f64."""
    x, y = (v - v.mean(0) for v in (a, b))
    root = numpy.linalg.svd(x @ y.T, compute_uv=False).sum() / numpy.sqrt((len(a) - 1) * (len(b) - 1))
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + (x ** 2).sum() / (len(a) - 1) + (y ** 2).sum() / (len(b) - 1) - 2 * root)


def statistics(v):
    return v.mean(0), numpy.cov(v, rowvar=False)


def hold_frechet(o, records, net, folders, reference):
    from cleanfid.fid import frechet_distance
    from pytorch_fid.fid_score import calculate_frechet_distance
    rules = {"fid@clean": (clean_features, "clean-fid", frechet_distance), "fid@pytorch": (pytorch_features, "pytorch-fid", calculate_frechet_distance)}
    for score, (features, package, distance) in rules.items():
        real = features(net, reference)
        for arm, paths in folders.items():
            made, ours = features(net, paths), score_of(records, arm, score)["value"]
            hold(f"{score} of {arm}: exact, their features", ours, exact_frechet(made, real), 1e-5)
            if o.package_distance:
                with contextlib.redirect_stdout(io.StringIO()):
                    theirs = float(distance(*statistics(made), *statistics(real)))
                hold(f"{score} of {arm}: {package}", ours, theirs, 1e-4)
    if not o.exact:
        return
    arm, paths = next(iter(folders.items()))
    net = net.double()
    for score, (features, _, _) in rules.items():
        value = exact_frechet(features(net, paths, torch.float64), features(net, reference, torch.float64))
        hold(f"{score} of {arm}: exact, features in f64", score_of(records, arm, score)["value"], value, 1e-5)
    net.float()


def hold_kid(o, records, state, folders, reference):
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    from torch_fidelity.metric_kid import kid_features_to_metric
    real = torch.nn.Module.load_state_dict
    with mock.patch("torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", return_value=state), \
            mock.patch.object(torch.nn.Module, "load_state_dict", lambda self, s: real(self, s, strict=False)):
        net = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"]).eval()

    def features(paths):
        with torch.inference_mode():
            return torch.cat([net(torch.from_numpy(numpy.asarray(Image.open(p).convert("RGB")).copy()).permute(2, 0, 1)[None])[0] for p in paths])

    real = features(reference)
    for arm, paths in folders.items():
        theirs = kid_features_to_metric(features(paths), real, kid_subsets=100, kid_subset_size=o.count // 2, kid_kernel="poly",
                                        kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1, rng_seed=2020, verbose=False)
        hold(f"kid of {arm}: torch-fidelity", score_of(records, arm, "kid")["value"], theirs["kernel_inception_distance_mean"], 1e-3)


# --- images and texts ------------------------------------------------------------------

def cosines(pair, preprocess, tokenizer, rows, o):
    """A list an image, a cosine a text of its."""
    values = []
    with torch.inference_mode():
        for path, texts in rows:
            image = pair.encode_image(preprocess(Image.open(path))[None], normalize=True)
            values.append((pair.encode_text(tokenizer(texts), normalize=True) @ image[0]).double().numpy())
    return values


def hold_texts(o, records, pairs):
    import open_clip
    preprocess = open_clip.image_transform(224, is_train=False)
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    images = [r for r in records if r["kind"] == "image"]
    for arm in ("hq", "daring"):
        mine = [r for r in images if r["arm"] == arm]
        for score, factor in (("clip@mlperf", 100), ("clip-phrases", 100)):
            phrases = score == "clip-phrases"
            rows = [(f"{o.work}/run/{r['picture']}", [g["text"] for g in r["groups"]] if phrases else [r["prompt"]]) for r in mine]
            theirs = [factor * float(v.mean()) for v in cosines(pairs[score], preprocess, tokenizer, rows, o)]
            apart = max(abs(r["scores"][score] - t) for r, t in zip(mine, theirs))
            hold(f"{score} of {arm}: open_clip", score_of(records, arm, score)["value"], float(numpy.mean(theirs)), 1e-5, factor)
            hold(f"{score} of {arm}: the farthest image", apart, 0, 1e-5, factor)


# --- two programs' images ------------------------------------------------------------------

def psnr(a, b):
    x, y = (numpy.asarray(Image.open(p).convert("RGB"), numpy.float64) for p in (a, b))
    error = ((x - y) ** 2).mean()
    return 10 * numpy.log10(255 ** 2 / error) if error else float("inf")


def hold_images(o, records):
    """Our arm and diffusers' of the same folder: the same seeds, nearly equal images and scores."""
    global faults
    hq, theirs = ([r for r in records if r["kind"] == "image" and r["arm"] == arm] for arm in ("hq", "diffusers"))
    lowest = min(psnr(*(f"{o.work}/both/{r['picture']}" for r in pair)) for pair in zip(hq, theirs))
    command = next(r for r in records if r["kind"] == "command")
    print(f"lowest PSNR of {len(hq)} images by us and by diffusers: {lowest:.1f} dB; its command: {command['seconds']:.1f} s, "
          f"{command['peak_rss_mb']:.0f} MB, status {command['status']}, {command['images']} images", flush=True)
    faults += not lowest >= 45 or len(hq) != len(theirs) or [r["seed"] for r in hq] != [r["seed"] for r in theirs]
    for score, scale in (("clip@mlperf", 100), ("clip-phrases", 100), ("hpsv2@2.1", 1), ("acc_all", 100)):
        a, b = (score_of(records, arm, score) for arm in ("hq", "diffusers"))
        if "value" in a and "value" in b:
            hold(f"{score}: our images, diffusers' images", a["value"], b["value"], 1e-3, scale)


# --- all -----------------------------------------------------------------------------------------

def read_options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--photos", help="a folder of .jpg files; else some are made")
    p.add_argument("--count", type=int, default=64)
    p.add_argument("--exact", action="store_true", help="the network in f64, too")
    p.add_argument("--no-package-distance", dest="package_distance", action="store_false", help="leave SciPy's roots of matrices out")
    p.add_argument("--program", default=f"{ROOT}/build/cosmicman")
    p.add_argument("--out", dest="work", default=f"{ROOT}/out/peers/bench")
    return p.parse_args()


def main():
    o = read_options()
    o.work = os.path.abspath(o.work)
    os.makedirs(o.work, exist_ok=True)
    bench_inputs.make_model(f"{o.work}/one", 1)
    bench_inputs.make_model(f"{o.work}/two", 2)
    bench_inputs.make_prompts(f"{o.work}/mine.csv", o.count)
    bench_inputs.make_photographs(f"{o.work}/photos", o.photos, o.count)
    pairs, state = bench_inputs.make_weights(f"{o.work}/weights", o.program)
    hold_images(o, bench_programs(o))
    records = bench_models(o)
    folders = {arm: [f"{o.work}/run/{r['picture']}" for r in records if r["kind"] == "image" and r["arm"] == arm] for arm in ("hq", "daring")}
    reference = sorted(f"{o.work}/photos/{n}" for n in os.listdir(f"{o.work}/photos"))
    hold_texts(o, records, pairs)
    hold_frechet(o, records, inception(state), folders, reference)
    hold_kid(o, records, state, folders, reference)
    return faults > 0


if __name__ == "__main__":
    sys.exit(main())
