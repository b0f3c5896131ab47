// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/f32/f32_microkernels-inl.h"

static const cm_f32_microkernels table = CM_F32_MICROKERNELS_TABLE("avx2");

const cm_f32_microkernels *cm_f32_microkernels_avx2(void) {
    return &table;
}
