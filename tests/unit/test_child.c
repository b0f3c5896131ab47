// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/system.h"
#include "tests/unit/scratch.h"

static cm_arena arena;

/* A script of sh with the words behind it, in the scratch folder. */
static cm_status run_script(const char *script, cm_child c, cm_child_result *r) {
    const char *argv[] = {"sh", "-c", script, "sh", scratch(""), NULL};
    cm_arena_free(&arena);
    cm_arena_init(&arena, 0);
    c.argv = argv;
    return cm_child_run(&c, &arena, r);
}

static void done(void) {
    cm_arena_free(&arena);
    scratch_done();
}

static void sleep_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Is the process that a script wrote down gone, or at least dead? Waits for it a moment. */
static bool is_gone(const char *file) {
    char text[64] = "", path[64], line[256];
    FILE *f = fopen(scratch(file), "r");
    cr_assert(f && fgets(text, sizeof text, f), "the script told %s", file);
    fclose(f);
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "/proc/%ld/stat", strtol(text, NULL, 10));
        f = fopen(path, "r");
        if (!f) return true;
        const bool zombie = fgets(line, sizeof line, f) && strstr(line, ") Z ");
        fclose(f);
        if (zombie) return true;
        sleep_ms(20);
    }
    return false;
}

Test(child, its_exit_status_and_what_it_prints_are_told) {
    cm_child_result r;
    unsigned char log[64];
    cr_assert_eq(run_script("echo out; echo err >&2; exit 7", (cm_child){.log = scratch("log")}, &r), CM_OK, "%s",
                 cm_why());
    cr_expect(r.end == CM_CHILD_EXITED && r.number == 7);
    cr_expect_str_eq(r.tail, "out\nerr\n");
    cr_expect(read_file(scratch("log"), log, sizeof log) == 8 && memcmp(log, "out\nerr\n", 8) == 0);
    cr_expect(r.seconds > 0 && r.seconds < 5 && r.peak_rss_mb >= 0);
    done();
}

Test(child, a_signal_is_told) {
    cm_child_result r;
    cr_assert_eq(run_script("kill -KILL $$", (cm_child){0}, &r), CM_OK);
    cr_expect(r.end == CM_CHILD_SIGNALLED && r.number == SIGKILL);
    done();
}

Test(child, words_are_passed_as_they_stand) {
    cm_child_result r;
    const char *argv[] = {"printf", "[%s]", "$(id)", "`id`; rm *", "a  b\n'\"", "", NULL};
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_child_run(&(cm_child){.argv = argv}, &arena, &r), CM_OK);
    cr_expect_str_eq(r.tail, "[$(id)][`id`; rm *][a  b\n'\"][]");
    done();
}

Test(child, a_program_that_cannot_start_is_told_with_the_reason) {
    cm_child_result r;
    const char *absent[] = {"no-such-program-here", NULL}, *folder[] = {"/tmp", NULL};
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_child_run(&(cm_child){.argv = absent}, &arena, &r), CM_OK);
    cr_expect(r.end == CM_CHILD_NOT_STARTED && r.number == ENOENT);
    cr_assert_eq(cm_child_run(&(cm_child){.argv = folder}, &arena, &r), CM_OK);
    cr_expect(r.end == CM_CHILD_NOT_STARTED && r.number == EACCES);
    cr_expect_eq(cm_child_run(&(cm_child){.argv = absent, .log = "/no/such/folder/log"}, &arena, &r), CM_EIO);
    done();
}

Test(child, it_has_an_empty_input_and_none_of_our_files) {
    cm_child_result r;
    const int open_file = open("/dev/zero", O_RDONLY);
    cr_assert_geq(open_file, 0);
    cr_assert_eq(run_script("cat; ls /proc/self/fd | wc -l", (cm_child){0}, &r), CM_OK);
    cr_expect_eq(strtol(r.tail, NULL, 10), 4, "0, 1, 2 and the folder that ls reads, not %s", r.tail);
    close(open_file);
    done();
}

Test(child, one_that_hangs_is_ended_by_the_timeout) {
    cm_child_result r;
    cr_assert_eq(run_script("echo begun; sleep 100", (cm_child){.timeout = 0.3}, &r), CM_OK);
    cr_expect_eq(r.end, CM_CHILD_TIMED_OUT);
    cr_expect(r.seconds >= 0.3 && r.seconds < 1, "%g", r.seconds);
    cr_expect_str_eq(r.tail, "begun\n");
    done();
}

