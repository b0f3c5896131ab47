// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/child_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 1 << 14, AT_ONCE = 1 << 20, ROUNDS = 4 };

cm_status cm_child_log_open(cm_child_log *l, const char *path, size_t bytes, int *write_end) {
    int ends[2];
    *l = (cm_child_log){.from = -1, .file = -1, .half = bytes / 2 + 1};
    l->ring = malloc(l->half);
    if (!l->ring) return cm_fail(CM_ENOMEM, "out of memory");
    if (path) l->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (path && l->file < 0) return cm_fail(CM_EIO, "%s: cannot write: %s", path, strerror(errno));
    if (pipe2(ends, O_CLOEXEC) != 0) return cm_fail(CM_EIO, "no pipe: %s", strerror(errno));
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    l->from = ends[0];
    *write_end = ends[1];
    return CM_OK;
}

/* A log that cannot be written (a full disk) costs nobody the images: what is missing is missing. */
static void write_all(int file, const char *text, size_t n) {
    while (file >= 0 && n) {
        const ssize_t done = write(file, text, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return;
        text += done;
        n -= (size_t)done;
    }
}

static void add(cm_child_log *l, const char *text, size_t n) {
    const size_t room = l->total < l->half ? l->half - (size_t)l->total : 0;
    write_all(l->file, text, n < room ? n : room);
    for (size_t i = 0; i < n; i++) l->ring[(l->total + i) % l->half] = text[i];
    l->total += n;
}

static void close_end(cm_child_log *l) {
    if (l->from >= 0) close(l->from);
    l->from = -1;
}

void cm_child_log_take(cm_child_log *l, int milliseconds) {
    char piece[PIECE];
    if (l->from < 0) { /* all who could print have ended, or closed it */
        nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000L}, NULL);
        return;
    }
    struct pollfd p = {.fd = l->from, .events = POLLIN};
    if (poll(&p, 1, milliseconds) <= 0) return;
    for (size_t taken = 0; taken < AT_ONCE;) {
        const ssize_t n = read(l->from, piece, sizeof piece);
        if (n == 0) close_end(l);
        if (n <= 0) return;
        add(l, piece, (size_t)n);
        taken += (size_t)n;
    }
}

/* The last n bytes, n at most `half` and `total`. */
static void copy_last(const cm_child_log *l, size_t n, char *to) {
    for (size_t i = 0; i < n; i++) to[i] = l->ring[(l->total - n + i) % l->half];
}

char *cm_child_log_tail(const cm_child_log *l, size_t most, cm_arena *out) {
    const size_t kept = l->total < l->half ? (size_t)l->total : l->half, n = kept < most ? kept : most;
    char *text = CM_PUSH(out, char, n + 1);
    if (!text) return NULL;
    copy_last(l, n, text);
    text[n] = 0;
    for (size_t i = 0; i < n; i++)
        if (!text[i]) text[i] = ' ';
    return text;
}

static void write_end(const cm_child_log *l) {
    char line[96], *end = malloc(l->half);
    const uint64_t more = l->total > l->half ? l->total - l->half : 0;
    const size_t n = more < l->half ? (size_t)more : l->half;
    if (end && n) {
        copy_last(l, n, end);
        if (more > n) {
            const int length = snprintf(line, sizeof line, "\n[... %llu bytes are left out here ...]\n",
                                        (unsigned long long)(more - n));
            write_all(l->file, line, (size_t)length);
        }
        write_all(l->file, end, n);
    }
    free(end);
}

void cm_child_log_drain(cm_child_log *l) {
    for (int i = 0; l->from >= 0 && i < ROUNDS; i++) cm_child_log_take(l, 0);
}

void cm_child_log_close(cm_child_log *l) {
    cm_child_log_drain(l);
    close_end(l);
    if (l->file >= 0) {
        write_end(l);
        close(l->file);
    }
    free(l->ring);
    *l = (cm_child_log){.from = -1, .file = -1};
}
