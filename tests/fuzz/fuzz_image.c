// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <zlib.h>

#include "core/io/image.h"
#include "tests/fuzz/fuzz.h"

static cm_status read_all_ways(const char *path) {
    cm_arena a;
    cm_image image;
    cm_arena_init(&a, 0);
    cm_image_read_labels(path, &a, &image);
    cm_status s = cm_image_read(path, 1, &a, &image);
    if (s == CM_OK) s = cm_image_read(path, 3, &a, &image);
    cm_arena_free(&a);
    return s;
}

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Every chunk's checksum set right: changes reach the decoder behind it. */
static void repair_png(uint8_t *data, size_t bytes) {
    for (size_t at = 8; at + 12 <= bytes;) {
        const size_t length = big_endian(data + at);
        if (length > bytes - at - 12) return;
        const uint32_t crc = (uint32_t)crc32(0, data + at + 4, (uInt)length + 4);
        uint8_t *p = data + at + 8 + length;
        p[0] = (uint8_t)(crc >> 24), p[1] = (uint8_t)(crc >> 16), p[2] = (uint8_t)(crc >> 8), p[3] = (uint8_t)crc;
        at += length + 12;
    }
}

static const char *const pngs[] = {
    "golden/images/rgb.png",        "golden/images/rgba.png",       "golden/images/rgb16.png",
    "golden/images/interlaced.png", "golden/images/palette.png",    "golden/images/palette4.png",
    "golden/images/grey1.png",      "golden/images/grey-alpha.png", NULL};
static const char *const jpegs[] = {"golden/images/rgb.jpg", "golden/images/grey.jpg", "golden/images/progressive.jpg",
                                    "golden/image_kinds/cmyk-adobe.jpg", NULL};
static const char *const webps[] = {"golden/image_kinds/lossy.webp",       "golden/image_kinds/lossless.webp",
                                    "golden/image_kinds/lossy-alpha.webp", "golden/image_kinds/lossless-alpha.webp",
                                    "golden/image_kinds/frames.webp",      NULL};
static const char *const bmps[] = {"golden/image_kinds/24.bmp",   "golden/image_kinds/32-fields.bmp",
                                   "golden/image_kinds/565.bmp",  "golden/image_kinds/palette4.bmp",
                                   "golden/image_kinds/os2.bmp",  "golden/image_kinds/rle8.bmp",
                                   "golden/image_kinds/rle4.bmp", NULL};
static const char *const gifs[] = {"golden/image_kinds/plain.gif", "golden/image_kinds/laced.gif",
                                   "golden/image_kinds/clear.gif", "golden/image_kinds/frames.gif",
                                   "golden/image_kinds/aside.gif", NULL};

const fuzz_target fuzz_png = {
    .name = "png", .corpus = pngs, .file = "x.png", .most = 1 << 16, .repair = repair_png, .read = read_all_ways};
const fuzz_target fuzz_png_raw = {
    .name = "png-raw", .corpus = pngs, .file = "x.png", .most = 1 << 16, .read = read_all_ways};
const fuzz_target fuzz_jpeg = {
    .name = "jpeg", .corpus = jpegs, .file = "x.jpg", .most = 1 << 16, .read = read_all_ways};
const fuzz_target fuzz_webp = {
    .name = "webp", .corpus = webps, .file = "x.webp", .most = 1 << 16, .read = read_all_ways};
const fuzz_target fuzz_bmp = {.name = "bmp", .corpus = bmps, .file = "x.bmp", .most = 1 << 16, .read = read_all_ways};
const fuzz_target fuzz_gif = {.name = "gif", .corpus = gifs, .file = "x.gif", .most = 1 << 16, .read = read_all_ways};
