// SPDX-License-Identifier: Apache-2.0
#include "prompts/prompt_source.h"

#include <string.h>
#include <strings.h>

#include "core/base/system.h"
#include "core/base/utf8.h"
#include "core/io/jsonl.h"
#include "prompts/delimited.h"
#include "prompts/prompt_columns.h"

enum { MAX_FILE = 1 << 30, MAX_KEYS = 128 };

typedef struct prompt_text {
    const char *path;
    char *text;
    size_t length;
} prompt_text;

cm_status cm_prompt_fault(const cm_prompt_reading *how, size_t line, cm_status s) {
    if (s != CM_EFORMAT || !how->fault) return s;
    how->fault(how->fault_arg, line, cm_why());
    return CM_OK;
}

cm_status cm_prompt_source_fail_in(const cm_prompt_source *source, const char *path, size_t line, cm_status s) {
    return source->numbered ? cm_fail_in(s, "%s: entry %zu", path, line) : cm_fail_in(s, "%s:%zu", path, line);
}

cm_status cm_prompt_source_add(cm_prompt_source *source, cm_arena *out, json_t *entry, size_t line) {
    const size_t n = json_array_size(source->entries);
    if (json_array_append_new(source->entries, entry) != 0) return cm_fail(CM_ENOMEM, "out of memory for prompts");
    if (n == source->room) {
        const size_t room = n ? 2 * n : 256;
        size_t *lines = CM_PUSH(out, size_t, room);
        CM_TRY(cm_arena_check(out));
        if (n) memcpy(lines, source->lines, n * sizeof *lines);
        source->lines = lines;
        source->room = room;
    }
    source->lines[n] = line;
    return CM_OK;
}

/* --- text ----------------------------------------------------------------- */

static cm_status check_bytes(const prompt_text *t) {
    const unsigned char *s = (const unsigned char *)t->text;
    size_t line = 1;
    for (size_t i = 0; i < t->length;) {
        uint32_t code;
        const size_t n = cm_utf8_read(s + i, t->length - i, &code);
        if (n == 0)
            return cm_fail(CM_EFORMAT, "%s:%zu: byte 0x%02x is not UTF-8; save it as UTF-8", t->path, line, s[i]);
        if (code == 0) return cm_fail(CM_EFORMAT, "%s:%zu: a zero byte, so no text in UTF-8", t->path, line);
        line += code == '\n';
        i += n;
    }
    return CM_OK;
}

static cm_status read_text(prompt_text *t, cm_arena *out) {
    CM_TRY(cm_read_text(t->path, MAX_FILE, out, &t->text, &t->length));
    const unsigned char *b = (const unsigned char *)t->text;
    if (t->length >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)))
        return cm_fail(CM_EFORMAT, "%s: UTF-16; save it as UTF-8", t->path);
    if (t->length >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf) {
        t->text += 3;
        t->length -= 3;
    }
    return check_bytes(t);
}

/* The line from `at` on without its end; *next: where the following one begins. */
static size_t line_at(const prompt_text *t, size_t at, size_t *next) {
    const char *end = memchr(t->text + at, '\n', t->length - at);
    size_t n = end ? (size_t)(end - t->text) - at : t->length - at;
    *next = at + n + 1;
    if (n && t->text[at + n - 1] == '\r') n--;
    return n;
}

static bool is_blank(const char *text, size_t n) {
    return strspn(text, " \t\r\n") >= n;
}

static bool ends_in(const char *path, const char *ending) {
    const size_t n = strlen(path), m = strlen(ending);
    return n > m && strcasecmp(path + n - m, ending) == 0;
}

/* --- JSON ----------------------------------------------------------------- */

static bool is_head(const json_t *entry) {
    const char *kind = json_string_value(json_object_get(entry, "kind"));
    return kind && strcmp(kind, "set") == 0;
}

static cm_status read_lines(cm_prompt_source *s, const prompt_text *t, const cm_prompt_reading *how, cm_arena *out) {
    size_t number = 0, next;
    for (size_t at = 0; at < t->length; at = next) {
        const size_t n = line_at(t, at, &next);
        json_t *entry = NULL;
        number++;
        if (is_blank(t->text + at, n)) continue;
        CM_TRY(cm_prompt_fault(how, number, cm_json_parse_line(t->path, t->text + at, n, number, &entry)));
        if (!entry) continue;
        if (is_head(entry) && !s->head && json_array_size(s->entries) == 0) s->head = entry;
        else CM_TRY(cm_prompt_source_add(s, out, entry, number));
    }
    return CM_OK;
}

static cm_status read_list(cm_prompt_source *s, const json_t *list, cm_arena *out) {
    size_t i;
    json_t *entry;
    s->numbered = true;
    json_array_foreach((json_t *)list, i, entry) CM_TRY(cm_prompt_source_add(s, out, json_incref(entry), i + 1));
    return CM_OK;
}

/* The key of the first entry that holds the prompts; "prompt" where none is known, so that its absence is told. */
static cm_status choose_key(const cm_prompt_source *s, const char *given, const char **key) {
    const char *names[MAX_KEYS + 1] = {NULL}, *name;
    json_t *value;
    size_t n = 0, which;
    json_object_foreach(json_array_get(s->entries, 0), name, value)
        if (n < MAX_KEYS) names[n++] = name;
    const cm_status status = cm_prompt_column_choose(given, names, &which);
    if (status == CM_EUSAGE) return status;
    *key = status == CM_OK ? names[which] : "prompt";
    return CM_OK;
}

