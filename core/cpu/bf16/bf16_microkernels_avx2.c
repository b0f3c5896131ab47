// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/bf16/bf16_block-inl.h"

static const bf_unit table = BF_UNIT_TABLE("avx2", false, false, nothing, nothing, block);

const bf_unit *bf_unit_avx2(void) {
    return &table;
}
