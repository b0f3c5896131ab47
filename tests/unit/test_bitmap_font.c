// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <string.h>

#include "harness/attention/bitmap_font.h"

static cm_arena arena;
static cm_image picture;

static void white(size_t width, size_t height, size_t channels) {
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_image_new(&arena, width, height, channels, &picture), CM_OK);
    memset(picture.pixels, 255, width * height * channels);
}

static void let_go(void) {
    cm_arena_free(&arena);
}

TestSuite(bitmap_font, .fini = let_go);

static bool black(size_t x, size_t y) {
    return picture.pixels[(y * picture.width + x) * picture.channels] == 0;
}

static size_t count_black(void) {
    size_t n = 0;
    for (size_t i = 0; i < picture.width * picture.height * picture.channels; i++) n += picture.pixels[i] == 0;
    return n;
}

Test(bitmap_font, a_letter_is_its_dots) {
    static const char *const l[CM_LETTER_HEIGHT] = {".##..", "..#..", "..#..", "..#..", "..#..",
                                                    "..#..", ".###.", ".....", "....."};
    white(9, 11, 1);
    cm_bitmap_text("l", 1, 2, 1, &picture);
    for (size_t y = 0; y < CM_LETTER_HEIGHT; y++)
        for (size_t x = 0; x < 5; x++) cr_expect_eq(black(x + 2, y + 1), l[y][x] == '#', "%zu, %zu", x, y);
    cr_expect_eq(count_black(), 10);
}

Test(bitmap_font, a_dot_grows_in_every_channel) {
    white(40, 20, 3);
    cm_bitmap_text("l", 2, 0, 0, &picture);
    cr_expect_eq(count_black(), 10 * 4 * 3);
    cr_expect(black(2, 0) && black(5, 1) && !black(1, 0) && !black(6, 1));
}

Test(bitmap_font, widths_are_what_is_drawn) {
    cr_expect_eq(cm_bitmap_text_width("", 2), 0);
    cr_expect_eq(cm_bitmap_text_width("v", 2), 10);
    white(60, 16, 1);
    cm_bitmap_text("v v", 2, 0, 0, &picture);
    const size_t width = cm_bitmap_text_width("v v", 2);
    cr_expect_eq(width, 34);
    cr_expect(black(0, 4) && black(width - 1, 4) && !black(width, 4) && !black(16, 4));
}

Test(bitmap_font, tails_go_below_the_line) {
    white(5, 9, 1);
    cm_bitmap_text("p", 1, 0, 0, &picture);
    cr_expect(black(0, 2) && !black(0, 1) && black(0, 8) && !black(4, 8));
}

Test(bitmap_font, every_letter_is_another) {
    for (char a = 'a'; a <= 'z'; a++) {
        white(20, 9, 1);
        const char both[] = {a, '\0'};
        cm_bitmap_text(both, 1, 0, 0, &picture);
        const size_t counts = count_black();
        cr_expect(counts >= 7 && counts <= 22, "%c: %zu", a, counts);
        for (char b = (char)(a + 1); b <= 'z'; b++) {
            const char other[] = {b, '\0'};
            cm_bitmap_text(other, 1, 10, 0, &picture);
            bool same = true;
            for (size_t i = 0; i < 45; i++) same = same && black(i % 5, i / 5) == black(10 + i % 5, i / 5);
            cr_expect(!same, "%c and %c", a, b);
            for (size_t y = 0; y < 9; y++) memset(picture.pixels + y * 20 + 10, 255, 10);
        }
        cm_arena_free(&arena);
    }
}

Test(bitmap_font, what_has_no_letter_is_a_block_and_what_is_outside_is_left_out) {
    white(8, 8, 1);
    cm_bitmap_text("Z", 1, 0, 0, &picture);
    cr_expect_eq(count_black(), 35);
    cm_bitmap_text("zz", 3, 6, 7, &picture);
    cr_expect(black(7, 7) == false);
    cm_bitmap_text("z", 1, 100, 100, &picture);
    cm_bitmap_text("Z", 1, 6, 0, &picture);
    cr_expect_eq(count_black(), 35 + 2 * 7);
}
