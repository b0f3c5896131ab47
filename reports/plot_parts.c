// SPDX-License-Identifier: Apache-2.0
/* Accuracy by group as a radar: a spoke a group, a line an arm. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <string.h>

#include "core/base/system.h"
#include "reports/part_groups.h"
#include "reports/plot_files.h"

enum { LEAST_GROUPS = 3, MOST_GROUPS = 60, MOST_ARMS = CM_PLOT_COLOURS, RINGS = 4, MOST_SAID = 20 };

/* The point at `share` (0..100) of the spoke; the first spoke points up, the next follow clockwise. */
static void put_point(cm_writer *w, size_t spoke, size_t spokes, double share, double colour, const char *label) {
    const double angle = M_PI / 2 - 2 * M_PI * (double)spoke / (double)spokes;
    cm_put_number(w, share * cos(angle));
    cm_put_number(w, share * sin(angle));
    cm_put_number(w, colour);
    cm_markup(w, "\"");
    cm_text(w, label);
    cm_markup(w, "\"\n");
}

static void put_web(cm_writer *w, size_t spokes) {
    for (size_t ring = 1; ring <= RINGS; ring++) {
        for (size_t i = 0; i <= spokes; i++) put_point(w, i, spokes, 100.0 * (double)ring / RINGS, 0, "");
        cm_markup(w, "\n");
    }
    for (size_t i = 0; i < spokes; i++) {
        put_point(w, i, spokes, 0, 0, "");
        put_point(w, i, spokes, 100, 0, "");
        cm_markup(w, "\n");
    }
    cm_markup(w, "\n");
}

/* One closed line; where the arm has no value the line breaks. */
static void put_arm(cm_drawing *d, const cm_report_model *r, const cm_part_groups *g, size_t arm) {
    cm_drawing_say(d, "%s%s:", *d->alt ? "; " : "", r->arms[arm]);
    for (size_t i = 0; i <= g->count; i++) {
        const char *group = g->names[i % g->count];
        double v;
        if (!cm_number_of(cm_report_model_part(r, r->arms[arm], group, g->score), "value", &v)) {
            cm_markup(d->data, "\n");
            continue;
        }
        put_point(d->data, i, g->count, v < 0 ? 0 : v > 100 ? 100 : v, cm_plot_colours[arm % CM_PLOT_COLOURS], "");
        if (i < g->count && i < MOST_SAID) cm_drawing_say(d, "%s %s %.1f", i ? "," : "", group, v);
    }
    cm_markup(d->data, "\n\n");
}

/* On which side of the web a spoke ends, so that its name stands off it: -1 left, 1 right, 0 above or beneath. Each has
 * a spoke where there are three. */
static int side_of(size_t spoke, size_t spokes) {
    const double across = cos(M_PI / 2 - 2 * M_PI * (double)spoke / (double)spokes);
    return across > 0.2 ? 1 : across < -0.2 ? -1 : 0;
}

static void put_labels(cm_writer *w, const cm_report_model *r, const cm_part_groups *g, const size_t *arms,
                       size_t count) {
    for (int side = -1; side <= 1; side++) {
        for (size_t i = 0; i < g->count; i++)
            if (side_of(i, g->count) == side) put_point(w, i, g->count, side ? 105 : 111, 0x333333, g->names[i]);
        cm_markup(w, "\n\n");
    }
    for (size_t ring = 1; ring <= RINGS; ring++) {
        cm_put_number(w, 0);
        cm_put_number(w, 100.0 * (double)ring / RINGS);
        cm_put_number(w, 0x888888);
        cm_markup(w, "\"");
        cm_number(w, "%.0f", 100.0 * (double)ring / RINGS);
        cm_markup(w, "\"\n");
    }
    cm_markup(w, "\n\n");
    for (size_t i = 0; i < count; i++) {
        cm_put_number(w, -165);
        cm_put_number(w, 128 - 11 * (double)i);
        cm_put_number(w, cm_plot_colours[arms[i] % CM_PLOT_COLOURS]);
        cm_markup(w, "\"");
        cm_text(w, r->arms[arms[i]]);
        cm_markup(w, "\"\n");
    }
}

/* Blocks of the data: 0 the web, 1.. the arms, then the groups' names (left, above and beneath, right), the rings'
 * values, the arms' names. */
static void put_script(cm_writer *w, size_t arms) {
    cm_markup(w, "unset border\nunset tics\nset size ratio -1\nset xrange [-175:175]\nset yrange [-130:135]\n"
                 "plot 'parts.dat' index 0 using 1:2 with lines lw 1 lc rgb '#d8dee4'");
    for (size_t a = 0; a < arms; a++)
        cm_number(w, ", 'parts.dat' index %.0f using 1:2:3 with linespoints pt 7 ps 0.5 lw 2 lc rgb variable",
                  (double)(1 + a));
    cm_number(w, ", 'parts.dat' index %.0f using 1:2:4 with labels right textcolor '#333333'", (double)(1 + arms));
    cm_number(w, ", 'parts.dat' index %.0f using 1:2:4 with labels textcolor '#333333'", (double)(2 + arms));
    cm_number(w, ", 'parts.dat' index %.0f using 1:2:4 with labels left textcolor '#333333'", (double)(3 + arms));
    cm_number(w, ", 'parts.dat' index %.0f using 1:2:4 with labels left offset 0.4,0 textcolor '#888888'",
              (double)(4 + arms));
    cm_number(w, ", 'parts.dat' index %.0f using 1:2:4:3 with labels left offset 1,0 textcolor rgb variable",
              (double)(5 + arms));
    cm_number(w, ", 'parts.dat' index %.0f using 1:2:3 with points pt 7 lc rgb variable\n", (double)(5 + arms));
}

/* The arms that have a value of some group, the first few; an arm without one would be an empty block, which gnuplot
 * does not count. */
static size_t list_arms(const cm_report_model *r, const cm_part_groups *g, size_t arms[MOST_ARMS]) {
    size_t count = 0;
    for (size_t a = 0; a < r->arm_count && count < MOST_ARMS; a++) {
        bool any = false;
        double v;
        for (size_t i = 0; i < g->count && !any; i++)
            any = cm_number_of(cm_report_model_part(r, r->arms[a], g->names[i], g->score), "value", &v);
        if (any) arms[count++] = a;
    }
    return count;
}

static cm_status draw(cm_report_model *r, const cm_part_groups *g, cm_plot *made) {
    size_t arms[MOST_ARMS];
    const size_t count = list_arms(r, g, arms);
    cm_drawing d;
    if (!count) return CM_OK;
    CM_TRY(cm_drawing_open(&d, r, "parts", 760, 580));
    put_web(d.data, g->count);
    for (size_t i = 0; i < count; i++) put_arm(&d, r, g, arms[i]);
    put_labels(d.data, r, g, arms, count);
    put_script(d.script, count);
    return cm_drawing_draw(&d, r, made);
}

cm_status cm_plot_parts(cm_report_model *r, cm_plot *made) {
    cm_part_groups g;
    if (!r->parts.count) return CM_OK;
    CM_TRY(cm_part_groups_find(r, &r->arena, &g));
    if (g.count < LEAST_GROUPS || g.count > MOST_GROUPS) return CM_OK;
    return draw(r, &g, made);
}
