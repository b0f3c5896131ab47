# SPDX-License-Identifier: Apache-2.0
"""The tiny models of make.py as single files in the original layout, checked by diffusers' own reader of them.

    python original.py        # after make.py; writes single.safetensors, single_xl.safetensors, single_sd2.safetensors
    python original.py sd2    # the last alone: the first with its text tower as Stable Diffusion 2 has it

Names are turned here by rules of their own; StableDiffusion(XL)Pipeline.from_single_file must then find every weight
where it was.
"""
import os
import re
import sys

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
          "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
FIXED = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
         "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
         "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2"}


def unet_name(name, attention_above):
    for old, new in FIXED.items():
        if name.startswith(old + "."):
            return new + name[len(old):]
    m = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)", name)
    if m:
        way, i, kind, j, rest = m[1], int(m[2]), m[3], int(m[4]), m[5]
        first = 3 * i + (1 if way == "down" else 0)
        block = "input_blocks" if way == "down" else "output_blocks"
        if kind == "resnets":
            member, leaf = rest.split(".")
            return f"{block}.{first + j}.0.{RESNET[member]}.{leaf}"
        if kind == "attentions":
            return f"{block}.{first + j}.1.{rest}"
        if kind == "downsamplers":
            return f"{block}.{first + 2}.0.op.{rest.split('.')[-1]}"
        return f"{block}.{first + 2}.{2 if attention_above[i] else 1}.{rest}"
    m = re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.*)", name)
    if m[1] == "attentions":
        return f"middle_block.1.{m[3]}"
    member, leaf = m[3].split(".")
    return f"middle_block.{2 * int(m[2])}.{RESNET[member]}.{leaf}"


def vae_name(name, blocks):
    name = name.replace("conv_norm_out", "norm_out").replace("mid_block.attentions.0.group_norm", "mid.attn_1.norm")
    name = re.sub(r"mid_block\.attentions\.0\.to_([qkv])\.", r"mid.attn_1.\1.", name)
    name = name.replace("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets\.", r"down.\1.block.", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.", lambda m: f"up.{blocks - 1 - int(m[1])}.block.", name)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{blocks - 1 - int(m[1])}.upsample", name)


def text_names(model):
    """transformers 5 leaves the tower's name out; files have it."""
    return {k if k.startswith(("text_model.", "text_projection.")) else "text_model." + k: v for k, v in model.state_dict().items()}


def open_clip(model, prefix="conditioner.embedders.1.model."):
    weights, out = text_names(model), {}
    for name, value in weights.items():
        if name == "text_projection.weight":
            out["text_projection"] = value.T.contiguous()
            continue
        name = name.removeprefix("text_model.").replace("embeddings.token_embedding", "token_embedding")
        name = name.replace("embeddings.position_embedding.weight", "positional_embedding").replace("final_layer_norm", "ln_final")
        name = name.replace("encoder.layers", "transformer.resblocks").replace("layer_norm", "ln_").replace("self_attn", "attn")
        name = name.replace("mlp.fc1", "mlp.c_fc").replace("mlp.fc2", "mlp.c_proj")
        m = re.match(r"(.*attn)\.([qkv])_proj\.(weight|bias)", name)
        if not m:
            out[name] = value
        elif m[2] == "q":
            layer = re.search(r"resblocks\.(\d+)", name)[1]
            parts = [weights[f"text_model.encoder.layers.{layer}.self_attn.{x}_proj.{m[3]}"] for x in "qkv"]
            out[f"{m[1]}.in_proj_{m[3]}"] = torch.cat(parts)
    out["logit_scale"] = torch.tensor(4.6)
    return {prefix + k: v for k, v in out.items()}


def flatten(pipe, xl):
    c = pipe.unet.config
    up = ["CrossAttn" in kind for kind in c.up_block_types]
    out = {"model.diffusion_model." + unet_name(k, up): v for k, v in pipe.unet.state_dict().items()}
    blocks = len(pipe.vae.config.block_out_channels)
    for k, v in pipe.vae.state_dict().items():
        attention = re.search(r"attentions\.0\.to_\w+(\.0)?\.weight", k)
        out["first_stage_model." + vae_name(k, blocks)] = v[:, :, None, None] if attention else v
    prefix = "conditioner.embedders.0.transformer." if xl else "cond_stage_model.transformer."
    out |= {prefix + k: v for k, v in text_names(pipe.text_encoder).items()}
    return out | (open_clip(pipe.text_encoder_2) if xl else {})


def check(kind, folder, file):
    # the training schedule's table stands in real files too and is no weight
    whole = kind.from_pretrained(folder, dtype=torch.float16)
    weights = flatten(whole, "XL" in kind.__name__)
    save_file({k: v.contiguous().clone() for k, v in weights.items()}, file)
    read = kind.from_single_file(file, config=folder, local_files_only=True, dtype=torch.float16)
    for part in ("unet", "vae", "text_encoder") + (("text_encoder_2",) if "XL" in kind.__name__ else ()):
        want, got = getattr(whole, part).state_dict(), getattr(read, part).state_dict()
        assert want.keys() == got.keys() and all(torch.equal(want[k], got[k]) for k in want), part
    print(file, len(weights), "tensors, as diffusers reads them")


def second():
    """A layer more than the tower's own, as OpenCLIP's ViT-H has it, and a projection; read by diffusers' conversion. To
    stay small it holds of the UNet one bias, and no autoencoder: the tests bring these."""
    folder, prefix = os.path.join(HERE, "model"), "cond_stage_model.model."
    pipe = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float16)
    weights = {k: v for k, v in flatten(pipe, False).items() if k == "model.diffusion_model.input_blocks.0.0.bias"}
    text = open_clip(pipe.text_encoder, prefix)
    last = max(int(re.search(r"resblocks\.(\d+)", k)[1]) for k in text if "resblocks" in k)
    text |= {k.replace(f"resblocks.{last}.", "resblocks.23."): v for k, v in text.items() if f"resblocks.{last}." in k}
    text[prefix + "text_projection"] = torch.eye(pipe.text_encoder.config.hidden_size).half()
    got = convert_open_clip_checkpoint(pipe.text_encoder, dict(text), prefix=prefix)
    want = text_names(pipe.text_encoder)
    assert all(torch.equal(want[k], got[k]) for k in want), "text"
    save_file({k: v.contiguous().clone() for k, v in (weights | text).items()}, os.path.join(HERE, "single_sd2.safetensors"))


if __name__ == "__main__" and sys.argv[1:] == ["sd2"]:
    second()
elif __name__ == "__main__":
    check(StableDiffusionPipeline, os.path.join(HERE, "model"), os.path.join(HERE, "single.safetensors"))
    check(StableDiffusionXLPipeline, os.path.join(HERE, "xl"), os.path.join(HERE, "single_xl.safetensors"))
    second()
