// SPDX-License-Identifier: Apache-2.0
/* What a child process prints, kept in a file of bounded size: its beginning and its end. */
#ifndef CM_CORE_BASE_CHILD_LOG_H
#define CM_CORE_BASE_CHILD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

typedef struct cm_child_log {
    int from, file; /* the pipe's reading end, not blocking; -1: closed. The file, or -1 */
    size_t half;    /* bytes of beginning, and of end */
    uint64_t total; /* bytes printed */
    char *ring;     /* [half]: the last of them, byte i at i % half */
} cm_child_log;

/* Opens the file, never through a link, and the pipe, whose writing end is the child's: close it after the fork.
 * bytes: the file's at most, but for a line that says how many were left out. path NULL: no file. */
cm_status cm_child_log_open(cm_child_log *l, const char *path, size_t bytes, int *write_end);
/* Takes what is there, a bounded piece of it; waits for it no longer than that. */
void cm_child_log_take(cm_child_log *l, int milliseconds);
void cm_child_log_drain(cm_child_log *l); /* what the pipe still holds, once nobody prints any more */
/* The last `most` bytes printed, as text that ends in 0 (zeros inside become blanks). */
char *cm_child_log_tail(const cm_child_log *l, size_t most, cm_arena *out);
void cm_child_log_close(cm_child_log *l); /* drains and writes the end; fine on a cleared struct with -1 */

#endif
