// SPDX-License-Identifier: Apache-2.0
/* GIF by giflib: the first image of the file, on its screen, with the colours that Pillow gives it. */
#include <gif_lib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/image_parts.h"

typedef struct reader {
    const unsigned char *data;
    size_t bytes, at;
    GifFileType *gif;
    cm_arena *out;
    cm_image image;
    int transparent; /* this colour's index; -1: none */
} reader;

static int read_some(GifFileType *gif, GifByteType *to, int count) {
    reader *r = gif->UserData;
    const size_t left = r->bytes - r->at, n = (size_t)count < left ? (size_t)count : left;
    memcpy(to, r->data + r->at, n);
    r->at += n;
    return (int)n;
}

static cm_status damaged(const reader *r) {
    const char *why = r->gif ? GifErrorString(r->gif->Error) : NULL;
    return cm_fail(CM_EFORMAT, "%s GIF: %s", r->at == r->bytes ? "truncated" : "damaged", why ? why : "no image in it");
}

static cm_status read_extension(reader *r) {
    int code;
    GifByteType *block;
    GraphicsControlBlock control;
    if (DGifGetExtension(r->gif, &code, &block) == GIF_ERROR) return damaged(r);
    if (code == GRAPHICS_EXT_FUNC_CODE && block && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
        r->transparent = control.TransparentColor;
    while (block)
        if (DGifGetExtensionNext(r->gif, &block) == GIF_ERROR) return damaged(r);
    return CM_OK;
}

/* Colours count up in grey where there is no palette; one behind its end is black. */
static void make_palette(const reader *r, uint8_t palette[256][3]) {
    const ColorMapObject *map = r->gif->Image.ColorMap ? r->gif->Image.ColorMap : r->gif->SColorMap;
    for (int i = 0; i < 256; i++) {
        const GifColorType grey = {(GifByteType)i, (GifByteType)i, (GifByteType)i}, black = {0, 0, 0};
        const GifColorType c = !map ? grey : i < map->ColorCount ? map->Colors[i] : black;
        palette[i][0] = c.Red, palette[i][1] = c.Green, palette[i][2] = c.Blue;
    }
}

static cm_status read_row(reader *r, size_t y, GifPixelType *line, uint8_t (*palette)[3]) {
    const GifImageDesc *d = &r->gif->Image;
    if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
    if (DGifGetLine(r->gif, line, d->Width) == GIF_ERROR) return damaged(r);
    uint8_t *to = r->image.pixels + 3 * (((size_t)d->Top + y) * r->image.width + (size_t)d->Left);
    for (int x = 0; x < d->Width; x++) memcpy(to + 3 * x, palette[line[x]], 3);
    return CM_OK;
}

/* Interlaced: every eighth row, those between, and so on. */
static cm_status read_rows(reader *r, GifPixelType *line, uint8_t (*palette)[3]) {
    static const size_t first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    const size_t height = (size_t)r->gif->Image.Height;
    const bool laced = r->gif->Image.Interlace;
    for (size_t pass = 0; pass < (laced ? 4 : 1); pass++)
        for (size_t y = laced ? first[pass] : 0; y < height; y += laced ? step[pass] : 1)
            CM_TRY(read_row(r, y, line, palette));
    return CM_OK;
}

static size_t larger(int a, int b) {
    return (size_t)(a > b ? a : b);
}

static cm_status read_picture(reader *r) {
    if (DGifGetImageDesc(r->gif) == GIF_ERROR) return damaged(r);
    const GifImageDesc *d = &r->gif->Image;
    uint8_t palette[256][3];
    if (d->Width <= 0 || d->Height <= 0)
        return cm_fail(CM_EFORMAT, "damaged GIF: an image of %dx%d", d->Width, d->Height);
    CM_TRY(cm_image_new_from(r->bytes, r->out, larger(r->gif->SWidth, d->Left + d->Width),
                             larger(r->gif->SHeight, d->Top + d->Height), 3, &r->image));
    GifPixelType *line = CM_PUSH(r->out, GifPixelType, d->Width);
    CM_TRY(cm_arena_check(r->out));
    make_palette(r, palette);
    const size_t around = r->transparent >= 0 ? (size_t)r->transparent : 0, n = r->image.width * r->image.height;
    for (size_t i = 0; i < n; i++) memcpy(r->image.pixels + 3 * i, palette[around], 3);
    return read_rows(r, line, palette);
}

static cm_status read_all(reader *r) {
    for (;;) {
        GifRecordType type;
        if (DGifGetRecordType(r->gif, &type) == GIF_ERROR) return damaged(r);
        if (type == IMAGE_DESC_RECORD_TYPE) return read_picture(r);
        if (type == TERMINATE_RECORD_TYPE) return cm_fail(CM_EFORMAT, "a GIF without an image");
        if (type == EXTENSION_RECORD_TYPE) CM_TRY(read_extension(r));
    }
}

cm_status cm_gif_decode(const unsigned char *data, size_t bytes, cm_arena *out, cm_image *image) {
    int error = 0;
    reader r = {.data = data, .bytes = bytes, .out = out, .transparent = NO_TRANSPARENT_COLOR};
    r.gif = DGifOpen(&r, read_some, &error);
    if (!r.gif)
        return cm_fail(CM_EFORMAT, "damaged GIF: %s", GifErrorString(error) ? GifErrorString(error) : "no header");
    const cm_status s = read_all(&r);
    DGifCloseFile(r.gif, &error);
    if (s != CM_OK) return s;
    r.image.lost_alpha = r.transparent >= 0;
    *image = r.image;
    return CM_OK;
}
