// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/bf16/bf16_block-inl.h"

static const bf_unit table = BF_UNIT_TABLE("portable", false, false, nothing, nothing, block);

const bf_unit *bf_unit_portable(void) {
    return &table;
}
