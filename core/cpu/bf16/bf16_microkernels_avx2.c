// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/bf16/bf16_block-inl.h"

static const cm_bf16_microkernels table = BF16_MICROKERNELS_TABLE("avx2", false, false, nothing, nothing, block);

const cm_bf16_microkernels *cm_bf16_microkernels_avx2(void) {
    return &table;
}
