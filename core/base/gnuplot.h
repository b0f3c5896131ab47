// SPDX-License-Identifier: Apache-2.0
/* Draws FOLDER/NAME.svg by gnuplot from the script FOLDER/NAME.gp.
 *
 * gnuplot runs in FOLDER, so scripts name their data files alone ('NAME.dat'), with no start-up file and none of the
 * caller's settings. gnuplot runs what stands between backticks and in many other places: a script holds our own
 * literals and numbers only, every text from elsewhere stands in a data file, as a label without quotes, backticks
 * and backslashes (reports/writer.h).
 */
#ifndef CM_CORE_BASE_GNUPLOT_H
#define CM_CORE_BASE_GNUPLOT_H

#include "core/base/status.h"

/* CM_EUNAVAILABLE when gnuplot is absent, fails or takes minutes; CM_EINTERRUPTED when a signal came, with gnuplot
 * ended. The image has its name when it is whole. name: a literal. */
cm_status cm_gnuplot_draw(const char *folder, const char *name);

/* The same as FOLDER/NAME.pdf, with the variable pdf set, by which the script chooses its terminal. */
cm_status cm_gnuplot_draw_pdf(const char *folder, const char *name);

#endif
