// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/cpu/int8/int8_microkernels.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>

/* The system hands out the tiles' registers only to who asks. */
static bool may_use_tiles(void) {
    enum { REQUEST = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
}

static bool has_avx512(void) {
    return cm_cpu_get()->avx512f && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

static bool has_vbmi(void) {
    return __builtin_cpu_supports("avx512vbmi");
}
#else
static bool may_use_tiles(void) {
    return false;
}

static bool has_avx512(void) {
    return false;
}

static bool has_vbmi(void) {
    return false;
}
#endif

static bool has_avx2(void) {
    return cm_cpu_get()->avx2 && cm_cpu_get()->fma;
}

static const cm_bf16_microkernels *best;
static const cm_int8_microkernels *int8_all[6], *int8_best;

static void int8_choose(int level, bool tiles) {
    const cm_cpu *c = cm_cpu_get();
    size_t n = 0;
    int8_all[n++] = cm_int8_microkernels_portable();
    if (level >= 1 && has_avx2()) int8_all[n++] = cm_int8_microkernels_avx2();
    if (level >= 2 && has_avx512()) int8_all[n++] = cm_int8_microkernels_avx512();
    if (level >= 3 && has_avx512() && c->avx512vnni) int8_all[n++] = cm_int8_microkernels_vnni();
    if (tiles && c->amx_int8 && cm_int8_microkernels_amx()) int8_all[n++] = cm_int8_microkernels_amx();
    int8_best = int8_all[n - 1];
}

static void choose(void) {
    const char *most = getenv("CM_KERNELS");
    const char *const order[] = {"portable", "avx2", "avx512", "avx512-bf16", "amx"};
    int level = 4;
    for (int i = 0; most && i < 4; i++)
        if (strcmp(most, order[i]) == 0) level = i;
    const cm_cpu *c = cm_cpu_get();
    const bool tiles = level >= 4 && has_avx512() && c->avx512bf16 && (c->amx_bf16 || c->amx_int8) && may_use_tiles();
    best = cm_bf16_microkernels_portable();
    if (level >= 1 && has_avx2()) best = cm_bf16_microkernels_avx2();
    if (level >= 2 && has_avx512()) best = cm_bf16_microkernels_avx512();
    if (level >= 3 && has_avx512() && c->avx512bf16) best = cm_bf16_microkernels_avx512bf16();
    if (tiles && c->amx_bf16 && has_vbmi() && cm_bf16_microkernels_amx()) best = cm_bf16_microkernels_amx();
    int8_choose(level, tiles);
}

static void choose_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
}

const cm_bf16_microkernels *cm_bf16_microkernels_get(void) {
    choose_once();
    return best;
}

const cm_int8_microkernels *cm_int8_microkernels_get(void) {
    choose_once();
    return int8_best;
}

const cm_int8_microkernels *const *cm_int8_microkernels_all(void) {
    choose_once();
    return int8_all;
}