Test(child, one_that_does_not_hear_sigterm_is_killed_after_the_grace) {
    cm_child_result r;
    const double start = cm_now();
    cr_assert_eq(run_script("trap '' TERM; (sleep 100) & echo $! >$1/pid; while :; do sleep 0.1; done",
                            (cm_child){.timeout = 0.3, .grace = 0.3}, &r),
                 CM_OK);
    cr_expect_eq(r.end, CM_CHILD_TIMED_OUT);
    cr_expect_lt(cm_now() - start, 2);
    cr_expect(is_gone("pid"));
    done();
}

Test(child, one_that_is_stopped_is_ended_too) {
    cm_child_result r;
    const double start = cm_now();
    cr_assert_eq(run_script("kill -STOP $$", (cm_child){.timeout = 0.2, .grace = 5}, &r), CM_OK);
    cr_expect_eq(r.end, CM_CHILD_TIMED_OUT);
    cr_expect_lt(cm_now() - start, 2);
    done();
}

Test(child, what_it_leaves_running_is_ended_and_not_waited_for) {
    cm_child_result r;
    const double start = cm_now();
    cr_assert_eq(run_script("sleep 100 & echo $! >$1/near; setsid sleep 100 >/dev/null 2>&1 & echo $! >$1/far; "
                            "(setsid sh -c 'echo $$ >'$1'/orphan; exec sleep 100' &); sleep 0.2; exit 3",
                            (cm_child){.grace = 0.3}, &r),
                 CM_OK);
    cr_expect(r.end == CM_CHILD_EXITED && r.number == 3);
    cr_expect_lt(cm_now() - start, 3);
    cr_expect(is_gone("near"), "of its group");
    cr_expect(is_gone("far"), "of another session");
    cr_expect(is_gone("orphan"), "whose parent has ended");
    cr_expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no zombie is left");
    done();
}

Test(child, a_signal_to_us_ends_it) {
    cm_child_result r;
    const double start = cm_now();
    cm_catch_signals();
    cr_expect_eq(run_script("echo $$ >$1/pid; kill -TERM $PPID; sleep 100", (cm_child){0}, &r), CM_EINTERRUPTED);
    cr_expect_lt(cm_now() - start, 2);
    cr_expect(is_gone("pid"));
    done();
}

/* A program that runs a script by cm_child_run and is killed meanwhile, in one way or another. */
static void die_meanwhile(int signal_number, int times) {
    const pid_t us = fork();
    if (us == 0) {
        cm_child_result r;
        cm_catch_signals();
        run_script("trap '' TERM; echo $$ >$1/new; mv $1/new $1/pid; while :; do sleep 0.05; done",
                   (cm_child){.grace = 60}, &r);
        _exit(0);
    }
    for (int i = 0; i < 250 && !cm_path_exists(scratch("pid")); i++) sleep_ms(20);
    for (int i = 0; i < times; i++) {
        kill(us, signal_number);
        sleep_ms(100);
    }
    waitpid(us, NULL, 0);
    cr_expect(is_gone("pid"), "signal %d", signal_number);
}

Test(child, does_not_outlive_a_program_that_is_killed) {
    scratch("");
    die_meanwhile(SIGKILL, 1);
    done();
}

Test(child, does_not_outlive_a_second_signal) {
    scratch("");
    die_meanwhile(SIGINT, 2);
    done();
}

Test(child, its_log_keeps_the_beginning_and_the_end) {
    cm_child_result r;
    static unsigned char log[20000];
    cr_assert_eq(
        run_script("echo first; i=0; while [ $i -lt 3000 ]; do echo line $i of many; i=$((i+1)); done; echo last",
                   (cm_child){.log = scratch("log"), .log_bytes = 10000}, &r),
        CM_OK);
    const size_t n = read_file(scratch("log"), log, sizeof log - 1);
    log[n] = 0;
    cr_expect(n > 9000 && n < 10200, "%zu", n);
    cr_expect(strncmp((char *)log, "first\nline 0 of many\n", 21) == 0);
    cr_expect(strstr((char *)log, "bytes are left out here"));
    cr_expect(strcmp((char *)log + n - 5, "last\n") == 0);
    cr_expect(strlen(r.tail) == 4096 && strcmp(r.tail + 4091, "last\n") == 0);
    done();
}

