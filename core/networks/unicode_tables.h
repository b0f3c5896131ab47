// SPDX-License-Identifier: Apache-2.0
/* Tables about characters, sorted by code point; made by unicode_tables.py. Only unicode.c reads them. */
#ifndef CM_CORE_NETWORKS_UNICODE_TABLES_H
#define CM_CORE_NETWORKS_UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

typedef struct cm_unicode_range {
    uint32_t first, last;
} cm_unicode_range;

/* Every step-th from first to last becomes itself plus add. */
typedef struct cm_unicode_lower {
    uint32_t first, last;
    uint8_t step;
    int32_t add;
} cm_unicode_lower;

/* Canonical combining class, not 0. */
typedef struct cm_unicode_class {
    uint32_t first, last;
    uint8_t value;
} cm_unicode_class;

/* code = a, b; b is 0 for a singleton. */
typedef struct cm_unicode_parts {
    uint32_t code, a, b;
} cm_unicode_parts;

extern const cm_unicode_range cm_unicode_letters[], cm_unicode_numbers[], cm_unicode_spaces[];
extern const size_t cm_unicode_letters_count, cm_unicode_numbers_count, cm_unicode_spaces_count;
extern const cm_unicode_lower cm_unicode_lower_case[];
extern const size_t cm_unicode_lower_case_count;
extern const cm_unicode_class cm_unicode_combining[];
extern const size_t cm_unicode_combining_count;
extern const cm_unicode_parts cm_unicode_decompositions[];
extern const size_t cm_unicode_decompositions_count;
extern const uint16_t cm_unicode_compositions[]; /* indices of decompositions that NFC undoes, by (a, b) */
extern const size_t cm_unicode_compositions_count;

#endif
