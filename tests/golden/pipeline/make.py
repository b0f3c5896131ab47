# SPDX-License-Identifier: Apache-2.0
"""Makes a small random model in the shape of Stable Diffusion 1.5, and what diffusers draws with it.

    python make.py            # writes model/, xl/, latents.safetensors, samplers.safetensors beside itself
    python make.py latents samplers   # only those two, with the models that are there (for a new sampler)

model/            a StableDiffusionPipeline folder with tiny networks (random weights rounded to f16)
xl/               the same of a StableDiffusionXLPipeline
latents.safetensors   final latents [1,4,h,w] of 20 steps of DDIM and of Euler, guidance 7.5, and more cases
samplers.safetensors  schedulers alone, on a made-up network: eps = tanh(x)/2 + sin(t/100)/10
"""

import inspect
import json
import os
import shutil
import sys

import torch
from diffusers import (AutoencoderKL, DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler,
                       EulerAncestralDiscreteScheduler, EulerDiscreteScheduler, LMSDiscreteScheduler, PNDMScheduler,
                       StableDiffusionImg2ImgPipeline, StableDiffusionPipeline, StableDiffusionXLImg2ImgPipeline,
                       StableDiffusionXLPipeline, UNet2DConditionModel)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "model")
XL = os.path.join(HERE, "xl")
PROMPT = "a full-body shot, an adult female, red striped long sleeve cotton shirt, black hair"
NEGATIVE = "blurry, hat"


def byte_symbols():
    """The printable stand-ins of the 256 bytes in byte-level vocabularies, in CLIP's order."""
    keep = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    symbols, extra = [chr(b) for b in keep], 0
    for b in range(256):
        if b not in keep:
            symbols.append(chr(256 + extra))
            extra += 1
    return symbols


def make_tokenizer(folder, pad="<|endoftext|>"):
    merges = ["r e", "re d</w>", "s h", "sh i", "shi r", "shir t</w>", "h a", "ha i", "hai r</w>", "a d", "ad u",
              "l o", "lo n", "lon g</w>", "b l", "bl a", "bla c", "blac k</w>", "t o", "o n</w>", "i n"]
    symbols = byte_symbols()
    words = symbols + [s + "</w>" for s in symbols] + [m.replace(" ", "") for m in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "vocab.json"), "w") as f:
        json.dump({w: i for i, w in enumerate(words)}, f, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w") as f:
        f.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    tokenizer = CLIPTokenizer(os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt"),
                              model_max_length=77, pad_token=pad)
    return tokenizer, len(words)


def halved(module, scale):
    """Weights worth comparing: matrices larger than PyTorch's, everything rounded to f16."""
    with torch.no_grad():
        for p in module.parameters():
            if p.ndim > 1:
                p.mul_(scale)
            else:
                p.add_(0.1 * torch.randn_like(p))
            p.copy_(p.half().float())
    return module.eval()


def make_model():
    torch.manual_seed(20240404)
    tokenizer, size = make_tokenizer(os.path.join(MODEL, "tokenizer"))
    text = CLIPTextModel(CLIPTextConfig(
        vocab_size=size, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=77, hidden_act="quick_gelu", projection_dim=32, bos_token_id=size - 2,
        eos_token_id=size - 1, pad_token_id=size - 1))
    with torch.no_grad():
        text.get_input_embeddings().weight.mul_(20)
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 8, 16, 16), layers_per_block=2,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        attention_head_dim=4, cross_attention_dim=32, norm_num_groups=4)
    vae = AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(4, 8, 8, 8), layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4, sample_size=64, scaling_factor=0.18215)
    schedule = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                    clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    return StableDiffusionPipeline(
        vae=halved(vae, 1.2), text_encoder=halved(text, 1.0), tokenizer=tokenizer, unet=halved(unet, 1.3),
        scheduler=DDIMScheduler(**schedule), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)


