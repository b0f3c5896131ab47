// SPDX-License-Identifier: Apache-2.0
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/image_parts.h"

/* All that outlives a longjmp lives here, not in locals. */
typedef struct trouble {
    jmp_buf back;
    char why[200];
} trouble;

static void on_error(png_structp png, png_const_charp message) {
    trouble *t = png_get_error_ptr(png);
    snprintf(t->why, sizeof t->why, "%s", message);
    longjmp(t->back, 1);
}

/* Odd colour profiles and the like: nothing that touches the pixels. */
static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

typedef struct reader {
    trouble trouble;
    png_structp png;
    png_infop info;
    const unsigned char *data;
    size_t bytes, at;
    cm_arena *out;
    cm_image image;
    png_bytep *rows;
    cm_status status;
    bool alpha;
} reader;

static cm_status check_labels(reader *r) {
    const int type = png_get_color_type(r->png, r->info), depth = png_get_bit_depth(r->png, r->info);
    if ((type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_PALETTE) && depth <= 8) return CM_OK;
    return cm_fail(CM_EFORMAT, "a label map must be an 8-bit grey or palette PNG");
}

/* To 8-bit grey or RGB: high byte of 16, palettes expanded, alpha dropped. */
static void set_transforms(reader *r, bool indices) {
    if (indices) {
        png_set_packing(r->png);
    } else {
        r->alpha =
            png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_ALPHA || png_get_valid(r->png, r->info, PNG_INFO_tRNS);
        png_set_strip_16(r->png);
        png_set_expand(r->png);
        png_set_strip_alpha(r->png);
    }
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
}

static void read_some(png_structp png, png_bytep to, size_t bytes) {
    reader *r = png_get_io_ptr(png);
    if (bytes > r->bytes - r->at) png_error(png, "Read Error");
    memcpy(to, r->data + r->at, bytes);
    r->at += bytes;
}

/* After every row. */
static void on_row(png_structp png, png_uint_32 row, int pass) {
    reader *r = png_get_io_ptr(png);
    (void)row, (void)pass;
    if (!cm_interrupted()) return;
    r->status = cm_fail(CM_EINTERRUPTED, "stopped");
    longjmp(r->trouble.back, 1);
}

static cm_status make_rows(reader *r) {
    const size_t width = png_get_image_width(r->png, r->info), height = png_get_image_height(r->png, r->info);
    CM_TRY(cm_image_new_from(r->bytes, r->out, width, height, png_get_channels(r->png, r->info), &r->image));
    r->image.lost_alpha = r->alpha;
    r->rows = CM_PUSH(r->out, png_bytep, height);
    CM_TRY(cm_arena_check(r->out));
    for (size_t y = 0; y < height; y++) r->rows[y] = r->image.pixels + y * width * r->image.channels;
    return CM_OK;
}

static void read_all(reader *r, bool indices) {
    if (setjmp(r->trouble.back)) {
        if (r->status == CM_OK) r->status = cm_fail(CM_EFORMAT, "damaged PNG: %s", r->trouble.why);
        return;
    }
    png_set_read_fn(r->png, r, read_some);
    png_set_read_status_fn(r->png, on_row);
    png_set_user_limits(r->png, 1 << 20, 1 << 20);
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(r->png, r->info);
    if (indices) r->status = check_labels(r);
    if (r->status != CM_OK) return;
    set_transforms(r, indices);
    r->status = make_rows(r);
    if (r->status != CM_OK) return;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, NULL);
}

cm_status cm_png_decode(const unsigned char *data, size_t bytes, bool indices, cm_arena *out, cm_image *image) {
    reader r = {.data = data, .bytes = bytes, .out = out};
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r.trouble, on_error, on_warning);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    if (r.info) {
        read_all(&r, indices);
    } else {
        r.status = cm_fail(CM_ENOMEM, "out of memory");
    }
    png_destroy_read_struct(&r.png, &r.info, NULL);
    if (r.status == CM_OK) *image = r.image;
    return r.status;
}

typedef struct writer {
    trouble trouble;
    png_structp png;
    png_infop info;
    bool failed;
} writer;

/* tEXt holds Latin-1 only; what is not ASCII goes into iTXt as UTF-8. */
static void set_text(writer *w, const char *const *text) {
    for (size_t i = 0; text && text[i]; i += 2) {
        bool ascii = true;
        for (const char *c = text[i + 1]; *c; c++) ascii = ascii && (*c & 0x80) == 0;
        png_text entry = {.compression = ascii ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE,
                          .key = (char *)(uintptr_t)text[i],
                          .text = (char *)(uintptr_t)text[i + 1]};
        png_set_text(w->png, w->info, &entry, 1);
    }
}

static void write_all(writer *w, FILE *f, const cm_image *image, const char *const *text) {
    if (setjmp(w->trouble.back)) {
        w->failed = true;
        return;
    }
    png_init_io(w->png, f);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    set_text(w, text);
    png_write_info(w->png, w->info);
    for (size_t y = 0; y < image->height; y++) {
        png_write_row(w->png, image->pixels + y * image->width * image->channels);
    }
    png_write_end(w->png, w->info);
}

cm_status cm_image_write_png(const char *path, const cm_image *image, const char *const *text) {
    if (!image->width || !image->height || (image->channels != 1 && image->channels != 3)) {
        return cm_fail(CM_EUSAGE, "%s: no such image: %zux%zu with %zu channels", path, image->width, image->height,
                       image->channels);
    }
    cm_part part;
    CM_TRY(cm_part_open(&part, path));
    writer w = {.failed = true};
    w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w.trouble, on_error, on_warning);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    if (w.info) {
        w.failed = false;
        write_all(&w, part.file, image, text);
    }
    png_destroy_write_struct(&w.png, &w.info);
    if (!w.failed || ferror(part.file)) return cm_part_finish(&part); /* which says why a write failed */
    cm_part_drop(&part);
    return cm_fail(CM_EIO, "%s: cannot be written as PNG: %s", path,
                   w.trouble.why[0] ? w.trouble.why : "out of memory");
}
