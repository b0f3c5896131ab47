// SPDX-License-Identifier: Apache-2.0
/* .npz arrays, files of statistics, lists of pictures. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/system.h"
#include "core/io/npz.h"
#include "core/io/picture_source.h"
#include "metrics/statistics_file.h"
#include "tests/unit/scratch.h"

#define FILES CM_TESTS_DIR "/golden/npz/"
#define PICTURES CM_TESTS_DIR "/golden/images"

TestSuite(npz, .fini = scratch_done);

static double f64_at(const cm_stored *a, size_t i) {
    double v;
    memcpy(&v, (const char *)a->data + i * sizeof v, sizeof v);
    return v;
}

static void holds_numpys_values(const char *path) {
    cm_npz *f = NULL;
    cr_assert_eq(cm_npz_open(&f, path), CM_OK, "%s", cm_why());
    const cm_stored *f4 = cm_npz_find(f, "f4"), *f8 = cm_npz_find(f, "f8"), *u1 = cm_npz_find(f, "u1"),
                    *i8 = cm_npz_find(f, "i8"), *f2 = cm_npz_find(f, "f2"), *empty = cm_npz_find(f, "empty");
    cr_assert(f4 && f8 && u1 && i8 && f2 && empty);
    cr_expect_null(f8->data, "nothing is unpacked before it is asked for");
    for (size_t i = 0; i < cm_npz_count(f); i++) cr_assert_eq(cm_npz_load(f, cm_npz_at(f, i)), CM_OK, "%s", cm_why());
    float x[3];
    cm_to_float(f4->dtype, f4->data, 3, x);
    cr_expect(fabsf(x[0] - 0.00123015f) < 1e-7f && fabsf(x[1] - 0.29874554f) < 1e-7f &&
              fabsf(x[2] + 0.27413785f) < 1e-7f);
    cr_expect(f8->ndim == 3 && f8->shape[0] == 2 && f8->shape[1] == 3 && f8->shape[2] == 5);
    cr_expect(fabs(f64_at(f8, 0) - 0.10541425) < 1e-8 && fabs(f64_at(f8, 1) + 0.93046804) < 1e-8 &&
              fabs(f64_at(f8, 2) + 0.02925182) < 1e-8);
    cr_expect(u1->ndim == 4 && ((const unsigned char *)u1->data)[89] == 89);
    int64_t n;
    memcpy(&n, i8->data, sizeof n);
    cr_expect(i8->ndim == 0 && n == 77);
    cm_to_float(f2->dtype, f2->data, 2, x);
    cr_expect(fabsf(x[1] - 0.2987f) < 1e-3f);
    cr_expect(empty->count == 0);
    cr_expect_null(cm_npz_find(f, "text"));
    cm_npz_close(&f);
    cr_expect_null(f);
}

Test(npz, arrays_are_numpys_stored_or_deflated) {
    holds_numpys_values(FILES "plain.npz");
    holds_numpys_values(FILES "deflated.npz");
}

Test(npz, arrays_of_the_other_byte_order_are_turned) {
    holds_numpys_values(FILES "big-endian.npz");
}

Test(npz, one_npy_alone_is_an_array_without_a_name) {
    cm_npz *f = NULL;
    cr_assert_eq(cm_npz_open(&f, FILES "alone.npy"), CM_OK, "%s", cm_why());
    const cm_stored *a = cm_npz_find(f, "");
    cr_assert(a && a->ndim == 4 && cm_npz_load(f, a) == CM_OK);
    cr_expect_eq(((const unsigned char *)a->data)[89], 89);
    cm_npz_close(&f);
}

/* A shape beyond what is there is refused with the 8 MB behind it still packed. */
Test(npz, a_giant_shape_is_refused_before_its_data_are_unpacked) {
    cm_npz *f = NULL;
    const double before = cm_peak_rss_mb();
    cr_assert_eq(cm_npz_open(&f, FILES "giant.npz"), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "arr_0.npy: truncated"), "%s", cm_why());
    cr_expect(cm_peak_rss_mb() - before < 4, "%f MB", cm_peak_rss_mb() - before);
}

