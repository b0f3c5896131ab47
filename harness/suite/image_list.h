// SPDX-License-Identifier: Apache-2.0
/* The images of one side of an evaluation, by row: files that the run makes, images that were there, or drawn people.
 */
#ifndef CM_HARNESS_SUITE_IMAGE_LIST_H
#define CM_HARNESS_SUITE_IMAGE_LIST_H

#include "core/data/people/people.h"
#include "core/io/picture_source.h"
#include "harness/suite/suite.h"

#define CM_NO_IMAGE SIZE_MAX

typedef struct cm_image_list {
    size_t count;              /* rows */
    cm_picture_source *source; /* images that were there: row i is number at[i] of it */
    const size_t *at;          /* [count], CM_NO_IMAGE: no such image; NULL: i */
    const cm_drawn_set *drawn; /* drawn people, width x height; NULL: none */
    size_t width, height;
    const char *folder; /* of the run, whose images/ARM/ID.png the rows are */
    const char **files; /* [count], below `folder` */
} cm_image_list;

void cm_image_list_close(cm_image_list *l); /* fine on a cleared one */

bool cm_image_list_has(const cm_image_list *l,
                       size_t i); /* of files: as their records say, which the caller knows better */
/* Texts in `out` or of the list; id of a drawing: its seed. */
const char *cm_image_list_id(const cm_image_list *l, size_t i, cm_arena *out);
const char *cm_image_list_path(const cm_image_list *l, size_t i, cm_arena *out);
/* Says what list it is: two with one hash are the same. Texts of made files are not in it. */
const char *cm_image_list_hash(const cm_image_list *l, cm_arena *out);
/* As RGB, in `out`. classes: NULL, or gets a drawing's parsing classes (pixels NULL where it is no drawing). */
cm_status cm_image_list_read(const cm_image_list *l, size_t i, cm_arena *out, cm_image *image, cm_image *classes);
/* The person that row i is drawn from. */
void cm_image_list_person(const cm_image_list *l, size_t i, cm_person *p);

#endif
