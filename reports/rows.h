// SPDX-License-Identifier: Apache-2.0
/* The records of a run, sorted by kind, as the writers of formats read them.
 *
 * Lines are read one at a time. Of images and pictures only places in the file are kept, 32 bytes each, and the few
 * that are shown are read again; every other record is kept whole. All look-ups are by hash, so time grows with the
 * number of lines. */
#ifndef CM_REPORTS_ROWS_H
#define CM_REPORTS_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/io/record_lines.h"

typedef struct cm_row_list {
    const json_t **at;
    size_t count;
} cm_row_list;

enum { CM_SHOWN_PROMPTS = 64 };      /* a page holds at most that many prompts' images, and as many prompts' maps */

/* One stage of one model on one backend, measured at several sizes: from the smallest up, with what each is to the
 * smallest. */
typedef struct cm_growth_row {
    double width, height, seconds, gflop, more_seconds, more_gflop; /* gflop, more_gflop 0: not counted */
} cm_growth_row;
typedef struct cm_growth {
    const char *model, *backend, *stage;
    size_t count;
    const cm_growth_row *rows;
} cm_growth;

/* How a score is printed. */
typedef struct cm_column {
    const char *score;   /* "acc_obj", as in records */
    const char *title;   /* "Acc_obj" */
    const char *arrow;   /* "↑" or "↓": which way is better */
    int decimals;
    bool lower_is_better;
    const char *about;   /* one clause for the legend */
} cm_column;
enum { CM_COLUMNS = 10 };
extern const cm_column cm_columns[CM_COLUMNS];
const cm_column *cm_column_find(const char *score); /* NULL: none */
extern const char cm_primary_score[];               /* "acc_all": what a comparison is decided by */

typedef struct cm_rows {
    const char *folder;
    json_t *all, *peer_records, *images; /* own the records that are kept */
    json_t *index;                       /* records by kind and names: cm_rows_score and its like */
    const json_t *run, *done;            /* the header; the last line of a finished run (NULL: unfinished) */
    cm_row_list scores, pairs, ceilings, speeds, sgemms, peers;
    cm_row_list shown, illustrated;      /* the first arm's images: those of the grid, those of which an arm has maps */
    size_t image_count, illustrated_count;                /* of the first arm, shown or not */
    const char **arms;                   /* in the header's order */
    size_t arm_count;
    size_t best[CM_COLUMNS];             /* the arm whose value is best and told apart from the next; arm_count: none is */
    bool measured[CM_COLUMNS];           /* has any arm a value? */
    cm_growth *growths;
    size_t growth_count;
    cm_arena arena;
} cm_rows;

cm_status cm_rows_open(cm_rows *r, const char *folder, const char *peers); /* peers: as in report.h */
void cm_rows_close(cm_rows *r);

/* NULL: no such record. Of several the last holds, since a run that went on may have written one again; of images
 * the first. */
const json_t *cm_rows_score(const cm_rows *r, const char *arm, const char *score);
const json_t *cm_rows_ceiling(const cm_rows *r, const char *score);
const json_t *cm_rows_pair(const cm_rows *r, const char *a, const char *b, const char *score);
const json_t *cm_rows_image(const cm_rows *r, const char *arm, const char *id);
double cm_rows_sgemm(const cm_rows *r, const char *backend); /* GFLOP/s of one large product; 0 when not measured */

/* Are these records of `score --metric`: pictures that were there, scored by published protocols? */
bool cm_rows_published(const cm_rows *r);

const char *cm_text_of(const json_t *o, const char *key);              /* "" when absent */
bool cm_number_of(const json_t *o, const char *key, double *out);      /* false when absent */

/* Do the arms differ, at the 5 % level? By p after Holm's correction; false where that is absent. */
bool cm_pair_is_apart(const json_t *pair);

/* --- how they are made: rows.c, row_images.c, row_finds.c ------------------------------- */

typedef struct cm_image_place {
    uint64_t id, arm;      /* hashes of the texts */
    long long offset;      /* in the file */
    bool has_maps;
} cm_image_place;
typedef struct cm_image_places {
    cm_image_place *at;    /* [count], in the file's order */
    size_t count, room;
} cm_image_places;
cm_status cm_image_places_add(cm_image_places *p, const json_t *image, long long offset);
/* Chooses what is shown and reads it again: fills images, shown, illustrated and their counts. */
cm_status cm_rows_read_images(cm_rows *r, const cm_image_places *p, cm_record_lines *lines);

cm_status cm_rows_index(cm_rows *r);        /* of everything but images */
cm_status cm_rows_index_image(cm_rows *r, const json_t *image);
void cm_rows_find_best(cm_rows *r);
cm_status cm_rows_find_growths(cm_rows *r);

#endif
