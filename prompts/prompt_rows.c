// SPDX-License-Identifier: Apache-2.0
#include "prompts/prompt_rows.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/generator/settings.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"
#include "core/networks/unicode.h"

/* What a row says of its image, as the table of settings has it. An id may be a number too. */
#define OWN CM_SETTING_SEED(CM_SETTING_KEY), CM_SETTING_NEGATIVE(CM_SETTING_KEY)
static const cm_json_key flat_keys[] = {{"id", CM_JSON_ANY}, {"prompt", CM_JSON_TEXT}, OWN, {0}};
static const cm_json_key row_keys[] = {{"id", CM_JSON_ANY},      {"prompt", CM_JSON_TEXT},          OWN,
                                       {"groups", CM_JSON_LIST}, {"seed_of_person", CM_JSON_WHOLE}, {0}};
/* Of sets that say which they are. */
static const cm_json_key set_keys[] = {{"id", CM_JSON_ANY},
                                       {"prompt", CM_JSON_TEXT},
                                       OWN,
                                       {"groups", CM_JSON_LIST},
                                       {"seed_of_person", CM_JSON_WHOLE},
                                       {"shot", CM_JSON_NAME},
                                       {"style", CM_JSON_NAME},
                                       {"tokens", CM_JSON_OBJECT},
                                       {"questions", CM_JSON_OBJECT},
                                       {"spans", CM_JSON_OBJECT},
                                       {0}};
static const cm_json_key head_keys[] = {
    {"kind", CM_JSON_NAME},   {"set", CM_JSON_NAME},          {"version", CM_JSON_WHOLE, 1, 1e9},
    {"count", CM_JSON_WHOLE}, {"seed", CM_JSON_WHOLE},        {"made", CM_JSON_TEXT},
    {"about", CM_JSON_TEXT},  {"tokenizers", CM_JSON_OBJECT}, {0}};

/* --- ids ------------------------------------------------------------------ */

/* Characters that cannot be seen, or that turn what follows around: controls, blanks, formats, private use. */
static bool is_hidden(uint32_t c) {
    static const uint32_t ranges[][2] = {{0x80, 0xa0},       {0xad, 0xad},       {0x34f, 0x34f},     {0x600, 0x605},
                                         {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x115f, 0x1160},
                                         {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},
                                         {0x2060, 0x206f},   {0x3164, 0x3164},   {0xe000, 0xf8ff},   {0xfe00, 0xfe0f},
                                         {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},   {0xfffe, 0xffff},
                                         {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff}};
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
        return cm_fail(CM_EFORMAT, "id '%.24s...' is %zu bytes long; at most %d can name a file", id, n,
                       CM_PROMPT_ID_BYTES);
    if (cm_unicode_read(id, 0, n, chars, &count) != CM_OK) return cm_fail_in(CM_EFORMAT, "id '%s'", id);
    for (size_t i = 0; i < count; i++)
        if (!may_stand(chars[i].code)) return bad_character(id, chars[i].code);
    return id[0] == '.' ? cm_fail(CM_EFORMAT, "id '%s': an id that begins with a dot would name a hidden file", id)
                        : CM_OK;
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

/* Is another row's id, but for case or form: told once. */
static void warn_alike(const char *path, size_t alike, const id_entry *first) {
    if (alike)
        cm_warn(
            "%s: %zu id%s another but for case or Unicode form ('%s' and '%s'): some systems take their files for one",
            path, alike, alike == 1 ? " is like" : "s are like", first[-1].id, first->id);
}

/* Sorted, so that time grows with the number of prompts and not with its square. A row whose id was there before and
 * that is only told loses its text. */
static cm_status check_ids(const char *path, const cm_prompt_reading *how, cm_prompt_rows *r, cm_arena *scratch) {
    id_entry *all = CM_PUSH(scratch, id_entry, r->count + 1);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < r->count; i++) all[i] = (id_entry){r->rows[i].id, fold(r->rows[i].id, scratch), i};
    CM_TRY(cm_arena_check(scratch));
    qsort(all, r->count, sizeof *all, by_folded);
    size_t alike = 0, same = 0; /* same: where this id stands first */
    const id_entry *first = NULL;
    for (size_t i = 1; i < r->count; i++) {
        cm_prompt_row *row = &r->rows[all[i].row];
        if (strcmp(all[same].id, all[i].id) == 0) {
            cm_fail(CM_EFORMAT, "id '%s' stands twice, first in %s %zu", all[i].id,
                    r->source.numbered ? "entry" : "line", r->rows[all[same].row].line);
            CM_TRY(cm_prompt_fault(how, row->line, cm_prompt_source_fail_in(&r->source, path, row->line, CM_EFORMAT)));
            row->text = NULL;
            continue;
        }
        same = i;
        if (strcmp(all[i - 1].folded, all[i].folded) == 0 && !alike++) first = &all[i];
    }
    warn_alike(path, alike, first);
    return CM_OK;
}