/* Puts each entry's text under "prompt". */
static cm_status rename_key(cm_prompt_source *s, const char *path, const cm_prompt_reading *how, cm_arena *out) {
    const char *key;
    const cm_status status = choose_key(s, how->column, &key);
    if (status != CM_OK) return cm_fail_in(status, "%s", path);
    if (strcmp(key, "prompt") == 0) return CM_OK;
    key = cm_arena_string(out, key);
    CM_TRY(cm_arena_check(out));
    size_t i;
    json_t *entry;
    json_array_foreach(s->entries, i, entry) {
        json_t *text = json_object_get(entry, key);
        if (!json_is_string(text)) {
            cm_fail(CM_EFORMAT, "\"%.60s\": %s", key, text ? "not a text" : "absent");
            CM_TRY(cm_prompt_fault(how, s->lines[i], cm_prompt_source_fail_in(s, path, s->lines[i], CM_EFORMAT)));
            continue;
        }
        if (json_object_set(entry, "prompt", text) != 0) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
        json_object_del(entry, key);
    }
    return CM_OK;
}

/* Does the first line alone hold an object? */
static bool begins_as_lines(const prompt_text *t) {
    size_t at = 0, next = 0, n = 0;
    bool no_memory;
    json_error_t e;
    do at = next, n = line_at(t, at, &next);
    while (is_blank(t->text + at, n) && next < t->length);
    json_t *first = cm_json_parse(t->text + at, n, 0, &no_memory, &e);
    const bool is = json_is_object(first);
    json_decref(first);
    return is;
}

static cm_status read_json(cm_prompt_source *s, const prompt_text *t, const cm_prompt_reading *how, cm_arena *out) {
    json_t *whole = NULL;
    const cm_status status =
        t->text[strspn(t->text, " \t\r\n")] ? cm_json_parse_line(t->path, t->text, t->length, 0, &whole) : CM_OK;
    const bool list = json_is_array(whole), coco = json_is_array(json_object_get(whole, "annotations"));
    cm_status done = CM_OK;
    s->flat = s->numbered = coco;
    if (status == CM_ENOMEM || (status != CM_OK && ends_in(t->path, ".json") && !begins_as_lines(t))) done = status;
    else if (coco) done = cm_prompt_source_coco(s, t->path, whole, how, out);
    else if (list) done = read_list(s, whole, out);
    else done = read_lines(s, t, how, out);
    json_decref(whole);
    return done == CM_OK && !coco ? rename_key(s, t->path, how, out) : done;
}

/* --- plain text ----------------------------------------------------------- */

static cm_status read_plain(cm_prompt_source *s, const prompt_text *t, const cm_prompt_reading *how, cm_arena *out) {
    size_t number = 0, next;
    if (how->column) return cm_fail(CM_EUSAGE, "%s: plain text has no column '%.60s'", t->path, how->column);
    s->flat = true;
    for (size_t at = 0; at < t->length; at = next) {
        size_t n = line_at(t, at, &next), from = at;
        number++;
        while (n && strchr(" \t", t->text[from])) from++, n--;
        while (n && strchr(" \t", t->text[from + n - 1])) n--;
        if (n == 0) continue;
        json_t *entry = json_pack("{s:s%}", "prompt", t->text + from, n);
        if (!entry) return cm_fail(CM_ENOMEM, "%s: out of memory", t->path);
        CM_TRY(cm_prompt_source_add(s, out, entry, number));
    }
    return CM_OK;
}

/* --- all ------------------------------------------------------------------ */

static cm_status read_any(cm_prompt_source *s, const prompt_text *t, const cm_prompt_reading *how, cm_arena *out) {
    const char first = t->text[strspn(t->text, " \t\r\n")];
    const bool json = first == '{' || first == '[', plain = ends_in(t->path, ".txt");
    if (ends_in(t->path, ".csv") || ends_in(t->path, ".tsv") || ends_in(t->path, ".tab")) {
        s->flat = true;
        const char delimiter = ends_in(t->path, ".csv") ? cm_delimited_guess(t->text, t->length) : '\t';
        return cm_prompt_source_table(s, t->path, t->text, t->length, delimiter, how, out);
    }
    if (plain && !(json && begins_as_lines(t))) return read_plain(s, t, how, out);
    if (json || plain || ends_in(t->path, ".jsonl") || ends_in(t->path, ".ndjson") || ends_in(t->path, ".json") ||
        !first)
        return read_json(s, t, how, out);
    return cm_fail(
        CM_EFORMAT,
        "%s: what prompts are these? call it .jsonl, .json (COCO captions), .csv, .tsv or .txt (a prompt a line)",
        t->path);
}

cm_status cm_prompt_source_read(const char *path, const cm_prompt_reading *how, cm_arena *out,
                                cm_prompt_source *source) {
    prompt_text t = {.path = path};
    cm_prompt_source s = {.entries = json_array()};
    cm_status status = s.entries ? read_text(&t, out) : cm_fail(CM_ENOMEM, "%s: out of memory", path);
    if (status == CM_OK) status = read_any(&s, &t, how, out);
    if (status == CM_OK && json_array_size(s.entries) == 0) status = cm_fail(CM_EFORMAT, "%s: no prompts in it", path);
    if (status == CM_OK) *source = s;
    else cm_prompt_source_close(&s);
    return status;
}

void cm_prompt_source_close(cm_prompt_source *source) {
    json_decref(source->entries);
    json_decref(source->head);
    *source = (cm_prompt_source){0};
}
