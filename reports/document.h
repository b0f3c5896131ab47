// SPDX-License-Identifier: Apache-2.0
/* A report as content: headings, paragraphs, tables, images, in order. A template (templates.c) makes one from records;
 * a renderer (render.h) writes it in one format.
 *
 *     cm_document d;
 *     cm_document_begin(&d, r->folder, "Title");
 *     cm_heading(&d, "Scores", "scores");
 *     cm_say(&d, "%zu arms", n);  cm_say(&d, ", one seed.");  cm_paragraph(&d, CM_PLAIN);
 *     cm_table *t = cm_document_table(&d);
 *     ...
 *     CM_TRY(cm_document_check(&d));
 *
 * Texts given by pointer are borrowed; what cm_say builds is the document's. Failures are sticky. */
#ifndef CM_REPORTS_DOCUMENT_H
#define CM_REPORTS_DOCUMENT_H

#include <stdio.h>

#include "reports/report_table.h"

typedef enum cm_block_kind {
    CM_BLOCK_HEADING,
    CM_BLOCK_PARAGRAPH,
    CM_BLOCK_TABLE,
    CM_BLOCK_PLOT,   /* plots/NAME.svg */
    CM_BLOCK_FIGURE, /* images side by side */
    CM_BLOCK_COLOURS /* what colours of an attention map mean */
} cm_block_kind;

typedef enum cm_tone { CM_PLAIN, CM_LEAD, CM_SMALL } cm_tone; /* CM_LEAD: the result; CM_SMALL: notes and methods */

/* One image of a figure. */
typedef struct cm_part_image {
    const char *file; /* as the record names it; inside the folder or not shown */
    const char *label, *alt;
    const char *const *lines; /* [line_count]: what was asked and seen */
    size_t line_count;
} cm_part_image;

typedef struct cm_figure {
    const char *anchor, *caption; /* NULL: none */
    cm_part_image *images;
    size_t count;
    bool maps;   /* many small ones: the image, then each group's map */
    bool folded; /* one of those beyond the first screen */
} cm_figure;

typedef struct cm_plot {
    const char *name;  /* "scores": a literal; plots/NAME.svg is there */
    const char *alt;   /* states the result */
    int width, height; /* pixels */
} cm_plot;

typedef struct cm_block {
    cm_block_kind kind;
    cm_tone tone;
    int level;          /* of a heading: 2 or 3 */
    const char *text;   /* of a heading or paragraph */
    const char *anchor; /* of a heading; NULL: none */
    cm_table table;
    cm_figure figure;
    cm_plot plot;
    struct cm_block *next;
} cm_block;

typedef struct cm_document {
    const char *folder; /* images are inside it */
    const char *title, *subtitle;
    cm_block *first, *last;
    cm_arena arena;
    FILE *say; /* the paragraph that is being built */
    char *said;
    size_t said_length;
    bool failed;
    cm_block nowhere; /* what is written when memory is short */
} cm_document;

void cm_document_begin(cm_document *d, const char *folder);
void cm_document_end(cm_document *d); /* frees; fine on a cleared struct */
cm_status cm_document_check(const cm_document *d);

void cm_heading(cm_document *d, const char *text, const char *anchor);
void cm_subheading(cm_document *d, const char *text);
void cm_say(cm_document *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cm_paragraph(cm_document *d, cm_tone tone); /* of what was said; nothing said: none */
void cm_paragraph_of(cm_document *d, cm_tone tone, const char *text);
cm_table *cm_document_table(cm_document *d);                  /* the caller begins it */
cm_figure *cm_document_figure(cm_document *d, size_t images); /* images: cleared, to be filled */
void cm_document_plot(cm_document *d, cm_plot plot);
void cm_document_colours(cm_document *d);
const char *cm_said(cm_document *d); /* what was said, as a text of its own: for alt texts */

#endif
