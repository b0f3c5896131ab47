// SPDX-License-Identifier: Apache-2.0
/* Threads: one pool of workers for the whole program.
 *
 * cm_parallel runs body(arg, i, worker) for every i in [0, count), with at most
 * `threads` workers, worker in [0, threads). Each i is one piece of work; which
 * worker takes it is not fixed, so a result may not depend on `worker` except as
 * a place for scratch. Called inside another cm_parallel, or beside one, it runs alone.
 * Workers watch for work only for a moment (core/base/cores.h), then they sleep.
 */
#ifndef CM_CORE_BASE_THREADS_H
#define CM_CORE_BASE_THREADS_H

#include <stddef.h>

typedef void cm_body(void *arg, size_t i, int worker);

void cm_parallel(int threads, size_t count, cm_body *body, void *arg);

/* The default number of threads: the cores this process may run on, or the processor time that its control groups
 * allow, rounded up, where that is less. */
int cm_threads_available(void);

#endif
