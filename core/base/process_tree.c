// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/process_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- /proc ---------------------------------------------------------------------- */

static bool read_small(const char *path, char *text, size_t room) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = file < 0 ? -1 : read(file, text, room - 1);
    if (file >= 0) close(file);
    text[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* "PID (NAME) STATE PARENT GROUP ..., the 24th: pages in memory". A name may hold blanks and brackets: the last ')'
 * ends it. */
static bool read_process(const char *pid, cm_process *p) {
    char path[64], text[1024], state;
    int parent, group;
    long pages;
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    if (!read_small(path, text, sizeof text)) return false;
    const char *behind = strrchr(text, ')');
    static const char format[] =
        " %c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %*u %*u %ld";
    if (!behind || sscanf(behind + 1, format, &state, &parent, &group, &pages) != 4) return false;
    *p = (cm_process){(pid_t)strtol(pid, NULL, 10), parent, group, state == 'Z' || state == 'X',
                      (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576};
    return true;
}

/* All processes of the machine, in an array of `scratch` that grows by copies. */
static size_t read_all(cm_arena *scratch, cm_process **list) {
    size_t n = 0, room = 256;
    cm_process *all = CM_PUSH(scratch, cm_process, room);
    DIR *d = opendir("/proc");
    for (const struct dirent *e; d && all && (e = readdir(d));) {
        if (!isdigit((unsigned char)e->d_name[0])) continue;
        if (n == room) {
            cm_process *more = CM_PUSH(scratch, cm_process, 2 * room);
            if (!more) break;
            memcpy(more, all, n * sizeof *all);
            all = more;
            room *= 2;
        }
        if (read_process(e->d_name, &all[n])) n++;
    }
    if (d) closedir(d);
    *list = all;
    return all ? n : 0;
}

double cm_process_peak_mb(pid_t pid) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    if (!read_small(path, text, sizeof text)) return 0;
    const char *at = strstr(text, "\nVmHWM:");
    return at ? (double)strtol(at + strlen("\nVmHWM:"), NULL, 10) / 1024 : 0;
}

/* --- the tree ------------------------------------------------------------------- */

static bool was_there(const cm_process_tree *t, pid_t pid) {
    for (size_t i = 0; i < t->other_count; i++)
        if (t->others[i] == pid) return true;
    return false;
}

static bool is_member(const cm_process_tree *t, const cm_process *members, size_t count, const cm_process *p) {
    if (p->pid == t->self || was_there(t, p->pid)) return false;
    if (p->pid == t->root || p->group == t->root || (t->orphans && p->parent == t->self)) return true;
    for (size_t i = 0; i < count; i++)
        if (members[i].pid == p->parent) return true;
    return false;
}

/* Members are brought to the front, until none is found among the others. */
size_t cm_process_tree_list(const cm_process_tree *t, cm_arena *scratch, const cm_process **list) {
    cm_process *all;
    const size_t n = read_all(scratch, &all);
    size_t count = 0;
    for (size_t before = SIZE_MAX; before != count;) {
        before = count;
        for (size_t i = count; i < n; i++) {
            if (!is_member(t, all, count, &all[i])) continue;
            const cm_process found = all[i];
            all[i] = all[count];
            all[count++] = found;
        }
    }
    *list = all;
    return count;
}

void cm_process_tree_begin(cm_process_tree *t) {
    cm_arena scratch;
    cm_process *all;
    *t = (cm_process_tree){.self = getpid(), .orphans = true};
    cm_arena_init(&scratch, 0);
    const size_t n = read_all(&scratch, &all);
    for (size_t i = 0; i < n && t->orphans; i++) {
        if (all[i].parent != t->self) continue;
        t->orphans = t->other_count < CM_TREE_OTHERS;
        if (t->orphans) t->others[t->other_count++] = all[i].pid;
    }
    cm_arena_free(&scratch);
    if (prctl(PR_GET_CHILD_SUBREAPER, &t->was_reaper) != 0) t->was_reaper = 0;
    if (t->orphans && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) t->orphans = false;
}

void cm_process_tree_end(const cm_process_tree *t) {
    if (t->orphans) prctl(PR_SET_CHILD_SUBREAPER, t->was_reaper);
}

size_t cm_process_tree_signal(const cm_process_tree *t, int number, cm_arena *scratch) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const cm_process *list;
    size_t alive = 0;
    const size_t n = cm_process_tree_list(t, scratch, &list);
    for (size_t i = 0; i < n; i++) {
        if (list[i].zombie) {
            if (list[i].parent == t->self && list[i].pid != t->root) waitpid(list[i].pid, NULL, WNOHANG);
            continue;
        }
        alive++;
        if (number) kill(list[i].pid, number);
    }
    cm_arena_reset(scratch, mark);
    return alive;
}
