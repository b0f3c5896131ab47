# SPDX-License-Identifier: Apache-2.0
"""Scores side by side: ours beside pytorch-fid, torch-fidelity, open_clip, SciPy and torchmetrics, on the same pictures,
weights and features.

usage: score_speed.py [--stages inception,clip-vit-b-32,clip-vit-l-14,frechet,kid] [--pictures N] [--rounds N] ... (--help)

inception: 1024x1024 PNG files in, FID's features out, seconds a picture; ours is `cosmicman score`, its pass over the pictures
(decoding included, opening weights not), theirs their own loops over files with their own loaders. clip-*: pictures and
prompts to embeddings. frechet, kid: from features to the score, `cosmicman stage`. Weights are random, of one seed, the same
in both. Every round runs ours, then each of theirs; the ratio is the median over rounds of theirs by ours. Features agree
within 1e-4 relative L2; frechet within 1e-5 (1e-3 where rank is lacking), kid within 1e-4. Adds its lines to
OUT/records.jsonl and prints a table.
"""
import argparse, contextlib, io, json, os, shutil, statistics, subprocess, sys, time
from importlib import metadata
from unittest import mock

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file

from inference_speed import ROOT, cpu_name, note, write_records

WIDTH = 2048
PROMPT = "a full-body shot, a young adult female, red striped cotton shirt, blue jeans, brown long hair, white sneakers, person {}"


# --- ours --------------------------------------------------------------------

def ours(o, *arguments):
    env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    r = subprocess.run([o.program, *arguments], capture_output=True, text=True, env=env)
    if r.returncode not in (0, 3):
        sys.exit(f"cosmicman {arguments[0]}: {r.stderr.strip()}")


def score_pass(o, name, *arguments):
    """Seconds a picture of the pass, and the features."""
    folder = f"{o.work}/ours"
    ours(o, "score", "-q", "--fresh", "--threads", str(o.threads), "--backend", o.backend, "--out", folder, *arguments)
    with open(f"{folder}/records.jsonl") as f:
        lines = [json.loads(line) for line in f]
    seconds = next(line for line in lines if line["kind"] == "pass")
    path = f"{folder}/features/pictures-{name}.f32"
    return seconds["seconds"] / seconds["count"], np.fromfile(path, np.float32).reshape(o.pictures, -1)


