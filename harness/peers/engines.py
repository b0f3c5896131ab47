# SPDX-License-Identifier: Apache-2.0
"""One stage of the pipeline in another engine: a worker process of inference_speed.py.

usage: engines.py prepare reference|openvino|onnxruntime STAGE MODEL FOLDER
       engines.py run ROW STAGE MODEL FOLDER OUT THREADS

`prepare` writes what is wanted into FOLDER beside its inputs.safetensors: PyTorch's own result in f32, or the network in
the engine's format. `run` answers a line when it is ready, then one for each line "run" on standard input:
{"seconds": S}. The first run's output is OUT. MODEL is a diffusers folder; STAGE is unet or decode.
"""
import json, os, sys, time

ROWS = {  # name: engine, precision, memory layout
    "torch_f32": ("torch", "f32", "contiguous"),
    "torch_f32_channels_last": ("torch", "f32", "channels-last"),
    "torch_bf16_channels_last": ("torch", "bf16", "channels-last"),
    "openvino_f32": ("openvino", "f32", ""),
    "openvino_bf16": ("openvino", "bf16", ""),
    "onnxruntime_f32": ("onnxruntime", "f32", ""),
}
INPUTS = ("latents", "timestep", "text", "pooled", "sizes")  # in the order of the networks' arguments
WEIGHTS = "diffusion_pytorch_model.safetensors"


def load(folder, build, dtype, layout):
    """The network with weights of its own in dtype and layout. The file is opened anew for each, so that what was read
    does not count as memory of the engine."""
    import torch
    from safetensors import safe_open
    with open(f"{folder}/config.json") as f:
        config = {k: v for k, v in json.load(f).items() if not k.startswith("_")}
    with torch.device("meta"):
        network = build.from_config(config)
    with safe_open(f"{folder}/{WEIGHTS}", "pt") as f:
        names = list(f.keys())
    state = {}
    for name in names:
        with safe_open(f"{folder}/{WEIGHTS}", "pt") as f:
            w = f.get_tensor(name)
        keep = torch.channels_last if layout == "channels-last" and w.dim() == 4 else torch.contiguous_format
        state[name] = w.to(dtype, copy=True, memory_format=keep)
    network.load_state_dict(state, assign=True)
    return network.eval()


def stage_module(stage, model, dtype, layout="contiguous"):
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    class Step(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unet = load(f"{model}/unet", UNet2DConditionModel, dtype, layout)

        def forward(self, latents, timestep, text, pooled=None, sizes=None):
            added = None if pooled is None else {"text_embeds": pooled, "time_ids": sizes}
            return self.unet(latents, timestep, text, added_cond_kwargs=added, return_dict=False)[0]

    class Decoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.vae = load(f"{model}/vae", AutoencoderKL, dtype, layout)

        def forward(self, latents):
            return self.vae.decode(latents, return_dict=False)[0]

    return (Step() if stage == "unet" else Decoder()).eval()


def read_inputs(folder):
    from safetensors.numpy import load_file
    found = load_file(f"{folder}/inputs.safetensors")
    return {name: found[name] for name in INPUTS if name in found}


def write_output(path, values):
    import numpy as np
    from safetensors.numpy import save_file
    save_file({"output": np.ascontiguousarray(values, dtype=np.float32)}, path)


# --- preparing ---------------------------------------------------------------

def prepare_reference(stage, model, folder):
    import torch
    inputs = [torch.from_numpy(x) for x in read_inputs(folder).values()]
    with torch.inference_mode():
        write_output(f"{folder}/reference.safetensors", stage_module(stage, model, torch.float32)(*inputs).numpy())


def prepare_openvino(stage, model, folder):
    sys.modules["openvino_telemetry"] = None  # nothing is reported to anybody
    import openvino, torch
    inputs = {name: torch.from_numpy(x) for name, x in read_inputs(folder).items()}
    shapes = [(name, openvino.PartialShape(list(x.shape))) for name, x in inputs.items()]
    with torch.inference_mode():
        network = openvino.convert_model(stage_module(stage, model, torch.float32), example_input=inputs, input=shapes)
    openvino.save_model(network, f"{folder}/openvino.xml", compress_to_fp16=False)


def prepare_onnxruntime(stage, model, folder):
    import torch
    inputs = {name: torch.from_numpy(x) for name, x in read_inputs(folder).items()}
    os.makedirs(f"{folder}/onnx", exist_ok=True)  # weights beside the graph: one file cannot hold more than 2 GB
    with torch.inference_mode():
        torch.onnx.export(stage_module(stage, model, torch.float32), tuple(inputs.values()), f"{folder}/onnx/model.onnx",
                          input_names=list(inputs), output_names=["output"], opset_version=18, dynamo=False, external_data=True)


# --- running -----------------------------------------------------------------

def torch_runner(stage, model, folder, precision, layout, threads):
    import torch
    torch.set_num_threads(threads)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    module = stage_module(stage, model, dtype, layout)
    inputs = {name: torch.from_numpy(x) for name, x in read_inputs(folder).items()}
    inputs = [x if name == "timestep" else x.to(dtype) for name, x in inputs.items()]
    if layout == "channels-last":
        inputs[0] = inputs[0].to(memory_format=torch.channels_last)

    def run():
        with torch.inference_mode():
            return module(*inputs)
    return run, lambda y: y.float().numpy()


def openvino_runner(stage, model, folder, precision, layout, threads):
    import openvino
    core = openvino.Core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise RuntimeError("this CPU has no bf16 that OpenVINO would use")
    compiled = core.compile_model(f"{folder}/openvino.xml", "CPU", {
        "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"})
    request, inputs = compiled.create_infer_request(), list(read_inputs(folder).values())

    def run():
        request.infer(inputs, share_inputs=True)
        return request.get_output_tensor(0).data
    return run, lambda y: y


def onnxruntime_runner(stage, model, folder, precision, layout, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(f"{folder}/onnx/model.onnx", options, providers=["CPUExecutionProvider"])
    inputs = read_inputs(folder)
    return lambda: session.run(None, inputs)[0], lambda y: y


def serve(row, stage, model, folder, out, threads):
    engine, precision, layout = ROWS[row]
    start = time.monotonic()
    build = {"torch": torch_runner, "openvino": openvino_runner, "onnxruntime": onnxruntime_runner}[engine]
    run, values = build(stage, model, folder, precision, layout, int(threads))
    print(json.dumps({"seconds": time.monotonic() - start}), flush=True)
    for line in sys.stdin:
        start = time.monotonic()
        y = run()
        seconds = time.monotonic() - start
        if not os.path.exists(out):
            write_output(out, values(y))
        print(json.dumps({"seconds": seconds}), flush=True)


def main(what, *rest):
    if what == "run":
        return serve(*rest)
    target, *rest = rest
    {"reference": prepare_reference, "openvino": prepare_openvino, "onnxruntime": prepare_onnxruntime}[target](*rest)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as problem:  # the last line on stderr is the reason that the record gives
        print(f"{type(problem).__name__}: {problem}".splitlines()[0], file=sys.stderr)
        sys.exit(1)
