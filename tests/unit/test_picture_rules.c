// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/io/safetensors.h"
#include "metrics/picture_rules.h"

static cm_arena arena;

static void begin(void) {
    cm_arena_init(&arena, 0);
}

static void end(void) {
    cm_arena_free(&arena);
}

TestSuite(picture_rules, .init = begin, .fini = end);

static const size_t cases[][2] = {{1024, 1024}, {768, 1153}, {1001, 299}, {299, 299},
                                  {120, 67},    {1, 1},      {3, 500},    {640, 337}};
enum { CASES = sizeof cases / sizeof *cases, PIXELS = 64, STRIDE = 7919 };

/* The golden script's picture. */
static void draw(cm_image *image) {
    for (uint64_t y = 0; y < image->height; y++)
        for (uint64_t x = 0; x < image->width; x++)
            for (uint64_t c = 0; c < 3; c++) {
                const uint64_t noise = (x * 2654435761u + y * 40503 + c * 97 + x * y * 7) >> 5;
                const uint64_t value = (x / 37 + y / 23) % 3 == 0 ? noise % 2 * 255 : noise % 256;
                image->pixels[(y * image->width + x) * 3 + c] = (uint8_t)value;
            }
}

static cm_image picture(size_t height, size_t width) {
    cm_image image;
    cr_assert_eq(cm_image_new(&arena, width, height, 3, &image), CM_OK);
    draw(&image);
    return image;
}

static size_t published_size(const char *rule) {
    if (strncmp(rule, "fid", 3) == 0) return 299;
    if (strcmp(rule, "cmmd") == 0) return 336;
    return strcmp(rule, "nano") == 0 ? 96 : 224;
}

static void agrees(const cm_safetensors *golden, int number, const cm_picture_rule *r, const cm_image *image) {
    char name[64];
    snprintf(name, sizeof name, "%d/%s", number, r->name);
    const cm_stored *want = cm_safetensors_find(golden, name);
    cr_assert(want && want->count == PIXELS * 3, "%s", name);
    const size_t size = published_size(r->name);
    float *got = CM_PUSH(&arena, float, size *size * 3), w[PIXELS * 3];
    cm_to_float(want->dtype, want->data, want->count, w);
    cr_assert_eq(cm_picture_prepare(r, image, size, size, &arena, got), CM_OK, "%s: %s", name, cm_why());
    for (size_t i = 0; i < PIXELS * 3; i++) {
        const float g = got[i / 3 * STRIDE % (size * size) * 3 + i % 3];
        cr_assert(fabsf(g - w[i]) <= (r->wide ? 6e-5f : 1e-6f), "%s, at %zu: %.8g, not %.8g", name, i, (double)g,
                  (double)w[i]);
    }
}

/* Against the packages' own code. 1e-6 of a range of 2 to 4.5: f32 sums in another order (6e-5 for hps: torch's own f32
 * is that far from doubles, ours is not); fid@clean and those of bytes come out equal. */
Test(picture_rules, each_is_its_original) {
    cm_safetensors *golden;
    cr_assert_eq(cm_safetensors_open(&golden, CM_TESTS_DIR "/golden/picture_rules/rules.safetensors"), CM_OK, "%s",
                 cm_why());
    for (int n = 0; n < CASES; n++)
        for (size_t i = 0; i < cm_picture_rule_count; i++) {
            const cm_arena_mark mark = cm_arena_get_mark(&arena);
            const cm_image image = picture(cases[n][0], cases[n][1]);
            agrees(golden, n, &cm_picture_rules[i], &image);
            cm_arena_reset(&arena, mark);
        }
    cm_safetensors_close(&golden);
}

Test(picture_rules, names_are_found_and_no_others) {
    for (size_t i = 0; i < cm_picture_rule_count; i++)
        cr_expect_eq(cm_picture_rule_find(cm_picture_rules[i].name), &cm_picture_rules[i]);
    cr_expect_null(cm_picture_rule_find("fid"));
    cr_expect_null(cm_picture_rule_find(""));
}

