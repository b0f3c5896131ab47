// SPDX-License-Identifier: Apache-2.0
/* CMYK JPEG, WebP, BMP and GIF against Pillow's pixels; JPEG as it is written; what stops a decoder. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/rng.h"
#include "core/base/system.h"
#include "core/io/image.h"
#include "core/io/safetensors.h"
#include "tests/unit/scratch.h"

#define KINDS CM_TESTS_DIR "/golden/image_kinds/"
#define PICTURES CM_TESTS_DIR "/golden/images/"

static cm_arena a;

static void begin(void) {
    cm_arena_init(&a, 0);
}

static void end(void) {
    cm_arena_free(&a);
    scratch_done();
}

TestSuite(image_kinds, .init = begin, .fini = end);

static void expect_equal(const cm_safetensors *golden, const char *file, size_t channels) {
    char name[128], path[512];
    cm_image image;
    snprintf(name, sizeof name, "%s/%s", file, channels == 3 ? "rgb" : "grey");
    snprintf(path, sizeof path, KINDS "%s", file);
    const cm_stored *want = cm_safetensors_find(golden, name);
    cr_assert(want, "%s", name);
    cr_assert_eq(cm_image_read(path, channels, &a, &image), CM_OK, "%s", cm_why());
    cr_assert(image.height == want->shape[0] && image.width == want->shape[1] && image.channels == want->shape[2], "%s",
              name);
    cr_expect_arr_eq(image.pixels, want->data, want->count, "%s", name);
}

/* Every picture of the folder, so that a new one is never left out. */
Test(image_kinds, have_pillows_pixels) {
    cm_safetensors *golden;
    size_t count = 0;
    cr_assert_eq(cm_safetensors_open(&golden, KINDS "values.safetensors"), CM_OK, "%s", cm_why());
    DIR *d = opendir(KINDS);
    cr_assert(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        const char *dot = strrchr(e->d_name, '.');
        if (e->d_name[0] == '.' || !strcmp(dot, ".py") || !strcmp(dot, ".safetensors")) continue;
        expect_equal(golden, e->d_name, 3);
        expect_equal(golden, e->d_name, 1);
        count++;
    }
    closedir(d);
    cr_expect_eq(2 * count, cm_safetensors_count(golden));
    cm_safetensors_close(&golden);
}

