// SPDX-License-Identifier: Apache-2.0
/* The one way into a report's files: what is not a string literal of ours is text, and text is escaped.
 *
 *     cm_writer *w;
 *     CM_TRY(cm_writer_open(&w, CM_HTML, "out/bench", "report.html"));
 *     cm_markup(w, "<p>");                    // a literal: anything else does not compile
 *     cm_text(w, cm_text_of(row, "model"));   // escaped by the file's format
 *     cm_markup(w, "</p>");
 *     return cm_writer_close(&w, CM_OK);      // takes its name when it is whole
 *
 * Escaping goes by format, not by place: cm_text is safe between tags and inside a quoted attribute of HTML and SVG, in
 * a paragraph and a cell of Markdown, as a field of CSV, in a paragraph and a cell of LaTeX, between quotes in JSON and
 * in gnuplot's scripts and data. No function gives the file itself away. */
#ifndef CM_REPORTS_WRITER_H
#define CM_REPORTS_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"

typedef enum cm_format { CM_HTML, CM_MARKDOWN, CM_CSV, CM_LATEX, CM_JSON, CM_PLOT } cm_format;
typedef struct cm_writer cm_writer;

/* FOLDER/FILE, through a temporary name. A link, a pipe or a device of this name is refused: a folder from elsewhere
 * cannot choose where a report is written. */
cm_status cm_writer_open(cm_writer **w, cm_format format, const char *folder, const char *file);
/* Finishes the file when s is CM_OK and no signal came, else drops it; returns the first failure. */
cm_status cm_writer_close(cm_writer **w, cm_status s);

void cm_text(cm_writer *w, const char *text);
void cm_textf(cm_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cm_number(cm_writer *w, const char *format, double value)
    __attribute__((format(printf, 2, 0))); /* "%.4g": never a text */
/* A path's plain signs alone (letters, digits, "._-/"), unescaped: where a format takes a path and no text. */
void cm_plain_path(cm_writer *w, const char *path);
void cm_base64(cm_writer *w, const void *bytes, size_t n);

/* A literal. */
#define cm_markup(w, literal) cm_writer_literal((w), "" literal "")
void cm_writer_literal(cm_writer *w, const char *literal); /* by the macro alone */

#endif
