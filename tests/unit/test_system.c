// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/folder_lock.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "tests/unit/scratch.h"

Test(system, sha256_gives_its_known_answers) {
    char hex[65];
    cm_sha *h = cm_sha_begin();
    cm_sha_add(h, "a", 1);
    cm_sha_add(h, "bc", 2);
    cm_sha_end(&h, hex);
    cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cr_assert_null(h);
    scratch_write("empty", "", 0);
    cr_assert_eq(cm_sha_file(scratch("empty"), hex), CM_OK);
    cr_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    cr_assert_eq(cm_sha_file(scratch("absent"), hex), CM_EIO);
    scratch_done();
}

Test(system, a_file_is_written_whole_or_not_at_all) {
    cm_arena a;
    cm_arena_init(&a, 0);
    static char big[100000];
    char *text;
    size_t n;
    cr_assert_eq(cm_write_whole(scratch("f"), "old", 3), CM_OK);
    limit_files(5000);
    cr_assert_eq(cm_write_whole(scratch("f"), big, sizeof big), CM_EIO);
    cr_assert(strstr(cm_why(), "cannot write"), "%s", cm_why());
    cr_assert_eq(cm_write_whole(scratch("g"), big, sizeof big), CM_EIO);
    unlimit_files();
    cr_assert_eq(scratch_files(), 1, "only f stays");
    cr_assert_eq(cm_read_text(scratch("f"), 100, &a, &text, &n), CM_OK);
    cr_assert(n == 3 && strcmp(text, "old") == 0);
    cm_arena_free(&a);
    scratch_done();
}

Test(system, a_full_device_is_reported_and_left_in_place) {
    cr_assert_eq(cm_write_whole("/dev/full", "abc", 3), CM_EIO);
    cr_assert(strstr(cm_why(), "No space left"), "%s", cm_why());
    cr_assert(cm_path_exists("/dev/full"));
}

static mode_t mode_of(const char *path) {
    struct stat st;
    cr_assert_eq(lstat(path, &st), 0, "%s", path);
    return st.st_mode & 07777;
}

Test(system, a_replaced_file_keeps_its_mode_and_a_new_one_has_what_the_umask_leaves) {
    umask(027);
    cr_assert_eq(cm_write_whole(scratch("new"), "x", 1), CM_OK);
    cr_assert_eq(mode_of(scratch("new")), 0640);
    chmod(scratch("new"), 0604);
    cr_assert_eq(cm_write_whole(scratch("new"), "y", 1), CM_OK);
    cr_assert_eq(mode_of(scratch("new")), 0604);
    scratch_done();
}

Test(system, nothing_is_written_through_a_link_under_the_old_temporary_name) {
    unsigned char text[8];
    scratch_write("victim", "keep", 4);
    cr_assert_eq(symlink(scratch("victim"), scratch("f.part")), 0);
    cr_assert_eq(cm_write_whole(scratch("f"), "new", 3), CM_OK, "%s", cm_why());
    cr_assert_eq(read_file(scratch("victim"), text, sizeof text), 4);
    cr_assert_eq(memcmp(text, "keep", 4), 0);
    scratch_done();
}

Test(system, a_name_of_the_longest_kind_can_be_written) {
    char name[256];
    memset(name, 'n', 255);
    name[255] = 0;
    cr_assert_eq(cm_write_whole(scratch(name), "x", 1), CM_OK, "%s", cm_why());
    cr_assert_eq(scratch_files(), 1);
    scratch_done();
}

Test(system, another_program_may_write_the_part_by_its_name) {
    unsigned char text[8];
    cm_part p;
    cr_assert_eq(cm_part_open(&p, scratch("f")), CM_OK);
    FILE *other = fopen(p.part, "wb");
    cr_assert(other && fwrite("picture", 1, 7, other) == 7 && fclose(other) == 0);
    cr_assert_eq(cm_part_finish(&p), CM_OK, "%s", cm_why());
    cr_assert_eq(read_file(scratch("f"), text, sizeof text), 7);
    scratch_done();
}

