// SPDX-License-Identifier: Apache-2.0
#include "core/networks/text_clean.h"

#include <string.h>

#include "core/networks/text_tables.h"

/* --- single characters ------------------------------------------------------------ */

/* Windows-1252's bytes 0x80 to 0x9F; those that it leaves open stay. HTML reads such numbers so too. */
static const uint16_t windows[32] = {0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
                                     0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0x8D,   0x17D,  0x8F,
                                     0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                     0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};

static bool is_c1(uint32_t code) {
    return code >= 0x80 && code < 0xA0;
}

/* Which byte of Windows-1252 or Latin-1 a character is; 0: none, or ASCII. */
static unsigned byte_of(uint32_t code) {
    if (code >= 0x80 && code < 0x100) return code;
    for (unsigned i = 0; i < 32 && code >= 0x100; i++)
        if (windows[i] == code) return 0x80 + i;
    return 0;
}

/* ftfy's ligatures and quotes: what a character becomes. */
static const struct exchange {
    uint32_t from, to[3]; /* ended by 0 */
} exchanges[] = {{0x132, {'I', 'J'}},       {0x133, {'i', 'j'}},    {0x149, {'\'', 'n'}}, {0x1C4, {'D', 0x17D}},
                 {0x1C5, {'D', 0x17E}},     {0x1C6, {'d', 0x17E}},  {0x1C7, {'L', 'J'}},  {0x1C8, {'L', 'j'}},
                 {0x1C9, {'l', 'j'}},       {0x1CA, {'N', 'J'}},    {0x1CB, {'N', 'j'}},  {0x1CC, {'n', 'j'}},
                 {0x1F1, {'D', 'Z'}},       {0x1F2, {'D', 'z'}},    {0x1F3, {'d', 'z'}},  {0x2BC, {'\''}},
                 {0x2018, {'\''}},          {0x2019, {'\''}},       {0x201A, {'\''}},     {0x201B, {'\''}},
                 {0x201C, {'"'}},           {0x201D, {'"'}},        {0x201E, {'"'}},      {0x201F, {'"'}},
                 {0xFB00, {'f', 'f'}},      {0xFB01, {'f', 'i'}},   {0xFB02, {'f', 'l'}}, {0xFB03, {'f', 'f', 'i'}},
                 {0xFB04, {'f', 'f', 'l'}}, {0xFB05, {0x17F, 't'}}, {0xFB06, {'s', 't'}}};

static const uint32_t *exchanged(uint32_t code) {
    for (size_t i = 0; code >= 0x132 && i < sizeof exchanges / sizeof *exchanges; i++)
        if (exchanges[i].from == code) return exchanges[i].to;
    for (size_t i = 0; code >= 0x3000 && i < cm_text_widths_count; i++)
        if (cm_text_widths[i].from == code) return cm_text_widths[i].to;
    return NULL;
}

/* out: room for 3 * count; *changed is set where anything was. */
static size_t exchange_all(const cm_char *c, size_t count, cm_char *out, bool *changed) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t code = is_c1(c[i].code) ? windows[c[i].code - 0x80] : c[i].code;
        const uint32_t *to = exchanged(code);
        if (code >= 0xFF01 && code <= 0xFF5E) code -= 0xFEE0;
        if (to || code != c[i].code) *changed = true;
        for (size_t k = 0; to && k < 3 && to[k]; k++) out[n++] = (cm_char){to[k], c[i].begin, c[i].end};
        if (!to) out[n++] = (cm_char){code, c[i].begin, c[i].end};
    }
    return n;
}

static bool is_removed(uint32_t c) {
    return c < 9 || c == 0x0B || (c >= 0x0E && c < 0x20) || c == 0x7F || (c >= 0x206A && c <= 0x206F) || c == 0xFEFF ||
           (c >= 0xFFF9 && c <= 0xFFFC);
}

