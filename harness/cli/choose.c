// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/choose.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/base/threads.h"

cm_status cm_unknown_choice(const char *what, const char *typed, const char *const *names) {
    char list[256] = "";
    for (size_t i = 0; names[i]; i++) {
        const size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", names[i]);
    }
    return cm_fail(CM_EUSAGE, "--%s: '%s' is none of %s", what, typed, list);
}

cm_status cm_choose_backend(const cm_args *a, const cm_ops **backend) {
    const char *name = cm_arg_text(a, "backend");
    *backend = strcmp(name, "auto") == 0 ? cm_backend_default() : cm_backend_find(name);
    if (*backend) return CM_OK;
    const char *names[16] = {"auto"};
    for (size_t i = 0; cm_backends()[i] && i < 14; i++) names[i + 1] = cm_backends()[i]->name;
    return cm_unknown_choice("backend", name, names);
}

cm_status cm_choose_threads(const cm_args *a, int *threads) {
    *threads = cm_threads_available();
    if (!cm_arg_given(a, "threads")) return CM_OK;
    const size_t n = cm_arg_size(a, "threads");
    if (n < 1 || n > 1024) return cm_fail(CM_EUSAGE, "--threads: %zu is not within 1 to 1024", n);
    *threads = (int)n;
    return CM_OK;
}

cm_status cm_check_writable(const char *path) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
        CM_TRY(cm_make_dirs(folder));
    } else {
        snprintf(folder, sizeof folder, "%s", slash ? "/" : ".");
    }
    if (access(folder, W_OK) != 0) return cm_fail(CM_EIO, "%s: cannot write here: %s", folder, strerror(errno));
    if (cm_path_is_dir(path)) return cm_fail(CM_EUSAGE, "%s: is a folder; a file name is wanted", path);
    return CM_OK;
}
