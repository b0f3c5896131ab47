// SPDX-License-Identifier: Apache-2.0
/* Pictures by gnuplot. A script holds our own literals and numbers alone; what records say stands in a data file beside
 * it, as labels that gnuplot reads and never runs (core/base/gnuplot.h). Script and data stay, so that each picture can
 * be drawn again: gnuplot NAME.gp in plots/. */
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/gnuplot.h"
#include "core/base/system.h"
#include "reports/pages.h"

enum { MOST_LINES = 400 }; /* of one picture */

/* --- scripts and data ------------------------------------------------------------------- */

typedef struct drawing {
    cm_writer *script, *data;
} drawing;

static cm_status open_drawing(drawing *d, const cm_rows *r, const char *script, const char *data, int width, int height) {
    CM_TRY(cm_writer_open(&d->data, CM_PLOT, r->folder, data));
    const cm_status s = cm_writer_open(&d->script, CM_PLOT, r->folder, script);
    if (s != CM_OK) {
        cm_writer_close(&d->data, s);
        return s;
    }
    cm_markup(d->script, "set terminal svg size ");
    cm_number(d->script, "%.0f", width);
    cm_markup(d->script, ",");
    cm_number(d->script, "%.0f", height);
    cm_markup(d->script, " dynamic noenhanced font 'Helvetica,13' background '#ffffff'\nset encoding utf8\nset border 3 lc '#888888'\n"
                         "set tics nomirror textcolor '#333333'\nset key off\n");
    return CM_OK;
}

static cm_status draw(drawing *d, const cm_rows *r, const char *name, bool *made) {
    char plots[4096];
    snprintf(plots, sizeof plots, "%s/plots", r->folder);
    cm_status s = cm_writer_close(&d->data, CM_OK);
    s = cm_writer_close(&d->script, s);
    if (s == CM_OK) s = cm_gnuplot_draw(plots, name);
    *made = s == CM_OK;
    return s;
}

static void put(cm_writer *w, double v) {
    cm_number(w, "%.9g ", v);
}

static void set(cm_writer *w, const char *format, double v) {
    cm_number(w, format, v);
}

static double number_or(const json_t *o, const char *key, double otherwise) {
    double v;
    return cm_number_of(o, key, &v) ? v : otherwise;
}

/* --- pictures --------------------------------------------------------------------------- */

static void score_block(cm_writer *data, const cm_rows *r, const cm_column *c) {
    static const int colours[] = {0x7f8c8d, 0x2e86c1, 0xc0392b, 0x27ae60, 0x8e44ad, 0xd68910};
    for (size_t a = 0; a < r->arm_count; a++) {
        const json_t *row = cm_rows_score(r, r->arms[a], c->score);
        double v;
        if (!cm_number_of(row, "value", &v)) continue;
        put(data, (double)a);
        put(data, v);
        put(data, number_or(row, "lo", v));
        put(data, number_or(row, "hi", v));
        put(data, colours[a % (sizeof colours / sizeof *colours)]);
        cm_markup(data, "\"");
        cm_text(data, r->arms[a]);
        cm_markup(data, "\"\n");
    }
    cm_markup(data, "\n\n");
}

static void score_panel(cm_writer *script, const cm_column *c, size_t index) {
    cm_markup(script, "set title '");
    cm_textf(script, "%s %s", c->title, c->arrow);
    cm_markup(script, "' textcolor '#333333'\nplot 'scores.dat' index ");
    set(script, "%.0f", (double)index);
    cm_markup(script, " using 1:2:3:4:5:xtic(6) with yerrorbars pt 7 ps 1.1 lw 2 lc rgb variable\n");
}

/* One small panel a score: the arms' values with their intervals. */
static cm_status draw_scores(const cm_rows *r, bool *made) {
    size_t panels = 0, index = 0;
    drawing d;
    for (size_t c = 0; c < CM_COLUMNS; c++) panels += r->measured[c];
    if (!panels) return CM_OK;
    const int columns = panels < 5 ? (int)panels : 5, rows = ((int)panels + columns - 1) / columns;
    CM_TRY(open_drawing(&d, r, "plots/scores.gp", "plots/scores.dat", 200 * columns, 230 * rows));
    cm_markup(d.script, "set multiplot layout ");
    set(d.script, "%.0f,", rows);
    set(d.script, "%.0f\n", columns);
    set(d.script, "set xrange [-0.6:%g]\n", (double)r->arm_count - 0.4);
    cm_markup(d.script, "set xtics rotate by 0\nset style fill solid\nset offsets 0,0,graph 0.15,graph 0.15\n");
    for (size_t c = 0; c < CM_COLUMNS; c++) {
        if (!r->measured[c]) continue;
        score_block(d.data, r, &cm_columns[c]);
        score_panel(d.script, &cm_columns[c], index++);
    }
    cm_markup(d.script, "unset multiplot\n");
    return draw(&d, r, "scores", made);
}

static cm_status too_many(size_t lines, const char *name) {
    return cm_fail(CM_EUNAVAILABLE, "plots/%s.svg would have %zu lines, more than %d", name, lines, MOST_LINES);
}

