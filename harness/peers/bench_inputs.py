# SPDX-License-Identifier: Apache-2.0
"""What bench_check.py hands to `cosmicman bench`: two small random models of Stable Diffusion 1.5's build, a prompt table as
spreadsheets save it, a folder of photographs, random weights of the scores' networks. All from seeds; nothing is downloaded.
"""
import gzip
import json
import os
import subprocess

import numpy
import open_clip
import torch
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VOCABULARY = os.path.join(os.path.dirname(open_clip.__file__), "bpe_simple_vocab_16e6.txt.gz")
INCEPTION = "pt_inception-2015-12-05-6726825d.pth"
WORDS = 49408


def byte_symbols():
    """The printable stand-ins of the 256 bytes in byte-level vocabularies, in CLIP's order."""
    keep = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(b) for b in keep] + [chr(256 + i) for i in range(256 - len(keep))]


def make_tokenizer(folder):
    """CLIP's own vocabulary as a model's folder has it, from the file of open_clip."""
    from transformers import CLIPTokenizer
    with gzip.open(VOCABULARY, "rt", encoding="utf-8") as f:
        merges = f.read().split("\n")[1:WORDS - 256 - 256 - 2 + 1]
    symbols = byte_symbols()
    words = symbols + [s + "</w>" for s in symbols] + [m.replace(" ", "") for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/vocab.json", "w", encoding="utf-8") as f:
        json.dump({w: i for i, w in enumerate(words)}, f, ensure_ascii=False)
    with open(f"{folder}/merges.txt", "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    return CLIPTokenizer(f"{folder}/vocab.json", f"{folder}/merges.txt", model_max_length=77, pad_token="<|endoftext|>")


def livelier(module, scale):
    """Random weights whose output depends on their input: matrices larger than PyTorch's, biases not 0."""
    with torch.no_grad():
        for p in module.parameters():
            if p.ndim > 1:
                p.mul_(scale)
            else:
                p.add_(0.1 * torch.randn_like(p))
    return module.eval()


def make_model(folder, seed):
    """A StableDiffusionPipeline folder: all of Stable Diffusion 1.5 but the widths."""
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel
    if os.path.exists(f"{folder}/model_index.json"):
        return
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(f"{folder}/tokenizer")
    text = CLIPTextModel(CLIPTextConfig(vocab_size=WORDS, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                                        max_position_embeddings=77, hidden_act="quick_gelu", projection_dim=32, bos_token_id=WORDS - 2,
                                        eos_token_id=WORDS - 1, pad_token_id=WORDS - 1))
    with torch.no_grad():
        text.get_input_embeddings().weight.mul_(20)
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 8, 16, 16), layers_per_block=2,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",), up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        attention_head_dim=4, cross_attention_dim=32, norm_num_groups=4)
    vae = diffusers.AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(4, 8, 8, 8), layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4, sample_size=64, scaling_factor=0.18215)
    scheduler = diffusers.PNDMScheduler(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                                        set_alpha_to_one=False, steps_offset=1, skip_prk_steps=True)
    pipe = diffusers.StableDiffusionPipeline(
        vae=livelier(vae, 1.2), text_encoder=livelier(text, 1.0), tokenizer=tokenizer, unet=livelier(unet, 1.3), scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe.save_pretrained(folder, safe_serialization=True)
    for name in ("vocab.json", "merges.txt"):  # this release of transformers saves tokenizer.json alone; models have all three
        if not os.path.exists(f"{folder}/tokenizer/{name}"):
            make_tokenizer(f"{folder}/tokenizer")


def make_prompts(path, count):
    """A table with a byte order mark, CR LF, quotes, doubled quotes, line breaks and a column of no use; no ids."""
    with open(f"{ROOT}/prompts/sets/human-2048.jsonl", encoding="utf-8") as f:
        rows = [row for row in map(json.loads, f) if "prompt" in row][:count]
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write("\ufeffShot,Caption\r\n")
        for i, row in enumerate(rows):
            text = row["prompt"]
            if i % 4 == 1:
                text = text.replace(", ", ",\r\n", 1)
            if i % 4 == 2:
                text += ', a "vintage" look'
            f.write('"%s","%s"\r\n' % (row["shot"], text.replace('"', '""')) if i % 4 else f'{row["shot"]},"{text}"\r\n')


def make_photographs(folder, given, count):
    """JPEG files: the first of those given (links), else smooth shapes with some noise."""
    os.makedirs(folder, exist_ok=True)
    names = sorted(n for n in os.listdir(given) if n.endswith(".jpg"))[:count] if given else [f"{i:04}.jpg" for i in range(count)]
    random = numpy.random.default_rng(5)
    for name in names:
        path = f"{folder}/{name}"
        if given and not os.path.exists(path):
            os.symlink(os.path.abspath(f"{given}/{name}"), path)
        if not given:
            coarse = Image.fromarray(random.integers(0, 256, (12, 8, 3), dtype=numpy.uint8)).resize((256, 384), Image.BICUBIC)
            noisy = numpy.asarray(coarse, numpy.int16) + random.integers(-9, 10, (384, 256, 3), dtype=numpy.int16)
            Image.fromarray(numpy.clip(noisy, 0, 255).astype(numpy.uint8)).save(path, quality=90)
    if len(names) < count:
        raise SystemExit(f"{given}: {len(names)} .jpg files, {count} are wanted")


def small_config(act):
    """Of open_clip: the real ViT-L/14 and ViT-H/14 take seconds an image."""
    return {"embed_dim": 32, "quick_gelu": act == "quick_gelu", "vision_cfg": {"image_size": 224, "layers": 2, "width": 128, "patch_size": 32},
            "text_cfg": {"context_length": 77, "vocab_size": WORDS, "width": 64, "heads": 1, "layers": 2}}


def save_pair(folder, seed, config):
    torch.manual_seed(seed)
    pair = livelier(open_clip.CLIP(**config), 1.0)
    os.makedirs(folder, exist_ok=True)
    torch.save(pair.state_dict(), f"{folder}/open_clip_pytorch_model.bin")
    with open(f"{folder}/open_clip_config.json", "w") as f:
        json.dump({"model_cfg": config}, f)
    return pair


def make_weights(folder, program):
    """Inception as pytorch-fid's file; ViT-B/32 at its size; small pairs in the places of ViT-L/14 and of HPS v2.1.
    Returns the pairs, and Inception's state."""
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(f"{folder}/{INCEPTION}"):
        from safetensors.torch import load_file
        subprocess.run([program, "export", "-q", "--model", "random:inception-2015-12-05", "--seed", "7", "--out", f"{folder}/made"], check=True,
                       stdout=subprocess.DEVNULL)
        torch.save(load_file(f"{folder}/made/model.safetensors"), f"{folder}/{INCEPTION}")
    pairs = {"clip@mlperf": save_pair(f"{folder}/clip-vit-b-32", 11, open_clip.get_model_config("ViT-B-32-quickgelu")),
             "clip-phrases": save_pair(f"{folder}/clip-vit-l-14", 12, small_config("quick_gelu")),
             "hpsv2@2.1": save_pair(f"{folder}/hps-v2.1", 13, small_config("gelu"))}
    return pairs, torch.load(f"{folder}/{INCEPTION}")
