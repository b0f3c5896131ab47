// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/cpu_level.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/closest.h"
#include "core/base/system.h"

static const char *const names[] = {"portable", "avx2", "avx512", "avx512-bf16", "amx", NULL};

const char *cm_cpu_level_name(cm_cpu_level level) {
    return names[level];
}

#if defined(__x86_64__)
static bool has_avx512(const cm_cpu *c) {
    return c->avx512f && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#else
static bool has_avx512(const cm_cpu *c) {
    (void)c;
    return false;
}
#endif

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>

/* The system hands out the registers of tiles only to a process that asks. */
static bool may_use_tiles(void) {
    enum { REQUEST = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
}
#else
static bool may_use_tiles(void) {
    return false;
}
#endif

static cm_cpu_level find_best(void) {
    const cm_cpu *c = cm_cpu_get();
    if (!c->avx2 || !c->fma) return CM_CPU_PORTABLE;
    if (!has_avx512(c)) return CM_CPU_AVX2;
    if (!c->avx512bf16 && !c->avx512vnni) return CM_CPU_AVX512;
    const bool tiles = c->avx512bf16 && (c->amx_bf16 || c->amx_int8) && may_use_tiles();
    return tiles ? CM_CPU_AMX : CM_CPU_AVX512_BF16;
}

static cm_cpu_level best, used;

static int named_level(const char *name) {
    for (int i = 0; name && names[i]; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

static void choose(void) {
    best = find_best();
    const int wanted = named_level(getenv("CM_KERNELS"));
    used = wanted >= 0 && wanted < (int)best ? (cm_cpu_level)wanted : best;
}

static void choose_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
}

cm_cpu_level cm_cpu_level_best(void) {
    choose_once();
    return best;
}

cm_cpu_level cm_cpu_level_get(void) {
    choose_once();
    return used;
}

cm_status cm_cpu_level_check(void) {
    const char *name = getenv("CM_KERNELS");
    if (!name) return CM_OK;
    const int wanted = named_level(name);
    if (wanted < 0) return cm_unknown_choice("CM_KERNELS", name, names);
    if (wanted <= (int)cm_cpu_level_best()) return CM_OK;
    return cm_fail(CM_EUSAGE, "CM_KERNELS=%s: this machine has kernels up to %s", name,
                   cm_cpu_level_name(cm_cpu_level_best()));
}
