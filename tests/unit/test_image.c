// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/base/system.h"
#include "core/io/image.h"
#include "core/io/safetensors.h"
#include "tests/unit/scratch.h"

static cm_arena a;

static void begin(void) {
    cm_arena_init(&a, 0);
}

static void end(void) {
    cm_arena_free(&a);
    scratch_done();
}

static const char *golden_file(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/golden/images/%s", CM_TESTS_DIR, name);
    return path;
}

static void expect_equal(const cm_safetensors *golden, const char *file, const char *how, const cm_image *got) {
    char name[128];
    snprintf(name, sizeof name, "%s/%s", file, how);
    const cm_stored *want = cm_safetensors_find(golden, name);
    cr_assert(want, "%s", name);
    cr_assert(got->height == want->shape[0] && got->width == want->shape[1] && got->channels == want->shape[2], "%s",
              name);
    cr_assert_arr_eq(got->pixels, want->data, want->count, "%s", name);
}

Test(image, every_kind_is_read_as_pillow_reads_it, .init = begin, .fini = end) {
    static const char *const files[] = {"rgb.png",      "grey.png",   "rgba.png",       "grey-alpha.png",
                                        "rgb16.png",    "grey16.png", "interlaced.png", "palette.png",
                                        "palette4.png", "grey1.png",  "grey2.png",      "grey4.png",
                                        "rgb.jpg",      "grey.jpg",   "progressive.jpg"};
    cm_safetensors *golden;
    cr_assert_eq(cm_safetensors_open(&golden, golden_file("images.safetensors")), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        cm_image image;
        cr_assert_eq(cm_image_read(golden_file(files[i]), 3, &a, &image), CM_OK, "%s", cm_why());
        expect_equal(golden, files[i], "rgb", &image);
        cr_assert_eq(cm_image_read(golden_file(files[i]), 1, &a, &image), CM_OK, "%s", cm_why());
        expect_equal(golden, files[i], "grey", &image);
    }
    cm_safetensors_close(&golden);
}

Test(image, label_maps_keep_their_values, .init = begin, .fini = end) {
    static const char *const files[] = {"grey.png",  "palette.png", "palette4.png",
                                        "grey1.png", "grey2.png",   "grey4.png"};
    static const char *const refused[] = {"rgb.png", "rgba.png", "grey16.png", "grey-alpha.png", "grey.jpg"};
    cm_safetensors *golden;
    cm_image image;
    cr_assert_eq(cm_safetensors_open(&golden, golden_file("images.safetensors")), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        cr_assert_eq(cm_image_read_labels(golden_file(files[i]), &a, &image), CM_OK, "%s", cm_why());
        expect_equal(golden, files[i], "labels", &image);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        cr_assert_eq(cm_image_read_labels(golden_file(refused[i]), &a, &image), CM_EFORMAT, "%s", refused[i]);
    }
    cm_safetensors_close(&golden);
}

Test(image, a_written_png_is_read_back_bit_for_bit, .init = begin, .fini = end) {
    static const size_t sizes[][2] = {{1, 1}, {1, 7}, {7, 1}, {64, 96}, {33, 31}};
    static const char *const text[] = {"prompt", "a woman in red", "seed", "7", "name", "caf\xc3\xa9", NULL};
    cm_rng r = cm_rng_make(1, 1);
    for (size_t i = 0; i < 5; i++) {
        for (size_t channels = 1; channels <= 3; channels += 2) {
            cm_image image, back;
            cr_assert_eq(cm_image_new(&a, sizes[i][0], sizes[i][1], channels, &image), CM_OK);
            const size_t n = image.width * image.height * channels;
            for (size_t k = 0; k < n; k++) image.pixels[k] = (uint8_t)cm_rng_u32(&r);
            cr_assert_eq(cm_image_write_png(scratch("x.png"), &image, text), CM_OK, "%s", cm_why());
            cr_assert_eq(cm_image_read(scratch("x.png"), channels, &a, &back), CM_OK, "%s", cm_why());
            cr_assert(back.width == image.width && back.height == image.height && back.channels == channels);
            cr_assert_arr_eq(back.pixels, image.pixels, n);
            cr_assert_eq(scratch_files(), 1);
        }
    }
    char *bytes;
    size_t n;
    cr_assert_eq(cm_read_text(scratch("x.png"), 1 << 20, &a, &bytes, &n), CM_OK);
    bool found = false;
    for (size_t i = 0; i + 21 < n; i++) found = found || memcmp(bytes + i, "prompt\0a woman in red", 21) == 0;
    cr_assert(found, "the text is in the file");
}