Test(image_kinds, say_what_was_dropped_and_what_was_lossy) {
    static const struct {
        const char *file;
        bool alpha, lossy;
    } cases[] = {{"lossy.webp", false, true},      {"lossless.webp", false, false},
                 {"lossy-alpha.webp", true, true}, {"lossless-alpha.webp", true, false},
                 {"clear.gif", true, false},       {"plain.gif", false, false},
                 {"32-fields.bmp", true, false},   {"32.bmp", false, false},
                 {"cmyk-adobe.jpg", false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        cm_image image;
        snprintf(path, sizeof path, KINDS "%s", cases[i].file);
        cr_assert_eq(cm_image_read(path, 3, &a, &image), CM_OK, "%s", cm_why());
        cr_expect(image.lost_alpha == cases[i].alpha && image.lossy == cases[i].lossy, "%s", cases[i].file);
    }
}

/* The name says nothing. */
Test(image_kinds, are_known_by_their_content) {
    char *bytes;
    size_t n;
    cm_image image;
    cr_assert_eq(cm_read_text(PICTURES "rgb.png", 1 << 20, &a, &bytes, &n), CM_OK);
    scratch_write("x.jpg", bytes, n);
    cr_assert_eq(cm_image_read(scratch("x.jpg"), 3, &a, &image), CM_OK, "%s", cm_why());
    cr_expect_not(image.lossy);
}

/* Each byte cut off or changed: an error that names the file, or a picture; never a crash. A cut file is no picture,
 * but for the last bytes of a kind whose pixels are all there before its end. */
static void damage(const char *file, size_t tail) {
    char path[512], *bytes;
    size_t n;
    cm_image image;
    snprintf(path, sizeof path, KINDS "%s", file);
    cr_assert_eq(cm_read_text(path, 1 << 20, &a, &bytes, &n), CM_OK);
    for (size_t i = 0; i < n; i++) {
        cm_arena b;
        cm_arena_init(&b, 0);
        scratch_write("cut", bytes, i);
        const cm_status cut = cm_image_read(scratch("cut"), 3, &b, &image);
        cr_assert(cut == CM_EFORMAT || (cut == CM_OK && i + tail >= n), "%s cut at %zu of %zu: %d", file, i, n, cut);
        if (cut != CM_OK) cr_assert(strncmp(cm_why(), scratch("cut"), strlen(scratch("cut"))) == 0, "%s", cm_why());
        bytes[i] = (char)(bytes[i] ^ 0x55);
        scratch_write("changed", bytes, n);
        const cm_status changed = cm_image_read(scratch("changed"), 3, &b, &image);
        cr_assert(changed == CM_EFORMAT || changed == CM_OK || changed == CM_EUSAGE, "%s changed at %zu: %d", file, i,
                  changed);
        bytes[i] = (char)(bytes[i] ^ 0x55);
        cm_arena_free(&b);
    }
}

Test(image_kinds, of_damaged_files_are_errors) {
    damage("lossy.webp", 0);
    damage("lossless.webp", 0);
    damage("frames.webp", 0);
    damage("clear.gif", 2); /* an empty block, and the end mark */
    damage("aside.gif", 2);
    damage("palette4.bmp", 2); /* the last row's filling */
    damage("565.bmp", 2);
    damage("rle8.bmp", 4); /* the end of the last row, and of all */
    damage("rle4.bmp", 4);
}

Test(image_kinds, claim_absurd_sizes_in_vain) {
    static const unsigned char bmp[26] = {'B', 'M', 0, 0, 0, 0,    0,    0,    0,    0, 26, 0,  0,
                                          0,   12,  0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0,  24, 0};
    static const unsigned char gif[] = {'G', 'I', 'F', '8', '9', 'a', 0xff, 0xff, 0xff, 0xff, 0, 0,    0, ',',
                                        0,   0,   0,   0,   1,   0,   1,    0,    0,    2,    2, 0x44, 1, 0};
    cm_image image;
    scratch_write("huge.bmp", bmp, sizeof bmp);
    cr_expect_eq(cm_image_read(scratch("huge.bmp"), 3, &a, &image), CM_EFORMAT);
    scratch_write("huge.gif", gif, sizeof gif);
    cr_expect_eq(cm_image_read(scratch("huge.gif"), 3, &a, &image), CM_EFORMAT);
    cr_expect(a.peak < 1 << 20);
}

Test(image_kinds, of_special_files_are_refused_without_waiting) {
    cm_image image;
    const char *fifo = scratch("pipe.png");
    scratch_write("x", "", 0);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    alarm(5);
    cr_expect_neq(cm_image_read(fifo, 3, &a, &image), CM_OK);
    cr_expect(strstr(cm_why(), "not a regular file"), "%s", cm_why());
    cr_expect_neq(cm_image_read("/dev/null", 3, &a, &image), CM_OK);
    alarm(0);
}

/* --- scans ----------------------------------------------------------------------- */

/* progressive.jpg with its last scan repeated. Returns its bytes. */
static size_t with_scans(size_t extra, unsigned char *out, size_t room) {
    char *bytes;
    size_t n, last = 0;
    cr_assert_eq(cm_read_text(PICTURES "progressive.jpg", 1 << 20, &a, &bytes, &n), CM_OK);
    for (size_t i = 0; i + 1 < n; i++)
        if ((unsigned char)bytes[i] == 0xff && (unsigned char)bytes[i + 1] == 0xda) last = i;
    const size_t scan = n - 2 - last;
    cr_assert(n + extra * scan <= room);
    memcpy(out, bytes, n - 2);
    for (size_t i = 0; i < extra; i++) memcpy(out + n - 2 + i * scan, bytes + last, scan);
    memcpy(out + n - 2 + extra * scan, "\xff\xd9", 2);
    return n + extra * scan;
}

Test(image_kinds, a_jpeg_of_too_many_scans_is_refused) {
    enum { ROOM = 1 << 20 };
    unsigned char *bytes = malloc(ROOM);
    cm_image image;
    const size_t n = with_scans(1000, bytes, ROOM);
    scratch_write("scans.jpg", bytes, n);
    free(bytes);
    cr_assert_eq(cm_image_read(scratch("scans.jpg"), 3, &a, &image), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "scans"), "%s", cm_why());
}

