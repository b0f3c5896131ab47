// SPDX-License-Identifier: Apache-2.0
/* A pool of workers: each with a context of one thread and its own memory, so that several images are
 * made or scored at once and none depends on the others. */
#ifndef CM_HARNESS_RUN_WORKER_POOL_H
#define CM_HARNESS_RUN_WORKER_POOL_H

#include "core/tensor/tensor.h"

typedef struct cm_worker {
    cm_ctx g;
    cm_arena scratch; /* emptied before every piece of work */
    cm_arena maps;    /* the same, for what an observer keeps meanwhile */
} cm_worker;

typedef struct cm_worker_pool {
    int threads;
    cm_worker *places;
} cm_worker_pool;

cm_status cm_worker_pool_open(cm_worker_pool *c, const struct cm_ops *ops, int threads);
void cm_worker_pool_close(cm_worker_pool *c);

typedef cm_status cm_worker_pool_work(void *arg, size_t i, cm_worker *w);

/* Work for every i in [0,count), in no order; after a failure or Ctrl-C nothing new is begun. Returns the first
 * failure with its reason. what: the progress line. */
cm_status cm_worker_pool_run(cm_worker_pool *c, const char *what, size_t count, cm_worker_pool_work *work, void *arg);
/* The same by runs of `at_once`, the last one shorter: work gets the first i of each. */
cm_status cm_worker_pool_run_by(cm_worker_pool *c, const char *what, size_t count, size_t at_once,
                                cm_worker_pool_work *work, void *arg);

#endif
