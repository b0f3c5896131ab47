// SPDX-License-Identifier: Apache-2.0
#include "core/base/names.h"

#include <stdint.h>
#include <string.h>

/* Beyond ASCII: blanks, controls, marks that turn the direction of text or cannot be seen, and what is no character. */
static const struct {
    uint32_t first, last;
} refused[] = {{0x80, 0xA0},     {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},   {0x115F, 0x1160}, {0x1680, 0x1680},
               {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x2000, 0x206F}, {0x3000, 0x3000}, {0x3164, 0x3164}, {0xD800, 0xF8FF},
               {0xFDD0, 0xFDEF}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFF}, {0xE0000, UINT32_MAX}};

/* The next code point; 0 where the bytes are not UTF-8 in its shortest form. */
static uint32_t next_point(const unsigned char **at) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = *at;
    const size_t bytes = p[0] < 0x80 ? 1 : p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : p[0] >= 0xC2 ? 2 : 0;
    if (bytes == 0 || p[0] > 0xF4) return 0;
    uint32_t point = bytes == 1 ? p[0] : p[0] & (0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
        point = point << 6 | (p[i] & 0x3Fu);
    }
    *at += bytes;
    return point >= least[bytes] ? point : 0;
}

static bool is_letter(uint32_t point) {
    if (point < 0x80) return (point >= '0' && point <= '9') || ((point | 32) >= 'a' && (point | 32) <= 'z');
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (point >= refused[i].first && point <= refused[i].last) return false;
    return true;
}

bool cm_name_is_good(const char *name) {
    const size_t bytes = strlen(name);
    if (bytes == 0 || bytes > CM_NAME_BYTES || name[bytes - 1] == ' ') return false;
    const unsigned char *at = (const unsigned char *)name;
    for (bool first = true; *at; first = false) {
        const uint32_t point = next_point(&at);
        if (is_letter(point)) continue;
        if (first || point == 0 || point >= 0x80 || !strchr("_-+.@:=[]() ", (int)point)) return false;
    }
    return true;
}

cm_status cm_name_check(const char *what, const char *name) {
    if (cm_name_is_good(name)) return CM_OK;
    return cm_fail(CM_EFORMAT, "%s '%.*s': a name has letters, digits, blanks and _-+.@:=[]() only, a letter or digit first, at most %d bytes",
                   what, CM_NAME_BYTES, name, CM_NAME_BYTES);
}
