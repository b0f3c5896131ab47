// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/cores.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int cm_cores_allowed(void) {
    for (int most = CPU_SETSIZE; most <= 1 << 16; most *= 2) { /* the kernel refuses a mask shorter than its own */
        cpu_set_t *set = CPU_ALLOC(most);
        if (!set) return 1;
        const size_t bytes = CPU_ALLOC_SIZE(most);
        const bool fits = sched_getaffinity(0, bytes, set) == 0;
        const int n = fits ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (fits) return n > 0 ? n : 1;
    }
    return 1;
}

/* Whether a comma-separated list has a word. */
static bool lists(const char *list, const char *word) {
    const size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == '\0')) return true;
    }
    return false;
}

typedef struct group {
    bool v2;
    char root[PATH_MAX], mount[PATH_MAX], path[PATH_MAX]; /* of the hierarchy that is mounted, where, and ours in it */
} group;

/* "36 25 0:30 ROOT MOUNT rw - cgroup cgroup rw,cpu,cpuacct" */
static bool find_mount(const char *root, group *g) {
    char name[PATH_MAX], line[3 * PATH_MAX], type[32], options[256];
    snprintf(name, sizeof name, "%s/proc/self/mountinfo", root);
    FILE *f = fopen(name, "r");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        const char *rest = strstr(line, " - ");
        if (!rest || sscanf(rest, " - %31s %*s %255s", type, options) != 2) continue;
        if (strcmp(type, g->v2 ? "cgroup2" : "cgroup") != 0 || (!g->v2 && !lists(options, "cpu"))) continue;
        found = sscanf(line, "%*s %*s %*s %4095s %4095s", g->root, g->mount) == 2;
    }
    if (f) fclose(f);
    return found;
}

/* "4:cpu,cpuacct:/user.slice" of version 1, "0::/user.slice" of version 2 */
static bool find_path(const char *root, group *g) {
    char name[PATH_MAX], line[2 * PATH_MAX];
    snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
    FILE *f = fopen(name, "r");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) continue;
        *path++ = '\0';
        controllers++;
        found = g->v2 ? strncmp(line, "0:", 2) == 0 && !*controllers : lists(controllers, "cpu");
        if (found) snprintf(g->path, sizeof g->path, "%.*s", (int)strcspn(path, "\n"), path);
    }
    if (f) fclose(f);
    return found;
}

static bool read_words(const char *folder, const char *file, char first[32], double *second) {
    char name[4 * PATH_MAX];
    const int length = snprintf(name, sizeof name, "%s/%s", folder, file);
    FILE *f = length < (int)sizeof name ? fopen(name, "r") : NULL;
    if (!f) return false;
    const int n = fscanf(f, "%31s %lf", first, second);
    fclose(f);
    return n >= 1;
}

/* What one group allows, 0: no limit; "max" and -1 are none. */
static double quota_of(const group *g, const char *folder) {
    char quota[32], text[32];
    double period = 0, unused;
    if (!read_words(folder, g->v2 ? "cpu.max" : "cpu.cfs_quota_us", quota, &period)) return 0;
    if (!g->v2 && read_words(folder, "cpu.cfs_period_us", text, &unused)) period = strtod(text, NULL);
    const double time = strtod(quota, NULL);
    return time > 0 && period > 0 ? time / period : 0;
}

/* From our group up to the mount point. In a container the mounted root is part of our path, or the path is not seen.
 */
static double least_quota(const char *root, const group *g) {
    char folder[3 * PATH_MAX];
    const size_t shared = strcmp(g->root, "/") == 0 ? 0 : strlen(g->root);
    const bool below = strncmp(g->path, g->root, shared) == 0 && (g->path[shared] == '/' || !g->path[shared]);
    const int top = snprintf(folder, sizeof folder, "%s%s", root, g->mount);
    if (below) snprintf(folder + top, sizeof folder - (size_t)top, "%s", g->path + shared);
    double least = 0;
    for (char *end; strlen(folder) >= (size_t)top; *end = '\0') {
        const double quota = quota_of(g, folder);
        if (quota > 0 && (least == 0 || quota < least)) least = quota;
        if (!(end = strrchr(folder, '/'))) break;
    }
    return least;
}

double cm_cores_quota(const char *root) {
    double least = 0;
    for (int version = 1; version <= 2; version++) {
        group g = {.v2 = version == 2};
        if (!find_path(root, &g) || !find_mount(root, &g)) continue;
        const double quota = least_quota(root, &g);
        if (quota > 0 && (least == 0 || quota < least)) least = quota;
    }
    return least;
}

/* As libgomp reads it: a number with k, M, G or T, or "infinite"; negative: not one. */
static long spin_count(const char *text) {
    if (strcasecmp(text, "infinite") == 0 || strcasecmp(text, "infinity") == 0) return LONG_MAX;
    char *end;
    const double n = strtod(text, &end);
    if (end == text || !(n >= 0)) return -1;
    const char *units = "kmgt", *unit = *end ? strchr("kmgtKMGT", *end) : NULL;
    double scale = 1;
    if (unit) {
        const int power = (int)(strchr(units, *unit | 0x20) - units) + 1;
        for (int i = 0; i < power; i++) scale *= 1000;
        end++;
    }
    return *end ? -1 : n * scale >= 1e18 ? LONG_MAX : (long)(n * scale);
}

cm_wait cm_wait_policy(void) {
    const char *count = getenv("GOMP_SPINCOUNT"), *policy = getenv("OMP_WAIT_POLICY");
    const long rounds = count ? spin_count(count) : -1;
    if (rounds >= 0) return (cm_wait){rounds, "GOMP_SPINCOUNT"};
    if (policy && strcasecmp(policy, "passive") == 0) return (cm_wait){0, "OMP_WAIT_POLICY"};
    if (policy && strcasecmp(policy, "active") == 0) return (cm_wait){LONG_MAX, "OMP_WAIT_POLICY"};
    return (cm_wait){CM_SPIN_ROUNDS, ""};
}
