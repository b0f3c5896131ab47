// SPDX-License-Identifier: Apache-2.0
/* Pictures by gnuplot, called as a program. Script and data stay beside the picture, so that each can be drawn again. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/system.h"
#include "reports/rows.h"

extern char **environ;

static const char *const terminal = "set terminal svg size %d,%d dynamic noenhanced font 'Helvetica,13' background '#ffffff'\n"
                                    "set encoding utf8\nset border 3 lc '#888888'\nset tics nomirror textcolor '#333333'\n"
                                    "set key off\n";

/* Runs gnuplot on plots/NAME.gp inside the folder; the picture appears under its final name only when it is whole. */
static cm_status run_gnuplot(const char *folder, const char *name) {
    char script[4096], part[4096], final[4096];
    snprintf(script, sizeof script, "%s/plots/%s.gp", folder, name);
    snprintf(part, sizeof part, "%s/plots/%s.svg.part", folder, name);
    snprintf(final, sizeof final, "%s/plots/%s.svg", folder, name);
    char *const argv[] = {"gnuplot", script, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, part, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child;
    const int e = posix_spawnp(&child, "gnuplot", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (e != 0) {
        unlink(part);
        return cm_fail(CM_EUNAVAILABLE, "gnuplot cannot be started: %s", strerror(e));
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        unlink(part);
        return cm_fail(CM_EUNAVAILABLE, "gnuplot failed on %s", script);
    }
    if (rename(part, final) != 0) return cm_fail(CM_EIO, "%s: %s", final, strerror(errno));
    return CM_OK;
}

/* A script being composed in memory. */
typedef struct script {
    FILE *f;
    char *text;
    size_t size;
} script;

static cm_status script_begin(script *s, int width, int height) {
    s->f = open_memstream(&s->text, &s->size);
    if (!s->f) return cm_fail(CM_ENOMEM, "out of memory while writing a plot");
    fprintf(s->f, terminal, width, height);
    return CM_OK;
}

static cm_status script_draw(script *s, const char *folder, const char *name) {
    char path[4096];
    fclose(s->f);
    snprintf(path, sizeof path, "%s/plots/%s.gp", folder, name);
    cm_status status = cm_write_whole(path, s->text, s->size);
    free(s->text);
    if (status == CM_OK) status = run_gnuplot(folder, name);
    return status;
}

static const char *const colours[] = {"#7f8c8d", "#2e86c1", "#c0392b", "#27ae60", "#8e44ad", "#d68910"};
enum { COLOURS = sizeof colours / sizeof *colours };

/* One small panel a score: the arms' values with their intervals. */
static cm_status draw_scores(const cm_rows *r, bool *made) {
    size_t panels = 0;
    for (size_t c = 0; c < cm_column_count; c++) panels += cm_rows_best(r, &cm_columns[c]) != NULL;
    if (!panels) return CM_OK;
    const int columns = panels < 5 ? (int)panels : 5, rows = ((int)panels + columns - 1) / columns;
    script s;
    CM_TRY(script_begin(&s, 200 * columns, 230 * rows));
    fprintf(s.f, "set multiplot layout %d,%d\nset xrange [-0.6:%g]\nset style fill solid\n", rows, columns,
            (double)r->arm_count - 0.4);
    for (size_t c = 0; c < cm_column_count; c++) {
        if (!cm_rows_best(r, &cm_columns[c])) continue;
        fprintf(s.f, "set title '%s %s' textcolor '#333333'\nset xtics rotate by 0 (", cm_columns[c].title, cm_columns[c].arrow);
        for (size_t a = 0; a < r->arm_count; a++) fprintf(s.f, "%s\"%s\" %zu", a ? ", " : "", r->arms[a], a);
        fputs(")\n$d << EOD\n", s.f);
        for (size_t a = 0; a < r->arm_count; a++) {
            const json_t *row = cm_rows_score(r, r->arms[a], cm_columns[c].score);
            double v, lo, hi;
            if (!row || !cm_number_of(row, "value", &v)) continue;
            if (!cm_number_of(row, "lo", &lo)) lo = v;
            if (!cm_number_of(row, "hi", &hi)) hi = v;
            fprintf(s.f, "%zu %.9g %.9g %.9g %d\n", a, v, lo, hi, (int)(strtol(colours[a % COLOURS] + 1, NULL, 16)));
        }
        fputs("EOD\nset offsets 0,0,graph 0.15,graph 0.15\n"
              "plot $d using 1:2:3:4:5 with yerrorbars pt 7 ps 1.1 lw 2 lc rgb variable\n", s.f);
    }
    fputs("unset multiplot\n", s.f);
    const cm_status status = script_draw(&s, r->folder, "scores");
    *made = status == CM_OK;
    return status;
}

/* Each paired difference over half the width of its interval, so that all scores share an axis:
 * beyond +-1 the interval excludes zero. Better is to the right. */
static cm_status draw_differences(const cm_rows *r, bool *made) {
    script s;
    size_t lines = 0;
    for (size_t i = 0; i < r->pairs.count; i++) {
        double d;
        lines += cm_number_of(r->pairs.at[i], "difference", &d);
    }
    if (!lines) return CM_OK;
    CM_TRY(script_begin(&s, 860, 90 + 24 * (int)lines));
    fputs("set lmargin 34\nset xzeroaxis\nset arrow from 0, graph 0 to 0, graph 1 nohead lc '#888888'\n"
          "set xlabel 'difference over half the width of its 95 % interval; to the right: the first arm is better'\n$d << EOD\n", s.f);
    size_t y = lines;
    for (size_t i = 0; i < r->pairs.count; i++) {
        const json_t *p = r->pairs.at[i];
        double d, lo, hi;
        if (!cm_number_of(p, "difference", &d)) continue;
        if (!cm_number_of(p, "lo", &lo)) lo = d;
        if (!cm_number_of(p, "hi", &hi)) hi = d;
        double sign = 1;
        for (size_t c = 0; c < cm_column_count; c++)
            if (!strcmp(cm_columns[c].score, cm_text_of(p, "score")) && cm_columns[c].lower_is_better) sign = -1;
        const double half = hi > lo ? (hi - lo) / 2 : 1;
        const bool apart = lo > 0 || hi < 0;
        fprintf(s.f, "%zu %.6g %.6g %.6g %d \"%s: %s - %s\"\n", y--, sign * d / half, (sign > 0 ? lo : -hi) / half,
                (sign > 0 ? hi : -lo) / half, apart ? 0xc0392b : 0x7f8c8d, cm_text_of(p, "score"), cm_text_of(p, "a"),
                cm_text_of(p, "b"));
    }
    fprintf(s.f, "EOD\nset yrange [0.3:%g]\nplot $d using 2:1:3:4:5:ytic(6) with xerrorbars pt 7 ps 1.1 lw 2 lc rgb variable\n",
            (double)lines + 0.7);
    const cm_status status = script_draw(&s, r->folder, "differences");
    *made = status == CM_OK;
    return status;
}

/* Median of each measured stage on a logarithmic axis. */
static cm_status draw_speed(const cm_rows *r, bool *made) {
    size_t lines = 0;
    double v, lo, hi;
    for (size_t i = 0; i < r->speeds.count; i++) lines += cm_number_of(r->speeds.at[i], "median_s", &v) && v > 0;
    if (!lines) return CM_OK;
    script s;
    CM_TRY(script_begin(&s, 860, 90 + 24 * (int)lines));
    fputs("set lmargin 42\nset logscale x\nset format x '%g'\nset xlabel 'seconds (median, 10th to 90th percentile)'\n"
          "set grid xtics lc '#dddddd'\n$d << EOD\n", s.f);
    size_t y = lines;
    for (size_t i = 0; i < r->speeds.count; i++) {
        const json_t *p = r->speeds.at[i];
        if (!cm_number_of(p, "median_s", &v) || v <= 0) continue;
        if (!cm_number_of(p, "p10_s", &lo) || lo <= 0) lo = v;
        if (!cm_number_of(p, "p90_s", &hi) || hi <= 0) hi = v;
        fprintf(s.f, "%zu %.9g %.9g %.9g \"%s, %s: %s\"\n", y--, v, lo, hi, cm_text_of(p, "model"), cm_text_of(p, "backend"),
                cm_text_of(p, "stage"));
    }
    fprintf(s.f, "EOD\nset yrange [0.3:%g]\nplot $d using 2:1:3:4:ytic(5) with xerrorbars pt 7 ps 0.9 lw 2 lc rgb '#2e86c1'\n",
            (double)lines + 0.7);
    const cm_status status = script_draw(&s, r->folder, "speed");
    *made = status == CM_OK;
    return status;
}

/* Without gnuplot the report goes on and says why there are no pictures; a full disk does stop it. */
cm_status cm_report_plots(cm_rows *r, cm_plots *made) {
    char path[4096];
    *made = (cm_plots){0};
    snprintf(path, sizeof path, "%s/plots", r->folder);
    CM_TRY(cm_make_dirs(path));
    cm_status s = draw_scores(r, &made->scores);
    if (s == CM_OK) s = draw_differences(r, &made->differences);
    if (s == CM_OK) s = draw_speed(r, &made->speed);
    if (s == CM_EUNAVAILABLE) {
        made->why_not = cm_arena_string(&r->arena, cm_why());
        return cm_arena_check(&r->arena);
    }
    return s;
}