/* ESC [ digits and semicolons, a letter; 0: none here. */
static size_t escape_length(const cm_char *c, size_t count) {
    size_t n = 2;
    if (count < 3 || c[0].code != 0x1B || c[1].code != '[') return 0;
    while (n < count && ((c[n].code >= '0' && c[n].code <= '9') || c[n].code == ';')) n++;
    return n < count && (c[n].code | 0x20) >= 'a' && (c[n].code | 0x20) <= 'z' ? n + 1 : 0;
}

/* Terminal escapes and control characters taken out, in place. */
static size_t remove_controls(cm_char *c, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count;) {
        const size_t escape = escape_length(c + i, count - i);
        if (!escape && !is_removed(c[i].code)) c[kept++] = c[i];
        i += escape ? escape : 1;
    }
    return kept;
}

/* --- characters by name and by number --------------------------------------------- */

static bool is_alnum(uint32_t c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static int compare_name(const cm_char *c, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        const uint32_t other = (unsigned char)name[i];
        if (c[i].code != other || !other) return c[i].code < other ? -1 : 1;
    }
    return name[n] ? -1 : 0;
}

static const cm_text_name *find_name(const cm_char *c, size_t n) {
    size_t low = 0, high = cm_text_names_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int order = compare_name(c, n, cm_text_names[middle].name);
        if (order == 0) return &cm_text_names[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

/* The longest name of two characters or more that needs no semicolon, at the start of c[0..n). */
static const cm_text_name *find_bare(const cm_char *c, size_t n, size_t *length) {
    for (*length = n; *length > 1; --*length) {
        const cm_text_name *name = find_name(c, *length);
        if (name && name->kind == CM_NAME_BARE) return name;
    }
    return NULL;
}

/* ftfy's: a name in capitals is read as its small form, unless HTML reads a part of it. */
static const cm_text_name *find_capitals(const cm_char *c, size_t n) {
    enum { LONGEST = 24 };
    cm_char small[LONGEST];
    size_t length;
    if (n > LONGEST || find_bare(c, n, &length)) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (c[i].code >= 'a') return NULL;
        small[i].code = c[i].code >= 'A' ? c[i].code | 0x20 : c[i].code;
    }
    const cm_text_name *name = find_name(small, n);
    return name && name->kind != CM_NAME_FTFY ? name : NULL;
}

static int digit_of(uint32_t code) {
    if (code >= '0' && code <= '9') return (int)code - '0';
    const uint32_t low = code | 0x20;
    return low >= 'a' && low <= 'f' ? (int)(low - 'a') + 10 : 99;
}

/* "#233", "#xE9": how many characters it takes; 0: no number. */
static size_t read_number(const cm_char *c, size_t count, uint32_t *code) {
    if (count < 2 || c[0].code != '#') return 0;
    const bool hex = (c[1].code | 0x20) == 'x';
    const size_t from = hex ? 2 : 1;
    const int base = hex ? 16 : 10;
    size_t n = from;
    *code = 0;
    for (; n < count && digit_of(c[n].code) < base; n++) {
        *code = *code * (uint32_t)base + (uint32_t)digit_of(c[n].code);
        if (*code > 0x10FFFF) *code = 0x110000;
    }
    return n > from ? n : 0;
}

/* What HTML5 makes of a number; false: nothing. */
static bool numbered(uint32_t *code) {
    const uint32_t c = *code;
    if (is_c1(c)) *code = windows[c - 0x80];
    else if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) *code = 0xFFFD;
    else
        return !(c < 9 || c == 0x0B || (c >= 0x0E && c < 0x20) || c == 0x7F || (c >= 0xFDD0 && c <= 0xFDEF) ||
                 (c & 0xFFFE) == 0xFFFE);
    return true;
}

/* What stands for characters [i, i+n): its codes, at most three. */
typedef struct meaning {
    uint32_t codes[3];
    size_t count, length; /* length 0: stands for itself */
} meaning;

static meaning of_name(const cm_text_name *name, size_t length) {
    meaning m = {.length = length};
    for (; m.count < 3 && name->codes[m.count]; m.count++) m.codes[m.count] = name->codes[m.count];
    return m;
}

static meaning of_number(uint32_t code, size_t length) {
    const bool any = numbered(&code);
    return (meaning){{code}, any, length};
}

