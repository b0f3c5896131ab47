// SPDX-License-Identifier: Apache-2.0
/* One page without outside links. Images are embedded as data; nothing runs but the script that sorts tables, which the
 * page's policy names by its hash. It reads on a phone and printed, with nothing cut off. */
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "reports/page_look.h"
#include "reports/render.h"

enum { MOST_IMAGE_BYTES = 96 << 20, MOST_BESIDE = 3 }; /* more images than that take the page's width */

typedef struct page {
    cm_writer *w;
    const cm_document *d;
    size_t budget; /* bytes of images that may still be embedded */
    bool in_grid, in_details;
} page;

/* --- tables ----------------------------------------------------------------------------- */

static void title_of(cm_writer *w, const cm_table_column *c) {
    cm_textf(w, "%s%s%s", c->title, c->better ? " " : "", cm_arrow(c->better));
}

static void write_head(cm_writer *w, const cm_table *t) {
    cm_markup(w, "<thead><tr>");
    for (size_t c = 0; c < t->column_count; c++) {
        if (t->columns[c].left) cm_markup(w, "<th scope=\"col\" class=\"l\">");
        else cm_markup(w, "<th scope=\"col\">");
        title_of(w, &t->columns[c]);
        cm_markup(w, "</th>");
    }
    cm_markup(w, "</tr></thead>");
}

static void begin_cell(cm_writer *w, const cm_table *t, size_t column, const cm_cell *c) {
    if (column == 0) {
        if (c->aside) cm_markup(w, "<th scope=\"row\" class=\"said\"");
        else cm_markup(w, "<th scope=\"row\"");
    } else {
        if (c->kind == CM_CELL_ABSENT) cm_markup(w, "<td class=\"none\"");
        else if (t->columns[column].left) cm_markup(w, "<td class=\"l\"");
        else cm_markup(w, "<td");
        cm_markup(w, " data-title=\"");
        title_of(w, &t->columns[column]);
        cm_markup(w, "\"");
    }
    if (c->kind == CM_CELL_NUMBER) {
        cm_markup(w, " data-sort=\"");
        cm_number(w, "%.9g", c->value);
        cm_markup(w, "\"");
    }
    if (c->rest && column + 1 < t->column_count) {
        cm_markup(w, " colspan=\"");
        cm_number(w, "%.0f", (double)(t->column_count - column));
        cm_markup(w, "\"");
    }
    cm_markup(w, ">");
}

static void write_value(cm_writer *w, const cm_table *t, size_t column, const cm_cell *c) {
    char text[CM_NUMBER_TEXT];
    const bool bold = c->leading || c->strong;
    if (c->link) {
        cm_markup(w, "<a href=\"#");
        cm_text(w, c->link);
        cm_markup(w, "\">");
    }
    if (bold) cm_markup(w, "<b>");
    if (c->kind == CM_CELL_NUMBER) {
        cm_cell_number_text(t, column, c, text);
        cm_text(w, text);
    } else {
        cm_text(w, c->text);
    }
    if (bold) cm_markup(w, "</b>");
    if (c->dagger) cm_markup(w, "<sup>†</sup>");
    if (c->link) cm_markup(w, "</a>");
}

static void write_small(cm_writer *w, const char *text) {
    cm_markup(w, "<small>");
    cm_text(w, text);
    cm_markup(w, "</small>");
}

static void write_cell(cm_writer *w, const cm_table *t, size_t column, const cm_cell *c) {
    char interval[CM_NUMBER_TEXT];
    begin_cell(w, t, column, c);
    if (c->kind != CM_CELL_EMPTY) write_value(w, t, column, c);
    if (c->has_interval) {
        cm_cell_interval_text(t, column, c, interval);
        write_small(w, interval);
    }
    if (c->aside) write_small(w, c->aside);
    if (column == 0) cm_markup(w, "</th>");
    else cm_markup(w, "</td>");
}

