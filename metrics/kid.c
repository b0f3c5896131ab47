// SPDX-License-Identifier: Apache-2.0
/* KID (Binkowski et al. 2018, arXiv 1801.01401) as torch-fidelity makes it: k(x,y) = (x.y/width + 1)^3, 100 pairs of
 * subsets of 1,000 (kid_subset_size there, cm_sets.kid_subset here) without replacement drawn by RandomState(2020), the
 * images' before the reference's; of each the unbiased MMD^2 (within sums without the diagonal); mean and population
 * deviation.
 *
 * Where it costs less, every kernel value is made once, in double, block by block: with a subset as a column of zeros
 * and ones, s' K s is its sum, and one product serves all subsets. Else each subset's products are made, in f32 as
 * there. */
#include <math.h>

#include "core/base/system.h"
#include "metrics/dot_blocks.h"
#include "metrics/kid.h"
#include "metrics/numpy_random.h"
#include "metrics/set_score.h"

enum { SEED = 2020 };

typedef struct kid_run {
    const cm_sets *sets;
    size_t subsets, size;
    size_t *picks;     /* [subsets,2,size] */
    double *distances; /* [subsets] */
} kid_run;

static double kernel(double dot, size_t width) {
    const double k = dot / (double)width + 1;
    return k * k * k;
}

static double unbiased(double xx, double yy, double xy, size_t n) {
    const double m = (double)n;
    return (xx + yy) / (m * (m - 1)) - 2 * xy / (m * m);
}

/* --- every kernel value once ---------------------------------------------------------- */

/* Sums over the subsets' rows and columns of a table of kernel values, a set with itself without its diagonal. */
typedef struct table_sums {
    size_t subsets, width;
    bool half;                    /* of a set with itself: blocks above the diagonal count twice */
    const double *rows, *columns; /* [n,subsets]: 1 where a row is in a subset, else 0 */
    double *values, *part, *sums; /* a block's; [block,subsets]; [subsets] */
} table_sums;

static void sum_block(void *arg, const cm_dot_block *b) {
    const table_sums *t = arg;
    const bool diagonal = t->half && b->row == b->column;
    for (size_t i = 0; i < b->rows * b->columns; i++) t->values[i] = kernel(b->dots[i], t->width);
    for (size_t i = 0; i < b->rows && diagonal; i++) t->values[i * b->columns + i] = 0;
    cm_dot_multiply(t->values, b->rows, b->columns, t->columns + b->column * t->subsets, t->subsets, t->part);
    const double times = t->half && !diagonal ? 2 : 1;
    for (size_t i = 0; i < b->rows; i++)
        for (size_t s = 0; s < t->subsets; s++)
            t->sums[s] += times * t->rows[(b->row + i) * t->subsets + s] * t->part[i * t->subsets + s];
}

static double *membership(const kid_run *r, size_t side, size_t n, cm_arena *scratch) {
    double *in = CM_PUSH_ZERO(scratch, double, n * r->subsets);
    for (size_t s = 0; s < r->subsets && in; s++)
        for (size_t i = 0; i < r->size; i++) in[r->picks[(2 * s + side) * r->size + i] * r->subsets + s] = 1;
    return in;
}

static cm_status from_tables(kid_run *r, cm_arena *scratch) {
    const cm_sets *s = r->sets;
    const size_t block = CM_DENSE_BLOCK;
    const double *x = membership(r, 0, s->n, scratch), *y = membership(r, 1, s->m, scratch);
    double *sums = CM_PUSH_ZERO(scratch, double, 3 * r->subsets);
    table_sums t = {r->subsets,
                    s->width,
                    true,
                    x,
                    x,
                    CM_PUSH(scratch, double, block *block),
                    CM_PUSH(scratch, double, block * r->subsets),
                    sums};
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(cm_dot_blocks_half(s->x, s->n, s->width, scratch, sum_block, &t));
    t.rows = t.columns = y;
    t.sums = sums + r->subsets;
    CM_TRY(cm_dot_blocks_half(s->y, s->m, s->width, scratch, sum_block, &t));
    t.rows = x;
    t.half = false;
    t.sums = sums + 2 * r->subsets;
    CM_TRY(cm_dot_blocks(s->x, s->n, s->y, s->m, s->width, scratch, sum_block, &t));
    for (size_t i = 0; i < r->subsets; i++)
        r->distances[i] = unbiased(sums[i], sums[r->subsets + i], sums[2 * r->subsets + i], r->size);
    return CM_OK;
}

