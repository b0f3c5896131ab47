// SPDX-License-Identifier: Apache-2.0
/* The one way into a report's files: what is not a string literal of ours is text, and text is escaped.
 *
 *     cm_writer *w;
 *     CM_TRY(cm_writer_open(&w, CM_HTML, "out/bench", "report.html"));
 *     cm_html(w, "<p>");                      // a literal: anything else does not compile
 *     cm_text(w, cm_text_of(row, "model"));   // escaped by the file's format
 *     cm_html(w, "</p>");
 *     return cm_writer_close(&w, CM_OK);      // takes its name when it is whole
 *
 * Escaping goes by format, not by place: cm_text is safe between tags and inside a quoted attribute of HTML, in a
 * paragraph and a cell of Markdown, as a field of CSV, between quotes in gnuplot's scripts and data. No function gives
 * the file itself away. A table is told once and written in either format; in HTML each cell carries its column's
 * title, for narrow screens. */
#ifndef CM_REPORTS_WRITER_H
#define CM_REPORTS_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"

typedef enum cm_format { CM_HTML, CM_MARKDOWN, CM_CSV, CM_PLOT } cm_format;
typedef struct cm_writer cm_writer;

/* FOLDER/FILE, through a temporary name. A link, a pipe or a device of this name is refused: a folder from elsewhere
 * cannot choose where a report is written. */
cm_status cm_writer_open(cm_writer **w, cm_format format, const char *folder, const char *file);
/* Finishes the file when s is CM_OK and no signal came, else drops it; returns the first failure. */
cm_status cm_writer_close(cm_writer **w, cm_status s);

void cm_text(cm_writer *w, const char *text);
void cm_textf(cm_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cm_number(cm_writer *w, const char *format, double value) __attribute__((format(printf, 2, 0))); /* "%.4g": never a text */
void cm_base64(cm_writer *w, const void *bytes, size_t n);

/* Literals: for every format, for one only. */
#define cm_markup(w, literal) cm_writer_literal((w), "" literal "")
#define cm_html(w, literal) cm_writer_literal_for((w), CM_HTML, "" literal "")
#define cm_markdown(w, literal) cm_writer_literal_for((w), CM_MARKDOWN, "" literal "")
void cm_writer_literal(cm_writer *w, const char *literal);                        /* by the macros alone */
void cm_writer_literal_for(cm_writer *w, cm_format format, const char *literal);

void cm_paragraph(cm_writer *w);
void cm_paragraph_end(cm_writer *w);

typedef struct cm_table_column {
    const char *title;
    bool left;            /* texts; numbers stand to the right */
} cm_table_column;

/* columns: borrowed until the table's end. A cell ends where the next one, or the row, does. */
void cm_table(cm_writer *w, const cm_table_column *columns, size_t count);
void cm_row(cm_writer *w, bool theirs);   /* theirs: somebody else's figures, set apart */
void cm_cell(cm_writer *w);
void cm_cell_absent(cm_writer *w);        /* for words where a number would stand */
void cm_cell_rest(cm_writer *w);          /* the same, over all columns that are left */
void cm_row_end(cm_writer *w);
void cm_table_end(cm_writer *w);

void cm_strong(cm_writer *w, bool on);      /* on, then off */
void cm_aside(cm_writer *w, bool on);       /* smaller, beneath; in Markdown between parentheses */

#endif
