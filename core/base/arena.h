// SPDX-License-Identifier: Apache-2.0
/* Arena: one growing place for everything that is freed together.
 *
 *     float *x = CM_PUSH(arena, float, n);      // 64-byte aligned, not cleared
 *     CM_TRY(cm_arena_check(arena));            // once, before the first use
 *
 * Memory comes in blocks; a block never moves, so pointers stay valid. mark and
 * reset bracket scratch: reset gives back everything pushed since the mark but
 * keeps the blocks, so a warm arena asks nothing of the system. Failure is
 * sticky: after one failed push every push returns NULL and check says why.
 * An arena belongs to one thread at a time.
 */
#ifndef CM_CORE_BASE_ARENA_H
#define CM_CORE_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"

typedef struct cm_arena_block cm_arena_block;

typedef struct cm_arena {
    cm_arena_block *first, *current;
    size_t block_bytes; /* smallest block to ask for */
    size_t used, peak;  /* bytes handed out now, and at most so far */
    bool failed;
} cm_arena;

typedef struct cm_arena_mark {
    cm_arena_block *block;
    size_t offset, used;
} cm_arena_mark;

/* block_bytes 0: 1 MiB. Nothing is allocated until the first push. */
void cm_arena_init(cm_arena *a, size_t block_bytes);
void cm_arena_free(cm_arena *a);

void *cm_arena_push(cm_arena *a, size_t bytes); /* 64-byte aligned; NULL on failure */
void *cm_arena_push_zero(cm_arena *a, size_t bytes);
char *cm_arena_string(cm_arena *a, const char *text); /* a copy */
char *cm_arena_print(cm_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

cm_arena_mark cm_arena_get_mark(const cm_arena *a);
void cm_arena_reset(cm_arena *a, cm_arena_mark mark);
void cm_arena_clear(cm_arena *a); /* reset to empty, blocks kept */
void cm_arena_join(
    cm_arena *a); /* the same, and blocks that hold much more than was ever used make room for one that holds that */
size_t cm_arena_held(const cm_arena *a); /* bytes of all blocks */
cm_status cm_arena_check(const cm_arena *a);

#define CM_PUSH(arena, type, count) ((type *)cm_arena_push((arena), sizeof(type) * (size_t)(count)))
#define CM_PUSH_ZERO(arena, type, count) ((type *)cm_arena_push_zero((arena), sizeof(type) * (size_t)(count)))

#endif
