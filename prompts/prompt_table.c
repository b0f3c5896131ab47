// SPDX-License-Identifier: Apache-2.0
/* Prompts in tables: CSV and TSV. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "prompts/delimited.h"
#include "prompts/prompt_columns.h"
#include "prompts/prompt_source.h"

typedef struct table {
    cm_cells header;
    const char *key[CM_CELLS]; /* under which a column's cells go; NULL: nowhere */
} table;

/* The columns that mean something beside the prompts. */
static const char *known_key(const char *name) {
    static const char *const known[] = {"id", "seed", "negative"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasecmp(name, known[i]) == 0) return known[i];
    return NULL;
}

static bool has_key(const table *t, size_t count, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (t->key[i] && strcmp(t->key[i], key) == 0) return true;
    return false;
}

static void trim(const char **cell) {
    char *text = (char *)*cell + strspn(*cell, " \t");
    size_t n = strlen(text);
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t')) text[--n] = '\0';
    *cell = text;
}

static cm_status name_columns(table *t, const char *column) {
    const char *names[CM_CELLS + 1] = {NULL};
    size_t prompts;
    for (size_t i = 0; i < t->header.count; i++) {
        trim(&t->header.cell[i]);
        names[i] = t->header.cell[i];
    }
    CM_TRY(cm_prompt_column_choose(column, names, &prompts));
    for (size_t i = 0; i < t->header.count; i++) {
        const char *known = known_key(names[i]);
        const char *key = i == prompts ? "prompt" : known ? known : names[i];
        if ((known || i == prompts) && has_key(t, i, key))
            return cm_fail(CM_EFORMAT, "two columns are called '%s'", key);
        t->key[i] = i != prompts && (!key[0] || strcmp(key, "prompt") == 0) ? NULL : key;
    }
    return CM_OK;
}

/* A seed is a number; what is none stays text, which the check of keys refuses by name. */
static json_t *cell_value(const char *key, const char *cell) {
    char *end;
    if (strcmp(key, "seed") != 0) return json_string(cell);
    errno = 0;
    const bool below = cell[0] == '-';
    const unsigned long long whole = strtoull(cell + below, &end, 10);
    const bool number = cell[below] >= '0' && cell[below] <= '9' && !*end && !errno && (!below || whole <= 1ULL << 63);
    return number ? json_integer((json_int_t)(below ? -whole : whole)) : json_string(cell);
}

/* An empty cell stands for nothing, but for an empty prompt. */
static json_t *row_entry(const table *t, const cm_cells *row) {
    json_t *o = json_object();
    for (size_t i = 0; i < row->count; i++) {
        const char *key = t->key[i];
        if (!key || (!row->cell[i][0] && strcmp(key, "prompt") != 0)) continue;
        if (json_object_set_new(o, key, cell_value(key, row->cell[i])) != 0) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

static bool is_empty(const cm_cells *row) {
    for (size_t i = 0; i < row->count; i++)
        if (row->cell[i][0]) return false;
    return true;
}

static cm_status add_row(cm_prompt_source *s, const table *t, const cm_cells *row, const char *path, cm_arena *out) {
    if (is_empty(row)) return CM_OK;
    if (row->count != t->header.count)
        return cm_fail(CM_EFORMAT,
                       "%s:%zu: %zu cell%s where the header has %zu; a cell with a delimiter in it is put in quotes",
                       path, row->line, row->count, row->count == 1 ? "" : "s", t->header.count);
    json_t *entry = row_entry(t, row);
    return entry ? cm_prompt_source_add(s, out, entry, row->line) : cm_fail(CM_ENOMEM, "%s: out of memory", path);
}

cm_status cm_prompt_source_table(cm_prompt_source *source, const char *path, char *text, size_t length, char delimiter,
                                 const cm_prompt_reading *how, cm_arena *out) {
    cm_delimited d = {text, length, delimiter, 0, 1};
    table *t = CM_PUSH_ZERO(out, table, 1);
    cm_cells *row = CM_PUSH(out, cm_cells, 1);
    CM_TRY(cm_arena_check(out));
    cm_status s = cm_delimited_next(&d, &t->header);
    if (s == CM_OK && t->header.count) s = name_columns(t, how->column);
    if (s != CM_OK) return cm_fail_in(s, "%s", path);
    while ((s = cm_delimited_next(&d, row)) == CM_OK && row->count)
        CM_TRY(cm_prompt_fault(how, row->line, add_row(source, t, row, path, out)));
    return s == CM_OK ? s : cm_fail_in(s, "%s", path);
}