/* Each byte of a picture in turn is cut off, or changed: never a crash, never a picture from a cut file. */
static void damage(const char *file, bool cuts_only_at_end) {
    char *bytes;
    size_t n;
    cm_image image;
    cr_assert_eq(cm_read_text(golden_file(file), 1 << 20, &a, &bytes, &n), CM_OK);
    for (size_t i = 0; i < n; i++) {
        scratch_write("cut", bytes, i);
        const cm_status s = cm_image_read(scratch("cut"), 3, &a, &image);
        cr_assert_eq(s, CM_EFORMAT, "%s cut at %zu of %zu", file, i, n);
        cr_assert(strncmp(cm_why(), scratch("cut"), strlen(scratch("cut"))) == 0, "%s", cm_why());
        bytes[i] = (char)(bytes[i] ^ 0x55);
        scratch_write("changed", bytes, n);
        const cm_status changed = cm_image_read(scratch("changed"), 3, &a, &image);
        cr_assert(changed == CM_EFORMAT || (!cuts_only_at_end && (changed == CM_OK || changed == CM_EUSAGE)),
                  "%s changed at %zu", file, i);
        bytes[i] = (char)(bytes[i] ^ 0x55);
        cm_arena_clear(&a);
        cr_assert_eq(cm_read_text(golden_file(file), 1 << 20, &a, &bytes, &n), CM_OK);
    }
}

Test(image, a_damaged_png_is_an_error, .init = begin, .fini = end) {
    damage("rgb.png", true);
    damage("palette.png", true);
    damage("interlaced.png", true);
}

Test(image, a_truncated_jpeg_is_an_error_and_a_changed_one_no_crash, .init = begin, .fini = end) {
    damage("rgb.jpg", false);
    damage("progressive.jpg", false);
}

Test(image, other_files_are_refused_by_name, .init = begin, .fini = end) {
    cm_image image;
    scratch_write("note.png", "this is text", 12);
    cr_assert_eq(cm_image_read(scratch("note.png"), 3, &a, &image), CM_EFORMAT);
    cr_assert(strstr(cm_why(), "note.png: not a PNG, JPEG, WebP, BMP or GIF"), "%s", cm_why());
    scratch_write("empty.png", "", 0);
    cr_assert_eq(cm_image_read(scratch("empty.png"), 3, &a, &image), CM_EFORMAT);
    cr_assert_eq(cm_image_read(scratch("absent.png"), 3, &a, &image), CM_EIO);
    cr_assert_eq(cm_image_read("/tmp", 3, &a, &image), CM_EFORMAT);
    cr_assert(strstr(cm_why(), "/tmp: not a regular file"), "%s", cm_why());
}

/* 4 gigapixels claimed in a file of 57 bytes */
Test(image, an_absurd_size_is_refused_before_memory_is_asked_for, .init = begin, .fini = end) {
    static const unsigned char huge[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0,    0,
                                         13,   'I', 'H', 'D', 'R',  0,    1,    0,    0,    0,    1,
                                         0,    0,   8,   2,   0,    0,    0,    0x7f, 0xb7, 0x55, 0x80};
    cm_image image;
    scratch_write("huge.png", huge, sizeof huge);
    cr_assert_neq(cm_image_read(scratch("huge.png"), 3, &a, &image), CM_OK);
    cr_assert(a.peak < 1 << 24);
    cr_assert_eq(cm_image_new(&a, (size_t)1 << 32, (size_t)1 << 32, 3, &image), CM_EUSAGE);
    cr_assert_eq(cm_image_new(&a, 0, 4, 3, &image), CM_EUSAGE);
}

Test(image, a_full_disk_leaves_nothing_behind, .init = begin, .fini = end) {
    cm_image image;
    cm_rng r = cm_rng_make(1, 1);
    cr_assert_eq(cm_image_new(&a, 200, 200, 3, &image), CM_OK);
    for (size_t i = 0; i < 120000; i++) image.pixels[i] = (uint8_t)cm_rng_u32(&r);
    limit_files(20000);
    cr_assert_eq(cm_image_write_png(scratch("x.png"), &image, NULL), CM_EIO);
    unlimit_files();
    cr_assert(strstr(cm_why(), "x.png: cannot write"), "%s", cm_why());
    cr_assert_eq(scratch_files(), 0);
    cr_assert_eq(cm_image_write_png("/dev/full", &image, NULL), CM_EIO);
    cr_assert_eq(cm_image_write_png(scratch("no/folder.png"), &image, NULL), CM_EIO);
    image.channels = 2;
    cr_assert_eq(cm_image_write_png(scratch("x.png"), &image, NULL), CM_EUSAGE);
}

Test(image, floats_and_pixels_convert_both_ways, .init = begin, .fini = end) {
    cm_image image;
    float x[256];
    cr_assert_eq(cm_image_new(&a, 16, 16, 1, &image), CM_OK);
    for (int i = 0; i < 256; i++) image.pixels[i] = (uint8_t)i;
    cm_image_to_float(&image, x);
    cr_assert(x[0] == -1 && x[255] == 1);
    memset(image.pixels, 7, 256);
    cm_image_from_float(x, &image);
    for (int i = 0; i < 256; i++) cr_assert_eq(image.pixels[i], i);
    const float odd[] = {-3, 2, NAN, INFINITY};
    memcpy(x, odd, sizeof odd);
    cm_image_from_float(x, &image);
    cr_assert_arr_eq(image.pixels, "\0\xff\0\xff", 4);
}
