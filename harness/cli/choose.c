// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/choose.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/base/threads.h"

cm_status cm_choose_backend(const cm_args *a, const cm_ops **backend) {
    return cm_backend_choose("--backend", cm_arg_text(a, "backend"), backend);
}

cm_status cm_choose_threads(const cm_args *a, int *threads) {
    *threads = cm_threads_available();
    if (!cm_arg_given(a, "threads")) return CM_OK;
    const size_t n = cm_arg_size(a, "threads");
    const bool zero_is_all = cm_arg_default(a, "threads") != NULL; /* as the command's help says */
    if (n > 1024 || (n < 1 && !zero_is_all)) return cm_fail(CM_EUSAGE, "--threads: %zu is not within 1 to 1024", n);
    if (n) *threads = (int)n;
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
