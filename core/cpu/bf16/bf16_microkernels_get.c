// SPDX-License-Identifier: Apache-2.0
#include "core/base/cpu_level.h"
#include "core/base/system.h"
#include "core/cpu/bf16/bf16_microkernels.h"

#if defined(__x86_64__)
static bool has_vbmi(void) {
    return __builtin_cpu_supports("avx512vbmi");
}
#else
static bool has_vbmi(void) {
    return false;
}
#endif

const cm_bf16_microkernels *cm_bf16_microkernels_get(void) {
    const cm_cpu *c = cm_cpu_get();
    const cm_cpu_level level = cm_cpu_level_get();
    const cm_bf16_microkernels *amx = cm_bf16_microkernels_amx();
    if (level >= CM_CPU_AMX && c->amx_bf16 && has_vbmi() && amx) return amx;
    if (level >= CM_CPU_AVX512_BF16 && c->avx512bf16) return cm_bf16_microkernels_avx512bf16();
    if (level >= CM_CPU_AVX512) return cm_bf16_microkernels_avx512();
    return level >= CM_CPU_AVX2 ? cm_bf16_microkernels_avx2() : cm_bf16_microkernels_portable();
}
