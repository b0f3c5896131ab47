# SPDX-License-Identifier: Apache-2.0
"""Classes of text that make.py has few or none of, and the tokens that pad and end, by transformers.

    python more.py            # transformers 5.24.0: writes more.jsonl and pads.json
    python more.py slow       # transformers 4.57.6, which still has the slow tokenizer; without ftfy: only compares

more.jsonl: {"class", "text", "hashes"} as in texts.jsonl, of the forms sd and sdxl2. pads.json: configurations with
special_tokens_map.json beside them, and the ids of one text.

Where transformers 4's slow and fast tokenizers agree, version 5 has the same ids (the second command checks it). They
disagree on control and format characters (the slow one drops them), Chinese characters (it puts blanks around them) and
marks beside letters; there version 5, which has no slow one, does as the fast one does.
"""
import collections
import json
import pathlib
import random
import sys
import tempfile

import transformers
from transformers import CLIPTokenizer

here = pathlib.Path(__file__).parent
START, END = "<|startoftext|>", "<|endoftext|>"
KINDS = dict(padding="max_length", max_length=77, truncation=True)
WORDS = "a red striped long sleeve shirt black hair woman blue coat photo of don't it's".split()


def fnv(ids):
    h = 2166136261
    for i in ids:
        for byte in int(i).to_bytes(4, "little"):
            h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h


def entities():
    names = "amp lt gt quot apos nbsp eacute Eacute AMP LT hellip mdash trade copy".split()
    out = [f"&{n};" for n in names] + [f"&{n}" for n in names] + [f"&amp;{n};" for n in names]
    return out + ["&#39;", "&#039;", "&#x27;", "&#X27;", "&#39", "&#;", "&#x;", "&;", "&#1234567890;", "&#x1F455;", "&&amp;", "AT&T"]


def emoji():
    tones = [chr(c) for c in range(0x1F3FB, 0x1F400)]
    people = ["\U0001F469", "\U0001F468", "\U0001F9D1", "\U0001F474"]
    parts = ["\U0001F9B0", "\U0001F4BB", "\u2764\ufe0f", "\u2640\ufe0f"]
    out = [p + t + "\u200d" + x for p in people for t in ["", *tones] for x in parts]
    tags = "".join(chr(0xE0000 + ord(c)) for c in "gbeng") + "\U000E007F"
    flags = [chr(0x1F1E6 + a) + chr(0x1F1E6 + b) for a in range(0, 26, 5) for b in range(0, 26, 7)]
    keycaps = [d + "\ufe0f\u20e3" for d in "0123456789#*"]
    return out + flags + keycaps + ["\U0001F3F4" + tags, "\U0001F457", "\U0001F460", "\U0001FAE0", "\u263a", "\u263a\ufe0f"]


CLASSES = {
    "entities": entities(),
    "emoji": emoji(),
    "hidden": [chr(c) for c in (0xAD, 0x34F, 0x61C, 0x115F, 0x17B4, 0x180B, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
                                *range(0x2060, 0x2070), 0x3164, 0xFE00, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xFFFC, 0xFFFD,
                                0x1BCA0, 0x1D173, 0xE0001, 0xE0020, 0xE0100)],
    "combining": [chr(c) for c in (*range(0x300, 0x370), *range(0x483, 0x48A), *range(0x591, 0x5BE), *range(0x64B, 0x660),
                                   0x93C, 0x94D, 0xE31, 0xE47, *range(0x20D0, 0x20F1), 0x302A, 0x3099, 0xFE20)],
    "control": [chr(c) for c in (*range(1, 0x20), *range(0x7F, 0xA0))],
    "quotes": list("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u2032\u2033\u00b4\u0060\u00ab\u00bb\u2039\u203a\uff07\uff02"),
    "dashes": list("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u301c\ufe58\uff0d\u00b7\u2022\u2026"),
    "wide": [chr(c) for c in range(0xFF01, 0xFF5F)] + [chr(c) for c in range(0xFF66, 0xFF9E)],
    "script": [chr(c) for c in (*range(0x1D400, 0x1D7CC, 7), *range(0x2460, 0x24EA, 3), *range(0x1F130, 0x1F150), *range(0x2070, 0x2090))],
}
LONG = ["shirt" * 400, "redredred" * 300, "x" * 5000, "\u00e9" * 2000, "e\u0301" * 1500, "\U0001F457" * 800, "1" * 500, "-" * 3000,
        "\u6771\u4eac" * 400, "'s" * 300, "a'" * 300, "red-" * 300, "Shirt\u0301" * 200, "&amp;" * 200, "\u200b" * 500, "\x01" * 500,
        "hai" * 25 + "hair", "r" + "e" * 76, "red " * 74 + "striped", "red " * 75 + "striped", "red " * 76 + "striped"]


