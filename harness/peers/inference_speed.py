# SPDX-License-Identifier: Apache-2.0
"""Inference side by side: ours, PyTorch (diffusers), OpenVINO and ONNX Runtime on the same weights and inputs.

usage: inference_speed.py [--model NAME] [--width N] [--height N] [--stages unet,decode,picture] [--backends B,...]
                          [--engines E,...] [--rounds N] [--threads N] [--out DIR] ...       (--help says all)

The model is written as a diffusers folder by `cosmicman export`; inputs are random numbers from one seed. Stages: `unet`,
one step with guidance (a batch of two), `decode`, one latent, and `picture`, a whole one by ours alone. Every engine and
precision is a worker process of its own (engines.py, `cosmicman stage`), which loads, warms up once, and then runs when it
is its turn: round after round, one after the other, ours in each; short runs are repeated until their turn is over. As many
workers live together as memory holds; where not even ours and one other fit, or with --alternate, each is started for its
turn. What wants more memory than is free says so instead. The ratio is the median over rounds of (median of theirs / median
of ours in the same round).

Outputs are held against PyTorch's own in f32 (relative L2, of pixels PSNR too), a picture and its latents against ours by
`f32`. Memory is the worker's VmHWM. Writes OUT/records.jsonl (rows of other models, sizes and stages stay) and prints
a table in Markdown.
"""
import argparse, json, os, shutil, statistics, subprocess, sys, time
from importlib import metadata

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from engines import ROWS, WEIGHTS
from workers import SPARE_MB, TOLERANCE, Picture, Row, Unavailable, available_mb, cpu_name, environment, limited, reason

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
STAGES = ["unet", "decode", "picture"]
PICTURE_TOLERANCE = {"f32": 1e-3, "bf16": 1e-1, "int8": 2e-1}  # of final latents: the steps amplify what differs
PROMPT = "a full-body shot, an adult asian female, fit body, city street, red striped long sleeve shirt, blue pants"


# --- stages ------------------------------------------------------------------

class Stage:
    def __init__(self, options, name):
        self.options, self.name, self.batch = options, name, 2 if name == "unet" else 1
        self.folder = f"{options.out}/work/{name}"
        part = f"{options.folder}/{'unet' if name == 'unet' else 'vae'}"
        with open(f"{part}/config.json") as f:
            self.config = json.load(f)
        with safe_open(f"{part}/{WEIGHTS}", "np") as f:
            self.weights_type = f.get_slice(next(iter(f.keys()))).get_dtype().lower()
        self.weights_mb = os.path.getsize(f"{part}/{WEIGHTS}") / 2 ** 20 * (1 if self.weights_type == "f32" else 2)  # as f32
        self.settings = {}

    def write_inputs(self):
        os.makedirs(self.folder)
        o, c, random = self.options, self.config, np.random.default_rng(self.options.inputs_seed)
        h, w, n = o.height // o.factor, o.width // o.factor, self.batch
        normal = lambda *shape: random.standard_normal(shape, dtype=np.float32)
        inputs = {"latents": normal(n, c["in_channels"] if self.name == "unet" else c["latent_channels"], h, w)}
        if self.name == "unet":
            inputs["timestep"] = np.full(n, 501, np.float32)
            inputs["text"] = normal(n, 77, c["cross_attention_dim"])
            if c.get("addition_embed_type") == "text_time":
                sizes = [o.height, o.width, 0, 0] + ([6.0] if o.refines else [o.height, o.width])
                pooled = c["projection_class_embeddings_input_dim"] - len(sizes) * c["addition_time_embed_dim"]
                inputs["pooled"] = normal(n, pooled)
                inputs["sizes"] = np.tile(np.array(sizes, np.float32), (n, 1))
        save_file(inputs, f"{self.folder}/inputs.safetensors")

    def prepare(self, target):
        """None, or why it could not be."""
        log = f"{self.folder}/{target}.log"
        note(f"{self.name}: preparing {target}")
        with open(log, "w") as f:
            code = subprocess.run([sys.executable, f"{HERE}/engines.py", "prepare", target, self.name, self.options.folder,
                                   self.folder], env=environment(self.options.threads), stdout=f, stderr=f,
                                  preexec_fn=limited()).returncode
        return reason(log, code) if code else None

    def reference(self):
        """What outputs are held against: PyTorch's own in f32."""
        why = self.prepare("reference")
        if why:
            sys.exit(f"{self.name}: PyTorch's own result: {why}")
        return load_file(f"{self.folder}/reference.safetensors")["output"].astype(np.float64)

    def tolerance(self, precision):
        return TOLERANCE[precision]

    def our_row(self, spelled, kind=Row):
        """Of a backend's name, or NAME+lean."""
        backend, _, lean = spelled.partition("+")
        row = kind(self, f"cosmicman_{backend}{'_lean' * bool(lean)}", f"cosmicman {backend}{' --lean' * bool(lean)}",
                   backend if backend in ("bf16", "int8") else "f32", "channels-last", self.options.version)
        row.command = self.our_command(backend, row) + (["--lean"] if lean else [])
        return row

    def our_command(self, backend, row):
        o = self.options
        return [o.program, "stage", "-q", "--model", o.folder, "--stage", self.name, "--backend", backend, "--threads",
                str(o.threads), "--in", f"{self.folder}/inputs.safetensors", "--out", row.output]

    def their_row(self, name):
        o, (engine, precision, layout) = self.options, ROWS[name]
        row = Row(self, name, engine, precision, layout, metadata.version(engine))
        row.command = [sys.executable, f"{HERE}/engines.py", "run", name, self.name, o.folder, self.folder, row.output,
                       str(o.threads)]
        return row

    def rows(self):
        theirs = [self.their_row(name) for name in self.options.engines]
        for row in theirs:
            wants, there = row.wants_mb() + SPARE_MB, available_mb([])
            if wants > there:
                row.why = f"wants about {wants:.0f} MB of memory, {there:.0f} MB are free"
        why = {engine: self.prepare(engine) for engine in dict.fromkeys(row.engine for row in theirs if not row.why)
               if engine != "torch"}
        for row in theirs:
            row.why = row.why or why.get(row.engine)
            if row.why:
                note(f"{self.name}: {row.name}: {row.why}")
        return [self.our_row(backend) for backend in self.options.backends] + theirs


