// SPDX-License-Identifier: Apache-2.0
/* Labelled people from a folder: what is read, what is refused, and that a drawn dataset comes back from it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/system.h"
#include "core/data/labelled/labelled.h"
#include "core/io/jsonl.h"
#include "core/labels/phrase_order.h"
#include "core/train/people_dataset.h"
#include "tests/unit/scratch.h"

static char folder[512];

static void make_folder(void) {
    char path[600];
    snprintf(folder, sizeof folder, "%s", scratch("people"));
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, (const char *const[]){"images", "classes", "groups"}[i]);
        cr_assert_eq(cm_make_dirs(path), CM_OK, "%s", cm_why());
    }
}

/* A picture or map of one value; its path stands below the folder. */
static void make_image(const char *name, size_t width, size_t height, size_t channels, uint8_t value) {
    cm_arena a;
    cm_image x;
    char path[700];
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_image_new(&a, width, height, channels, &x), CM_OK);
    memset(x.pixels, value, width * height * channels);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert_eq(cm_image_write_png(path, &x, NULL), CM_OK, "%s", cm_why());
    cm_arena_free(&a);
}

static void make_labels(const char *text) {
    char path[600];
    snprintf(path, sizeof path, "%s/labels.jsonl", folder);
    cr_assert_eq(cm_write_whole(path, text, strlen(text)), CM_OK, "%s", cm_why());
}

static void make_one(void) {
    make_folder();
    make_image("images/a.png", 32, 48, 3, 200);
    make_image("classes/a.png", 32, 48, 1, 4);
    make_image("groups/a.png", 32, 48, 1, 7);
}

static const cm_labelled_needs all = {
    .alt_text = true, .phrases = true, .classes = CM_NEEDED, .groups = CM_NEEDED, .width = 32, .height = 48, .seed = 1};

#define TEXTS "\"alt_text\": \"a woman\", \"description\": \"a red top, blue hat, and a bag\""

/* A line with these phrases. */
static cm_status open_phrases(const char *phrases, cm_labelled_set *s, cm_arena *a) {
    char text[2048];
    snprintf(text, sizeof text, "\n{\"id\": \"a\", " TEXTS ", \"phrases\": [%s]}\n", phrases);
    make_labels(text);
    return cm_labelled_open(s, folder, &all, a);
}

static void phrases_refused(const char *phrases, const char *says) {
    cm_arena a;
    cm_labelled_set s;
    cm_arena_init(&a, 0);
    cr_expect_eq(open_phrases(phrases, &s, &a), CM_EFORMAT, "%s", phrases);
    cr_expect(strstr(cm_why(), "labels.jsonl:2: phrase ") && strstr(cm_why(), says), "'%s', not '%s'", cm_why(), says);
    cm_arena_free(&a);
}

static void line_refused(const char *lines, const cm_labelled_needs *needs, const char *says) {
    cm_arena a;
    cm_labelled_set s;
    cm_arena_init(&a, 0);
    make_labels(lines);
    cr_expect_eq(cm_labelled_open(&s, folder, needs, &a), CM_EFORMAT, "%s", lines);
    cr_expect(strstr(cm_why(), "labels.jsonl:") && strstr(cm_why(), says), "'%s', not '%s'", cm_why(), says);
    cm_arena_free(&a);
}

Test(labelled, phrases_are_found_by_bytes_or_by_their_text_and_have_their_groups_classes) {
    cm_arena a;
    cm_labelled_set s;
    cm_arena_init(&a, 0);
    make_one();
    cr_assert_eq(
        open_phrases(
            "{\"name\": \"bags\", \"text\": \"a bag\", \"classes\": []},"
            "{\"group\": \"hats\", \"text\": \"blue hat\", \"classes\": [1, 2], \"attributes\": {\"color\": \"blue\"}}",
            &s, &a),
        CM_EFORMAT);
    cr_expect(strstr(cm_why(), "phrase 2: \"blue hat\" does not stand in the description behind the phrase before it"),
              "texts are sought from left to right: %s", cm_why());
    cr_assert_eq(open_phrases("{\"group\": 6, \"begin\": 0, \"end\": 9}, {\"group\": \"hats\", \"text\": \"blue hat\", "
                              "\"classes\": [1, 2]},"
                              "{\"name\": \"bags\", \"text\": \"a bag\", \"classes\": []}",
                              &s, &a),
                 CM_OK, "%s", cm_why());
    const cm_labelled_person *p = &s.people[0];
    cr_assert_eq(p->phrase_count, 3u);
    cr_expect_eq(p->phrases[0].group, 6);
    cr_expect_eq(p->phrases[0].classes, cm_groups[6].classes);
    cr_expect_eq(p->phrases[1].group, 10);
    cr_expect_eq(p->phrases[1].classes, 0u);
    cr_expect_eq(p->phrases[2].begin, 11u);
    cr_expect_eq(p->phrases[2].end, 19u);
    cr_expect_eq(p->phrases[2].classes, 6u);
    cr_expect_eq(p->line, 2u);
    cm_arena_free(&a);
    scratch_done();
}

