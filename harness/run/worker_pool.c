// SPDX-License-Identifier: Apache-2.0
#include "harness/run/worker_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/base/threads.h"

cm_status cm_worker_pool_open(cm_worker_pool *c, const struct cm_ops *ops, int threads) {
    *c = (cm_worker_pool){threads < 1 ? 1 : threads, NULL};
    c->places = calloc((size_t)c->threads, sizeof *c->places);
    if (!c->places) return cm_fail(CM_ENOMEM, "out of memory");
    for (int i = 0; i < c->threads; i++) {
        cm_ctx_init(&c->places[i].g, ops, 1);
        cm_arena_init(&c->places[i].scratch, 0);
        cm_arena_init(&c->places[i].maps, 0);
    }
    return CM_OK;
}

void cm_worker_pool_close(cm_worker_pool *c) {
    for (int i = 0; c->places && i < c->threads; i++) {
        cm_ctx_free(&c->places[i].g);
        cm_arena_free(&c->places[i].scratch);
        cm_arena_free(&c->places[i].maps);
    }
    free(c->places);
    c->places = NULL;
}

typedef struct job {
    cm_worker_pool *pool;
    cm_worker_pool_work *work;
    void *arg;
    pthread_mutex_t lock;
    cm_status status; /* the first failure, and why */
    char why[1024];
    size_t done, count, at_once;
    cm_progress progress;
} job;

static void finish(job *j, size_t pieces, cm_status s) {
    pthread_mutex_lock(&j->lock);
    if (s != CM_OK && j->status == CM_OK) {
        j->status = s;
        strncpy(j->why, cm_why(), sizeof j->why - 1);
    }
    if (s == CM_OK) cm_progress_step(&j->progress, j->done += pieces, NULL);
    pthread_mutex_unlock(&j->lock);
}

static cm_status status_of(job *j) {
    pthread_mutex_lock(&j->lock);
    const cm_status s = j->status;
    pthread_mutex_unlock(&j->lock);
    return s;
}

static void body(void *arg, size_t run, int worker) {
    job *j = arg;
    const size_t i = run * j->at_once, left = j->count - i;
    if (status_of(j) != CM_OK) return;
    if (cm_interrupted()) {
        finish(j, 0, cm_fail(CM_EINTERRUPTED, "stopped"));
        return;
    }
    cm_worker *w = &j->pool->places[worker];
    cm_arena_clear(&w->scratch);
    cm_arena_clear(&w->maps);
    finish(j, left < j->at_once ? left : j->at_once, j->work(j->arg, i, w));
}

cm_status cm_worker_pool_run(cm_worker_pool *c, const char *what, size_t count, cm_worker_pool_work *work, void *arg) {
    return cm_worker_pool_run_by(c, what, count, 1, work, arg);
}

cm_status cm_worker_pool_run_by(cm_worker_pool *c, const char *what, size_t count, size_t at_once,
                                cm_worker_pool_work *work, void *arg) {
    if (count == 0) return CM_OK;
    job j = {.pool = c, .work = work, .arg = arg, .count = count, .at_once = at_once};
    pthread_mutex_init(&j.lock, NULL);
    cm_progress_begin(&j.progress, what, "image", 0, count);
    cm_parallel(c->threads, (count + at_once - 1) / at_once, body, &j);
    cm_progress_end(&j.progress);
    pthread_mutex_destroy(&j.lock);
    return j.status == CM_OK ? CM_OK : cm_fail(j.status, "%s", j.why);
}
