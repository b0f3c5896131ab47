// SPDX-License-Identifier: Apache-2.0
/* Finds images by id. Two ids are the same when their bytes are, else when their normalisation form C (UAX 15) is:
 * macOS writes "é" of a file's name as two characters, most prompt files have one. */
#ifndef CM_HARNESS_SUITE_MATCH_IDS_H
#define CM_HARNESS_SUITE_MATCH_IDS_H

#include <stdbool.h>

#include "core/base/arena.h"

typedef struct cm_id_entry {
    const char *key, *id; /* key: in form C */
    size_t index;
} cm_id_entry;

typedef struct cm_id_index {
    cm_id_entry *entries; /* sorted by key, then id, then index */
    size_t count;
} cm_id_index;

/* ids are borrowed; the index lives in `out`. */
cm_status cm_id_index_make(const char *const *ids, size_t count, cm_arena *out, cm_id_index *x);
/* *found false: nobody has it. *index: the exact one's, or the first of those that are equal in form C. */
cm_status cm_id_index_find(const cm_id_index *x, const char *id, cm_arena *scratch, bool *found, size_t *index);

#endif
