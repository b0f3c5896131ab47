// SPDX-License-Identifier: Apache-2.0
/* What belongs to an image set, and images found by id. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/io/image_set.h"
#include "core/io/picture_source.h"
#include "harness/suite/match_ids.h"
#include "tests/unit/scratch.h"

static cm_arena a;
static char root[128];

static void begin(void) {
    cm_arena_init(&a, 0);
    scratch_write("mark", "", 0);
    snprintf(root, sizeof root, "%s/set", scratch_folder);
    cr_assert_eq(cm_make_dirs(root), CM_OK);
}

static void end(void) {
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    cr_assert_eq(system(command), 0);
    cm_arena_free(&a);
    scratch_done();
}

TestSuite(image_set, .init = begin, .fini = end);

static const char *at(const char *name) {
    return cm_arena_print(&a, "%s/%s", root, name);
}

static void touch(const char *name) {
    cr_assert_eq(cm_write_whole(at(name), name, strlen(name)), CM_OK, "%s", cm_why());
}

static void folder(const char *name) {
    cr_assert_eq(cm_make_dirs(at(name)), CM_OK);
}

static void link_to(const char *to, const char *name) {
    cr_assert_eq(symlink(to, at(name)), 0);
}

/* The names of the set, with a blank behind each. */
static const char *names(const cm_image_set *s) {
    const char *text = "";
    for (size_t i = 0; i < s->count; i++) text = cm_arena_print(&a, "%s%s ", text, s->images[i].path + s->root);
    return text;
}

/* The set is these, and of each reason so many were left out. */
static void expect(const char *wanted, const size_t left[CM_LEFT_REASONS]) {
    cm_image_set s;
    cr_assert_eq(cm_image_set_open(&s, root), CM_OK, "%s", cm_why());
    cr_expect_str_eq(names(&s), wanted);
    for (int i = 0; i < CM_LEFT_REASONS; i++)
        cr_expect_eq(s.left_out[i], left[i], "reason %d: %zu, not %zu", i, s.left_out[i], left[i]);
    const char *told = cm_image_set_tell(&s, &a);
    json_t *described = cm_image_set_describe(&s);
    size_t all = 0;
    for (int i = 0; i < CM_LEFT_REASONS; i++) all += left[i];
    cr_expect_eq(told != NULL, all > 0);
    cr_expect_eq(described != NULL, all > 0);
    json_decref(described);
    cm_image_set_close(&s);
}

Test(image_set, is_the_images_of_a_folder_and_those_below_in_the_order_of_paths) {
    folder("sub/deep");
    touch("b.PNG"), touch("a.jpeg"), touch("c.webp"), touch("d.bmp"), touch("e.gif"), touch("sub/deep/f.JPG");
    touch("notes.txt"), touch("records.jsonl"), touch("png"), touch("Thumbs.db");
    expect("a.jpeg b.PNG c.webp d.bmp e.gif sub/deep/f.JPG ", (const size_t[CM_LEFT_REASONS]){0});
}

Test(image_set, leaves_out_hidden_files_and_folders) {
    folder(".cache"), folder("__MACOSX");
    touch("a.png"), touch("._a.png"), touch(".DS_Store"), touch(".cache/b.png"), touch("__MACOSX/c.png");
    expect("a.png ", (const size_t[CM_LEFT_REASONS]){[CM_LEFT_HIDDEN] = 3});
}

Test(image_set, leaves_out_what_generate_puts_beside_its_images) {
    touch("a.png"), touch("a.step-0001.png"), touch("a.step-12345.jpg"), touch("a.attention.png");
    touch("two-step-0001.png"), touch("b.step-x.png"), touch("attention.png"), touch("step-0003.png"),
        touch("v1.2.png");
    expect("a.png attention.png b.step-x.png step-0003.png two-step-0001.png v1.2.png ",
           (const size_t[CM_LEFT_REASONS]){[CM_LEFT_PREVIEW] = 2, [CM_LEFT_ATTENTION] = 1});
}

Test(image_set, counts_images_of_formats_that_are_not_read) {
    touch("a.png"), touch("b.tif"), touch("c.HEIC"), touch("d.avif");
    expect("a.png ", (const size_t[CM_LEFT_REASONS]){[CM_LEFT_FORMAT] = 3});
}

Test(image_set, takes_a_file_once_by_the_name_that_is_no_link) {
    touch("b.png"), touch("d.png");
    link_to("b.png", "a.png");
    cr_assert_eq(link(at("d.png"), at("c.png")), 0);
    expect("b.png c.png ", (const size_t[CM_LEFT_REASONS]){[CM_LEFT_TWICE] = 2});
}

Test(image_set, follows_links_but_not_in_circles) {
    cr_assert_eq(cm_make_dirs(cm_arena_print(&a, "%s/elsewhere/in", scratch_folder)), CM_OK);
    cr_assert_eq(cm_write_whole(cm_arena_print(&a, "%s/elsewhere/in/x.png", scratch_folder), "x", 1), CM_OK);
    folder("sub");
    touch("sub/a.png");
    link_to(".", "loop");
    link_to("..", "sub/up");
    link_to("../..", "sub/above");
    link_to("../elsewhere", "other");
    link_to("../elsewhere/in", "again");
    link_to("nowhere.png", "broken.png");
    link_to("nowhere", "broken");
    expect("again/x.png sub/a.png ", (const size_t[CM_LEFT_REASONS]){[CM_LEFT_TWICE] = 4, [CM_LEFT_BROKEN] = 1});
    cr_assert_eq(system(cm_arena_print(&a, "rm -rf '%s/elsewhere'", scratch_folder)), 0);
}

