# SPDX-License-Identifier: Apache-2.0
"""Writes text_tables.c: HTML's names of characters, ftfy's widths, and how str.lower finds a final sigma.

    python3 text_tables.py > text_tables.c       # Python 3.11 or later, ftfy 6.3.1
"""
import html
import html.entities

import ftfy
from ftfy.chardata import HTML_ENTITIES, WIDTH_MAP

assert ftfy.__version__ == "6.3.1"
POINTS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def codes(text):
    return "{" + ", ".join(hex(ord(c)) for c in text) + "}"


def names():
    """HTML5's, and what ftfy reads beyond: names in capitals, where the character is another than of the small name."""
    five, rows = html.entities.html5, {}
    for name, text in five.items():
        if name.endswith(";"):
            rows[name[:-1]] = ("CM_NAME_BARE" if name[:-1] in five else "CM_NAME_CLOSED", text)
    for entity, text in HTML_ENTITIES.items():
        if entity[1:] not in five and HTML_ENTITIES[entity.lower()] != text:
            rows[entity[1:-1]] = ("CM_NAME_FTFY", text)
    return [f'{{"{n}", {kind}, {codes(text)}}}' for n, (kind, text) in sorted(rows.items())]


def widths():
    plain = {c: chr(c - 0xFEE0) for c in range(0xFF01, 0xFF5F)}
    assert all(WIDTH_MAP[c] == text for c, text in plain.items())
    return [f"{{{hex(c)}, {codes(text)}}}" for c, text in sorted(WIDTH_MAP.items()) if c not in plain]


def ranges(points):
    out = []
    for c in map(ord, points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return [f"{{{hex(a)}, {hex(b)}}}" for a, b in out]


def final(text):
    return text.lower().endswith("\u03c2")


def table(kind, name, rows):
    print(f"\nconst {kind} {name}[] = {{")
    line = "   "
    for row in rows:
        if len(line) + len(row) > 124:
            print(line)
            line = "   "
        line += f" {row},"
    print(line + f"\n}};\nconst size_t {name}_count = sizeof {name} / sizeof *{name};")


cased = {c for c in POINTS if final(c + "\u03a3")}
print('// SPDX-License-Identifier: Apache-2.0\n/* Made by text_tables.py; see there. */\n#include "core/networks/text_tables.h"')
table("cm_text_name", "cm_text_names", names())
table("cm_text_width", "cm_text_widths", widths())
table("cm_unicode_range", "cm_text_cased", ranges(sorted(cased)))
table("cm_unicode_range", "cm_text_passed_over", ranges(c for c in POINTS if c not in cased and final("A" + c + "\u03a3")))