def texts():
    rng = random.Random(12)
    for name, parts in CLASSES.items():
        for part in parts:
            yield name, part
        for _ in range(120):
            words = [rng.choice(parts) if rng.random() < 0.5 else rng.choice(WORDS) for _ in range(rng.randint(2, 12))]
            yield name, ("" if rng.random() < 0.4 else " ").join(words)
    for text in LONG:
        yield "long", text
        yield "long", "a " + text.upper() + " b"


PAD = {"content": "!", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}


def listed(vocabulary):
    row = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False, "special": True}
    return {"0": {**PAD, "special": True}, **{str(vocabulary[t]): {"content": t, **row} for t in (START, END)}}


def pads():
    """(tokenizer_config.json, special_tokens_map.json); null: no such file"""
    config = json.loads((here / "sd/tokenizer_config.json").read_text())
    none = {k: v for k, v in config.items() if k != "pad_token"}
    decoder = {"added_tokens_decoder": listed(json.loads((here / "sd/vocab.json").read_text()))}
    names = {"pad_token": "!", "bos_token": START, "eos_token": END, "unk_token": END}
    return [(none, {"pad_token": "!"}), (config, {"pad_token": "!"}), (none, {"pad_token": PAD}), (config | {"pad_token": "!"}, {"pad_token": END}),
            (config | decoder, {"pad_token": "!"}), (none | decoder | {"pad_token": "!"}, {"pad_token": END}), (None, names),
            ({"model_max_length": 77}, names), (config | {"pad_token": "!"}, None)]


def ids_of(config, mapped, text):
    with tempfile.TemporaryDirectory() as folder:
        for name in ("vocab.json", "merges.txt"):
            pathlib.Path(folder, name).write_text((here / "sd" / name).read_text())
        for name, value in (("tokenizer_config.json", config), ("special_tokens_map.json", mapped)):
            if value is not None:
                pathlib.Path(folder, name).write_text(json.dumps(value))
        return CLIPTokenizer.from_pretrained(folder)(text, padding="max_length", max_length=77, truncation=True)["input_ids"]


def write():
    assert transformers.__version__ == "5.24.0"
    forms = [CLIPTokenizer.from_pretrained(here / name) for name in ("sd", "sdxl2")]
    with open(here / "more.jsonl", "w") as f:
        for name, text in texts():
            line = {"class": name, "text": text, "hashes": [fnv(t(text, **KINDS)["input_ids"]) for t in forms]}
            f.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    text = "red! hair !!"
    rows = [{"config": c, "map": m, "text": text, "ids": ids_of(c, m, text)[:12]} for c, m in pads()]
    (here / "pads.json").write_text(json.dumps(rows, indent=1) + "\n")


def compare():
    from transformers import CLIPTokenizerFast
    assert transformers.__version__ == "4.57.6"
    slow, fast = CLIPTokenizer.from_pretrained(here / "sd"), CLIPTokenizerFast.from_pretrained(here / "sd")
    assert slow.fix_text is None, "without ftfy"
    agree, total = collections.Counter(), collections.Counter()
    for line in map(json.loads, open(here / "more.jsonl")):
        a, b = fnv(slow(line["text"], **KINDS)["input_ids"]), fnv(fast(line["text"], **KINDS)["input_ids"])
        assert b == line["hashes"][0], line["text"]
        total[line["class"]] += 1
        agree[line["class"]] += a == b
    print({k: f"{agree[k]} of {n}" for k, n in total.items()})


compare() if sys.argv[1:] == ["slow"] else write()
