// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/cpu/f32/f32_microkernels.h"

/* all that f32_microkernels_avx512.c is compiled for */
static bool has_avx512(void) {
#if defined(__x86_64__)
    return cm_cpu_get()->avx512f && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

static const cm_f32_microkernels *best;

/* CM_KERNELS=portable or avx2 keeps below what the CPU has: for tests and comparisons */
static void choose(void) {
    const char *most = getenv("CM_KERNELS");
    const bool avx2 = cm_cpu_get()->avx2 && cm_cpu_get()->fma && !(most && strcmp(most, "portable") == 0);
    const bool avx512 = avx2 && has_avx512() && !(most && strcmp(most, "avx2") == 0);
    best = avx512 ? cm_f32_microkernels_avx512() : avx2 ? cm_f32_microkernels_avx2() : cm_f32_microkernels_portable();
}

const cm_f32_microkernels *cm_f32_microkernels_get(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return best;
}
