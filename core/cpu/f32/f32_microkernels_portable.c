// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/f32/f32_microkernels-inl.h"

static const cm_f32_microkernels table = CM_F32_MICROKERNELS_TABLE("portable");

const cm_f32_microkernels *cm_f32_microkernels_portable(void) {
    return &table;
}
