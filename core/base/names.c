// SPDX-License-Identifier: Apache-2.0
#include "core/base/names.h"

#include <stdint.h>
#include <string.h>

#include "core/base/utf8.h"

/* Beyond ASCII: blanks, controls, marks that turn the direction of text or cannot be seen, and what is no character. */
static const struct {
    uint32_t first, last;
} refused[] = {{0x80, 0xA0},     {0xAD, 0xAD},     {0x34F, 0x34F},       {0x61C, 0x61C},   {0x115F, 0x1160},
               {0x1680, 0x1680}, {0x17B4, 0x17B5}, {0x180B, 0x180F},     {0x2000, 0x206F}, {0x3000, 0x3000},
               {0x3164, 0x3164}, {0xD800, 0xF8FF}, {0xFDD0, 0xFDEF},     {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
               {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFF}, {0xE0000, UINT32_MAX}};

static bool is_letter(uint32_t point) {
    if (point < 0x80) return (point >= '0' && point <= '9') || ((point | 32) >= 'a' && (point | 32) <= 'z');
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (point >= refused[i].first && point <= refused[i].last) return false;
    return true;
}

bool cm_name_is_good(const char *name) {
    const size_t bytes = strlen(name);
    if (bytes == 0 || bytes > CM_NAME_BYTES || name[bytes - 1] == ' ') return false;
    for (size_t at = 0, n; at < bytes; at += n) {
        uint32_t point = 0;
        n = cm_utf8_read((const unsigned char *)name + at, bytes - at, &point);
        if (n == 0) return false;
        if (is_letter(point)) continue;
        if (at == 0 || point >= 0x80 || !strchr("_-+.@:=[]() ", (int)point)) return false;
    }
    return true;
}

cm_status cm_name_check(const char *what, const char *name) {
    if (cm_name_is_good(name)) return CM_OK;
    return cm_fail(
        CM_EFORMAT,
        "%s '%.*s': a name has letters, digits, blanks and _-+.@:=[]() only, a letter or digit first, at most %d bytes",
        what, CM_NAME_BYTES, name, CM_NAME_BYTES);
}
