// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "metrics/compare.h"
#include "metrics/compare_parts.h"
#include "metrics/frechet_leave.h"
#include "metrics/set_fit.h"
#include "metrics/stats.h"

/* Two arms on their common prompts. */
typedef struct pairing {
    bool ready, defined;
    const char *why;
    size_t n, units;            /* common prompts; what was left out in turn, 0: no interval */
    double error[CM_SET_PARTS]; /* that the test has: of exchanges, or the jackknife's */
    double difference[CM_SET_PARTS], lo[CM_SET_PARTS], hi[CM_SET_PARTS], p[CM_SET_PARTS];
} pairing;

typedef struct comparison {
    cm_fitting f;
    cm_set_fit *fits; /* [arms] */
    pairing *pairs;   /* [arms,arms] */
    size_t part;      /* of the values, that is tested now */
} comparison;

/* --- one arm ------------------------------------------------------------------------------ */

/* Shares lie between 0 and 1; a density has no upper end. */
static void clip_shares(const char *name, cm_arm_value *v) {
    v->lo = fmax(v->lo, 0);
    if (strcmp(name, "density") != 0) v->hi = fmin(v->hi, 1);
}

static void arm_value(const comparison *c, const cm_set_fit *t, size_t part, cm_arm_value *v) {
    *v = (cm_arm_value){.defined = t->defined, .why = t->why, .deviation = (double)NAN};
    if (!t->defined) return;
    v->value = t->values.parts[part].value;
    v->deviation = t->values.parts[part].deviation;
    v->n = t->v.c.count;
    cm_set_fit_limits(t, part, &v->lo, &v->hi);
    if (t->units && c->f.s->score == cm_score_prdc) clip_shares(t->values.parts[part].name, v);
    if (t->units && cm_set_fit_error(t, NULL, part) == 0) v->why = "the same without any of the prompts";
}

/* --- two arms ------------------------------------------------------------------------------- */

static bool same_prompts(const cm_clusters *a, const cm_clusters *b) {
    return a->count == b->count && memcmp(a->prompt, b->prompt, a->count * sizeof *a->prompt) == 0;
}

static bool same_numbers(const cm_clusters *a, const cm_clusters *b) {
    return a->count == b->count && memcmp(a->first, b->first, (a->count + 1) * sizeof *a->first) == 0;
}

/* Standard error of a sum of n independent parts. */
static double error_of_sum(const double *parts, size_t n) {
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++) mean += parts[i] / (double)n;
    for (size_t i = 0; i < n; i++) squares += (parts[i] - mean) * (parts[i] - mean);
    return sqrt(squares * (double)n / (double)(n - 1));
}

/* The interval of a - b from the arms' own and their correlation over prompts, as far as each reaches to its side (Zou
 * and Donner 2008): skewed as they are. */
static void limit_difference(const cm_set_fit *a, const cm_set_fit *b, size_t part, pairing *r) {
    const double ea = cm_set_fit_error(a, NULL, part), eb = cm_set_fit_error(b, NULL, part),
                 e = cm_set_fit_error(a, b, part);
    const double twice = ea * eb > 0 ? (ea * ea + eb * eb - e * e) / (ea * eb) : 0; /* 2 x the correlation */
    const double va = a->values.parts[part].value, vb = b->values.parts[part].value;
    double la, ha, lb, hb;
    r->lo[part] = r->hi[part] = va - vb;
    if (e <= 1e-9 * (ea + eb)) return; /* equal arms but for rounding */
    cm_set_fit_limits(a, part, &la, &ha);
    cm_set_fit_limits(b, part, &lb, &hb);
    const double down[] = {va - la, hb - vb}, up[] = {ha - va, vb - lb};
    r->lo[part] = va - vb - sqrt(fmax(down[0] * down[0] + down[1] * down[1] - twice * down[0] * down[1], 0));
    r->hi[part] = va - vb + sqrt(fmax(up[0] * up[0] + up[1] * up[1] - twice * up[0] * up[1], 0));
}

/* p by flips of the prompts' parts, and the error under exchange. */
static cm_status exchange(const cm_fitting *f, const cm_set_fit *a, const cm_set_fit *b, double *p, double *error) {
    const size_t n = a->v.c.count;
    double *parts = CM_PUSH(f->scratch, double, n + 1);
    CM_TRY(cm_arena_check(f->scratch));
    if (f->by == CM_FIT_FRECHET)
        CM_TRY(cm_frechet_contrast(&f->side, a->v.x, &a->v.c, b->v.x, &b->v.c, f->scratch, parts));
    else CM_TRY(cm_kernel_contrast(&f->kernel, &a->kernel, &b->kernel, f->scratch, parts));
    *error = sqrt(pow(error_of_sum(parts, n), 2) + a->drawn + b->drawn);
    return cm_stats_flip_sum(parts, n, f->s->seed, f->scratch, p);
}

