// SPDX-License-Identifier: Apache-2.0
/* Files that records name: only those that lie inside the run's folder. */
#ifndef CM_CORE_IO_INSIDE_H
#define CM_CORE_IO_INSIDE_H

#include <stdbool.h>

#include "core/base/arena.h"

/* The real path of FOLDER/FILE, in `out`; NULL when it is absolute, has a "..", is reached by a link that leads out of
 * the folder, is no plain file, or is not there. */
const char *cm_inside(const char *folder, const char *file, cm_arena *out);

#endif
