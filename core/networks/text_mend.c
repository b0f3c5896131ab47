// SPDX-License-Identifier: Apache-2.0
#include "core/networks/text_mend.h"

#include <string.h>

static const struct name {
    const char *name;
    uint32_t code;
} names[] = {{"amp", '&'},      {"lt", '<'},        {"gt", '>'},        {"quot", '"'},      {"apos", '\''},     {"nbsp", 0xA0},
             {"lsquo", 0x2018}, {"rsquo", 0x2019},  {"ldquo", 0x201C},  {"rdquo", 0x201D},  {"ndash", 0x2013},  {"mdash", 0x2014},
             {"hellip", 0x2026}, {"deg", 0xB0},     {"copy", 0xA9},     {"reg", 0xAE},      {"trade", 0x2122},  {"times", 0xD7},
             {"eacute", 0xE9},  {"egrave", 0xE8},   {"agrave", 0xE0},   {"ccedil", 0xE7},   {"auml", 0xE4},     {"ouml", 0xF6},
             {"uuml", 0xFC},    {"ntilde", 0xF1},   {"bull", 0x2022},   {"middot", 0xB7}};
enum { LONGEST = 10 }; /* characters between & and ; */

static int digit_of(uint32_t code) {
    if (code >= '0' && code <= '9') return (int)code - '0';
    const uint32_t low = code | 0x20;
    return low >= 'a' && low <= 'f' ? (int)(low - 'a') + 10 : 99;
}

/* "#233", "#xE9"; 0: no number, or a control character's. */
static uint32_t numbered(const cm_char *c, size_t n) {
    const bool hex = n > 1 && (c[1].code | 0x20) == 'x';
    const int base = hex ? 16 : 10;
    uint32_t code = 0;
    if (n < (hex ? 3u : 2u) || c[0].code != '#') return 0;
    for (size_t i = hex ? 2 : 1; i < n; i++) {
        const int digit = digit_of(c[i].code);
        if (digit >= base) return 0;
        code = code * (uint32_t)base + (uint32_t)digit;
        if (code > 0x10FFFF) code = 0x110000;
    }
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return 0xFFFD; /* as HTML5 says */
    return code < 0x20 || (code >= 0x7F && code < 0xA0) ? 0 : code;
}

static uint32_t named(const cm_char *c, size_t n) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t k = 0;
        while (k < n && names[i].name[k] && c[k].code == (unsigned char)names[i].name[k]) k++;
        if (k == n && !names[i].name[k]) return names[i].code;
    }
    return 0;
}

/* In place; returns how many. */
static size_t unescape(cm_char *c, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++, kept++) {
        c[kept] = c[i];
        size_t n = 0;
        if (c[i].code != '&') continue;
        while (n <= LONGEST && i + 1 + n < count && c[i + 1 + n].code != ';') n++;
        if (n == 0 || n > LONGEST || i + 1 + n >= count) continue;
        uint32_t code = numbered(c + i + 1, n);
        if (!code) code = named(c + i + 1, n);
        if (!code) continue;
        c[kept] = (cm_char){code, c[i].begin, c[i + 1 + n].end};
        i += 1 + n;
    }
    return kept;
}

/* ftfy's ligatures and quotes: what a character becomes. */
static const struct exchange {
    uint32_t from, to[3]; /* ended by 0 */
} exchanges[] = {{0x132, {'I', 'J'}},      {0x133, {'i', 'j'}},      {0x149, {'\'', 'n'}},      {0x1C4, {'D', 0x17D}},
                 {0x1C5, {'D', 0x17E}},    {0x1C6, {'d', 0x17E}},    {0x1C7, {'L', 'J'}},       {0x1C8, {'L', 'j'}},
                 {0x1C9, {'l', 'j'}},      {0x1CA, {'N', 'J'}},      {0x1CB, {'N', 'j'}},       {0x1CC, {'n', 'j'}},
                 {0x1F1, {'D', 'Z'}},      {0x1F2, {'D', 'z'}},      {0x1F3, {'d', 'z'}},       {0x2BC, {'\''}},
                 {0x2018, {'\''}},         {0x2019, {'\''}},         {0x201A, {'\''}},          {0x201B, {'\''}},
                 {0x201C, {'"'}},          {0x201D, {'"'}},          {0x201E, {'"'}},           {0x201F, {'"'}},
                 {0x3000, {' '}},          {0xFB00, {'f', 'f'}},     {0xFB01, {'f', 'i'}},      {0xFB02, {'f', 'l'}},
                 {0xFB03, {'f', 'f', 'i'}}, {0xFB04, {'f', 'f', 'l'}}, {0xFB05, {0x17F, 't'}},   {0xFB06, {'s', 't'}}};

static const struct exchange *find_exchange(uint32_t code) {
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++)
        if (exchanges[i].from == code) return &exchanges[i];
    return NULL;
}

size_t cm_text_mend(const cm_char *text, size_t count, cm_char *out) {
    size_t n = 0;
    cm_char *from = out + 2 * count; /* the last third: never overtaken, as no character becomes more than three */
    if (count) memcpy(from, text, count * sizeof *text);
    count = unescape(from, unescape(from, count));
    for (size_t i = 0; i < count; i++) {
        const cm_char c = from[i];
        const struct exchange *e = c.code < 0x80 ? NULL : find_exchange(c.code);
        for (size_t k = 0; e && k < 3 && e->to[k]; k++) out[n++] = (cm_char){e->to[k], c.begin, c.end};
        if (e) continue;
        const bool wide = c.code >= 0xFF01 && c.code <= 0xFF5E;
        out[n++] = (cm_char){wide ? c.code - 0xFEE0 : c.code, c.begin, c.end};
    }
    return n;
}
