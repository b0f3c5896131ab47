# SPDX-License-Identifier: Apache-2.0
"""Training side by side: `cosmicman train` and PyTorch (diffusers' classes, eager) on the same two shapes.

usage: train_speed.py [--program build/cosmicman] [--backends f32,bf16] [--threads N] [--seconds S] [--rounds N]
                      [--only unet|vae] [--curve STEPS]

Shapes are core/models/architectures/nano; batch sizes those of the shipped recipes. `batch` is the number of
samples of one optimizer step, whoever computes them: N processes get an Nth each (and exchange no gradients,
which ours do; ours also keeps a moving average, draws its people and adds noise). PyTorch runs in f32 and in bf16
(autocast; weights and optimizer f32, as ours), in both memory formats, as one process of N threads and as N of
one. Rows are taken in turn, round after round. One JSON line a row, then a line for each of our backends with its
ratio to ours by f32 and to PyTorch's best of the same type.

--curve trains so many steps of the UNet by each backend from one seed, and by f32 from another, and PyTorch by f32
and bf16 on data of its own from one seed: how far each curve is from its f32, mean and largest of the stretches
of 50 steps, relative. Needs torch and diffusers (versions printed).
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


def step_of(kind, model, config, batch, channels_last, bf16):
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
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = forward()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return step


def worker(kind, batch, threads, channels_last, bf16, seconds, ready, out):
    import torch
    torch.set_num_threads(threads)
    model, config = build(kind)
    step = step_of(kind, model, config, batch, channels_last, bf16)
    for _ in range(3):
        step()
    ready.wait()
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 5:
        start = time.monotonic()
        step()
        times.append(time.monotonic() - start)
    out.put(batch / statistics.median(times))


def torch_speed(kind, batch, processes, threads, channels_last, bf16, seconds):
    out, ready = mp.Queue(), mp.Barrier(processes)
    team = [mp.Process(target=worker, args=(kind, batch // processes, threads, channels_last, bf16, seconds, ready, out))
            for _ in range(processes)]
    for p in team:
        p.start()
    total = sum(out.get() for _ in team)
    for p in team:
        p.join()
    return total


def our_run(program, kind, recipe):
    """The records of a run's steps."""
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/recipe.json", "w") as f:
            json.dump(recipe, f)
        env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
        env.update(COSMICMAN_MODELS=MODELS, OMP_WAIT_POLICY="passive")
        subprocess.run([program, "train", kind, "--recipe", f"{folder}/recipe.json", "--out", f"{folder}/run"], env=env,
                       check=True, capture_output=True)
        with open(f"{folder}/run/train.jsonl") as f:
            return [x for x in map(json.loads, f) if x["kind"] == "step"]