Test(labelled, phrases_that_cannot_be_are_refused_by_line_and_number) {
    make_one();
    phrases_refused("{\"group\": 20, \"text\": \"a red top\"}",
                    "phrase 1: group 20: groups are 0 to 19, and -1 for the shot");
    phrases_refused("{\"name\": \"topps\", \"text\": \"a red top\"}", "there is no 'topps'; the closest is 'tops'");
    phrases_refused("{\"group\": 6, \"name\": \"hats\", \"text\": \"a red top\"}",
                    "group 6 is \"tops\", the name says \"hats\"");
    phrases_refused("{\"text\": \"a red top\"}", "neither \"group\" nor \"name\"");
    phrases_refused("{\"group\": 6, \"begin\": 20, \"end\": 90}",
                    "bytes 20 to 90 are no part of the description, which has 30");
    phrases_refused("{\"group\": 6, \"begin\": 5, \"end\": 5}", "bytes 5 to 5 are no part");
    phrases_refused("{\"group\": 6, \"begin\": 0}", "\"begin\" without \"end\"");
    phrases_refused("{\"group\": 6, \"begin\": 0, \"end\": 9}, {\"group\": 11, \"begin\": 8, \"end\": 19}",
                    "phrase 2: bytes 8 to 19 overlap those of phrase 1");
    phrases_refused("{\"group\": 6, \"begin\": 1, \"end\": 10, \"text\": \"a red top\"}",
                    "the text is \"a red top\" (bytes are counted");
    phrases_refused("{\"group\": 6, \"text\": \"green top\"}", "does not stand in the description");
    phrases_refused("{\"group\": 6, \"text\": \"a red top\", \"classes\": [4, 18]}",
                    "\"classes\": entry 1 is no class");
    phrases_refused("7", "not a JSON object");
    scratch_done();
}

Test(labelled, a_span_that_cuts_a_letter_is_refused) {
    make_one();
    line_refused("{\"id\": \"a\", \"alt_text\": \"x\", \"description\": \"caf\xc3\xa9 coat\", \"phrases\": "
                 "[{\"group\": 7, \"begin\": 4, \"end\": 10}]}",
                 &all, "cut a letter in two");
    scratch_done();
}

Test(labelled, lines_that_lack_what_is_needed_are_refused) {
    const cm_labelled_needs picture = {.width = 32, .height = 48}, poor = {.alt_text = true, .width = 32, .height = 48},
                            dense = {.phrases = true, .width = 32, .height = 48},
                            maps = {.classes = CM_NEEDED, .width = 32, .height = 48};
    make_one();
    line_refused("{\"id\": \"a\"}\n{\"id\": \"a\"}", &picture, "jsonl:2: the id \"a\" stands in line 1 already");
    line_refused("{\"id\": \"../a\"}", &picture, "the id \"../a\" leads out of the folder");
    line_refused("{\"id\": \"a\", \"image\": \"../../etc/passwd\"}", &picture, "leads out of the folder");
    line_refused("{\"id\": \"a\", \"image\": \"/etc/passwd\"}", &picture, "leads out of the folder");
    line_refused("{\"id\": \"a\"}\n\n{\"id\": \"b\"}", &picture, "jsonl:3: no \"image\", and there is no ");
    line_refused("{\"id\": \"a\", \"image\": \"images/b.png\"}", &picture, "images/b.png is not there");
    line_refused("{\"id\": \"a\", \"classes\": \"classes/b.png\"}", &maps, "classes/b.png is not there");
    line_refused("{\"id\": \"b\", \"image\": \"images/a.png\"}", &maps, "classes/b.png is not there");
    line_refused("{\"id\": \"a\"}", &poor, "no \"alt_text\"");
    line_refused("{\"id\": \"a\"}", &dense, "no \"description\"");
    line_refused("{\"id\": \"a\", \"description\": \"a top\"}", &dense, "no \"phrases\"");
    line_refused("{\"id\": \"a\", \"width\": 64, \"height\": 48}", &picture,
                 "64x48; the recipe's width x height is 32x48");
    line_refused("{\"image\": \"images/a.png\"}", &picture, "no \"id\"");
    line_refused("{\"id\": 7}", &picture, "\"id\" is 7, not a text");
    line_refused("{\"id\": \"a\", \"imag\": \"images/a.png\"}", &picture,
                 "unknown key \"imag\"; the closest is \"image\"");
    line_refused("{\"id\": \"a\"}\nno JSON", &picture, "jsonl:2: not JSON");
    scratch_done();
}