class OurStage:
    def __init__(self, o, stage):
        self.out = f"{o.work}/{stage}.out.safetensors"
        env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
        self.process = subprocess.Popen([o.program, "stage", "-q", "--stage", stage, "--in", f"{o.work}/features.safetensors",
                                         "--out", self.out], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self.process.stdout.readline()

    def run(self):
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["seconds"], load_file(self.out)["values"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# --- pictures --------------------------------------------------------------------

def make_pictures(o):
    """1024x1024 PNG files: smooth shapes, edges and some noise, so that they compress as photographs do."""
    folder, random = f"{o.work}/pictures", np.random.default_rng(3)
    os.makedirs(folder, exist_ok=True)
    for i in range(o.pictures):
        path = f"{folder}/{i:05}.png"
        coarse = Image.fromarray(random.integers(0, 256, (24, 24, 3), dtype=np.uint8)).resize((1024, 1024), Image.BICUBIC)
        picture = np.asarray(coarse, np.int16) + random.integers(-9, 10, (1024, 1024, 3), dtype=np.int16)
        if not os.path.exists(path):
            Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)
    with open(f"{o.work}/prompts.jsonl", "w") as f:
        for i in range(o.pictures):
            f.write(json.dumps({"id": f"{i:05}", "prompt": PROMPT.format(i)}) + "\n")
    return folder


# --- inception ---------------------------------------------------------------------

def inception_weights(o):
    folder = f"{o.work}/inception"
    if not os.path.exists(folder):
        ours(o, "export", "-q", "--model", "random:inception-2015-12-05", "--out", folder)
    return f"{folder}/model.safetensors"


def pytorch_fid_loop(o, state, pictures):
    import pytorch_fid.inception
    from pytorch_fid.fid_score import get_activations
    real = torch.nn.Module.load_state_dict
    with mock.patch.object(pytorch_fid.inception, "load_state_dict_from_url", return_value=state), \
            mock.patch.object(torch.nn.Module, "load_state_dict", lambda self, s: real(self, s, strict=False)):
        model = pytorch_fid.inception.InceptionV3([pytorch_fid.inception.InceptionV3.BLOCK_INDEX_BY_DIM[2048]])
    files = sorted(f"{pictures}/{name}" for name in os.listdir(pictures))

    def run():
        with contextlib.redirect_stderr(io.StringIO()):
            start = time.time()
            values = get_activations(files, model, 50, 2048, "cpu", o.threads)
            return (time.time() - start) / len(files), values
    return run


def fidelity_loop(o, state, pictures):
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    from torch_fidelity.utils import get_featuresdict_from_dataset, prepare_input_from_descriptor
    real = torch.nn.Module.load_state_dict
    with mock.patch("torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", return_value=state), \
            mock.patch.object(torch.nn.Module, "load_state_dict", lambda self, s: real(self, s, strict=False)):
        model = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"]).eval()
    data = prepare_input_from_descriptor({"input": pictures}, verbose=False)

    def run():
        start = time.time()
        values = get_featuresdict_from_dataset(data, model, 64, False, False, False)["2048"].numpy()
        return (time.time() - start) / len(data), values
    return run


def inception(o):
    from safetensors.torch import load_file as load_torch
    pictures, weights = make_pictures(o), inception_weights(o)
    state = load_torch(weights)
    for rule, engine, loop in (("pytorch", "pytorch-fid", pytorch_fid_loop), ("tf1", "torch-fidelity", fidelity_loop)):
        run = loop(o, state, pictures)
        arguments = ["--images", pictures, "--metric", f"fid@{rule}", "--network", f"inception={weights}", "--save-statistics",
                     f"{o.work}/statistics.npz"]
        yield from compare(o, "inception", "features of 1024x1024 PNG", f"fid@{rule}",
                           lambda: score_pass(o, f"inception-{rule}-features", *arguments), {engine: run}, 1e-4)


# --- CLIP --------------------------------------------------------------------------

def clip(o, name):
    import open_clip
    pictures = make_pictures(o)
    model, _, preprocess = open_clip.create_model_and_transforms({"clip-vit-b-32": "ViT-B-32", "clip-vit-l-14": "ViT-L-14"}[name],
                                                                  pretrained=None)
    tokenizer, weights = open_clip.get_tokenizer("ViT-B-32"), f"{o.work}/{name}.bin"
    model.eval()
    torch.save(model.state_dict(), weights)
    vocabulary = os.path.join(os.path.dirname(open_clip.__file__), "bpe_simple_vocab_16e6.txt.gz")
    files = sorted(f"{pictures}/{n}" for n in os.listdir(pictures))

    def theirs():
        start, values = time.time(), []
        with torch.inference_mode():
            for i in range(0, len(files), o.batch):
                batch = torch.stack([preprocess(Image.open(path)) for path in files[i:i + o.batch]])
                images = model.encode_image(batch, normalize=True)
                texts = model.encode_text(tokenizer([PROMPT.format(k) for k in range(i, min(i + o.batch, len(files)))]), normalize=True)
                values += (100 * (images * texts).sum(1)).tolist()
        return (time.time() - start) / len(files), np.array(values)

    metric = {"clip-vit-b-32": "clip@mlperf", "clip-vit-l-14": "clip@tm"}[name]

    def our_scores():
        folder = f"{o.work}/ours"
        ours(o, "score", "-q", "--fresh", "--threads", str(o.threads), "--backend", o.backend, "--batch", str(o.batch), "--out", folder,
             "--images", pictures, "--prompts", f"{o.work}/prompts.jsonl", "--metric", metric, "--network", f"{name}={weights}",
             "--tokenizer", vocabulary)
        with open(f"{folder}/records.jsonl") as f:
            lines = [json.loads(line) for line in f]
        seconds = next(line for line in lines if line["kind"] == "pass")
        scored = sorted((line for line in lines if line["kind"] == "image"), key=lambda line: line["index"])
        return seconds["seconds"] / seconds["count"], np.array([line["scores"][metric] for line in scored])

    yield from compare(o, name, "score of 1024x1024 PNG and prompt", metric, our_scores, {"open_clip": theirs}, 1e-3)


# --- from features -------------------------------------------------------------------

def make_features(o, n):
    """Like pooled features: not negative, correlated."""
    random = np.random.default_rng(1)
    mix = random.standard_normal((WIDTH, WIDTH), dtype=np.float32) / WIDTH ** 0.5
    side = lambda scale: np.maximum(random.standard_normal((n, WIDTH), dtype=np.float32) @ mix * np.float32(scale) + np.float32(0.2), 0)
    x, y = side(1), side(1.1)
    save_file({"x": x, "y": y}, f"{o.work}/features.safetensors")
    return x, y


def timed(action):
    def run():
        start = time.time()
        value = action()
        return time.time() - start, np.array([value], np.float64)
    return run


def frechet(o):
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torchmetrics.image.fid import _compute_fid
    for n in o.frechet_sizes:
        x, y = make_features(o, n)

        def scipy_way():
            a, b = x.astype(np.float64), y.astype(np.float64)
            return calculate_frechet_distance(a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))

        def torchmetrics_way():
            """Its states (sums in double), then its compute()."""
            sides = []
            for v in (x, y):
                total, outer = torch.zeros(WIDTH, dtype=torch.double), torch.zeros(WIDTH, WIDTH, dtype=torch.double)
                for part in torch.from_numpy(v).double().split(1024):
                    total += part.sum(0)
                    outer += part.t().mm(part)
                mean = total / n
                sides += [mean, (outer - n * torch.outer(mean, mean)) / (n - 1)]
            return float(_compute_fid(*sides))

        stage = OurStage(o, "frechet")
        stage.run()
        yield from compare(o, "2048 features", f"frechet, N = {n}", "", stage.run,
                           {"scipy": timed(scipy_way), "torchmetrics": timed(torchmetrics_way)}, 1e-3 if n <= WIDTH else 1e-5)
        stage.close()