class PictureStage(Stage):
    """A whole picture by each of our backends, from one seed, held against `f32`, ours in f32."""

    def __init__(self, options):
        super().__init__(options, "picture")
        self.settings = {"steps": options.sample_steps, "sampler": options.sampler, "guidance": options.guidance}

    def write_inputs(self):
        os.makedirs(self.folder)
        with open(f"{self.folder}/prompts.jsonl", "w") as f:
            f.write(json.dumps({"id": "picture", "prompt": PROMPT, "seed": self.options.inputs_seed}) + "\n")

    def our_command(self, backend, row):
        o = self.options
        return [o.program, "generate", "-q", "--model", o.folder, "--prompts", f"{self.folder}/prompts.jsonl", "--out",
                f"{self.folder}/{row.name}", "--save-latents", row.output, "--steps", str(o.sample_steps), "--sampler",
                o.sampler, "--cfg", str(o.guidance), "--width", str(o.width), "--height", str(o.height), "--backend", backend,
                "--threads", str(o.threads)]

    def reference(self):
        row = self.our_row("f32", Picture)
        row.name += "_reference"
        row.output = f"{self.folder}/{row.name}.safetensors"
        row.command = self.our_command("f32", row)
        note("picture: by f32, the reference")
        try:
            row.run()
        except Unavailable as problem:
            sys.exit(f"picture: ours in f32: {problem}")
        return row

    def tolerance(self, precision):
        return PICTURE_TOLERANCE[precision]

    def rows(self):
        return [self.our_row(backend, Picture) for backend in self.options.backends]


def turn(row, alive):
    """Seconds of the runs of one turn; the worker lives for it alone unless `alive`."""
    if not alive:
        row.start()
    seconds = row.run()
    if not alive:
        row.close()
    time.sleep(0.2)  # threads of the last one come to rest
    return seconds


def guarded(row, action):
    """What action gives, or None when the row's worker failed, which ends it."""
    try:
        return action()
    except Unavailable as problem:
        row.why = str(problem)
        row.close()
        note(f"{row.stage.name}: {row.name}: {row.why}")
        return None


