// SPDX-License-Identifier: Apache-2.0
/* The records of a run, sorted by kind, as the writers of formats read them.
 *
 * Lines are read one at a time. Of images and images only places in the file are kept, 32 bytes each, and the few
 * that are shown are read again; every other record is kept whole. All look-ups are by hash, so time grows with the
 * number of lines. */
#ifndef CM_REPORTS_REPORT_MODEL_H
#define CM_REPORTS_REPORT_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/io/jsonl.h"
#include "core/io/record_lines.h"
#include "reports/report_table.h"

typedef struct cm_row_list {
    const json_t **at;
    size_t count;
} cm_row_list;

enum {
    CM_SHOWN_PROMPTS = 64,
    CM_SHOWN_EACH = 4
}; /* a page holds at most that many prompts' images, of each prompt and arm so many, and as many prompts' maps */

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

/* How a score is printed, and what it is. Of format 2 this comes from the header's plan.metrics alone; older runs have
 * the ten nano scores. */
typedef struct cm_column {
    const char *score; /* "acc_obj", as in records; a set score's part: "prdc@dino.precision" */
    const char *title; /* "Acc_obj" */
    cm_better better;
    cm_number_style style;
    int digits;
    const char *about; /* one clause for the legend */
    const char *source;
    bool measured;  /* has any arm a value? */
    bool mechanism; /* what a loss trains (HOLA, attn_*): it shows that attention moved, and is no quality */
} cm_column;

/* Of an arm's value in a column. */
typedef enum cm_standing {
    CM_BEHIND,  /* told apart from the best, or nothing to compare with */
    CM_LEADING, /* cannot be told apart from the best */
    CM_BEST
} cm_standing;

typedef struct cm_report_model {
    const char *folder;
    int format;                          /* 1: records without a number; 2 */
    json_t *all, *peer_records, *images; /* own the records that are kept */
    json_t *index;                       /* records by kind and names: cm_report_model_score and its like */
    const json_t *run, *done;            /* the header; the last line of a finished run (NULL: unfinished) */
    cm_row_list scores, pairs, ceilings, chances, kept, speeds, sgemms, parts, commands, failures, peers;
    cm_row_list shown, illustrated; /* prompts, by an arm's images: those of the grid, those of which an arm has maps */
    size_t image_count, illustrated_count; /* prompts of that arm, shown or not */
    const char **arms;                     /* in the header's order */
    size_t arm_count;
    cm_column *columns;
    size_t column_count;
    const char *primary;    /* the score by which a comparison is decided */
    cm_standing *standings; /* [arm_count,column_count] */
    cm_growth *growths;
    size_t growth_count;
    cm_arena arena;
} cm_report_model;

/* peers: as in report.h. Records of a newer format, and two runs in one file, are CM_EFORMAT. */
cm_status cm_report_model_open(cm_report_model *r, const char *folder, const char *peers);
void cm_report_model_close(cm_report_model *r);

/* NULL: no such record. Of several the last holds, since a run that went on may have written one again; of images
 * the first, which is a prompt's first. */
const json_t *cm_report_model_score(const cm_report_model *r, const char *arm, const char *score);
const json_t *cm_report_model_ceiling(const cm_report_model *r, const char *score);
const json_t *cm_report_model_chance(const cm_report_model *r, const char *score); /* of someone else's drawing */
const json_t *cm_report_model_kept(const cm_report_model *r, const char *arm,
                                   const char *group); /* a group's attention, layer by layer */
const json_t *cm_report_model_pair(const cm_report_model *r, const char *a, const char *b, const char *score);
const json_t *cm_report_model_part(const cm_report_model *r, const char *arm, const char *group, const char *score);
const json_t *cm_report_model_image(const cm_report_model *r, const char *arm, const char *id); /* the prompt's first */
const json_t *cm_report_model_image_of(const cm_report_model *r, const char *arm, const char *id,
                                       size_t k); /* k < CM_SHOWN_EACH */
double cm_report_model_sgemm(const cm_report_model *r,
                             const char *backend); /* GFLOP/s of one large product; 0 when not measured */

const json_t *cm_report_model_arm(const cm_report_model *r, const char *arm); /* of the header */
const cm_column *cm_column_find(const cm_report_model *r, const char *score); /* NULL: none */

/* Are these old records of `score --metric`: images that were there, scored by published protocols? */
bool cm_report_model_published(const cm_report_model *r);

bool cm_number_of(const json_t *o, const char *key, double *out); /* false when absent */

/* Do the arms differ, at the 5 % level? By p after Holm's correction (of the primary score, a family of its own, by its
 * p); false where that is absent. */
bool cm_pair_is_apart(const json_t *pair);
/* What a difference may be called. Of what a loss trains nothing is better or worse. */
typedef enum cm_verdict { CM_NOT_JUDGED, CM_NOT_APART, CM_APART, CM_IS_BETTER, CM_IS_WORSE } cm_verdict;
cm_verdict cm_pair_verdict(const json_t *pair, const cm_column *of);

/* What a pair of arms may be called: "with and without Daring" is said only where one arm was trained with HOLA, the
 * other was not, and both records show equal data, steps and seeds, and the same weights to begin from where they tell.
 */
typedef enum cm_contrast {
    CM_CONTRAST_UNKNOWN,  /* their records do not say how they were trained */
    CM_CONTRAST_SETTINGS, /* the same weights, or the same training: only settings differ */
    CM_CONTRAST_DARING,   /* with and without Daring */
    CM_CONTRAST_BOTH      /* data and Daring together */
} cm_contrast;
cm_contrast cm_report_model_contrast(const cm_report_model *r, const char *a, const char *b);

/* --- how they are made: report_model.c, model_columns.c, model_images.c, model_lookup.c ---------------- */

typedef struct cm_image_place {
    uint64_t id, arm; /* hashes of the texts */
    long long offset; /* in the file */
    unsigned char k;  /* which of the prompt's images */
    bool has_maps;
} cm_image_place;
typedef struct cm_image_places {
    cm_image_place *at; /* [count], in the file's order */
    size_t count, room;
} cm_image_places;
cm_status cm_image_places_add(cm_image_places *p, const json_t *image, long long offset);
/* Chooses what is shown and reads it again: fills images, shown, illustrated and their counts. */
cm_status cm_report_model_read_images(cm_report_model *r, const cm_image_places *p, cm_record_lines *lines);

cm_status cm_report_model_index(cm_report_model *r); /* of everything but images */
cm_status cm_report_model_index_image(cm_report_model *r, const json_t *image);
cm_status cm_report_model_index_column(cm_report_model *r, size_t column);
cm_status cm_report_model_find_columns(cm_report_model *r);
cm_status cm_report_model_find_standings(cm_report_model *r);
cm_status cm_report_model_find_growths(cm_report_model *r);

#endif