static void folder_refused(const char *name, const char *says) {
    cm_arena a;
    cm_labelled_set s;
    cm_arena_init(&a, 0);
    cr_expect_eq(cm_labelled_open(&s, name, &all, &a), CM_EUSAGE);
    cr_expect(strstr(cm_why(), says), "'%s', not '%s'", cm_why(), says);
    cm_arena_free(&a);
}

Test(labelled, a_folder_that_is_no_data_set_is_refused) {
    char path[600];
    make_folder();
    folder_refused(folder, "is no data set: it has no labels.jsonl");
    make_labels("\n\n");
    folder_refused(folder, "is empty: nobody is in it");
    snprintf(path, sizeof path, "%s/labels.jsonl", folder);
    folder_refused(path, "is a file; a data set is a folder");
    folder_refused("/nowhere/at/all", "no such folder");
    scratch_done();
}

static void read_refused(const char *says) {
    cm_arena a;
    cm_labelled_set s;
    cm_drawing d;
    cm_arena_init(&a, 0);
    cr_assert_eq(open_phrases("{\"group\": 6, \"begin\": 0, \"end\": 9}", &s, &a), CM_OK, "%s", cm_why());
    cr_expect_neq(cm_labelled_read(&s, 0, &a, &d), CM_OK);
    cr_expect(strstr(cm_why(), "labels.jsonl:2: ") && strstr(cm_why(), says), "'%s', not '%s'", cm_why(), says);
    cm_arena_free(&a);
}

Test(labelled, pictures_and_maps_that_do_not_fit_are_refused_when_read) {
    make_one();
    make_image("classes/a.png", 32, 48, 1, 18);
    read_refused("classes/a.png: the label 18 at column 0, row 0; labels are 0 to 17");
    make_image("classes/a.png", 32, 32, 1, 4);
    read_refused("classes/a.png: 32x32, its image is 32x48");
    make_image("classes/a.png", 32, 48, 1, 4);
    make_image("groups/a.png", 32, 48, 1, 21);
    read_refused("groups/a.png: the label 21 at column 0, row 0; labels are 0 to 20");
    make_image("images/a.png", 48, 48, 3, 0);
    read_refused("images/a.png: 48x48; the recipe's width x height is 32x48, and images are not resized");
    make_labels("{\"id\": \"a\"}");
    remove(folder);
    scratch_done();
}

Test(labelled, phrases_are_left_out_and_shuffled_and_joined_again) {
    cm_arena a;
    cm_labelled_set s;
    cm_description d;
    cm_arena_init(&a, 0);
    make_one();
    cr_assert_eq(open_phrases("{\"group\": 6, \"text\": \"a red top\"}, {\"group\": 11, \"text\": \"blue hat\"}, "
                              "{\"group\": 10, \"text\": \"a bag\"}",
                              &s, &a),
                 CM_OK);
    cr_assert_eq(cm_labelled_describe(&s, 0, s.people[0].seed, 0, &a, &d), CM_OK);
    cr_expect_str_eq(d.text, "a red top, blue hat, and a bag", "as it stands, words between phrases and all");
    size_t fewer = 0, moved = 0;
    for (uint64_t seed = 2; seed < 200; seed++) {
        cr_assert_eq(cm_labelled_describe(&s, 0, seed, 0.3, &a, &d), CM_OK);
        fewer += d.count < 3;
        moved += d.count == 3 && d.phrases[0].group != 6;
        size_t at = 0;
        for (size_t i = 0; i < d.count; i++) {
            cr_assert_eq(d.phrases[i].begin, at);
            cr_assert_eq(strncmp(d.text + at, d.phrases[i].text, strlen(d.phrases[i].text)), 0);
            at = d.phrases[i].end + 2;
        }
        if (d.count) cr_assert_eq(strlen(d.text) + 2, at);
    }
    cr_expect_gt(fewer, 90u);
    cr_expect_lt(fewer, 170u);
    cr_expect_gt(moved, 15u);
    cm_arena_free(&a);
    scratch_done();
}

Test(labelled, the_order_of_phrases_depends_on_groups_and_seed) {
    const int groups[6] = {-1, 0, 1, 2, 5, 14};
    size_t order[6], rare = 0, common = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        const size_t n = cm_phrase_order(groups, 6, seed, 0.1, order);
        bool has[6] = {false};
        for (size_t i = 0; i < n; i++) has[order[i]] = true;
        cr_assert(has[0] && order[0] == 0, "the shot is always said, first");
        common += has[4];
        rare += has[5];
    }
    cr_expect_gt(common, 340u);
    cr_expect_lt(common, 380u);
    cr_expect_gt(rare, 140u, "kept in 0.9 * 0.5 of the cases");
    cr_expect_lt(rare, 220u);
    cr_expect_eq(cm_phrase_order(groups, 6, 9, 0, order), 6u);
}
