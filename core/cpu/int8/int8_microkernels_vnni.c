// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/int8/int8_block-inl.h"

static const i8_unit table = I8_UNIT_TABLE("avx512-vnni", true, nothing, nothing, block);

const i8_unit *i8_unit_vnni(void) {
    return &table;
}
