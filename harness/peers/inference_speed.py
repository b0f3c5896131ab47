# SPDX-License-Identifier: Apache-2.0
"""Inference side by side: ours, PyTorch (diffusers), OpenVINO and ONNX Runtime on the same weights and inputs.

usage: inference_speed.py [--model NAME] [--width N] [--height N] [--stages unet,decode] [--backends B,...]
                          [--engines E,...] [--rounds N] [--threads N] [--out DIR] ...       (--help says all)

The model is written as a diffusers folder by `cosmicman export`; inputs are random numbers from one seed. Stages: `unet`,
one step with guidance (a batch of two), and `decode`, one latent. Every engine and precision is a worker process of its
own (engines.py, `cosmicman stage`), which loads, warms up once, and then runs when it is its turn: round after round, one
after the other, ours in each; short runs are repeated until their turn is over. As many workers live together as memory
holds; where not even ours and one other fit, each is started for its turn. The ratio is the median over rounds of (median
of theirs / median of ours in the same round).

Outputs are held against PyTorch's own in f32 (relative L2). Memory is the worker's VmHWM. Writes OUT/records.jsonl
(rows of other models, sizes and stages stay) and prints a table in Markdown.
"""
import argparse, json, math, os, platform, shutil, statistics, subprocess, sys, time
from importlib import metadata

import numpy as np
from safetensors.numpy import load_file, save_file

from engines import ROWS, WEIGHTS

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOLERANCE = {"f32": 1e-4, "bf16": 3e-2}
SPARE_MB = 1000  # of memory, left to the system
# What a worker may want: a multiple of its weights, and megabytes for each 512x512 pixels.
WANTS = {"torch": (1.1, 2000), "openvino": (1.6, 2000), "onnxruntime": (2.2, 2500)}
OURS_WANT = (2.2, 1500)


class Unavailable(Exception):
    pass


def environment(threads):
    keep = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    return dict(keep, OMP_NUM_THREADS=str(threads), HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false",
                PYTHONWARNINGS="ignore")


def reason(log, code):
    if code is not None and code < 0:
        return f"ended by signal {-code}" + (" (out of memory?)" if code == -9 else "")
    with open(log, errors="replace") as f:
        lines = [line.strip() for line in f if line.strip()]
    return lines[-1] if lines else f"exit code {code}"


def kernel_mb(path, key):
    """Megabytes that a line "key: N kB" of a file in /proc says."""
    with open(path) as f:
        return next((int(line.split()[1]) / 1024 for line in f if line.startswith(key + ":")), 0)


def available_mb(team):
    """What another worker may take. The system counts files that are mapped as free; those of the team are in use."""
    mapped = sum(kernel_mb(f"/proc/{row.process.pid}/status", "RssFile") for row in team if row.process)
    return kernel_mb("/proc/meminfo", "MemAvailable") - mapped


def cpu_name():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())


# --- rows --------------------------------------------------------------------

