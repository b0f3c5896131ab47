// SPDX-License-Identifier: Apache-2.0
/* Attention of each group's words by layer as an image: a row a group, a column a layer, the colour how many times as
 * much one arm has as the other. Left of all of the layer's attention, right of that of the group's own region. */
#include <math.h>
#include <string.h>

#include "reports/layers.h"
#include "reports/plot_files.h"

enum { MOST_TITLED = 24, ROW = 20, MOST_SAID = 12 };
#define MOST_TIMES 4.0 /* as powers of two: the ends of the colours */

static double times_of(const cm_report_model *r, const cm_layer_pair *p, size_t group, size_t layer, bool in_region) {
    const double a = cm_layer_share(r, p->a, p->groups[group], layer, in_region),
                 b = cm_layer_share(r, p->b, p->groups[group], layer, in_region);
    if (!(a >= 0) || !(b > 0)) return (double)NAN;
    return a / b;
}

static void put_label(cm_writer *w, const char *text) {
    cm_markup(w, "\"");
    cm_text(w, text);
    cm_markup(w, "\" ");
}

static void put_cell(cm_writer *w, size_t x, size_t y, double times) {
    cm_put_number(w, (double)x);
    cm_put_number(w, (double)y);
    if (isfinite(times)) cm_put_number(w, fmax(-MOST_TIMES, fmin(MOST_TIMES, log2(times))));
    else cm_markup(w, "NaN ");
}

/* The cells, the first group on top, with the titles of column and row. */
static void put_panel(cm_writer *w, const cm_report_model *r, const cm_layer_pair *p, const char *const *titles,
                      bool in_region) {
    for (size_t g = 0; g < p->group_count; g++) {
        for (size_t i = 0; i < p->layer_count; i++) {
            put_cell(w, i, p->group_count - 1 - g, times_of(r, p, g, i, in_region));
            put_label(w, titles[i]);
            put_label(w, p->groups[g]);
            cm_markup(w, "\n");
        }
    }
    cm_markup(w, "\n\n");
}

/* Where each group has least, beside the other arm: the result in words. */
static void say_least(cm_drawing *d, const cm_report_model *r, const cm_layer_pair *p, const char *const *titles) {
    cm_drawing_say(d, "attention of each group's words, %s over %s, in the layer where that is least:", p->a, p->b);
    for (size_t g = 0; g < p->group_count && g < MOST_SAID; g++) {
        size_t least = p->layer_count;
        for (size_t i = 0; i < p->layer_count; i++) {
            const double times = times_of(r, p, g, i, false);
            if (isfinite(times) && (least == p->layer_count || times < times_of(r, p, g, least, false))) least = i;
        }
        if (least < p->layer_count)
            cm_drawing_say(d, "%s %s x %.2g (%s)", g ? "," : "", p->groups[g], times_of(r, p, g, least, false),
                           titles[least]);
    }
}

static void put_script(cm_writer *w, const cm_layer_pair *p) {
    cm_markup(
        w,
        "set palette defined (-4 '#8c2d04', -2 '#ec7014', 0 '#f7f7f7', 2 '#4393c3', 4 '#053061')\nset cbrange [-4:4]\n"
        "set cbtics ('1/16' -4, '1/4' -2, 'equal' 0, '4 x' 2, '16 x' 4)\nset datafile missing 'NaN'\nset tics scale "
        "0\nset border 0\n"
        "set xtics rotate by 45 right\n");
    cm_number(w, "set xrange [-0.5:%g]\n", (double)p->layer_count - 0.5);
    cm_number(w, "set yrange [-0.5:%g]\n", (double)p->group_count - 0.5);
    cm_markup(w, "set multiplot layout 1,2\nset bmargin 6\nset tmargin 3\nset lmargin at screen 0.16\nset rmargin at "
                 "screen 0.5\nunset colorbox\n"
                 "set title 'of all attention of the layer' textcolor '#333333'\n");
    if (p->layer_count <= MOST_TITLED)
        cm_markup(w, "plot 'layers.dat' index 0 using 1:2:3:xtic(4):ytic(5) with image pixels\n");
    else cm_markup(w, "set format x ''\nplot 'layers.dat' index 0 using 1:2:3:ytic(5) with image pixels\n");
    cm_markup(w, "set lmargin at screen 0.54\nset rmargin at screen 0.88\nset colorbox\nset format y ''\n"
                 "set title 'of the attention in the region of the group' textcolor '#333333'\n");
    if (p->layer_count <= MOST_TITLED)
        cm_markup(w, "plot 'layers.dat' index 1 using 1:2:3:xtic(4) with image pixels\n");
    else cm_markup(w, "plot 'layers.dat' index 1 using 1:2:3 with image pixels\n");
    cm_markup(w, "unset multiplot\n");
}

static cm_status draw(cm_report_model *r, const cm_layer_pair *p, cm_plot *made) {
    const char **titles = CM_PUSH(&r->arena, const char *, p->layer_count + 1);
    cm_drawing d;
    CM_TRY(cm_arena_check(&r->arena));
    for (size_t i = 0; i < p->layer_count; i++)
        titles[i] = cm_layer_title(json_array_get(p->layers, i), false, &r->arena);
    CM_TRY(cm_arena_check(&r->arena));
    CM_TRY(cm_drawing_open(&d, r, "layers", 900, 140 + ROW * (int)p->group_count));
    put_panel(d.data, r, p, titles, false);
    put_panel(d.data, r, p, titles, true);
    put_script(d.script, p);
    say_least(&d, r, p, titles);
    return cm_drawing_draw(&d, r, made);
}

cm_status cm_plot_layers(cm_report_model *r, cm_plot *made) {
    cm_layer_pair p;
    if (!r->kept.count) return CM_OK;
    CM_TRY(cm_layer_pair_find(r, &r->arena, &p));
    if (!p.layers || p.layer_count < 2 || p.group_count < 2) return CM_OK; /* an image of one row or column is none */
    return draw(r, &p, made);
}
