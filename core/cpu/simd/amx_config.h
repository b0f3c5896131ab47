// SPDX-License-Identifier: Apache-2.0
/* All eight matrix registers as 16 rows of 64 bytes, for this thread. */
#ifndef CM_CORE_CPU_SIMD_AMX_CONFIG_H
#define CM_CORE_CPU_SIMD_AMX_CONFIG_H

#include <stdint.h>

#if defined(__AMX_TILE__)
#include <immintrin.h>

typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16]; /* of a row */
    uint8_t rows[16];
} tile_config;

static inline void amx_begin(void) {
    tile_config c = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        c.bytes[i] = 64;
        c.rows[i] = 16;
    }
    __asm__ volatile("" : : "r"(&c) : "memory"); /* gcc 12 believes that only the first 8 bytes are read */
    _tile_loadconfig(&c);
}

static inline void amx_end(void) {
    _tile_release();
}

#endif
#endif