Test(picture_rules, rules_of_one_size_differ_only_in_scale_where_nothing_is_resized) {
    const cm_image image = picture(23, 23);
    float x[4][23 * 23 * 3];
    const char *const names[4] = {"fid@tf1", "fid@clean", "fid@tm18", "fid@pytorch"};
    for (int r = 0; r < 4; r++)
        cr_assert_eq(cm_picture_prepare(cm_picture_rule_find(names[r]), &image, 23, 23, &arena, x[r]), CM_OK);
    for (size_t i = 0; i < (size_t)23 * 23 * 3; i++) {
        const float v = image.pixels[i];
        for (int r = 0; r < 3; r++) cr_assert_eq(x[r][i], (v - 128) / 128, "%s", names[r]);
        cr_assert_float_eq(x[3][i], 2 * v / 255 - 1, 1e-6f);
    }
}

Test(picture_rules, a_grey_picture_is_three_equal_channels) {
    cm_image colour = picture(31, 45), grey;
    cr_assert_eq(cm_image_new(&arena, 45, 31, 1, &grey), CM_OK);
    for (size_t i = 0; i < (size_t)31 * 45; i++) {
        grey.pixels[i] = colour.pixels[3 * i];
        colour.pixels[3 * i + 1] = colour.pixels[3 * i + 2] = colour.pixels[3 * i];
    }
    for (size_t r = 0; r < cm_picture_rule_count; r++) {
        float want[20 * 20 * 3], got[20 * 20 * 3];
        cr_assert_eq(cm_picture_prepare(&cm_picture_rules[r], &colour, 20, 20, &arena, want), CM_OK);
        cr_assert_eq(cm_picture_prepare(&cm_picture_rules[r], &grey, 20, 20, &arena, got), CM_OK);
        cr_expect_arr_eq(got, want, sizeof got, "%s", cm_picture_rules[r].name);
    }
}

/* Where a byte lands in a row of bytes by the colour that it has: no scaling happens, so the crop alone is seen. */
Test(picture_rules, the_middle_is_cut_as_torchvision_rounds) {
    const struct { size_t width, first; } rows[] = {{4, 0}, {5, 0}, {6, 1}, {7, 2}, {8, 2}, {9, 2}, {11, 4}};
    const cm_picture_rule *clip = cm_picture_rule_find("clip");
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        cm_image image;
        float x[4 * 4 * 3];
        cr_assert_eq(cm_image_new(&arena, rows[k].width, 4, 3, &image), CM_OK);
        for (size_t i = 0; i < 4 * rows[k].width * 3; i++) image.pixels[i] = (uint8_t)(i / 3 % rows[k].width);
        cr_assert_eq(cm_picture_prepare(clip, &image, 4, 4, &arena, x), CM_OK);
        cr_expect_float_eq(x[0], ((float)rows[k].first / 255 - 0.48145466f) / 0.26862954f, 1e-6f, "%zu", rows[k].width);
        cr_expect_float_eq(x[11], ((float)(rows[k].first + 3) / 255 - 0.40821073f) / 0.27577711f, 1e-6f, "%zu",
                           rows[k].width);
    }
}

Test(picture_rules, a_size_that_is_not_square_keeps_what_fits_it) {
    const cm_image image = picture(50, 40);
    const size_t width = 16, height = 24;
    for (size_t r = 0; r < cm_picture_rule_count; r++) {
        float x[16 * 24 * 3 + 1];
        x[16 * 24 * 3] = 7;
        cr_assert_eq(cm_picture_prepare(&cm_picture_rules[r], &image, width, height, &arena, x), CM_OK, "%s", cm_why());
        cr_expect_eq(x[16 * 24 * 3], 7);
        for (size_t i = 0; i < width * height * 3; i++) cr_assert(fabsf(x[i]) < 3, "%s", cm_picture_rules[r].name);
    }
}

Test(picture_rules, no_size_of_zero_and_none_too_large) {
    const cm_image image = picture(1, 600), none = {.height = 5, .channels = 3, .pixels = image.pixels};
    float x[3];
    const size_t used = arena.used;
    for (size_t r = 0; r < cm_picture_rule_count; r++) {
        cr_expect_eq(cm_picture_prepare(&cm_picture_rules[r], &image, 0, 1, &arena, x), CM_EUSAGE);
        cr_expect_eq(cm_picture_prepare(&cm_picture_rules[r], &none, 1, 1, &arena, x), CM_EUSAGE);
        cr_expect_eq(cm_picture_prepare(&cm_picture_rules[r], &image, (size_t)1 << 40, 1, &arena, x), CM_EUSAGE);
        cr_expect_eq(arena.used, used);
    }
    cr_expect_eq(cm_picture_prepare(cm_picture_rule_find("clip"), &image, 2000, 2000, &arena, x), CM_EUSAGE);
}
