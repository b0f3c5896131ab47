// SPDX-License-Identifier: Apache-2.0
/* A table of names and the number that each stands for, found in the same time however many there are. */
#ifndef CM_CORE_BASE_NAME_TABLE_H
#define CM_CORE_BASE_NAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

typedef struct cm_name_entry {
    const char *name; /* NULL: a free place */
    size_t value;
} cm_name_entry;

typedef struct cm_name_table {
    cm_name_entry *entries;
    size_t places; /* a power of two, at least twice the names */
    uint64_t seed; /* drawn anew for each table, so that no list of names can be made to collide */
} cm_name_table;

/* For at most that many names. Lives in `out`. */
cm_status cm_name_table_init(cm_name_table *t, size_t most, cm_arena *out);

/* The name's entry, or NULL. Its value may be changed. */
cm_name_entry *cm_name_table_find(const cm_name_table *t, const char *name);

/* Adds a name (borrowed) with its value; false: it is there already, and stays as it is. found: NULL, or its entry. */
bool cm_name_table_add(cm_name_table *t, const char *name, size_t value, cm_name_entry **found);

#endif