static void difference_line(cm_writer *data, const json_t *p, double d, size_t y) {
    const double lo = number_or(p, "lo", d), hi = number_or(p, "hi", d), half = hi > lo ? (hi - lo) / 2 : 1;
    const cm_column *c = cm_column_find(cm_text_of(p, "score"));
    const double sign = c && c->lower_is_better ? -1 : 1;
    put(data, (double)y);
    put(data, sign * d / half);
    put(data, (sign > 0 ? lo : -hi) / half);
    put(data, (sign > 0 ? hi : -lo) / half);
    put(data, cm_pair_is_apart(p) ? 0xc0392b : 0x7f8c8d);
    cm_markup(data, "\"");
    cm_textf(data, "%s: %s - %s", cm_text_of(p, "score"), cm_text_of(p, "a"), cm_text_of(p, "b"));
    cm_markup(data, "\"\n");
}

/* Each paired difference over half the width of its interval, so that all scores share an axis:
 * beyond +-1 the interval excludes zero. Better is to the right; in colour where Holm's p is below 0.05. */
static cm_status draw_differences(const cm_rows *r, bool *made) {
    size_t lines = 0;
    double v;
    drawing d;
    for (size_t i = 0; i < r->pairs.count; i++) lines += cm_number_of(r->pairs.at[i], "difference", &v);
    if (!lines) return CM_OK;
    if (lines > MOST_LINES) return too_many(lines, "differences");
    CM_TRY(open_drawing(&d, r, "plots/differences.gp", "plots/differences.dat", 860, 90 + 24 * (int)lines));
    cm_markup(d.script, "set lmargin 34\nset xzeroaxis\nset arrow from 0, graph 0 to 0, graph 1 nohead lc '#888888'\n"
                        "set xlabel 'difference over half the width of its 95 % interval; to the right: the first arm is better'\n");
    size_t y = lines;
    for (size_t i = 0; i < r->pairs.count; i++)
        if (cm_number_of(r->pairs.at[i], "difference", &v)) difference_line(d.data, r->pairs.at[i], v, y--);
    set(d.script, "set yrange [0.3:%g]\n", (double)lines + 0.7);
    cm_markup(d.script, "plot 'differences.dat' using 2:1:3:4:5:ytic(6) with xerrorbars pt 7 ps 1.1 lw 2 lc rgb variable\n");
    return draw(&d, r, "differences", made);
}

static bool has_time(const json_t *speed, double *seconds) {
    return cm_number_of(speed, "median_s", seconds) && *seconds > 0;
}

/* A logarithmic axis has no place for 0. */
static double above_zero(double v, double otherwise) {
    return v > 0 ? v : otherwise;
}

static void speed_line(cm_writer *data, const json_t *p, double median, size_t y) {
    put(data, (double)y);
    put(data, median);
    put(data, above_zero(number_or(p, "p10_s", median), median));
    put(data, above_zero(number_or(p, "p90_s", median), median));
    cm_markup(data, "\"");
    cm_textf(data, "%s, %s: %s", cm_text_of(p, "model"), cm_text_of(p, "backend"), cm_text_of(p, "stage"));
    cm_markup(data, "\"\n");
}

/* Median of each measured stage on a logarithmic axis. */
static cm_status draw_speed(const cm_rows *r, bool *made) {
    size_t lines = 0;
    double v;
    drawing d;
    for (size_t i = 0; i < r->speeds.count; i++) lines += has_time(r->speeds.at[i], &v);
    if (!lines) return CM_OK;
    if (lines > MOST_LINES) return too_many(lines, "speed");
    CM_TRY(open_drawing(&d, r, "plots/speed.gp", "plots/speed.dat", 860, 90 + 24 * (int)lines));
    cm_markup(d.script, "set lmargin 42\nset logscale x\nset format x '%g'\nset xlabel 'seconds (median, 10th to 90th percentile)'\n"
                        "set grid xtics lc '#dddddd'\n");
    size_t y = lines;
    for (size_t i = 0; i < r->speeds.count; i++)
        if (has_time(r->speeds.at[i], &v)) speed_line(d.data, r->speeds.at[i], v, y--);
    set(d.script, "set yrange [0.3:%g]\n", (double)lines + 0.7);
    cm_markup(d.script, "plot 'speed.dat' using 2:1:3:4:ytic(5) with xerrorbars pt 7 ps 0.9 lw 2 lc rgb '#2e86c1'\n");
    return draw(&d, r, "speed", made);
}

/* Without gnuplot the report goes on and says why there are no pictures; a full disk does stop it. */
cm_status cm_report_plots(cm_rows *r, cm_plots *made) {
    char path[4096];
    struct stat st;
    *made = (cm_plots){0};
    snprintf(path, sizeof path, "%s/plots", r->folder);
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) return cm_fail(CM_EIO, "%s: is a link, so nothing is written there; remove it", path);
    CM_TRY(cm_make_dirs(path));
    const struct {
        cm_status (*draw)(const cm_rows *r, bool *made);
        bool *made;
    } all[] = {{draw_scores, &made->scores}, {draw_differences, &made->differences}, {draw_speed, &made->speed}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const cm_status s = all[i].draw(r, all[i].made);
        if (s == CM_EUNAVAILABLE) made->why_not = cm_arena_string(&r->arena, cm_why());
        else CM_TRY(s);
    }
    return cm_arena_check(&r->arena);
}
