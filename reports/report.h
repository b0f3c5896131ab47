// SPDX-License-Identifier: Apache-2.0
/* Records in, pages and tables out, from the records alone (docs/RECORDS.md, docs/REPORTS.md).
 *
 *     cm_report_write("out/bench", NULL)   reads out/bench/records.jsonl and writes beside it
 *         report.html   one file without outside links: tables, images, attention, plots, methods
 *         report.md     the same tables as text
 *         scores.csv    suite,prompts,arm,score,value,lo,hi,n,better,note,deviation,reference_n,read,images,leading
 *         pairs.csv     suite,prompts,score,a,b,difference,lo,hi,p,n,p_holm,effect,detectable,primary,note
 *         speed.csv model,backend,dtype,width,height,batch,stage,median_s,p10_s,p90_s,n,peak_rss_mb,gflop,apart,note
 *         parts.csv     suite,prompts,arm,group,score,value,lo,hi,n,right
 *         peers.csv     model,stage,engine,...: other engines (`make peers`)
 *         plots/        gnuplot's SVG images and the scripts and data that draw them
 *
 * What was not measured says "not measured". A run that has not finished gives a report that says so. Words and marks
 * (better, worse, leading) go by p after Holm's correction. Records may be somebody else's: nothing in them runs, is
 * live in a page, or names a file outside FOLDER. Time grows with the number of records, and SIGINT and SIGTERM end it
 * with CM_EINTERRUPTED and no half file. The same records give the same bytes.
 */
#ifndef CM_REPORTS_REPORT_H
#define CM_REPORTS_REPORT_H

#include "core/base/status.h"

/* peers: records of other engines, to stand beside ours; NULL: folder/peers/records.jsonl where it is there. */
cm_status cm_report_write(const char *folder, const char *peers);

/* The same with a choice. templates: "full", "paper" or "model-card": what stands in it; NULL: "full". formats: of
 * "html", "md", "csv", "json", "latex", "pdf", separated by commas; NULL: "html,md,csv". Files are report.*, paper.*,
 * model-card.*; CSV are the tables above, whatever the template. CM_EUSAGE names what is wrong in `template` or
 * `formats`; CM_EUNAVAILABLE: nothing here makes PDF. */
typedef struct cm_report_choice {
    const char *peers, *template, *formats;
} cm_report_choice;
cm_status cm_report_write_as(const char *folder, const cm_report_choice *choice);

#endif
