// SPDX-License-Identifier: Apache-2.0
#define _XOPEN_SOURCE 700 /* nftw */
#include "tests/unit/scratch.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

char scratch_folder[64];

const char *scratch(const char *name) {
    static char paths[8][512];
    static int turn;
    char *path = paths[turn++ % 8];
    if (!scratch_folder[0]) {
        snprintf(scratch_folder, sizeof scratch_folder, "/tmp/cm-unit-XXXXXX");
        if (!mkdtemp(scratch_folder)) abort();
    }
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
    return path;
}

static bool is_folder_itself(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

size_t scratch_files(void) {
    size_t n = 0;
    scratch("");
    DIR *d = opendir(scratch_folder);
    for (struct dirent *e; d && (e = readdir(d));) n += !is_folder_itself(e->d_name);
    if (d) closedir(d);
    return n;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st, (void)kind, (void)where;
    return remove(path);
}

void scratch_done(void) {
    if (scratch_folder[0]) nftw(scratch_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    scratch_folder[0] = 0;
}

void scratch_write(const char *name, const void *data, size_t bytes) {
    FILE *f = fopen(scratch(name), "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes) abort();
    fclose(f);
}

size_t read_file(const char *path, unsigned char *bytes, size_t room) {
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s", path);
    const size_t n = fread(bytes, 1, room, f);
    fclose(f);
    return n;
}

void limit_files(size_t bytes) {
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

void unlimit_files(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}
