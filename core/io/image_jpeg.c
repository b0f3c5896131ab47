// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "core/io/image_codecs.h"

/* All that outlives a longjmp lives here, not in locals. */
typedef struct reader {
    struct jpeg_error_mgr errors; /* first: libjpeg hands back a pointer to it */
    struct jpeg_decompress_struct jpeg;
    jmp_buf back;
    char why[JMSG_LENGTH_MAX];
    cm_arena *out;
    cm_image image;
    cm_status status;
} reader;

static void on_error(j_common_ptr jpeg) {
    reader *r = (reader *)jpeg->err;
    jpeg->err->format_message(jpeg, r->why);
    longjmp(r->back, 1);
}

/* libjpeg only warns where picture data are missing or unreadable, and paints grey: here that is an
 * error. Other warnings (stray bytes between markers) leave the picture whole. */
static void on_message(j_common_ptr jpeg, int level) {
    static const int lossy[] = {JWRN_JPEG_EOF,    JWRN_HIT_MARKER,    JWRN_HUFF_BAD_CODE, JWRN_MUST_RESYNC,
                                JWRN_NOT_SEQUENTIAL, JWRN_ARITH_BAD_CODE, JWRN_TOO_MUCH_DATA};
    if (level >= 0) return;
    for (size_t i = 0; i < sizeof lossy / sizeof *lossy; i++) {
        if (jpeg->err->msg_code == lossy[i]) on_error(jpeg);
    }
}

static void read_all(reader *r, FILE *f, const char *path) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    if (setjmp(r->back)) {
        r->status = cm_fail(CM_EFORMAT, "%s: damaged JPEG: %s", path, r->why);
        return;
    }
    jpeg_create_decompress(jpeg);
    jpeg_stdio_src(jpeg, f);
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->num_components != 1 && jpeg->num_components != 3) {
        r->status = cm_fail(CM_EFORMAT, "%s: a JPEG with %d components; only grey and RGB are read", path, jpeg->num_components);
        return;
    }
    jpeg->out_color_space = jpeg->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    r->status = cm_image_new_from(f, path, r->out, jpeg->image_width, jpeg->image_height, (size_t)jpeg->num_components, &r->image);
    if (r->status != CM_OK) return; /* before libjpeg asks for memory: a progressive file is kept whole */
    jpeg_start_decompress(jpeg);
    const size_t stride = r->image.width * r->image.channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = r->image.pixels + jpeg->output_scanline * stride;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
}

cm_status cm_jpeg_decode(FILE *f, const char *path, cm_arena *out, cm_image *image) {
    reader r = {.out = out};
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.errors.error_exit = on_error;
    r.errors.emit_message = on_message;
    read_all(&r, f, path);
    jpeg_destroy_decompress(&r.jpeg);
    if (r.status == CM_OK) *image = r.image;
    return r.status;
}
