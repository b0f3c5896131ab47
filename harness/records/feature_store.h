// SPDX-License-Identifier: Apache-2.0
/* Features on disk: a file of f32 rows, row i belonging to image i of a list.
 *
 * A score pass writes rows in any order, on any thread; which rows are there is the records' business: they have a hash
 * of each. Rows of images that are still to come read as zeros. Scores are made from the whole file in the order of
 * the list, so that neither shards nor threads nor a stop in the middle can change a digit.
 */
#ifndef CM_HARNESS_RECORDS_FEATURE_STORE_H
#define CM_HARNESS_RECORDS_FEATURE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"

typedef struct cm_feature_store {
    char *path;
    size_t rows, width;
    int file; /* -1: closed */
} cm_feature_store;

/* Opens the file, whose size must be that of rows x width, to be read; make: to be written, too: an absent one is made,
 * and one of another size gets it. Its rows are worth what cm_feature_hash says of them. Follows no link. */
cm_status cm_feature_store_open(cm_feature_store *s, const char *path, size_t rows, size_t width, bool make,
                                cm_arena *out);
void cm_feature_store_close(cm_feature_store *s); /* fine on a cleared struct with file -1, and twice */
cm_status cm_feature_store_write(const cm_feature_store *s, size_t row, const float *values);
cm_status cm_feature_store_sync(const cm_feature_store *s); /* what was written is on disk; fine when closed */
/* Rows [first, first + count) of a store's file, copied behind one another. */
cm_status cm_feature_store_read(const cm_feature_store *s, size_t first, size_t count, float *values);

/* What an image's record says of its row: the first 16 hex digits of the values' SHA-256. */
enum { CM_FEATURE_HASH = 17 };
void cm_feature_hash(const float *values, size_t width, char out[CM_FEATURE_HASH]);

/* All rows, mapped: nothing is held in memory that the system could not let go. */
typedef struct cm_feature_view {
    const float *values; /* [rows,width] */
    size_t bytes;
} cm_feature_view;
cm_status cm_feature_store_map(const cm_feature_store *s, cm_feature_view *view);
void cm_feature_view_close(cm_feature_view *view);

#endif
