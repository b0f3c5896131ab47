// SPDX-License-Identifier: Apache-2.0
/* The rows of a file of prompts, whoever wrote it: what generate, bench and score read alike.
 *
 *     {"id": "p0001", "prompt": "a full-body shot, ...", "seed": 7, "negative": "hat", "groups": [...]}
 *
 * id and prompt are needed. A key that is nearly one of these, a value of another type and a bad id are errors with the
 * line's number; other keys are told in one warning.
 */
#ifndef CM_PROMPTS_PROMPT_ROWS_H
#define CM_PROMPTS_PROMPT_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"

typedef struct cm_prompt_row {
    const char *id, *text, *negative; /* negative: NULL when the row has none */
    const json_t *groups;             /* a list, or NULL */
    bool has_seed;
    uint64_t seed;
} cm_prompt_row;

typedef struct cm_prompt_rows {
    size_t count;
    cm_prompt_row *rows; /* in the arena; their texts belong to `lines` */
    json_t *lines;
} cm_prompt_rows;

/* limit: only the first that many; 0: all. A file without prompts is an error. */
cm_status cm_prompt_rows_read(const char *path, size_t limit, cm_arena *out, cm_prompt_rows *rows);
void cm_prompt_rows_close(cm_prompt_rows *rows); /* fine on a cleared struct */

enum { CM_PROMPT_ID_BYTES = 200 };

/* An id names files: letters and digits of any script, and . _ -; not a dot first; at most CM_PROMPT_ID_BYTES bytes. */
cm_status cm_prompt_id_check(const char *id);

#endif