def rounds(team, alive, count):
    ours = team[0]
    for _ in range(count):
        yardstick = turn(ours, alive)
        ours.seconds += yardstick
        for row in team[1:]:
            seconds = None if row.why else guarded(row, lambda: turn(row, alive))
            if seconds is not None:
                row.seconds += seconds
                row.ratios.append(statistics.median(seconds) / statistics.median(yardstick))


def gather(ours, waiting, alternate):
    """The next team: ours and those of `waiting` that memory holds beside it, all where none stays; alive or not."""
    if alternate:
        return [ours, *(waiting.pop(0) for _ in range(len(waiting)))], False
    team = [ours]
    ours.start()
    while waiting:
        row = waiting[0]
        if available_mb(team) < row.wants_mb() + SPARE_MB:
            break
        waiting.pop(0)
        if guarded(row, lambda: row.start(team) or True):
            team.append(row)
    if len(team) > 1 or not waiting:
        return team, True
    ours.close()
    return [ours, waiting.pop(0)], False


def measure(stage):
    o = stage.options
    shutil.rmtree(stage.folder, ignore_errors=True)
    stage.write_inputs()
    reference = stage.reference()
    rows = stage.rows()
    rows[0].ratios = [1.0]
    ours, waiting = rows[0], [row for row in rows[1:] if not row.why]
    try:
        while True:
            team, alive = gather(ours, waiting, o.alternate or stage.name == "picture")
            note(f"{stage.name}: " + ", ".join(row.name for row in team) + ("" if alive else ", each started for its turn"))
            rounds(team, alive, o.rounds)
            for row in team:
                row.close()
            if not waiting:
                break
    except Unavailable as problem:
        sys.exit(f"{stage.name}: {ours.name}: {problem}")
    finally:
        for row in rows:
            row.close()
    for row in rows:
        if row.faults:
            note(f"warning: {stage.name}: {row.name} read {row.faults} pages from disk in its turns: memory is short")
    return [row.record(reference) for row in rows]


# --- the run -----------------------------------------------------------------

def note(text):
    print(text, file=sys.stderr, flush=True)


def export(o):
    """A folder with one file of weights a network: the model's own, or a copy."""
    if o.type == "f32" and all(os.path.exists(f"{o.model}/{part}/{WEIGHTS}") for part in ("unet", "vae")):
        return o.model
    folder = f"{o.out}/models/{os.path.basename(os.path.abspath(o.model)).replace(':', '-')}-{o.seed}"
    folder += "" if o.type == "f32" else f"-{o.type}"
    if not os.path.exists(f"{folder}/model_index.json"):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        note(f"exporting {o.model}")
        if subprocess.run([o.program, "export", "-q", "--model", o.model, "--seed", str(o.seed), "--type", o.type,
                           "--out", folder],
                          stdout=subprocess.DEVNULL).returncode:
            sys.exit(1)
    return folder


def keep_others(path, records):
    """Rows of other models, sizes, and stages, as they stand in the file."""
    new = {(r["model"], r["stage"], r["width"], r["height"]) for r in records}
    if not os.path.exists(path):
        return []
    with open(path) as f:
        old = [json.loads(line) for line in f if line.strip()]
    return [r for r in old if (r.get("model"), r.get("stage"), r.get("width"), r.get("height")) not in new]


def write_records(path, records):
    records = keep_others(path, records) + records
    with open(f"{path}.part", "w") as f:
        f.writelines(json.dumps(r) + "\n" for r in records)
    os.replace(f"{path}.part", path)


def table(records):
    yield "| stage | size | engine | type | layout | min s | median s | x ours | relative L2 | PSNR dB | agrees | peak MB | n |"
    yield "| --- " * 13 + "|"
    for r in records:
        head = f"| {r['stage']} | {r['width']}x{r['height']} | {r['engine']} {r['version']} | {r['precision']} | {r['layout']} |"
        if "median_s" not in r:
            yield f"{head} {r['note'].replace('|', '/')} | | | | | | | |"
            continue
        error = f"{r['relative_l2']:.1e}" if "relative_l2" in r else "none"
        signal = f"{r['psnr_db']:.1f}" if "psnr_db" in r else ""
        agrees = "yes" if r["agrees"] else f"**no** (over {r['tolerance']:g})"
        yield (f"{head} {r['min_s']:.4g} | {r['median_s']:.4g} | {r['ratio']:.2f} | {error} | {signal} | {agrees} | "
               f"{r['peak_rss_mb']:.0f} | {r['n']} |")