def make_xl():
    """In the shape of Stable Diffusion XL: two text towers, pooled text and sizes, linear projections."""
    torch.manual_seed(20240405)
    tokenizer, size = make_tokenizer(os.path.join(XL, "tokenizer"))
    tokenizer_2, _ = make_tokenizer(os.path.join(XL, "tokenizer_2"), pad="!")
    tower = dict(vocab_size=size, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2,
                 max_position_embeddings=77, bos_token_id=size - 2, eos_token_id=size - 1)
    text = CLIPTextModel(CLIPTextConfig(hidden_size=16, hidden_act="quick_gelu", projection_dim=16, pad_token_id=size - 1, **tower))
    text_2 = CLIPTextModelWithProjection(CLIPTextConfig(hidden_size=24, hidden_act="gelu", projection_dim=12, pad_token_id=0, **tower))
    with torch.no_grad():
        for t in (text, text_2):
            t.get_input_embeddings().weight.mul_(20)
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 8, 16), layers_per_block=2,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",), transformer_layers_per_block=[1, 1, 2],
        attention_head_dim=[1, 2, 4], cross_attention_dim=40, norm_num_groups=4, use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=12 + 6 * 8)
    vae = AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(4, 8, 8, 8), layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4, sample_size=64, scaling_factor=0.13025, force_upcast=True)
    schedule = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                    steps_offset=1, timestep_spacing="leading")
    return StableDiffusionXLPipeline(
        vae=halved(vae, 1.2), text_encoder=halved(text, 1.0), text_encoder_2=halved(text_2, 1.0), tokenizer=tokenizer,
        tokenizer_2=tokenizer_2, unet=halved(unet, 1.3), scheduler=EulerDiscreteScheduler(**schedule),
        add_watermarker=False)


def save_model(pipe, folder):
    """As save_pretrained writes it; weights in f16, which loses nothing of these."""
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        if getattr(pipe, part, None) is not None:
            getattr(pipe, part).half()
    pipe.save_pretrained(folder, safe_serialization=True)
    for path in ("tokenizer/tokenizer.json", "tokenizer_2/tokenizer.json"):
        if os.path.exists(os.path.join(folder, path)):
            os.remove(os.path.join(folder, path))
    for path in ("model_index.json", "unet/config.json", "vae/config.json", "text_encoder/config.json",
                 "text_encoder_2/config.json", "scheduler/scheduler_config.json"):
        if os.path.exists(os.path.join(folder, path)):
            with open(os.path.join(folder, path)) as f:
                config = json.load(f)
            config.pop("_name_or_path", None)
            with open(os.path.join(folder, path), "w") as f:
                json.dump(config, f, indent=2)
                f.write("\n")


def from_models_own(pipe, scheduler, **settings):
    """From the model's own configuration: what another case has set (use_karras_sigmas) does not stay."""
    if not hasattr(pipe, "models_own"):
        pipe.models_own = pipe.scheduler.config
    return scheduler.from_config(pipe.models_own, **settings)


def draw(pipe, scheduler, seed, width, height, guidance=7.5, negative=None, steps=20, rescale=0.0, **settings):
    pipe.scheduler = from_models_own(pipe, scheduler, **settings)
    pipe.set_progress_bar_config(disable=True)
    with torch.no_grad():
        return pipe(PROMPT, negative_prompt=negative, num_inference_steps=steps, guidance_scale=guidance, guidance_rescale=rescale, width=width,
                    height=height, generator=torch.Generator("cpu").manual_seed(seed), output_type="latent").images


def save(tensors, name):
    """Values that are there stay where the new ones differ in their last digits only, as on another CPU."""
    path = os.path.join(HERE, name)
    old = load_file(path) if os.path.exists(path) else {}
    same = {k for k, v in tensors.items() if k in old and old[k].shape == v.shape and torch.allclose(old[k], v, 1e-4, 1e-4)}
    print(f"{name}: kept {len(same)}, new or changed: {sorted(tensors.keys() - same)}, gone: {sorted(old.keys() - tensors.keys())}")
    save_file({k: (old[k] if k in same else v).contiguous() for k, v in tensors.items()}, path)


def draw_again(pipe, kind, scheduler, seed, start, strength, **settings):
    """Image to image, from a latent."""
    more = {"add_watermarker": False} if "XL" in kind.__name__ else {"safety_checker": None, "requires_safety_checker": False}
    parts = {k: v for k, v in pipe.components.items() if k != "safety_checker"}
    second = kind(**parts, **more)
    second.scheduler = from_models_own(pipe, scheduler, **settings)
    second.set_progress_bar_config(disable=True)
    with torch.no_grad():
        return second(prompt=PROMPT, image=start, strength=strength, num_inference_steps=20, guidance_scale=5.0,
                      generator=torch.Generator("cpu").manual_seed(seed), output_type="latent").images