Test(image_set, never_opens_special_files) {
    touch("a.png");
    cr_assert_eq(mkfifo(at("pipe.png"), 0600), 0);
    link_to("/dev/zero", "zero.png");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", at("socket.png"));
    const int s = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(s, (struct sockaddr *)&name, sizeof name), 0);
    alarm(5);
    expect("a.png ", (const size_t[CM_LEFT_REASONS]){[CM_LEFT_SPECIAL] = 3});
    alarm(0);
    close(s);
}

Test(image_set, goes_on_behind_a_folder_that_it_may_not_read) {
    folder("shut"), folder("z");
    touch("a.png"), touch("shut/b.png"), touch("z/c.png");
    cr_assert_eq(chmod(at("shut"), 0), 0);
    cr_assert_eq(chmod(scratch_folder, 0755), 0);
    if (geteuid() == 0) cr_assert_eq(seteuid(65534), 0); /* to whom modes apply */
    expect("a.png z/c.png ", (const size_t[CM_LEFT_REASONS]){[CM_LEFT_CLOSED] = 1});
    if (getuid() == 0) cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chmod(at("shut"), 0700), 0);
}

Test(image_set, of_a_folder_that_is_not_there_is_an_error) {
    cm_image_set s;
    cr_expect_eq(cm_image_set_open(&s, at("absent")), CM_EIO);
    cr_expect(strstr(cm_why(), "absent: cannot open"), "%s", cm_why());
}

/* --- names that are no text ------------------------------------------------------- */

Test(image_set, names_are_shown_as_text) {
    cr_expect_str_eq(cm_printable_path("caf\xc3\xa9/x.png", &a), "caf\xc3\xa9/x.png");
    cr_expect_str_eq(cm_printable_path("caf\xe9.png", &a), "caf\\xE9.png");
    cr_expect_str_eq(cm_printable_path("a\nb\t.png", &a), "a\\x0Ab\\x09.png");
    cr_expect_str_eq(cm_printable_path("gpj\xe2\x80\xae.png", &a), "gpj\\u202E.png");
    cr_expect_str_eq(cm_printable_path("\xed\xa0\x80\xf8\xc0\x80", &a), "\\xED\\xA0\\x80\\xF8\\xC0\\x80");
    cr_expect_str_eq(cm_printable_path("", &a), "");
}

Test(image_set, a_name_that_is_not_utf8_is_read_and_recorded) {
    cm_picture_source *s = NULL;
    cm_image image;
    char *bytes;
    size_t n;
    cr_assert_eq(cm_read_text(CM_TESTS_DIR "/golden/images/rgb.png", 1 << 20, &a, &bytes, &n), CM_OK);
    cr_assert_eq(cm_write_whole(at("caf\xe9.png"), bytes, n), CM_OK);
    cr_assert_eq(cm_picture_source_open(&s, root), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_picture_source_count(s), 1);
    cr_expect_str_eq(cm_picture_source_id(s, 0), "caf\\xE9");
    cr_expect_eq(cm_picture_source_read(s, 0, &a, &image), CM_OK, "%s", cm_why());
    json_t *text = json_string(cm_picture_source_path(s, 0));
    cr_expect(text);
    json_decref(text);
    cm_picture_source_close(&s);
}

/* --- ids ---------------------------------------------------------------------------- */

static size_t find(const cm_id_index *x, const char *id) {
    bool found;
    size_t index = 0;
    cr_assert_eq(cm_id_index_find(x, id, &a, &found, &index), CM_OK);
    return found ? index : 99;
}

Test(image_set, ids_are_found_in_either_normal_form) {
    static const char *const ids[] = {"zoe", "cafe\xcc\x81", "caf\xc3\xa9-2", "\xea\xb0\x80", "caf\xe9", "anna"};
    cm_id_index x;
    cr_assert_eq(cm_id_index_make(ids, 6, &a, &x), CM_OK);
    cr_expect_eq(find(&x, "zoe"), 0);
    cr_expect_eq(find(&x, "caf\xc3\xa9"), 1);
    cr_expect_eq(find(&x, "cafe\xcc\x81-2"), 2);
    cr_expect_eq(find(&x, "\xe1\x84\x80\xe1\x85\xa1"), 3);
    cr_expect_eq(find(&x, "caf\xe9"), 4);
    cr_expect_eq(find(&x, "cafe"), 99);
    cr_expect_eq(find(&x, ""), 99);
}

Test(image_set, the_exact_id_goes_before_its_other_form) {
    static const char *const ids[] = {"caf\xc3\xa9", "cafe\xcc\x81"};
    cm_id_index x;
    cr_assert_eq(cm_id_index_make(ids, 2, &a, &x), CM_OK);
    cr_expect_eq(find(&x, "cafe\xcc\x81"), 1);
    cr_expect_eq(find(&x, "caf\xc3\xa9"), 0);
    cr_assert_eq(cm_id_index_make(ids, 0, &a, &x), CM_OK);
    cr_expect_eq(find(&x, "a"), 99);
}
