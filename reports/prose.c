// SPDX-License-Identifier: Apache-2.0
/* The sentences of a report: title, summary, legends. */
#include <string.h>

#include "core/base/system.h"
#include "reports/content.h"

enum { MOST_TOLD = 5 }; /* scores of a pair in words */

const char *cm_absent(const cm_content *c, const char *note) {
    static const char absent[] = "not measured";
    if (!*note) return absent;
    if (strncmp(note, absent, sizeof absent - 1) == 0) return note;
    const char *text = cm_arena_print(&c->d->arena, "%s: %s", absent, note);
    return text ? text : absent;
}

void cm_add_unfinished(const cm_content *c) {
    if (!c->r->done)
        cm_paragraph_of(c->d, CM_PLAIN, "This run has not finished: what is missing below was not measured yet.");
}

/* --- title ------------------------------------------------------------------------------ */

const char *cm_report_title(const cm_content *c) {
    const cm_report_model *r = c->r;
    if (cm_report_model_published(r)) return "Published scores";
    if (!r->arm_count) return "Speed and memory";
    if (!r->pairs.count) {
        cm_say(c->d, "Scores of %s%s", r->arms[0], r->arm_count > 1 ? " and others" : "");
        return cm_said(c->d);
    }
    const char *a = cm_text_of(r->pairs.at[0], "a"), *b = cm_text_of(r->pairs.at[0], "b");
    if (cm_report_model_contrast(r, a, b) == CM_CONTRAST_DARING)
        return "People from dense descriptions, with and without Daring";
    cm_say(c->d, "%s against %s", a, b);
    if (r->arm_count > 2) cm_say(c->d, ", and %zu more", r->arm_count - 2);
    return cm_said(c->d);
}

const char *cm_report_subtitle(const cm_content *c) {
    const json_t *run = c->r->run;
    const char *prompts = cm_text_of(run, "prompts");
    const char *hash = cm_text_of(run, "prompts_hash");
    double version;
    cm_say(c->d, "CosmicMan Bench, suite %s%s%s", cm_text_of(run, "suite"), *prompts ? ", prompts " : "", prompts);
    if (*prompts && cm_number_of(run, "prompts_version", &version)) cm_say(c->d, " version %.0f", version);
    if (*prompts && *hash) cm_say(c->d, " (SHA-256 %.8s)", hash);
    cm_say(c->d, ", %s", cm_text_of(run, "started"));
    return cm_said(c->d);
}

/* --- summary ---------------------------------------------------------------------------- */

static void say_p(const cm_content *c, double p) {
    if (p < 0.001) cm_say(c->d, " < 0.001");
    else cm_say(c->d, " %.3f", p);
}

static const char *verdict(const json_t *pair, const cm_column *of) {
    static const char *const words[] = {[CM_NOT_JUDGED] =
                                            "not judged, since p is not corrected for the number of scores",
                                        [CM_NOT_APART] = "not told apart",
                                        [CM_APART] = "told apart",
                                        [CM_IS_BETTER] = "better",
                                        [CM_IS_WORSE] = "worse"};
    return words[cm_pair_verdict(pair, of)];
}

/* n: the number of prompts that was told last, 0 at first; told again where it is another. */
static void say_difference(const cm_content *c, const json_t *pair, const cm_column *of, double *n) {
    const int digits = of->digits;
    const bool fixed = of->style == CM_FIXED;
    double d = 0, lo, hi, p, raw, now;
    cm_number_of(pair, "difference", &d);
    cm_say(c->d, fixed ? "%s %+.*f" : "%s %+.*g", of->title, digits, d);
    if (cm_number_of(pair, "lo", &lo) && cm_number_of(pair, "hi", &hi))
        cm_say(c->d, fixed ? " [%+.*f, %+.*f]" : " [%+.*g, %+.*g]", digits, lo, digits, hi);
    if (cm_number_of(pair, "p_holm", &p)) {
        cm_say(c->d,
               cm_number_of(pair, "p", &raw) && raw == p && strcmp(of->score, c->r->primary) == 0 ? ", p" : ", p_Holm");
        say_p(c, p);
    }
    if (cm_number_of(pair, "n", &now) && now != *n) {
        cm_say(c->d, ", N = %.0f", now);
        *n = now;
    }
    const char *what = strcmp(of->score, c->r->primary) == 0 ? "the primary score; "
                       : of->mechanism                       ? "what the loss trains; "
                                                             : "";
    cm_say(c->d, " (%s%s)", what, verdict(pair, of));
}

