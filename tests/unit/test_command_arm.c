// SPDX-License-Identifier: Apache-2.0
/* Commands are small scripts of sh, which read the rows with sed and copy an image. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/io/image.h"
#include "core/io/jsonl.h"
#include "harness/arms/command_arm_parts.h"
#include "prompts/prompt_rows.h"
#include "tests/unit/failing_alloc.h"
#include "tests/unit/scratch.h"

enum { MOST = 6000 };

static cm_arena arena;
static cm_prompt prompts[MOST];
static cm_prompt_set set = {.name = "mine", .prompts = prompts};
static uint64_t seeds[2 * MOST];
static bool wanted[2 * MOST];

/* What every script begins with: "for f in $files" is then each row's file, "cp $tiny $out/$f" its image. */
#define HEAD "prompts=$1 out=$2 tiny=$3\nfiles=$(sed 's/.*\"file\":\"\\([^\"]*\\)\".*/\\1/' $prompts)\n"
#define COPY "for f in $files; do cp $tiny $out/$f; done\n"

static void write_text(const char *name, const char *text) {
    scratch_write(name, text, strlen(text));
}

/* n prompts, all of whose images are wanted; tiny.png, and run.sh with that script. */
static cm_command_arm begin(size_t n, size_t images, const char *script) {
    static char command[2000];
    uint8_t pixels[4 * 6 * 3] = {200, 10, 30};
    cm_arena_init(&arena, 0);
    for (size_t i = 0; i < n; i++)
        prompts[i] = (cm_prompt){.id = cm_arena_print(&arena, "p%04zu", i + 1),
                                 .dense.text = cm_arena_print(&arena, "person %zu", i + 1)};
    for (size_t i = 0; i < n * images; i++) {
        seeds[i] = 100 + i;
        wanted[i] = true;
    }
    set.count = n;
    scratch("");
    cr_assert_eq(cm_image_write_png(scratch("tiny.png"),
                                    &(cm_image){.width = 4, .height = 6, .channels = 3, .pixels = pixels}, NULL),
                 CM_OK);
    write_text("run.sh", script);
    snprintf(command, sizeof command, "sh %s {prompts} {out} %s", scratch("run.sh"), scratch("tiny.png"));
    return (cm_command_arm){.command = command,
                            .folder = cm_arena_string(&arena, scratch("run")),
                            .arm = "theirs",
                            .prompts = &set,
                            .images = images,
                            .seeds = seeds,
                            .wanted = wanted,
                            .steps = 20,
                            .width = 64,
                            .height = 96,
                            .guidance = 7.5,
                            .threads = 2};
}

static cm_command_result run(const cm_command_arm *c) {
    cm_command_result r = {0};
    cr_assert_eq(cm_command_arm_run(c, &arena, &r), CM_OK, "%s", cm_why());
    return r;
}

static void done(void) {
    char text[200];
    cm_arena_free(&arena);
    snprintf(text, sizeof text, "rm -rf '%s'", scratch_folder);
    cr_assert_eq(system(text), 0);
    scratch_folder[0] = 0;
}

#define EXPECT_NOTE(r, text) cr_expect((r).note &&strstr((r).note, text), "%s", (r).note ? (r).note : "no note")

static char *text_of(const char *file) {
    char *text = NULL;
    cr_assert_eq(cm_read_text(scratch(file), 1 << 24, &arena, &text, NULL), CM_OK, "%s", cm_why());
    return text;
}

Test(command_arm, makes_its_images_and_has_nothing_to_note) {
    const cm_command_arm c = begin(3, 1, HEAD COPY);
    wanted[1] = false;
    const cm_command_result r = run(&c);
    cr_expect(strstr(text_of("run/commands/theirs/prompts.jsonl"), "\"negative\":null"));
    cr_expect(r.status == 0 && r.made == 2 && r.asked == 2 && r.wanted == 2);
    cr_expect_null(r.note, "%s", r.note);
    cr_expect_str_eq(r.files[0], "images/theirs/p0001.png");
    cr_expect_null(r.files[1]);
    cr_expect(r.seconds > 0 && r.peak_rss_mb > 0);
    cr_expect(!cm_path_exists(scratch("run/images/theirs/p0002.png")), "nobody asked for it");
    done();
}