/* By t. Where all units agree: the least p that exchanges of as many have. */
static double p_of(double difference, double error, size_t units) {
    if (!units) return (double)NAN;
    if (error > 0) return cm_stats_t_p(difference / error, units - 1);
    return difference == 0 ? 1 : pow(0.5, (double)(units - 1));
}

static cm_status pair_values(const cm_fitting *f, const cm_set_fit *a, const cm_set_fit *b, pairing *r) {
    r->units = a->units < b->units ? a->units : b->units;
    r->why = a->why ? a->why : b->why;
    for (size_t part = 0; part < a->values.count; part++) {
        r->difference[part] = a->values.parts[part].value - b->values.parts[part].value;
        r->error[part] = r->units ? cm_set_fit_error(a, b, part) : (double)NAN;
        r->lo[part] = r->hi[part] = (double)NAN;
        if (r->units) limit_difference(a, b, part, r);
        r->p[part] = p_of(r->difference[part], r->error[part], r->units);
    }
    if (f->by != CM_FIT_GROUPS) CM_TRY(exchange(f, a, b, &r->p[0], &r->error[0]));
    r->defined = isfinite(r->p[0]);
    return CM_OK;
}

static cm_status pair_fits(const cm_fitting *f, const cm_set_fit *a, const cm_set_fit *b, pairing *r) {
    cm_status s = CM_OK;
    if (!a->defined || !b->defined) r->why = a->defined ? b->why : a->why;
    else if (!same_numbers(&a->v.c, &b->v.c))
        r->why = "arms with different numbers of images for a prompt do not compare";
    else s = pair_values(f, a, b, r);
    if (s == CM_EUNDEFINED) r->why = cm_compare_why(f->out);
    return s == CM_EUNDEFINED ? CM_OK : s;
}

/* Marks the prompts that both have. */
static size_t common_prompts(const cm_clusters *a, const cm_clusters *b, bool *keep) {
    size_t count = 0;
    for (size_t i = 0, j = 0; i < a->count; i++) {
        while (j < b->count && b->prompt[j] < a->prompt[i]) j++;
        if (j == b->count || b->prompt[j] != a->prompt[i]) continue;
        keep[a->prompt[i]] = true;
        count++;
    }
    return count;
}

static cm_status fit_common(const cm_fitting *f, size_t arm, const bool *keep, cm_set_fit *t) {
    cm_set_view v;
    CM_TRY(cm_set_view_of(f, arm, keep, &v));
    return cm_set_fit_of(f, &v, t);
}

static cm_status make_pairing(const comparison *c, size_t a, size_t b, pairing *r) {
    const cm_set_fit *fa = &c->fits[a], *fb = &c->fits[b];
    if (same_prompts(&fa->v.c, &fb->v.c)) {
        r->n = fa->v.c.count;
        return pair_fits(&c->f, fa, fb, r);
    }
    cm_set_fit few[2];
    bool *keep = CM_PUSH_ZERO(c->f.scratch, bool, c->f.s->prompts + 1);
    CM_TRY(cm_arena_check(c->f.scratch));
    r->n = common_prompts(&fa->v.c, &fb->v.c, keep);
    if (r->n == 0) {
        r->why = "no prompt has images in both arms";
        return CM_OK;
    }
    CM_TRY(fit_common(&c->f, a, keep, &few[0]));
    CM_TRY(fit_common(&c->f, b, keep, &few[1]));
    return pair_fits(&c->f, &few[0], &few[1], r);
}

/* The pairing of a and b, made once; kept as b and a too. */
static cm_status pairing_of(const comparison *c, size_t a, size_t b, const pairing **out) {
    pairing *r = &c->pairs[a * c->f.s->arms + b], *back = &c->pairs[b * c->f.s->arms + a];
    if (!r->ready) {
        const cm_arena_mark mark = cm_arena_get_mark(c->f.scratch);
        CM_TRY(make_pairing(c, a, b, r));
        cm_arena_reset(c->f.scratch, mark);
        r->ready = true;
        *back = *r;
        for (size_t part = 0; part < CM_SET_PARTS; part++) {
            back->difference[part] = -r->difference[part];
            back->lo[part] = -r->hi[part];
            back->hi[part] = -r->lo[part];
        }
    }
    *out = r;
    return CM_OK;
}