static bool say_score(const cm_content *c, const cm_column *of, const char *a, const char *b, const char *before,
                      double *n) {
    const json_t *pair = of ? cm_report_model_pair(c->r, a, b, of->score) : NULL;
    double d;
    if (!cm_number_of(pair, "difference", &d)) return false;
    cm_say(c->d, "%s", before);
    say_difference(c, pair, of, n);
    return true;
}

/* The primary score, then the others in the columns' order. */
static void tell_pair(const cm_content *c, const char *a, const char *b) {
    const cm_column *primary = cm_column_find(c->r, c->r->primary);
    size_t told = 0, more = 0;
    double n = 0;
    cm_say(c->d, "%s minus %s: ", a, b);
    told += say_score(c, primary, a, b, "", &n);
    for (size_t i = 0; i < c->r->column_count; i++) {
        const cm_column *of = &c->r->columns[i];
        double d;
        if (of == primary || !cm_number_of(cm_report_model_pair(c->r, a, b, of->score), "difference", &d)) continue;
        if (told < MOST_TOLD) told += say_score(c, of, a, b, told ? "; " : "", &n);
        else more++;
    }
    if (more) cm_say(c->d, "; %zu more in the table of differences", more);
    cm_say(c->d, told ? "." : "not measured.");
    cm_paragraph(c->d, CM_PLAIN);
}

static void tell_contrast(const cm_content *c, const char *a, const char *b) {
    switch (cm_report_model_contrast(c->r, a, b)) {
    case CM_CONTRAST_DARING:
        cm_say(c->d, "%s and %s differ by Daring alone: equal data, steps and seeds, with and without its loss.", a, b);
        break;
    case CM_CONTRAST_BOTH:
        cm_say(c->d,
               "%s and %s differ in data and Daring together: their records do not show equal data, steps and seeds.",
               a, b);
        break;
    case CM_CONTRAST_SETTINGS:
        cm_say(c->d, "%s and %s differ in settings, not in what they were trained on.", a, b);
        break;
    case CM_CONTRAST_UNKNOWN: return;
    }
    cm_paragraph(c->d, CM_PLAIN);
}

/* Without a pair: what the first arm's scores are. */
static void tell_scores(const cm_content *c) {
    const cm_report_model *r = c->r;
    size_t told = 0;
    double last = 0;
    for (size_t i = 0; r->arm_count && i < r->column_count && told < MOST_TOLD; i++) {
        const cm_column *of = &r->columns[i];
        const json_t *row = cm_report_model_score(r, r->arms[0], of->score);
        double v, lo, hi, n;
        if (!cm_number_of(row, "value", &v)) continue;
        if (!told++) cm_say(c->d, "%s: ", r->arms[0]);
        else cm_say(c->d, "; ");
        cm_say(c->d, of->style == CM_FIXED ? "%s %.*f" : "%s %.*g", of->title, of->digits, v);
        if (cm_number_of(row, "lo", &lo) && cm_number_of(row, "hi", &hi))
            cm_say(c->d, of->style == CM_FIXED ? " [%.*f, %.*f]" : " [%.*g, %.*g]", of->digits, lo, of->digits, hi);
        if (!cm_number_of(row, "n", &n) || n == last) continue;
        cm_say(c->d, ", N = %.0f", n);
        last = n;
    }
    if (told) cm_say(c->d, ".");
    cm_paragraph(c->d, CM_LEAD);
    if (r->arm_count > 1) cm_paragraph_of(c->d, CM_PLAIN, "No pair of arms was compared.");
}

void cm_add_summary(const cm_content *c) {
    const cm_report_model *r = c->r;
    json_t *seen = json_object(); /* without memory a pair may be told again */
    for (size_t i = 0; i < r->pairs.count && !cm_interrupted(); i++) {
        const char *a = cm_text_of(r->pairs.at[i], "a"), *b = cm_text_of(r->pairs.at[i], "b");
        char key[512];
        snprintf(key, sizeof key, "%s\n%s", a, b);
        if (json_object_get(seen, key)) continue;
        json_object_set_new(seen, key, json_true());
        if (json_object_size(seen) == 1) cm_add_headline(c, a, b);
        tell_pair(c, a, b);
        tell_contrast(c, a, b);
    }
    json_decref(seen);
    if (!r->pairs.count) tell_scores(c);
}

