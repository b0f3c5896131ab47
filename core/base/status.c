// SPDX-License-Identifier: Apache-2.0
#include "core/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char reason[3072]; /* holds the lists of cm_params_check */

/* A reason is one line of text, whatever names it quotes from files. */
static void keep(const char *fresh) {
    size_t i = 0;
    for (; fresh[i] && i + 1 < sizeof reason; i++)
        reason[i] = (unsigned char)fresh[i] < ' ' || fresh[i] == 127 ? '?' : fresh[i];
    reason[i] = 0;
}

/* Written aside first: an argument may be cm_why() itself. */
cm_status cm_fail(cm_status s, const char *format, ...) {
    char fresh[sizeof reason] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(fresh, sizeof fresh, format, args);
    va_end(args);
    keep(fresh);
    return s;
}

cm_status cm_fail_in(cm_status s, const char *format, ...) {
    char fresh[2 * sizeof reason + 2] = "";
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(fresh, sizeof reason, format, args);
    va_end(args);
    const size_t length = n < 0 ? 0 : (size_t)n < sizeof reason ? (size_t)n : sizeof reason - 1;
    memcpy(fresh + length, ": ", 2);
    memcpy(fresh + length + 2, reason, sizeof reason);
    keep(fresh);
    return s;
}

const char *cm_why(void) {
    return reason;
}
