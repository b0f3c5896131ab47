// SPDX-License-Identifier: Apache-2.0
#include "core/base/cpu_level.h"
#include "core/cpu/f32/f32_microkernels.h"

const cm_f32_microkernels *cm_f32_microkernels_get(void) {
    const cm_cpu_level level = cm_cpu_level_get();
    if (level >= CM_CPU_AVX512) return cm_f32_microkernels_avx512();
    return level >= CM_CPU_AVX2 ? cm_f32_microkernels_avx2() : cm_f32_microkernels_portable();
}
