# SPDX-License-Identifier: Apache-2.0
"""Writes unicode_tables.c: what the tokenizers library (0.23.3) knows of Unicode, asked for each code point.

    python3 unicode_tables.py > unicode_tables.c

Its parts follow different versions of the standard (letters 16, lower case 17, normalisation 9), so no
other library's tables would give the same ids on every text.
"""
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
NFC = normalizers.NFC().normalize_str
LOWER = normalizers.Lowercase().normalize_str


def matching(pattern):
    split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    text = "".join("\x01" + chr(c) for c in POINTS if c != 1)
    found = set()
    for piece, _ in split.pre_tokenize_str(text):
        if len(piece) == 1 and piece != "\x01":
            found.add(ord(piece))
    return found


def ranges(points):
    out = []
    for c in sorted(points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def lower_ranges():
    """(first, last, step, what to add); the one letter that becomes two stands in the code."""
    out = []
    for c in POINTS:
        low = LOWER(chr(c))
        if low == chr(c) or c == 0x130:
            continue
        assert len(low) == 1
        add = ord(low) - c
        if out and out[-1][3] == add and c - out[-1][1] in (1, 2) and out[-1][2] in (0, c - out[-1][1]):
            out[-1][2] = c - out[-1][1]
            out[-1][1] = c
        else:
            out.append([c, c, 0, add])
    return [(a, b, s or 1, d) for a, b, s, d in out]


def hangul(c):
    return 0xAC00 <= c < 0xAC00 + 11172


def decompositions():
    out = []
    for c in POINTS:
        d = unicodedata.decomposition(chr(c))
        if not d or d.startswith("<") or hangul(c):
            continue
        parts = [int(x, 16) for x in d.split()]
        full = unicodedata.normalize("NFD", chr(c))
        if NFC(full) != NFC(chr(c)):
            continue  # newer than the library's tables
        out.append((c, parts[0], parts[1] if len(parts) > 1 else 0, NFC(full) == chr(c)))
    return out


def classes():
    """Combining classes that the library respects: swaps with a mark of a lower or higher class show it."""
    out = []
    for c in POINTS:
        k = unicodedata.combining(chr(c))
        if not k:
            continue
        # U+0345 has the highest class (240), U+0334 the lowest (1)
        for text in ("q\u0345" + chr(c), "q" + chr(c) + "\u0334", "q\u0345" + chr(c) + "\u0334"):
            if NFC(text) != unicodedata.normalize("NFC", text):
                break
        else:
            if out and out[-1][1] == c - 1 and out[-1][2] == k:
                out[-1][1] = c
            else:
                out.append([c, c, k])
    return out


def table(name, kind, rows, per_line):
    print(f"\nconst cm_unicode_{kind} cm_unicode_{name}[] = {{")
    for i in range(0, len(rows), per_line):
        print("    " + " ".join("{" + ", ".join(hex(x) if j < 2 or kind == "parts" else str(x)
                                                for j, x in enumerate(r)) + "}," for r in rows[i:i + per_line]))
    print("};")
    print(f"const size_t cm_unicode_{name}_count = sizeof cm_unicode_{name} / sizeof cm_unicode_{name}[0];")


def main():
    assert tokenizers.__version__ == "0.23.3"
    letters, numbers, spaces = matching(r"\p{L}"), matching(r"\p{N}"), matching(r"\s")
    decomposed = decompositions()
    order = {c: i for i, (c, _, _, _) in enumerate(decomposed)}
    composing = sorted((a, b, order[c]) for c, a, b, back in decomposed if back and b)
    print("// SPDX-License-Identifier: Apache-2.0")
    print("/* Made by unicode_tables.py; see there. */")
    print('#include "core/networks/unicode_tables.h"')
    table("letters", "range", ranges(letters), 6)
    table("numbers", "range", ranges(numbers), 6)
    table("spaces", "range", ranges(spaces), 6)
    table("lower_case", "lower", lower_ranges(), 5)
    table("combining", "class", classes(), 5)
    table("decompositions", "parts", [(c, a, b) for c, a, b, _ in decomposed], 5)
    print("\nconst uint16_t cm_unicode_compositions[] = {")
    for i in range(0, len(composing), 20):
        print("    " + " ".join(f"{k}," for _, _, k in composing[i:i + 20]))
    print("};")
    print(f"const size_t cm_unicode_compositions_count = {len(composing)};")


main()
