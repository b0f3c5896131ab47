// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/system.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

double cm_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* getrusage's peak goes on over exec: it may be the program's that started this one. */
double cm_peak_rss_mb(void) {
    struct rusage usage;
    char line[128];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && !kb && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0) kb = strtol(line + 6, NULL, 10);
    if (f) fclose(f);
    if (!kb && getrusage(RUSAGE_SELF, &usage) == 0) kb = usage.ru_maxrss;
    return (double)kb / 1024;
}

double cm_rss_mb(void) {
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

void cm_iso_time(char out[32]) {
    const time_t now = time(NULL);
    struct tm t;
    gmtime_r(&now, &t);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &t);
}

struct cm_sha {
    EVP_MD_CTX *evp; /* NULL: there was no memory, the digest comes out empty */
};

cm_sha *cm_sha_begin(void) {
    cm_sha *h = calloc(1, sizeof *h);
    if (!h) return NULL;
    h->evp = EVP_MD_CTX_new();
    if (h->evp) EVP_DigestInit_ex(h->evp, EVP_sha256(), NULL);
    return h;
}

void cm_sha_add(cm_sha *h, const void *data, size_t bytes) {
    if (h && h->evp && bytes) EVP_DigestUpdate(h->evp, data, bytes);
}

void cm_sha_end(cm_sha **h, char out[65]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (*h && (*h)->evp) EVP_DigestFinal_ex((*h)->evp, digest, &length);
    for (unsigned i = 0; i < length && i < 32; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    out[length ? 64 : 0] = 0;
    if (*h) EVP_MD_CTX_free((*h)->evp);
    free(*h);
    *h = NULL;
}

cm_status cm_sha_file(const char *path, char out[65]) {
    FILE *f = fopen(path, "rb");
    if (!f) return cm_fail(CM_EIO, "%s: %s", path, strerror(errno));
    cm_sha *h = cm_sha_begin();
    static _Thread_local unsigned char piece[1 << 16];
    size_t n;
    while (!cm_interrupted() && (n = fread(piece, 1, sizeof piece, f)) > 0) cm_sha_add(h, piece, n);
    const bool good = !ferror(f);
    fclose(f);
    cm_sha_end(&h, out);
    if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped while %s was hashed", path);
    return good ? CM_OK : cm_fail(CM_EIO, "%s: cannot be read", path);
}

bool cm_path_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

bool cm_path_is_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t cm_file_size(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
}

cm_status cm_make_dirs(const char *path) {
    char *p = strdup(path);
    if (!p) return cm_fail(CM_ENOMEM, "out of memory");
    cm_status s = CM_OK;
    for (char *c = p; *c && s == CM_OK; c++) {
        if (c[1] && c[1] != '/') continue; /* the end of a part */
        const char keep = c[1];
        c[1] = 0;
        const int trouble = mkdir(p, 0777) == 0 ? 0 : errno; /* before another call says its own */
        if (trouble && !cm_path_is_dir(p))
            s = cm_fail(CM_EIO, "%s: cannot make folder: %s", p,
                        trouble == EEXIST ? "a file has this name" : strerror(trouble));
        c[1] = keep;
    }
    free(p);
    return s;
}

/* Reads in pieces rather than by size, so that pipes work. */
static cm_status read_all(FILE *f, const char *path, size_t max_bytes, char **text, size_t *length) {
    size_t n = 0, room = 1 << 14;
    char *buffer = malloc(room);
    while (buffer) {
        n += fread(buffer + n, 1, room - n, f);
        if (n < room) break;
        char *grown = n > max_bytes ? NULL : realloc(buffer, room * 2);
        if (!grown) break;
        room *= 2;
        buffer = grown;
    }
    cm_status s = CM_OK;
    if (buffer && ferror(f)) {
        s = cm_fail(CM_EIO, "%s: %s", path, strerror(errno));
    } else if (buffer && n > max_bytes) {
        s = cm_fail(CM_EFORMAT, "%s: larger than %zu bytes", path, max_bytes);
    } else if (!buffer || n == room) {
        s = cm_fail(CM_ENOMEM, "%s: out of memory", path);
    }
    if (s != CM_OK) {
        free(buffer);
        return s;
    }
    *text = buffer;
    *length = n;
    return CM_OK;
}

cm_status cm_read_text(const char *path, size_t max_bytes, cm_arena *out, char **text, size_t *length) {
    if (cm_path_is_dir(path)) return cm_fail(CM_EIO, "%s: is a folder", path);
    FILE *f = fopen(path, "rb");
    if (!f) return cm_fail(CM_EIO, "%s: %s", path, strerror(errno));
    char *buffer = NULL;
    size_t n = 0;
    const cm_status s = read_all(f, path, max_bytes, &buffer, &n);
    fclose(f);
    if (s != CM_OK) return s;
    char *copy = CM_PUSH(out, char, n + 1);
    if (copy) {
        memcpy(copy, buffer, n);
        copy[n] = 0;
        *text = copy;
        if (length) *length = n;
    }
    free(buffer);
    return cm_arena_check(out);
}
