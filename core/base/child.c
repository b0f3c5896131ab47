// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "core/base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/child_log.h"
#include "core/base/process_tree.h"
#include "core/base/system.h"

enum { TURN_MS = 20, TAIL_BYTES = 4096, LOG_BYTES = 1 << 20 };
#define LOOK_S 0.1 /* between two looks at the tree, and at least LOOK_SHARE times what a look takes */
#define LOOK_SHARE 20
#define KILL_S 5.0 /* what SIGKILL does not end in that time waits for the system (a dead network disk) and is left */

typedef struct running {
    const cm_child *child;
    cm_child_log log;
    cm_process_tree tree;
    cm_arena scratch;
    double start, own_mb, peak_mb;
    bool timed_out, stopped;
} running;

/* --- starting ------------------------------------------------------------------- */

/* In the child, between fork and exec: only what a signal handler might call. Our files are closed, but for the pipe
 * that tells why exec failed; exec closes that. */
static _Noreturn void become(const cm_child *c, int log, int report, pid_t parent) {
    enum { SPARE = 10 };
    sigset_t none;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    log = fcntl(log, F_DUPFD_CLOEXEC, SPARE);
    report = fcntl(report, F_DUPFD_CLOEXEC, SPARE);
    const int empty = open("/dev/null", O_RDONLY), output = c->output ? fcntl(c->output, F_DUPFD_CLOEXEC, SPARE) : log;
    bool good = log >= 0 && report >= 0 && empty >= 0 && (!c->folder || chdir(c->folder) == 0);
    good = good && dup2(empty, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0;
    if (good) {
        close_range(STDERR_FILENO + 1, (unsigned)report - 1, 0);
        close_range((unsigned)report + 1, UINT_MAX, 0);
        execvpe(c->argv[0], (char *const *)c->argv, c->environment ? (char *const *)c->environment : environ);
    }
    const int error = errno;
    if (write(report, &error, sizeof error) < 0) _exit(127);
    _exit(127);
}

/* What the child says of an exec that failed; 0: it is running. */
static int read_report(int from) {
    int error = 0;
    ssize_t n;
    while ((n = read(from, &error, sizeof error)) < 0 && errno == EINTR) continue;
    return n == (ssize_t)sizeof error ? error : 0;
}

static cm_status start(running *p, int log_end, int *error) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) return cm_fail(CM_EIO, "no pipe: %s", strerror(errno));
    const pid_t self = getpid();
    signal(SIGCHLD, SIG_DFL); /* who ignores it hears of no end */
    p->own_mb = cm_rss_mb();
    p->start = cm_now();
    const pid_t pid = fork();
    if (pid == 0) become(p->child, log_end, report[1], self);
    const int failed = errno;
    close(report[1]);
    if (pid > 0) {
        setpgid(pid, pid); /* whoever of both is first */
        p->tree.root = pid;
        cm_kill_group_at_end(pid);
        *error = read_report(report[0]);
    }
    close(report[0]);
    return pid > 0 ? CM_OK : cm_fail(CM_EIO, "no child process: %s", strerror(failed));
}

/* --- watching ------------------------------------------------------------------- */

static bool has_ended(const running *p) {
    siginfo_t info = {0};
    const int got = waitid(P_PID, (id_t)p->tree.root, &info, WEXITED | WNOHANG | WNOWAIT);
    return got == 0 ? info.si_pid == p->tree.root : errno != EINTR;
}

static void look_at_memory(running *p) {
    const cm_arena_mark mark = cm_arena_get_mark(&p->scratch);
    const cm_process *list;
    double sum = 0;
    const size_t n = cm_process_tree_list(&p->tree, &p->scratch, &list);
    for (size_t i = 0; i < n; i++) {
        const double peak = list[i].zombie ? 0 : cm_process_peak_mb(list[i].pid);
        sum += list[i].rss_mb;
        if (peak > p->peak_mb) p->peak_mb = peak;
    }
    if (sum > p->peak_mb) p->peak_mb = sum;
    cm_arena_reset(&p->scratch, mark);
}

