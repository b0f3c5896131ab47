# SPDX-License-Identifier: Apache-2.0
"""Token ids by transformers' CLIPTokenizer on 10,000 texts with odd Unicode.

Writes a small vocabulary in four forms (as Stable Diffusion's folder, as SDXL's second one, plain, and as the
single file that transformers 5 saves) and texts.jsonl: per text the ids of the first form and FNV-1a hashes of all
forms' padded ids. Run: python make.py
"""
import collections
import json
import pathlib
import random

import transformers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

assert transformers.__version__ == "5.23.0"
here = pathlib.Path(__file__).parent
rng = random.Random(11)

WORDS = """a an the in with and wearing of photo man woman person standing full body shot red blue green dark light
striped plaid floral shirt t-shirt trousers skirt dress coat jacket hat scarf belt shoes sneakers boots bag glasses
sleeve collar long short curly blond hair background street studio she he it's don't we're I'll you've I'm he'd
naïve café Ünïcödé straße Ångström 東京 ソウル 서울 Москва μετά مرحبا שלום नमस्ते สวัสดี""".split()


def merges_of(words, count):
    """Plain byte-pair encoding over the words' byte characters."""
    table = dict(zip(range(256), ByteLevel_alphabet()))
    state = collections.Counter()
    for w in words:
        s = [table[b] for b in w.lower().encode()]
        s[-1] += "</w>"
        state[tuple(s)] += 1 + len(w) % 3
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for s, n in state.items():
            for p in zip(s, s[1:]):
                pairs[p] += n
        if not pairs:
            break
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(best)
        new = collections.Counter()
        for s, n in state.items():
            out, i = [], 0
            while i < len(s):
                if tuple(s[i:i + 2]) == best:
                    out.append(s[i] + s[i + 1])
                    i += 2
                else:
                    out.append(s[i])
                    i += 1
            new[tuple(out)] += n
        state = new
    return merges


