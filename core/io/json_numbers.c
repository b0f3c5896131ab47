// SPDX-License-Identifier: Apache-2.0
#include "core/io/json_numbers.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Behind the string that begins at text[at]. */
static size_t skip_string(const char *text, size_t length, size_t at) {
    for (at++; at < length && text[at] != '"'; at++) at += text[at] == '\\';
    return at < length ? at + 1 : length;
}

/* The length of a number that only Python's JSON has, at the beginning of text; 0: none. */
static size_t python_number(const char *text, size_t length) {
    static const char *const names[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const size_t n = strlen(names[i]);
        if (length >= n && memcmp(text, names[i], n) == 0) return n;
    }
    return 0;
}

cm_status cm_json_quote_numbers(cm_arena *a, char **text, size_t *length) {
    char *to = CM_PUSH(a, char, 2 * *length + 1);
    size_t n = 0;
    CM_TRY(cm_arena_check(a));
    for (size_t at = 0; at < *length;) {
        const char *from = *text + at;
        const size_t number = python_number(from, *length - at);
        const size_t whole = number ? number : from[0] == '"' ? skip_string(*text, *length, at) - at : 1;
        if (number) to[n++] = '"';
        memcpy(to + n, from, whole);
        n += whole;
        if (number) to[n++] = '"';
        at += whole;
    }
    to[n] = '\0';
    *text = to;
    *length = n;
    return CM_OK;
}

bool cm_json_fold_seed(const char *line, size_t length, cm_arena *a, const char **out) {
    static const char key[] = "\"seed\"";
    for (size_t at = 0; at < length;) {
        const size_t next = line[at] == '"' ? skip_string(line, length, at) : at + 1;
        size_t digits = next;
        const bool is_key = next - at == sizeof key - 1 && memcmp(line + at, key, sizeof key - 1) == 0;
        while (is_key && digits < length && strchr(" \t:", line[digits])) digits++;
        if (is_key && digits < length && line[digits] >= '1' && line[digits] <= '9') {
            char *end;
            errno = 0;
            const unsigned long long seed = strtoull(line + digits, &end, 10);
            if (errno || seed <= INT64_MAX) return false;
            *out = cm_arena_print(a, "%.*s%lld%.*s", (int)digits, line, (long long)seed,
                                  (int)(length - (size_t)(end - line)), end);
            return *out != NULL;
        }
        at = next;
    }
    return false;
}
