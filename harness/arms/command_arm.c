// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "harness/arms/command_arm.h"

#include <string.h>

#include "core/base/child.h"
#include "core/base/progress.h"
#include "core/base/system.h"
#include "core/io/image_set.h"
#include "harness/arms/command_arm_parts.h"

enum { STATUS_TIMED_OUT = 124, STATUS_NOT_STARTED = 127, STATUS_SIGNAL = 128 }; /* as of timeout(1) and a shell */

/* --- progress ------------------------------------------------------------------- */

typedef struct watcher {
    const cm_command_job *job;
    size_t next, done; /* of the wanted; of the asked */
    cm_progress bar;
} watcher;

/* Commands write in order, or nearly: counts up to the first image that is not there. */
static void count_images(void *arg) {
    watcher *w = arg;
    char path[4096];
    for (; w->next < w->job->wanted; w->next++) {
        const cm_command_image *image = &w->job->images[w->next];
        if (!image->asked) continue;
        snprintf(path, sizeof path, "%s/%s", w->job->out, image->file);
        if (!cm_path_exists(path)) break;
        w->done++;
    }
    cm_progress_step(&w->bar, w->done, NULL);
}

/* --- the note --------------------------------------------------------------------- */

enum { NAMED = 3, LOG_LINES = 3, LOG_TEXT = 320 };

/* Behind an escape sequence: ESC [ ... letter, or ESC and one more. */
static const char *skip_escape(const char *at) {
    at++;
    if (*at != '[') return *at ? at + 1 : at;
    do at++;
    while (*at && (*at < '@' || *at > '~'));
    return *at ? at + 1 : at;
}

/* What a terminal would show as lines: a bar that is drawn again begins a new one; no colours. In place. */
static void plain_lines(char *text) {
    char *to = text;
    for (const char *at = text; *at;) {
        if (*at == '\x1b') {
            at = skip_escape(at);
            continue;
        }
        *to++ = *at == '\r' ? '\n' : *at == '\t' ? ' ' : *at;
        at++;
    }
    *to = 0;
}

/* "one / two / three": the last lines that are not blank, in print. */
static const char *last_lines(const char *log, cm_arena *out) {
    const char *lines[LOG_LINES], *joined = "";
    size_t n = 0;
    char *text = cm_arena_string(out, log);
    if (!text) return NULL;
    plain_lines(text);
    for (char *end = text + strlen(text); end > text && n < LOG_LINES;) {
        while (end > text && (end[-1] == '\n' || end[-1] == ' ')) end--;
        *end = 0;
        while (end > text && end[-1] != '\n') end--;
        if (*end) lines[n++] = end;
    }
    while (n-- && joined) joined = cm_arena_print(out, "%s%s%s", joined, *joined ? " / " : "", lines[n]);
    if (!joined) return NULL;
    const size_t length = strlen(joined);
    const char *cut = length > LOG_TEXT ? joined + length - LOG_TEXT : joined;
    while (cut > joined && (*cut & 0xC0) == 0x80) cut++;
    const char *told = cm_arena_print(out, "%s%s", cut > joined ? "..." : "", cut);
    return told ? cm_printable_path(told, out) : NULL;
}

/* How it ended, for a sentence; "": as it should. */
static const char *tell_end(const cm_command_arm *c, const cm_child_result *r, cm_arena *out) {
    const char *name = r->end == CM_CHILD_SIGNALLED ? sigabbrev_np(r->number) : NULL;
    switch (r->end) {
    case CM_CHILD_EXITED: return r->number ? cm_arena_print(out, "ended with exit status %d; ", r->number) : "";
    case CM_CHILD_SIGNALLED:
        return cm_arena_print(out, "ended by signal %d%s%s; ", r->number, name ? ", SIG" : "", name ? name : "");
    case CM_CHILD_TIMED_OUT: return cm_arena_print(out, "stopped after its %g s; ", c->timeout);
    case CM_CHILD_NOT_STARTED: return cm_arena_print(out, "could not start: %s; ", strerror(r->number));
    }
    return "";
}

static const char *stem(const char *file, cm_arena *out) {
    return cm_arena_print(out, "%.*s", (int)(strlen(file) - strlen(".png")), file);
}

