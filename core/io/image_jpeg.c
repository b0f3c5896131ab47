// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <jpeglib.h>

#include <jerror.h>

#include "core/base/system.h"
#include "core/io/image_parts.h"

/* More scans than any encoder makes, as libjpeg-turbo's own fuzzers have it: each costs a pass over the whole image.
 */
enum { MAX_SCANS = 500 };

/* All that outlives a longjmp lives here, not in locals. */
typedef struct reader {
    struct jpeg_error_mgr errors; /* first: libjpeg hands back a pointer to it */
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct jpeg;
    jmp_buf back;
    char why[JMSG_LENGTH_MAX];
    cm_arena *out;
    cm_image image;
    JSAMPLE *line; /* of four components */
    cm_status status;
} reader;

static void on_error(j_common_ptr jpeg) {
    reader *r = (reader *)jpeg->err;
    jpeg->err->format_message(jpeg, r->why);
    longjmp(r->back, 1);
}

/* libjpeg only warns where image data are missing or unreadable, and paints grey: here that is an
 * error. Other warnings (stray bytes between markers) leave the image whole. */
static void on_message(j_common_ptr jpeg, int level) {
    static const int lossy[] = {JWRN_JPEG_EOF,       JWRN_HIT_MARKER,     JWRN_HUFF_BAD_CODE, JWRN_MUST_RESYNC,
                                JWRN_NOT_SEQUENTIAL, JWRN_ARITH_BAD_CODE, JWRN_TOO_MUCH_DATA};
    if (level >= 0) return;
    for (size_t i = 0; i < sizeof lossy / sizeof *lossy; i++) {
        if (jpeg->err->msg_code == lossy[i]) on_error(jpeg);
    }
}

/* Called for every few rows of every scan. */
static void on_progress(j_common_ptr jpeg) {
    reader *r = (reader *)jpeg->err;
    if (cm_interrupted()) {
        r->status = cm_fail(CM_EINTERRUPTED, "stopped");
    } else if (r->jpeg.input_scan_number > MAX_SCANS) {
        r->status = cm_fail(CM_EFORMAT, "a JPEG of more than %d scans", MAX_SCANS);
    } else {
        return;
    }
    longjmp(r->back, 1);
}

/* Adobe's programs, who alone write four components, store them inverted; to RGB by Pillow's formula: what black
 * leaves, less the ink's share of it. */
static void from_cmyk(const JSAMPLE *cmyk, size_t width, uint8_t *rgb) {
    for (size_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
        const unsigned left = cmyk[3];
        for (size_t c = 0; c < 3; c++) {
            const unsigned product = (255u - cmyk[c]) * left + 128, ink = ((product >> 8) + product) >> 8;
            rgb[c] = (uint8_t)(left > ink ? left - ink : 0);
        }
    }
}

static cm_status make_picture(reader *r, size_t bytes) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const int n = jpeg->num_components;
    if (n != 1 && n != 3 && n != 4)
        return cm_fail(CM_EFORMAT, "a JPEG with %d components; grey, RGB and CMYK are read", n);
    jpeg->out_color_space = n == 1 ? JCS_GRAYSCALE : n == 3 ? JCS_RGB : JCS_CMYK;
    CM_TRY(cm_image_new_from(bytes, r->out, jpeg->image_width, jpeg->image_height, n == 1 ? 1 : 3, &r->image));
    r->line = n == 4 ? CM_PUSH(r->out, JSAMPLE, 4 * r->image.width) : NULL;
    r->image.lossy = true;
    return cm_arena_check(r->out);
}

static void read_rows(reader *r) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const size_t stride = r->image.width * r->image.channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *to = r->image.pixels + jpeg->output_scanline * stride;
        JSAMPROW row = r->line ? r->line : to;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (r->line) from_cmyk(r->line, r->image.width, to);
    }
}

