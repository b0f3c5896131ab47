// SPDX-License-Identifier: Apache-2.0
/* The worker pool, and what the machine allows: affinity, control groups, the user's word on waiting. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cores.h"
#include "core/base/status.h"
#include "core/base/system.h"
#include "core/base/threads.h"

enum { MOST = 1000 };

typedef struct tally {
    atomic_int times[MOST], at_once[8];
    atomic_bool shared, out_of_range;
    int threads;
} tally;

static void count_piece(void *arg, size_t i, int worker) {
    tally *t = arg;
    t->times[i]++;
    if (worker < 0 || worker >= t->threads) {
        t->out_of_range = true;
        return;
    }
    if (atomic_fetch_add(&t->at_once[worker], 1) != 0) t->shared = true;
    atomic_fetch_sub(&t->at_once[worker], 1);
}

static void check_tally(const tally *t, size_t count) {
    for (size_t i = 0; i < MOST; i++) cr_assert_eq(t->times[i], i < count ? 1 : 0, "piece %zu of %zu", i, count);
    cr_assert(!t->shared, "two threads had one worker's number");
    cr_assert(!t->out_of_range);
}

static void run_jobs(int rounds, int most) {
    for (int round = 0; round < rounds; round++) {
        const size_t count = (size_t)(round * 37 % MOST);
        tally t = {.threads = 1 + round % most};
        cm_parallel(t.threads, count, count_piece, &t);
        check_tally(&t, count);
    }
}

Test(threads, every_piece_is_done_once_and_no_two_threads_share_a_number) {
    run_jobs(200, 8);
}

Test(threads, the_same_holds_where_nobody_spins) {
    setenv("OMP_WAIT_POLICY", "passive", 1);
    unsetenv("GOMP_SPINCOUNT");
    run_jobs(200, 8);
}

Test(threads, the_same_holds_where_nobody_sleeps) {
    setenv("GOMP_SPINCOUNT", "infinite", 1);
    run_jobs(20, 2);
}

static void nested(void *arg, size_t i, int worker) {
    tally *t = (tally *)arg + i;
    (void)worker;
    t->threads = 1; /* the numbers that it may give */
    cm_parallel(4, 20, count_piece, t);
}

Test(threads, a_job_inside_a_job_runs_alone_and_whole) {
    static tally t[6];
    cm_parallel(3, 6, nested, t);
    for (int i = 0; i < 6; i++) check_tally(&t[i], 20);
}

static void *from_another_thread(void *arg) {
    (void)arg;
    run_jobs(200, 8);
    return NULL;
}

Test(threads, two_callers_at_once_both_get_their_work_done) {
    pthread_t other;
    cr_assert_eq(pthread_create(&other, NULL, from_another_thread, NULL), 0);
    run_jobs(200, 8);
    pthread_join(other, NULL);
}

typedef struct meeting {
    atomic_int here;
} meeting;

/* Ends only when all three are here at the same time. */
static void meet(void *arg, size_t i, int worker) {
    meeting *m = arg;
    (void)i, (void)worker;
    m->here++;
    while (m->here < 3) sched_yield();
}

Test(threads, as_many_work_at_once_as_were_asked_for, .timeout = 60) {
    for (int i = 0; i < 20; i++) cm_parallel(3, 3, meet, &(meeting){0});
}

Test(threads, a_child_gets_workers_of_its_own, .timeout = 60) {
    cm_parallel(3, 3, meet, &(meeting){0});
    const pid_t pid = fork();
    if (pid == 0) {
        cm_parallel(3, 3, meet, &(meeting){0});
        _exit(7);
    }
    int how = 0;
    cr_assert_eq(waitpid(pid, &how, 0), pid);
    cr_assert(WIFEXITED(how) && WEXITSTATUS(how) == 7);
}

Test(threads, the_default_is_one_thread_where_one_core_is_allowed) {
    cpu_set_t one, all;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    }
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_assert_eq(cm_cores_allowed(), 1);
    cr_assert_eq(cm_threads_available(), 1);
}

/* A machine of files: /proc/self/cgroup, /proc/self/mountinfo, and the groups' own. */
static char root[] = "/tmp/cm-machine-XXXXXX";

static void put(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    *strrchr(path, '/') = '\0';
    cr_assert_eq(cm_make_dirs(path), CM_OK, "%s", cm_why());
    path[strlen(path)] = '/';
    cr_assert_eq(cm_write_whole(path, text, strlen(text)), CM_OK, "%s", cm_why());
}

static void machine(const char *groups, const char *mounts) {
    put("proc/self/cgroup", groups);
    put("proc/self/mountinfo", mounts);
}

