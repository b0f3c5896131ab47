// SPDX-License-Identifier: Apache-2.0
/* The plots of scores, differences and times. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/system.h"
#include "reports/plot_files.h"

enum { MOST_LINES = 400, MOST_PANELS = 40, MOST_SAID = 12 }; /* of one plot; of its alt text */

static double number_or(const json_t *o, const char *key, double otherwise) {
    double v;
    return cm_number_of(o, key, &v) ? v : otherwise;
}

static void put_label(cm_writer *w, const char *before, const char *a, const char *between, const char *b) {
    cm_markup(w, "\"");
    cm_textf(w, "%s%s%s%s", before, a, between, b);
    cm_markup(w, "\"\n");
}

/* --- scores ----------------------------------------------------------------------------- */

static void score_block(cm_drawing *d, const cm_report_model *r, const cm_column *c, bool say) {
    const char *before = "";
    if (say) cm_drawing_say(d, "%s%s:", *d->alt ? "; " : "", c->title);
    for (size_t a = 0; a < r->arm_count; a++) {
        const json_t *row = cm_report_model_score(r, r->arms[a], c->score);
        double v;
        if (!cm_number_of(row, "value", &v)) continue;
        cm_put_number(d->data, (double)a);
        cm_put_number(d->data, v);
        cm_put_number(d->data, number_or(row, "lo", v));
        cm_put_number(d->data, number_or(row, "hi", v));
        cm_put_number(d->data, cm_plot_colours[a % CM_PLOT_COLOURS]);
        put_label(d->data, "", r->arms[a], "", "");
        if (say)
            cm_drawing_say(d, c->style == CM_FIXED ? "%s %s %.*f" : "%s %s %.*g", before, r->arms[a], c->digits, v);
        before = ",";
    }
    cm_markup(d->data, "\n\n");
}

static void score_panel(cm_writer *script, const cm_column *c, size_t index) {
    cm_markup(script, "set title '");
    cm_textf(script, "%s %s", c->title, cm_arrow(c->better));
    cm_markup(script, "' textcolor '#333333'\nplot 'scores.dat' index ");
    cm_number(script, "%.0f", (double)index);
    cm_markup(script, " using 1:2:3:4:5:xtic(6) with yerrorbars pt 7 ps 1.1 lw 2 lc rgb variable\n");
}

/* One small panel a score: the arms' values with their intervals. */
static cm_status draw_scores(cm_report_model *r, cm_plot *made) {
    size_t panels = 0, index = 0;
    cm_drawing d;
    for (size_t c = 0; c < r->column_count; c++) panels += r->columns[c].measured;
    if (!panels) return CM_OK;
    if (panels > MOST_PANELS)
        return cm_fail(CM_EUNAVAILABLE, "plots/scores.svg would have %zu panels, more than %d", panels, MOST_PANELS);
    const int columns = panels < 5 ? (int)panels : 5, rows = ((int)panels + columns - 1) / columns;
    CM_TRY(cm_drawing_open(&d, r, "scores", 200 * columns, 230 * rows));
    cm_markup(d.script, "set multiplot layout ");
    cm_number(d.script, "%.0f,", rows);
    cm_number(d.script, "%.0f\n", columns);
    cm_number(d.script, "set xrange [-0.6:%g]\n", (double)r->arm_count - 0.4);
    if (r->arm_count > 3) cm_markup(d.script, "set xtics rotate by -35 left\n");
    cm_markup(d.script, "set style fill solid\nset offsets 0,0,graph 0.15,graph 0.15\n");
    for (size_t c = 0; c < r->column_count; c++) {
        if (!r->columns[c].measured) continue;
        score_block(&d, r, &r->columns[c], index < MOST_SAID);
        score_panel(d.script, &r->columns[c], index++);
    }
    cm_markup(d.script, "unset multiplot\n");
    return cm_drawing_draw(&d, r, made);
}

/* --- differences ------------------------------------------------------------------------ */

static cm_status too_many(size_t lines, const char *name) {
    return cm_fail(CM_EUNAVAILABLE, "plots/%s.svg would have %zu lines, more than %d", name, lines, MOST_LINES);
}

static void difference_line(cm_drawing *d, const cm_report_model *r, const json_t *p, double v, size_t y, bool say) {
    const double lo = number_or(p, "lo", v), hi = number_or(p, "hi", v), half = hi > lo ? (hi - lo) / 2 : 1;
    const cm_column *c = cm_column_find(r, cm_text_of(p, "score"));
    const double sign = c && c->better == CM_LOWER ? -1 : 1;
    const char *a = cm_text_of(p, "a"), *b = cm_text_of(p, "b"), *title = c ? c->title : cm_text_of(p, "score");
    char before[256];
    cm_put_number(d->data, (double)y);
    cm_put_number(d->data, sign * v / half);
    cm_put_number(d->data, (sign > 0 ? lo : -hi) / half);
    cm_put_number(d->data, (sign > 0 ? hi : -lo) / half);
    cm_put_number(d->data, cm_pair_is_apart(p) ? CM_PLOT_APART : 0x7f8c8d);
    snprintf(before, sizeof before, "%.100s: ", cm_text_of(p, "score"));
    put_label(d->data, before, a, " - ", b);
    if (say)
        cm_drawing_say(d, "%s%s, %s minus %s: %+.4g, %s", *d->alt ? "; " : "", title, a, b, v,
                       cm_pair_is_apart(p) ? "told apart" : "not told apart");
}

