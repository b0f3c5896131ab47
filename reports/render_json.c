// SPDX-License-Identifier: Apache-2.0
/* A document as JSON: {"title", "subtitle", "blocks": [...]}. A row has a cell a column: a text, a number {"value",
 * "lo", "hi", "leading"}, as exact as the records have it. */
#include "core/base/system.h"
#include "reports/render.h"

static void write_string(cm_writer *w, const char *text) {
    cm_markup(w, "\"");
    cm_text(w, text);
    cm_markup(w, "\"");
}

static void write_named(cm_writer *w, const char *text) {
    if (text) write_string(w, text);
    else cm_markup(w, "null");
}

static void write_bool(cm_writer *w, bool v) {
    if (v) cm_markup(w, "true");
    else cm_markup(w, "false");
}

/* --- tables ----------------------------------------------------------------------------- */

static void write_columns(cm_writer *w, const cm_table *t) {
    cm_markup(w, ",\"columns\":[");
    for (size_t c = 0; c < t->column_count; c++) {
        const cm_table_column *column = &t->columns[c];
        cm_markup(w, "{\"key\":");
        write_string(w, cm_column_key(column));
        cm_markup(w, ",\"title\":");
        write_string(w, column->title);
        if (column->better == CM_LOWER) cm_markup(w, ",\"better\":\"lower\"");
        if (column->better == CM_HIGHER) cm_markup(w, ",\"better\":\"higher\"");
        cm_markup(w, "}");
        if (c + 1 < t->column_count) cm_markup(w, ",");
    }
    cm_markup(w, "]");
}

static void write_number(cm_writer *w, const cm_cell *c) {
    cm_markup(w, "{\"value\":");
    cm_number(w, "%.12g", c->value);
    if (c->has_interval) {
        cm_markup(w, ",\"lo\":");
        cm_number(w, "%.12g", c->lo);
        cm_markup(w, ",\"hi\":");
        cm_number(w, "%.12g", c->hi);
    }
    if (c->leading) cm_markup(w, ",\"leading\":true");
    if (c->strong) cm_markup(w, ",\"marked\":true");
    if (c->aside) {
        cm_markup(w, ",\"about\":");
        write_string(w, c->aside);
    }
    cm_markup(w, "}");
}

static void write_cell(cm_writer *w, const cm_cell *c) {
    if (c->kind == CM_CELL_NUMBER) {
        write_number(w, c);
    } else if (c->kind == CM_CELL_ABSENT) {
        cm_markup(w, "{\"absent\":");
        write_string(w, c->text);
        cm_markup(w, "}");
    } else if (c->aside) {
        cm_markup(w, "{\"text\":");
        write_string(w, c->text);
        cm_markup(w, ",\"about\":");
        write_string(w, c->aside);
        cm_markup(w, "}");
    } else {
        write_string(w, c->text);
    }
}

static void write_row(cm_writer *w, const cm_table *t, size_t row) {
    cm_markup(w, "{\"theirs\":");
    write_bool(w, t->theirs[row]);
    cm_markup(w, ",\"cells\":[");
    for (size_t c = 0; c < t->column_count; c++) {
        const cm_cell *cell = cm_table_at(t, row, c);
        if (c) cm_markup(w, ",");
        if (cell->kind == CM_CELL_EMPTY) cm_markup(w, "null");
        else write_cell(w, cell);
    }
    cm_markup(w, "]}");
}

static void write_table(cm_writer *w, const cm_table *t) {
    cm_markup(w, "{\"table\":");
    write_string(w, t->name);
    cm_markup(w, ",\"caption\":");
    write_named(w, t->caption);
    cm_markup(w, ",\"note\":");
    write_named(w, t->note);
    write_columns(w, t);
    cm_markup(w, ",\"rows\":[");
    for (size_t r = 0; r < t->row_count && !cm_interrupted(); r++) {
        if (r) cm_markup(w, ",");
        cm_markup(w, "\n ");
        write_row(w, t, r);
    }
    cm_markup(w, "]}");
}

/* --- blocks ----------------------------------------------------------------------------- */

static void write_figure(cm_writer *w, const cm_figure *f) {
    cm_markup(w, "{\"figure\":");
    write_named(w, f->caption);
    cm_markup(w, ",\"images\":[");
    for (size_t i = 0; i < f->count; i++) {
        if (i) cm_markup(w, ",");
        cm_markup(w, "{\"label\":");
        write_string(w, f->images[i].label);
        cm_markup(w, ",\"file\":");
        write_named(w, f->images[i].file);
        cm_markup(w, ",\"lines\":[");
        for (size_t k = 0; k < f->images[i].line_count; k++) {
            if (k) cm_markup(w, ",");
            write_string(w, f->images[i].lines[k]);
        }
        cm_markup(w, "]}");
    }
    cm_markup(w, "]}");
}

static void write_block(cm_writer *w, const cm_block *b) {
    switch (b->kind) {
    case CM_BLOCK_HEADING: cm_markup(w, "{\"heading\":"); break;
    case CM_BLOCK_PARAGRAPH: cm_markup(w, "{\"text\":"); break;
    case CM_BLOCK_PLOT: cm_markup(w, "{\"plot\":"); break;
    case CM_BLOCK_TABLE: write_table(w, &b->table); return;
    case CM_BLOCK_FIGURE: write_figure(w, &b->figure); return;
    case CM_BLOCK_COLOURS: cm_markup(w, "{\"colours\":\"attention\"}"); return;
    }
    write_string(w, b->kind == CM_BLOCK_PLOT ? b->plot.alt : b->text);
    cm_markup(w, "}");
}

cm_status cm_render_json(const cm_document *d, const char *file) {
    cm_writer *w;
    CM_TRY(cm_writer_open(&w, CM_JSON, d->folder, file));
    cm_markup(w, "{\"title\":");
    write_string(w, d->title);
    cm_markup(w, ",\"subtitle\":");
    write_string(w, d->subtitle);
    cm_markup(w, ",\"blocks\":[");
    for (const cm_block *b = d->first; b && !cm_interrupted(); b = b->next) {
        cm_markup(w, "\n");
        write_block(w, b);
        if (b->next) cm_markup(w, ",");
    }
    cm_markup(w, "\n]}\n");
    return cm_writer_close(&w, CM_OK);
}
