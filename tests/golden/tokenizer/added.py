# SPDX-License-Identifier: Apache-2.0
"""Learned tokens as transformers before 4.34 saved them (textual inversion), read by transformers.

    python added.py           # transformers 5.24.0: writes added.json, over the vocabulary of sd

added.json: {"config": tokenizer_config.json, "map": special_tokens_map.json, "added": added_tokens.json, "text", "ids"}
"""
import json
import pathlib
import shutil
import tempfile

import transformers
from transformers import CLIPTokenizer

assert transformers.__version__ == "5.24.0"
here = pathlib.Path(__file__).parent
START, END = "<|startoftext|>", "<|endoftext|>"
SIZE = len(json.loads((here / "sd" / "vocab.json").read_text()))
PLAIN = {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer", "bos_token": START, "eos_token": END, "unk_token": END,
         "pad_token": END}
TOKENS = {"<cat>": SIZE, "<cat-toy>": SIZE + 1, "Sks": SIZE + 2, "<été>": SIZE + 3}
TEXTS = ["a <cat> and a <cat-toy>", "a <CAT>, sks SKS sksy xsks", "<cat><cat-toy>the<cat", "un <ÉTÉ> <e\u0301te\u0301>  <cat>\n<cat>", "a woman"]
DECODER = {str(SIZE + 1): {"content": "<dog>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}}
CASES = [(PLAIN, None, TOKENS), (PLAIN, {"additional_special_tokens": ["<cat>", "Sks"], "pad_token": END}, TOKENS),
         ({**PLAIN, "added_tokens_decoder": DECODER}, None, TOKENS), (PLAIN, None, {"woman": SIZE, "wom": SIZE + 1})]


def main():
    rows = []
    for config, special, added in CASES:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name in ("vocab.json", "merges.txt"):
                shutil.copy(here / "sd" / name, folder)
            for name, value in (("tokenizer_config", config), ("special_tokens_map", special), ("added_tokens", added)):
                if value is not None:
                    (folder / f"{name}.json").write_text(json.dumps(value))
            tokenizer = CLIPTokenizer.from_pretrained(folder)
            for text in TEXTS:
                rows.append({"config": config, "map": special, "added": added, "text": text,
                             "ids": tokenizer(text, padding="max_length", max_length=77, truncation=True).input_ids[:24]})
    (here / "added.json").write_text(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).replace('{"config"', '\n{"config"') + "\n")


main()
