// SPDX-License-Identifier: Apache-2.0
#include "reports/report_table.h"

#include <stdio.h>
#include <string.h>

void cm_table_begin(cm_table *t, cm_arena *arena, const char *name, const cm_table_column *columns, size_t count) {
    *t = (cm_table){.name = name, .arena = arena, .column_count = count};
    t->columns = CM_PUSH(arena, cm_table_column, count);
    if (t->columns && count) memcpy(t->columns, columns, count * sizeof *columns);
    else t->column_count = 0;
}

/* --- rows ------------------------------------------------------------------------------- */

static bool grow(cm_table *t) {
    const size_t room = t->row_room ? 2 * t->row_room : 8;
    cm_cell *cells = CM_PUSH(t->arena, cm_cell, room * t->column_count + 1);
    bool *theirs = CM_PUSH(t->arena, bool, room);
    if (!cells || !theirs) return false;
    if (t->row_count) {
        memcpy(cells, t->cells, t->row_count * t->column_count * sizeof *cells);
        memcpy(theirs, t->theirs, t->row_count * sizeof *theirs);
    }
    t->cells = cells;
    t->theirs = theirs;
    t->row_room = room;
    return true;
}

static void add_row(cm_table *t, bool theirs) {
    t->column = t->column_count;
    if (t->row_count == t->row_room && !grow(t)) return;
    t->theirs[t->row_count] = theirs;
    memset(t->cells + t->row_count * t->column_count, 0, t->column_count * sizeof *t->cells);
    t->row_count++;
    t->column = 0;
}

void cm_table_row(cm_table *t) {
    add_row(t, false);
}

void cm_table_row_theirs(cm_table *t) {
    add_row(t, true);
}

/* --- cells ------------------------------------------------------------------------------ */

static cm_cell *next(cm_table *t, cm_cell what) {
    cm_cell *c = t->row_count && t->column < t->column_count
                     ? &t->cells[(t->row_count - 1) * t->column_count + t->column++]
                     : &t->nowhere;
    *c = what;
    c->style = -1;
    return c;
}

cm_cell *cm_table_text(cm_table *t, const char *text) {
    return next(t, (cm_cell){.kind = CM_CELL_TEXT, .text = text});
}

cm_cell *cm_table_number(cm_table *t, double value) {
    return next(t, (cm_cell){.kind = CM_CELL_NUMBER, .value = value});
}

cm_cell *cm_table_interval(cm_table *t, double value, double lo, double hi) {
    return next(t, (cm_cell){.kind = CM_CELL_NUMBER, .value = value, .has_interval = true, .lo = lo, .hi = hi});
}

cm_cell *cm_table_absent(cm_table *t, const char *why) {
    return next(t, (cm_cell){.kind = CM_CELL_ABSENT, .text = why});
}

cm_cell *cm_table_rest(cm_table *t, const char *why) {
    cm_cell *c = next(t, (cm_cell){.kind = CM_CELL_ABSENT, .rest = true, .text = why});
    t->column = t->column_count;
    return c;
}

cm_cell *cm_table_empty(cm_table *t) {
    return next(t, (cm_cell){.kind = CM_CELL_EMPTY});
}

const cm_cell *cm_table_at(const cm_table *t, size_t row, size_t column) {
    return &t->cells[row * t->column_count + column];
}

/* --- as text ---------------------------------------------------------------------------- */

const char *cm_column_key(const cm_table_column *c) {
    return c->key ? c->key : c->title;
}

const char *cm_arrow(cm_better better) {
    return better == CM_LOWER ? "↓" : better == CM_HIGHER ? "↑" : "";
}

static void p_text(double p, char out[CM_NUMBER_TEXT]) {
    if (p < 0.001) snprintf(out, CM_NUMBER_TEXT, "< 0.001");
    else snprintf(out, CM_NUMBER_TEXT, "%.3f", p);
}

static void number_text(const cm_table *t, size_t column, const cm_cell *c, double v, char out[CM_NUMBER_TEXT]) {
    const cm_table_column *of = &t->columns[column];
    const bool own = c->style >= 0;
    const int digits = own ? c->digits : of->digits;
    const bool plus = c->signed_;
    switch (own ? (cm_number_style)c->style : of->style) {
    case CM_FIXED: snprintf(out, CM_NUMBER_TEXT, plus ? "%+.*f" : "%.*f", digits, v); break;
    case CM_GENERAL: snprintf(out, CM_NUMBER_TEXT, plus ? "%+.*g" : "%.*g", digits, v); break;
    case CM_SCIENTIFIC: snprintf(out, CM_NUMBER_TEXT, "%.*e", digits, v); break;
    case CM_P_VALUE: p_text(v, out); break;
    case CM_PERCENT: snprintf(out, CM_NUMBER_TEXT, "%.*f %%", digits, 100 * v); break;
    }
}

void cm_cell_number_text(const cm_table *t, size_t column, const cm_cell *c, char out[CM_NUMBER_TEXT]) {
    number_text(t, column, c, c->value, out);
}

void cm_cell_interval_text(const cm_table *t, size_t column, const cm_cell *c, char out[CM_NUMBER_TEXT]) {
    char lo[CM_NUMBER_TEXT], hi[CM_NUMBER_TEXT];
    number_text(t, column, c, c->lo, lo);
    number_text(t, column, c, c->hi, hi);
    snprintf(out, CM_NUMBER_TEXT, "%.40s to %.40s", lo, hi);
}
