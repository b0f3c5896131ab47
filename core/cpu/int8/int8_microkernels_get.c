// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>

#include "core/base/cpu_level.h"
#include "core/base/system.h"
#include "core/cpu/int8/int8_microkernels.h"

static const cm_int8_microkernels *all[6], *best;

static void choose(void) {
    const cm_cpu *c = cm_cpu_get();
    const cm_cpu_level level = cm_cpu_level_get();
    size_t n = 0;
    all[n++] = cm_int8_microkernels_portable();
    if (level >= CM_CPU_AVX2) all[n++] = cm_int8_microkernels_avx2();
    if (level >= CM_CPU_AVX512) all[n++] = cm_int8_microkernels_avx512();
    if (level >= CM_CPU_AVX512_BF16 && c->avx512vnni) all[n++] = cm_int8_microkernels_vnni();
    if (level >= CM_CPU_AMX && c->amx_int8 && cm_int8_microkernels_amx()) all[n++] = cm_int8_microkernels_amx();
    best = all[n - 1];
}

static void choose_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
}

const cm_int8_microkernels *cm_int8_microkernels_get(void) {
    choose_once();
    return best;
}

const cm_int8_microkernels *const *cm_int8_microkernels_all(void) {
    choose_once();
    return all;
}
