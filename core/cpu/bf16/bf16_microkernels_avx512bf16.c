// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/bf16/bf16_block-inl.h"

static const bf_unit table = BF_UNIT_TABLE("avx512-bf16", false, true, nothing, nothing, block);

const bf_unit *bf_unit_avx512bf16(void) {
    return &table;
}