/* Each paired difference over half the width of its interval, so that all scores share an axis:
 * beyond +-1 the interval excludes zero. Better is to the right; in colour where Holm's p is below 0.05. */
static cm_status draw_differences(cm_report_model *r, cm_plot *made) {
    size_t lines = 0, said = 0;
    double v;
    cm_drawing d;
    for (size_t i = 0; i < r->pairs.count; i++) lines += cm_number_of(r->pairs.at[i], "difference", &v);
    if (!lines) return CM_OK;
    if (lines > MOST_LINES) return too_many(lines, "differences");
    CM_TRY(cm_drawing_open(&d, r, "differences", 860, 90 + 24 * (int)lines));
    cm_markup(
        d.script,
        "set lmargin 34\nset xzeroaxis\nset arrow from 0, graph 0 to 0, graph 1 nohead lc '#888888'\n"
        "set xlabel 'difference over half the width of its 95 % interval; to the right: the first arm is better'\n");
    size_t y = lines;
    for (size_t i = 0; i < r->pairs.count; i++)
        if (cm_number_of(r->pairs.at[i], "difference", &v))
            difference_line(&d, r, r->pairs.at[i], v, y--, said++ < MOST_SAID);
    cm_number(d.script, "set yrange [0.3:%g]\n", (double)lines + 0.7);
    cm_markup(d.script,
              "plot 'differences.dat' using 2:1:3:4:5:ytic(6) with xerrorbars pt 7 ps 1.1 lw 2 lc rgb variable\n");
    return cm_drawing_draw(&d, r, made);
}

/* --- times ------------------------------------------------------------------------------ */

static bool has_time(const json_t *speed, double *seconds) {
    return cm_number_of(speed, "median_s", seconds) && *seconds > 0;
}

/* A logarithmic axis has no place for 0. */
static double above_zero(double v, double otherwise) {
    return v > 0 ? v : otherwise;
}

static void speed_line(cm_drawing *d, const json_t *p, double median, size_t y, bool say) {
    const char *model = cm_text_of(p, "model"), *backend = cm_text_of(p, "backend"), *stage = cm_text_of(p, "stage");
    cm_put_number(d->data, (double)y);
    cm_put_number(d->data, median);
    cm_put_number(d->data, above_zero(number_or(p, "p10_s", median), median));
    cm_put_number(d->data, above_zero(number_or(p, "p90_s", median), median));
    cm_markup(d->data, "\"");
    cm_textf(d->data, "%s, %s: %s", model, backend, stage);
    cm_markup(d->data, "\"\n");
    if (say) cm_drawing_say(d, "%s%s on %s, %s: %.3g s", *d->alt ? "; " : "", model, backend, stage, median);
}

/* Median of each measured stage on a logarithmic axis. */
static cm_status draw_speed(cm_report_model *r, cm_plot *made) {
    size_t lines = 0, said = 0;
    double v;
    cm_drawing d;
    for (size_t i = 0; i < r->speeds.count; i++) lines += has_time(r->speeds.at[i], &v);
    if (!lines) return CM_OK;
    if (lines > MOST_LINES) return too_many(lines, "speed");
    CM_TRY(cm_drawing_open(&d, r, "speed", 860, 90 + 24 * (int)lines));
    cm_markup(
        d.script,
        "set lmargin 42\nset logscale x\nset format x '%g'\nset xlabel 'seconds (median, 10th to 90th percentile)'\n"
        "set grid xtics lc '#dddddd'\n");
    size_t y = lines;
    for (size_t i = 0; i < r->speeds.count; i++)
        if (has_time(r->speeds.at[i], &v)) speed_line(&d, r->speeds.at[i], v, y--, said++ < MOST_SAID);
    cm_number(d.script, "set yrange [0.3:%g]\n", (double)lines + 0.7);
    cm_markup(d.script, "plot 'speed.dat' using 2:1:3:4:ytic(5) with xerrorbars pt 7 ps 0.9 lw 2 lc rgb '#2e86c1'\n");
    return cm_drawing_draw(&d, r, made);
}

/* Without gnuplot the report goes on and says why there are no plots; a full disk does stop it. */
cm_status cm_report_plots(cm_report_model *r, cm_plots *made) {
    char path[4096];
    struct stat st;
    *made = (cm_plots){{0}};
    snprintf(path, sizeof path, "%s/plots", r->folder);
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        return cm_fail(CM_EIO, "%s: is a link, so nothing is written there; remove it", path);
    CM_TRY(cm_make_dirs(path));
    const struct {
        cm_status (*draw)(cm_report_model *r, cm_plot *made);
        cm_plot *made;
    } all[] = {{draw_scores, &made->scores},
               {draw_differences, &made->differences},
               {draw_speed, &made->speed},
               {cm_plot_parts, &made->parts},
               {cm_plot_layers, &made->layers}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const cm_status s = all[i].draw(r, all[i].made);
        if (s == CM_EUNAVAILABLE) made->why_not = cm_arena_string(&r->arena, cm_why());
        else CM_TRY(s);
    }
    return cm_arena_check(&r->arena);
}