static void write_row(cm_writer *w, const cm_table *t, size_t row) {
    if (t->theirs[row]) cm_markup(w, "<tr class=\"theirs\">");
    else cm_markup(w, "<tr>");
    for (size_t c = 0; c < t->column_count; c++) {
        const cm_cell *cell = cm_table_at(t, row, c);
        write_cell(w, t, c, cell);
        if (cell->rest) break;
    }
    cm_markup(w, "</tr>\n");
}

static void write_table(cm_writer *w, const cm_table *t) {
    cm_markup(w, "<div class=\"wide\"><table id=\"");
    cm_text(w, t->name);
    cm_markup(w, "\">");
    if (t->caption) {
        cm_markup(w, "<caption>");
        cm_text(w, t->caption);
        cm_markup(w, "</caption>");
    }
    write_head(w, t);
    cm_markup(w, "<tbody>\n");
    for (size_t r = 0; r < t->row_count && !cm_interrupted(); r++) write_row(w, t, r);
    cm_markup(w, "</tbody></table></div>\n");
    if (!t->note) return;
    cm_markup(w, "<p class=\"soft\">");
    cm_text(w, t->note);
    cm_markup(w, "</p>\n");
}

/* --- images ----------------------------------------------------------------------------- */

static void write_lines(cm_writer *w, const cm_part_image *image) {
    if (!image->line_count) return;
    cm_markup(w, "<ul>");
    for (size_t i = 0; i < image->line_count; i++) {
        cm_markup(w, "<li>");
        cm_text(w, image->lines[i]);
        cm_markup(w, "</li>");
    }
    cm_markup(w, "</ul>");
}

static void write_figure(page *p, const cm_figure *f) {
    cm_writer *w = p->w;
    if (f->count > MOST_BESIDE && !f->maps) cm_markup(w, "<figure class=\"many\"");
    else cm_markup(w, "<figure");
    if (f->anchor) {
        cm_markup(w, " id=\"");
        cm_text(w, f->anchor);
        cm_markup(w, "\"");
    }
    if (f->maps) cm_markup(w, "><div class=\"arms maps\">");
    else cm_markup(w, "><div class=\"arms\">");
    for (size_t i = 0; i < f->count && !cm_interrupted(); i++) {
        cm_markup(w, "<div>");
        if (f->images[i].file) cm_embed_image(w, p->d->folder, &f->images[i], &p->budget);
        else cm_markup(w, "<small>no image</small> ");
        cm_markup(w, "<strong>");
        cm_text(w, f->images[i].label);
        cm_markup(w, "</strong>");
        write_lines(w, &f->images[i]);
        cm_markup(w, "</div>");
    }
    cm_markup(w, "</div>");
    if (f->caption) {
        cm_markup(w, "<figcaption>");
        cm_text(w, f->caption);
        cm_markup(w, "</figcaption>");
    }
    cm_markup(w, "</figure>\n");
}

/* Figures that follow each other share a grid. The later ones can be folded away; they stand open, so that a print has
 * them. */
static void open_grid(page *p, const cm_block *b) {
    const bool figure = b && b->kind == CM_BLOCK_FIGURE, folded = figure && b->figure.folded;
    if (p->in_grid && (!figure || folded != p->in_details)) {
        cm_markup(p->w, "</div>\n");
        if (p->in_details) cm_markup(p->w, "</details>\n");
        p->in_grid = p->in_details = false;
    }
    if (!figure || p->in_grid) return;
    if (folded) cm_markup(p->w, "<details open><summary>more prompts</summary>");
    cm_markup(p->w, "<div class=\"grid\">\n");
    p->in_grid = true;
    p->in_details = folded;
}

static void write_colours(cm_writer *w) {
    cm_markup(w, "<div class=\"soft\"><div class=\"ramp\" role=\"img\" aria-label=\"colours of a map: dark violet, "
                 "magenta, orange, pale yellow, "
                 "from no attention to the map's maximum\"></div><p class=\"ends\"><span>no attention</span><span>the "
                 "map's maximum</span></p></div>\n");
}

/* --- page ------------------------------------------------------------------------------- */