Test(child, a_log_between_half_and_whole_size_is_whole) {
    cm_child_result r;
    static unsigned char log[2000];
    cr_assert_eq(run_script("printf '%0900d' 1", (cm_child){.log = scratch("log"), .log_bytes = 1000}, &r), CM_OK);
    cr_expect_eq(read_file(scratch("log"), log, sizeof log), 900);
    for (int i = 0; i < 899; i++) cr_assert_eq(log[i], '0', "%d", i);
    cr_expect_eq(log[899], '1');
    done();
}

Test(child, much_output_neither_hangs_nor_grows) {
    cm_child_result r;
    cr_assert_eq(run_script("head -c 20000000 /dev/zero", (cm_child){.log = scratch("log")}, &r), CM_OK);
    cr_expect(r.end == CM_CHILD_EXITED && r.number == 0);
    cr_expect_lt(cm_file_size(scratch("log")), (1 << 20) + 200);
    cr_assert_eq(run_script("yes", (cm_child){.log = scratch("log"), .timeout = 0.3}, &r), CM_OK);
    cr_expect_eq(r.end, CM_CHILD_TIMED_OUT);
    cr_expect_lt(r.seconds, 1);
    done();
}

Test(child, a_log_is_not_written_through_a_link) {
    cm_child_result r;
    scratch_write("victim", "keep", 4);
    cr_assert_eq(symlink(scratch("victim"), scratch("log")), 0);
    cr_expect_eq(run_script("echo x", (cm_child){.log = scratch("log")}, &r), CM_EIO);
    cr_expect_eq(cm_file_size(scratch("victim")), 4);
    done();
}

/* dd holds a block of zeros while nobody reads more of it than its first byte. */
Test(child, memory_is_that_of_all_its_processes_together) {
    cm_child_result r;
    const double own = cm_rss_mb();
    static const char script[] =
        "for i in 1 2; do dd if=/dev/zero bs=60M count=1 2>/dev/null | {\n"
        "head -c 1 >/dev/null; : >$1/full$i; while [ ! -e $1/go ]; do sleep 0.05; done; cat >/dev/null; } & done\n"
        "while [ ! -e $1/full1 ] || [ ! -e $1/full2 ]; do sleep 0.05; done; sleep 0.7; : >$1/go; wait";
    cr_assert_eq(run_script(script, (cm_child){0}, &r), CM_OK);
    cr_expect(r.peak_rss_mb > 115 && r.peak_rss_mb < 115 + 60, "%g (ours: %g)", r.peak_rss_mb, own);
    done();
}

Test(child, memory_of_one_that_ends_between_two_looks_is_told) {
    cm_child_result r;
    cr_assert_eq(run_script("dd if=/dev/zero of=/dev/null bs=200M count=1 2>/dev/null", (cm_child){0}, &r), CM_OK);
    cr_expect(r.peak_rss_mb > 190 && r.peak_rss_mb < 260, "%g", r.peak_rss_mb);
    done();
}

/* A fork hands down our memory: it is not the command's. */
Test(child, memory_is_not_ours) {
    cm_child_result r;
    const size_t bytes = 300u << 20;
    char *ours = malloc(bytes);
    cr_assert(ours);
    memset(ours, 1, bytes);
    cr_assert_eq(run_script("sleep 0.3", (cm_child){0}, &r), CM_OK);
    cr_expect(r.peak_rss_mb > 0.2 && r.peak_rss_mb < 30, "%g, ours %g", r.peak_rss_mb, cm_rss_mb());
    cr_expect_eq(ours[bytes / 2], 1);
    free(ours);
    done();
}

static void count(void *arg) {
    ++*(int *)arg;
}

Test(child, its_caller_hears_of_it_every_second) {
    cm_child_result r;
    int ticks = 0;
    cr_assert_eq(run_script("sleep 1.3", (cm_child){.tick = count, .arg = &ticks}, &r), CM_OK);
    cr_expect_eq(ticks, 1);
    cr_expect(r.seconds > 1.29 && r.seconds < 2, "%g", r.seconds);
    done();
}
