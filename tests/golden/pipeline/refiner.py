# SPDX-License-Identifier: Apache-2.0
"""A tiny model in the shape of Stable Diffusion XL's refiner, and what diffusers draws with it after xl/ of make.py.

    python refiner.py         # after make.py; writes refiner/, refiner.safetensors and single_refiner.safetensors

One text tower (text_encoder_2), and an aesthetic score where the base has its target size. Latents [1,4,h,w]:
refiner*    second passes over "start"
line        20 steps of xl, and a second pass of strength 0.3 over the outcome
relay*      one schedule shared: xl until 0.8 of it ("relay*.half"), the refiner from there
"""
import os
import shutil

import torch
from diffusers import (AutoencoderKL, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler, EulerDiscreteScheduler,
                       StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline, UNet2DConditionModel)
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from make import HERE, NEGATIVE, PROMPT, XL, halved, make_tokenizer, save_model
from original import flatten, open_clip

REFINER = os.path.join(HERE, "refiner")


def make_refiner():
    torch.manual_seed(20240406)
    tokenizer, size = make_tokenizer(os.path.join(REFINER, "tokenizer_2"), pad="!")
    text = CLIPTextModelWithProjection(CLIPTextConfig(
        vocab_size=size, hidden_size=24, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2,
        max_position_embeddings=77, hidden_act="gelu", projection_dim=12, bos_token_id=size - 2, eos_token_id=size - 1,
        pad_token_id=0))
    with torch.no_grad():
        text.get_input_embeddings().weight.mul_(20)
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 8, 16, 16), layers_per_block=2,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",), transformer_layers_per_block=2,
        attention_head_dim=[1, 2, 4, 4], cross_attention_dim=24, norm_num_groups=4, use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=12 + 5 * 8)
    vae = AutoencoderKL.from_pretrained(os.path.join(XL, "vae"), dtype=torch.float32)
    return StableDiffusionXLImg2ImgPipeline(
        vae=vae, text_encoder=None, text_encoder_2=halved(text, 1.0), tokenizer=None, tokenizer_2=tokenizer,
        unet=halved(unet, 1.3), scheduler=EulerDiscreteScheduler.from_pretrained(os.path.join(XL, "scheduler")),
        requires_aesthetics_score=True, force_zeros_for_empty_prompt=False, add_watermarker=False)


def run(pipe, kind, seed, guidance=5.0, negative=None, **more):
    pipe.scheduler = kind.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    with torch.no_grad():
        return pipe(prompt=PROMPT, negative_prompt=negative, num_inference_steps=20, guidance_scale=guidance,
                    generator=torch.Generator("cpu").manual_seed(seed), output_type="latent", **more).images


def relay(xl, refiner, kind, seed):
    half = run(xl, kind, seed, width=64, height=64, denoising_end=0.8)
    return half, run(refiner, kind, seed + 1, image=half, denoising_start=0.8)


def main():
    shutil.rmtree(REFINER, ignore_errors=True)
    save_model(make_refiner(), REFINER)
    refiner = StableDiffusionXLImg2ImgPipeline.from_pretrained(REFINER, dtype=torch.float32, add_watermarker=False)
    assert refiner.config.requires_aesthetics_score and refiner.text_encoder is None
    xl = StableDiffusionXLPipeline.from_pretrained(XL, dtype=torch.float32, add_watermarker=False)
    start = torch.randn(1, 4, 8, 8, generator=torch.Generator("cpu").manual_seed(41))
    euler, base = EulerDiscreteScheduler, run(xl, EulerDiscreteScheduler, 54, width=64, height=64)
    tensors = {
        "start": start,
        "refiner": run(refiner, euler, 51, image=start, strength=0.3),
        "refiner_negative": run(refiner, EulerAncestralDiscreteScheduler, 52, negative=NEGATIVE, image=start, strength=0.55),
        "refiner_unguided": run(refiner, euler, 53, guidance=1.0, image=start, strength=0.3),
        "line": run(refiner, euler, 55, image=base, strength=0.3),
    }
    for name, kind, seed in (("relay", euler, 56), ("relay_a", EulerAncestralDiscreteScheduler, 58),
                             ("relay_dpm", DPMSolverMultistepScheduler, 60)):
        tensors[name + ".half"], tensors[name] = relay(xl, refiner, kind, seed)
    save_file({k: v.contiguous() for k, v in tensors.items()}, os.path.join(HERE, "refiner.safetensors"))
    single(refiner)


def single(refiner):
    """In the original layout, where the only tower is the first embedder."""
    refiner.text_encoder = refiner.text_encoder_2.half()
    weights = {k: v for k, v in flatten(refiner.to(torch.float16), False).items() if not k.startswith("cond_stage")}
    weights |= {k.replace("embedders.1", "embedders.0"): v for k, v in open_clip(refiner.text_encoder_2).items()}
    path = os.path.join(HERE, "single_refiner.safetensors")
    save_file({k: v.contiguous().clone() for k, v in weights.items()}, path)
    read = UNet2DConditionModel.from_single_file(path, config=REFINER, subfolder="unet", local_files_only=True, dtype=torch.float16)
    assert all(torch.equal(v, read.state_dict()[k]) for k, v in refiner.unet.state_dict().items())


main()
