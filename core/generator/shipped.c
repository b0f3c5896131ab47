// SPDX-License-Identifier: Apache-2.0
/* Where the program finds what ships with it. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/generator/pipeline.h"

/* The folder `levels` above the running program; NULL when the system does not say. */
static char *above_program(cm_arena *out, int levels) {
    char path[4096];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return NULL;
    path[n] = '\0';
    for (int i = 0; i < levels; i++) {
        char *slash = strrchr(path, '/');
        if (!slash) return NULL;
        *slash = '\0';
    }
    return cm_arena_string(out, path);
}

cm_status cm_shipped_folder(const char *sub, cm_arena *out, char **path) {
    const char *home = getenv("COSMICMAN_HOME");
    const char *const places[] = {home, above_program(out, 1), above_program(out, 2), CM_SOURCE_DIR};
    if (home && home[0] && !cm_path_is_dir(home)) return cm_fail(CM_EIO, "%s: no such folder (COSMICMAN_HOME)", home);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (!places[i] || !places[i][0]) continue;
        char *candidate = cm_arena_print(out, "%s/%s", places[i], sub);
        CM_TRY(cm_arena_check(out));
        if (cm_path_is_dir(candidate)) {
            *path = candidate;
            return CM_OK;
        }
    }
    return cm_fail(CM_EIO, "%s: not found beside the program; COSMICMAN_HOME can say where it lies", sub);
}

cm_status cm_models_folder(cm_arena *out, char **path) {
    const char *models = getenv("COSMICMAN_MODELS");
    if (!models || !models[0]) return cm_shipped_folder("core/models", out, path);
    if (!cm_path_is_dir(models)) return cm_fail(CM_EIO, "%s: no such folder (COSMICMAN_MODELS)", models);
    *path = cm_arena_string(out, models);
    return cm_arena_check(out);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

cm_status cm_names_in(const char *folder, const char *ending, cm_arena *out, char **names, size_t max, size_t *count) {
    DIR *d = opendir(folder);
    if (!d) return cm_fail(CM_EIO, "%s: cannot open the folder", folder);
    size_t n = 0;
    for (const struct dirent *e = readdir(d); e && n < max; e = readdir(d)) {
        const size_t length = strlen(e->d_name), tail = strlen(ending);
        if (length <= tail || strcmp(e->d_name + length - tail, ending) != 0) continue;
        names[n++] = cm_arena_print(out, "%.*s", (int)(length - tail), e->d_name);
    }
    closedir(d);
    CM_TRY(cm_arena_check(out));
    qsort(names, n, sizeof *names, compare_names);
    *count = n;
    return CM_OK;
}