class Row:
    """One engine and precision at one stage: its command, its worker while that lives, what was measured."""

    def __init__(self, stage, name, engine, precision, layout, version):
        self.stage, self.name, self.engine, self.precision, self.layout = stage, name, engine, precision, layout
        self.version, self.command = version, None
        self.output, self.log = f"{stage.folder}/{name}.safetensors", f"{stage.folder}/{name}.log"
        self.process, self.peak_mb, self.faults, self.seconds, self.ratios, self.why = None, 0, 0, [], [], None

    def ask(self, text):
        try:
            self.process.stdin.write(text)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            raise Unavailable(reason(self.log, self.process.wait()))
        self.peak_mb = max(self.peak_mb, kernel_mb(f"/proc/{self.process.pid}/status", "VmHWM"))
        return json.loads(line)["seconds"]

    def disk_reads(self):
        """Pages that the worker had to read from disk so far: its major faults."""
        with open(f"/proc/{self.process.pid}/stat") as f:
            return int(f.read().rsplit(")", 1)[1].split()[9])

    def start(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.command, env=environment(self.stage.options.threads), text=True,
                                            stderr=log, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("")
        self.ask("run\n")

    def run(self):
        """Seconds of each run of one turn: one run, or as many as fill the turn's time."""
        before, found = self.disk_reads(), [self.ask("run\n")]
        while sum(found) < self.stage.options.turn_seconds:
            found.append(self.ask("run\n"))
        self.faults += self.disk_reads() - before
        return found

    def close(self):
        if self.process:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
        self.process = None

    def error(self, reference):
        """Relative L2 against PyTorch in f32; None where it is no number."""
        if not os.path.exists(self.output):
            return None
        mine = next(iter(load_file(self.output).values())).astype(np.float64)
        if mine.shape != reference.shape:
            return None
        e = np.linalg.norm(mine - reference) / np.linalg.norm(reference)
        return float(e) if math.isfinite(e) else None

    def record(self, reference):
        o, s = self.stage.options, self.stage
        r = {"kind": "peer", "model": o.name, "stage": s.name, "engine": self.engine, "version": self.version,
             "precision": self.precision, "layout": self.layout, "width": o.width, "height": o.height, "batch": s.batch,
             "threads": o.threads, "cpu": cpu_name(), "load": o.load, "started": o.started}
        if self.seconds and not self.why:
            e, tolerance = self.error(reference), TOLERANCE[self.precision]
            r.update(n=len(self.seconds), min_s=min(self.seconds), median_s=statistics.median(self.seconds),
                     ratio=statistics.median(self.ratios), peak_rss_mb=round(self.peak_mb, 1), major_faults=self.faults,
                     tolerance=tolerance, agrees=e is not None and e <= tolerance)
            r.update({"relative_l2": e} if e is not None else {"note": "its output is not of numbers in the right shape"})
        if self.why:
            r.update(note=f"not available: {self.why}")
        return r


# --- stages ------------------------------------------------------------------

class Stage:
    def __init__(self, options, name):
        self.options, self.name, self.batch = options, name, 2 if name == "unet" else 1
        self.folder = f"{options.out}/work/{name}"
        part = f"{options.folder}/{'unet' if name == 'unet' else 'vae'}"
        with open(f"{part}/config.json") as f:
            self.config = json.load(f)
        self.weights_mb = os.path.getsize(f"{part}/{WEIGHTS}") / 2 ** 20

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
                                   self.folder], env=environment(self.options.threads), stdout=f, stderr=f).returncode
        return reason(log, code) if code else None

    def our_row(self, backend):
        o = self.options
        row = Row(self, f"cosmicman_{backend}", f"cosmicman {backend}", "bf16" if backend == "bf16" else "f32",
                  "channels-last", o.version)
        row.command = [o.program, "stage", "-q", "--model", o.folder, "--stage", self.name, "--backend", backend, "--threads",
                       str(o.threads), "--in", f"{self.folder}/inputs.safetensors", "--out", row.output]
        return row

    def their_row(self, name):
        o, (engine, precision, layout) = self.options, ROWS[name]
        row = Row(self, name, engine, precision, layout, metadata.version(engine))
        row.command = [sys.executable, f"{HERE}/engines.py", "run", name, self.name, o.folder, self.folder, row.output,
                       str(o.threads)]
        return row

    def rows(self):
        theirs = [self.their_row(name) for name in self.options.engines]
        why = {engine: self.prepare(engine) for engine in dict.fromkeys(row.engine for row in theirs) if engine != "torch"}
        for row in theirs:
            row.why = why.get(row.engine)
        return [self.our_row(backend) for backend in self.options.backends] + theirs

    def wants_mb(self, row):
        times, each = WANTS.get(row.engine, OURS_WANT)
        return times * self.weights_mb + each * self.options.width * self.options.height / 2 ** 18


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
    """The next team: ours and those of `waiting` that memory holds beside it; alive or not."""
    team = [ours]
    if not alternate:
        ours.start()
    while waiting and not alternate:
        row = waiting[0]
        if available_mb(team) < row.stage.wants_mb(row) + SPARE_MB:
            break
        waiting.pop(0)
        if guarded(row, lambda: row.start() or True):
            team.append(row)
    if len(team) > 1 or not waiting:
        return team, not alternate
    ours.close()
    return [ours, waiting.pop(0)], False


