# SPDX-License-Identifier: Apache-2.0
"""Small random CLIP towers of transformers. Run: python make.py"""
import pathlib
import sys

import torch
from transformers import (CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPVisionConfig, CLIPVisionModel,
                          CLIPVisionModelWithProjection)

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
from small import gradients, last, randomise, save, tensors  # noqa: E402

BODY = dict(hidden_size=12, intermediate_size=20, num_attention_heads=3, projection_dim=7)


class AnySize:
    """Stands for an image size in a comparison that a picture which is not square would fail."""

    def __ne__(self, other):
        return False


def text(name, kind, seed, prefix, **config):
    config = dict(BODY, vocab_size=40, max_position_embeddings=9, bos_token_id=1, pad_token_id=0, **config)
    model = randomise(kind(CLIPTextConfig(**config)), seed)
    eos = 39 if config["eos_token_id"] == 2 else config["eos_token_id"]
    g = torch.Generator().manual_seed(seed + 1)
    ids = torch.randint(3, 30, (3, 9), generator=g)
    ids[0, 4:], ids[1, 8], ids[2, 2:] = eos, eos, torch.tensor([eos, 5, eos, 0, 0, 0, 0])
    values = {"ids": ids}
    for length in (9, 6):
        out = model(ids[:, :length], output_hidden_states=True)
        values |= {f"hidden.{length}": out.last_hidden_state, f"penultimate.{length}": out.hidden_states[-2],
                   f"pooled.{length}": out.text_embeds if hasattr(out, "text_embeds") else out.pooler_output}
    if name == "text-projection":
        values["dy"] = torch.randn(values["pooled.9"].shape, generator=g)
        values |= gradients(model, model(ids).text_embeds, values["dy"].double())
    save(here / name, dict(config, architectures=[kind.__name__], model_type="clip_text_model"),
         tensors(model, lambda k: prefix + k), "model.safetensors", values)


def vision(name, kind, seed, prefix, size, **config):
    config = dict(BODY, num_channels=3, patch_size=4, **config)
    model = kind(CLIPVisionConfig(image_size=size[0], **config))
    tower = model.vision_model if hasattr(model, "vision_model") else model
    if size[0] != size[1]:  # transformers only makes square ones: give it the positions of another shape
        embeddings, count = tower.embeddings, size[0] * size[1] // 16 + 1
        embeddings.position_embedding = torch.nn.Embedding(count, config["hidden_size"])
        embeddings.position_ids = torch.arange(count)[None]
        embeddings.image_size = AnySize()
    randomise(model, seed)
    g = torch.Generator().manual_seed(seed + 1)
    pixels = torch.randn(2, 3, *size, generator=g)
    out = model(pixels.double())
    features = out.image_embeds if hasattr(out, "image_embeds") else out.pooler_output
    values = {"pixels": last(pixels), "features": features, "dy": torch.randn(features.shape, generator=g)}
    values |= gradients(model, features, values["dy"].double())
    save(here / name, dict(config, image_size=list(size) if size[0] != size[1] else size[0], architectures=[kind.__name__],
                           model_type="clip_vision_model"),
         tensors(model, lambda k: prefix + k), "model.safetensors", values)


# as Stable Diffusion 1.5's: the end token 2 of old configs means "the largest id"; files of transformers 4 name the tower
text("text-sd", CLIPTextModel, 300, "text_model.", num_hidden_layers=2, hidden_act="quick_gelu", eos_token_id=2)
text("text-projection", CLIPTextModelWithProjection, 301, "", num_hidden_layers=3, hidden_act="gelu", eos_token_id=31)
# as transformers 5 writes a lone tower, without the tower's name; one layer, so that the penultimate is the embedding
text("text-lone", CLIPTextModel, 302, "", num_hidden_layers=1, hidden_act="quick_gelu", eos_token_id=31, layer_norm_eps=1e-3)
vision("vision", CLIPVisionModelWithProjection, 303, "", (12, 12), num_hidden_layers=2, hidden_act="gelu")
vision("vision-tall", CLIPVisionModel, 304, "vision_model.", (12, 8), num_hidden_layers=2, hidden_act="quick_gelu")
