// SPDX-License-Identifier: Apache-2.0
/* A file of prompts in any format, as one JSON object an entry.
 *
 *   JSON lines   an object a line; a first line {"kind": "set", ...} says what set it is
 *   JSON         a list of such objects, or COCO captions: {"images": [...], "annotations": [...]}, of which each
 *                image's caption with the lowest annotation id is taken; id is the image's
 *   CSV, TSV     a header row, then a row a prompt (delimited.h); a CSV's delimiter is what its header has most of
 *   plain text   a prompt a line
 *
 * By the name's ending (.jsonl, .ndjson, .json, .csv, .tsv, .tab, .txt), and what begins as JSON is JSON. UTF-8, with
 * or without a byte order mark.
 */
#ifndef CM_PROMPTS_PROMPT_SOURCE_H
#define CM_PROMPTS_PROMPT_SOURCE_H

#include <jansson.h>
#include <stdbool.h>

#include "core/base/arena.h"

typedef struct cm_prompt_reading {
    size_t limit;       /* only the first that many; 0: all */
    const char *column; /* the column or key that holds the prompts; NULL: the usual names (prompt_columns.h) */
    /* A row that is wrong is told here, with file and line, and left out; NULL: the first one ends the reading. */
    void (*fault)(void *arg, size_t line, const char *why);
    void *fault_arg;
} cm_prompt_reading;

/* A row's failure, as the reading takes it: CM_OK when it was told and the row is to be left out. */
cm_status cm_prompt_fault(const cm_prompt_reading *how, size_t line, cm_status s);

typedef struct cm_prompt_source {
    json_t *entries; /* their text is under "prompt"; of other keys nothing was checked. Released by close */
    json_t *head;    /* the line {"kind": "set"}, or NULL */
    size_t *lines;   /* [entries]: the line that each begins in, or its number among the entries; in `out` */
    size_t room;
    bool numbered; /* by entry: a line says nothing there (JSON lists, COCO) */
    bool flat;     /* no row can have groups: a table, COCO, plain text */
} cm_prompt_source;

cm_status cm_prompt_source_read(const char *path, const cm_prompt_reading *how, cm_arena *out,
                                cm_prompt_source *source);
void cm_prompt_source_close(cm_prompt_source *source); /* fine on a cleared struct */

/* "FILE:12" or "FILE: entry 12", before the reason; returns s. */
cm_status cm_prompt_source_fail_in(const cm_prompt_source *source, const char *path, size_t line, cm_status s);

/* For the formats' readers: takes over the entry's reference. */
cm_status cm_prompt_source_add(cm_prompt_source *source, cm_arena *out, json_t *entry, size_t line);
cm_status cm_prompt_source_table(cm_prompt_source *source, const char *path, char *text, size_t length, char delimiter,
                                 const cm_prompt_reading *how, cm_arena *out);
cm_status cm_prompt_source_coco(cm_prompt_source *source, const char *path, const json_t *coco,
                                const cm_prompt_reading *how, cm_arena *out);

#endif
