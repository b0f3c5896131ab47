// SPDX-License-Identifier: Apache-2.0
#include "reports/plot_files.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/gnuplot.h"

const int cm_plot_colours[CM_PLOT_COLOURS] = {0x7f8c8d, 0x2e86c1, 0xc0392b, 0x27ae60, 0x8e44ad, 0xd68910};

static void put_terminals(cm_writer *w, double width, double height) {
    enum { PIXELS_AN_INCH = 110 };
    cm_markup(w, "if (exists('pdf')) set terminal pdfcairo noenhanced font 'Helvetica,9' background '#ffffff' size ");
    cm_number(w, "%.3fin,", width / PIXELS_AN_INCH);
    cm_number(w, "%.3fin\n", height / PIXELS_AN_INCH);
    cm_markup(w,
              "if (!exists('pdf')) set terminal svg fixed noenhanced font 'Helvetica,13' background '#ffffff' size ");
    cm_number(w, "%.0f,", width);
    cm_number(w, "%.0f\n", height);
    cm_markup(w, "set encoding utf8\nset border 3 lc '#888888'\nset tics nomirror textcolor '#333333'\nset key off\n");
}

cm_status cm_drawing_open(cm_drawing *d, const cm_report_model *r, const char *name, int width, int height) {
    char file[64];
    *d = (cm_drawing){.name = name, .width = width, .height = height};
    snprintf(file, sizeof file, "plots/%s.dat", name);
    CM_TRY(cm_writer_open(&d->data, CM_PLOT, r->folder, file));
    snprintf(file, sizeof file, "plots/%s.gp", name);
    const cm_status s = cm_writer_open(&d->script, CM_PLOT, r->folder, file);
    if (s != CM_OK) {
        cm_writer_close(&d->data, s);
        return s;
    }
    put_terminals(d->script, width, height);
    return CM_OK;
}

cm_status cm_drawing_draw(cm_drawing *d, cm_report_model *r, cm_plot *made) {
    char plots[4096];
    snprintf(plots, sizeof plots, "%s/plots", r->folder);
    cm_status s = cm_writer_close(&d->data, CM_OK);
    s = cm_writer_close(&d->script, s);
    if (s == CM_OK) s = cm_gnuplot_draw(plots, d->name);
    const char *alt = s == CM_OK ? cm_arena_string(&r->arena, d->alt) : NULL;
    if (alt) *made = (cm_plot){d->name, alt, d->width, d->height};
    return s;
}

void cm_drawing_say(cm_drawing *d, const char *format, ...) {
    const size_t used = strlen(d->alt), room = sizeof d->alt - used;
    va_list args;
    va_start(args, format);
    if ((size_t)vsnprintf(d->alt + used, room, format, args) >= room) d->alt[used] = 0;
    va_end(args);
}

void cm_put_number(cm_writer *w, double v) {
    cm_number(w, "%.9g ", v);
}
