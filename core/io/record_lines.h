// SPDX-License-Identifier: Apache-2.0
/* A file of records, read one line at a time, so that memory does not grow with it.
 *
 *     cm_record_lines *lines;
 *     const json_t *record;
 *     CM_TRY(cm_record_lines_open(&lines, path));
 *     while ((s = cm_record_lines_next(lines, &record)) == CM_OK && record) ...
 *     cm_record_lines_close(&lines);
 *
 * Errors name file and line. A line that a killed run left half, the last and without its newline, is a warning and
 * left out. Names of arms, suites and scores keep to core/base/names.h: a record that breaks the rule is refused,
 * as is one with a key that is within two letters of a known one: "valeu". Other unknown keys are not read; one warning
 * at the end counts the records that have them and names the version that wrote the file.
 * SIGINT and SIGTERM end the reading with CM_EINTERRUPTED.
 */
#ifndef CM_CORE_IO_RECORD_LINES_H
#define CM_CORE_IO_RECORD_LINES_H

#include <jansson.h>
#include <stddef.h>

#include "core/base/status.h"

typedef struct cm_record_lines cm_record_lines;

cm_status cm_record_lines_open(cm_record_lines **out, const char *path);
/* record: borrowed until the next call; NULL after the last line. Blank lines are passed over. */
cm_status cm_record_lines_next(cm_record_lines *r, const json_t **record);
/* Where the record that next has given begins, and that record once more; next then goes on behind it. */
long long cm_record_lines_offset(const cm_record_lines *r);
cm_status cm_record_lines_again(cm_record_lines *r, long long offset, const json_t **record);
void cm_record_lines_close(cm_record_lines **r);

/* All of them as a new array, for those who go on with a run or join runs. */
cm_status cm_record_lines_all(const char *path, json_t **out);

/* Reads them all and keeps none: before a run goes on from a file by other means. */
cm_status cm_record_lines_check(const char *path);

/* The names in one record; the message names the key. */
cm_status cm_record_names(const json_t *record);

#endif
