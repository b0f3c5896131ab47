// SPDX-License-Identifier: Apache-2.0
/* A command as a child process, watched until it and all that it started have ended.
 *
 *     const char *argv[] = {"python", "sd.py", "--out", "out", NULL};
 *     cm_child_result r;
 *     CM_TRY(cm_child_run(&(cm_child){.argv = argv, .log = "log.txt", .timeout = 600}, &arena, &r));
 *
 * No shell reads the words. The child has a process group of its own, our environment and folder (or others), nothing
 * on standard input, and no file of ours; what it prints goes to the log. It is over when the process that was started
 * has ended: what that leaves running (in the group or out of it) is ended with it. A signal that asks us to stop and
 * the timeout end the tree by SIGTERM, and by SIGKILL what is still there after the grace. Should this program be
 * killed, the system kills the child. Safe where threads are running, but from one thread at a time: while it runs,
 * every new child of ours counts as its.
 *
 * What is measured. seconds: from the start to the end of the process that was started, as seen every 20 ms.
 * peak_rss_mb: the largest of
 *   - the sum of the tree's resident memory at one moment, looked at every 0.1 s or more (where that look takes long);
 *     pages that processes share count in each of them;
 *   - the peak of a single process, as it stood at the last look at it (VmHWM);
 *   - the peak of a single process that ended and was waited for (wait4's ru_maxrss), where that is above our own
 *     memory at the start: the kernel hands ours down to the child, so that below it says nothing.
 */
#ifndef CM_CORE_BASE_CHILD_H
#define CM_CORE_BASE_CHILD_H

#include "core/base/arena.h"

typedef struct cm_child {
    const char *const *argv; /* ends in NULL; a first word without '/' is looked for in PATH */
    const char *log;         /* a file, written anew; NULL: none */
    size_t log_bytes;        /* of its beginning and its end together; 0: 1 MiB */
    double timeout, grace;   /* seconds; timeout 0: none; grace 0: 1 s */
    void (*tick)(void *arg); /* about once a second while it runs; NULL: none */
    void *arg;
    const char *folder;             /* where it runs; NULL: here */
    const char *const *environment; /* "NAME=VALUE", ends in NULL, instead of ours; NULL: ours */
    int output;                     /* a file of ours that takes its standard output; 0: the log */
} cm_child;

typedef enum cm_child_end {
    CM_CHILD_EXITED,    /* number: exit status */
    CM_CHILD_SIGNALLED, /* number: signal */
    CM_CHILD_TIMED_OUT,
    CM_CHILD_NOT_STARTED /* number: errno */
} cm_child_end;

typedef struct cm_child_result {
    cm_child_end end;
    int number;
    double seconds, peak_rss_mb;
    const char *tail; /* the last 4 KiB that it printed, raw */
} cm_child_result;

/* CM_OK however the command ended; CM_EINTERRUPTED when we were asked to stop: its processes are gone then. */
cm_status cm_child_run(const cm_child *c, cm_arena *out, cm_child_result *r);

#endif
