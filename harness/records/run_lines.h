// SPDX-License-Identifier: Apache-2.0
/* Lines of a run's records: what one is of. */
#ifndef CM_HARNESS_RECORDS_RUN_LINES_H
#define CM_HARNESS_RECORDS_RUN_LINES_H

#include <jansson.h>
#include <stdbool.h>

bool cm_line_is(const json_t *line, const char *kind); /* false of NULL */
bool cm_line_stays(const json_t *line);   /* arms, commands, speed, passes: in the order of their being written */
bool cm_line_is_made(const json_t *line); /* the record of an image whose file is there */
const char *cm_line_feature(const json_t *line, const char *column); /* the row's hash (feature_store.h), or NULL */
bool cm_lines_are_done(const json_t *lines);                         /* is there a "done"? */

#endif
