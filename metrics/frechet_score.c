// SPDX-License-Identifier: Apache-2.0
#include "metrics/frechet_score.h"

#include <math.h>
#include <string.h>

#include "metrics/numpy_random.h"

/* dgm-eval's settings of FID infinity: 15 sizes from min(5000, max(N/10, 2)), seed 13579. */
enum { SIZES = 15, LEAST = 5000, SEED = 13579 };

static cm_status prepare(const cm_sets *s, cm_arena *scratch, cm_frechet_side *side) {
    if (s->statistics) return cm_frechet_prepare(s->statistics, scratch, side);
    if (!s->y) return cm_fail(CM_EUNDEFINED, "a distance from no reference");
    return cm_frechet_prepare_rows(s->y, s->m, s->width, scratch, side);
}

cm_status cm_frechet_infinity(const cm_frechet_side *reference, const cm_sets *s, size_t sizes, size_t least,
                              uint32_t seed, cm_arena *scratch, double *value) {
    if (sizes < 2 || least < 2 || s->n <= least)
        return cm_fail(CM_EUNDEFINED, "a line through %zu sizes from %zu to %zu images", sizes, least, s->n);
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
    double value;
    CM_TRY(cm_sets_finite(s));
    CM_TRY(prepare(s, scratch, &side));
    CM_TRY(cm_frechet_distance(&side, s->x, NULL, s->n, scratch, &value));
    cm_set_value(out, "", value);
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
