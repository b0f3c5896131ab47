// SPDX-License-Identifier: Apache-2.0
/* Where the program and the library find what ships with them. */
#define _GNU_SOURCE /* dladdr */
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/generator/pipeline.h"

/* The folder `levels` above a file; NULL when there is none. */
static char *folder_above(const char *file, int levels, cm_arena *out) {
    char *path = cm_arena_string(out, file);
    for (int i = 0; path && i < levels; i++) {
        char *slash = strrchr(path, '/');
        if (!slash) return NULL;
        *slash = '\0';
    }
    return path;
}

/* The running program; "" when the system does not say. */
static void find_program(char path[PATH_MAX]) {
    const ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
}

/* The file that holds this code: the program, or the shared library; "" when the system does not say. */
static void find_library(char path[PATH_MAX]) {
    static const char here = 0;
    Dl_info info;
    path[0] = '\0';
    if (!dladdr(&here, &info) || !info.dli_fname || !realpath(info.dli_fname, path)) path[0] = '\0';
}

/* PREFIX/share/cosmicman, where a file lies `levels` under PREFIX; NULL when it does not. */
static char *installed_beside(const char *file, int levels, cm_arena *out) {
    const char *prefix = folder_above(file, levels, out);
    return prefix ? cm_arena_print(out, "%s/share/cosmicman", prefix) : NULL;
}

enum { PLACES = 8 };

/* Folders that may hold core/models and so on, in the order of search; some are NULL or "". In the source tree the
 * program lies in build/. Installed, it lies in PREFIX/bin, the library in PREFIX/lib or PREFIX/lib/ARCHITECTURE. */
static void list_places(const char *home, cm_arena *out, const char *places[PLACES]) {
    char program[PATH_MAX], library[PATH_MAX];
    find_program(program);
    find_library(library);
    const char *const all[PLACES] = {home,
                                     folder_above(program, 1, out),
                                     folder_above(program, 2, out),
                                     installed_beside(program, 2, out),
                                     installed_beside(library, 2, out),
                                     installed_beside(library, 3, out),
                                     CM_SOURCE_DIR,
                                     CM_DATA_DIR};
    memcpy(places, all, sizeof all);
}

cm_status cm_shipped_folder(const char *sub, cm_arena *out, char **path) {
    const char *home = getenv("COSMICMAN_HOME");
    const char *places[PLACES];
    if (home && home[0] && !cm_path_is_dir(home)) return cm_fail(CM_EIO, "%s: no such folder (COSMICMAN_HOME)", home);
    list_places(home, out, places);
    for (size_t i = 0; i < PLACES; i++) {
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
