// SPDX-License-Identifier: Apache-2.0
/* Progress and log, on stderr.
 *
 * On a terminal: one line redrawn with a bar, rate and time left. Otherwise plain
 * lines, at most one every few seconds and always the last. -q silences progress
 * and notes, warnings stay. stdout is for results only.
 */
#ifndef CM_CORE_BASE_PROGRESS_H
#define CM_CORE_BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum cm_verbosity { CM_QUIET, CM_NORMAL, CM_VERBOSE } cm_verbosity;
void cm_log_level(cm_verbosity v);
void cm_note(const char *format, ...) __attribute__((format(printf, 1, 2)));   /* not with -q */
void cm_detail(const char *format, ...) __attribute__((format(printf, 1, 2))); /* with -v only */
void cm_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));   /* "warning: ..." */

/* Sends notes, details and warnings to `sink` instead of stderr, one line each, without newline and prefix; NULL: to
 * stderr again. For programs that use the library; call it while no other thread logs. */
typedef void cm_log_sink(void *arg, const char *line);
void cm_log_to(cm_log_sink *sink, void *arg);

/* A warning that may come many times: three are said, all are counted; then one line says how many more there were:
 *     cm_warn_counted(&n, "prompt %s has no image", id);    cm_warn_rest(n, "prompts have no image"); */
void cm_warn_counted(size_t *count, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cm_warn_rest(size_t count, const char *what);

typedef struct cm_progress {
    const char *what, *unit;    /* "generate", "step" */
    size_t before, done, total; /* before: done by an earlier run; it counts for the bar, not for the rate */
    double start, shown;
    bool terminal;
    char extra[160];
} cm_progress;

void cm_progress_begin(cm_progress *p, const char *what, const char *unit, size_t before, size_t total);
/* Units a second of this run at the time `now` of cm_now; 0 before the first. */
double cm_progress_rate(const cm_progress *p, double now);
/* extra: shown behind the rate ("loss 0.123"), or NULL to keep it */
void cm_progress_step(cm_progress *p, size_t done, const char *extra);
void cm_progress_end(cm_progress *p);

#endif
