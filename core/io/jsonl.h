// SPDX-License-Identifier: Apache-2.0
/* JSON and JSON lines over jansson.
 *
 * Errors name the file and line. A record file is appended and flushed line by
 * line; a half-written last line (a killed run) is dropped when it is reopened.
 */
#ifndef CM_CORE_IO_JSONL_H
#define CM_CORE_IO_JSONL_H

#include <jansson.h>
#include <stdbool.h>

#include "core/base/arena.h"

cm_status cm_json_read(const char *path,
                       json_t **out); /* a whole file, perhaps behind a byte order mark; caller json_decref */
/* The same of a file that Python's json may have written: NaN, Infinity and -Infinity become strings of that name. */
cm_status cm_json_read_config(const char *path, json_t **out);
cm_status cm_json_write(const char *path,
                        const json_t *value); /* indented, sorted as given, through a temporary name */

/* json_loadb that tells a text that is wrong from memory that failed; NULL on either. */
json_t *cm_json_parse(const char *text, size_t length, size_t flags, bool *no_memory, json_error_t *e);

/* One value that stands in a line of a text: errors name path and line. A seed is read as below. line 0: the text is
 * the whole file, and the line that is wrong is told. */
cm_status cm_json_parse_line(const char *path, const char *text, size_t length, size_t line, json_t **out);

/* Reads every line; out is a new JSON array of them. Blank lines are skipped. A "seed" from 2^63 on becomes the
 * negative number that torch takes for the same. */
cm_status cm_jsonl_read(const char *path, json_t **out);

/* The same, one line at a time, so that only one is held: take gets its number in the file, from 1; what it returns
 * ends the reading when it is not CM_OK. The line is borrowed. */
typedef cm_status cm_json_line_reader(void *arg, size_t number, json_t *line);
cm_status cm_jsonl_each(const char *path, cm_json_line_reader *take, void *arg);

/* For messages: the number, from 1, of the line that holds entry `index` of the array above. 0: cannot be read again.
 */
size_t cm_jsonl_line_number(const char *path, size_t index);

/* A whole file of lines, through a cm_part. */
cm_status cm_jsonl_write(const char *path, const json_t *lines);

typedef struct cm_records cm_records; /* an open record file */
/* Opens for appending, cutting an incomplete last line. existing: NULL, or a new array of what is there. */
cm_status cm_records_open(cm_records **out, const char *path, json_t **existing);
cm_status cm_records_add(cm_records *r, const json_t *line); /* written and flushed; a full disk is an error */
void cm_records_close(cm_records **r);

/* Typed reads from an object, with an error that names the key; the _or forms have a default when absent. */
cm_status cm_json_size(const json_t *o, const char *key, size_t *out);
cm_status cm_json_number(const json_t *o, const char *key, double *out);
cm_status cm_json_text(const json_t *o, const char *key, const char **out); /* borrowed */
size_t cm_json_size_or(const json_t *o, const char *key, size_t otherwise);
double cm_json_number_or(const json_t *o, const char *key, double otherwise);
bool cm_json_bool_or(const json_t *o, const char *key, bool otherwise);
const char *cm_json_text_or(const json_t *o, const char *key, const char *otherwise);
const char *cm_text_of(const json_t *o, const char *key); /* "" otherwise */

#endif
