// SPDX-License-Identifier: Apache-2.0
/* Windows and OS/2 bitmaps: 1, 4, 8, 16, 24 and 32 bits, plain, with bit fields, and run-length coded.
 *
 * Read here and not by a library: of the packaged ones that do nothing else, stb_image takes a file that is cut short,
 * reads colours behind the palette from memory that was never written, and has no run lengths; the others bring a whole
 * toolkit. The layout is Microsoft's (BITMAPFILEHEADER, BITMAPINFOHEADER and its successors); values as Pillow's. */
#include <string.h>

#include "core/base/system.h"
#include "core/io/image_parts.h"

enum { FILE_HEADER = 14, CORE_HEADER = 12, INFO_HEADER = 40, OS2_HEADER = 64, MASKS_AT = 54 };
enum { PLAIN = 0, RLE8 = 1, RLE4 = 2, FIELDS = 3 };

typedef struct bitmap {
    const unsigned char *data;
    size_t bytes, offset; /* of the file; where the pixels begin */
    size_t width, height, bits, header;
    uint32_t method, colours;
    bool top_first;
    uint32_t masks[4]; /* red, green, blue, alpha */
    uint8_t palette[256][3];
} bitmap;

static uint32_t u16(const unsigned char *p) {
    return (uint32_t)(p[0] | p[1] << 8);
}

static uint32_t u32(const unsigned char *p) {
    return u16(p) | u16(p + 2) << 16;
}

static cm_status read_sizes(bitmap *b) {
    const unsigned char *p = b->data;
    if (b->bytes < FILE_HEADER + CORE_HEADER) return cm_fail(CM_EFORMAT, "truncated BMP");
    b->offset = u32(p + 10);
    b->header = u32(p + 14);
    if (b->header == CORE_HEADER) {
        b->width = u16(p + 18), b->height = u16(p + 20), b->bits = u16(p + 24);
        return CM_OK;
    }
    if (b->header < INFO_HEADER || b->header > 124)
        return cm_fail(CM_EFORMAT, "damaged BMP: a header of %zu bytes", b->header);
    if (b->bytes < FILE_HEADER + b->header) return cm_fail(CM_EFORMAT, "truncated BMP");
    const uint32_t height = u32(p + 22);
    b->top_first = height >> 31;
    b->width = u32(p + 18);
    b->height = b->top_first ? (uint32_t)-height : height;
    b->bits = u16(p + 28);
    b->method = u32(p + 30);
    b->colours = u32(p + 46);
    return CM_OK;
}

static cm_status read_masks(bitmap *b) {
    static const uint32_t plain[2][4] = {{0x7c00, 0x3e0, 0x1f, 0}, {0xff0000, 0xff00, 0xff, 0}};
    if (b->method == PLAIN) {
        memcpy(b->masks, plain[b->bits == 32], sizeof b->masks);
        return CM_OK;
    }
    const size_t count = b->header >= 56 ? 4 : 3;
    if (b->bytes < MASKS_AT + 4 * count) return cm_fail(CM_EFORMAT, "truncated BMP");
    for (size_t i = 0; i < count; i++) {
        const uint32_t m = u32(b->data + MASKS_AT + 4 * i), low = m & (~m + 1);
        if ((m & (m + low)) != 0 || (m == 0 && i < 3))
            return cm_fail(CM_EFORMAT, "damaged BMP: bit fields that are no fields");
        b->masks[i] = m;
    }
    return CM_OK;
}

/* What is behind the palette is black. */
static cm_status read_palette(bitmap *b) {
    const size_t size = b->header == CORE_HEADER ? 3 : 4, most = (size_t)1 << b->bits;
    const size_t said = b->colours ? b->colours : most, at = FILE_HEADER + b->header, count = said < most ? said : most;
    if (b->offset == at) b->offset += size * said;
    if (at + size * count > b->bytes) return cm_fail(CM_EFORMAT, "truncated BMP");
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++) b->palette[i][c] = b->data[at + size * i + 2 - c];
    return CM_OK;
}

static size_t stride_of(const bitmap *b) {
    return (b->width * b->bits + 31) / 32 * 4;
}

static cm_status check_kind(const bitmap *b) {
    static const unsigned char bits[4][6] = {{1, 4, 8, 16, 24, 32}, {8}, {4}, {16, 32}};
    const bool known = b->method <= FIELDS && !(b->method == FIELDS && b->header == OS2_HEADER) && b->bits &&
                       memchr(bits[b->method], (int)b->bits, sizeof *bits);
    if (!known || b->bits > 32)
        return cm_fail(CM_EFORMAT, "a BMP of %zu bits and method %u is not read", b->bits, b->method);
    if (!b->width || !b->height || b->width > CM_IMAGE_MAX_PIXELS / b->height)
        return cm_fail(CM_EFORMAT, "damaged BMP: %zux%zu pixels", b->width, b->height);
    return CM_OK;
}

