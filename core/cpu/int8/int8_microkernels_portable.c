// SPDX-License-Identifier: Apache-2.0
#include "core/cpu/int8/int8_block-inl.h"

static const cm_int8_microkernels table = INT8_MICROKERNELS_TABLE("portable", false, nothing, nothing, block);

const cm_int8_microkernels *cm_int8_microkernels_portable(void) {
    return &table;
}