static void read_all(reader *r, const unsigned char *data, size_t bytes) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    if (setjmp(r->back)) {
        if (r->status == CM_OK) r->status = cm_fail(CM_EFORMAT, "damaged JPEG: %s", r->why);
        return;
    }
    jpeg_create_decompress(jpeg);
    jpeg->progress = &r->progress;
    jpeg_mem_src(jpeg, data, bytes);
    jpeg_read_header(jpeg, TRUE);
    r->status = make_picture(r, bytes);
    if (r->status != CM_OK) return; /* before libjpeg asks for memory: a progressive file is kept whole */
    jpeg_start_decompress(jpeg);
    read_rows(r);
    jpeg_finish_decompress(jpeg);
}

cm_status cm_jpeg_decode(const unsigned char *data, size_t bytes, cm_arena *out, cm_image *image) {
    reader r = {.out = out, .progress.progress_monitor = on_progress};
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.errors.error_exit = on_error;
    r.errors.emit_message = on_message;
    read_all(&r, data, bytes);
    jpeg_destroy_decompress(&r.jpeg);
    if (r.status == CM_OK) *image = r.image;
    return r.status;
}

/* --- writing ------------------------------------------------------------------- */

typedef struct writer {
    struct jpeg_error_mgr errors; /* first, as above */
    struct jpeg_compress_struct jpeg;
    jmp_buf back;
    char why[JMSG_LENGTH_MAX];
    bool failed;
} writer;

static void on_write_error(j_common_ptr jpeg) {
    writer *w = (writer *)jpeg->err;
    jpeg->err->format_message(jpeg, w->why);
    longjmp(w->back, 1);
}

/* One comment: {"prompt": "...", ...}. NULL: no memory. */
static char *comment_of(const char *const *text) {
    json_t *o = json_object();
    for (size_t i = 0; text && text[i]; i += 2) json_object_set_new(o, text[i], json_string(text[i + 1]));
    char *line = json_dumps(o, 0);
    json_decref(o);
    return line;
}

/* A marker holds 65,533 bytes; a longer comment is left out rather than cut. */
static void write_all(writer *w, FILE *f, const cm_image *image, const char *comment) {
    enum { MOST = 65533 };
    struct jpeg_compress_struct *jpeg = &w->jpeg;
    if (setjmp(w->back)) {
        w->failed = true;
        return;
    }
    jpeg_create_compress(jpeg);
    jpeg_stdio_dest(jpeg, f);
    jpeg->image_width = (JDIMENSION)image->width;
    jpeg->image_height = (JDIMENSION)image->height;
    jpeg->input_components = (int)image->channels;
    jpeg->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, CM_JPEG_QUALITY, TRUE);
    jpeg->comp_info[0].h_samp_factor = jpeg->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(jpeg, TRUE);
    const size_t length = strlen(comment);
    if (length <= MOST) jpeg_write_marker(jpeg, JPEG_COM, (const JOCTET *)comment, (unsigned)length);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = image->pixels + jpeg->next_scanline * image->width * image->channels;
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
}

cm_status cm_image_write_jpeg(const char *path, const cm_image *image, const char *const *text) {
    if (!image->width || !image->height || image->width > JPEG_MAX_DIMENSION || image->height > JPEG_MAX_DIMENSION ||
        (image->channels != 1 && image->channels != 3)) {
        return cm_fail(CM_EUSAGE, "%s: no such JPEG: %zux%zu with %zu channels", path, image->width, image->height,
                       image->channels);
    }
    char *comment = comment_of(text);
    if (!comment) return cm_fail(CM_ENOMEM, "%s: out of memory", path);
    cm_part part;
    cm_status s = cm_part_open(&part, path);
    if (s == CM_OK) {
        writer w = {.failed = false};
        w.jpeg.err = jpeg_std_error(&w.errors);
        w.errors.error_exit = on_write_error;
        write_all(&w, part.file, image, comment);
        jpeg_destroy_compress(&w.jpeg);
        if (!w.failed || ferror(part.file)) {
            s = cm_part_finish(&part); /* which says why a write failed */
        } else {
            cm_part_drop(&part);
            s = cm_fail(CM_EIO, "%s: cannot be written as JPEG: %s", path, w.why);
        }
    }
    free(comment);
    return s;
}