/* --- rows ----------------------------------------------------------------- */

/* A text or a whole number; made from the row's place where there is none. */
static cm_status read_id(const json_t *entry, size_t place, cm_arena *out, const char **id) {
    const json_t *v = json_object_get(entry, "id");
    if (!v || json_is_null(v)) *id = cm_arena_print(out, "p%04zu", place + 1);
    else if (json_is_integer(v)) *id = cm_arena_print(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_string(v) && json_string_length(v)) *id = json_string_value(v);
    else return cm_fail(CM_EFORMAT, "\"id\" is %s", json_is_string(v) ? "empty" : "neither a text nor a whole number");
    CM_TRY(cm_arena_check(out));
    return cm_prompt_id_check(*id);
}

static cm_status read_row(const json_t *entry, const cm_json_key *keys, size_t place, cm_strays *strays, cm_arena *out,
                          cm_prompt_row *row) {
    CM_TRY(cm_json_check_foreign(entry, keys, strays));
    CM_TRY(read_id(entry, place, out, &row->id));
    CM_TRY(cm_json_text(entry, "prompt", &row->text));
    const json_t *seed = json_object_get(entry, "seed"), *groups = json_object_get(entry, "groups");
    row->negative = cm_json_text_or(entry, "negative", NULL);
    row->groups = json_is_array(groups) ? groups : NULL;
    row->tokens = keys == set_keys ? json_object_get(entry, "tokens") : NULL;
    row->has_seed = json_is_integer(seed);
    row->seed = (uint64_t)json_integer_value(seed);
    return CM_OK;
}

static cm_status read_head(const char *path, size_t limit, cm_prompt_rows *r) {
    const json_t *head = r->source.head;
    if (!head) return CM_OK;
    const cm_status s = cm_json_check(head, "a set's first line", head_keys);
    if (s != CM_OK) return cm_fail_in(s, "%s", path);
    const size_t all = cm_json_size_or(head, "count", r->count), there = json_array_size(r->source.entries);
    r->version = cm_json_size_or(head, "version", 0);
    if (all != there && !limit)
        cm_warn("%s: %zu prompts where its first line says %zu: a part of the set", path, there, all);
    return CM_OK;
}

/* Rows that were told as wrong have no text: they go. */
static void drop_faulty(cm_prompt_rows *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->rows[i].text) r->rows[n++] = r->rows[i];
    r->count = n;
}

static cm_status read_all(const char *path, const cm_prompt_reading *how, cm_arena *out, cm_prompt_rows *r,
                          cm_strays *strays) {
    CM_TRY(cm_prompt_source_read(path, how, out, &r->source));
    r->count = json_array_size(r->source.entries);
    CM_TRY(read_head(path, how->limit, r));
    if (how->limit && how->limit < r->count) r->count = how->limit;
    const cm_json_key *keys = r->source.flat ? flat_keys : r->source.head ? set_keys : row_keys;
    r->rows = CM_PUSH_ZERO(out, cm_prompt_row, r->count);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < r->count; i++) {
        const size_t line = r->rows[i].line = r->source.lines[i];
        const cm_status s = read_row(json_array_get(r->source.entries, i), keys, i, strays, out, &r->rows[i]);
        if (s == CM_OK) continue;
        CM_TRY(cm_prompt_fault(how, line, cm_prompt_source_fail_in(&r->source, path, line, s)));
        r->rows[i].text = NULL;
    }
    drop_faulty(r);
    return CM_OK;
}

cm_status cm_prompt_rows_read(const char *path, const cm_prompt_reading *how, cm_arena *out, cm_prompt_rows *rows) {
    static const cm_prompt_reading usual = {0};
    cm_prompt_rows r = {0};
    cm_strays strays = {0};
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    if (!how) how = &usual;
    cm_status s = read_all(path, how, out, &r, &strays);
    if (s == CM_OK) s = check_ids(path, how, &r, &scratch);
    cm_arena_free(&scratch);
    if (s == CM_OK) {
        drop_faulty(&r);
        cm_strays_warn(&strays, path);
        *rows = r;
    } else {
        json_decref(strays.names);
        cm_prompt_rows_close(&r);
    }
    return s;
}

void cm_prompt_rows_close(cm_prompt_rows *rows) {
    cm_prompt_source_close(&rows->source);
    *rows = (cm_prompt_rows){0};
}
