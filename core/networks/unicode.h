// SPDX-License-Identifier: Apache-2.0
/* As much Unicode as the tokenizer needs: reading UTF-8, kinds of characters, lower case, NFC.
 *
 * Characters carry the bytes of the text that they came from through every change.
 */
#ifndef CM_CORE_NETWORKS_UNICODE_H
#define CM_CORE_NETWORKS_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

typedef struct cm_char {
    uint32_t code;
    size_t begin, end; /* bytes of the original text */
} cm_char;

/* Reads bytes [begin, end) of text; out has room for end - begin. An error names the byte where it goes wrong. */
cm_status cm_unicode_read(const char *text, size_t begin, size_t end, cm_char *out, size_t *count);
size_t cm_unicode_write(uint32_t code, char out[4]); /* bytes written */

bool cm_unicode_is_letter(uint32_t code); /* general category L */
bool cm_unicode_is_number(uint32_t code); /* N */
bool cm_unicode_is_space(uint32_t code);  /* White_Space */

/* Lower case, one or two characters, without context. */
size_t cm_unicode_lower_of(uint32_t code, uint32_t out[2]);

enum { CM_NFC_ROOM = 8 };
/* Normalisation form C (UAX 15). out: room for CM_NFC_ROOM * count, to work in; returns how many. */
size_t cm_unicode_nfc(const cm_char *text, size_t count, cm_char *out);

#endif