def make_latents(pipe):
    tensors = {
        "ddim": draw(pipe, DDIMScheduler, 7, 64, 96),
        "euler": draw(pipe, EulerDiscreteScheduler, 7, 64, 96),
        "negative": draw(pipe, DDIMScheduler, 8, 64, 64, negative=NEGATIVE),
        "unguided": draw(pipe, EulerDiscreteScheduler, 9, 64, 64, guidance=1.0),
        "odd": draw(pipe, DDIMScheduler, 10, 72, 40),
        "pndm": draw(pipe, PNDMScheduler, 11, 64, 64, skip_prk_steps=True),
        "lms": draw(pipe, LMSDiscreteScheduler, 12, 64, 64),
        "euler_a": draw(pipe, EulerAncestralDiscreteScheduler, 13, 64, 64),
        "dpmpp_2m": draw(pipe, DPMSolverMultistepScheduler, 14, 64, 64),
        "dpmpp_2m_karras": draw(pipe, DPMSolverMultistepScheduler, 15, 64, 64, use_karras_sigmas=True),
        "ddpm": draw(pipe, DDPMScheduler, 16, 64, 64),
        "rescaled": draw(pipe, DDIMScheduler, 17, 64, 64, rescale=0.7),
    }
    start = torch.randn(1, 4, 8, 8, generator=torch.Generator("cpu").manual_seed(40))
    tensors |= {
        "start": start,
        "again": draw_again(pipe, StableDiffusionImg2ImgPipeline, DDIMScheduler, 31, start, 0.3),
        "again_euler_a": draw_again(pipe, StableDiffusionImg2ImgPipeline, EulerAncestralDiscreteScheduler, 32, start, 0.55),
        "again_dpm": draw_again(pipe, StableDiffusionImg2ImgPipeline, DPMSolverMultistepScheduler, 33, start, 0.8,
                                use_karras_sigmas=True),
        "again_ddpm": draw_again(pipe, StableDiffusionImg2ImgPipeline, DDPMScheduler, 34, start, 1.0),
    }
    with torch.no_grad():
        tensors["picture"] = pipe.vae.decode(tensors["odd"] / pipe.vae.config.scaling_factor).sample
    xl = StableDiffusionXLPipeline.from_pretrained(XL, dtype=torch.float32, add_watermarker=False)
    tensors |= {
        "xl": draw(xl, EulerDiscreteScheduler, 21, 64, 96),
        "xl_negative": draw(xl, EulerAncestralDiscreteScheduler, 22, 64, 64, negative=NEGATIVE),
        "xl_again": draw_again(xl, StableDiffusionXLImg2ImgPipeline, EulerDiscreteScheduler, 24, start, 0.3),
        "xl_unguided": draw(xl, EulerDiscreteScheduler, 23, 72, 64, guidance=1.0),
    }
    save(tensors, "latents.safetensors")


SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)


def follow(scheduler, steps):
    """Timesteps and the end of a walk over the made-up network."""
    scheduler.set_timesteps(steps)
    generator = torch.Generator("cpu").manual_seed(3)
    more = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    x = torch.randn(1, 16, generator=generator) * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        seen = scheduler.scale_model_input(x, t)
        x = scheduler.step(torch.tanh(seen) / 2 + torch.sin(t / 100) / 10, t, x, **more).prev_sample
    return scheduler.timesteps.float(), x[0].float()


PLAIN = dict(clip_sample=False, set_alpha_to_one=False)
SAMPLERS = {  # name: class, settings beside the schedule's, settings of the class that are not ours to leave at default
    "ddim": (DDIMScheduler, PLAIN, {}),
    "ddpm": (DDPMScheduler, dict(clip_sample=False), {}),
    "pndm": (PNDMScheduler, dict(set_alpha_to_one=False), dict(skip_prk_steps=True)),
    "lms": (LMSDiscreteScheduler, {}, {}),
    "euler": (EulerDiscreteScheduler, {}, {}),
    "euler_a": (EulerAncestralDiscreteScheduler, {}, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {}, {}),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, {}, dict(use_karras_sigmas=True)),
}


def make_samplers():
    tensors = {}
    for steps in (1, 2, 5, 20, 50):
        for prediction in ("epsilon", "v_prediction"):
            for spacing in ("leading", "trailing", "linspace"):
                both = dict(SD, prediction_type=prediction, timestep_spacing=spacing)
                for name, (kind, plain, own) in SAMPLERS.items():
                    key = f"{name}.{spacing}.{prediction}.{steps}"
                    tensors[key + ".timesteps"], tensors[key + ".end"] = follow(kind(**both, **plain, **own), steps)
        for name, (kind, _, own) in SAMPLERS.items():
            key = f"{name}.default.epsilon.{steps}"
            tensors[key + ".timesteps"], tensors[key + ".end"] = follow(kind(**own), steps)
    save(tensors, "samplers.safetensors")


def make_models():
    for folder in (MODEL, XL):
        shutil.rmtree(folder, ignore_errors=True)
    save_model(make_model(), MODEL)
    save_model(make_xl(), XL)


PARTS = {
    "models": make_models,
    "latents": lambda: make_latents(StableDiffusionPipeline.from_pretrained(MODEL, dtype=torch.float32)),
    "samplers": make_samplers,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
