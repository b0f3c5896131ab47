// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/threads.h"

#include <omp.h>
#include <sched.h>

void cm_parallel(int threads, size_t count, cm_body *body, void *arg) {
    if (threads > 1 && count > 1 && !omp_in_parallel()) {
        if ((size_t)threads > count) threads = (int)count;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (size_t i = 0; i < count; i++) body(arg, i, omp_get_thread_num());
    } else {
        for (size_t i = 0; i < count; i++) body(arg, i, 0);
    }
}

int cm_threads_available(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    const int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}