/* One bit of the values, stored or deflated: numpy's zip has a check sum for that. */
Test(npz, a_changed_value_is_seen_by_its_check_sum) {
    cm_arena a;
    char *text;
    size_t bytes, at = 0;
    cm_npz *f = NULL;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_read_text(FILES "plain.npz", 1 << 20, &a, &text, &bytes), CM_OK);
    for (size_t i = 0; i + 40 < bytes && !at; i++)
        if (memcmp(text + i, "\x1e\x1f\x20\x21\x22", 5) == 0) at = i; /* within u1 */
    cr_assert(at);
    text[at] ^= 4;
    cr_assert_eq(cm_npz_read(&f, (const unsigned char *)text, bytes), CM_OK, "%s", cm_why());
    cr_expect_eq(cm_npz_load(f, cm_npz_find(f, "f4")), CM_OK);
    cr_expect_eq(cm_npz_load(f, cm_npz_find(f, "u1")), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "check sum"), "%s", cm_why());
    cr_expect_null(cm_npz_find(f, "u1")->data);
    cm_npz_close(&f);
    cm_arena_free(&a);
}

Test(npz, an_array_of_objects_is_left_alone) {
    cm_npz *f = NULL;
    cr_assert_eq(cm_npz_open(&f, FILES "objects.npz"), CM_OK, "%s", cm_why());
    cr_expect(cm_npz_count(f) == 1 && cm_npz_find(f, "f4"));
    cm_npz_close(&f);
}

Test(npz, every_cut_is_refused_or_whole) {
    cm_arena a;
    char *text;
    size_t bytes;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_read_text(FILES "deflated.npz", 1 << 20, &a, &text, &bytes), CM_OK);
    for (size_t n = 0; n < bytes; n++) {
        cm_npz *f = NULL;
        unsigned char *part = malloc(n + 1);
        memcpy(part, text, n);
        cr_expect_neq(cm_npz_read(&f, part, n), CM_OK, "%zu of %zu bytes were taken", n, bytes);
        free(part);
    }
    cm_arena_free(&a);
}

Test(npz, what_is_written_is_read_back) {
    const double mu[3] = {1, -2, 0.5};
    const unsigned char word[4] = {'f', 'i', 'd', '!'};
    const size_t shape[2] = {3, 1}, letters = 4;
    const cm_store_item items[] = {{.name = "mu", .dtype = CM_F64, .ndim = 2, .shape = shape, .raw = mu},
                                   {.name = "word", .dtype = CM_U8, .ndim = 1, .shape = &letters, .raw = word}};
    const char *path = scratch("own.npz");
    cm_npz *f = NULL;
    cr_assert_eq(cm_npz_write(path, items, 2), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_npz_open(&f, path), CM_OK, "%s", cm_why());
    cr_expect(cm_npz_count(f) == 2 && cm_npz_load(f, cm_npz_find(f, "mu")) == CM_OK &&
              cm_npz_find(f, "mu")->ndim == 2 && f64_at(cm_npz_find(f, "mu"), 1) == -2.0);
    cr_assert_eq(cm_npz_load(f, cm_npz_find(f, "word")), CM_OK);
    cr_expect(memcmp(cm_npz_find(f, "word")->data, word, 4) == 0);
    cm_npz_close(&f);
    limit_files(64);
    const char *full = scratch("full.npz");
    cr_expect_eq(cm_npz_write(full, items, 2), CM_EIO);
    unlimit_files();
    cr_expect(!cm_path_exists(full) && scratch_files() == 1);
}

/* --- statistics -------------------------------------------------------------- */