/* --- subset by subset -------------------------------------------------------------- */

static void gather(const float *x, const size_t *picks, size_t n, size_t width, float *out) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < width; k++) out[i * width + k] = x[picks[i] * width + k];
}

/* Of a whole table, or twice what lies above the diagonal. */
static double sum_kernel(const float *dots, size_t n, size_t width, bool half) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double part = 0;
        for (size_t j = half ? i + 1 : 0; j < n; j++) part += kernel((double)dots[i * n + j], width);
        sum += half ? 2 * part : part;
    }
    return sum;
}

static cm_status from_subsets(kid_run *r, cm_arena *scratch) {
    const cm_sets *s = r->sets;
    const size_t n = r->size;
    float *x = CM_PUSH(scratch, float, n * s->width), *y = CM_PUSH(scratch, float, n * s->width),
          *dots = CM_PUSH(scratch, float, n *n);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < r->subsets; i++) {
        if (cm_interrupted()) return cm_fail(CM_EINTERRUPTED, "stopped");
        gather(s->x, r->picks + 2 * i * n, n, s->width, x);
        gather(s->y, r->picks + (2 * i + 1) * n, n, s->width, y);
        cm_dot_product_half(x, n, s->width, dots);
        const double xx = sum_kernel(dots, n, s->width, true);
        cm_dot_product_half(y, n, s->width, dots);
        const double yy = sum_kernel(dots, n, s->width, true);
        cm_dot_product(x, n, y, n, s->width, dots);
        r->distances[i] = unbiased(xx, yy, sum_kernel(dots, n, s->width, false), n);
    }
    return CM_OK;
}

/* --- all ----------------------------------------------------------------------------- */

static cm_status draw_subsets(kid_run *r, cm_arena *scratch) {
    const size_t n = r->sets->n, m = r->sets->m, most = n > m ? n : m;
    r->picks = CM_PUSH(scratch, size_t, 2 * r->subsets * r->size);
    r->distances = CM_PUSH(scratch, double, r->subsets);
    size_t *order = CM_PUSH(scratch, size_t, most);
    CM_TRY(cm_arena_check(scratch));
    cm_numpy_random random;
    cm_numpy_seed(&random, SEED);
    for (size_t i = 0; i < 2 * r->subsets; i++) {
        cm_numpy_permutation(&random, i % 2 ? m : n, order);
        for (size_t k = 0; k < r->size; k++) r->picks[i * r->size + k] = order[k];
    }
    return CM_OK;
}

cm_status cm_kid_subsets(const cm_sets *s, size_t subsets, size_t size, bool whole, cm_arena *scratch, double *mean,
                         double *deviation) {
    if (size < 2 || s->n < size || s->m < size)
        return cm_fail(
            CM_EUNDEFINED,
            "KID by subsets of %zu images, of which there are %zu and %zu; --kid-subset-size N draws smaller ones",
            size, s->n, s->m);
    CM_TRY(cm_sets_finite(s));
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    kid_run r = {.sets = s, .subsets = subsets, .size = size};
    CM_TRY(draw_subsets(&r, scratch));
    CM_TRY(whole ? from_tables(&r, scratch) : from_subsets(&r, scratch));
    double sum = 0, square = 0;
    for (size_t i = 0; i < subsets; i++) sum += r.distances[i] / (double)subsets;
    for (size_t i = 0; i < subsets; i++) square += (r.distances[i] - sum) * (r.distances[i] - sum) / (double)subsets;
    *mean = sum;
    *deviation = sqrt(square);
    cm_arena_reset(scratch, mark);
    return CM_OK;
}

cm_status cm_score_kid(const cm_sets *s, cm_arena *scratch, cm_set_values *out) {
    /* values made, with a half of what is symmetric; one in double costs two in f32 */
    const double n = (double)s->n, m = (double)s->m, whole = n * n / 2 + m * m / 2 + n * m;
    const size_t size = s->kid_subset ? s->kid_subset : CM_KID_SUBSET;
    const double subsets = 2.0 * CM_KID_DRAWS * (double)size * (double)size;
    double mean, deviation;
    CM_TRY(cm_kid_subsets(s, CM_KID_DRAWS, size, 2 * whole <= subsets, scratch, &mean, &deviation));
    cm_set_value(out, "", mean);
    out->parts[0].deviation = deviation;
    return CM_OK;
}
