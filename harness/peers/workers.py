# SPDX-License-Identifier: Apache-2.0
"""Workers of inference_speed.py: one process an engine and precision at one stage, what it may take, and its row.

A worker answers a line of JSON when it is ready, and one for each line "run" (engines.py, `cosmicman stage`). A picture
is a whole process a turn: `cosmicman generate` on one prompt.
"""
import json, math, os, platform, resource, shutil, statistics, subprocess, time

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

TOLERANCE = {"f32": 1e-4, "bf16": 3e-2, "int8": 3e-2}
SPARE_MB = 1000  # of memory, left to the system
# What a worker may want: a multiple of its weights in f32, and megabytes for each 512x512 pixels. From peaks measured with
# Stable Diffusion 1.5's architecture: weights from its UNet's, pixels from its decoder's, with room.
WANTS = {
    ("cosmicman", "f32"): (1.2, 1000), ("cosmicman", "bf16"): (0.65, 900), ("cosmicman", "int8"): (0.65, 900),
    ("torch", "f32"): (1.1, 2000), ("torch", "bf16"): (0.6, 1300),
    ("openvino", "f32"): (2.1, 1300), ("openvino", "bf16"): (2.1, 1300),  # its conversion is from f32 in both
    ("onnxruntime", "f32"): (2.1, 2300),
}


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


def limited(team=()):
    """For a new process of another engine: it may allocate what is available now. One that wants more ends with its own
    reason, instead of the machine ending another. (Ours reserves addresses that it does not fill, which would count.)"""
    most = int(max(available_mb(team) - SPARE_MB, 1) * 2 ** 20)

    def begin():
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        with open("/proc/self/oom_score_adj", "w") as f:  # others may have taken memory since: this one is to end then
            f.write("1000")
    return begin


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

    def start(self, team=()):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.command, env=environment(self.stage.options.threads), text=True,
                                            stderr=log, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            preexec_fn=None if self.is_ours() else limited(team))
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

    def is_ours(self):
        return self.engine.startswith("cosmicman")

    def wants_mb(self):
        times, each = WANTS[self.engine.split()[0], self.precision]
        o = self.stage.options
        return times * self.stage.weights_mb + each * o.width * o.height / 2 ** 18

    def differences(self, reference):
        """Relative L2 against PyTorch in f32; of pixels PSNR too, clipped to [-1,1] as a picture is. Empty where the
        output is no number."""
        if not os.path.exists(self.output):
            return {}
        mine = next(iter(load_file(self.output).values())).astype(np.float64)
        found = relative_l2(mine, reference)
        if found and self.stage.name == "decode":
            found.update(psnr(np.clip(mine, -1, 1), np.clip(reference, -1, 1), 2))
        return found

    def record(self, reference):
        o, s = self.stage.options, self.stage
        r = {"kind": "peer", "model": o.name, "stage": s.name, "engine": self.engine, "version": self.version,
             "precision": self.precision, "layout": self.layout, "width": o.width, "height": o.height, "batch": s.batch,
             "threads": o.threads, "cpu": cpu_name(), "load": o.load, "started": o.started, "weights": s.weights_type,
             **s.settings}
        if self.seconds and not self.why:
            found, tolerance = self.differences(reference), s.tolerance(self.precision)
            r.update(n=len(self.seconds), min_s=min(self.seconds), median_s=statistics.median(self.seconds),
                     ratio=statistics.median(self.ratios), peak_rss_mb=round(self.peak_mb, 1), major_faults=self.faults,
                     tolerance=tolerance, agrees=bool(found) and found["relative_l2"] <= tolerance)
            r.update(found or {"note": "its output is not of numbers in the right shape"})
        if self.why:
            r.update(note=f"not available: {self.why}")
        return r


def relative_l2(mine, reference):
    if mine.shape != reference.shape:
        return {}
    e = np.linalg.norm(mine - reference) / np.linalg.norm(reference)
    return {"relative_l2": float(e)} if math.isfinite(e) else {}


def psnr(mine, reference, peak):
    """Peak signal to noise in dB; of equal values there is none."""
    square = np.mean((mine - reference) ** 2)
    return {"psnr_db": float(10 * np.log10(peak ** 2 / square))} if square > 0 else {}


class Picture(Row):
    """A whole picture by ours: `generate` in a process of its own each turn. The seconds are its record's, so weights are
    packed within them, and opening the model is not. Pages read from disk are not counted: the file's own are among them."""

    def start(self, team=()):
        pass

    def run(self):
        folder = f"{self.stage.folder}/{self.name}"
        shutil.rmtree(folder, ignore_errors=True)
        with open(self.log, "w") as log:
            code = subprocess.run(self.command, env=environment(self.stage.options.threads), stdout=log,
                                  stderr=log).returncode
        if code:
            raise Unavailable(reason(self.log, code))
        with open(f"{folder}/records.jsonl") as f:
            made = json.loads(f.readline())
        self.peak_mb = max(self.peak_mb, made["peak_rss_mb"])
        return [made["seconds"]["total"]]

    def record(self, reference):
        return {k: v for k, v in super().record(reference).items() if k != "major_faults"}

    def picture(self):
        with Image.open(f"{self.stage.folder}/{self.name}/picture.png") as image:
            return np.asarray(image, dtype=np.float64)

    def latents(self):
        return load_file(self.output)["latents"].astype(np.float64)

    def differences(self, reference):
        """Of latents and picture against the Picture `reference`."""
        found = relative_l2(self.latents(), reference.latents())
        if found:
            found.update(psnr(self.picture(), reference.picture(), 255))
        return found