Test(npz, statistics_of_others_are_taken_with_a_warning) {
    cm_arena a;
    cm_moments m;
    cm_arena_init(&a, 0);
    const cm_statistics_claim claim = {"fid@clean", "abc", 6, 100}, wide = {"fid@clean", "abc", 7, 0};
    cr_expect(cm_statistics_is(FILES "statistics.npz") && !cm_statistics_is(FILES "plain.npz") &&
              !cm_statistics_is(PICTURES));
    cr_assert_eq(cm_statistics_read(FILES "statistics.npz", &claim, &a, &m), CM_OK, "%s", cm_why());
    cr_expect(m.n == 0 && m.width == 6 && m.scatter[0] > 0);
    cr_expect_eq(cm_statistics_read(FILES "statistics.npz", &wide, &a, &m), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "another network"), "%s", cm_why());
    cm_arena_free(&a);
}

Test(npz, guided_diffusions_reference_is_statistics_and_pictures) {
    cm_picture_source *s = NULL;
    cr_expect(cm_statistics_is(FILES "adm.npz") && cm_picture_source_is_array(FILES "adm.npz"));
    cr_expect(!cm_picture_source_is_array(FILES "statistics.npz") && !cm_picture_source_is_array(PICTURES));
    cr_assert_eq(cm_picture_source_open(&s, FILES "adm.npz"), CM_OK, "%s", cm_why());
    cr_expect_eq(cm_picture_source_count(s), 8);
    cm_picture_source_close(&s);
}

Test(npz, upper_case_names_are_known) {
    char *text;
    size_t bytes;
    cm_arena a;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_read_text(FILES "statistics.npz", 1 << 20, &a, &text, &bytes), CM_OK);
    scratch_write("STATS.NPZ", text, bytes);
    cr_expect(cm_statistics_is(scratch("STATS.NPZ")));
    cm_arena_free(&a);
}

Test(npz, statistics_say_what_they_are) {
    cm_arena a;
    cm_arena_init(&a, 0);
    double mean[2] = {1, 2}, scatter[4] = {8, 2, 2, 4};
    const cm_moments m = {5, 2, mean, scatter};
    const cm_statistics_claim claim = {"fid@clean", "abc", 2, 5}, protocol = {"fid@tf1", "abc", 2, 5},
                              weights = {"fid@clean", "abd", 2, 5}, n = {"fid@clean", "abc", 2, 6},
                              any = {"fid@clean", "abc", 2, 0};
    const char *path = scratch("stats.npz");
    cm_moments back;
    cr_assert_eq(cm_statistics_write(path, &claim, &m), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_statistics_read(path, &claim, &a, &back), CM_OK, "%s", cm_why());
    cr_expect(back.n == 5 && back.mean[1] == 2.0 && back.scatter[0] == 8.0 && back.scatter[1] == 2.0);
    cr_expect_eq(cm_statistics_read(path, &protocol, &a, &back), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "another protocol: fid@clean in the file, fid@tf1 is wanted"), "%s", cm_why());
    cr_expect_eq(cm_statistics_read(path, &weights, &a, &back), CM_EUSAGE);
    cr_expect_eq(cm_statistics_read(path, &n, &a, &back), CM_EUSAGE);
    cr_expect_eq(cm_statistics_read(path, &any, &a, &back), CM_OK);
    scatter[3] = (double)NAN;
    cr_assert_eq(cm_statistics_write(path, &claim, &m), CM_OK);
    cr_expect_eq(cm_statistics_read(path, &claim, &a, &back), CM_EFORMAT);
    scatter[3] = 4;
    scatter[1] = 3;
    cr_assert_eq(cm_statistics_write(path, &claim, &m), CM_OK);
    cr_expect_eq(cm_statistics_read(path, &claim, &a, &back), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "not symmetric"), "%s", cm_why());
    cm_arena_free(&a);
}

/* --- lists of pictures ---------------------------------------------------------- */

