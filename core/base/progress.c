// SPDX-License-Identifier: Apache-2.0
#include "core/base/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/system.h"

static cm_verbosity verbosity = CM_NORMAL;
static bool line_open; /* a redrawn line stands on the terminal without its newline */

void cm_log_level(cm_verbosity v) {
    verbosity = v;
}

static cm_log_sink *log_sink; /* NULL: stderr */
static void *log_arg;

void cm_log_to(cm_log_sink *sink, void *arg) {
    log_sink = sink;
    log_arg = arg;
}

static void give_to_sink(const char *format, va_list args) {
    char line[2048];
    vsnprintf(line, sizeof line, format, args);
    log_sink(log_arg, line);
}

static void say(const char *prefix, const char *format, va_list args) {
    if (log_sink) {
        give_to_sink(format, args);
        return;
    }
    if (line_open) fputs("\r\033[K", stderr); /* the next step draws the bar again */
    line_open = false;
    fputs(prefix, stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void cm_note(const char *format, ...) {
    if (verbosity < CM_NORMAL) return;
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
}

void cm_detail(const char *format, ...) {
    if (verbosity < CM_VERBOSE) return;
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
}

void cm_warn(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say("warning: ", format, args);
    va_end(args);
}

enum { NAMED = 3 };

void cm_warn_counted(size_t *count, const char *format, ...) {
    va_list args;
    if (++*count > NAMED) return;
    va_start(args, format);
    say("warning: ", format, args);
    va_end(args);
}

void cm_warn_rest(size_t count, const char *what) {
    if (count > NAMED) cm_warn("%zu more %s", count - NAMED, what);
}

/* "1:02:03" or "02:03" */
static void print_clock(char *out, size_t bytes, double seconds) {
    const unsigned long s = seconds > 0 && seconds < 3.6e6 ? (unsigned long)(seconds + 0.5) : 0;
    if (s >= 3600) {
        snprintf(out, bytes, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    } else {
        snprintf(out, bytes, "%02lu:%02lu", s / 60, s % 60);
    }
}

/* "12.3 step/s", or "4.56 s/step" when slow */
static void print_rate(char *out, size_t bytes, double rate, const char *unit) {
    if (rate >= 1) {
        snprintf(out, bytes, "%.1f %s/s", rate, unit);
    } else if (rate > 0) {
        snprintf(out, bytes, "%.2f s/%s", 1 / rate, unit);
    } else {
        snprintf(out, bytes, "- %s/s", unit);
    }
}

double cm_progress_rate(const cm_progress *p, double now) {
    const double spent = now - p->start;
    return spent > 0 && p->done > p->before ? (double)(p->done - p->before) / spent : 0;
}

static void draw(cm_progress *p, double now) {
    enum { CELLS = 24 };
    const double spent = now - p->start, rate = cm_progress_rate(p, now);
    const bool last = p->done >= p->total;
    char rate_text[64], clock[32], bar[CELLS + 1];
    print_rate(rate_text, sizeof rate_text, rate, p->unit);
    print_clock(clock, sizeof clock, last || rate <= 0 ? spent : (double)(p->total - p->done) / rate);
    const char *clock_says = last ? "in" : rate > 0 ? "left" : "spent";
    const char *gap = p->extra[0] ? "  " : "";
    if (p->terminal) {
        const size_t full = p->total ? CELLS * (last ? p->total : p->done) / p->total : CELLS;
        memset(bar, '.', CELLS);
        memset(bar, '#', full);
        bar[CELLS] = 0;
        fprintf(stderr, "\r\033[K%s [%s] %zu/%zu  %s  %s %s%s%s", p->what, bar, p->done, p->total, rate_text,
                clock_says, clock, gap, p->extra);
        line_open = true;
    } else {
        fprintf(stderr, "%s: %zu/%zu %s, %s, %s %s%s%s\n", p->what, p->done, p->total, p->unit, rate_text, clock_says,
                clock, gap, p->extra);
    }
    fflush(stderr);
    p->shown = now;
}

void cm_progress_begin(cm_progress *p, const char *what, const char *unit, size_t before, size_t total) {
    *p = (cm_progress){.what = what,
                       .unit = unit,
                       .before = before,
                       .done = before,
                       .total = total,
                       .start = cm_now(),
                       .terminal = isatty(STDERR_FILENO) == 1};
    p->shown = p->start;
    if (p->terminal && verbosity >= CM_NORMAL) draw(p, p->start);
}

void cm_progress_step(cm_progress *p, size_t done, const char *extra) {
    const double every = p->terminal ? 0.1 : 5;
    p->done = done;
    if (extra) snprintf(p->extra, sizeof p->extra, "%s", extra);
    if (verbosity < CM_NORMAL || done >= p->total) return; /* the last one is drawn by end */
    const double now = cm_now();
    if (now - p->shown >= every) draw(p, now);
}

void cm_progress_end(cm_progress *p) {
    if (verbosity < CM_NORMAL) return;
    draw(p, cm_now());
    if (p->terminal) fputc('\n', stderr);
    line_open = false;
}
