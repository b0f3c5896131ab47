// SPDX-License-Identifier: Apache-2.0
#include "metrics/frechet_score.h"

#include <math.h>
#include <string.h>

#include "metrics/numpy_random.h"

/* dgm-eval's settings of FID infinity: 15 sizes from min(5000, max(N/10, 2)), seed 13579. */
enum { GROUPS = 10, SIZES = 15, LEAST = 5000, SEED = 13579 };

static cm_status prepare(const cm_sets *s, cm_arena *scratch, cm_frechet_side *side) {
    if (s->statistics) return cm_frechet_prepare(s->statistics, scratch, side);
    if (!s->y) return cm_fail(CM_EUNDEFINED, "a distance from no reference");
    return cm_frechet_prepare_rows(s->y, s->m, s->width, scratch, side);
}

/* A jackknife's distances: of all pictures, and without each group, which is every groups-th picture from the group-th on. */
typedef struct jackknife {
    const cm_frechet_side *reference;
    const cm_sets *sets;
    size_t groups, *picks; /* room for all pictures */
    double whole, *without;
} jackknife;

static size_t pick(const jackknife *j, size_t group, bool of_it) {
    size_t n = 0;
    for (size_t i = 0; i < j->sets->n; i++)
        if ((i % j->groups == group) == of_it) j->picks[n++] = i;
    return n;
}

static cm_status by_rows(jackknife *j, cm_arena *scratch) {
    const cm_sets *s = j->sets;
    CM_TRY(cm_frechet_distance(j->reference, s->x, NULL, s->n, scratch, &j->whole));
    for (size_t g = 0; g < j->groups; g++)
        CM_TRY(cm_frechet_distance(j->reference, s->x, j->picks, pick(j, g, false), scratch, &j->without[g]));
    return CM_OK;
}

/* Each picture goes into products twice, whatever the number of groups: with all, and with its group, whose moments are
 * then taken from all's. */
static cm_status by_moments(jackknife *j, cm_arena *scratch) {
    const cm_sets *s = j->sets;
    const size_t w = s->width;
    cm_moments all, rest = {0, w, CM_PUSH(scratch, double, w), CM_PUSH(scratch, double, w * w)};
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(cm_moments_of(s->x, NULL, s->n, w, scratch, &all));
    CM_TRY(cm_frechet_of_moments(j->reference, &all, scratch, &j->whole));
    for (size_t g = 0; g < j->groups; g++) {
        const cm_arena_mark mark = cm_arena_get_mark(scratch);
        cm_moments part;
        CM_TRY(cm_moments_of(s->x, j->picks, pick(j, g, true), w, scratch, &part));
        rest.n = all.n;
        memcpy(rest.mean, all.mean, w * sizeof *rest.mean);
        memcpy(rest.scatter, all.scatter, w * w * sizeof *rest.scatter);
        CM_TRY(cm_moments_without(&rest, &part));
        CM_TRY(cm_frechet_of_moments(j->reference, &rest, scratch, &j->without[g]));
        cm_arena_reset(scratch, mark);
    }
    return CM_OK;
}

static cm_status make_interval(const cm_frechet_side *reference, const cm_sets *s, size_t groups, cm_arena *scratch, cm_interval *out) {
    const size_t used = groups < 2 || s->n < 4 * groups ? 0 : groups, largest = used ? (s->n + used - 1) / used : 0;
    jackknife j = {reference, s, used, CM_PUSH(scratch, size_t, s->n + 1), (double)NAN, CM_PUSH(scratch, double, used + 1)};
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(s->n > s->width + largest ? by_moments(&j, scratch) : by_rows(&j, scratch));
    cm_interval r = {.value = j.whole, .lo = (double)NAN, .hi = (double)NAN, .n = s->n};
    double mean = 0, square = 0;
    for (size_t g = 0; g < used; g++) mean += j.without[g] / (double)used;
    for (size_t g = 0; g < used; g++) square += (j.without[g] - mean) * (j.without[g] - mean);
    const double reach = used ? 1.959964 * sqrt(square * (double)(used - 1) / (double)used) : (double)NAN;
    r.lo = r.value - reach;
    r.hi = r.value + reach;
    *out = r;
    return CM_OK;
}

cm_status cm_frechet_jackknife(const cm_frechet_side *reference, const cm_sets *s, size_t groups, cm_arena *scratch, cm_interval *out) {
    if (s->n < 2) return cm_fail(CM_EUNDEFINED, "a Fréchet distance of %zu picture%s: at least 2 are needed", s->n, s->n == 1 ? "" : "s");
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const cm_status status = make_interval(reference, s, groups, scratch, out);
    cm_arena_reset(scratch, mark);
    return status;
}

cm_status cm_frechet_infinity(const cm_frechet_side *reference, const cm_sets *s, size_t sizes, size_t least, uint32_t seed,
                              cm_arena *scratch, double *value) {
    if (sizes < 2 || least < 2 || s->n <= least)
        return cm_fail(CM_EUNDEFINED, "a line through %zu sizes from %zu to %zu pictures", sizes, least, s->n);
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    size_t *picks = CM_PUSH(scratch, size_t, s->n);
    CM_TRY(cm_arena_check(scratch));
    cm_numpy_random random;
    cm_numpy_seed(&random, seed);
    double t = 0, d = 0, tt = 0, td = 0; /* means of 1/size and distance, and their products' */
    for (size_t i = 0; i < sizes; i++) {
        const size_t size = (size_t)((double)least + (double)(s->n - least) * (double)i / (double)(sizes - 1));
        double distance;
        cm_numpy_permutation(&random, s->n, picks);
        CM_TRY(cm_frechet_distance(reference, s->x, picks, size, scratch, &distance));
        const double x = 1 / (double)size, weight = 1 / (double)sizes;
        t += weight * x;
        d += weight * distance;
        tt += weight * x * x;
        td += weight * x * distance;
    }
    *value = d - (td - t * d) / (tt - t * t) * t;
    cm_arena_reset(scratch, mark);
    return CM_OK;
}

cm_status cm_score_frechet(const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    cm_frechet_side side;
    cm_interval v;
    CM_TRY(cm_sets_finite(s));
    CM_TRY(prepare(s, scratch, &side));
    CM_TRY(cm_frechet_jackknife(&side, s, GROUPS, scratch, &v));
    cm_set_value(out, "", v.value);
    out->parts[0].lo = v.lo;
    out->parts[0].hi = v.hi;
    const size_t least = side.n && side.n < s->n ? side.n : s->n;
    out->note = cm_frechet_warning(least, s->width, scratch);
    return cm_arena_check(scratch);
}

cm_status cm_score_frechet_infinity(const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    cm_frechet_side side;
    double value;
    const size_t tenth = s->n / 10 > 2 ? s->n / 10 : 2, least = tenth < LEAST ? tenth : LEAST;
    CM_TRY(cm_sets_finite(s));
    CM_TRY(prepare(s, scratch, &side));
    CM_TRY(cm_frechet_infinity(&side, s, SIZES, least, SEED, scratch, &value));
    cm_set_value(out, "", value);
    if (least <= s->width) out->note = "most sizes are not above the number of features: the line bends there";
    return CM_OK;
}