/* Plain rows must all be there; the last one's filling may be missing. */
static cm_status check_bytes(const bitmap *b) {
    const size_t packed = b->method == RLE8 || b->method == RLE4;
    const size_t need = packed ? 2 : (b->height - 1) * stride_of(b) + (b->width * b->bits + 7) / 8;
    if (b->offset <= b->bytes && need <= b->bytes - b->offset) return CM_OK;
    return cm_fail(CM_EFORMAT, "truncated BMP: %zux%zu pixels of %zu bits in %zu bytes", b->width, b->height, b->bits,
                   b->bytes);
}

static cm_status open_bitmap(bitmap *b) {
    CM_TRY(read_sizes(b));
    CM_TRY(check_kind(b));
    if (b->bits <= 8) CM_TRY(read_palette(b));
    else if (b->bits != 24) CM_TRY(read_masks(b));
    return check_bytes(b);
}

/* --- rows ----------------------------------------------------------------------- */

static uint8_t field(uint32_t v, uint32_t mask) {
    const uint32_t low = mask & (~mask + 1), most = mask / low;
    return (uint8_t)((uint64_t)((v & mask) / low) * 255 / most);
}

static void read_row(const bitmap *b, const unsigned char *p, uint8_t *out) {
    for (size_t x = 0; x < b->width; x++, out += 3) {
        if (b->bits <= 8) {
            const size_t at = x * b->bits, index = (size_t)p[at / 8] >> (8 - b->bits - at % 8) & ((1u << b->bits) - 1);
            memcpy(out, b->palette[index], 3);
        } else if (b->bits == 24) {
            for (size_t c = 0; c < 3; c++) out[c] = p[3 * x + 2 - c];
        } else {
            const uint32_t v = b->bits == 16 ? u16(p + 2 * x) : u32(p + 4 * x);
            for (size_t c = 0; c < 3; c++) out[c] = field(v, b->masks[c]);
        }
    }
}

static uint8_t *row_of(const bitmap *b, const cm_image *image, size_t y) {
    return image->pixels + (b->top_first ? y : b->height - 1 - y) * b->width * 3;
}

static cm_status read_rows(const bitmap *b, cm_image *image) {
    for (size_t y = 0; y < b->height; y++) {
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        read_row(b, b->data + b->offset + y * stride_of(b), row_of(b, image, y));
    }
    return CM_OK;
}

/* --- run lengths -------------------------------------------------------------------- */

/* Where the next pixel goes, in the file's order. */
typedef struct pen {
    size_t x, y;
} pen;

static void put_pixel(const bitmap *b, cm_image *image, pen *at, size_t index) {
    if (at->x < b->width && at->y < b->height) memcpy(row_of(b, image, at->y) + 3 * at->x, b->palette[index], 3);
    at->x++;
}

/* count pixels from nibbles or bytes at p; run: one byte's, again and again. */
static void put_pixels(const bitmap *b, cm_image *image, pen *at, const unsigned char *p, size_t count, bool run) {
    for (size_t i = 0; i < count; i++) {
        const unsigned char v = b->method == RLE8 ? p[run ? 0 : i] : p[run ? 0 : i / 2];
        put_pixel(b, image, at, b->method == RLE8 ? v : i % 2 ? v & 15u : (unsigned)v >> 4);
    }
}

/* Two bytes at a time: a run, or 0 and an escape: end of row, end, a step aside, or pixels as they are. */
static cm_status read_runs(const bitmap *b, cm_image *image) {
    const unsigned char *p = b->data + b->offset, *end = b->data + b->bytes;
    pen at = {0};
    for (size_t x = 0; x < b->width * b->height; x++) memcpy(image->pixels + 3 * x, b->palette[0], 3);
    while (end - p >= 2 && at.y < b->height) {
        const size_t count = p[0], code = p[1];
        p += 2;
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        if (count) {
            put_pixels(b, image, &at, p - 1, count, true);
        } else if (code == 0) {
            at = (pen){0, at.y + 1};
        } else if (code == 1) {
            return CM_OK;
        } else if (code == 2) {
            if (end - p < 2) break;
            at = (pen){at.x + p[0], at.y + p[1]};
            p += 2;
        } else {
            const size_t bytes = b->method == RLE8 ? code : (code + 1) / 2;
            if ((size_t)(end - p) < bytes) break;
            put_pixels(b, image, &at, p, code, false);
            p += (size_t)(end - p) > bytes ? (bytes + 1) / 2 * 2 : bytes;
        }
    }
    const bool whole = at.y >= b->height || (at.y + 1 == b->height && at.x >= b->width);
    return whole ? CM_OK : cm_fail(CM_EFORMAT, "truncated BMP: its runs end in row %zu of %zu", at.y + 1, b->height);
}

cm_status cm_bmp_decode(const unsigned char *data, size_t bytes, cm_arena *out, cm_image *image) {
    bitmap b = {.data = data, .bytes = bytes};
    cm_image r;
    CM_TRY(open_bitmap(&b));
    CM_TRY(cm_image_new_from(bytes, out, b.width, b.height, 3, &r));
    CM_TRY(b.method == RLE8 || b.method == RLE4 ? read_runs(&b, &r) : read_rows(&b, &r));
    r.lost_alpha = b.masks[3] != 0;
    *image = r;
    return CM_OK;
}
