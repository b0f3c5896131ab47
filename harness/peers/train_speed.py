# SPDX-License-Identifier: Apache-2.0
"""Training speed side by side: `cosmicman train` and PyTorch (diffusers' classes, eager) on the same two shapes.

usage: train_speed.py [--program build/cosmicman] [--seconds S] [--rounds N] [--only unet|vae]

Shapes are core/models/architectures/nano; batch sizes those of the shipped recipes. `batch` is the number of
samples of one optimizer step, whoever computes them: two processes get half each (and exchange no gradients,
which ours do; ours also keeps a moving average, draws its people and adds noise). PyTorch runs in both memory
formats, as one process of two threads and as two of one. Rows are taken in turn, round after round. One JSON
line a row, then a line a network with the ratio to PyTorch's best. Needs torch and diffusers (versions printed).
"""
import argparse, json, multiprocessing as mp, os, statistics, subprocess, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODELS = f"{ROOT}/core/models"
RECIPES = {"unet": "unet-base", "vae": "vae"}


def read(path):
    with open(path) as f:
        return json.load(f)


def build(kind):
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    config = read(f"{MODELS}/architectures/nano/{kind}/config.json")
    config = {k: v for k, v in config.items() if not k.startswith("_")}
    torch.manual_seed(0)
    return (UNet2DConditionModel if kind == "unet" else AutoencoderKL).from_config(config), config


def step_of(kind, model, config, batch, channels_last):
    import torch
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = model.to(memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    if kind == "unet":
        x = torch.randn(batch, config["in_channels"], 12, 8).to(memory_format=layout)
        text = torch.randn(batch, 77, config["cross_attention_dim"])
        t = torch.randint(0, 1000, (batch,))
        forward = lambda: torch.nn.functional.mse_loss(model(x, t, text).sample, x)
    else:
        x = torch.randn(batch, 3, 96, 64).to(memory_format=layout)
        forward = lambda: torch.nn.functional.mse_loss(model(x, sample_posterior=True).sample, x)

    def step():
        optimizer.zero_grad(set_to_none=True)
        forward().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return step


def worker(kind, batch, threads, channels_last, seconds, ready, out):
    import torch
    torch.set_num_threads(threads)
    model, config = build(kind)
    step = step_of(kind, model, config, batch, channels_last)
    for _ in range(3):
        step()
    ready.wait()
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 5:
        start = time.monotonic()
        step()
        times.append(time.monotonic() - start)
    out.put(batch / statistics.median(times))


def torch_speed(kind, batch, processes, threads, channels_last, seconds):
    out, ready = mp.Queue(), mp.Barrier(processes)
    team = [mp.Process(target=worker, args=(kind, batch // processes, threads, channels_last, seconds, ready, out))
            for _ in range(processes)]
    for p in team:
        p.start()
    total = sum(out.get() for _ in team)
    for p in team:
        p.join()
    return total


def our_speed(program, kind, recipe, seconds, guess):
    """Median over stretches of ten steps, after the first pass over the people (drawing, encoding)."""
    batch = recipe["batch"]
    first = 160 // batch
    steps = 10 * max(1, int(seconds * guess / batch / 10)) + 10 * ((first + 9) // 10)
    with tempfile.TemporaryDirectory() as folder:
        run = dict(recipe, people=160, steps=steps, record_every=10, save_seconds=1e9)
        with open(f"{folder}/recipe.json", "w") as f:
            json.dump(run, f)
        env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
        env.update(COSMICMAN_MODELS=MODELS, OMP_WAIT_POLICY="passive")
        subprocess.run([program, "train", kind, "--recipe", f"{folder}/recipe.json", "--out", f"{folder}/run"], env=env,
                       check=True, capture_output=True)
        with open(f"{folder}/run/train.jsonl") as f:
            lines = [json.loads(line) for line in f]
    return statistics.median(x["samples_per_second"] for x in lines if x["kind"] == "step" and x["step"] > first + 9)


def rows_of(program, kind, recipe, seconds):
    batch = recipe["batch"]
    yield "cosmicman", lambda: our_speed(program, kind, recipe, seconds, 300 if kind == "unet" else 110)
    for channels_last in (False, True):
        for processes, threads in ((1, 2), (2, 1)):
            name = f"torch, {'channels_last' if channels_last else 'contiguous'}, {processes} x {threads} threads"
            yield name, lambda p=processes, t=threads, c=channels_last: torch_speed(kind, batch, p, t, c, seconds)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default=f"{ROOT}/build/cosmicman")
    p.add_argument("--seconds", type=float, default=6)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--only", choices=list(RECIPES))
    a = p.parse_args()
    import diffusers, torch
    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    print(json.dumps({"torch": torch.__version__, "diffusers": diffusers.__version__, "cores": os.cpu_count(), "cpu": cpu}),
          flush=True)
    for kind in [a.only] if a.only else RECIPES:
        recipe = read(f"{MODELS}/nano/recipes/{RECIPES[kind]}.json")
        found = {}
        for _ in range(a.rounds):
            for name, measure in rows_of(a.program, kind, recipe, a.seconds):
                found.setdefault(name, []).append(measure())
        middle = {name: statistics.median(x) for name, x in found.items()}
        for name, x in found.items():
            print(json.dumps({"network": kind, "row": name, "batch": recipe["batch"], "samples_a_second": round(middle[name], 1),
                              "rounds": [round(v, 1) for v in x]}), flush=True)
        best = max((v, k) for k, v in middle.items() if k != "cosmicman")
        print(json.dumps({"network": kind, "ratio": round(middle["cosmicman"] / best[0], 3), "to": best[1]}), flush=True)


if __name__ == "__main__":
    mp.set_start_method("spawn")
    main()
