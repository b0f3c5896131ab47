// SPDX-License-Identifier: Apache-2.0
#include "core/base/system.h"
#include "reports/render.h"

/* --- tables ----------------------------------------------------------------------------- */

static void write_titles(cm_writer *w, const cm_table *t) {
    for (size_t c = 0; c < t->column_count; c++) {
        const cm_table_column *column = &t->columns[c];
        cm_markup(w, "| ");
        cm_textf(w, "%s%s%s", column->title, column->better ? " " : "", cm_arrow(column->better));
        cm_markup(w, " ");
    }
    cm_markup(w, "|\n");
    for (size_t c = 0; c < t->column_count; c++) {
        if (t->columns[c].left) cm_markup(w, "| --- ");
        else cm_markup(w, "| ---: ");
    }
    cm_markup(w, "|\n");
}

static void write_number(cm_writer *w, const cm_table *t, size_t column, const cm_cell *c) {
    char text[CM_NUMBER_TEXT];
    cm_cell_number_text(t, column, c, text);
    if (c->leading || c->strong) cm_markup(w, "**");
    cm_text(w, text);
    if (c->leading || c->strong) cm_markup(w, "**");
    if (c->dagger) cm_markup(w, "†");
    if (!c->has_interval) return;
    cm_cell_interval_text(t, column, c, text);
    cm_textf(w, " (%s)", text);
}

static void write_cell(cm_writer *w, const cm_table *t, size_t column, const cm_cell *c) {
    cm_markup(w, " ");
    if (c->kind == CM_CELL_NUMBER) {
        write_number(w, t, column, c);
    } else if (c->kind != CM_CELL_EMPTY) {
        if (c->strong) cm_markup(w, "**");
        cm_text(w, c->text);
        if (c->strong) cm_markup(w, "**");
    }
    if (c->aside) cm_textf(w, " (%s)", c->aside);
    cm_markup(w, " |");
}

static void write_table(cm_writer *w, const cm_table *t) {
    if (t->caption) {
        cm_text(w, t->caption);
        cm_markup(w, "\n\n");
    }
    write_titles(w, t);
    for (size_t r = 0; r < t->row_count && !cm_interrupted(); r++) {
        cm_markup(w, "|");
        for (size_t c = 0; c < t->column_count; c++) write_cell(w, t, c, cm_table_at(t, r, c));
        cm_markup(w, "\n");
    }
    cm_markup(w, "\n");
    if (!t->note) return;
    cm_text(w, t->note);
    cm_markup(w, "\n\n");
}

/* --- blocks ----------------------------------------------------------------------------- */

static void write_heading(cm_writer *w, const cm_block *b) {
    if (b->level == 2) cm_markup(w, "## ");
    else cm_markup(w, "### ");
    cm_text(w, b->text);
    cm_markup(w, "\n\n");
}

static void write_paragraph(cm_writer *w, const cm_block *b) {
    cm_text(w, b->text);
    cm_markup(w, "\n\n");
}

static void write_plot(cm_writer *w, const cm_plot *p) {
    cm_markup(w, "![");
    cm_text(w, p->alt);
    cm_markup(w, "](plots/");
    cm_text(w, p->name);
    cm_markup(w, ".svg)\n\n");
}

/* Images stand in the page; here their texts do. */
static void write_figure(cm_writer *w, const cm_figure *f) {
    if (f->maps || f->folded || !f->caption) return;
    cm_text(w, f->caption);
    cm_markup(w, "\n\n");
    for (size_t i = 0; i < f->count; i++) {
        cm_markup(w, "- ");
        cm_text(w, f->images[i].label);
        for (size_t k = 0; k < f->images[i].line_count; k++) cm_textf(w, "%s %s", k ? ";" : ":", f->images[i].lines[k]);
        cm_markup(w, "\n");
    }
    cm_markup(w, "\n");
}

static void write_block(cm_writer *w, const cm_block *b) {
    switch (b->kind) {
    case CM_BLOCK_HEADING: write_heading(w, b); break;
    case CM_BLOCK_PARAGRAPH: write_paragraph(w, b); break;
    case CM_BLOCK_TABLE: write_table(w, &b->table); break;
    case CM_BLOCK_PLOT: write_plot(w, &b->plot); break;
    case CM_BLOCK_FIGURE: write_figure(w, &b->figure); break;
    case CM_BLOCK_COLOURS: break; /* there are no maps here */
    }
}

cm_status cm_render_markdown(const cm_document *d, const char *file) {
    cm_writer *w;
    CM_TRY(cm_writer_open(&w, CM_MARKDOWN, d->folder, file));
    cm_markup(w, "# ");
    cm_text(w, d->title);
    cm_markup(w, "\n\n");
    cm_text(w, d->subtitle);
    cm_markup(w, "\n\n");
    for (const cm_block *b = d->first; b && !cm_interrupted(); b = b->next) write_block(w, b);
    return cm_writer_close(&w, CM_OK);
}