Test(system, leftovers_of_a_kill_are_removed_and_what_is_being_written_is_not) {
    cm_part p;
    scratch("");
    const pid_t child = fork();
    if (child == 0) _exit(cm_part_open(&p, scratch("killed")) == CM_OK ? 0 : 1); /* as a kill leaves it */
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    scratch_write(".cosmicman-of-the-user.part", "x", 1);
    scratch_write("picture.png.part", "x", 1);
    cr_assert_eq(cm_part_open(&p, scratch("open")), CM_OK);
    cr_assert_eq(scratch_files(), 4);
    cm_parts_clean(scratch_folder);
    cr_assert_eq(scratch_files(), 3);
    cr_assert_eq(cm_part_finish(&p), CM_OK, "%s", cm_why());
    cr_assert(cm_path_exists(scratch("open")));
    scratch_done();
}

/* A child that holds the lock until it is killed. */
static pid_t hold(const char *folder) {
    int ready[2];
    char byte;
    cr_assert_eq(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        cm_folder_lock lock = {0};
        if (cm_folder_lock_take(&lock, folder) != CM_OK || write(ready[1], "x", 1) != 1) _exit(1);
        pause();
    }
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1, "the child took the lock");
    close(ready[0]);
    return child;
}

Test(system, a_folder_has_one_writer_until_that_one_ends) {
    cm_folder_lock lock = {0};
    const pid_t child = hold(scratch("run"));
    char number[32];
    snprintf(number, sizeof number, "process %ld", (long)child);
    cr_assert_eq(cm_folder_lock_take(&lock, scratch("run")), CM_EUSAGE);
    cr_assert(strstr(cm_why(), "is in use") && strstr(cm_why(), number), "%s", cm_why());
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_assert_eq(cm_folder_lock_take(&lock, scratch("run")), CM_OK, "%s", cm_why());
    cm_folder_lock_release(&lock);
    cm_folder_lock_release(&lock);
    cr_assert(!cm_path_exists(scratch("run/.cosmicman.lock")), "nothing is left behind");
    scratch_done();
}

Test(system, a_lock_follows_no_link) {
    cm_folder_lock lock = {0};
    scratch("");
    cr_assert_eq(symlink(scratch("elsewhere"), scratch(".cosmicman.lock")), 0);
    cr_assert_eq(cm_folder_lock_take(&lock, scratch_folder), CM_EIO);
    cr_assert(strstr(cm_why(), "this name is a link"), "%s", cm_why());
    cr_assert(!cm_path_exists(scratch("elsewhere")));
    scratch_done();
}

Test(system, unwritable_places_are_named) {
    scratch_write("file", "x", 1);
    cr_assert_eq(cm_write_whole(scratch("no/such/folder"), "x", 1), CM_EIO);
    cr_assert(strstr(cm_why(), "no/such/folder"), "%s", cm_why());
    cr_assert_eq(cm_write_whole(scratch(""), "x", 1), CM_EIO);
    cr_assert_eq(cm_make_dirs(scratch("file/below")), CM_EIO);
    scratch_done();
}

Test(system, folders_are_made_with_their_parents) {
    const char *deep = scratch("a/b//c/");
    cr_assert_eq(cm_make_dirs(deep), CM_OK, "%s", cm_why());
    cr_assert(cm_path_is_dir(deep));
    cr_assert_eq(cm_make_dirs(deep), CM_OK);
    rmdir(scratch("a/b/c"));
    rmdir(scratch("a/b"));
    scratch_done();
}

