// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/int8/int8_block-inl.h"

static const cm_int8_microkernels table = INT8_MICROKERNELS_TABLE("avx512-vnni", true, nothing, nothing, block);

const cm_int8_microkernels *cm_int8_microkernels_vnni(void) {
    return &table;
}
