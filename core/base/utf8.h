// SPDX-License-Identifier: Apache-2.0
/* UTF-8, one code point at a time. */
#ifndef CM_CORE_BASE_UTF8_H
#define CM_CORE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the sequence at s, of which `left` may be read (at least 1), and its code point; 0 when it is none: cut off,
 * overlong, a surrogate, above U+10FFFF (RFC 3629, section 3). */
size_t cm_utf8_read(const unsigned char *s, size_t left, uint32_t *code);

#endif
