// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    raise(SIGTERM);
}

/* What progress prints to a file: plain lines, and the last one always. */
Test(system, progress_without_a_terminal_is_plain_lines) {
    cm_arena a;
    cm_arena_init(&a, 0);
    char *text;
    cr_assert(freopen(scratch("log"), "w", stderr));
    cm_progress p;
    cm_progress_begin(&p, "generate", "step", 4);
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
