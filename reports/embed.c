// SPDX-License-Identifier: Apache-2.0
/* Images as data within the page. */
#include <string.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/io/image.h"
#include "core/io/inside.h"
#include "reports/render.h"

enum { IMAGE_MAX = 64 << 20, AS_IT_IS = 192 << 10, SIDE = 512 };

static void put_type(cm_writer *w, const char *bytes, size_t n) {
    if (n >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) cm_markup(w, "data:image/jpeg;base64,");
    else if (n >= 12 && memcmp(bytes + 8, "WEBP", 4) == 0) cm_markup(w, "data:image/webp;base64,");
    else cm_markup(w, "data:image/png;base64,");
}

static bool is_image(const char *bytes, size_t n) {
    return n >= 12 && (memcmp(bytes, "\x89PNG", 4) == 0 || memcmp(bytes, "\xff\xd8\xff", 3) == 0 ||
                       (memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0));
}

/* The image at most SIDE pixels wide and high, as JPEG, by way of a file beside it that does not stay. */
static cm_status shrink(const char *path, const char *folder, cm_arena *out, char **bytes, size_t *n) {
    cm_image image, small;
    CM_TRY(cm_image_read(path, 3, out, &image));
    const size_t most = image.width > image.height ? image.width : image.height, side = most < SIDE ? most : SIDE;
    const size_t width = (image.width * side + most / 2) / most, height = (image.height * side + most / 2) / most;
    CM_TRY(cm_image_resize(&image, width ? width : 1, height ? height : 1, CM_LANCZOS, out, &small));
    char *beside = cm_name_beside(cm_arena_print(out, "%s/small.jpg", folder), out);
    CM_TRY(cm_arena_check(out));
    cm_remove_at_end(beside);
    cm_status s = cm_image_write_jpeg(beside, &small, NULL);
    if (s == CM_OK) s = cm_read_text(beside, IMAGE_MAX, out, bytes, n);
    unlink(beside);
    cm_keep_file(beside);
    return s;
}

static bool load(const char *folder, const char *file, cm_arena *out, char **bytes, size_t *n) {
    const char *path = cm_inside(folder, file, out);
    if (!path) return false;
    if (cm_file_size(path) > AS_IT_IS && shrink(path, folder, out, bytes, n) == CM_OK) return true;
    return cm_read_text(path, IMAGE_MAX, out, bytes, n) == CM_OK && is_image(*bytes, *n);
}

void cm_embed_image(cm_writer *w, const char *folder, const cm_part_image *image, size_t *budget) {
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    char *bytes = NULL;
    size_t n = 0;
    if (!load(folder, image->file, &scratch, &bytes, &n)) {
        cm_markup(w, "<small>no image in this folder</small> ");
    } else if (n > *budget) {
        cm_markup(w, "<small>image left out: the page is full</small> ");
    } else {
        *budget -= n;
        cm_markup(w, "<img alt=\"");
        cm_text(w, image->alt);
        cm_markup(w, "\" src=\"");
        put_type(w, bytes, n);
        cm_base64(w, bytes, n);
        cm_markup(w, "\">");
    }
    cm_arena_free(&scratch);
}

void cm_embed_plot(cm_writer *w, const char *folder, const cm_plot *plot) {
    cm_arena scratch;
    cm_arena_init(&scratch, 0);
    const char *file = cm_arena_print(&scratch, "plots/%s.svg", plot->name),
               *path = file ? cm_inside(folder, file, &scratch) : NULL;
    char *bytes = NULL;
    size_t n = 0;
    if (path && cm_read_text(path, IMAGE_MAX, &scratch, &bytes, &n) == CM_OK) {
        cm_markup(w, "<div class=\"wide\"><img class=\"plot\" width=\"");
        cm_number(w, "%.0f", plot->width);
        cm_markup(w, "\" height=\"");
        cm_number(w, "%.0f", plot->height);
        cm_markup(w, "\" alt=\"");
        cm_text(w, plot->alt);
        cm_markup(w, "\" src=\"data:image/svg+xml;base64,");
        cm_base64(w, bytes, n);
        cm_markup(w, "\"></div>\n");
    }
    cm_arena_free(&scratch);
}
