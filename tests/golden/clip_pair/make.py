# SPDX-License-Identifier: Apache-2.0
"""Small random CLIP pairs in every form that is read, what they make of pictures and texts, and open_clip's token ids.

    python make.py            # transformers, open_clip, PyTorch; float64 forward, weights rounded to f16

hf/               a transformers folder with its vocabulary, which the other pairs use too: letters and a few merges
open/             an open_clip folder: open_clip_pytorch_model.bin and open_clip_config.json
openai.pt         open_clip's CLIP traced by torch.jit and saved: what OpenAI's own archives are
values.safetensors    "pixels.NAME" [n,h,w,3] and "images.NAME.ACT", "texts.NAME.ACT" [n,P]
texts.json        the texts, how many tokens each has and how many are read; torchmetrics' clip_score of hf/ with its pictures
                  in turn, of the texts that fit
bpe.txt.gz        a vocabulary in the form of bpe_simple_vocab_16e6.txt.gz; ids.jsonl: open_clip's ids by it
"""
import collections
import gzip
import io
import json
import pathlib
import sys
import zipfile

import open_clip
import torch
from open_clip.tokenizer import SimpleTokenizer
from safetensors.torch import save_file
from torchmetrics.functional.multimodal.clip_score import _clip_score_update
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
from small import last, randomise, tensors  # noqa: E402

CONTEXT = 16
TEXTS = ["a red shirt", "", "x", "red hair, red shirt, red hair, red shirt", "The  Long Red\tHair", "zzzzzzzzzzzzzzzzzzz",
         "a short, a long, a red, a long short red long hair on a long red shirt"]
values = {}


def letters(folder):
    """vocab.json and merges.txt of 62 tokens."""
    folder.mkdir(exist_ok=True)
    merges = ["r e", "re d</w>", "h a", "i r</w>", "ha ir</w>", "l o", "n g</w>"]
    signs = [chr(c) for c in range(ord("a"), ord("z") + 1)] + [","]
    words = signs + [s + "</w>" for s in signs] + [m.replace(" ", "") for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": CONTEXT}) + "\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")), len(words)


def ids_of(tokenizer):
    """[n,CONTEXT], zeros behind END; and [tokens, read] without START and END."""
    rows, readings = [], []
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        readings.append([len(ids) - 2, min(len(ids), CONTEXT) - 2])
        if len(ids) > CONTEXT:
            ids = ids[:CONTEXT - 1] + [ids[-1]]
        rows.append(ids + [0] * (CONTEXT - len(ids)))
    return torch.tensor(rows), readings


def keep(name, act, pixels, images, texts):
    values[f"pixels.{name}"] = last(pixels).float()
    values[f"images.{name}.{act}"] = images.float()
    values[f"texts.{name}.{act}"] = texts.float()


class Features:
    """What torchmetrics asks of a model, over a pair in float64."""

    config = None

    def __init__(self, model):
        self.model = model

    def to(self, device):
        return self

    def get_image_features(self, pixels):
        return self.model.visual_projection(self.model.vision_model(pixels.double()).pooler_output)

    def get_text_features(self, ids, mask):
        return self.model.text_projection(self.model.text_model(ids, attention_mask=mask).pooler_output)


def torchmetrics_scores(model, tokenizer, pixels):
    """clip_score of each text that fits with a picture, before it is held above 0."""
    def processor(text=None, images=None, **more):
        return {"pixel_values": torch.stack(images)} if images else tokenizer(text, **more)

    fits = [text for text in TEXTS if len(tokenizer(text)["input_ids"]) <= CONTEXT]
    return [(text, float(_clip_score_update(pixels[i % 2], text, Features(model), processor)[0].mean()))
            for i, text in enumerate(fits)]


def make_hf(vocabulary, ids, tokenizer):
    tower = dict(layer_norm_eps=1e-5)
    for act in ("quick_gelu", "gelu"):
        config = CLIPConfig(projection_dim=10,
                            text_config=dict(tower, num_hidden_layers=2, vocab_size=vocabulary, hidden_size=24,
                                             intermediate_size=36, num_attention_heads=3, eos_token_id=2, hidden_act=act,
                                             max_position_embeddings=CONTEXT),
                            vision_config=dict(tower, num_hidden_layers=1, hidden_size=20, intermediate_size=30,
                                               num_attention_heads=2, image_size=16, patch_size=8, hidden_act=act))
        model = randomise(CLIPModel(config), 400)
        pixels = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(401))
        keep("hf", act, pixels, model.visual_projection(model.vision_model(pixels.double()).pooler_output),
             model.text_projection(model.text_model(ids).pooler_output))
        if act == "gelu":
            continue
        scores = torchmetrics_scores(model, tokenizer, pixels)
        written = config.to_dict()
        for part in ("text_config", "vision_config"):  # as in the first published files: not the pair's projection
            written[part] |= {"projection_dim": 512, "architectures": None}
        written["architectures"] = ["CLIPModel"]
        (here / "hf/config.json").write_text(json.dumps(written, indent=1, default=str) + "\n")
        save_file(tensors(model), here / "hf/model.safetensors")
    return scores


def open_model(vision, text, quick, seed):
    model = open_clip.CLIP(embed_dim=10, vision_cfg=vision, text_cfg=text, quick_gelu=quick)
    return randomise(model, seed)