Test(system, reading_has_a_limit_and_ends_the_text) {
    cm_arena a;
    cm_arena_init(&a, 0);
    static char big[70000];
    char *text;
    size_t n;
    memset(big, 'x', sizeof big);
    scratch_write("big", big, sizeof big);
    cr_assert_eq(cm_read_text(scratch("big"), sizeof big, &a, &text, &n), CM_OK, "%s", cm_why());
    cr_assert_eq(n, sizeof big);
    cr_assert_eq(text[n], 0);
    cr_assert_eq(cm_read_text(scratch("big"), sizeof big - 1, &a, &text, &n), CM_EFORMAT);
    scratch_write("exact", big, 1 << 14); /* the size of the first piece */
    cr_assert_eq(cm_read_text(scratch("exact"), 1 << 20, &a, &text, &n), CM_OK);
    cr_assert_eq(n, 1 << 14);
    cr_assert_eq(cm_read_text(scratch("absent"), 10, &a, &text, &n), CM_EIO);
    cr_assert_eq(cm_read_text("/tmp", 10, &a, &text, &n), CM_EIO);
    cm_arena_free(&a);
    scratch_done();
}

Test(system, the_machine_is_described) {
    char time[32];
    cm_iso_time(time);
    cr_assert(strlen(time) == 20 && time[10] == 'T' && time[19] == 'Z');
    const double before = cm_now();
    cr_assert(cm_now() >= before);
    cr_assert(cm_rss_mb() > 1 && cm_peak_rss_mb() >= 1);
    const cm_cpu *c = cm_cpu_get();
    cr_assert(c->cores >= 1 && c->model[0]);
    cr_assert_eq(strstr(c->features, "avx2") != NULL, c->avx2);
    cr_assert(!c->avx512f || c->avx2);
}

Test(system, a_polite_signal_is_noted_and_the_second_ends_the_program, .signal = SIGTERM) {
    cm_catch_signals();
    cr_assert(!cm_interrupted());
    raise(SIGTERM);
    cr_assert(cm_interrupted());
    cr_assert_eq(cm_signal_caught(), SIGTERM);
    raise(SIGTERM);
}

static void ignore_the_signal(void) {
    cm_part p;
    if (cm_part_open(&p, scratch("f")) != CM_OK) _exit(1);
    cm_catch_signals();
    raise(SIGINT);
    for (const double start = cm_now(); cm_now() - start < 5;) {
    }
    _exit(2);
}

Test(system, who_does_not_heed_a_signal_ends_within_a_second_and_leaves_no_part) {
    scratch("");
    const double start = cm_now();
    const pid_t child = fork();
    if (child == 0) ignore_the_signal();
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 130);
    cr_assert_lt(cm_now() - start, 2.5);
    cr_assert_eq(scratch_files(), 0);
    scratch_done();
}

Test(system, what_saves_is_not_hurried_and_not_told, .exit_code = 7) {
    signal(SIGHUP, SIG_DFL); /* nohup's children ignore it, which is respected */
    cm_catch_signals();
    cm_signals_wait();
    cm_signals_hold(true);
    raise(SIGHUP);
    cr_assert(!cm_interrupted());
    sleep(2); /* the alarm wakes it */
    cm_signals_hold(false);
    cr_assert(cm_interrupted());
    cr_assert_eq(cm_signal_caught(), SIGHUP);
    _exit(7);
}

/* What progress prints to a file: plain lines, and the last one always. */
Test(system, progress_without_a_terminal_is_plain_lines) {
    cm_arena a;
    cm_arena_init(&a, 0);
    char *text;
    cr_assert(freopen(scratch("log"), "w", stderr));
    cm_progress p;
    cm_progress_begin(&p, "generate", "step", 0, 4);
    for (size_t i = 1; i <= 4; i++) cm_progress_step(&p, i, i == 2 ? "loss 0.5" : NULL);
    cm_progress_end(&p);
    cm_log_level(CM_QUIET);
    cm_note("unseen");
    cm_warn("seen");
    fflush(stderr);
    cr_assert_eq(cm_read_text(scratch("log"), 10000, &a, &text, NULL), CM_OK);
    cr_assert(strncmp(text, "generate: 4/4 step, ", 20) == 0, "%s", text);
    cr_assert(strstr(text, "loss 0.5\nwarning: seen\n"), "%s", text);
    cr_assert(!strstr(text, "unseen") && !strchr(text, '\r'));
    cm_arena_free(&a);
    scratch_done();
}
