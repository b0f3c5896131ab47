// SPDX-License-Identifier: Apache-2.0
/* Sides: the sets of images that a run compares, and what its records say of each image.
 *
 * A run opens its sides from a suite (harness/run); who has the records alone makes them from the header.
 */
#ifndef CM_HARNESS_RECORDS_SIDES_H
#define CM_HARNESS_RECORDS_SIDES_H

#include "harness/records/feature_store.h"
#include "harness/suite/image_list.h"
#include "prompts/prompt_set.h"

enum { CM_EVAL_METRICS = 48 };

typedef enum cm_side_kind { CM_SIDE_ARM, CM_SIDE_REFERENCE, CM_SIDE_CEILING, CM_SIDE_KINDS } cm_side_kind;
extern const char
    *const cm_side_lines[CM_SIDE_KINDS]; /* the kind of its images' records: "image", "reference", "drawing" */

/* Images that are compared: of an arm, row unit * images + k; of the reference and the ceiling a row an image. */
typedef struct cm_side {
    cm_side_kind kind;
    const char *name;               /* the arm's, "reference" or "ceiling": of its files */
    const cm_arm *arm;              /* NULL: none */
    size_t count, begin, end;       /* rows; this shard's */
    size_t images;                  /* rows a unit */
    const cm_description **prompts; /* [count / images]; NULL: this unit has none; NULL of a reference */
    cm_image_list list;
    json_t **lines; /* [count], owned: what records say of a row, joined; NULL: nothing */
    cm_feature_store stores[CM_EVAL_METRICS];
    size_t *todo, todo_count;     /* rows to look at */
    bool needed[CM_EVAL_METRICS]; /* by feed: does a row of todo lack what is made from it? */
} cm_side;

void cm_sides_close(cm_side *sides, size_t count);
/* The sides that a header tells of, without lists: for those who have records only. [*count]; cm_sides_close. */
cm_status cm_sides_of_header(const json_t *header, cm_side **sides, size_t *count);
/* What `all` says of the sides' rows, joined; a failure replaces what was said before it. */
cm_status cm_sides_read(cm_side *sides, size_t count, const json_t *all);
/* The line of a row is on disk: joined to what is known of it. */
cm_status cm_side_know(cm_side *s, size_t row, json_t *line);
/* A folder's records without scores: header, images in order, then what has no order of its own (arms, speed, passes).
 */
json_t *cm_sides_lines(const json_t *header, const cm_side *sides, size_t side_count, const json_t *all);

/* FOLDER/features/SIDE-COLUMN.f32; NULL: no memory, which `out` then says. */
char *cm_column_path(const char *folder, const char *side, const char *column, cm_arena *out);
/* make: where it is absent, else that is an error. */
cm_status cm_column_open(const char *folder, const char *side, const char *column, size_t rows, size_t width, bool make,
                         cm_arena *out, cm_feature_store *store);

#endif