static void begin(void) {
    cr_assert(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void end(void) {
    nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(quota, .init = begin, .fini = end);

#define V2 "30 23 0:26 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1 "34 31 0:29 / /memory rw - cgroup cgroup rw,memory\n33 31 0:28 / /cpu rw - cgroup cgroup rw,cpuacct,cpu\n"

Test(quota, none_is_none) {
    cr_assert_eq(cm_cores_quota(root), 0);
    machine("0::/a\n", V2);
    cr_assert_eq(cm_cores_quota(root), 0);
    put("cg/a/cpu.max", "max 100000\n");
    cr_assert_eq(cm_cores_quota(root), 0);
    put("cg/a/cpu.max", "words\n");
    cr_assert_eq(cm_cores_quota(root), 0);
}

Test(quota, of_nested_groups_the_least_counts) {
    machine("0::/a/b/c\n", V2);
    put("cg/a/b/c/cpu.max", "400000 100000\n");
    cr_assert_float_eq(cm_cores_quota(root), 4, 1e-9);
    put("cg/a/cpu.max", "150000 100000\n");
    cr_assert_float_eq(cm_cores_quota(root), 1.5, 1e-9);
    put("cg/a/b/cpu.max", "max 100000\n");
    cr_assert_float_eq(cm_cores_quota(root), 1.5, 1e-9);
    put("cg/cpu.max", "5000 10000\n"); /* the mount itself: a container's own group */
    cr_assert_float_eq(cm_cores_quota(root), 0.5, 1e-9);
}

Test(quota, version_one_has_two_files) {
    machine("5:memory:/x\n4:cpu,cpuacct:/x/y\n0::/z\n", V1 V2);
    put("cpu/x/cpu.cfs_quota_us", "-1\n");
    put("cpu/x/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(cm_cores_quota(root), 0);
    put("cpu/x/y/cpu.cfs_quota_us", "200000\n");
    put("cpu/x/y/cpu.cfs_period_us", "100000\n");
    cr_assert_float_eq(cm_cores_quota(root), 2, 1e-9);
    put("memory/x/cpu.cfs_quota_us", "1\n"); /* another controller's tree */
    put("memory/x/cpu.cfs_period_us", "100000\n");
    cr_assert_float_eq(cm_cores_quota(root), 2, 1e-9);
    put("cg/z/cpu.max", "100000 100000\n"); /* both versions mounted: the less of the two */
    cr_assert_float_eq(cm_cores_quota(root), 1, 1e-9);
}

Test(quota, a_container_sees_its_group_at_the_mount_point) {
    machine("0::/docker/abc\n", "30 23 0:26 /docker/abc /cg rw - cgroup2 cgroup2 rw\n");
    put("cg/cpu.max", "300000 100000\n");
    cr_assert_float_eq(cm_cores_quota(root), 3, 1e-9);
    machine("0::/../other\n",
            "30 23 0:26 /docker/abc /cg rw - cgroup2 cgroup2 rw\n"); /* a path that is not seen here */
    cr_assert_float_eq(cm_cores_quota(root), 3, 1e-9);
}

static void check_wait(const char *count, const char *policy, long rounds, const char *by) {
    unsetenv("GOMP_SPINCOUNT");
    unsetenv("OMP_WAIT_POLICY");
    if (count) setenv("GOMP_SPINCOUNT", count, 1);
    if (policy) setenv("OMP_WAIT_POLICY", policy, 1);
    const cm_wait w = cm_wait_policy();
    cr_assert_eq(w.rounds, rounds, "%s %s: %ld", count ? count : "-", policy ? policy : "-", w.rounds);
    cr_assert_str_eq(w.by, by);
}

Test(waiting, the_users_word_comes_before_the_default) {
    check_wait(NULL, NULL, CM_SPIN_ROUNDS, "");
    check_wait(NULL, "passive", 0, "OMP_WAIT_POLICY");
    check_wait(NULL, "PASSIVE", 0, "OMP_WAIT_POLICY");
    check_wait(NULL, "active", __LONG_MAX__, "OMP_WAIT_POLICY");
    check_wait("0", "active", 0, "GOMP_SPINCOUNT");
    check_wait("30k", NULL, 30000, "GOMP_SPINCOUNT");
    check_wait("2M", NULL, 2000000, "GOMP_SPINCOUNT");
    check_wait("infinity", "passive", __LONG_MAX__, "GOMP_SPINCOUNT");
    check_wait("soon", NULL, CM_SPIN_ROUNDS, "");
    check_wait("-1", "lazy", CM_SPIN_ROUNDS, "");
}
