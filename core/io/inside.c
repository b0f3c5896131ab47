// SPDX-License-Identifier: Apache-2.0
#define _XOPEN_SOURCE 700
#include "core/io/inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool climbs(const char *file) {
    for (const char *part = file; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (part[0] == '.' && part[1] == '.' && (part[2] == '/' || part[2] == 0)) return true;
    }
    return false;
}

static bool is_below(const char *path, const char *root) {
    const size_t n = strlen(root);
    return strncmp(path, root, n) == 0 && (path[n] == '/' || root[n - 1] == '/');
}

const char *cm_inside(const char *folder, const char *file, cm_arena *out) {
    struct stat st;
    if (!*file || *file == '/' || climbs(file)) return NULL;
    const char *joined = cm_arena_print(out, "%s/%s", folder, file), *found = NULL;
    char *root = realpath(folder, NULL), *path = joined ? realpath(joined, NULL) : NULL;
    if (root && path && is_below(path, root) && stat(path, &st) == 0 && S_ISREG(st.st_mode))
        found = cm_arena_string(out, path);
    free(root);
    free(path);
    return found;
}