Test(command_arm, tells_all_that_an_image_needs_in_its_row) {
    cm_command_arm c = begin(2, 2, HEAD COPY);
    c.negative = "blurred";
    prompts[1].negative = "own";
    seeds[3] = UINT64_MAX;
    wanted[0] = false;
    const cm_command_result r = run(&c);
    json_t *rows;
    cr_assert_eq(cm_jsonl_read(scratch("run/commands/theirs/prompts.jsonl"), &rows), CM_OK, "%s", cm_why());
    char *first = json_dumps(json_array_get(rows, 0), JSON_REAL_PRECISION(17)),
         *last = json_dumps(json_array_get(rows, 2), JSON_REAL_PRECISION(17));
    cr_expect_str_eq(first, "{\"id\": \"p0001\", \"prompt\": \"person 1\", \"negative\": \"blurred\", \"seed\": 101, "
                            "\"file\": \"1/p0001.png\", "
                            "\"k\": 1, \"steps\": 20, \"guidance\": 7.5, \"width\": 64, \"height\": 96}");
    cr_expect_str_eq(
        last,
        "{\"id\": \"p0002\", \"prompt\": \"person 2\", \"negative\": \"own\", \"seed\": -1, \"file\": \"1/p0002.png\", "
        "\"k\": 1, \"steps\": 20, \"guidance\": 7.5, \"width\": 64, \"height\": 96}");
    cr_expect_eq(json_array_size(rows), 3);
    cr_expect_eq(r.made, 3);
    cr_expect_str_eq(r.files[1], "images/theirs/1/p0001.png");
    cr_expect_str_eq(r.files[2], "images/theirs/0/p0002.png");
    json_decref(rows);
    free(first);
    free(last);
    done();
}

Test(command_arm, gives_hostile_prompts_by_file_and_not_one_byte_of_them_by_words) {
    static const char *const hostile[] = {"'; touch evil; '",
                                          "\"$(touch evil)\"",
                                          "`touch evil`",
                                          "a\nb\r\nc",
                                          "\\\\ %s %n {out} {prompts}",
                                          "-rf --help",
                                          "caf\xc3\xa9 \xf0\x9f\x91\xa9, \"quoted\", comma",
                                          ""};
    enum { N = sizeof hostile / sizeof *hostile };
    cm_command_arm c =
        begin(N, 1, HEAD COPY "shift 3\nfor word; do printf '[%s]\\n' \"$word\"; done >$out/words.txt\n");
    for (size_t i = 0; i < N; i++) prompts[i].dense.text = (char *)hostile[i];
    c.negative = "$(touch evil)\n'";
    c.command = cm_arena_print(
        &arena, "%s {prompts_csv} {prompts_txt} {seeds} {negative_file} {count} {steps} {guidance} {width} {height}",
        c.command);
    const cm_command_result r = run(&c);
    cr_expect_eq(r.made, N);
    json_t *rows;
    cr_assert_eq(cm_jsonl_read(scratch("run/commands/theirs/prompts.jsonl"), &rows), CM_OK);
    for (size_t i = 0; i < N; i++)
        cr_expect_str_eq(json_string_value(json_object_get(json_array_get(rows, i), "prompt")), hostile[i]);
    json_decref(rows);
    cr_expect_str_eq(text_of("run/commands/theirs/negative.txt"), c.negative);
    cr_expect_str_eq(text_of("run/commands/theirs/seeds.txt"), "100\n101\n102\n103\n104\n105\n106\n107\n");
    cr_expect(strstr(text_of("run/commands/theirs/prompts.txt"), "`touch evil`\na b  c\n\\\\ %s"));
    const char *csv = text_of("run/commands/theirs/prompts.csv"), *words = text_of("run/images/theirs/words.txt");
    cr_expect(
        strstr(csv, "id,prompt,negative,seed,file,steps,guidance,width,height\n\"p0001\",\"'; touch evil; '\",") == csv,
        "%s", csv);
    cr_expect(strstr(csv, "\"p0002\",\"\"\"$(touch evil)\"\"\",\"$(touch evil)\n'\",101,\"p0002.png\",20,7.5,64,96\n"),
              "%s", csv);
    cr_expect(!strstr(words, "evil") && strstr(words, "seeds.txt]\n") &&
                  strstr(words, "[8]\n[20]\n[7.5]\n[64]\n[96]\n"),
              "%s", words);
    cr_expect(!cm_path_exists("evil") && !cm_path_exists(scratch("run/images/theirs/evil")));
    done();
}

