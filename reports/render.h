// SPDX-License-Identifier: Apache-2.0
/* Documents and tables as files. A renderer knows its format and nothing of what it writes. */
#ifndef CM_REPORTS_RENDER_H
#define CM_REPORTS_RENDER_H

#include "reports/document.h"
#include "reports/writer.h"

/* Each writes FOLDER/FILE, d->folder being the folder. */
cm_status cm_render_html(const cm_document *d, const char *file); /* one page without outside links */
cm_status cm_render_markdown(const cm_document *d, const char *file);
cm_status cm_render_latex(const cm_document *d,
                          const char *file); /* a whole document for pdflatex, run in the folder */
cm_status cm_render_json(const cm_document *d, const char *file);
cm_status cm_render_csv(const cm_table *t, const char *folder, const char *file);

/* An image of the run's folder as <img src="data:...">, at most 512 pixels wide or high, or words in its place. budget:
 * bytes of images that the page may still hold. */
void cm_embed_image(cm_writer *w, const char *folder, const cm_part_image *image, size_t *budget);
void cm_embed_plot(cm_writer *w, const char *folder, const cm_plot *plot);

#endif
