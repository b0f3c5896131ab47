// SPDX-License-Identifier: Apache-2.0
#include "prompts/delimited.h"

#include <stdbool.h>
#include <string.h>

static bool at_end(const cm_delimited *d) {
    return d->at >= d->length;
}

static bool ends_row(char c) {
    return c == '\n' || c == '\r';
}

/* Over one line break, CR LF as one. */
static void pass_break(cm_delimited *d) {
    if (d->text[d->at] == '\r' && d->at + 1 < d->length && d->text[d->at + 1] == '\n') d->at++;
    d->at++;
    d->line++;
}

static void pass_blank_lines(cm_delimited *d) {
    while (!at_end(d) && ends_row(d->text[d->at])) pass_break(d);
}

/* Behind the opening quote. The decoded text is never longer than what was read, so it is written over it. */
static cm_status read_quoted(cm_delimited *d, char **to) {
    const size_t opened = d->line;
    for (; !at_end(d); d->at++) {
        const char c = d->text[d->at];
        if (c == '"' && (d->at + 1 >= d->length || d->text[d->at + 1] != '"')) {
            d->at++;
            return CM_OK;
        }
        if (c == '"') d->at++;
        if (c == '\n') d->line++;
        *(*to)++ = c;
    }
    return cm_fail(CM_EFORMAT, "line %zu: a quote opens here and is never closed", opened);
}

/* One cell up to its delimiter, the row's end or the text's; end: where its 0 goes. */
static cm_status read_cell(cm_delimited *d, char **end) {
    *end = d->text + d->at;
    if (!at_end(d) && d->text[d->at] == '"') {
        d->at++;
        CM_TRY(read_quoted(d, end));
        if (at_end(d) || d->text[d->at] == d->delimiter || ends_row(d->text[d->at])) return CM_OK;
        return cm_fail(CM_EFORMAT, "line %zu: text stands behind a closing quote; a quote within quotes is doubled",
                       d->line);
    }
    while (!at_end(d) && d->text[d->at] != d->delimiter && !ends_row(d->text[d->at])) d->at++;
    *end = d->text + d->at;
    return CM_OK;
}

cm_status cm_delimited_next(cm_delimited *d, cm_cells *row) {
    row->count = 0;
    pass_blank_lines(d);
    row->line = d->line;
    for (bool more = !at_end(d); more;) {
        char *end;
        if (row->count == CM_CELLS) return cm_fail(CM_EFORMAT, "line %zu: more than %d cells", row->line, CM_CELLS);
        row->cell[row->count++] = d->text + d->at;
        CM_TRY(read_cell(d, &end));
        more = !at_end(d) && d->text[d->at] == d->delimiter;
        if (more) d->at++;
        else if (!at_end(d)) pass_break(d);
        *end = '\0';
    }
    return CM_OK;
}

char cm_delimited_guess(const char *text, size_t length) {
    static const char kinds[] = ",;\t";
    size_t counts[3] = {0}, best = 0;
    bool quoted = false;
    for (size_t i = 0; i < length && (quoted || !ends_row(text[i])); i++) {
        if (text[i] == '"') quoted = !quoted;
        const char *kind = quoted || !text[i] ? NULL : strchr(kinds, text[i]);
        if (kind) counts[kind - kinds]++;
    }
    for (size_t k = 1; k < 3; k++)
        if (counts[k] > counts[best]) best = k;
    return kinds[best];
}
