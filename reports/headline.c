// SPDX-License-Identifier: Apache-2.0
/* The first sentence of a report: what the first pair found, in words, with N and what N can see. It is made from the
 * records whichever way it falls: moved or not; better, worse or undecided. */
#include <math.h>
#include <string.h>

#include "reports/content.h"

#define PAPERS_GAIN 1.5 /* points of Acc_all by L_HOLA: CosmicMan, CVPR 2024, table 4 */

typedef struct found {
    const cm_column *of;
    const json_t *pair;
    double difference;
    cm_verdict verdict;
} found;

/* false: no difference was measured. */
static bool find(const cm_content *c, const char *a, const char *b, const char *score, found *f) {
    *f = (found){cm_column_find(c->r, score), cm_report_model_pair(c->r, a, b, score), 0, CM_NOT_JUDGED};
    if (!f->of || !cm_number_of(f->pair, "difference", &f->difference)) return false;
    f->verdict = cm_pair_verdict(f->pair, f->of);
    return true;
}

/* "Acc_all -0.3 [-1.4, +0.8]" */
static void say_found(const cm_content *c, const found *f) {
    const bool fixed = f->of->style == CM_FIXED;
    double lo, hi;
    cm_say(c->d, fixed ? "%s %+.*f" : "%s %+.*g", f->of->title, f->of->digits, f->difference);
    if (!cm_number_of(f->pair, "lo", &lo) || !cm_number_of(f->pair, "hi", &hi)) return;
    cm_say(c->d, fixed ? " [%+.*f, %+.*f]" : " [%+.*g, %+.*g]", f->of->digits, lo, f->of->digits, hi);
}

/* --- attention ------------------------------------------------------------------------------ */

/* The label of a metric that may stand with weights behind it: "hola[mock]". */
static const char *label_of(const cm_content *c, const char *metric) {
    const size_t n = strlen(metric);
    for (size_t i = 0; i < c->r->column_count; i++) {
        const char *score = c->r->columns[i].score;
        if (strncmp(score, metric, n) == 0 && (score[n] == 0 || score[n] == '[')) return score;
    }
    return metric;
}

/* Does the loss see what it trains fall? */
static bool fell(const found *hola) {
    return hola->verdict == CM_APART && hola->difference < 0;
}

/* "Daring moved attention ...; ": by the share of all attention, which cannot be fooled, and by the loss's own value.
 */
static void say_attention(const cm_content *c, const char *a, const char *b) {
    found hola, share;
    const bool has_hola = find(c, a, b, label_of(c, "hola"), &hola),
               has_share = find(c, a, b, label_of(c, "attn_share"), &share);
    if (!has_hola && !has_share) {
        cm_say(c->d, "%s against %s, which differ by Daring alone: ", a, b);
        return;
    }
    const bool moved = has_share && share.verdict == CM_APART, lowered = has_hola && fell(&hola);
    if (moved && share.difference > 0) cm_say(c->d, "Daring moved attention onto garments' regions (");
    else if (moved && lowered) cm_say(c->d, "Daring lowered its loss, but took attention away from garments' words (");
    else if (moved) cm_say(c->d, "Daring took attention away from garments' words (");
    else if (lowered && has_share)
        cm_say(c->d,
               "Daring lowered its loss, but whether it moved attention onto garments' regions could not be told (");
    else if (lowered) cm_say(c->d, "Daring moved attention (");
    else cm_say(c->d, "Whether Daring moved attention could not be told (");
    if (has_hola) say_found(c, &hola);
    if (has_hola && has_share) cm_say(c->d, ", ");
    if (has_share) say_found(c, &share);
    cm_say(c->d, "); ");
}

/* --- the primary score ------------------------------------------------------------------------ */

static double prompts_of(const json_t *pair) {
    double n = 0;
    cm_number_of(pair, "n", &n);
    return n;
}

static void say_evidence(const cm_content *c, const found *f) {
    double p;
    cm_say(c->d, " (");
    say_found(c, f);
    if (cm_number_of(f->pair, "p_holm", &p)) cm_say(c->d, p < 0.001 ? ", p < 0.001)" : ", p %.3f)", p);
    else cm_say(c->d, ")");
}

