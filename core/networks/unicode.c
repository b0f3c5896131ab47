// SPDX-License-Identifier: Apache-2.0
#include "core/networks/unicode.h"

#include <string.h>

#include "core/base/utf8.h"
#include "core/networks/unicode_tables.h"

/* --- UTF-8 ---------------------------------------------------------------------- */

cm_status cm_unicode_read(const char *text, size_t begin, size_t end, cm_char *out, size_t *count) {
    size_t n = 0;
    for (size_t at = begin; at < end; n++) {
        uint32_t code;
        const size_t bytes = cm_utf8_read((const unsigned char *)text + at, end - at, &code);
        if (!bytes)
            return cm_fail(CM_EFORMAT, "the text is not UTF-8 at byte %zu (0x%02X)", at, (unsigned char)text[at]);
        out[n] = (cm_char){code, at, at + bytes};
        at += bytes;
    }
    *count = n;
    return CM_OK;
}

size_t cm_unicode_write(uint32_t code, char out[4]) {
    const size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(lead[n] | code);
    return n;
}

/* --- kinds and case --------------------------------------------------------------- */

/* The row of a table sorted by `first` that may hold code, or NULL. Every row begins with first, last. */
static const void *find_row(const void *table, size_t count, size_t width, uint32_t code) {
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const cm_unicode_range *r = (const void *)((const char *)table + middle * width);
        if (code < r->first) high = middle;
        else if (code > r->last) low = middle + 1;
        else return r;
    }
    return NULL;
}

bool cm_unicode_is_letter(uint32_t code) {
    return find_row(cm_unicode_letters, cm_unicode_letters_count, sizeof(cm_unicode_range), code);
}

bool cm_unicode_is_number(uint32_t code) {
    return find_row(cm_unicode_numbers, cm_unicode_numbers_count, sizeof(cm_unicode_range), code);
}

bool cm_unicode_is_space(uint32_t code) {
    return find_row(cm_unicode_spaces, cm_unicode_spaces_count, sizeof(cm_unicode_range), code);
}

size_t cm_unicode_lower_of(uint32_t code, uint32_t out[2]) {
    out[0] = code;
    if (code == 0x130) { /* capital I with a dot: the only letter that becomes two */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    const cm_unicode_lower *r = find_row(cm_unicode_lower_case, cm_unicode_lower_case_count, sizeof *r, code);
    if (r && (code - r->first) % r->step == 0) out[0] = (uint32_t)((int32_t)code + r->add);
    return 1;
}

/* --- normalisation ------------------------------------------------------------------ */

enum { LONGEST = CM_NFC_ROOM / 2 }; /* a character decomposes into at most four */

/* Korean syllables are computed (The Unicode Standard, section 3.12). */
enum {
    S_BASE = 0xAC00,
    L_BASE = 0x1100,
    V_BASE = 0x1161,
    T_BASE = 0x11A7,
    L_COUNT = 19,
    V_COUNT = 21,
    T_COUNT = 28,
    N_COUNT = V_COUNT * T_COUNT,
    S_COUNT = L_COUNT * N_COUNT
};

static unsigned class_of(uint32_t code) {
    const cm_unicode_class *r = find_row(cm_unicode_combining, cm_unicode_combining_count, sizeof *r, code);
    return r ? r->value : 0;
}

static const cm_unicode_parts *parts_of(uint32_t code) {
    size_t low = 0, high = cm_unicode_decompositions_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const cm_unicode_parts *p = &cm_unicode_decompositions[middle];
        if (p->code == code) return p;
        if (code < p->code) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

/* Writes the full canonical decomposition of c; returns how many. */
static size_t decompose(cm_char c, cm_char *out) {
    const uint32_t s = c.code - S_BASE;
    if (c.code >= S_BASE && s < S_COUNT) {
        const uint32_t codes[3] = {L_BASE + s / N_COUNT, V_BASE + s % N_COUNT / T_COUNT, T_BASE + s % T_COUNT};
        const size_t n = s % T_COUNT ? 3 : 2;
        for (size_t i = 0; i < n; i++) out[i] = (cm_char){codes[i], c.begin, c.end};
        return n;
    }
    const cm_unicode_parts *p = parts_of(c.code);
    if (!p) {
        out[0] = c;
        return 1;
    }
    const size_t n = decompose((cm_char){p->a, c.begin, c.end}, out);
    return p->b ? n + decompose((cm_char){p->b, c.begin, c.end}, out + n) : n;
}

/* 0: the two do not compose. */
static uint32_t compose(uint32_t a, uint32_t b) {
    if (a - L_BASE < L_COUNT && b - V_BASE < V_COUNT) return S_BASE + ((a - L_BASE) * V_COUNT + (b - V_BASE)) * T_COUNT;
    if (a - S_BASE < S_COUNT && (a - S_BASE) % T_COUNT == 0 && b - T_BASE - 1 < T_COUNT - 1) return a + (b - T_BASE);
    size_t low = 0, high = cm_unicode_compositions_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const cm_unicode_parts *p = &cm_unicode_decompositions[cm_unicode_compositions[middle]];
        if (p->a == a && p->b == b) return p->code;
        if (a < p->a || (a == p->a && b < p->b)) high = middle;
        else low = middle + 1;
    }
    return 0;
}

/* Marks behind a letter stand in the order of their classes, equal ones as they came: counting sort. */
static void order_marks(cm_char *marks, size_t count, cm_char *copy) {
    bool sorted = true;
    for (size_t i = 1; sorted && i < count; i++) sorted = class_of(marks[i - 1].code) <= class_of(marks[i].code);
    if (sorted) return;
    memcpy(copy, marks, count * sizeof *copy);
    size_t starts[257] = {0};
    for (size_t i = 0; i < count; i++) starts[class_of(copy[i].code) + 1]++;
    for (size_t k = 1; k < 257; k++) starts[k] += starts[k - 1];
    for (size_t i = 0; i < count; i++) marks[starts[class_of(copy[i].code)]++] = copy[i];
}

static void join(cm_char *to, cm_char from, uint32_t code) {
    to->code = code;
    if (from.begin < to->begin) to->begin = from.begin;
    if (from.end > to->end) to->end = from.end;
}

static size_t compose_all(cm_char *text, size_t count) {
    size_t kept = 0, starter = SIZE_MAX;
    unsigned last = 0; /* class of the last kept character */
    for (size_t i = 0; i < count; i++) {
        const cm_char c = text[i];
        const unsigned class = class_of(c.code);
        const bool open = starter != SIZE_MAX && (kept == starter + 1 || last < class); /* nothing stands between */
        const uint32_t whole = open ? compose(text[starter].code, c.code) : 0;
        if (whole) {
            join(&text[starter], c, whole);
            continue;
        }
        if (class == 0) starter = kept;
        last = class;
        text[kept++] = c;
    }
    return kept;
}

size_t cm_unicode_nfc(const cm_char *text, size_t count, cm_char *out) {
    size_t n = 0, marks = 0; /* marks: where the run of marks at the end begins */
    cm_char *spare = out + LONGEST * count;
    for (size_t i = 0; i < count; i++) {
        const size_t more = decompose(text[i], out + n);
        for (size_t k = n; k < n + more; k++) {
            if (class_of(out[k].code)) continue;
            order_marks(out + marks, k - marks, spare);
            marks = k + 1;
        }
        n += more;
    }
    order_marks(out + marks, n - marks, spare);
    return compose_all(out, n);
}
