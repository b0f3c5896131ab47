// SPDX-License-Identifier: Apache-2.0
#include "core/io/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static cm_status map(cm_mapped *m, const char *path, int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) return cm_fail(CM_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return cm_fail(CM_EFORMAT, "%s: not a regular file", path);
    *m = (cm_mapped){0};
    if (st.st_size == 0) return CM_OK;
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) return cm_fail(CM_EIO, "%s: cannot be mapped: %s", path, strerror(errno));
    *m = (cm_mapped){.data = data, .bytes = (size_t)st.st_size};
    return CM_OK;
}

/* Without waiting for whoever might write into a pipe of that name. */
cm_status cm_mapped_open(cm_mapped *m, const char *path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return cm_fail(CM_EIO, "%s: %s", path, strerror(errno));
    const cm_status s = map(m, path, fd);
    close(fd);
    return s;
}

void cm_mapped_close(cm_mapped *m) {
    if (m->data) munmap((void *)(uintptr_t)m->data, m->bytes);
    *m = (cm_mapped){0};
}

const char *cm_file_kind(const void *data, size_t bytes) {
    static const struct {
        const char *begins, *what;
    } kinds[] = {{"version https://git-lfs", "a pointer of Git LFS, which 'git lfs pull' replaces by the file"},
                 {"\x89PNG", "a PNG image"},
                 {"\xff\xd8\xff", "a JPEG image"},
                 {"RIFF", "a WebP image"},
                 {"GIF8", "a GIF image"},
                 {"PK\x03\x04", "a zip archive"},
                 {"\x1f\x8b", "a gzip archive"},
                 {"\x93NUMPY", "a NumPy array"},
                 {"GGUF", "a GGUF file"},
                 {"%PDF", "a PDF"},
                 {"<", "a web page"},
                 {"{", "a JSON text"},
                 {"[", "a JSON text"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t n = strlen(kinds[i].begins);
        if (bytes >= n && memcmp(data, kinds[i].begins, n) == 0) return kinds[i].what;
    }
    return NULL;
}
