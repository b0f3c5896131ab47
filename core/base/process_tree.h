// SPDX-License-Identifier: Apache-2.0
/* A process and all that it has started, as /proc tells of them.
 *
 * To the tree belong the process, its group, whatever descends from one of these, and orphans among them: from begin to
 * end the system gives those to us (PR_SET_CHILD_SUBREAPER), so that none leaves the tree by another group or session.
 */
#ifndef CM_CORE_BASE_PROCESS_TREE_H
#define CM_CORE_BASE_PROCESS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/base/arena.h"

enum { CM_TREE_OTHERS = 32 };

typedef struct cm_process_tree {
    pid_t root, self;
    bool orphans; /* come to us */
    int was_reaper;
    size_t other_count; /* children that we had before, which are not of the tree */
    pid_t others[CM_TREE_OTHERS];
} cm_process_tree;

typedef struct cm_process {
    pid_t pid, parent, group;
    bool zombie;
    double rss_mb;
} cm_process;

void cm_process_tree_begin(
    cm_process_tree *t); /* before the root is forked, which the caller then writes into t->root */
void cm_process_tree_end(const cm_process_tree *t);

/* The tree's processes now, zombies too; in `scratch`. */
size_t cm_process_tree_list(const cm_process_tree *t, cm_arena *scratch, const cm_process **list);

/* The most memory that one process has had so far; 0: it is gone. */
double cm_process_peak_mb(pid_t pid);

/* Takes the orphans that have ended off the system's list, and sends `number` (0: nothing) to those that have not.
 * Returns how many are alive; the root is not waited for. */
size_t cm_process_tree_signal(const cm_process_tree *t, int number, cm_arena *scratch);

#endif
