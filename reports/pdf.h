// SPDX-License-Identifier: Apache-2.0
/* A document as PDF: by LaTeX where it is installed, else by printing the HTML page. */
#ifndef CM_REPORTS_PDF_H
#define CM_REPORTS_PDF_H

#include "reports/document.h"

/* plots/NAME.pdf of the document's plots, for LaTeX; without gnuplot there are none. */
cm_status cm_report_pdf_plots(const cm_document *d);

/* FILE.pdf, with FILE.tex or FILE.html beside it, of which it is made. The same records give the same bytes.
 * CM_EUNAVAILABLE: nothing here makes PDF, or what is here failed. */
cm_status cm_report_pdf(const cm_document *d, const char *file);

#endif