def our_speed(program, kind, recipe, seconds, guess):
    """Median over stretches of ten steps, after the first pass over the people (drawing, encoding)."""
    batch = recipe["batch"]
    first = 160 // batch
    steps = 10 * max(1, int(seconds * guess / batch / 10)) + 10 * ((first + 9) // 10)
    lines = our_run(program, kind, dict(recipe, people=160, steps=steps, record_every=10, save_seconds=1e9))
    return statistics.median(x["samples_per_second"] for x in lines if x["step"] > first + 9)


def rows_of(a, kind, recipe):
    batch, n = recipe["batch"], a.threads
    for backend in a.backends:
        ours = dict(recipe, backend=backend, workers=n)
        yield f"cosmicman {backend}", lambda r=ours: our_speed(a.program, kind, r, a.seconds, (150 if kind == "unet" else 55) * n)
    for bf16 in (False, True) if "bf16" in a.backends else (False,):
        for channels_last in (False, True):
            for processes, threads in sorted({(1, n), (n, 1)}):
                name = f"torch {'bf16' if bf16 else 'f32'}, {'channels_last' if channels_last else 'contiguous'}, {processes} x {threads} threads"
                yield name, lambda p=processes, t=threads, c=channels_last, b=bf16: torch_speed(kind, batch, p, t, c, b, a.seconds)


def speeds(a, kind):
    recipe = read(f"{MODELS}/nano/recipes/{RECIPES[kind]}.json")
    found = {}
    for _ in range(a.rounds):
        for name, measure in rows_of(a, kind, recipe):
            found.setdefault(name, []).append(measure())
    middle = {name: statistics.median(x) for name, x in found.items()}
    for name, x in found.items():
        print(json.dumps({"network": kind, "row": name, "batch": recipe["batch"], "samples_a_second": round(middle[name], 1),
                          "rounds": [round(v, 1) for v in x]}), flush=True)
    for backend in a.backends:
        ours, type_ = middle[f"cosmicman {backend}"], "bf16" if backend == "bf16" else "f32"
        best = max((v, k) for k, v in middle.items() if k.startswith(f"torch {type_}"))
        line = {"network": kind, "backend": backend, "ratio": round(ours / best[0], 3), "to": best[1]}
        if backend != "f32" and "f32" in a.backends:
            line["to_our_f32"] = round(ours / middle["cosmicman f32"], 3)
        print(json.dumps(line), flush=True)


def torch_curve(bf16, steps, batch, threads):
    """Noise prediction on random smooth latents, everything from one seed; mean losses of stretches of 50 steps."""
    import torch
    torch.set_num_threads(threads)
    model, config = build("unet")
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    rng = torch.Generator().manual_seed(1)
    basis = torch.randn(8, config["in_channels"], 12, 8, generator=rng)
    losses = []
    for _ in range(steps):
        mix = torch.randn(batch, 8, generator=rng)
        text = torch.zeros(batch, 77, config["cross_attention_dim"])
        text[:, 1:9, 0] = mix
        t = torch.randint(0, 1000, (batch,), generator=rng)
        keep = torch.cos(t / 1000 * 1.5).view(-1, 1, 1, 1)
        noise = torch.randn(batch, config["in_channels"], 12, 8, generator=rng)
        x = keep * torch.einsum("bk,kchw->bchw", mix, basis) / 8 ** 0.5 + (1 - keep ** 2).sqrt() * noise
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            out = model(x, t, text).sample
        loss = torch.nn.functional.mse_loss(out.float(), noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return [statistics.mean(losses[i:i + 50]) for i in range(0, steps, 50)]


def print_curve(name, losses, f32):
    far = [abs(x / y - 1) for x, y in zip(losses, f32)]
    print(json.dumps({"curve": name, "last_loss": round(losses[-1], 5), "mean_difference": float(f"{statistics.mean(far):.3g}"),
                      "largest": float(f"{max(far):.3g}"), "losses": [round(x, 5) for x in losses]}), flush=True)


def curves(a):
    recipe = dict(read(f"{MODELS}/nano/recipes/{RECIPES['unet']}.json"), steps=a.curve, record_every=50, save_seconds=1e9,
                  workers=a.threads, people=2000)
    f32 = None
    for backend, seed in [("f32", 1)] + [(b, 1) for b in a.backends if b != "f32"] + [("f32", 2)]:
        losses = [x["loss"] for x in our_run(a.program, "unet", dict(recipe, backend=backend, seed=seed))]
        f32 = f32 or losses
        print_curve(f"cosmicman {backend}, seed {seed}", losses, f32)
    torch_f32 = torch_curve(False, a.curve, recipe["batch"], a.threads)
    print_curve("torch f32", torch_f32, torch_f32)
    print_curve("torch bf16", torch_curve(True, a.curve, recipe["batch"], a.threads), torch_f32)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default=f"{ROOT}/build/cosmicman")
    p.add_argument("--backends", default="f32,bf16")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seconds", type=float, default=6)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--only", choices=list(RECIPES))
    p.add_argument("--curve", type=int, default=0, help="steps of the UNet by each backend, instead of speeds")
    a = p.parse_args()
    a.backends = a.backends.split(",")
    import diffusers, torch
    with open("/proc/cpuinfo") as f:
        text = f.read()
    cpu = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "?")
    flags = [x for x in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if x in text.split()]
    print(json.dumps({"torch": torch.__version__, "diffusers": diffusers.__version__, "cores": os.cpu_count(), "cpu": cpu,
                      "flags": flags, "threads": a.threads}), flush=True)
    if a.curve:
        curves(a)
        return
    for kind in [a.only] if a.only else RECIPES:
        speeds(a, kind)


if __name__ == "__main__":
    mp.set_start_method("spawn")
    main()
