// SPDX-License-Identifier: Apache-2.0
/* One writer a folder.
 *
 *     cm_folder_lock lock = {0};
 *     CM_TRY(cm_folder_lock_take(&lock, "out/bench"));
 *     ...
 *     cm_folder_lock_release(&lock);
 *
 * The lock is the system's, on FOLDER/.cosmicman.lock, and ends with the process that holds it, however that ends. */
#ifndef CM_CORE_BASE_FOLDER_LOCK_H
#define CM_CORE_BASE_FOLDER_LOCK_H

#include "core/base/status.h"

typedef struct cm_folder_lock {
    char *path; /* of the lock's file; NULL: not held */
    int file;
} cm_folder_lock;

/* Makes the folder where it is absent, and removes the temporary files that a killed run left in it. CM_EUSAGE, naming
 * the other process, when another one holds the lock. */
cm_status cm_folder_lock_take(cm_folder_lock *l, const char *folder);
void cm_folder_lock_release(cm_folder_lock *l); /* fine on a cleared struct, and twice */

#endif
