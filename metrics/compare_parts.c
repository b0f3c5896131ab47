// SPDX-License-Identifier: Apache-2.0
#include "metrics/compare_parts.h"

#include <math.h>

#include "metrics/stats.h"

const char *cm_compare_why(cm_arena *out) {
    return cm_arena_string(out, cm_why());
}

void cm_compare_size(cm_pair_value *v, double error, size_t units) {
    v->effect = v->detectable = (double)NAN;
    if (v->n < 2 || !(error > 0)) return;
    v->effect = v->difference / (error * sqrt((double)v->n));
    if (v->n < CM_FEWEST_PROMPTS) return;
    v->detectable = (cm_stats_t_quantile(0.975, units - 1) + cm_stats_t_quantile(0.8, units - 1)) * error;
}

static bool is_better(double a, double b, bool higher) {
    return higher ? a > b : a < b;
}

cm_status cm_compare_lead(cm_arm_value *arms, size_t n, bool higher_is_better, cm_arm_test *test, void *arg,
                          cm_arena *scratch) {
    size_t defined = 0, best = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        arms[i].leading = false;
        if (!arms[i].defined) continue;
        if (!defined++ || is_better(arms[i].value, arms[best].value, higher_is_better)) best = i;
    }
    if (defined < 2) return CM_OK;
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    double *p = CM_PUSH(scratch, double, n), *adjusted = CM_PUSH(scratch, double, n), difference;
    size_t *order = CM_PUSH(scratch, size_t, n);
    CM_TRY(cm_arena_check(scratch));
    arms[best].leading = true;
    for (size_t i = 0; i < n; i++) {
        if (i == best || !arms[i].defined) continue;
        const cm_status s = test(arg, best, i, &difference, &p[count]);
        if (s != CM_OK && s != CM_EUNDEFINED) return s;
        if (s != CM_OK) continue;
        if (!is_better(difference, 0, higher_is_better)) p[count] = 1; /* on common prompts the best is no better */
        p[count] *= (double)defined / 2;
        order[count++] = i;
    }
    CM_TRY(cm_stats_holm(p, count, scratch, adjusted));
    for (size_t k = 0; k < count; k++) arms[order[k]].leading = adjusted[k] > 0.05;
    cm_arena_reset(scratch, mark);
    return CM_OK;
}