/* "; p0003.png: cut short, p0004.jpg: not a PNG, ... and 2 more that cannot be read" */
static const char *tell_broken(const cm_command_job *j, cm_arena *out) {
    const char *text = "";
    size_t broken = 0;
    for (size_t i = 0; i < j->wanted && text; i++) {
        const cm_command_image *image = &j->images[i];
        if (!image->found || cm_command_is_made(image)) continue;
        const char *why = ++broken > NAMED ? NULL : cm_command_trouble(j, image, out);
        if (why) text = cm_arena_print(out, "%s; %s", text, why);
    }
    return broken > NAMED && text ? cm_arena_print(out, "%s; and %zu more that cannot be read", text, broken - NAMED)
                                  : text;
}

static const char *first_missing(const cm_command_job *j, cm_arena *out) {
    for (size_t i = 0; i < j->wanted; i++)
        if (!cm_command_is_made(&j->images[i]))
            return cm_arena_print(out, "; the first missing: %s", stem(j->images[i].file, out));
    return "";
}

/* NULL and memory left: there is nothing to say. */
static const char *make_note(const cm_command_job *j, const cm_child_result *child, size_t made, cm_arena *out) {
    const char *end = tell_end(j->arm, child, out);
    if (made == j->wanted && !*end) return NULL;
    const char *missing = first_missing(j, out), *broken = tell_broken(j, out), *log = last_lines(child->tail, out);
    if (cm_arena_check(out) != CM_OK) return NULL;
    if (child->end == CM_CHILD_NOT_STARTED)
        return cm_arena_print(out, "%smade %zu of %zu images", end, made, j->wanted);
    return cm_arena_print(out, "%smade %zu of %zu images%s%s; %s%s", end, made, j->wanted, missing, broken,
                          *log ? "last lines of its log: " : "it printed nothing", log);
}

/* --- the run ------------------------------------------------------------------------ */

static int status_of(const cm_child_result *r) {
    if (r->end == CM_CHILD_TIMED_OUT) return STATUS_TIMED_OUT;
    if (r->end == CM_CHILD_NOT_STARTED) return STATUS_NOT_STARTED;
    return r->end == CM_CHILD_SIGNALLED ? STATUS_SIGNAL + r->number : r->number;
}

static cm_status run_child(cm_command_job *j, cm_arena *out, cm_child_result *child) {
    const cm_command_arm *c = j->arm;
    cm_command_words w;
    CM_TRY(cm_command_split(c->command, NULL, out, &w));
    CM_TRY(cm_command_write_files(j, w.uses, out));
    CM_TRY(cm_command_split(c->command, j->values, out, &w));
    const char *log = cm_arena_print(out, "%s/log.txt", j->place);
    CM_TRY(cm_arena_check(out));
    watcher watch = {.job = j};
    const cm_child ask = {.argv = w.words, .log = log, .timeout = c->timeout, .tick = count_images, .arg = &watch};
    cm_progress_begin(&watch.bar, c->arm, "image", 0, j->asked);
    const cm_status s = cm_child_run(&ask, out, child);
    count_images(&watch);
    cm_progress_end(&watch.bar);
    return s == CM_EINTERRUPTED ? cm_fail(s, "stopped while the command of %s ran; what it has made stays", c->arm) : s;
}

/* Files as paths below the run's folder, by the caller's index. */
static cm_status take_files(const cm_command_job *j, cm_arena *out, cm_command_result *r) {
    const cm_command_arm *c = j->arm;
    r->files = CM_PUSH_ZERO(out, const char *, c->prompts->count * c->images + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < j->wanted; i++) {
        if (!cm_command_is_made(&j->images[i])) continue;
        r->files[j->images[i].index] = cm_arena_print(out, "images/%s/%s", c->arm, j->images[i].found);
        r->made++;
    }
    return cm_arena_check(out);
}

cm_status cm_command_arm_run(const cm_command_arm *c, cm_arena *out, cm_command_result *r) {
    cm_command_job j;
    cm_child_result child = {.tail = ""};
    cm_command_result result = {0};
    CM_TRY(cm_command_check(c->command));
    CM_TRY(cm_command_prepare(c, out, &j));
    CM_TRY(cm_command_keep_made(&j, out));
    if (j.asked < j.wanted) cm_note("%s: %zu of %zu images are there", c->arm, j.wanted - j.asked, j.wanted);
    if (j.asked) {
        CM_TRY(run_child(&j, out, &child));
        CM_TRY(cm_command_look(&j, out));
    }
    CM_TRY(take_files(&j, out, &result));
    result.seconds = child.seconds;
    result.peak_rss_mb = child.peak_rss_mb;
    result.status = status_of(&child);
    result.wanted = j.wanted;
    result.asked = j.asked;
    result.note = make_note(&j, &child, result.made, out);
    CM_TRY(cm_arena_check(out));
    *r = result;
    return CM_OK;
}