static void write_heading(cm_writer *w, const cm_block *b) {
    if (b->level == 2) cm_markup(w, "<h2");
    else cm_markup(w, "<h3");
    if (b->anchor) {
        cm_markup(w, " id=\"");
        cm_text(w, b->anchor);
        cm_markup(w, "\"");
    }
    cm_markup(w, ">");
    cm_text(w, b->text);
    if (b->level == 2) cm_markup(w, "</h2>\n");
    else cm_markup(w, "</h3>\n");
}

static void write_paragraph(cm_writer *w, const cm_block *b) {
    if (b->tone == CM_LEAD) cm_markup(w, "<p class=\"lead\">");
    else if (b->tone == CM_SMALL) cm_markup(w, "<p class=\"soft\">");
    else cm_markup(w, "<p>");
    cm_text(w, b->text);
    cm_markup(w, "</p>\n");
}

static void write_block(page *p, const cm_block *b) {
    switch (b->kind) {
    case CM_BLOCK_HEADING: write_heading(p->w, b); break;
    case CM_BLOCK_PARAGRAPH: write_paragraph(p->w, b); break;
    case CM_BLOCK_TABLE: write_table(p->w, &b->table); break;
    case CM_BLOCK_PLOT: cm_embed_plot(p->w, p->d->folder, &b->plot); break;
    case CM_BLOCK_FIGURE: write_figure(p, &b->figure); break;
    case CM_BLOCK_COLOURS: write_colours(p->w); break;
    }
}

/* The script's SHA-256 in base64, as the policy names it. */
static void write_script_hash(cm_writer *w) {
    static const char script[] = CM_PAGE_SCRIPT;
    char hex[65], pair[3] = "";
    unsigned char bytes[32];
    cm_sha *h = cm_sha_begin();
    cm_sha_add(h, script, sizeof script - 1);
    cm_sha_end(&h, hex);
    for (size_t i = 0; i < sizeof bytes; i++) {
        memcpy(pair, hex + 2 * i, 2);
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    cm_base64(w, bytes, sizeof bytes);
}

static void write_contents(cm_writer *w, const cm_document *d) {
    cm_markup(w, "<nav aria-label=\"Contents\"><ul>");
    for (const cm_block *b = d->first; b; b = b->next) {
        if (b->kind != CM_BLOCK_HEADING || !b->anchor || b->level != 2) continue;
        cm_markup(w, "<li><a href=\"#");
        cm_text(w, b->anchor);
        cm_markup(w, "\">");
        cm_text(w, b->text);
        cm_markup(w, "</a></li>");
    }
    cm_markup(w, "</ul></nav>");
}

static void write_top(cm_writer *w, const cm_document *d) {
    cm_markup(
        w,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" "
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-");
    write_script_hash(w);
    cm_markup(w, "'\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>");
    cm_textf(w, "%s - CosmicMan Bench", d->title);
    cm_markup(w, "</title><style>");
    cm_markup(w, CM_PAGE_STYLE_BODY);
    cm_markup(w, CM_PAGE_STYLE_IMAGES);
    cm_markup(w, CM_PAGE_STYLE_MEDIA);
    cm_markup(w, "</style></head>\n<body><header><div><p class=\"soft\">");
    cm_text(w, d->subtitle);
    cm_markup(w, "</p><h1>");
    cm_text(w, d->title);
    cm_markup(w, "</h1>");
    write_contents(w, d);
    cm_markup(w, "</div></header>\n<main>\n");
}

cm_status cm_render_html(const cm_document *d, const char *file) {
    page p = {.d = d, .budget = MOST_IMAGE_BYTES};
    CM_TRY(cm_writer_open(&p.w, CM_HTML, d->folder, file));
    write_top(p.w, d);
    for (const cm_block *b = d->first; b && !cm_interrupted(); b = b->next) {
        open_grid(&p, b);
        write_block(&p, b);
    }
    open_grid(&p, NULL);
    cm_markup(p.w, "</main><script>" CM_PAGE_SCRIPT "</script></body></html>\n");
    return cm_writer_close(&p.w, CM_OK);
}
