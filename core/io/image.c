// SPDX-License-Identifier: Apache-2.0
#include "core/io/image.h"

#include <math.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/io/image_parts.h"
#include "core/io/mapped.h"

cm_status cm_image_new(cm_arena *out, size_t width, size_t height, size_t channels, cm_image *image) {
    if (!width || !height || width > CM_IMAGE_MAX_PIXELS / height) {
        return cm_fail(CM_EUSAGE, "an image of %zux%zu pixels is not possible", width, height);
    }
    uint8_t *pixels = CM_PUSH_ZERO(out, uint8_t, width * height * channels);
    CM_TRY(cm_arena_check(out));
    *image = (cm_image){.width = width, .height = height, .channels = channels, .pixels = pixels};
    return CM_OK;
}

/* Deflate makes at most 1032 of one byte, at 1 bit a pixel; JPEG takes at least a bit for 64 pixels, GIF 12 for 4096.
 */
cm_status cm_image_new_from(size_t file_bytes, cm_arena *out, size_t width, size_t height, size_t channels,
                            cm_image *image) {
    enum { PIXELS_A_BYTE = 8 * 1032 };
    if (width * height / PIXELS_A_BYTE > file_bytes)
        return cm_fail(CM_EFORMAT, "damaged: %zux%zu pixels in %zu bytes", width, height, file_bytes);
    return cm_image_new(out, width, height, channels, image);
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
    image.lossy = from->lossy;
    *to = image;
    return CM_OK;
}

/* What files of a kind begin with; a '?' is any byte. */
typedef enum kind { PNG, JPEG, WEBP, BMP, GIF, KINDS } kind;
static const struct {
    const char *text;
    size_t length;
} begins[KINDS] = {[PNG] = {"\x89PNG\r\n\x1a\n", 8},
                   [JPEG] = {"\xff\xd8\xff", 3},
                   [WEBP] = {"RIFF????WEBP", 12},
                   [BMP] = {"BM", 2},
                   [GIF] = {"GIF8", 4}};

static kind kind_of(const cm_mapped *m) {
    for (kind k = 0; k < KINDS; k++) {
        size_t i = 0;
        while (i < begins[k].length && i < m->bytes &&
               (begins[k].text[i] == '?' || (unsigned char)begins[k].text[i] == m->data[i]))
            i++;
        if (i == begins[k].length) return k;
    }
    return KINDS;
}

static cm_status decode(const cm_mapped *m, bool indices, cm_arena *out, cm_image *image) {
    const kind k = kind_of(m);
    if (indices && k != PNG) return cm_fail(CM_EFORMAT, "not a PNG");
    switch (k) {
    case PNG: return cm_png_decode(m->data, m->bytes, indices, out, image);
    case JPEG: return cm_jpeg_decode(m->data, m->bytes, out, image);
    case WEBP: return cm_webp_decode(m->data, m->bytes, out, image);
    case BMP: return cm_bmp_decode(m->data, m->bytes, out, image);
    case GIF: return cm_gif_decode(m->data, m->bytes, out, image);
    case KINDS: break;
    }
    return m->bytes ? cm_fail(CM_EFORMAT, "not a PNG, JPEG, WebP, BMP or GIF") : cm_fail(CM_EFORMAT, "an empty file");
}

static cm_status read_file(const char *path, bool indices, cm_arena *out, cm_image *image) {
    cm_mapped m;
    CM_TRY(cm_mapped_open(&m, path));
    const cm_status s = decode(&m, indices, out, image);
    cm_mapped_close(&m);
    return s == CM_OK ? s : cm_fail_in(s, "%s", path);
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

/* Does the name end in one of these? */
static bool ends_in(const char *path, const char *const *endings) {
    const char *dot = strrchr(path, '.');
    for (; dot && *endings; endings++)
        if (strcasecmp(dot + 1, *endings) == 0) return true;
    return false;
}

cm_status cm_image_write(const char *path, const cm_image *image, const char *const *text) {
    static const char *const jpeg[] = {"jpg", "jpeg", NULL};
    return ends_in(path, jpeg) ? cm_image_write_jpeg(path, image, text) : cm_image_write_png(path, image, text);
}

static bool holds_no_picture(const char *path) {
    cm_mapped m;
    if (cm_mapped_open(&m, path) != CM_OK) return true;
    const bool other = m.bytes > 0 && kind_of(&m) == KINDS;
    cm_mapped_close(&m);
    return other;
}

cm_status cm_image_check_name(const char *path) {
    static const char *const ours[] = {"png", "jpg", "jpeg", NULL};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const bool ending = name[0] && strchr(name + 1, '.');
    struct stat st;
    const bool there = stat(path, &st) == 0;
    if (ends_in(name, ours) || (there && !S_ISREG(st.st_mode))) return CM_OK; /* a pipe or a device has any name */
    if (!ending && there && holds_no_picture(path))
        return cm_fail(CM_EUSAGE, "%s: is there, and is no image: it would be lost", path);
    if (!ending && strcmp(name, "-") != 0) return CM_OK;
    return cm_fail(CM_EUSAGE, "%s: images are written as PNG or JPEG (.png, .jpg)", path);
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
