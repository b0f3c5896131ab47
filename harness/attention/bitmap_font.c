// SPDX-License-Identifier: Apache-2.0
#include "harness/attention/bitmap_font.h"

#include <string.h>

enum { WIDTH = 5, ROWS = 7, DROP = CM_LETTER_HEIGHT - ROWS, ADVANCE = WIDTH + 1 };

/* Rows from the top, a space after each. Letters that go below the line are drawn DROP lower. */
static const char *const letters[26] = {
    "..... ..... .###. ....# .#### #...# .####", "#.... #.... ####. #...# #...# #...# ####.",
    "..... ..... .#### #.... #.... #.... .####", "....# ....# .#### #...# #...# #...# .####",
    "..... ..... .###. #...# ##### #.... .####", "..##. .#..# .#... ###.. .#... .#... .#...",
    ".#### #...# #...# #...# .#### ....# .###.", "#.... #.... ####. #...# #...# #...# #...#",
    "..#.. ..... .##.. ..#.. ..#.. ..#.. .###.", "...#. ..... ..##. ...#. ...#. #..#. .##..",
    "#.... #.... #..#. #.#.. ##... #.#.. #..#.", ".##.. ..#.. ..#.. ..#.. ..#.. ..#.. .###.",
    "..... ..... ##.#. #.#.# #.#.# #.#.# #.#.#", "..... ..... ####. #...# #...# #...# #...#",
    "..... ..... .###. #...# #...# #...# .###.", "####. #...# #...# #...# ####. #.... #....",
    ".#### #...# #...# #...# .#### ....# ....#", "..... ..... #.##. ##..# #.... #.... #....",
    "..... ..... .#### #.... .###. ....# ####.", ".#... .#... ###.. .#... .#... .#..# ..##.",
    "..... ..... #...# #...# #...# #...# .####", "..... ..... #...# #...# #...# .#.#. ..#..",
    "..... ..... #...# #...# #.#.# #.#.# .#.#.", "..... ..... #...# .#.#. ..#.. .#.#. #...#",
    "#...# #...# #...# #...# .#### ....# .###.", "..... ..... ##### ...#. ..#.. .#... #####",
};

static size_t drop_of(char letter) {
    return letter == 'g' || letter == 'p' || letter == 'q' || letter == 'y' ? DROP : 0;
}

static bool is_dot(char letter, size_t row, size_t column) {
    if (letter == ' ') return false;
    return letter < 'a' || letter > 'z' || letters[letter - 'a'][row * (WIDTH + 1) + column] == '#';
}

size_t cm_bitmap_text_width(const char *text, size_t scale) {
    const size_t n = strlen(text);
    return n ? (n * ADVANCE - 1) * scale : 0;
}

static void fill(size_t x, size_t y, size_t side, cm_image *to) {
    for (size_t i = y; i < y + side && i < to->height; i++)
        for (size_t k = x; k < x + side && k < to->width; k++)
            memset(to->pixels + (i * to->width + k) * to->channels, 0, to->channels);
}

void cm_bitmap_text(const char *text, size_t scale, size_t x, size_t y, cm_image *to) {
    for (; *text; text++, x += ADVANCE * scale)
        for (size_t row = 0; row < ROWS; row++)
            for (size_t column = 0; column < WIDTH; column++)
                if (is_dot(*text, row, column)) fill(x + column * scale, y + (row + drop_of(*text)) * scale, scale, to);
}
