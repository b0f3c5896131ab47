// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/f32/f32_microkernels-inl.h"

static const cm_kernels table = CM_KERNELS_TABLE("portable");

const cm_kernels *cm_kernels_c(void) {
    return &table;
}
