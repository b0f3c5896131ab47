// SPDX-License-Identifier: Apache-2.0
#define _XOPEN_SOURCE 700 /* realpath */
#include "harness/cli/choose.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/base/threads.h"
#include "core/io/tensor_file.h"

cm_status cm_choose_settings(const cm_args *a, cm_settings *s) {
    char what[40];
    for (const cm_setting *row = cm_settings_table; row->name; row++) {
        if (!row->option || !cm_arg_given(a, row->option)) continue;
        snprintf(what, sizeof what, "--%s", row->option);
        const cm_setting_value v = {cm_arg_seed(a, row->option), cm_arg_number(a, row->option),
                                    cm_arg_text(a, row->option)};
        CM_TRY(cm_setting_set(row, what, v, s));
    }
    return CM_OK;
}

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
    if (strlen(path) >= PATH_MAX) return cm_fail(CM_EUSAGE, "%.40s...: %s", path, strerror(ENAMETOOLONG));
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
    if (access(path, F_OK) != 0 && errno == ENAMETOOLONG)
        return cm_fail(CM_EUSAGE, "%.40s...: %s", path, strerror(ENAMETOOLONG));
    return CM_OK;
}

/* The path without links, also of a file that is not there yet; as it is where its folder is not there either. */
static void real_path(const char *path, char real[PATH_MAX]) {
    char folder[PATH_MAX], name[PATH_MAX];
    if (realpath(path, real)) return;
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : folder);
    if (slash) slash[1] = '\0';
    else snprintf(folder, sizeof folder, ".");
    const size_t n = realpath(folder, real) ? strlen(real) : PATH_MAX;
    if (n + strlen(name) + 2 > PATH_MAX) {
        snprintf(real, PATH_MAX, "%s", path);
        return;
    }
    real[n] = '/';
    memcpy(real + n + 1, name, strlen(name) + 1);
}

cm_status cm_check_apart(const char *option, const char *path, const char *other_option, const char *other) {
    char a[PATH_MAX], b[PATH_MAX];
    struct stat st;
    if (!path || !other) return CM_OK;
    real_path(path, a);
    real_path(other, b);
    if (strcmp(a, b) != 0 || (stat(a, &st) == 0 && !S_ISREG(st.st_mode))) return CM_OK;
    return cm_fail(CM_EUSAGE, "%s: %s is the file of %s too, which would be lost", option, path, other_option);
}

cm_status cm_check_model_options(const cm_args *a, const char *seed) {
    const char *model = cm_arg_text(a, "model");
    if (cm_arg_given(a, "config") && (!cm_tensor_file_is_name(model) || cm_path_is_dir(model)))
        return cm_fail(CM_EUSAGE, "--config goes with a single-file model; '%s' has configurations of its own", model);
    if (cm_arg_given(a, seed) && strncmp(model, "random:", 7) != 0)
        cm_warn("--%s changes nothing: only a random: model takes its weights from a seed", seed);
    return CM_OK;
}
