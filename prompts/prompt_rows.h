// SPDX-License-Identifier: Apache-2.0
/* The rows of a file of prompts, whoever wrote it: what generate, bench and score read alike, in the formats of
 * prompt_source.h.
 *
 *     {"id": "p0001", "prompt": "a full-body shot, ...", "seed": 7, "negative": "hat", "groups": [...]}
 *
 * The text is needed. A row without an id gets one from its place: p0001, p0002, ... A key that is nearly one of these,
 * a value of another type and a bad id are errors with the line's number; other keys are told in one warning. A set of
 * ours begins with a line that says which it is:
 *
 *     {"kind": "set", "set": "human-2048", "version": 1, "count": 2048}
 */
#ifndef CM_PROMPTS_PROMPT_ROWS_H
#define CM_PROMPTS_PROMPT_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "prompts/prompt_source.h"

typedef struct cm_prompt_row {
    const char *id, *text, *negative; /* negative: NULL when the row has none */
    const json_t *groups;             /* a list, or NULL */
    const json_t *tokens;             /* {"clip": n, ...}: counted when the set was made; NULL: not */
    bool has_seed;
    uint64_t seed;
    size_t line; /* where it begins in the file (cm_prompt_rows_fail_in) */
} cm_prompt_row;

typedef struct cm_prompt_rows {
    size_t count;
    cm_prompt_row *rows; /* in the arena; their texts belong to `source` */
    size_t version;      /* of a set that says it; 0: it does not */
    cm_prompt_source source;
} cm_prompt_rows;

/* how: NULL for all rows by the usual names. A file without prompts is an error. */
cm_status cm_prompt_rows_read(const char *path, const cm_prompt_reading *how, cm_arena *out, cm_prompt_rows *rows);
void cm_prompt_rows_close(cm_prompt_rows *rows); /* fine on a cleared struct */

enum { CM_PROMPT_ID_BYTES = 200 };

/* An id names files: letters and digits of any script, and . _ -; not a dot first; at most CM_PROMPT_ID_BYTES bytes. */
cm_status cm_prompt_id_check(const char *id);

#endif