def ByteLevel_alphabet():
    """The character of each byte, in the order of bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    extra = iter(range(256, 512))
    letters = [chr(b) if b in plain else chr(next(extra)) for b in range(256)]
    assert set(letters) == set(ByteLevel.alphabet())
    return letters


def write_folder(name, vocabulary, merges, config):
    folder = here / name
    folder.mkdir(exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer", **config}, indent=1) + "\n")
    return CLIPTokenizer.from_pretrained(folder)


def added(content, normalized):
    return {"__type": "AddedToken", "content": content, "lstrip": False, "normalized": normalized, "rstrip": False,
            "single_word": False}


def text_of_points(kinds):
    return "".join(rng.choice(rng.choice(kinds)) for _ in range(rng.randint(1, 24)))


def all_points():
    return [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]


def texts():
    points = all_points()
    assigned = [c for c in points if ord(c) < 0x3400 or 0xA000 <= ord(c) < 0xAC00 or 0xF900 <= ord(c) < 0x20000]
    spaces = list(" \t\n\r\v\f\x1c\x1f\x85\xa0\u1680\u180e\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000")
    hidden = list("\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u061c\u180e\ufe0e\ufe0f\u202a\u202e\u2066\u2069")
    marks = [c for c in points if 0x300 <= ord(c) < 0x370 or 0x5B0 <= ord(c) < 0x5C0 or 0x64B <= ord(c) < 0x660
             or 0x1AB0 <= ord(c) < 0x1AFF or 0x1DC0 <= ord(c) < 0x1E00 or 0x20D0 <= ord(c) < 0x20F1
             or ord(c) in (0x93C, 0x9BC, 0x94D, 0x3099, 0x309A, 0x1D165, 0x1D16D, 0x11046, 0x16AF0)]
    emoji = ["👩‍🦰", "👨🏿‍🦱", "🏳️‍🌈", "👗", "👠", "🇰🇷", "1️⃣", "❤️", "🧥", "🕶️", "©", "™", "…", "—", "“", "”", "’"]
    entities = ["&amp;", "&lt;b&gt;", "&#39;", "&quot;", "&nbsp;", "&eacute;", "<br/>", "</w>", "<w>"]
    jamo = [chr(c) for c in (*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C3))]
    syllables = [chr(rng.randrange(0xAC00, 0xD7A4)) for _ in range(300)]
    cases = list("İıſẞßΣςσǅǆǇǲŉΐΰϒᾳᾼὈΩKÅﬁﬀŠĲⅣⅷⒶⓐ𝐀𝟘²½٣४五〇Ⴀა᲏Ꭰꭰ")
    specials = ["<|startoftext|>", "<|endoftext|>", "<|EndOfText|>", "<|STARTOFTEXT|>", "<|endoftext", "|>", "<|", "!"]
    shorts = ["'s", "'S", "'ll", "'LL", "'re", "'d", "’s", "''t", "'", "'v", "'ve", "n't"]
    letters = [chr(c) for c in range(0x41, 0x250)]
    numbers = list("0123456789") + ["12", "007", "1st", "3.5", "½", "²", "Ⅻ", "٤٢", "1,000", "①"]
    groups = {"words": WORDS, "spaces": spaces, "hidden": hidden, "marks": marks, "emoji": emoji, "entities": entities,
              "jamo": jamo, "syllables": syllables, "cases": cases, "specials": specials, "shorts": shorts,
              "letters": letters, "numbers": numbers, "assigned": assigned, "points": points}
    out = ["", " ", "a", "\u0301", "e\u0301\u0323", "e\u0323\u0301", "<|endoftext|>!!", "!<|endoftext|>", "!!!", "a!b",
           "İstanbul", "x\u0307\u0345\u0334", "\u1100\u1161\u11a8\u11a8", "각ᆨ", "ﬁ", "Å", "\u0958", "\u2126",
           "red " * 100, "東京" * 60, "!" * 90, "a\u0300" * 50, "ab" * 200, "\u0334\u0301" * 80, "1" * 80]
    while len(out) < 2000:  # every 13th letter, number and mark stands somewhere, with marks behind it
        i = len(out)
        chunk = [c for c in assigned[(i * 13) % len(assigned):][:17]]
        out.append("".join(c + (rng.choice(marks) if rng.random() < 0.3 else "") for c in chunk))
    while len(out) < 3000:
        n = 40 if rng.random() < 0.1 else 12
        out.append(" ".join(rng.choice(WORDS) for _ in range(rng.randint(1, n))))
    while len(out) < 10000:
        kinds = [groups[k] for k in rng.choices(list(groups), k=rng.randint(1, 4))]
        glue = "" if rng.random() < 0.7 else " "
        out.append(glue.join(text_of_points(kinds) for _ in range(rng.choice((1, 1, 1, 2)))))
    return [t.replace("\0", "") for t in out]


def fnv(ids):
    h = 2166136261
    for i in ids:
        for byte in int(i).to_bytes(4, "little"):
            h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h


def main():
    merges = merges_of(WORDS, 260)
    letters = ByteLevel_alphabet()
    tokens = letters + [c + "</w>" for c in letters] + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
    tokens = list(dict.fromkeys(tokens))
    # CLIP's vocabulary begins with "!": the padding of SDXL's second tokenizer is id 0
    tokens.insert(0, tokens.pop(tokens.index("!")))
    vocabulary = {t: i for i, t in enumerate(tokens)}
    start, end = "<|startoftext|>", "<|endoftext|>"
    roles = {"bos_token": added(start, True), "eos_token": added(end, True), "unk_token": added(end, True)}
    forms = [write_folder("sd", vocabulary, merges, {**roles, "pad_token": end}),
             write_folder("sdxl2", vocabulary, merges, {**roles, "pad_token": "!"})]
    listed = {str(vocabulary[t]): {"content": t, "lstrip": False, "normalized": n, "rstrip": False, "single_word": False,
                                   "special": True} for t, n in ((start, True), (end, False))}
    # a vocabulary that lacks half of the bytes: the unknown token
    poor = [t for i, t in enumerate(tokens) if not (t in letters[128:] or t.endswith("</w>") and t[0] in letters[160:] and len(t) == 5)]
    few = [m for m in merges if m[0] in poor and m[1] in poor and m[0] + m[1] in poor]
    poor = {t: i for i, t in enumerate(poor)}
    listed = {str(poor[v["content"]]): v for v in listed.values()}
    names = {"bos_token": start, "eos_token": end, "unk_token": end, "pad_token": end}
    forms.append(write_folder("poor", poor, few, {**names, "added_tokens_decoder": listed}))
    forms[2].save_pretrained(here / "single")
    config = json.loads((here / "single/tokenizer_config.json").read_text())
    for key in ("is_local", "local_files_only"):
        config.pop(key, None)
    (here / "single/tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    single = json.loads((here / "single/tokenizer.json").read_text())
    (here / "single/tokenizer.json").write_text(json.dumps(single, ensure_ascii=False, separators=(",", ":")) + "\n")
    forms.append(CLIPTokenizer.from_pretrained(here / "single"))

    kinds = dict(padding="max_length", max_length=77, truncation=True)
    with open(here / "texts.jsonl", "w") as f:
        for i, text in enumerate(texts()):
            ids = forms[0](text)["input_ids"]
            line = {"text": text, "total": len(ids), "hashes": [fnv(t(text, **kinds)["input_ids"]) for t in forms]}
            if i < 25 or i % 40 == 0:
                line["ids"] = ids
            f.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
