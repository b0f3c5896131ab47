// SPDX-License-Identifier: Apache-2.0
/* Which files of a folder are an image set: the one definition, for every command that takes a folder of images.
 *
 *     cm_image_set set;
 *     CM_TRY(cm_image_set_open(&set, "out/images"));
 *     for (size_t i = 0; i < set.count; i++) ... set.images[i].path ...
 *     cm_image_set_close(&set);
 *
 * An image is a regular file whose name ends in .png, .jpg, .jpeg, .jfif, .webp, .bmp or .gif, in any case, in the
 * folder or in folders below it (to a depth of 16). Links are followed. Left out, and counted by reason, are
 *
 *     hidden             names that begin with a dot, __MACOSX, and all below such folders
 *     previews           NAME.step-0005.png and the like, which `generate --save-every` puts beside an image
 *     attention maps     NAME.attention.png, which `generate --capture` puts there
 *     of other formats   .tif, .heic, .avif, ...: images, but not read
 *     there twice        a file that another name in the set leads to (by link or hard link; the name that is no link
 *                        stays, else the first), and a folder that a link leads back to
 *     special files      pipes, sockets, devices: never opened
 *     broken links       that lead nowhere
 *     closed folders     that cannot be read, or lie too deep
 *
 * Other files (.txt, .jsonl, ...) are not counted. The order is that of paths as bytes. A manifest (picture_source.h)
 * takes any file that it names.
 */
#ifndef CM_CORE_IO_IMAGE_SET_H
#define CM_CORE_IO_IMAGE_SET_H

#include <jansson.h>
#include <sys/types.h>

#include "core/base/arena.h"

typedef enum cm_left_out {
    CM_LEFT_HIDDEN,
    CM_LEFT_PREVIEW,
    CM_LEFT_ATTENTION,
    CM_LEFT_FORMAT,
    CM_LEFT_TWICE,
    CM_LEFT_SPECIAL,
    CM_LEFT_BROKEN,
    CM_LEFT_CLOSED,
    CM_LEFT_REASONS
} cm_left_out;

typedef struct cm_image_file {
    const char *path;
    dev_t device;
    ino_t inode;
    bool linked; /* found through a link */
} cm_image_file;

typedef struct cm_image_set {
    cm_image_file *images;
    size_t count, capacity;
    size_t root; /* bytes of each path before the part below the folder */
    size_t left_out[CM_LEFT_REASONS];
    const char *examples[CM_LEFT_REASONS]; /* the first of each, or NULL */
    cm_arena arena;
} cm_image_set;

cm_status cm_image_set_open(cm_image_set *s, const char *folder);
void cm_image_set_close(cm_image_set *s); /* fine on a cleared one */

/* "3 previews, 1 of another format (x.tif)"; NULL: nothing was left out, or no memory, which `out` then says. */
const char *cm_image_set_tell(const cm_image_set *s, cm_arena *out);
/* {"previews": 3, ...}; NULL when nothing was left out. A new reference. */
json_t *cm_image_set_describe(const cm_image_set *s);
bool cm_image_set_is_odd(
    const cm_image_set *s); /* something else than hidden files and `generate`'s own was left out */

/* A path as text that a record, a message or a page can hold: bytes that are no UTF-8 become \xE9, control characters
 * and those that turn the direction of writing \x0A or \u202E. The same pointer when there is nothing to change. */
const char *cm_printable_path(const char *path, cm_arena *out);

#endif