Test(command_arm, that_writes_half_is_noted_and_asked_for_the_rest_alone) {
    cm_command_arm c = begin(8, 1,
                             HEAD "echo loading; printf '10%%\\r\\033[1m50%%\\033[0m\\n\\nno more memory\\n' >&2\n"
                                  "for f in $files; do case $f in p000[14].png) ;; *) cp $tiny $out/$f ;; esac; [ $f = "
                                  "p0005.png ] && break; done; exit 0\n");
    cm_command_result r = run(&c);
    cr_expect(r.status == 0 && r.made == 3 && r.wanted == 8);
    cr_expect_str_eq(r.note,
                     "made 3 of 8 images; the first missing: p0001; last lines of its log: 10% / 50% / no more memory");
    cr_expect_null(r.files[0]);
    cr_expect_str_eq(r.files[1], "images/theirs/p0002.png");
    write_text("run.sh", HEAD COPY);
    r = run(&c);
    cr_expect(r.asked == 5 && r.made == 8 && !r.note);
    cr_expect(!strstr(text_of("run/commands/theirs/prompts.jsonl"), "p0002"));
    r = run(&c);
    cr_expect(r.asked == 0 && r.made == 8 && r.seconds == 0 && !r.note, "it does not run without need");
    done();
}

Test(command_arm, that_stopped_runs_have_begun_goes_on_and_other_settings_begin_anew) {
    cm_command_arm c = begin(4, 1, HEAD "cp $tiny $out/p0001.png; exit 5\n");
    cr_expect_eq(run(&c).status, 5);
    write_text("run.sh", HEAD "cp $tiny $out/p0002.png; kill -KILL $$\n");
    cm_command_result r = run(&c);
    cr_expect(r.asked == 3 && r.made == 2 && r.status == 128 + SIGKILL);
    EXPECT_NOTE(r, "ended by signal 9, SIGKILL; made 2 of 4 images; the first missing: p0003; it printed nothing");
    write_text("run.sh", HEAD COPY);
    cr_expect_eq(run(&c).asked, 2);
    c.steps = 21;
    cr_expect_eq(run(&c).asked, 4, "what was made with 20 steps does not count");
    c.steps = 20;
    cr_expect_eq(run(&c).asked, 4, "nor the other way round");
    c.fresh = true;
    cr_expect_eq(run(&c).asked, 4);
    c.fresh = false;
    seeds[2] = 7;
    cr_expect_eq(run(&c).asked, 1);
    prompts[0].dense.text = (char *)"another";
    cr_expect_eq(run(&c).asked, 1);
    done();
}

Test(command_arm, does_not_find_what_it_did_not_make_in_an_images_place) {
    cm_command_arm c =
        begin(2, 1, HEAD "for f in $files; do [ -e $out/$f ] || cp $tiny $out/$f; done; ls -a $out >$out/list.txt\n");
    cr_assert_eq(cm_make_dirs(scratch("run/images/theirs")), CM_OK);
    write_text("run/images/theirs/p0001.png", "half an ima");
    write_text("run/images/theirs/p0002.JPG", "old");
    write_text("run/images/theirs/notes.png", "mine");
    const cm_command_result r = run(&c);
    cr_expect(r.made == 2 && !r.note);
    cr_expect(!cm_path_exists(scratch("run/images/theirs/p0002.JPG")));
    cr_expect(cm_path_exists(scratch("run/images/theirs/notes.png")), "nobody's place");
    done();
}

Test(command_arm, that_writes_nothing_fails_or_cannot_start_is_noted) {
    cm_command_arm c = begin(2, 1, "exit 0\n");
    cr_expect_str_eq(run(&c).note, "made 0 of 2 images; the first missing: p0001; it printed nothing");
    write_text("run.sh", "echo '\xff\xfe\x07 bell' ; exit 3\n");
    const cm_command_result r = run(&c);
    cr_expect(r.status == 3 && r.made == 0);
    EXPECT_NOTE(r, "ended with exit status 3; made 0 of 2 images; the first missing: p0001; last lines of its log: "
                   "\\xFF\\xFE\\x07 bell");
    c.command = "no-such-program {prompts} {out}";
    cr_expect_str_eq(run(&c).note, "could not start: No such file or directory; made 0 of 2 images");
    cr_expect_eq(run(&c).status, 127);
    done();
}

