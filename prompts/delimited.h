// SPDX-License-Identifier: Apache-2.0
/* Tables as text: comma-separated values (RFC 4180), and the same with another delimiter.
 *
 *     cm_delimited d = {.text = text, .length = n, .delimiter = ',', .line = 1};
 *     cm_cells row;
 *     while ((s = cm_delimited_next(&d, &row)) == CM_OK && row.count) ...
 *
 * A cell that begins with a quote ends with one; a doubled quote in it is one quote, delimiters and line breaks in it
 * are text. In other cells a quote is a letter. Rows end with LF, CR LF or CR; blank lines are no rows.
 */
#ifndef CM_PROMPTS_DELIMITED_H
#define CM_PROMPTS_DELIMITED_H

#include <stddef.h>

#include "core/base/status.h"

typedef struct cm_delimited {
    char *text; /* the caller's, length + 1 bytes; cells are decoded in place */
    size_t length;
    char delimiter;
    size_t at, line; /* the next byte, and its line from 1 */
} cm_delimited;

enum { CM_CELLS = 1024 };
typedef struct cm_cells {
    size_t count, line;         /* count 0: the text is at its end; line: where the row begins */
    const char *cell[CM_CELLS]; /* ended with 0, in the text */
} cm_cells;

/* The next row. CM_EFORMAT, with the line in the message, for a quote that is never closed, text behind a closing
 * quote, and more than CM_CELLS cells. */
cm_status cm_delimited_next(cm_delimited *d, cm_cells *row);

/* Which of comma, semicolon and tab stands most often in the first line, outside of quotes; comma where none does. */
char cm_delimited_guess(const char *text, size_t length);

#endif