Test(npz, a_folder_is_read_in_the_order_of_paths) {
    cm_picture_source *s = NULL;
    cm_arena a;
    cm_image image;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_picture_source_open(&s, PICTURES "/"), CM_OK, "%s", cm_why());
    cr_assert(cm_picture_source_count(s) > 10);
    for (size_t i = 1; i < cm_picture_source_count(s); i++)
        cr_expect(strcmp(cm_picture_source_path(s, i - 1), cm_picture_source_path(s, i)) < 0);
    cr_expect(strcmp(cm_picture_source_id(s, 0), "cmyk") == 0 && strlen(cm_picture_source_hash(s)) == 64);
    cr_expect_null(cm_picture_source_prompt(s, 0));
    for (size_t i = 0; i < cm_picture_source_count(s); i++) {
        const char *id = cm_picture_source_id(s, i);
        cr_expect(cm_picture_source_read(s, i, &a, &image) == CM_OK && image.channels == 3, "%s: %s", id, cm_why());
        cr_expect_eq(image.lost_alpha, !strcmp(id, "grey-alpha") || !strcmp(id, "rgba") || !strcmp(id, "palette"), "%s",
                     id);
    }
    cm_picture_source_close(&s);
    cm_arena_free(&a);
}

static void write_list(const char *lines) {
    scratch_write("list.jsonl", lines, strlen(lines));
}

Test(npz, a_manifest_names_its_pictures) {
    const char *path = scratch("list.jsonl");
    char lines[1024];
    cm_picture_source *s = NULL;
    snprintf(lines, sizeof lines,
             "{\"path\": \"%s/rgb.png\", \"id\": \"p1\", \"prompt\": \"a person\"}\n{\"path\": \"below/x.png\"}\n",
             PICTURES);
    write_list(lines);
    cr_assert_eq(cm_picture_source_open(&s, path), CM_OK, "%s", cm_why());
    cr_expect(cm_picture_source_count(s) == 2 && !strcmp(cm_picture_source_prompt(s, 0), "a person"));
    cr_expect(!strcmp(cm_picture_source_id(s, 0), "p1") && !strcmp(cm_picture_source_id(s, 1), "below/x"));
    cr_expect(strstr(cm_picture_source_path(s, 1), scratch_folder), "%s", cm_picture_source_path(s, 1));
    cm_picture_source_close(&s);
    write_list("{\"path\": \"x.png\", \"promt\": \"a\"}\n");
    cr_expect_neq(cm_picture_source_open(&s, path), CM_OK);
    cr_expect(strstr(cm_why(), "promt") && strstr(cm_why(), "prompt"), "%s", cm_why());
    write_list("{\"path\": \"x.png\", \"width\": 512}\n");
    cr_expect_eq(cm_picture_source_open(&s, path), CM_OK, "%s", cm_why());
    cm_picture_source_close(&s);
    write_list("{\"id\": \"p1\"}\n");
    cr_expect_neq(cm_picture_source_open(&s, path), CM_OK);
    cr_expect(strstr(cm_why(), "line 1") && strstr(cm_why(), "path"), "%s", cm_why());
}

Test(npz, an_array_is_a_list_of_pictures) {
    cm_picture_source *s = NULL;
    cm_arena a;
    cm_image image;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_picture_source_open(&s, FILES "plain.npz"), CM_OK, "%s", cm_why());
    cr_assert(cm_picture_source_count(s) == 2);
    cr_assert_eq(cm_picture_source_read(s, 1, &a, &image), CM_OK);
    cr_expect(image.height == 3 && image.width == 5 && image.pixels[0] == 45 && image.pixels[44] == 89);
    cm_picture_source_close(&s);
    cr_expect_eq(cm_picture_source_open(&s, FILES "statistics.npz"), CM_EFORMAT);
    cr_expect_eq(cm_picture_source_open(&s, "nowhere"), CM_EUSAGE);
    cr_expect_eq(cm_picture_source_open(&s, CM_TESTS_DIR "/CMakeLists.txt"), CM_EUSAGE);
    cm_arena_free(&a);
}