Test(command_arm, that_hangs_keeps_what_it_has_made) {
    cm_command_arm c = begin(3, 1, HEAD "cp $tiny $out/p0001.png; (sleep 100)& echo waiting; sleep 100\n");
    c.timeout = 0.5;
    const cm_command_result r = run(&c);
    cr_expect(r.status == 124 && r.made == 1 && r.seconds < 1.5);
    cr_expect_str_eq(
        r.note,
        "stopped after its 0.5 s; made 1 of 3 images; the first missing: p0002; last lines of its log: waiting");
    done();
}

Test(command_arm, that_fails_after_its_last_image_is_noted_all_the_same) {
    cm_command_arm c = begin(1, 1, HEAD COPY "exit 1\n");
    const cm_command_result r = run(&c);
    cr_expect(r.made == 1 && r.status == 1);
    EXPECT_NOTE(r, "ended with exit status 1; made 1 of 1 images; it printed nothing");
    done();
}

Test(command_arm, images_that_are_half_or_none_do_not_count_and_are_named) {
    cm_command_arm c = begin(7, 1,
                             HEAD "cd $out; cp $tiny p0001.png; head -c 40 $tiny >p0002.png; : >p0003.png; echo text "
                                  ">p0004.png; mkfifo p0005.png\n"
                                  "head -c 8 $tiny >p0006.webp; cp $tiny p0007.JPG\n");
    const cm_command_result r = run(&c);
    cr_expect(r.made == 2 && r.status == 0);
    EXPECT_NOTE(r, "made 2 of 7 images; the first missing: p0002; p0002.png: ");
    EXPECT_NOTE(
        r, "; p0003.png: an empty file; p0004.png: not a PNG, JPEG, WebP, BMP or GIF; and 2 more that cannot be read");
    cr_expect_str_eq(r.files[6], "images/theirs/p0007.JPG", "what it is, its bytes say");
    done();
}

Test(command_arm, links_that_lead_out_do_not_count) {
    cm_command_arm c =
        begin(5, 1,
              HEAD
              "cd $out; ln -s $tiny p0001.png; cp $tiny real.png; ln -s real.png p0002.png; ln -s nowhere p0003.png\n"
              "ln -s ../../../tiny.png p0004.png; ln -s /dev/zero p0005.png\n");
    const cm_command_result r = run(&c);
    cr_expect_eq(r.made, 1);
    cr_expect_str_eq(r.files[1], "images/theirs/p0002.png");
    EXPECT_NOTE(r, "p0001.png: a link that leads out of the folder for images; p0003.png: a link that leads nowhere; "
                   "p0004.png: a link that leads out");
    write_text("run.sh", HEAD COPY);
    cr_expect_eq(run(&c).made, 5);
    cr_expect(cm_path_exists(scratch("tiny.png")), "the link was removed, not what it leads to");
    done();
}

Test(command_arm, is_not_given_a_linked_folder_of_images) {
    cm_command_arm c = begin(1, 2, HEAD COPY);
    cm_command_result r;
    cr_assert_eq(cm_make_dirs(scratch("run/images/theirs")), CM_OK);
    cr_assert_eq(cm_make_dirs(scratch("mine")), CM_OK);
    write_text("mine/p0001.png", "mine");
    cr_assert_eq(symlink(scratch("mine"), scratch("run/images/theirs/1")), 0);
    cr_expect_eq(cm_command_arm_run(&c, &arena, &r), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "is a link"), "%s", cm_why());
    cr_expect_str_eq(text_of("mine/p0001.png"), "mine");
    done();
}

Test(command_arm, takes_any_good_id_and_refuses_paths) {
    char longest[CM_PROMPT_ID_BYTES + 1];
    memset(longest, 'i', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    cm_command_arm c = begin(4, 1, HEAD COPY);
    prompts[0].id = longest;
    prompts[1].id = "7";
    prompts[2].id = "a.png";
    prompts[3].id = "\xe4\xba\xba";
    cm_command_result r = run(&c);
    cr_expect(r.made == 4 && !r.note, "%s", r.note);
    prompts[3].id = "../up";
    cr_expect_eq(cm_command_arm_run(&c, &arena, &r), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "'/'"), "%s", cm_why());
    done();
}

