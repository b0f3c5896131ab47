// SPDX-License-Identifier: Apache-2.0
#include "core/io/jsonl.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/io/json_numbers.h"
#include "core/io/mapped.h"

enum { MAX_FILE = 1 << 30 };

static cm_status out_of_memory(const char *path) {
    return cm_fail(CM_ENOMEM, "%s: out of memory", path);
}

/* A whole file, without the mark that some editors put before UTF-8. */
static cm_status read_text(const char *path, cm_arena *arena, char **text, size_t *length) {
    CM_TRY(cm_read_text(path, MAX_FILE, arena, text, length));
    const unsigned char *b = (const unsigned char *)*text;
    if (*length >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)))
        return cm_fail(CM_EFORMAT, "%s: UTF-16; save it as UTF-8", path);
    const bool mark = *length >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf;
    *text += mark ? 3 : 0;
    *length -= mark ? 3 : 0;
    return CM_OK;
}

/* The library calls a text wrong when it had no memory for a part of it, so its allocations are watched. */
static _Thread_local bool lacks_memory;

static void *watched_malloc(size_t bytes) {
    void *p = malloc(bytes);
    if (!p && bytes) lacks_memory = true;
    return p;
}

static void watch(void) {
    json_set_alloc_funcs(watched_malloc, free);
}

json_t *cm_json_parse(const char *text, size_t length, size_t flags, bool *no_memory, json_error_t *e) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
    lacks_memory = false;
    json_t *value = json_loadb(text, length, flags, e);
    *no_memory = !value && lacks_memory;
    return value;
}

/* NULL where more is wrong with the text than a big seed. */
static json_t *parse_folded(const char *text, size_t length, size_t flags, bool *no_memory) {
    cm_arena arena;
    const char *folded;
    json_error_t e;
    json_t *value = NULL;
    cm_arena_init(&arena, 0);
    if (cm_json_fold_seed(text, length, &arena, &folded))
        value = cm_json_parse(folded, strlen(folded), flags, no_memory, &e);
    cm_arena_free(&arena);
    return value;
}

/* Parses a text; line 0: the reader's own count of lines is told. */
static cm_status parse(const char *path, const char *text, size_t length, size_t line, size_t flags, json_t **out) {
    json_error_t e;
    bool no_memory;
    json_t *value = cm_json_parse(text, length, JSON_REJECT_DUPLICATES | flags, &no_memory, &e);
    if (!value && json_error_code(&e) == json_error_numeric_overflow)
        value = parse_folded(text, length, JSON_REJECT_DUPLICATES | flags, &no_memory);
    if (no_memory) return out_of_memory(path);
    if (!value && json_error_code(&e) == json_error_null_character)
        return cm_fail(CM_EFORMAT, "%s:%zu: a text has \\u0000 in it, which no text here can hold", path,
                       line ? line : (size_t)e.line);
    const char *other = value || text[0] == '{' || text[0] == '[' ? NULL : cm_file_kind(text, length);
    if (other) return cm_fail(CM_EFORMAT, "%s: not JSON but %s", path, other);
    if (!value) return cm_fail(CM_EFORMAT, "%s:%zu: not JSON: %s", path, line ? line : (size_t)e.line, e.text);
    *out = value;
    return CM_OK;
}

cm_status cm_json_parse_line(const char *path, const char *text, size_t length, size_t line, json_t **out) {
    return parse(path, text, length, line, 0, out);
}

static cm_status read_whole(const char *path, bool python, json_t **out) {
    cm_arena arena;
    cm_arena_init(&arena, 0);
    char *text;
    size_t length;
    cm_status s = read_text(path, &arena, &text, &length);
    if (s == CM_OK && python) s = cm_json_quote_numbers(&arena, &text, &length);
    if (s == CM_OK) s = parse(path, text, length, 0, JSON_DECODE_ANY, out);
    cm_arena_free(&arena);
    return s;
}

cm_status cm_json_read(const char *path, json_t **out) {
    return read_whole(path, false, out);
}

