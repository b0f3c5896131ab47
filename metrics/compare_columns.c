// SPDX-License-Identifier: Apache-2.0
#include "metrics/compare.h"

#include <math.h>

#include "metrics/compare_parts.h"
#include "metrics/stats.h"

static const double *table_of(const cm_columns *c, size_t arm) {
    return c->x + arm * c->prompts * c->columns;
}

static cm_status differences(const cm_columns *c, size_t a, size_t b, cm_arena *out, double **d) {
    const size_t count = c->prompts * c->columns;
    double *r = CM_PUSH(out, double, count + 1);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < count; i++) r[i] = table_of(c, a)[i] - table_of(c, b)[i];
    *d = r;
    return CM_OK;
}

static const char *caveat(const cm_interval *v) {
    if (v->n < 2) return "one prompt has no interval";
    return v->error == 0 ? "equal in every prompt" : NULL;
}

static cm_status value_of(const cm_columns *c, size_t arm, cm_arena *out, cm_arm_value *value) {
    cm_interval v;
    const cm_status s = cm_stats_interval(table_of(c, arm), c->prompts, c->columns, c->seed, out, &v);
    if (s != CM_OK && s != CM_EUNDEFINED) return s;
    *value = (cm_arm_value){.why = s == CM_OK ? caveat(&v) : cm_compare_why(out)};
    if (s != CM_OK) return CM_OK;
    value->defined = true;
    value->value = v.value;
    value->lo = v.n < 2 ? (double)NAN : v.lo;
    value->hi = v.n < 2 ? (double)NAN : v.hi;
    value->deviation = (double)NAN;
    value->n = v.n;
    return CM_OK;
}

/* Of one column's mean by its formula, of several by the draws. */
static double error_of(const double *d, size_t n, size_t columns, const cm_interval *v) {
    if (columns > 1 || v->n < 2) return v->error;
    double squares = 0;
    for (size_t i = 0; i < n; i++) squares += isnan(d[i]) ? 0 : (d[i] - v->value) * (d[i] - v->value);
    return v->error == 0 ? 0 : sqrt(squares / ((double)(v->n - 1) * (double)v->n));
}

static cm_status compare_pair(const cm_columns *c, cm_arm_pair pair, cm_arena *out, cm_pair_value *value) {
    cm_interval v;
    double *d;
    if (pair.a >= c->arms || pair.b >= c->arms)
        return cm_fail(CM_EUSAGE, "arms %zu and %zu cannot be paired, there are %zu", pair.a, pair.b, c->arms);
    CM_TRY(differences(c, pair.a, pair.b, out, &d));
    const cm_status s = cm_stats_interval(d, c->prompts, c->columns, c->seed, out, &v);
    if (s != CM_OK && s != CM_EUNDEFINED) return s;
    if (s != CM_OK) {
        *value = (cm_pair_value){.why = "no prompt has a value in both arms"};
        return CM_OK;
    }
    const bool one = v.n < 2;
    *value = (cm_pair_value){.defined = true,
                             .why = caveat(&v),
                             .difference = v.value,
                             .lo = one ? (double)NAN : v.lo,
                             .hi = one ? (double)NAN : v.hi,
                             .n = v.n};
    cm_compare_size(value, error_of(d, c->prompts, c->columns, &v), v.n);
    return cm_stats_flip(d, c->prompts, c->columns, c->seed, out, &value->p);
}

typedef struct column_test {
    const cm_columns *c;
    cm_arena *scratch;
} column_test;

static cm_status test_columns(void *arg, size_t a, size_t b, double *difference, double *p) {
    const column_test *t = arg;
    double *d;
    CM_TRY(differences(t->c, a, b, t->scratch, &d));
    CM_TRY(cm_stats_value(d, t->c->prompts, t->c->columns, difference, NULL));
    return cm_stats_flip(d, t->c->prompts, t->c->columns, t->c->seed, t->scratch, p);
}

cm_status cm_compare_columns(const cm_columns *c, cm_arena *out, cm_arm_value *arms, cm_pair_value *pairs) {
    for (size_t i = 0; i < c->arms; i++) CM_TRY(value_of(c, i, out, &arms[i]));
    for (size_t i = 0; i < c->pair_count; i++) CM_TRY(compare_pair(c, c->pairs[i], out, &pairs[i]));
    column_test t = {c, out};
    CM_TRY(cm_compare_lead(arms, c->arms, c->higher_is_better, test_columns, &t, out));
    return cm_arena_check(out);
}