def choices(text, known, what):
    names = [name for name in text.split(",") if name]
    for name in names:
        if known is not None and name not in known:
            sys.exit(f"--{what}: '{name}' is none of {', '.join(known)}")
    return names


def read_options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default="random:sd15", help="a name of `cosmicman list models`, or a diffusers folder")
    p.add_argument("--seed", type=int, default=0, help="weights of random: models")
    p.add_argument("--inputs-seed", type=int, default=0)
    p.add_argument("--width", type=int, help="pixels [the model's own]")
    p.add_argument("--height", type=int, help="pixels [the model's own]")
    p.add_argument("--type", default="f32", choices=["f32", "f16", "bf16"],
                   help="the exported model's weights, rounded for all engines alike: half of the disk and the reading")
    p.add_argument("--stages", default=",".join(STAGES))
    p.add_argument("--backends", default="f32", help="of ours, each NAME or NAME+lean; ratios are to the first")
    p.add_argument("--engines", default=",".join(ROWS), help=f"[{','.join(ROWS)}]")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--turn-seconds", type=float, default=0.5, help="a turn is one run, or as many as fill this time")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--sample-steps", type=int, default=8, help="of the picture")
    p.add_argument("--sampler", default="dpmpp_2m", help="of the picture")
    p.add_argument("--guidance", type=float, default=5, help="of the picture")
    p.add_argument("--alternate", action="store_true", help="start each worker for its turn only, to save memory")
    p.add_argument("--keep", action="store_true", help="leave OUT/work: inputs, outputs, converted networks, logs")
    p.add_argument("--program", default=f"{ROOT}/build/cosmicman")
    p.add_argument("--out", default=f"{ROOT}/out/peers")
    o = p.parse_args()
    o.stages = choices(o.stages, STAGES, "stages")
    o.engines = choices(o.engines, list(ROWS), "engines")
    o.backends = choices(o.backends, None, "backends")
    for name in o.backends:
        if "+" in name and not name.endswith("+lean"):
            sys.exit(f"--backends: '{name}' is neither NAME nor NAME+lean")
    if o.rounds < 1 or o.threads < 1 or o.sample_steps < 1 or not o.backends:
        sys.exit("at least one round, one thread, one step and one backend are wanted")
    return o


def complete(o):
    """What follows from the model."""
    o.folder = export(o)
    o.name = os.path.basename(os.path.abspath(o.model)) if os.path.isdir(o.model) else o.model
    o.version = subprocess.run([o.program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    o.load = os.getloadavg()[0]
    if o.load > 0.5:
        note(f"warning: the load is {o.load:.1f} already: what else runs here, or just did, makes ratios unsure")
    o.started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with open(f"{o.folder}/model_index.json") as f:
        o.refines = json.load(f).get("requires_aesthetics_score", False)
    with open(f"{o.folder}/vae/config.json") as f:
        o.factor = 2 ** (len(json.load(f)["block_out_channels"]) - 1)
    with open(f"{o.folder}/unet/config.json") as f:
        size = json.load(f)["sample_size"]
    height, width = size if isinstance(size, list) else (size, size)
    o.width, o.height = o.width or width * o.factor, o.height or height * o.factor
    if o.width % o.factor or o.height % o.factor:
        sys.exit(f"{o.width}x{o.height}: not multiples of {o.factor}")


def main():
    o = read_options()
    os.makedirs(o.out, exist_ok=True)
    complete(o)
    records = []
    for name in o.stages:
        records += measure(PictureStage(o) if name == "picture" else Stage(o, name))
        write_records(f"{o.out}/records.jsonl", records)
    if not o.keep:
        shutil.rmtree(f"{o.out}/work", ignore_errors=True)
    print(f"{o.name}, {cpu_name()}, {o.threads} threads, {o.started}\n")
    print("\n".join(table(records)))


if __name__ == "__main__":
    main()
