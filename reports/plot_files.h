// SPDX-License-Identifier: Apache-2.0
/* Scripts and data of one plot, and the words that state its result. A script holds our own literals and numbers alone;
 * what records say stands in a data file beside it, as labels that gnuplot reads and never runs (core/base/gnuplot.h).
 * Script and data stay, so that each image can be drawn again: gnuplot NAME.gp in plots/, and gnuplot -e pdf=1 NAME.gp
 * for PDF. */
#ifndef CM_REPORTS_PLOT_FILES_H
#define CM_REPORTS_PLOT_FILES_H

#include "reports/content.h"
#include "reports/writer.h"

enum {
    CM_PLOT_ALT = 2000,
    CM_PLOT_COLOURS = 6,
    CM_PLOT_APART = 0x0b5c7a
};                                                 /* APART: a difference that is told apart, as a page's best values */
extern const int cm_plot_colours[CM_PLOT_COLOURS]; /* of arms, in turn; 0xRRGGBB */

typedef struct cm_drawing {
    cm_writer *script, *data;
    const char *name;
    int width, height; /* pixels */
    char alt[CM_PLOT_ALT];
} cm_drawing;

/* name: a literal. Both files are open after it; on failure neither is. */
cm_status cm_drawing_open(cm_drawing *d, const cm_report_model *r, const char *name, int width, int height);
/* Closes both and draws plots/NAME.svg; the plot's alt text lives in r->arena. */
cm_status cm_drawing_draw(cm_drawing *d, cm_report_model *r, cm_plot *made);
/* Adds to the alt text; what does not fit any more is left out whole. */
void cm_drawing_say(cm_drawing *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

void cm_put_number(cm_writer *w, double v); /* and a blank */

cm_status cm_plot_parts(cm_report_model *r, cm_plot *made); /* plot_parts.c: a radar of accuracy by group */
cm_status cm_plot_layers(
    cm_report_model *r,
    cm_plot *made); /* plot_layers.c: attention of each group's words by layer, one arm over another */

#endif