def make_open(vocabulary, ids):
    vision = dict(image_size=16, layers=2, width=24, head_width=12, mlp_ratio=1.5, patch_size=8)
    text = dict(context_length=CONTEXT, vocab_size=vocabulary, width=20, heads=4, layers=1, mlp_ratio=1.5)
    folder = here / "open"
    folder.mkdir(exist_ok=True)
    for quick in (False, True):
        model = open_model(vision, text, quick, 402)
        pixels = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(403))
        keep("open", "quick_gelu" if quick else "gelu", pixels, model.encode_image(pixels.double()), model.encode_text(ids))
    torch.save({k: v.half() for k, v in model.state_dict().items()}, folder / "open_clip_pytorch_model.bin")
    config = {"model_cfg": {"embed_dim": 10, "vision_cfg": vision, "text_cfg": text},
              "preprocess_cfg": {"mean": [0.5, 0.25, 0.125], "std": [0.5, 0.5, 0.25]}}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")


def make_openai(vocabulary, ids):
    """One layer of one head of 64 a tower, so that shapes say all."""
    vision = dict(image_size=12, layers=1, width=64, mlp_ratio=0.25, patch_size=4)
    text = dict(context_length=CONTEXT, vocab_size=vocabulary, width=64, heads=1, layers=1, mlp_ratio=0.25)
    model = open_model(vision, text, True, 404)
    pixels = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(405))
    keep("openai", "quick_gelu", pixels, model.encode_image(pixels.double()), model.encode_text(ids))
    for name, size in (("input_resolution", 12), ("context_length", CONTEXT), ("vocab_size", vocabulary)):
        if hasattr(model, name):
            delattr(model, name)
        model.register_buffer(name, torch.tensor(size))
    model = model.half()
    whole = io.BytesIO()
    with torch.no_grad():
        torch.jit.save(torch.jit.trace(model, (pixels.half(), ids[:2]), check_trace=False), whole)
    with zipfile.ZipFile(whole) as z, zipfile.ZipFile(here / "openai.pt", "w") as out:  # without what debuggers read
        for entry in z.namelist():
            if not entry.endswith(".debug_pkl"):
                out.writestr(entry, z.read(entry))


# --- open_clip's tokenizer ---------------------------------------------------------

SENTENCES = [
    "a full-body shot, an adult asian female, fit body, city street, red striped long sleeve cotton shirt, blue denim pants",
    "A Photo depicts a man's hat, it's 1920x1080, they'll've gone; can't won't shouldn't",
    "black leather jacket, white sneakers, brown hair above shoulders, round glasses, silk scarf, wide belt",
    "une très jolie fille à la plage, naïve façade, größe, señor, żółć, Ελλάδα, Москва, 東京タワー, 🙂 ok",
]


def bpe_file(path, count):
    """Merges of the most frequent pairs, in the file's form; the last line has no end, as reading by lines wants it."""
    plain = SimpleTokenizer()
    words = collections.Counter()
    for text in SENTENCES:
        for token in plain.pat.findall(plain.clean_fn(text)):
            signs = [plain.byte_encoder[b] for b in token.encode("utf-8")]
            words[tuple(signs[:-1]) + (signs[-1] + "</w>",)] += 1
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        joined = collections.Counter()
        for word, n in words.items():
            out, i = [], 0
            while i < len(word):
                both = word[i:i + 2] == best
                out.append("".join(word[i:i + 2]) if both else word[i])
                i += 2 if both else 1
            joined[tuple(out)] += n
        words = joined
    text = '"bpe_small.txt#version: 0.2\n' + "\n".join(" ".join(m) for m in merges)
    path.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))


def make_ids():
    bpe_file(here / "bpe.txt.gz", 150)
    tokenizer = SimpleTokenizer(bpe_path=str(here / "bpe.txt.gz"))
    texts = SENTENCES + ["", " ", "a", "A  B\tC\n", ", ".join(SENTENCES), SENTENCES[0] * 3, "shirt " * 75, "shirt " * 20,
                         "!?!... #1 (two)"]
    texts += ["a man\u2019s \u201chat\u201d &amp; a woman&#39;s bag", "&lt;b&gt; &amp;amp; R&amp;D caf&eacute; &#xE9;&#233; 5 &times; 3",
              "of\ufb01ce \ufb02oor, \uff32\uff45\uff44\u3000shirt", "AT&T; & so &unknown; on &#0; &#xD800; &#;", "a&nbsp;b &"]
    texts += ["a " * n for n in range(74, 79)]  # around the length where a text begins to be cut
    with open(here / "ids.jsonl", "w", encoding="utf-8") as f:
        for text in texts:
            row = {"text": text, "tokens": len(tokenizer.encode(text)), "ids": tokenizer(text)[0].tolist()}
            f.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    tokenizer, vocabulary = letters(here / "hf")
    ids, readings = ids_of(tokenizer)
    scores = make_hf(vocabulary, ids, tokenizer)
    make_open(vocabulary, ids)
    make_openai(vocabulary, ids)
    save_file({k: v.detach().contiguous() for k, v in values.items()}, here / "values.safetensors")
    (here / "texts.json").write_text(json.dumps({"texts": TEXTS, "readings": readings, "torchmetrics": scores}, indent=1) + "\n")
    make_ids()


main()