/* Of Daring's pair, whose subject the sentence has named: "accuracy fell with 512 prompts (...)". */
static void say_outcome(const cm_content *c, const found *f) {
    const bool accuracy = strncmp(f->of->score, "acc_", 4) == 0;
    const char *what = accuracy ? "accuracy" : f->of->title;
    const double n = prompts_of(f->pair);
    switch (f->verdict) {
    case CM_IS_BETTER: cm_say(c->d, "%s %s with %.0f prompts", what, accuracy ? "rose" : "got better", n); break;
    case CM_IS_WORSE: cm_say(c->d, "%s %s with %.0f prompts", what, accuracy ? "fell" : "got worse", n); break;
    case CM_APART: cm_say(c->d, "%s changed with %.0f prompts", what, n); break;
    case CM_NOT_APART: cm_say(c->d, "%s could not be told apart with %.0f prompts", what, n); break;
    case CM_NOT_JUDGED:
        cm_say(c->d, "%s is not judged, since p is not corrected for the number of scores", what);
        break;
    }
    say_evidence(c, f);
}

/* Of any two arms: "a is better than b in Acc_all with 512 prompts (...)". */
static void say_comparison(const cm_content *c, const char *a, const char *b, const found *f) {
    const double n = prompts_of(f->pair);
    switch (f->verdict) {
    case CM_IS_BETTER: cm_say(c->d, "%s is better than %s in %s with %.0f prompts", a, b, f->of->title, n); break;
    case CM_IS_WORSE: cm_say(c->d, "%s is worse than %s in %s with %.0f prompts", a, b, f->of->title, n); break;
    case CM_APART: cm_say(c->d, "%s and %s differ in %s with %.0f prompts", a, b, f->of->title, n); break;
    case CM_NOT_APART:
        cm_say(c->d, "%s and %s could not be told apart in %s with %.0f prompts", a, b, f->of->title, n);
        break;
    case CM_NOT_JUDGED:
        cm_say(c->d, "%s and %s are not judged in %s, since p is not corrected for the number of scores", a, b,
               f->of->title);
        break;
    }
    say_evidence(c, f);
}

/* --- what N can see ------------------------------------------------------------------------------ */

/* To two digits upwards: 237 is 240. */
static double rounded_up(double n) {
    const double step = pow(10, fmax(floor(log10(n)) - 1, 0));
    return step * ceil(n / step);
}

/* The standard error falls with the square root of N, and so does the smallest difference that is seen. */
static void say_power(const cm_content *c, const found *f, bool of_the_paper) {
    double detectable;
    const double n = prompts_of(f->pair);
    if (!cm_number_of(f->pair, "detectable", &detectable) || detectable <= 0 || n < 1) return;
    const bool fixed = f->of->style == CM_FIXED;
    cm_say(c->d,
           fixed ? "; %.0f prompts show a difference of %.*f or more in 8 of 10 runs"
                 : "; %.0f prompts show a difference of %.*g or more in 8 of 10 runs",
           n, f->of->digits, detectable);
    if (!of_the_paper) return;
    const double wanted = rounded_up(n * (detectable / PAPERS_GAIN) * (detectable / PAPERS_GAIN));
    if (wanted > n) cm_say(c->d, ", and it would take about %.0f to see the paper's %.1f points", wanted, PAPERS_GAIN);
    else cm_say(c->d, ", the paper's %.1f points among them", PAPERS_GAIN);
}

/* --- chance ------------------------------------------------------------------------------------------ */

/* "base is at chance (...)": arms whose interval of the primary score meets that of someone else's drawing. */
static void say_chance(const cm_content *c) {
    const cm_report_model *r = c->r;
    const cm_column *of = cm_column_find(r, r->primary);
    const json_t *chance = cm_report_model_chance(r, r->primary);
    double at, from, to, v, lo, hi;
    if (!of || !cm_number_of(chance, "value", &at) || !cm_number_of(chance, "lo", &from) ||
        !cm_number_of(chance, "hi", &to))
        return;
    for (size_t a = 0; a < r->arm_count; a++) {
        const json_t *row = cm_report_model_score(r, r->arms[a], r->primary);
        if (!cm_number_of(row, "value", &v) || !cm_number_of(row, "lo", &lo) || !cm_number_of(row, "hi", &hi) ||
            lo > to || hi < from)
            continue;
        cm_say(c->d, " %s is at chance (%s %.*f; someone else's drawing has %.*f).", r->arms[a], of->title, of->digits,
               v, of->digits, at);
    }
}

void cm_add_headline(const cm_content *c, const char *a, const char *b) {
    found f;
    const bool daring = cm_report_model_contrast(c->r, a, b) == CM_CONTRAST_DARING,
               measured = find(c, a, b, c->r->primary, &f);
    if (!measured && !daring) return; /* tell_pair says what there is */
    if (daring) say_attention(c, a, b);
    if (!measured) cm_say(c->d, "the primary score was not measured");
    else if (daring) say_outcome(c, &f);
    else say_comparison(c, a, b, &f);
    if (measured) say_power(c, &f, daring && strcmp(f.of->score, "acc_all") == 0);
    cm_say(c->d, ".");
    say_chance(c);
    cm_paragraph(c->d, CM_LEAD);
}
