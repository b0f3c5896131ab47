// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/progress.h"
#include "core/base/system.h"

static cm_status refuse(const cm_folder_lock *l, const char *folder) {
    struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(l->file, F_GETLK, &held) == 0 && held.l_type != F_UNLCK && held.l_pid > 0)
        return cm_fail(CM_EUSAGE, "%s is in use: another cosmicman is writing here (process %ld)", folder,
                       (long)held.l_pid);
    return cm_fail(CM_EUSAGE, "%s is in use: another cosmicman is writing here", folder);
}

static bool is_no_lock_system(int error) {
    return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP || error == EINVAL;
}

/* again: the holder before us took the file away, after it was opened here and before it was locked */
static cm_status take_once(cm_folder_lock *l, const char *folder, bool *again) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat here, there;
    *again = false;
    l->file = open(l->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (l->file < 0)
        return cm_fail(CM_EIO, "%s: cannot lock the folder: %s", l->path,
                       errno == ELOOP ? "this name is a link" : strerror(errno));
    if (fstat(l->file, &here) != 0 || !S_ISREG(here.st_mode)) return cm_fail(CM_EIO, "%s: is no regular file", l->path);
    if (fcntl(l->file, F_SETLK, &whole) != 0) {
        if (!is_no_lock_system(errno)) return refuse(l, folder);
        cm_warn("%s: files cannot be locked here (%s); no second cosmicman may write to it", folder, strerror(errno));
    }
    *again = lstat(l->path, &there) != 0 || there.st_ino != here.st_ino || there.st_dev != here.st_dev;
    return CM_OK;
}

static cm_status take(cm_folder_lock *l, const char *folder) {
    for (int tries = 0; tries < 100; tries++) {
        bool again;
        const cm_status s = take_once(l, folder, &again);
        if (s == CM_OK && !again) return CM_OK;
        if (l->file >= 0) close(l->file);
        if (s != CM_OK) return s;
    }
    return cm_fail(CM_EIO, "%s: cannot lock the folder: its file is replaced again and again", l->path);
}

cm_status cm_folder_lock_take(cm_folder_lock *l, const char *folder) {
    static const char name[] = "/.cosmicman.lock";
    const size_t length = strlen(folder);
    CM_TRY(cm_make_dirs(folder));
    *l = (cm_folder_lock){malloc(length + sizeof name), -1};
    if (!l->path) return cm_fail(CM_ENOMEM, "out of memory");
    memcpy(l->path, folder, length);
    memcpy(l->path + length, name, sizeof name);
    const cm_status s = take(l, folder);
    if (s == CM_OK) {
        cm_remove_at_end(l->path);
        cm_parts_clean(folder);
        return CM_OK;
    }
    free(l->path);
    l->path = NULL;
    return s;
}

/* Removed while it is still locked: whoever has opened it meanwhile sees that it is gone, and makes a new one. */
void cm_folder_lock_release(cm_folder_lock *l) {
    if (!l->path) return;
    unlink(l->path);
    close(l->file);
    if (cm_keep_file(l->path)) free(l->path);
    l->path = NULL;
}
