# SPDX-License-Identifier: Apache-2.0
"""Texts that programs clean differently, and their ids by open_clip and by transformers on one vocabulary in two forms.

    python clean.py           # open_clip 3.3.0, ftfy 6.3.1, transformers 5.24.0
    python clean.py 20000     # so many more, mixed at random: to compare by, not to keep

folder/           bpe.txt.gz as vocab.json and merges.txt
clean.jsonl       "text"; "transformers", "open": hashes of the ids up to END; "repaired": ftfy finds it wrongly decoded, and what
                  it makes of it we do not
"""
import gzip
import html.entities
import json
import pathlib
import random
import sys

import ftfy
import transformers
from open_clip.tokenizer import SimpleTokenizer
from transformers import CLIPTokenizer

here = pathlib.Path(__file__).parent
assert ftfy.__version__ == "6.3.1" and transformers.__version__ == "5.24.0"
rng = random.Random(31)
WORDS = "a red shirt, long hair photo of black jacket man's it's CAFÉ Straße naïve İstanbul ΟΔΟΣ Σ ΣΑΣ 東京 Москва 5 100% don't".split()
ODD = ("\u2018 \u2019 \u201c \u201d \u201e \u201a \u2032 &amp; &amp;amp; &amp;lt; &lt; &gt; &quot; &#39; &#039; &#x27; &#59; &#x3b; &#12ab; "
       "&eacute; &Eacute; &EACUTE; &AELIG; &SZLIG; &CHECKMARK; &checkmark; &eacute &copy &copyx; &notit; &notin; &ampx &ltimes; &LTIMES; "
       "&fjlig; &filig; &FILIG; &frac12; &FRAC12; &nbsp; &hearts; &Aacutex; &CounterClockwiseContourIntegral; &acE; &bne; &unknown; &#0; "
       "&#128; &#x92; &#x81; &#xD800; &#x110000; &#99999999999; &#1; &#13; &#xFFFE; &#; &#x; & && &a; R&D AT&T; \ufb01 \ufb04 \u0132 \u01c6 "
       "\u0149 \ufb05 '\ufb05 \uff21\uff42\u3000 \uff76\uff9e\uff70\uff84 \uff8a\uff9f \uffa1\uffc2 \uffe3 \uffe6 \uff5f \u00e9 e\u0301 \u1e9b\u0323 "
       "\u212b \u2126 \u212a \x01 \x0b \x7f \x85 \x80 \x93hi\x94 \u200b \u200d \u2060 \u206a \ufeff \ufffc \ufff9 \x1b[31m \x1b[1;2H \x1b[ \u2028 \u00ad "
       "\u0391\u03a3 \u03a3\u0301 \u0391\u03a3\u0301 \u0391\u03a3' \u0391\u03a3'\u0391 \u0391.\u03a3 \u0391:\u03a3\u0391 \u03a3\u03a3\u03a3 <b> < \r \r\n \n <|endoftext|> <end_of_text> "
       "<|startoftext|> <start_of_text> ! \U0001f457 \u2764\ufe0f \u2026 \u2014 \u00b0 \u00bd \u00d7 '\u017f IT\u2019S '").split(" ")
MISREAD = ["caf\u00c3\u00a9", "it\u00e2\u20ac\u2122s", "\u00c3\u00bcber", "na\u00c3\u00afve", "\u00e2\u20ac\u0153hi\u00e2\u20ac\u009d", "\u00f0\u0178\u2018\u2014", "se\u00c3\u00b1or", "5\u00c2\u00b0 C",
           "don&acirc;&euro;&trade;t", "\u00e2\u009c\u0093", "it\u0432\u0402\u2122s", "it\u201a\u00c4\u00f4s", "it\u03b2\u20ac\u2122s", "it\u0101\u20ac\u2122s"]
GOOD = ["\u201cCAF\u00c9\u201d", "CAF\u00c9\u2026", "\u00c9\u00a0la", "Stra\u00dfe\u2019s", "\u00d6l\u2014"]


def fnv(ids):
    h = 2166136261
    for i in ids:
        for byte in int(i).to_bytes(4, "little"):
            h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h


def texts(many):
    for part in ODD + MISREAD:
        yield part
        yield f"A red {part} shirt{part}, {part}hair"
    yield from (f"A red {part} shirt" for part in GOOD)
    entities = sorted(html.entities.html5)
    for _ in range(40 + many):
        kind = rng.random()
        def one():
            if kind < 0.15 and rng.random() < 0.4:
                name = rng.choice(entities)
                name = name.upper() if rng.random() < 0.2 else name
                return "&" + (name if rng.random() < 0.8 else name.rstrip(";"))
            if many and kind < 0.3 and rng.random() < 0.3:
                return chr(rng.choice([rng.randint(1, 0x7F), rng.randint(0x80, 0x3FF), rng.randint(0x400, 0x2FFF), rng.randint(0x3000, 0xD7FF),
                                       rng.randint(0xF900, 0xFFFF)]))
            return rng.choice(ODD) if rng.random() < 0.45 else rng.choice(WORDS)
        yield rng.choice(["", " ", " ", "\n"]).join(one() for _ in range(rng.randint(2, 9)))


def folder(plain):
    (here / "folder").mkdir(exist_ok=True)
    names = dict(plain.encoder)
    for theirs, ours in (("<start_of_text>", "<|startoftext|>"), ("<end_of_text>", "<|endoftext|>")):
        names[ours] = names.pop(theirs)
    merges = gzip.decompress((here / "bpe.txt.gz").read_bytes()).decode().split("\n")[1:]
    (here / "folder/vocab.json").write_text(json.dumps(names, separators=(",", ":")) + "\n")
    (here / "folder/merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    return CLIPTokenizer(str(here / "folder/vocab.json"), str(here / "folder/merges.txt"))


def main(many):
    plain = SimpleTokenizer(bpe_path=str(here / "bpe.txt.gz"))
    fast = folder(plain)
    with open(here / "clean.jsonl", "w", encoding="utf-8") as f:
        for text in texts(many):
            ids = plain.encode(text)[:75]
            both = {"transformers": fast(text, truncation=True, max_length=77)["input_ids"], "open": [plain.sot_token_id, *ids, plain.eot_token_id]}
            repaired = ftfy.fix_text(text) != ftfy.fix_text(text, fix_encoding=False)
            row = {"text": text, **{k: fnv(v) for k, v in both.items()}, "repaired": repaired}
            f.write(json.dumps(row, separators=(",", ":")) + "\n")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
