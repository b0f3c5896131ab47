// SPDX-License-Identifier: Apache-2.0
/* What the files of verify share. */
#ifndef CM_HARNESS_VERIFY_VERIFY_FOLDER_PARTS_H
#define CM_HARNESS_VERIFY_VERIFY_FOLDER_PARTS_H

#include "harness/records/sides.h"
#include "harness/verify/verify_folder.h"

typedef struct cm_verifier {
    const cm_verify_options *options;
    const char *path; /* of the records */
    json_t *all;
    const json_t *header;
    cm_side *sides;
    size_t side_count;
    cm_arena *out;
    cm_verify_result *r;
} cm_verifier;

/* Notes a difference; the first one stays. line: of `all`. */
cm_status cm_verify_differ(cm_verifier *v, size_t line, const char *what, const char *recorded, const char *there);
cm_status cm_verify_differ_json(cm_verifier *v, size_t line, const char *what, const json_t *recorded,
                                const json_t *there);
bool cm_verify_same(const json_t *a, const json_t *b, double relative); /* numbers within that of their size */
/* The side of an image's, a reference's or a drawing's record; NULL: none. */
cm_side *cm_verify_side(cm_side *sides, size_t count, const json_t *record);
/* The store of a column, opened once; *store NULL: it is not what it should be, which is then noted. */
cm_status cm_verify_store(cm_verifier *v, size_t line, cm_side *s, const char *column, cm_feature_store **store);

/* Looks at all images again, in a folder for the time being, and holds what is seen against the records. */
cm_status cm_verify_images(cm_verifier *v);

#endif
