// SPDX-License-Identifier: Apache-2.0
/* Tables of core/models: NAME.json holds {"NAME": [rows]}; private to the generator. */
#ifndef CM_CORE_GENERATOR_TABLE_H
#define CM_CORE_GENERATOR_TABLE_H

#include <jansson.h>

#include "core/base/arena.h"

/* folder: where the table lies. entry is cleared. */
typedef cm_status cm_table_row(const json_t *row, const char *folder, cm_arena *out, void *entry);

/* entries: an array in `out`, entry_bytes each, one a row; a table without rows is an error. */
cm_status cm_table_read(const char *name, size_t entry_bytes, cm_table_row *read_row, cm_arena *out, void **entries,
                        size_t *count);

#endif
