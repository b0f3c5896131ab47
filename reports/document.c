// SPDX-License-Identifier: Apache-2.0
#include "reports/document.h"

#include <stdarg.h>
#include <stdlib.h>

void cm_document_begin(cm_document *d, const char *folder) {
    *d = (cm_document){.folder = folder, .title = "", .subtitle = ""};
    cm_arena_init(&d->arena, 0);
}

static void stop_saying(cm_document *d) {
    if (d->say) fclose(d->say);
    free(d->said);
    d->say = NULL;
    d->said = NULL;
    d->said_length = 0;
}

void cm_document_end(cm_document *d) {
    stop_saying(d);
    cm_arena_free(&d->arena);
    *d = (cm_document){0};
}

cm_status cm_document_check(const cm_document *d) {
    if (d->failed) return cm_fail(CM_ENOMEM, "out of memory while a report is made");
    return cm_arena_check(&d->arena);
}

static cm_block *add(cm_document *d, cm_block_kind kind) {
    cm_block *b = CM_PUSH_ZERO(&d->arena, cm_block, 1);
    if (!b) b = &d->nowhere;
    else if (d->last) d->last->next = b;
    else d->first = b;
    if (b != &d->nowhere) d->last = b;
    b->kind = kind;
    return b;
}

/* --- text ------------------------------------------------------------------------------- */

static void heading(cm_document *d, int level, const char *text, const char *anchor) {
    cm_block *b = add(d, CM_BLOCK_HEADING);
    b->level = level;
    b->text = text;
    b->anchor = anchor;
}

void cm_heading(cm_document *d, const char *text, const char *anchor) {
    heading(d, 2, text, anchor);
}

void cm_subheading(cm_document *d, const char *text) {
    heading(d, 3, text, NULL);
}

void cm_say(cm_document *d, const char *format, ...) {
    if (!d->say) d->say = open_memstream(&d->said, &d->said_length);
    if (!d->say) {
        d->failed = true;
        return;
    }
    va_list args;
    va_start(args, format);
    if (vfprintf(d->say, format, args) < 0) d->failed = true;
    va_end(args);
}

const char *cm_said(cm_document *d) {
    const char *text = "";
    if (d->say && fflush(d->say) == 0 && d->said) text = cm_arena_string(&d->arena, d->said);
    else if (d->say) d->failed = true;
    stop_saying(d);
    return text ? text : "";
}

void cm_paragraph_of(cm_document *d, cm_tone tone, const char *text) {
    cm_block *b = add(d, CM_BLOCK_PARAGRAPH);
    b->tone = tone;
    b->text = text;
}

void cm_paragraph(cm_document *d, cm_tone tone) {
    const char *text = cm_said(d);
    if (*text) cm_paragraph_of(d, tone, text);
}

/* --- tables and images ------------------------------------------------------------------ */

cm_table *cm_document_table(cm_document *d) {
    cm_block *b = add(d, CM_BLOCK_TABLE);
    return &b->table;
}

cm_figure *cm_document_figure(cm_document *d, size_t images) {
    cm_block *b = add(d, CM_BLOCK_FIGURE);
    b->figure = (cm_figure){.images = CM_PUSH_ZERO(&d->arena, cm_part_image, images + 1), .count = images};
    if (!b->figure.images) b->figure.count = 0;
    return &b->figure;
}

void cm_document_plot(cm_document *d, cm_plot plot) {
    add(d, CM_BLOCK_PLOT)->plot = plot;
}

void cm_document_colours(cm_document *d) {
    add(d, CM_BLOCK_COLOURS);
}
