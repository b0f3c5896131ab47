// SPDX-License-Identifier: Apache-2.0
/* A regular file's bytes, mapped read-only. */
#ifndef CM_CORE_IO_MAPPED_H
#define CM_CORE_IO_MAPPED_H

#include <stddef.h>

#include "core/base/status.h"

typedef struct cm_mapped {
    const unsigned char *data; /* NULL: an empty file, or none */
    size_t bytes;
} cm_mapped;

cm_status cm_mapped_open(cm_mapped *m, const char *path);
void cm_mapped_close(cm_mapped *m); /* fine on a cleared struct */

/* What bytes begin as, for a reader that cannot use them: "a PNG image", "a pointer of Git LFS, ..."; NULL: nothing
 * known. */
const char *cm_file_kind(const void *data, size_t bytes);

#endif
