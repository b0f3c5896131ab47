// SPDX-License-Identifier: Apache-2.0
#include "core/bf16/i8_body_block.h"

static const i8_unit table = I8_UNIT_TABLE("avx2", false, nothing, nothing, block);

const i8_unit *i8_unit_avx2(void) {
    return &table;
}