cm_status cm_json_read_config(const char *path, json_t **out) {
    return read_whole(path, true, out);
}

cm_status cm_json_write(const char *path, const json_t *value) {
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(17) | JSON_ENCODE_ANY);
    if (!text) return cm_fail(CM_EFORMAT, "%s: this value cannot be written as JSON", path);
    cm_part p;
    cm_status s = cm_part_open(&p, path);
    if (s == CM_OK) {
        fputs(text, p.file);
        fputc('\n', p.file);
        s = cm_part_finish(&p);
    }
    free(text);
    return s;
}

static bool is_blank(const char *line, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!strchr(" \t\r", line[i])) return false;
    }
    return true;
}

/* A line that is no JSON value is an error with its number. */
static cm_status each_line(const char *path, const char *text, size_t length, cm_json_line_reader *take, void *arg) {
    size_t number = 0;
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        const size_t n = end ? (size_t)(end - text) - at : length - at;
        number++;
        if (!is_blank(text + at, n)) {
            json_t *line;
            CM_TRY(parse(path, text + at, n, number, 0, &line));
            const cm_status s = take(arg, number, line);
            json_decref(line);
            CM_TRY(s);
        }
        at += n + 1;
    }
    return CM_OK;
}

cm_status cm_jsonl_each(const char *path, cm_json_line_reader *take, void *arg) {
    cm_arena arena;
    cm_arena_init(&arena, 0);
    char *text;
    size_t length;
    cm_status s = read_text(path, &arena, &text, &length);
    if (s == CM_OK) s = each_line(path, text, length, take, arg);
    cm_arena_free(&arena);
    return s;
}

/* Appends the line to the array that arg is. */
static cm_status append(void *arg, size_t number, json_t *line) {
    (void)number;
    return json_array_append(arg, line) == 0 ? CM_OK : CM_ENOMEM;
}

static cm_status parse_lines(const char *path, const char *text, size_t length, json_t *all) {
    const cm_status s = each_line(path, text, length, append, all);
    return s == CM_ENOMEM ? out_of_memory(path) : s;
}

cm_status cm_jsonl_read(const char *path, json_t **out) {
    cm_arena arena;
    cm_arena_init(&arena, 0);
    char *text;
    size_t length;
    json_t *all = json_array();
    cm_status s = all ? read_text(path, &arena, &text, &length) : out_of_memory(path);
    if (s == CM_OK) s = parse_lines(path, text, length, all);
    cm_arena_free(&arena);
    if (s == CM_OK) {
        *out = all;
    } else {
        json_decref(all);
    }
    return s;
}

size_t cm_jsonl_line_number(const char *path, size_t index) {
    cm_arena arena;
    cm_arena_init(&arena, 0);
    char *text;
    size_t length, number = 0, found = 0;
    if (read_text(path, &arena, &text, &length) != CM_OK) length = 0;
    for (size_t at = 0; at < length && !found;) {
        const char *end = memchr(text + at, '\n', length - at);
        const size_t n = end ? (size_t)(end - text) - at : length - at;
        number++;
        if (!is_blank(text + at, n) && index-- == 0) found = number;
        at += n + 1;
    }
    cm_arena_free(&arena);
    return found;
}

cm_status cm_jsonl_write(const char *path, const json_t *lines) {
    cm_part p;
    CM_TRY(cm_part_open(&p, path));
    size_t i;
    json_t *line;
    json_array_foreach((json_t *)lines, i, line) {
        if (json_dumpf(line, p.file, JSON_COMPACT | JSON_REAL_PRECISION(17)) == 0 && fputc('\n', p.file) != EOF)
            continue;
        if (ferror(p.file)) break; /* which finish reports */
        cm_part_drop(&p);
        return cm_fail(CM_EFORMAT, "%s: line %zu cannot be written as JSON", path, i + 1);
    }
    return cm_part_finish(&p);
}

struct cm_records {
    FILE *file;
    char *path;
};

/* The length up to and with the last newline: what a killed run finished. */
static size_t whole_lines(const char *text, size_t length) {
    while (length && text[length - 1] != '\n') length--;
    return length;
}