static cm_status pair_value(const comparison *c, cm_arm_pair pair, size_t part, cm_pair_value *v) {
    const pairing *r;
    if (pair.a >= c->f.s->arms || pair.b >= c->f.s->arms)
        return cm_fail(CM_EUSAGE, "arms %zu and %zu cannot be paired, there are %zu", pair.a, pair.b, c->f.s->arms);
    CM_TRY(pairing_of(c, pair.a, pair.b, &r));
    *v = (cm_pair_value){.defined = r->defined, .why = r->why, .n = r->n};
    if (!r->defined) return CM_OK;
    v->difference = r->difference[part];
    v->p = r->p[part];
    v->lo = r->lo[part];
    v->hi = r->hi[part];
    cm_compare_size(v, r->error[part], r->units);
    return CM_OK;
}

static cm_status test_sets(void *arg, size_t a, size_t b, double *difference, double *p) {
    const comparison *c = arg;
    const pairing *r;
    CM_TRY(pairing_of(c, a, b, &r));
    if (!r->defined || !isfinite(r->p[c->part])) return cm_fail(CM_EUNDEFINED, "arms without a test");
    *difference = r->difference[c->part];
    *p = r->p[c->part];
    return CM_OK;
}

/* --- all ------------------------------------------------------------------------------------------ */

/* Names of the parts and the note, from the first arm that has them. */
static void name_parts(const comparison *c, cm_set_comparison *r) {
    r->parts = 1;
    r->names[0] = "";
    for (size_t i = c->f.s->arms; i-- > 0;) {
        const cm_set_fit *t = &c->fits[i];
        if (t->values.note && t->values.note[0]) r->note = t->values.note;
        if (!t->defined) continue;
        r->parts = t->values.count;
        for (size_t k = 0; k < r->parts; k++) r->names[k] = t->values.parts[k].name;
    }
}

static cm_status fit_arms(comparison *c, const char *why) {
    for (size_t i = 0; i < c->f.s->arms; i++) {
        cm_set_view v;
        CM_TRY(cm_set_view_of(&c->f, i, NULL, &v));
        c->fits[i] = (cm_set_fit){.v = v, .why = why};
        if (!why) CM_TRY(cm_set_fit_of(&c->f, &v, &c->fits[i]));
    }
    return CM_OK;
}

static cm_status compare(comparison *c, const char *why, cm_set_comparison *r) {
    const cm_set_arms *s = c->f.s;
    c->fits = CM_PUSH_ZERO(c->f.scratch, cm_set_fit, s->arms + 1);
    c->pairs = CM_PUSH_ZERO(c->f.scratch, pairing, s->arms * s->arms + 1);
    CM_TRY(cm_arena_check(c->f.scratch));
    CM_TRY(fit_arms(c, why));
    name_parts(c, r);
    for (c->part = 0; c->part < r->parts; c->part++) {
        cm_arm_value *arms = r->arms[c->part] = CM_PUSH_ZERO(c->f.out, cm_arm_value, s->arms + 1);
        cm_pair_value *pairs = r->pairs[c->part] = CM_PUSH_ZERO(c->f.out, cm_pair_value, s->pair_count + 1);
        CM_TRY(cm_arena_check(c->f.out));
        for (size_t i = 0; i < s->arms; i++) arm_value(c, &c->fits[i], c->part, &arms[i]);
        for (size_t i = 0; i < s->pair_count; i++) CM_TRY(pair_value(c, s->pairs[i], c->part, &pairs[i]));
        CM_TRY(cm_compare_lead(arms, s->arms, s->higher_is_better, test_sets, c, c->f.scratch));
    }
    return cm_arena_check(c->f.out);
}

cm_status cm_compare_sets(const cm_set_arms *s, cm_arena *out, cm_set_comparison *r) {
    cm_arena scratch;
    comparison c = {0};
    cm_set_comparison result = {0};
    cm_arena_init(&scratch, 0);
    cm_status status = cm_fitting_open(s, out, &scratch, &c.f);
    if (status == CM_OK || status == CM_EUNDEFINED)
        status = compare(&c, status == CM_OK ? NULL : cm_compare_why(out), &result);
    cm_arena_free(&scratch);
    if (status == CM_OK) *r = result;
    return status;
}
