// SPDX-License-Identifier: Apache-2.0
/* A text packed by gzip (RFC 1952), or as it is. */
#ifndef CM_CORE_IO_GZIP_H
#define CM_CORE_IO_GZIP_H

#include "core/base/arena.h"

/* The whole text, ended with a 0 that does not count; lives in `out`. A file that does not begin as gzip is read as it
 * stands. Damage, an end too early and more than max_bytes are errors. */
cm_status cm_gzip_read(const char *path, size_t max_bytes, cm_arena *out, char **text, size_t *length);

#endif
