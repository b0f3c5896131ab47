// SPDX-License-Identifier: Apache-2.0
/* Reports: a run's folder in, pages and tables out, from the records alone (docs/RECORDS.md).
 *
 *     cm_report_write("out/bench", NULL)   reads out/bench/records.jsonl and writes beside it
 *         report.html   one file without outside links: tables, grid, attention, plots, methods
 *         report.md     the same tables as text
 *         scores.csv    suite,prompts,arm,score,value,lo,hi,n,better,note,deviation,reference_n,read
 *         pairs.csv     suite,prompts,score,a,b,difference,lo,hi,p,n,p_holm
 *         speed.csv     model,backend,dtype,width,height,batch,stage,median_s,p10_s,p90_s,n,peak_rss_mb,gflop,apart,note
 *         peers.csv     model,stage,engine,...: other engines (`make peers`)
 *         plots/        gnuplot's SVG pictures and the scripts and data that draw them
 *
 * What was not measured says "not measured". A run that has not finished gives a report that says so. Words and marks
 * (better, worse, best) go by p after Holm's correction. Records may be somebody else's: nothing in them runs, is live
 * in a page, or names a file outside FOLDER. Time grows with the number of records, and SIGINT and SIGTERM end it with
 * CM_EINTERRUPTED and no half file.
 */
#ifndef CM_REPORTS_REPORT_H
#define CM_REPORTS_REPORT_H

#include "core/base/status.h"

/* peers: records of other engines, to stand beside ours; NULL: folder/peers/records.jsonl where it is there. */
cm_status cm_report_write(const char *folder, const char *peers);

#endif
