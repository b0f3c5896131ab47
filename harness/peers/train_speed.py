# SPDX-License-Identifier: Apache-2.0
"""Training speed of PyTorch (diffusers' classes, eager) on the nano networks: samples a second.

usage: train_speed.py CONFIG_FOLDER [--seconds S] [--batch N]
CONFIG_FOLDER holds unet/config.json and vae/config.json. One JSON line a row: network, memory format,
processes x threads, samples a second (median over the steps of a run). The best row is the peer to beat;
`cosmicman train speed` prints ours on the same shapes. Needs torch and diffusers (versions are printed).
"""
import argparse, json, multiprocessing as mp, os, statistics, time


def build(kind, folder):
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    config = json.load(open(f"{folder}/{kind}/config.json"))
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


def worker(kind, folder, batch, threads, channels_last, seconds, out):
    import torch
    torch.set_num_threads(threads)
    model, config = build(kind, folder)
    step = step_of(kind, model, config, batch, channels_last)
    for _ in range(3):
        step()
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 5:
        start = time.monotonic()
        step()
        times.append(time.monotonic() - start)
    out.put(batch / statistics.median(times))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("--seconds", type=float, default=6)
    p.add_argument("--batch", type=int, default=16)
    a = p.parse_args()
    import diffusers, torch
    print(json.dumps({"torch": torch.__version__, "diffusers": diffusers.__version__, "cores": os.cpu_count()}), flush=True)
    for kind in ("unet", "vae"):
        for channels_last in (False, True):
            for processes, threads in ((1, 2), (2, 1)):
                out = mp.Queue()
                team = [mp.Process(target=worker, args=(kind, a.folder, a.batch, threads, channels_last, a.seconds, out))
                        for _ in range(processes)]
                [t.start() for t in team]
                total = sum(out.get() for _ in team)
                [t.join() for t in team]
                print(json.dumps({"network": kind, "format": "channels_last" if channels_last else "contiguous",
                                  "processes": processes, "threads": threads, "samples_a_second": round(total, 2)}), flush=True)


if __name__ == "__main__":
    mp.set_start_method("spawn")
    main()