Test(image_kinds, are_not_read_on_after_a_stop) {
    static const char *const files[] = {PICTURES "rgb.png", PICTURES "interlaced.png", PICTURES "progressive.jpg",
                                        PICTURES "rgb.jpg", KINDS "lossy.webp",        KINDS "24.bmp",
                                        KINDS "rle8.bmp",   KINDS "plain.gif"};
    cm_image image;
    cm_catch_signals();
    raise(SIGINT);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        cr_expect_eq(cm_image_read(files[i], 3, &a, &image), CM_EINTERRUPTED, "%s", files[i]);
}

/* --- writing ------------------------------------------------------------------------ */

Test(image_kinds, a_written_jpeg_is_near_and_says_how_it_was_made) {
    static const char *const text[] = {"prompt", "caf\xc3\xa9 \"red\"\nline", "seed", "7", NULL};
    cm_image image, back;
    for (size_t channels = 1; channels <= 3; channels += 2) {
        cr_assert_eq(cm_image_new(&a, 64, 48, channels, &image), CM_OK);
        for (size_t i = 0; i < 64 * 48 * channels; i++)
            image.pixels[i] = (uint8_t)(i / channels % 64 * 3 + i % channels * 20);
        cr_assert_eq(cm_image_write(scratch("x.JPG"), &image, text), CM_OK, "%s", cm_why());
        cr_assert_eq(cm_image_read(scratch("x.JPG"), channels, &a, &back), CM_OK, "%s", cm_why());
        cr_expect(back.lossy && back.channels == channels && back.width == 64 && back.height == 48);
        for (size_t i = 0; i < 64 * 48 * channels; i++)
            cr_assert(abs(back.pixels[i] - image.pixels[i]) <= 6, "at %zu", i);
    }
    unsigned char bytes[8192];
    const size_t n = read_file(scratch("x.JPG"), bytes, sizeof bytes);
    size_t at = 2;
    while (at + 4 < n && bytes[at + 1] != 0xfe) at += 2 + (size_t)(bytes[at + 2] << 8 | bytes[at + 3]);
    cr_assert(at + 4 < n, "a comment is in the file");
    json_t *o = json_loadb((const char *)bytes + at + 4, (size_t)(bytes[at + 2] << 8 | bytes[at + 3]) - 2, 0, NULL);
    cr_assert(o);
    cr_expect_str_eq(json_string_value(json_object_get(o, "prompt")), text[1]);
    json_decref(o);
}

Test(image_kinds, are_written_as_png_or_jpeg_only) {
    cr_expect_eq(cm_image_check_name("a/x.webp"), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "a/x.webp: images are written as PNG or JPEG"), "%s", cm_why());
    cr_expect_eq(cm_image_check_name("x.png"), CM_OK);
    cr_expect_eq(cm_image_check_name("x.jpeg"), CM_OK);
    cr_expect_eq(cm_image_check_name("out.v2/x"), CM_OK);
    cr_expect_eq(cm_image_check_name(".png"), CM_OK);
    cr_expect_eq(cm_image_check_name("unet/config.json"), CM_EUSAGE);
    cr_expect_eq(cm_image_check_name("-"), CM_EUSAGE);
    cr_expect_eq(cm_image_check_name("/dev/null"), CM_OK);
}

Test(image_kinds, a_full_disk_leaves_no_jpeg_behind) {
    cm_image image;
    cm_rng r = cm_rng_make(1, 1);
    cr_assert_eq(cm_image_new(&a, 200, 200, 3, &image), CM_OK);
    for (size_t i = 0; i < 120000; i++) image.pixels[i] = (uint8_t)cm_rng_u32(&r);
    limit_files(20000);
    cr_expect_eq(cm_image_write_jpeg(scratch("x.jpg"), &image, NULL), CM_EIO);
    unlimit_files();
    cr_expect_eq(scratch_files(), 0);
    image.channels = 2;
    cr_expect_eq(cm_image_write_jpeg(scratch("x.jpg"), &image, NULL), CM_EUSAGE);
}
