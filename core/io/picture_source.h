// SPDX-License-Identifier: Apache-2.0
/* A list of images to look at, in a fixed order.
 *
 * From one of
 *     a folder:     the image set that it is (image_set.h), in the order of paths; the id is the path below the folder
 *                   without its ending
 *     a manifest:   JSON lines {"path": ..., "id": ..., "prompt": ...}; path, relative to the manifest, is needed;
 *                   without an id it is the path without its ending; in the order of the lines. A misspelled key is
 *                   refused, other keys are one warning
 *     an array:     uint8 [N,H,W,3] or [N,3,H,W] in a .npz, .npy or .safetensors; ids are 0, 1, ...
 *
 * Images are read on any thread. What was seen on the way (JPEG, mixed sizes) is kept for one warning each.
 */
#ifndef CM_CORE_IO_PICTURE_SOURCE_H
#define CM_CORE_IO_PICTURE_SOURCE_H

#include <jansson.h>

#include "core/io/image.h"

typedef struct cm_picture_source cm_picture_source;

cm_status cm_picture_source_open(cm_picture_source **out, const char *path);
void cm_picture_source_close(cm_picture_source **s);

/* Is it a file of arrays that holds one of images? (A file of statistics may, too.) */
bool cm_picture_source_is_array(const char *path);

size_t cm_picture_source_count(const cm_picture_source *s);
/* Ids and paths are text, whatever bytes a file's name has: cm_printable_path of them. "FILE[3]" of an array. */
const char *cm_picture_source_id(const cm_picture_source *s, size_t i);
const char *cm_picture_source_path(const cm_picture_source *s, size_t i);
const char *cm_picture_source_prompt(const cm_picture_source *s, size_t i); /* NULL: says none */
/* SHA-256 over ids, paths and, of files, their sizes and times: another list has another. */
const char *cm_picture_source_hash(const cm_picture_source *s);

/* {"previews": 3, ...}: what of a folder was left out, by reason (image_set.h); NULL: nothing. A new reference. */
json_t *cm_picture_source_left_out(const cm_picture_source *s);
void cm_picture_source_tell_left_out(const cm_picture_source *s); /* in one line, if anything was */

/* Image i as RGB; pixels live in `out`. */
cm_status cm_picture_source_read(cm_picture_source *s, size_t i, cm_arena *out, cm_image *image);

/* Warns of what was seen in images read so far that makes scores hard to compare: JPEG files, transparency, sizes
 * that differ. */
void cm_picture_source_warn(const cm_picture_source *s);

#endif
