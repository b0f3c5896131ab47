// SPDX-License-Identifier: Apache-2.0
#include "prompts/prompt_rows.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"
#include "core/networks/unicode.h"

/* A seed is any number of 64 bits, as torch takes it. */
static const cm_json_key row_keys[] = {
    {"id", CM_JSON_NAME},     {"prompt", CM_JSON_TEXT}, {"seed", CM_JSON_WHOLE, -0x1p63, 0x1p63},
    {"negative", CM_JSON_TEXT}, {"groups", CM_JSON_LIST}, {"seed_of_person", CM_JSON_WHOLE}, {0}};

/* --- ids ------------------------------------------------------------------ */

/* Characters that cannot be seen, or that turn what follows around: controls, blanks, formats, private use. */
static bool is_hidden(uint32_t c) {
    static const uint32_t ranges[][2] = {
        {0x80, 0xa0},     {0xad, 0xad},     {0x34f, 0x34f},   {0x600, 0x605},   {0x61c, 0x61c},     {0x6dd, 0x6dd},
        {0x70f, 0x70f},   {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},
        {0x2060, 0x206f}, {0x3164, 0x3164}, {0xe000, 0xf8ff}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
        {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    return cm_unicode_is_space(c);
}

static bool may_stand(uint32_t c) {
    return c < 0x80 ? isalnum((int)c) || (c && strchr("._-", (int)c)) : !is_hidden(c);
}

static cm_status bad_character(const char *id, uint32_t c) {
    char name[16];
    if (c > ' ' && c < 0x7f) snprintf(name, sizeof name, "'%c'", (char)c);
    else snprintf(name, sizeof name, "U+%04X", (unsigned)c);
    return cm_fail(CM_EFORMAT, "id '%s' has %s in it; only letters, digits and . _ - can name a file", id, name);
}

cm_status cm_prompt_id_check(const char *id) {
    const size_t n = strlen(id);
    cm_char chars[CM_PROMPT_ID_BYTES];
    size_t count;
    if (n > CM_PROMPT_ID_BYTES)
        return cm_fail(CM_EFORMAT, "id '%.24s...' is %zu bytes long; at most %d can name a file", id, n, CM_PROMPT_ID_BYTES);
    if (cm_unicode_read(id, 0, n, chars, &count) != CM_OK) return cm_fail_in(CM_EFORMAT, "id '%s'", id);
    for (size_t i = 0; i < count; i++)
        if (!may_stand(chars[i].code)) return bad_character(id, chars[i].code);
    return id[0] == '.' ? cm_fail(CM_EFORMAT, "id '%s': an id that begins with a dot would name a hidden file", id) : CM_OK;
}

/* Composed and in lower case: what file systems elsewhere take for one name. */
static char *fold(const char *id, cm_arena *out) {
    cm_char chars[CM_PROMPT_ID_BYTES], composed[CM_NFC_ROOM * CM_PROMPT_ID_BYTES];
    char text[8 * CM_PROMPT_ID_BYTES + 1];
    size_t count = 0, n = 0;
    if (cm_unicode_read(id, 0, strlen(id), chars, &count) != CM_OK) return cm_arena_string(out, id);
    count = cm_unicode_nfc(chars, count, composed);
    for (size_t i = 0; i < count; i++) {
        uint32_t lower[2];
        const size_t letters = cm_unicode_lower_of(composed[i].code, lower);
        for (size_t k = 0; k < letters; k++) n += cm_unicode_write(lower[k], text + n);
    }
    text[n] = '\0';
    return cm_arena_string(out, text);
}

typedef struct id_entry {
    const char *id, *folded;
    size_t row;
} id_entry;

static int by_folded(const void *a, const void *b) {
    const id_entry *x = a, *y = b;
    int order = strcmp(x->folded, y->folded);
    if (!order) order = strcmp(x->id, y->id);
    return order ? order : x->row < y->row ? -1 : 1;
}

/* --- all ------------------------------------------------------------------ */

/* "FILE:LINE: " before the reason; blank lines count. */
static cm_status fail_in_row(cm_status s, const char *path, size_t row) {
    char why[512];
    snprintf(why, sizeof why, "%s", cm_why());
    return cm_fail(s, "%s:%zu: %s", path, cm_jsonl_line_number(path, row), why);
}

/* Sorted, so that time grows with the number of prompts and not with its square. */
static cm_status check_ids(const char *path, const cm_prompt_rows *r, cm_arena *scratch) {
    id_entry *all = CM_PUSH(scratch, id_entry, r->count);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < r->count; i++) all[i] = (id_entry){r->rows[i].id, fold(r->rows[i].id, scratch), i};
    CM_TRY(cm_arena_check(scratch));
    qsort(all, r->count, sizeof *all, by_folded);
    size_t alike = 0;
    const id_entry *first = NULL;
    for (size_t i = 1; i < r->count; i++) {
        if (strcmp(all[i - 1].folded, all[i].folded) != 0) continue;
        if (strcmp(all[i - 1].id, all[i].id) == 0) {
            cm_fail(CM_EFORMAT, "id '%s' stands twice, first in line %zu", all[i].id, cm_jsonl_line_number(path, all[i - 1].row));
            return fail_in_row(CM_EFORMAT, path, all[i].row);
        }
        if (!alike++) first = &all[i];
    }
    if (alike)
        cm_warn("%s: %zu id%s another but for case or Unicode form ('%s' and '%s'): some systems take their files for one", path, alike,
                alike == 1 ? " is like" : "s are like", first[-1].id, first->id);
    return CM_OK;
}

static cm_status read_row(const json_t *line, cm_strays *strays, cm_prompt_row *row) {
    CM_TRY(cm_json_check_foreign(line, row_keys, strays));
    CM_TRY(cm_json_text(line, "id", &row->id));
    CM_TRY(cm_json_text(line, "prompt", &row->text));
    const json_t *seed = json_object_get(line, "seed"), *groups = json_object_get(line, "groups");
    row->negative = cm_json_text_or(line, "negative", NULL);
    row->groups = json_is_array(groups) ? groups : NULL;
    row->has_seed = json_is_integer(seed);
    row->seed = (uint64_t)json_integer_value(seed);
    return cm_prompt_id_check(row->id);
}

static cm_status read_rows(const char *path, size_t limit, cm_arena *out, cm_prompt_rows *r, cm_strays *strays) {
    CM_TRY(cm_jsonl_read(path, &r->lines));
    r->count = json_array_size(r->lines);
    if (limit && limit < r->count) r->count = limit;
    if (r->count == 0) return cm_fail(CM_EFORMAT, "%s: no prompts in it", path);
    r->rows = CM_PUSH_ZERO(out, cm_prompt_row, r->count);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < r->count; i++) {
        const cm_status s = read_row(json_array_get(r->lines, i), strays, &r->rows[i]);
        if (s != CM_OK) return fail_in_row(s, path, i);
    }
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    const cm_status s = check_ids(path, r, &scratch);
    cm_arena_free(&scratch);
    return s;
}

cm_status cm_prompt_rows_read(const char *path, size_t limit, cm_arena *out, cm_prompt_rows *rows) {
    cm_prompt_rows r = {0};
    cm_strays strays = {0};
    const cm_status s = read_rows(path, limit, out, &r, &strays);
    if (s == CM_OK) {
        cm_strays_warn(&strays, path);
        *rows = r;
    } else {
        json_decref(strays.names);
        cm_prompt_rows_close(&r);
    }
    return s;
}

void cm_prompt_rows_close(cm_prompt_rows *rows) {
    json_decref(rows->lines);
    *rows = (cm_prompt_rows){0};
}
