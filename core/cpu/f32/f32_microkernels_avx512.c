// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/f32/f32_microkernels-inl.h"

static const cm_kernels table = CM_KERNELS_TABLE("avx512");

const cm_kernels *cm_kernels_avx512(void) {
    return &table;
}
