// SPDX-License-Identifier: Apache-2.0
/* The parts of a report. Prose and tables are told once, through a writer, for HTML and Markdown alike. */
#ifndef CM_REPORTS_PAGES_H
#define CM_REPORTS_PAGES_H

#include "reports/rows.h"
#include "reports/writer.h"

/* Each writes one or more paragraphs. */
void cm_write_summary(cm_writer *w, const cm_rows *r);
void cm_write_legend(cm_writer *w, const cm_rows *r);    /* what the columns are, and every note of a score */
void cm_write_pairs_legend(cm_writer *w);
void cm_write_published(cm_writer *w, const cm_rows *r); /* what was compared with what */
void cm_write_products(cm_writer *w, const cm_rows *r);  /* the machine's own rates */
void cm_write_peers(cm_writer *w, const cm_rows *r);
void cm_write_methods(cm_writer *w, const cm_rows *r);
const char *cm_report_title(const cm_rows *r);

/* Each writes one table; nothing when there is no row for it. */
void cm_write_score_table(cm_writer *w, const cm_rows *r);
void cm_write_paper_table(cm_writer *w);                 /* CosmicMan, CVPR 2024, table 4, for orientation */
void cm_write_pair_table(cm_writer *w, const cm_rows *r);
void cm_write_published_table(cm_writer *w, const cm_rows *r);
void cm_write_speed_table(cm_writer *w, const cm_rows *r);
void cm_write_growth_table(cm_writer *w, const cm_rows *r);
void cm_write_peer_table(cm_writer *w, const cm_rows *r);

/* p to three digits, or "< 0.001". */
void cm_write_p(cm_writer *w, double p);

/* Why there is no value: "not measured: REASON", said once. */
void cm_write_absent(cm_writer *w, const char *note);

/* The formats. Each writes one file (or several) into the folder. */
cm_status cm_report_csv(const cm_rows *r);
cm_status cm_report_markdown(const cm_rows *r);

/* Which of plots/scores.svg, differences.svg, speed.svg were drawn; the reason when one could not be. */
typedef struct cm_plots {
    bool scores, differences, speed;
    const char *why_not;
} cm_plots;
cm_status cm_report_plots(cm_rows *r, cm_plots *made);
cm_status cm_report_html(const cm_rows *r, const cm_plots *plots);

#endif
