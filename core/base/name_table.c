// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/name_table.h"

#include <string.h>
#include <sys/random.h>

/* FNV-1a from a drawn start, and a last mix for the low bits that choose the place. */
static size_t first_place(const cm_name_table *t, const char *name) {
    uint64_t h = t->seed;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) h = (h ^ *c) * 0x100000001b3u;
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    return (size_t)(h ^ h >> 33) & (t->places - 1);
}

cm_status cm_name_table_init(cm_name_table *t, size_t most, cm_arena *out) {
    *t = (cm_name_table){.places = 16, .seed = 0xcbf29ce484222325u};
    while (t->places / 2 < most) t->places *= 2;
    t->entries = CM_PUSH_ZERO(out, cm_name_entry, t->places);
    uint64_t drawn;
    if (getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) == (ssize_t)sizeof drawn) t->seed ^= drawn;
    return cm_arena_check(out);
}

/* Where the name is, or would be. */
static cm_name_entry *place_of(const cm_name_table *t, const char *name) {
    size_t at = first_place(t, name);
    while (t->entries[at].name && strcmp(t->entries[at].name, name) != 0) at = (at + 1) & (t->places - 1);
    return &t->entries[at];
}

cm_name_entry *cm_name_table_find(const cm_name_table *t, const char *name) {
    cm_name_entry *e = place_of(t, name);
    return e->name ? e : NULL;
}

bool cm_name_table_add(cm_name_table *t, const char *name, size_t value, cm_name_entry **found) {
    cm_name_entry *e = place_of(t, name);
    const bool is_new = !e->name;
    if (is_new) *e = (cm_name_entry){name, value};
    if (found) *found = e;
    return is_new;
}