static cm_status read_existing(const char *path, json_t *all, size_t *keep) {
    cm_arena arena;
    cm_arena_init(&arena, 0);
    char *text;
    size_t length;
    cm_status s = cm_read_text(path, MAX_FILE, &arena, &text, &length);
    if (s == CM_OK) {
        *keep = whole_lines(text, length);
        s = parse_lines(path, text, *keep, all);
    }
    cm_arena_free(&arena);
    return s;
}

cm_status cm_records_open(cm_records **out, const char *path, json_t **existing) {
    json_t *all = json_array();
    cm_records *r = calloc(1, sizeof *r);
    cm_status s = CM_OK;
    struct stat st;
    size_t keep = 0;
    if (!all || !r || !(r->path = strdup(path))) {
        s = out_of_memory(path);
        goto out;
    }
    const bool regular = stat(path, &st) == 0 && S_ISREG(st.st_mode); /* a pipe holds nothing to go on from */
    if (regular) s = read_existing(path, all, &keep);
    if (s != CM_OK) goto out;
    r->file = fopen(path, "ab");
    if (!r->file || (regular && ftruncate(fileno(r->file), (off_t)keep) != 0)) {
        s = cm_fail(CM_EIO, "%s: cannot write: %s", path, strerror(errno));
    }
out:
    if (s != CM_OK) {
        cm_records_close(&r);
    } else {
        *out = r;
        if (existing) *existing = json_incref(all);
    }
    json_decref(all);
    return s;
}

/* One write and one flush a line, so that a kill costs at most the line being written. */
cm_status cm_records_add(cm_records *r, const json_t *line) {
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!text) return cm_fail(CM_EFORMAT, "%s: this value cannot be written as JSON", r->path);
    errno = 0;
    const bool good = fputs(text, r->file) >= 0 && fputc('\n', r->file) != EOF && fflush(r->file) == 0;
    const int error = errno ? errno : ENOSPC;
    free(text);
    return good ? CM_OK : cm_fail(CM_EIO, "%s: cannot write: %s", r->path, strerror(error));
}

void cm_records_close(cm_records **r) {
    if (!*r) return;
    if ((*r)->file) {
        fdatasync(
            fileno((*r)->file)); /* through a power cut; a pipe has no disk, and a failure was told by cm_records_add */
        fclose((*r)->file);
    }
    free((*r)->path);
    free(*r);
    *r = NULL;
}

cm_status cm_json_size(const json_t *o, const char *key, size_t *out) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0) {
        return cm_fail(CM_EFORMAT, "\"%s\": %s", key, v ? "not a whole number of 0 or more" : "absent");
    }
    *out = (size_t)json_integer_value(v);
    return CM_OK;
}

cm_status cm_json_number(const json_t *o, const char *key, double *out) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v)) return cm_fail(CM_EFORMAT, "\"%s\": %s", key, v ? "not a number" : "absent");
    *out = json_number_value(v);
    return CM_OK;
}

cm_status cm_json_text(const json_t *o, const char *key, const char **out) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v)) return cm_fail(CM_EFORMAT, "\"%s\": %s", key, v ? "not a text" : "absent");
    *out = json_string_value(v);
    return CM_OK;
}

size_t cm_json_size_or(const json_t *o, const char *key, size_t otherwise) {
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) && json_integer_value(v) >= 0 ? (size_t)json_integer_value(v) : otherwise;
}

double cm_json_number_or(const json_t *o, const char *key, double otherwise) {
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

bool cm_json_bool_or(const json_t *o, const char *key, bool otherwise) {
    const json_t *v = json_object_get(o, key);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

const char *cm_json_text_or(const json_t *o, const char *key, const char *otherwise) {
    const json_t *v = json_object_get(o, key);
    return json_is_string(v) ? json_string_value(v) : otherwise;
}

const char *cm_text_of(const json_t *o, const char *key) {
    return cm_json_text_or(o, key, "");
}
