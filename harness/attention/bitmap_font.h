// SPDX-License-Identifier: Apache-2.0
/* Short words in an image, in letters of 5x7 dots and two below the line: a name beside what it names. Lower-case
 * letters and spaces; any other character is a full block. */
#ifndef CM_HARNESS_ATTENTION_BITMAP_FONT_H
#define CM_HARNESS_ATTENTION_BITMAP_FONT_H

#include "core/io/image.h"

enum { CM_LETTER_HEIGHT = 9 }; /* dots */

/* Pixels that a text takes when a dot is scale pixels wide and high. */
size_t cm_bitmap_text_width(const char *text, size_t scale);
/* In black, its upper left corner at x, y; what lies outside the image is left out. */
void cm_bitmap_text(const char *text, size_t scale, size_t x, size_t y, cm_image *to);

#endif
