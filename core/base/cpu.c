// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/system.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* The state the system saves for a process: an instruction set counts only when its registers are among it. */
static uint64_t saved_state(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void find_features(cm_cpu *c) {
    uint32_t a, b, cx, d, a1, b1, c1, d1;
    if (!__get_cpuid(1, &a, &b, &cx, &d) || !(cx >> 27 & 1)) return;
    const uint64_t saved = saved_state();
    const bool avx = (saved & 0x6) == 0x6 && cx >> 28 & 1;
    const bool zmm = avx && (saved & 0xe6) == 0xe6;
    const bool tiles = (saved & 0x60000) == 0x60000;
    c->fma = avx && cx >> 12 & 1;
    c->f16c = avx && cx >> 29 & 1;
    if (!__get_cpuid_count(7, 0, &a, &b, &cx, &d)) return;
    c->avx2 = avx && b >> 5 & 1;
    c->avx512f = zmm && b >> 16 & 1;
    c->avx512vnni = zmm && cx >> 11 & 1;
    c->amx_bf16 = tiles && d >> 22 & 1;
    c->amx_int8 = tiles && d >> 25 & 1;
    if (a >= 1 && __get_cpuid_count(7, 1, &a1, &b1, &c1, &d1)) c->avx512bf16 = zmm && a1 >> 5 & 1;
}
#else
static void find_features(cm_cpu *c) {
    (void)c;
}
#endif

static void find_model(char *out, size_t bytes) {
    char line[256];
    snprintf(out, bytes, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return;
    while (fgets(line, sizeof line, f)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value || !value[1]) continue;
        snprintf(out, bytes, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
        break;
    }
    fclose(f);
}

static cm_cpu cpu;

static void find_cpu(void) {
    find_features(&cpu);
    find_model(cpu.model, sizeof cpu.model);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    cpu.cores = cores > 0 ? (int)cores : 1;
    const struct {
        bool has;
        const char *name;
    } all[] = {{cpu.avx2, "avx2"},
               {cpu.fma, "fma"},
               {cpu.f16c, "f16c"},
               {cpu.avx512f, "avx512f"},
               {cpu.avx512vnni, "avx512vnni"},
               {cpu.avx512bf16, "avx512bf16"},
               {cpu.amx_bf16, "amx_bf16"},
               {cpu.amx_int8, "amx_int8"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].has) continue;
        const size_t at = strlen(cpu.features);
        snprintf(cpu.features + at, sizeof cpu.features - at, "%s%s", at ? " " : "", all[i].name);
    }
}

const cm_cpu *cm_cpu_get(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_cpu);
    return &cpu;
}
