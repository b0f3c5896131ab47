// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/system.h"

/* --- names ----------------------------------------------------------------------- */

/* Hidden, so that no list of images has it; short, whatever the length of the name beside it. */
#define PREFIX ".cosmicman-"
#define ENDING ".part"
enum { RANDOM = 16, NAME = sizeof PREFIX - 1 + RANDOM + sizeof ENDING };

static void print_name(char out[NAME]) {
    unsigned char bytes[RANDOM / 2];
    char digits[RANDOM + 1];
    for (size_t got = 0; got < sizeof bytes;) {
        const ssize_t n = getrandom(bytes + got, sizeof bytes - got, 0);
        if (n > 0) got += (size_t)n;
    }
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
    snprintf(out, NAME, "%s%s%s", PREFIX, digits, ENDING);
}

static bool is_part(const char *name) {
    return strlen(name) == NAME - 1 && strncmp(name, PREFIX, sizeof PREFIX - 1) == 0 &&
           strcmp(name + NAME - sizeof ENDING, ENDING) == 0;
}

/* "a/b" for "a/b/c", "." for "c"; length: of the part of `path` that goes before a name in that folder */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static char *beside(const char *path) {
    const size_t folder = folder_length(path);
    char *name = malloc(folder + NAME);
    if (!name) return NULL;
    memcpy(name, path, folder);
    print_name(name + folder);
    return name;
}

char *cm_name_beside(const char *path, cm_arena *out) {
    char name[NAME];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    while (length && path[length - 1] != '/') length--;
    print_name(name);
    return cm_arena_print(out, "%.*s%s", (int)length, path, name);
}

/* --- opening --------------------------------------------------------------------- */

static cm_status part_fail(cm_part *p, int error) {
    const cm_status s = error == ENOMEM ? cm_fail(CM_ENOMEM, "%s: out of memory", p->path)
                                        : cm_fail(CM_EIO, "%s: cannot write: %s", p->path, strerror(error));
    cm_part_drop(p);
    return s;
}

/* A new file, locked by this process before anybody could have taken it for a leftover. -1, errno: none. */
static int open_new(cm_part *p, mode_t mode) {
    for (int tries = 0; tries < 100; tries++) {
        struct stat st;
        if (!(p->part = beside(p->path))) {
            errno = ENOMEM;
            return -1;
        }
        const int file = open(p->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (file >= 0) {
            cm_remove_at_end(p->part);
            const bool locked = flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; /* else: no locks here */
            if (locked && fstat(file, &st) == 0 && st.st_nlink) return file;
            close(file);
            cm_keep_file(p->part);
        }
        const int error = file >= 0 ? EEXIST : errno;
        free(p->part);
        p->part = NULL;
        errno = error;
        if (error != EEXIST) return -1;
    }
    return -1;
}

/* What the file that is replaced allowed, and to whom; a new one has what the umask leaves. */
static int keep_mode(int file, const struct stat *old) {
    if (fchown(file, old->st_uid, old->st_gid) != 0 && errno != EPERM) return -1; /* only root may give files away */
    return fchmod(file, old->st_mode & 0777);
}

cm_status cm_part_open(cm_part *p, const char *path) {
    *p = (cm_part){.path = strdup(path)};
    if (!p->path) return cm_fail(CM_ENOMEM, "out of memory");
    struct stat st;
    const bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode)) return part_fail(p, EISDIR);
    if (!path[0] || path[strlen(path) - 1] == '/') return part_fail(p, path[0] ? EISDIR : ENOENT);
    const bool direct = there && !S_ISREG(st.st_mode);
    const int file = direct ? open(path, O_WRONLY | O_CLOEXEC) : open_new(p, there ? st.st_mode & 0777 : 0666);
    if (file < 0) return part_fail(p, errno);
    if (there && !direct && keep_mode(file, &st) != 0) {
        const int error = errno;
        close(file);
        return part_fail(p, error);
    }
    p->file = fdopen(file, "wb");
    if (p->file) return CM_OK;
    close(file);
    return part_fail(p, ENOMEM);
}

/* --- finishing --------------------------------------------------------------------- */

/* A new name lasts through a power cut only when its folder is written too. Where folders cannot be, names are all
 * there is. */
static int sync_folder(const char *path) {
    char folder[4096];
    const size_t n = folder_length(path);
    if (n >= sizeof folder) return 0;
    memcpy(folder, path, n);
    memcpy(folder + n, n ? "" : ".", n ? 1 : 2);
    const int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return 0;
    const int result = fsync(file) == 0 || errno != EIO ? 0 : -1;
    close(file);
    return result;
}

static bool give_name(cm_part *p) {
    if (rename(p->part, p->path) != 0) return false;
    if (cm_keep_file(p->part)) free(p->part);
    p->part = NULL;
    return sync_folder(p->path) == 0;
}

cm_status cm_part_finish(cm_part *p) {
    errno = 0;
    const bool flushed = fflush(p->file) == 0; /* after a failed write it fails again, and errno says why */
    bool good = flushed && !ferror(p->file) && (!p->part || fsync(fileno(p->file)) == 0);
    if (good && p->part) good = give_name(p);
    int error = errno ? errno : ENOSPC;
    const bool closed = fclose(p->file) == 0;
    if (good && !closed) error = errno;
    p->file = NULL;
    if (!good || !closed) return part_fail(p, error);
    cm_part_drop(p);
    return CM_OK;
}

void cm_part_drop(cm_part *p) {
    if (p->part) remove(p->part);
    if (p->file) fclose(p->file);
    if (p->part && cm_keep_file(p->part)) free(p->part);
    free(p->path);
    *p = (cm_part){0};
}

cm_status cm_write_whole(const char *path, const void *data, size_t bytes) {
    cm_part p;
    CM_TRY(cm_part_open(&p, path));
    if (bytes && fwrite(data, 1, bytes, p.file) != bytes) return part_fail(&p, errno);
    return cm_part_finish(&p);
}

/* --- leftovers --------------------------------------------------------------------- */

/* Ours by name, a plain file, and nobody holds it. */
static void clean_one(int folder, const char *name) {
    struct stat st;
    const int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return;
    if (fstat(file, &st) == 0 && S_ISREG(st.st_mode) && flock(file, LOCK_EX | LOCK_NB) == 0) unlinkat(folder, name, 0);
    close(file);
}

void cm_parts_clean(const char *folder) {
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d));)
        if (is_part(e->d_name)) clean_one(dirfd(d), e->d_name);
    if (d) closedir(d);
}
