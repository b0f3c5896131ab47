// SPDX-License-Identifier: Apache-2.0
#include "harness/records/feature_store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/system.h"

cm_status cm_feature_store_open(cm_feature_store *s, const char *path, size_t rows, size_t width, bool make,
                                cm_arena *out) {
    *s = (cm_feature_store){cm_arena_string(out, path), rows, width, -1};
    CM_TRY(cm_arena_check(out));
    const off_t bytes = (off_t)(rows * width * sizeof(float));
    s->file = open(path,
                   (make ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_CLOEXEC | O_NOFOLLOW |
                       (make ? O_CREAT : 0),
                   0666);
    if (s->file < 0) return cm_fail(CM_EIO, "%s: cannot open: %s", path, strerror(errno));
    struct stat is;
    if (fstat(s->file, &is) != 0 || !S_ISREG(is.st_mode)) return cm_fail(CM_EIO, "%s: is no regular file", path);
    if (is.st_size == bytes) return CM_OK;
    if (!make)
        return cm_fail(CM_EFORMAT, "%s: has %lld bytes, %zu rows of %zu features are %lld", path, (long long)is.st_size,
                       rows, width, (long long)bytes);
    if (ftruncate(s->file, bytes) != 0)
        return cm_fail(CM_EIO, "%s: cannot make %lld bytes: %s", path, (long long)bytes, strerror(errno));
    return CM_OK;
}

void cm_feature_store_close(cm_feature_store *s) {
    if (s->file >= 0) close(s->file);
    s->file = -1;
}

cm_status cm_feature_store_write(const cm_feature_store *s, size_t row, const float *values) {
    const char *from = (const char *)values;
    const size_t bytes = s->width * sizeof *values;
    for (size_t done = 0; done < bytes;) {
        const ssize_t n = pwrite(s->file, from + done, bytes - done, (off_t)(row * bytes + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return cm_fail(CM_EIO, "%s: cannot write: %s", s->path, n < 0 ? strerror(errno) : "disk full");
        done += (size_t)n;
    }
    return CM_OK;
}

cm_status cm_feature_store_sync(const cm_feature_store *s) {
    if (s->file < 0 || fdatasync(s->file) == 0) return CM_OK;
    return cm_fail(CM_EIO, "%s: cannot write: %s", s->path, strerror(errno));
}

void cm_feature_hash(const float *values, size_t width, char out[CM_FEATURE_HASH]) {
    char hex[65] = "";
    cm_sha *h = cm_sha_begin();
    cm_sha_add(h, values, width * sizeof *values);
    cm_sha_end(&h, hex);
    memcpy(out, hex, CM_FEATURE_HASH - 1);
    out[CM_FEATURE_HASH - 1] = '\0';
}

cm_status cm_feature_store_read(const cm_feature_store *s, size_t first, size_t count, float *values) {
    char *to = (char *)values;
    const size_t row = s->width * sizeof *values, bytes = count * row;
    for (size_t done = 0; done < bytes;) {
        const ssize_t n = pread(s->file, to + done, bytes - done, (off_t)(first * row + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return cm_fail(CM_EIO, "%s: cannot read: %s", s->path, n < 0 ? strerror(errno) : "it was cut short");
        done += (size_t)n;
    }
    return CM_OK;
}

cm_status cm_feature_store_map(const cm_feature_store *s, cm_feature_view *view) {
    const size_t bytes = s->rows * s->width * sizeof(float);
    *view = (cm_feature_view){0};
    if (bytes == 0) return CM_OK;
    void *at = mmap(NULL, bytes, PROT_READ, MAP_SHARED, s->file, 0);
    if (at == MAP_FAILED) return cm_fail(CM_EIO, "%s: cannot map: %s", s->path, strerror(errno));
    *view = (cm_feature_view){at, bytes};
    return CM_OK;
}

void cm_feature_view_close(cm_feature_view *view) {
    if (view->values) munmap((void *)view->values, view->bytes);
    *view = (cm_feature_view){0};
}