def kid(o):
    from torch_fidelity.metric_kid import kid_features_to_metric
    settings = dict(kid_subsets=100, kid_subset_size=1000, kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
                    kid_kernel_poly_coef0=1, rng_seed=2020, verbose=False)
    for n in o.kid_sizes:
        x, y = (torch.from_numpy(v) for v in make_features(o, n))
        stage = OurStage(o, "kid")
        stage.run()
        yield from compare(o, "2048 features", f"kid, N = {n}", "", stage.run, {"torch-fidelity": timed(
            lambda: kid_features_to_metric(x, y, **settings)["kernel_inception_distance_mean"])}, 1e-4)
        stage.close()


# --- all ------------------------------------------------------------------------------

def compare(o, model, stage, protocol, mine, others, tolerance):
    rows = {name: {"seconds": [], "ratios": [], "value": None} for name in ("cosmicman", *others)}
    for _ in range(o.rounds):
        yardstick, value = mine()
        rows["cosmicman"]["seconds"].append(yardstick)
        rows["cosmicman"]["ratios"].append(1.0)
        rows["cosmicman"]["value"] = value
        for name, run in others.items():
            seconds, rows[name]["value"] = run()
            rows[name]["seconds"].append(seconds)
            rows[name]["ratios"].append(seconds / yardstick)
            note(f"{model}: {stage}: ours {yardstick:.4g} s, {name} {seconds:.4g} s")
    want = rows["cosmicman"]["value"].astype(np.float64)
    for name, row in rows.items():
        error = float(np.linalg.norm(row["value"] - want) / np.linalg.norm(want))
        yield {"kind": "peer", "model": f"{model}{' ' if protocol else ''}{protocol}", "stage": stage,
               "engine": f"cosmicman {o.backend}" if name == "cosmicman" else name,
               "version": o.version if name == "cosmicman" else metadata.version({"open_clip": "open_clip_torch"}.get(name, name)),
               "precision": "f64" if "features" in model else "f32", "layout": "", "width": 1024 if "PNG" in stage else 0,
               "height": 1024 if "PNG" in stage else 0, "batch": 1, "threads": o.threads, "cpu": cpu_name(), "load": o.load,
               "started": o.started, "n": len(row["seconds"]), "min_s": min(row["seconds"]),
               "median_s": statistics.median(row["seconds"]), "ratio": statistics.median(row["ratios"]), "relative_l2": error,
               "tolerance": tolerance, "agrees": error <= tolerance}


STAGES = {"inception": inception, "clip-vit-b-32": lambda o: clip(o, "clip-vit-b-32"), "clip-vit-l-14": lambda o: clip(o, "clip-vit-l-14"),
          "frechet": frechet, "kid": kid}


def read_options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--stages", default=",".join(STAGES))
    p.add_argument("--pictures", type=int, default=64)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--backend", default="auto")
    p.add_argument("--frechet-sizes", default="2048,50000")
    p.add_argument("--kid-sizes", default="2048,10000")
    p.add_argument("--program", default=f"{ROOT}/build/cosmicman")
    p.add_argument("--out", default=f"{ROOT}/out/peers")
    p.add_argument("--keep", action="store_true", help="leave OUT/scores: pictures, weights, features")
    o = p.parse_args()
    o.frechet_sizes, o.kid_sizes = ([int(n) for n in v.split(",")] for v in (o.frechet_sizes, o.kid_sizes))
    o.stages = [name for name in o.stages.split(",") if name]
    unknown = [name for name in o.stages if name not in STAGES]
    if unknown:
        sys.exit(f"--stages: '{unknown[0]}' is none of {', '.join(STAGES)}")
    return o


def main():
    o = read_options()
    o.work = f"{o.out}/scores"
    os.makedirs(o.work, exist_ok=True)
    torch.set_num_threads(o.threads)
    o.version = subprocess.run([o.program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    o.load, o.started = os.getloadavg()[0], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if o.load > 0.5:
        note(f"warning: the load is {o.load:.1f} already: what else runs here, or just did, makes ratios unsure")
    records = []
    for name in o.stages:
        records += list(STAGES[name](o))
        write_records(f"{o.out}/records.jsonl", records)
    if not o.keep:
        shutil.rmtree(o.work, ignore_errors=True)
    print(f"{cpu_name()}, {o.threads} threads, {o.started}\n")
    print("| what | stage | program | min s | median s | x ours | apart | agrees | n |\n" + "| --- " * 9 + "|")
    for r in records:
        print(f"| {r['model']} | {r['stage']} | {r['engine']} {r['version']} | {r['min_s']:.4g} | {r['median_s']:.4g} | {r['ratio']:.2f} | "
              f"{r['relative_l2']:.1e} | {'yes' if r['agrees'] else '**no**'} | {r['n']} |")


if __name__ == "__main__":
    main()