static void watch(running *p) {
    const cm_child *c = p->child;
    double next_look = p->start, next_tick = p->start + 1;
    while (!has_ended(p)) {
        const double now = cm_now();
        p->stopped = cm_interrupted();
        p->timed_out = !p->stopped && c->timeout > 0 && now - p->start >= c->timeout;
        if (p->stopped || p->timed_out) return;
        if (now >= next_look) {
            look_at_memory(p);
            const double took = cm_now() - now;
            next_look = now + (took * LOOK_SHARE > LOOK_S ? took * LOOK_SHARE : LOOK_S);
        }
        if (c->tick && now >= next_tick) {
            c->tick(c->arg);
            next_tick = now + 1;
        }
        cm_child_log_take(&p->log, TURN_MS);
    }
}

/* --- ending --------------------------------------------------------------------- */

/* Politely, then not; what it prints meanwhile is taken, so that none hangs on a full pipe. A stopped process must go
 * on to hear of it. */
static void end_tree(running *p) {
    const double grace = p->child->grace > 0 ? p->child->grace : 1, begin = cm_now();
    if (cm_process_tree_signal(&p->tree, SIGTERM, &p->scratch) == 0) return;
    cm_process_tree_signal(&p->tree, SIGCONT, &p->scratch);
    for (double now = begin; now < begin + grace + KILL_S; now = cm_now()) {
        if (cm_process_tree_signal(&p->tree, now < begin + grace ? 0 : SIGKILL, &p->scratch) == 0) return;
        cm_child_log_take(&p->log, TURN_MS);
    }
}

/* The root is waited for last: until then no other process can have its number. */
static void take_end(running *p, cm_child_result *r) {
    struct rusage usage = {0};
    int how = 0;
    pid_t got;
    while ((got = wait4(p->tree.root, &how, WNOHANG, &usage)) < 0 && errno == EINTR) continue;
    const double peak = (double)usage.ru_maxrss / 1024;
    if (got > 0 && peak > p->own_mb + 1 && peak > p->peak_mb) p->peak_mb = peak;
    const bool exited = got > 0 && WIFEXITED(how);
    r->end = p->timed_out ? CM_CHILD_TIMED_OUT : exited ? CM_CHILD_EXITED : CM_CHILD_SIGNALLED;
    r->number = exited ? WEXITSTATUS(how) : got > 0 ? WTERMSIG(how) : SIGKILL;
    r->peak_rss_mb = p->peak_mb;
}

static cm_status run(running *p, int *log_end, cm_arena *out, cm_child_result *r) {
    int error = 0;
    const cm_status s = start(p, *log_end, &error);
    close(*log_end);
    *log_end = -1;
    CM_TRY(s);
    if (!error) watch(p);
    r->seconds = cm_now() - p->start;
    cm_signals_hold(true); /* we end in a moment, when the tree has */
    end_tree(p);
    cm_kill_group_at_end(0); /* once it is waited for, its number may be another's */
    take_end(p, r);
    cm_signals_hold(false);
    if (error) *r = (cm_child_result){.end = CM_CHILD_NOT_STARTED, .number = error};
    cm_child_log_drain(&p->log);
    r->tail = cm_child_log_tail(&p->log, TAIL_BYTES, out);
    if (p->stopped) return cm_fail(CM_EINTERRUPTED, "stopped while %s ran", p->child->argv[0]);
    return cm_arena_check(out);
}

cm_status cm_child_run(const cm_child *c, cm_arena *out, cm_child_result *r) {
    running p = {.child = c};
    cm_child_result result = {0};
    int log_end = -1;
    cm_arena_init(&p.scratch, 0);
    cm_status s = cm_child_log_open(&p.log, c->log, c->log_bytes ? c->log_bytes : LOG_BYTES, &log_end);
    if (s == CM_OK) {
        cm_process_tree_begin(&p.tree);
        s = run(&p, &log_end, out, &result);
        cm_process_tree_end(&p.tree);
    }
    cm_child_log_close(&p.log);
    cm_arena_free(&p.scratch);
    if (s == CM_OK) *r = result;
    return s;
}