def measure(stage):
    o = stage.options
    shutil.rmtree(stage.folder, ignore_errors=True)
    stage.write_inputs()
    why = stage.prepare("reference")
    if why:
        sys.exit(f"{stage.name}: PyTorch's own result: {why}")
    reference = load_file(f"{stage.folder}/reference.safetensors")["output"].astype(np.float64)
    rows = stage.rows()
    rows[0].ratios = [1.0]
    ours, waiting = rows[0], [row for row in rows[1:] if not row.why]
    try:
        while True:
            team, alive = gather(ours, waiting, o.alternate)
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
    if all(os.path.exists(f"{o.model}/{part}/{WEIGHTS}") for part in ("unet", "vae")):
        return o.model
    folder = f"{o.out}/models/{os.path.basename(os.path.abspath(o.model)).replace(':', '-')}-{o.seed}"
    if not os.path.exists(f"{folder}/model_index.json"):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        note(f"exporting {o.model}")
        if subprocess.run([o.program, "export", "-q", "--model", o.model, "--seed", str(o.seed), "--out", folder],
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
    yield "| stage | size | engine | type | layout | min s | median s | x ours | relative L2 | agrees | peak MB | n |"
    yield "| --- " * 12 + "|"
    for r in records:
        head = f"| {r['stage']} | {r['width']}x{r['height']} | {r['engine']} {r['version']} | {r['precision']} | {r['layout']} |"
        if "median_s" not in r:
            yield f"{head} {r['note'].replace('|', '/')} | | | | | | |"
            continue
        error = f"{r['relative_l2']:.1e}" if "relative_l2" in r else "none"
        agrees = "yes" if r["agrees"] else f"**no** (over {r['tolerance']:g})"
        yield (f"{head} {r['min_s']:.4g} | {r['median_s']:.4g} | {r['ratio']:.2f} | {error} | {agrees} | {r['peak_rss_mb']:.0f} | "
               f"{r['n']} |")


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
    p.add_argument("--stages", default="unet,decode")
    p.add_argument("--backends", default="openblas", help="of ours; ratios are to the first")
    p.add_argument("--engines", default=",".join(ROWS), help=f"[{','.join(ROWS)}]")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--turn-seconds", type=float, default=0.5, help="a turn is one run, or as many as fill this time")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--alternate", action="store_true", help="start each worker for its turn only, to save memory")
    p.add_argument("--keep", action="store_true", help="leave OUT/work: inputs, outputs, converted networks, logs")
    p.add_argument("--program", default=f"{ROOT}/build/cosmicman")
    p.add_argument("--out", default=f"{ROOT}/out/peers")
    o = p.parse_args()
    o.stages = choices(o.stages, ["unet", "decode"], "stages")
    o.engines = choices(o.engines, list(ROWS), "engines")
    o.backends = choices(o.backends, None, "backends")
    if o.rounds < 1 or o.threads < 1 or not o.backends:
        sys.exit("at least one round, one thread and one backend are wanted")
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
        records += measure(Stage(o, name))
        write_records(f"{o.out}/records.jsonl", records)
    if not o.keep:
        shutil.rmtree(f"{o.out}/work", ignore_errors=True)
    print(f"{o.name}, {cpu_name()}, {o.threads} threads, {o.started}\n")
    print("\n".join(table(records)))


if __name__ == "__main__":
    main()