/* ftfy's unescape_html, at an ampersand: "&#?[0-9A-Za-z]{1,24};" as a whole. */
static meaning mean_strictly(const cm_char *c, size_t count) {
    enum { LONGEST = 24 };
    const size_t from = count > 1 && c[1].code == '#' ? 2 : 1;
    size_t n = from;
    uint32_t code = 0;
    while (n < count && n < from + LONGEST && is_alnum(c[n].code)) n++;
    if (n == from || n >= count || c[n].code != ';') return (meaning){.length = 0};
    if (from == 2)
        return read_number(c + 1, n - 1, &code) == n - 1 && code != ';' ? of_number(code, n + 1)
                                                                        : (meaning){.length = 0};
    const cm_text_name *name = find_name(c + 1, n - 1);
    if (!name) name = find_capitals(c + 1, n - 1);
    return name ? of_name(name, n + 1) : (meaning){.length = 0};
}

/* html.unescape, at an ampersand: semicolons may lack. */
static meaning mean_freely(const cm_char *c, size_t count) {
    enum { LONGEST = 32 };
    uint32_t code = 0;
    size_t n = read_number(c + 1, count - 1, &code);
    if (n) return of_number(code, n + 1 + (n + 1 < count && c[n + 1].code == ';'));
    while (n < LONGEST && n + 1 < count && (c[n + 1].code >= 0x80 || !strchr("\t\n\f <&#;", (int)c[n + 1].code))) n++;
    const bool closed = n + 1 < count && c[n + 1].code == ';';
    const cm_text_name *name = closed ? find_name(c + 1, n) : NULL;
    if (name && name->kind != CM_NAME_FTFY) return of_name(name, n + 2);
    name = find_bare(c + 1, n, &n);
    return name ? of_name(name, n + 1) : (meaning){.length = 0};
}

/* In place, as what stands for characters is longer than they are; returns how many. */
static size_t unescape(cm_char *c, size_t count, meaning (*read)(const cm_char *, size_t)) {
    size_t kept = 0;
    for (size_t i = 0; i < count;) {
        const meaning m = c[i].code == '&' ? read(c + i, count - i) : (meaning){.length = 0};
        const size_t begin = c[i].begin, end = m.length ? c[i + m.length - 1].end : 0;
        if (!m.length) c[kept++] = c[i];
        for (size_t k = 0; k < m.count; k++) c[kept++] = (cm_char){m.codes[k], begin, end};
        i += m.length ? m.length : 1;
    }
    return kept;
}

/* --- the whole -------------------------------------------------------------------- */

/* Blanks, dashes, dots and quotes stand behind a capital letter in good texts too, unless a letter follows. */
static bool is_usual(const cm_char *c, size_t count) {
    const uint32_t sign = c[1].code;
    const bool quote = sign == 0xB4 || (sign >= 0x2018 && sign <= 0x201E);
    if (count > 2 && quote && cm_unicode_is_letter(c[2].code)) return false;
    return quote || sign == 0xA0 || sign == 0xAD || sign == 0xB7 || sign == 0x2013 || sign == 0x2014 || sign == 0x2026;
}

