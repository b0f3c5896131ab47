// SPDX-License-Identifier: Apache-2.0
/* The records of a run, sorted by kind, as the writers of formats read them. */
#ifndef CM_REPORTS_ROWS_H
#define CM_REPORTS_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/base/arena.h"

typedef struct cm_row_list {
    const json_t **at;
    size_t count;
} cm_row_list;

typedef struct cm_rows {
    const char *folder;
    json_t *all, *all_peers;     /* own every record; all_peers NULL: no other engines */
    const json_t *run, *done;    /* the header; the last line of a finished run (NULL: unfinished) */
    cm_row_list images, scores, pairs, ceilings, speeds, sgemms, peers;
    const char *arms[16];        /* in the header's order */
    size_t arm_count;
    cm_arena arena;
} cm_rows;

cm_status cm_rows_open(cm_rows *r, const char *folder, const char *peers); /* peers: as in report.h */
void cm_rows_close(cm_rows *r);

/* How a score is printed. */
typedef struct cm_column {
    const char *score;   /* "acc_obj", as in records */
    const char *title;   /* "Acc_obj" */
    const char *arrow;   /* "↑" or "↓": which way is better */
    int decimals;
    bool lower_is_better;
    const char *about;   /* one clause for the legend */
} cm_column;
extern const cm_column cm_columns[];
extern const size_t cm_column_count;

const json_t *cm_rows_score(const cm_rows *r, const char *arm, const char *score);  /* NULL: not measured */
const json_t *cm_rows_image(const cm_rows *r, const char *arm, const char *id);     /* NULL: none */
/* The arm with the best value of a column; NULL when none was measured. */
const char *cm_rows_best(const cm_rows *r, const cm_column *c);

/* The paper's own ablation (CosmicMan, CVPR 2024, table 4), for orientation. */
typedef struct cm_paper_row {
    const char *setting;
    double fid, acc_obj, acc_tex, acc_shape, acc_all;
} cm_paper_row;
extern const cm_paper_row cm_paper_rows[3];

/* Sentences shared by the HTML and Markdown pages. Each writes one or more paragraphs separated by a blank line. */
void cm_write_methods(FILE *f, const cm_rows *r);
void cm_write_summary(FILE *f, const cm_rows *r);
void cm_write_peers(FILE *f, const cm_rows *r);

const char *cm_report_title(const cm_rows *r);

/* Are these records of `score --metric`: pictures that were there, scored by published protocols? */
bool cm_rows_published(const cm_rows *r);
void cm_write_published(FILE *f, const cm_rows *r); /* what was compared with what */

const char *cm_text_of(const json_t *o, const char *key);              /* "" when absent */
bool cm_number_of(const json_t *o, const char *key, double *out);      /* false when absent */
/* One stage of one model on one backend, measured at several sizes: from the smallest up, with what each is to the
 * smallest. */
enum { CM_GROWTH_SIZES = 16 };
typedef struct cm_growth_row {
    double width, height, seconds, gflop, more_seconds, more_gflop; /* gflop, more_gflop 0: not counted */
} cm_growth_row;
typedef struct cm_growth {
    const char *model, *backend, *stage;
    size_t count;
    cm_growth_row rows[CM_GROWTH_SIZES];
} cm_growth;
/* The growth that begins at speed row i: false when i is not the first of its stage, or the only size. */
bool cm_rows_growth(const cm_rows *r, size_t i, cm_growth *g);
bool cm_rows_grow(const cm_rows *r); /* is there any? */

/* The machine's own GFLOP/s of one large product on this backend; 0 when not measured. */
double cm_rows_sgemm(const cm_rows *r, const char *backend);
void cm_write_value(FILE *f, const json_t *o, const char *key, int decimals); /* or "not measured" */
void cm_write_p(FILE *f, const json_t *o, const char *key, const char *less); /* below 0.001 as `less` 0.001 */

/* The formats. Each writes one file (or several) into the folder. */
cm_status cm_report_csv(const cm_rows *r);
cm_status cm_report_markdown(const cm_rows *r);

/* Which of plots/scores.svg, differences.svg, speed.svg were drawn; the reason when gnuplot is absent. */
typedef struct cm_plots {
    bool scores, differences, speed;
    const char *why_not;
} cm_plots;
cm_status cm_report_plots(cm_rows *r, cm_plots *made);
cm_status cm_report_html(const cm_rows *r, const cm_plots *plots);

#endif
