// SPDX-License-Identifier: Apache-2.0
/* A table as content: what its cells say, never how they look. It is built once from records (score_tables.h and its
 * like) and written by renderers that know no content (render.h): HTML, Markdown, CSV, LaTeX, JSON.
 *
 *     static const cm_table_column columns[] = {{.title = "arm", .left = true},
 *                                               {.title = "FID", .better = CM_LOWER, .digits = 2}};
 *     cm_table_begin(t, arena, "scores", columns, 2);
 *     t->caption = "Scores of the arms";
 *     cm_table_row(t);
 *     cm_table_text(t, "hq");
 *     cm_table_interval(t, 48.1, 47.2, 49.0)->leading = true;
 *     ... cm_arena_check(arena) once at the end
 *
 * Cells fill a row from the left; those that are left out stay empty. Texts are borrowed until the table is written.
 * Memory is the arena's, whose failure is sticky: then rows and cells go nowhere, and every call stays safe. */
#ifndef CM_REPORTS_REPORT_TABLE_H
#define CM_REPORTS_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"

typedef enum cm_better { CM_NEITHER, CM_LOWER, CM_HIGHER } cm_better;

/* How a number is printed; digits are of the column, or of the cell where it has its own. */
typedef enum cm_number_style {
    CM_FIXED,      /* digits behind the point */
    CM_GENERAL,    /* digits in all, %g */
    CM_SCIENTIFIC, /* 1.2e-05 */
    CM_P_VALUE,    /* three digits, or "< 0.001" */
    CM_PERCENT     /* a share: 0.25 is "25 %" */
} cm_number_style;

typedef struct cm_table_column {
    const char *title;
    const char *key; /* its name in CSV and JSON; NULL: the title */
    bool left;       /* texts; numbers stand to the right */
    cm_better better;
    cm_number_style style;
    int digits;
} cm_table_column;

typedef enum cm_cell_kind { CM_CELL_EMPTY, CM_CELL_TEXT, CM_CELL_NUMBER, CM_CELL_ABSENT } cm_cell_kind;

typedef struct cm_cell {
    cm_cell_kind kind;
    bool leading; /* of the group that cannot be told from the best */
    bool dagger;  /* of that group, and not the best itself */
    bool strong;  /* set apart for another reason that the note tells */
    bool signed_; /* a difference: + or - before it */
    bool has_interval;
    bool rest;         /* the cell takes all columns that are left */
    signed char style; /* -1: the column's */
    signed char digits;
    const char *text;  /* of a text; of an absent value, why */
    const char *aside; /* smaller, beneath; NULL: none */
    const char *link;  /* the anchor where it leads; NULL: nowhere */
    double value, lo, hi;
} cm_cell;

typedef struct cm_table {
    const char *name;           /* one word of ours: its anchor, its key in JSON */
    const char *caption, *note; /* NULL: none */
    cm_table_column *columns;
    size_t column_count;
    cm_cell *cells;                     /* [row_count,column_count] */
    bool *theirs;                       /* [row_count]: somebody else's figures, set apart */
    size_t row_count, row_room, column; /* column: of the row that is open, the next */
    cm_arena *arena;
    cm_cell nowhere; /* what is written when memory is short */
} cm_table;

/* columns: copied; their texts are borrowed. */
void cm_table_begin(cm_table *t, cm_arena *arena, const char *name, const cm_table_column *columns, size_t count);
void cm_table_row(cm_table *t);
void cm_table_row_theirs(cm_table *t);

/* Each fills the next cell and returns it, for marks, links and asides; valid until the next row begins. */
cm_cell *cm_table_text(cm_table *t, const char *text);
cm_cell *cm_table_number(cm_table *t, double value);
cm_cell *cm_table_interval(cm_table *t, double value, double lo, double hi);
cm_cell *cm_table_absent(cm_table *t, const char *why); /* words where a number would stand */
cm_cell *cm_table_rest(cm_table *t, const char *why);   /* the same, over all columns that are left */
cm_cell *cm_table_empty(cm_table *t);

const cm_cell *cm_table_at(const cm_table *t, size_t row, size_t column);
const char *cm_column_key(const cm_table_column *c);
const char *cm_arrow(cm_better better); /* "↑", "↓" or "" */

/* A number cell as text: "48.10", "+0.25", "< 0.001"; its interval as "47.20 to 49.00". */
enum { CM_NUMBER_TEXT = 96 };
void cm_cell_number_text(const cm_table *t, size_t column, const cm_cell *c, char out[CM_NUMBER_TEXT]);
void cm_cell_interval_text(const cm_table *t, size_t column, const cm_cell *c, char out[CM_NUMBER_TEXT]);

#endif