/* How the quotes, dashes and dots of U+2000 to U+203F begin when read as Windows-1251, -1253, -1257, MacRoman. */
static bool is_misread_quote(const cm_char *c) {
    static const uint16_t pairs[][2] = {{0x432, 0x402}, {0x3B2, 0x20AC}, {0x101, 0x20AC}, {0x201A, 0xC4}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (c[0].code == pairs[i][0] && c[1].code == pairs[i][1]) return true;
    return false;
}

/* Two to four characters that are the bytes of one in UTF-8; the space that was byte 0xA0 counts behind Ã and Â. */
static bool looks_misread(const cm_char *c, size_t count) {
    for (size_t i = 0; i + 1 < count; i++) {
        const unsigned first = byte_of(c[i].code);
        const size_t more = first < 0xC2 || first > 0xF4 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        size_t n = 0;
        if (is_misread_quote(c + i)) return true;
        while (n < more && i + n + 1 < count && (byte_of(c[i + n + 1].code) & 0xC0) == 0x80) n++;
        if (more == 1 && first > 0xC3 && is_usual(c + i, count - i)) continue;
        if (more && (n == more || ((first == 0xC2 || first == 0xC3) && c[i + 1].code == ' '))) return true;
    }
    return false;
}

static cm_status compose(cm_char *c, size_t *count, cm_arena *scratch, bool *changed) {
    size_t high = 0;
    while (high < *count && c[high].code < 0x300) high++;
    if (high == *count) return CM_OK; /* nothing below composes */
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    cm_char *composed = CM_PUSH(scratch, cm_char, CM_NFC_ROOM * *count);
    CM_TRY(cm_arena_check(scratch));
    const size_t n = cm_unicode_nfc(c, *count, composed);
    bool same = n == *count;
    for (size_t i = 0; same && i < n; i++) same = composed[i].code == c[i].code;
    if (!same) *changed = true;
    memcpy(c, composed, n * sizeof *c);
    *count = n;
    cm_arena_reset(scratch, mark);
    return CM_OK;
}

/* ftfy.fix_and_explain in place: its steps in their order, until nothing changes. c and work have room for what it may
 * become. */
static cm_status fix(cm_char *c, size_t *count, bool names, cm_char *work, cm_arena *scratch, bool *doubtful) {
    for (bool changed = true; changed;) {
        size_t n = names ? unescape(c, *count, mean_strictly) : *count;
        changed = n != *count;
        if (looks_misread(c, n)) *doubtful = true;
        if (n) memcpy(work, c, n * sizeof *c);
        n = exchange_all(work, n, c, &changed);
        *count = remove_controls(c, n);
        if (*count != n) changed = true;
        CM_TRY(compose(c, count, scratch, &changed));
    }
    return CM_OK;
}

/* Where the first line that has a "<" begins: from there on ftfy takes names as they are. */
static size_t markup_from(const cm_char *c, size_t count) {
    size_t line = 0;
    for (size_t i = 0; i < count; i++) {
        if (c[i].code == '<') return line;
        if (c[i].code == '\n') line = i + 1;
    }
    return count;
}

cm_status cm_text_clean(const cm_char *text, size_t count, cm_arena *scratch, cm_char **out, size_t *mended,
                        bool *doubtful) {
    enum { ROOM = 9 }; /* three for an exchange, three for normalising */
    cm_char *c = CM_PUSH(scratch, cm_char, ROOM * count + 1), *work = CM_PUSH(scratch, cm_char, ROOM * count + 1);
    size_t plain = markup_from(text, count), rest = count - plain;
    CM_TRY(cm_arena_check(scratch));
    const size_t at = ROOM * plain; /* where the rest is worked on */
    if (plain) memcpy(c, text, plain * sizeof *c);
    if (rest) memcpy(c + at, text + plain, rest * sizeof *c);
    CM_TRY(fix(c, &plain, true, work, scratch, doubtful));
    CM_TRY(fix(c + at, &rest, false, work, scratch, doubtful));
    memmove(c + plain, c + at, rest * sizeof *c);
    *mended = unescape(c, unescape(c, plain + rest, mean_freely), mean_freely);
    *out = c;
    return CM_OK;
}

/* --- final sigma ------------------------------------------------------------------ */

static bool in_ranges(const cm_unicode_range *r, size_t count, uint32_t code) {
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (code < r[middle].first) high = middle;
        else if (code > r[middle].last) low = middle + 1;
        else return true;
    }
    return false;
}

static bool is_cased(uint32_t code) {
    return in_ranges(cm_text_cased, cm_text_cased_count, code);
}

static bool is_passed_over(uint32_t code) {
    return in_ranges(cm_text_passed_over, cm_text_passed_over_count, code);
}

bool cm_text_final_sigma(const cm_char *text, size_t count, size_t i) {
    size_t before = i, after = i + 1;
    while (before > 0 && is_passed_over(text[before - 1].code)) before--;
    while (after < count && is_passed_over(text[after].code)) after++;
    return before > 0 && is_cased(text[before - 1].code) && !(after < count && is_cased(text[after].code));
}
