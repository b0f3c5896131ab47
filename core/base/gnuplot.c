// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/gnuplot.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/system.h"

enum { MOST_SECONDS = 120 };

/* Waits in short turns, so that a signal ends gnuplot and us at once. */
static cm_status wait_for(pid_t child, const char *name) {
    const struct timespec turn = {0, 20 * 1000 * 1000};
    const double last = cm_now() + MOST_SECONDS;
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (!cm_interrupted() && cm_now() < last) {
            nanosleep(&turn, NULL);
            continue;
        }
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped while %s.svg was drawn", name);
        return cm_fail(CM_EUNAVAILABLE, "gnuplot took longer than %d s for %s.gp", MOST_SECONDS, name);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return CM_OK;
    return cm_fail(CM_EUNAVAILABLE, "gnuplot failed on %s.gp", name);
}

/* In the folder, with the picture as standard output; no start-up file and none of the caller's settings. */
static cm_status start_gnuplot(const char *folder, const char *name, int picture, pid_t *child) {
    char script[64], search[4096];
    snprintf(script, sizeof script, "%s.gp", name);
    snprintf(search, sizeof search, "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    char options[] = "-d", program[] = "gnuplot", locale[] = "LC_ALL=C.UTF-8";
    char *const argv[] = {program, options, script, NULL}, *const environment[] = {search, locale, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, picture, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, folder);
    const int e = posix_spawnp(child, program, &actions, NULL, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    return e == 0 ? CM_OK : cm_fail(CM_EUNAVAILABLE, "gnuplot cannot be started: %s", strerror(e));
}

cm_status cm_gnuplot_draw(const char *folder, const char *name) {
    char path[4200];
    struct stat st;
    cm_part part;
    pid_t child;
    snprintf(path, sizeof path, "%s/%s.svg", folder, name);
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) return cm_fail(CM_EIO, "%s: is no plain file, so it is not written; remove it", path);
    CM_TRY(cm_part_open(&part, path));
    cm_status s = start_gnuplot(folder, name, fileno(part.file), &child);
    if (s == CM_OK) s = wait_for(child, name);
    if (s == CM_OK) return cm_part_finish(&part);
    cm_part_drop(&part);
    return s;
}