Test(command_arm, of_5000_prompts_is_no_longer_than_its_command) {
    const cm_command_arm c =
        begin(5000, 1,
              HEAD
              "cd $out; echo $files | xargs -n 500 sh -c 'tiny=$1; shift; tee \"$@\" <$tiny >/dev/null' sh $tiny\n");
    const double start = cm_now();
    cm_command_result r = run(&c);
    cr_expect(r.made == 5000 && !r.note, "%s", r.note);
    cr_expect_lt(cm_now() - start, r.seconds + 40); /* on a busy machine, under the sanitizers */
    r = run(&c);
    cr_expect_eq(r.asked, 0);
    done();
}

Test(command_arm, a_signal_ends_it_and_what_is_whole_stays) {
    cm_command_arm c = begin(3, 1, HEAD "cp $tiny $out/p0001.png; kill -INT $PPID; sleep 100\n");
    cm_command_result r;
    cm_catch_signals();
    cr_expect_eq(cm_command_arm_run(&c, &arena, &r), CM_EINTERRUPTED);
    cr_expect(strstr(cm_why(), "stopped while the command of theirs ran"), "%s", cm_why());
    cr_expect_gt(cm_file_size(scratch("run/images/theirs/p0001.png")), 0);
    done();
}

Test(command_arm, folders_that_cannot_be_written_are_an_error_of_ours) {
    cm_command_arm c = begin(1, 1, HEAD COPY);
    cm_command_result r;
    write_text("file", "x");
    c.folder = cm_arena_string(&arena, scratch("file"));
    cr_expect_eq(cm_command_arm_run(&c, &arena, &r), CM_EIO);
    c.command = "run {out}";
    cr_expect_eq(cm_command_arm_run(&c, &arena, &r), CM_EUSAGE);
    done();
}

Test(command_arm, is_told_no_size_where_nobody_says_one) {
    cm_command_arm c = begin(1, 1, HEAD COPY);
    cm_command_result r;
    c.width = c.height = 0;
    c.command = cm_arena_print(&arena, "%s {prompts_csv}", c.command);
    cr_expect_eq(run(&c).made, 1);
    cr_expect(!strstr(text_of("run/commands/theirs/prompts.jsonl"), "width"));
    cr_expect(strstr(text_of("run/commands/theirs/prompts.csv"), "\"p0001.png\",20,7.5,,\n"));
    c.command = "run {prompts} {out} {height}";
    cr_expect_eq(cm_command_arm_run(&c, &arena, &r), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "wants {height}"), "%s", cm_why());
    done();
}

/* Allocations fail in turn, of malloc some, until none does: an error each time, and no crash. */
static void run_without_memory(long *fail, long stride, const cm_command_arm *c) {
    cm_status s = CM_ENOMEM;
    int times = 0;
    for (long n = 0; s != CM_OK && n < 1000; n += stride, times++) {
        cm_command_result r = {0};
        cm_arena own;
        cm_arena_init(&own, 1 << 12);
        *fail = n;
        s = cm_command_arm_run(c, &own, &r);
        const bool unused = *fail >= 0;
        *fail = -1;
        cr_assert(s == CM_OK || s == CM_ENOMEM || s == CM_EFORMAT, "%ld: %d %s", n, s,
                  cm_why());                      /* EFORMAT: jansson writes no text */
        if (s == CM_OK && !unused) s = CM_ENOMEM; /* one that was done without */
        else if (s == CM_OK) EXPECT_NOTE(r, "made 1 of 4 images; the first missing: 0/p0002; 0/p0002.png: damaged");
        cm_arena_free(&own);
    }
    cr_expect_eq(s, CM_OK);
    cr_expect_gt(times, 3);
}

Test(command_arm, without_memory_is_an_error_whichever_allocation_fails) {
    cm_command_arm c =
        begin(4, 2, HEAD "echo some text; cp $tiny $out/0/p0001.png; head -c 9 $tiny >$out/0/p0002.png\n");
    for (size_t i = 0; i < 8; i++) wanted[i] = i < 5 && i != 1;
    c.command = cm_arena_print(&arena, "%s {prompts_csv} {seeds}", c.command);
    run_without_memory(&cm_test_fail_once, 1, &c);
    run_without_memory(&cm_test_fail_malloc, 13, &c);
    done();
}
