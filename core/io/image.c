// SPDX-License-Identifier: Apache-2.0
#include "core/io/image.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/system.h"
#include "core/io/image_codecs.h"

cm_status cm_image_new(cm_arena *out, size_t width, size_t height, size_t channels, cm_image *image) {
    if (!width || !height || width > CM_IMAGE_MAX_PIXELS / height) {
        return cm_fail(CM_EUSAGE, "an image of %zux%zu pixels is not possible", width, height);
    }
    uint8_t *pixels = CM_PUSH_ZERO(out, uint8_t, width * height * channels);
    CM_TRY(cm_arena_check(out));
    *image = (cm_image){.width = width, .height = height, .channels = channels, .pixels = pixels};
    return CM_OK;
}

/* Deflate makes at most 1032 of one byte, at 1 bit a pixel; JPEG takes at least a bit for 64 pixels. */
cm_status cm_image_new_from(FILE *f, const char *path, cm_arena *out, size_t width, size_t height, size_t channels,
                            cm_image *image) {
    enum { PIXELS_A_BYTE = 8 * 1032 };
    struct stat st;
    if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && width * height / PIXELS_A_BYTE > (size_t)st.st_size) {
        return cm_fail(CM_EFORMAT, "%s: damaged: %zux%zu pixels in %zu bytes", path, width, height, (size_t)st.st_size);
    }
    const cm_status s = cm_image_new(out, width, height, channels, image);
    return s == CM_OK ? s : cm_fail_in(s, "%s", path);
}

/* ITU-R BT.601 luma in 16-bit fixed point, rounded. */
static uint8_t luma(const uint8_t *rgb) {
    return (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 0x8000u) >> 16);
}

static cm_status with_channels(const cm_image *from, size_t channels, cm_arena *out, cm_image *to) {
    if (from->channels == channels) {
        *to = *from;
        return CM_OK;
    }
    cm_image image;
    CM_TRY(cm_image_new(out, from->width, from->height, channels, &image));
    for (size_t i = 0; i < from->width * from->height; i++) {
        if (channels == 1) {
            image.pixels[i] = luma(from->pixels + 3 * i);
        } else {
            memset(image.pixels + 3 * i, from->pixels[i], 3);
        }
    }
    image.lost_alpha = from->lost_alpha;
    *to = image;
    return CM_OK;
}

static cm_status decode(FILE *f, const char *path, bool indices, cm_arena *out, cm_image *image) {
    static const unsigned char png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[3] = {0xff, 0xd8, 0xff};
    unsigned char head[8] = {0};
    const size_t got = fread(head, 1, sizeof head, f);
    if (ferror(f)) return cm_fail(CM_EIO, "%s: %s", path, strerror(errno));
    rewind(f);
    if (got == sizeof png && memcmp(head, png, sizeof png) == 0) return cm_png_decode(f, path, indices, out, image);
    if (got >= sizeof jpeg && memcmp(head, jpeg, sizeof jpeg) == 0 && !indices) return cm_jpeg_decode(f, path, out, image);
    return cm_fail(CM_EFORMAT, "%s: not a PNG%s", path, indices ? "" : " or JPEG");
}

static cm_status read_file(const char *path, bool indices, cm_arena *out, cm_image *image) {
    FILE *f = fopen(path, "rb");
    if (!f) return cm_fail(CM_EIO, "%s: %s", path, strerror(errno));
    const cm_status s = decode(f, path, indices, out, image);
    fclose(f);
    return s;
}

cm_status cm_image_read(const char *path, size_t channels, cm_arena *out, cm_image *image) {
    const cm_arena_mark mark = cm_arena_get_mark(out);
    cm_image stored = {0};
    cm_status s = read_file(path, false, out, &stored);
    if (s == CM_OK) s = with_channels(&stored, channels, out, image);
    if (s != CM_OK) cm_arena_reset(out, mark);
    return s;
}

cm_status cm_image_read_labels(const char *path, cm_arena *out, cm_image *image) {
    const cm_arena_mark mark = cm_arena_get_mark(out);
    cm_image stored = {0};
    const cm_status s = read_file(path, true, out, &stored);
    if (s == CM_OK) {
        *image = stored;
    } else {
        cm_arena_reset(out, mark);
    }
    return s;
}

void cm_image_to_float(const cm_image *image, float *out) {
    const size_t n = image->width * image->height * image->channels;
    for (size_t i = 0; i < n; i++) out[i] = (float)image->pixels[i] / 127.5f - 1;
}

void cm_image_from_float(const float *values, cm_image *image) {
    const size_t n = image->width * image->height * image->channels;
    for (size_t i = 0; i < n; i++) {
        const float x = values[i] > -1 ? values[i] < 1 ? values[i] : 1 : -1; /* a NaN becomes black */
        image->pixels[i] = (uint8_t)rintf(127.5f * (x + 1));
    }
}
