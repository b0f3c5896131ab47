// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/int8/int8_block-inl.h"

static const i8_unit table = I8_UNIT_TABLE("avx2", false, nothing, nothing, block);

const i8_unit *i8_unit_avx2(void) {
    return &table;
}