/* Of format 2, whose records tell of an image that failed until it was read after all. */
void cm_add_failures(const cm_content *c) {
    enum { MOST_FAILURES = 3 };
    const cm_row_list *f = &c->r->failures;
    if (c->r->format < 2 || !f->count) return;
    cm_say(c->d, "%zu image%s could not be read and %s left out: ", f->count, f->count == 1 ? "" : "s",
           f->count == 1 ? "is" : "are");
    for (size_t i = 0; i < f->count && i < MOST_FAILURES; i++)
        cm_say(c->d, "%s%s (%s)", i ? "; " : "", cm_text_of(f->at[i], "source"), cm_text_of(f->at[i], "note"));
    if (f->count > MOST_FAILURES) cm_say(c->d, "; and %zu more", f->count - MOST_FAILURES);
    cm_say(c->d, ".");
    cm_paragraph(c->d, CM_PLAIN);
}

/* --- legends ---------------------------------------------------------------------------- */

static const char *note_of(const cm_report_model *r, size_t arm, const cm_column *of) {
    return cm_text_of(cm_report_model_score(r, r->arms[arm], of->score), "note");
}

/* One note and the arms that have it; told with the first of them. */
static void tell_note(const cm_content *c, size_t arm, const cm_column *of) {
    const cm_report_model *r = c->r;
    const char *note = note_of(r, arm, of), *before = "";
    if (!*note) return;
    for (size_t a = 0; a < arm; a++)
        if (strcmp(note_of(r, a, of), note) == 0) return;
    cm_say(c->d, "%s of ", of->title);
    for (size_t a = arm; a < r->arm_count; a++) {
        if (strcmp(note_of(r, a, of), note) != 0) continue;
        cm_say(c->d, "%s%s", before, r->arms[a]);
        before = ", ";
    }
    cm_say(c->d, ": %s.", note);
    cm_paragraph(c->d, CM_SMALL);
}

/* Ceilings, or chance. */
static void tell_bounds(const cm_content *c, const cm_row_list *bounds, const char *before) {
    double v;
    bool any = false;
    for (size_t i = 0; i < bounds->count && !cm_interrupted(); i++) {
        const json_t *o = bounds->at[i];
        if (cm_column_find(c->r, cm_text_of(o, "score")) && !*cm_text_of(o, "note")) continue;
        any = true;
        cm_say(c->d, "%s%s", before, cm_text_of(o, "score"));
        if (cm_number_of(o, "value", &v)) cm_say(c->d, " %.4g", v);
        if (*cm_text_of(o, "note")) cm_say(c->d, " (%s)", cm_text_of(o, "note"));
        before = ", ";
    }
    if (any) cm_say(c->d, ".");
    cm_paragraph(c->d, CM_SMALL);
}

void cm_add_legend(const cm_content *c) {
    const char *before = "";
    for (size_t i = 0; i < c->r->column_count; i++)
        for (size_t a = 0; a < c->r->arm_count && !cm_interrupted(); a++) tell_note(c, a, &c->r->columns[i]);
    tell_bounds(c, &c->r->chances, "Chance, by someone else's drawing: ");
    tell_bounds(c, &c->r->ceilings, "Ceilings, measured on held-out drawings: ");
    for (size_t i = 0; i < c->r->column_count; i++) {
        const cm_column *of = &c->r->columns[i];
        if (!*of->about) continue;
        cm_say(c->d, "%s%s %s: %s%s", before, of->title, cm_arrow(of->better),
               of->mechanism ? "what the loss trains, " : "", of->about);
        if (*of->source) cm_say(c->d, " (%s)", of->source);
        before = "; ";
    }
    if (*before) cm_say(c->d, ".");
    cm_paragraph(c->d, CM_SMALL);
}

void cm_add_products(const cm_content *c) {
    double v;
    for (size_t i = 0; i < c->r->sgemms.count && !cm_interrupted(); i++) {
        if (!cm_number_of(c->r->sgemms.at[i], "gflops", &v)) continue;
        cm_say(c->d, "One large single-precision product on %s: %.0f GFLOP/s.",
               cm_text_of(c->r->sgemms.at[i], "backend"), v);
        cm_paragraph(c->d, CM_SMALL);
    }
}
