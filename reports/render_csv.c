// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "core/base/system.h"
#include "reports/render.h"

/* As the records have it, however the column would print it. */
static void write_cell(cm_writer *w, const cm_cell *c) {
    if (c->kind == CM_CELL_TEXT) cm_text(w, c->text);
    if (c->kind == CM_CELL_NUMBER)
        cm_number(w, c->value == floor(c->value) && fabs(c->value) < 1e15 ? "%.0f" : "%.9g", c->value);
}

static void write_rows(cm_writer *w, const cm_table *t) {
    for (size_t c = 0; c < t->column_count; c++) {
        if (c) cm_markup(w, ",");
        cm_text(w, cm_column_key(&t->columns[c]));
    }
    cm_markup(w, "\n");
    for (size_t r = 0; r < t->row_count && !cm_interrupted(); r++) {
        for (size_t c = 0; c < t->column_count; c++) {
            if (c) cm_markup(w, ",");
            write_cell(w, cm_table_at(t, r, c));
        }
        cm_markup(w, "\n");
    }
}

cm_status cm_render_csv(const cm_table *t, const char *folder, const char *file) {
    cm_writer *w;
    CM_TRY(cm_writer_open(&w, CM_CSV, folder, file));
    write_rows(w, t);
    return cm_writer_close(&w, CM_OK);
}
