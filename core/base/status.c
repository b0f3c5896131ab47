// SPDX-License-Identifier: Apache-2.0
#include "core/base/status.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char reason[1024];

cm_status cm_fail(cm_status s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return s;
}

cm_status cm_fail_in(cm_status s, const char *format, ...) {
    char inner[sizeof reason];
    snprintf(inner, sizeof inner, "%s", reason);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (n < 0) n = 0;
    if ((size_t)n < sizeof reason) snprintf(reason + n, sizeof reason - (size_t)n, ": %s", inner);
    return s;
}

const char *cm_why(void) {
    return reason;
}
