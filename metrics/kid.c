// SPDX-License-Identifier: Apache-2.0
/* KID (Binkowski et al. 2018, arXiv 1801.01401) as torch-fidelity makes it: k(x,y) = (x.y/width + 1)^3, 100 pairs of subsets of
 * 1,000 without replacement drawn by RandomState(2020), the pictures' before the reference's; of each the unbiased MMD^2 (within
 * sums without the diagonal); mean and population deviation.
 *
 * Where the whole tables of kernel values fit, each is made once, and a subset costs a sum; else each subset's products are
 * made, in f32 as there. */
#include <math.h>

#include "core/base/threads.h"
#include "metrics/dense.h"
#include "metrics/kid.h"
#include "metrics/numpy_random.h"
#include "metrics/set_score.h"

enum { SUBSETS = 100, SIZE = 1000, SEED = 2020, TABLE_ROWS = 6000 };

typedef struct kid_run {
    const cm_sets *sets;
    size_t subsets, size;
    size_t *picks;                   /* [subsets,2,size] */
    double *xx, *yy, *xy;            /* kernel values; NULL: do not fit */
    double *distances;               /* [subsets] */
} kid_run;

static double kernel(double dot, size_t width) {
    const double k = dot / (double)width + 1;
    return k * k * k;
}

/* --- whole tables -------------------------------------------------------------- */

typedef struct table {
    double *values;
    size_t columns, width;
} table;

static void fill_block(void *arg, const cm_dense_block *b) {
    table *t = arg;
    for (size_t r = 0; r < b->rows; r++)
        for (size_t c = 0; c < b->columns; c++)
            t->values[(b->row + r) * t->columns + b->column + c] = kernel(b->dots[r * b->columns + c], t->width);
}

static cm_status make_table(const float *x, size_t n, const float *y, size_t m, size_t width, cm_arena *scratch, double **values) {
    table t = {CM_PUSH(scratch, double, n * m), m, width};
    CM_TRY(cm_arena_check(scratch));
    *values = t.values;
    return cm_dense_dots(x, n, y, m, width, scratch, fill_block, &t);
}

/* Sum over the picked rows and columns, and over the pairs i = i of it. */
static double picked(const double *values, size_t columns, const size_t *rows, const size_t *picks, size_t n, double *diagonal) {
    double sum = 0;
    *diagonal = 0;
    for (size_t i = 0; i < n; i++) {
        const double *row = values + rows[i] * columns;
        double part = 0;
        for (size_t j = 0; j < n; j++) part += row[picks[j]];
        sum += part;
        *diagonal += row[picks[i]];
    }
    return sum;
}

static double unbiased(double xx, double xx_diagonal, double yy, double yy_diagonal, double xy, size_t n) {
    const double m = (double)n;
    return (xx - xx_diagonal + yy - yy_diagonal) / (m * (m - 1)) - 2 * xy / (m * m);
}

static void subset_from_tables(void *arg, size_t i, int worker) {
    (void)worker;
    const kid_run *r = arg;
    const size_t *x = r->picks + 2 * i * r->size, *y = x + r->size;
    double dx, dy, none;
    const double xx = picked(r->xx, r->sets->n, x, x, r->size, &dx), yy = picked(r->yy, r->sets->m, y, y, r->size, &dy);
    r->distances[i] = unbiased(xx, dx, yy, dy, picked(r->xy, r->sets->m, x, y, r->size, &none), r->size);
}

static cm_status from_tables(kid_run *r, cm_arena *scratch) {
    const cm_sets *s = r->sets;
    CM_TRY(make_table(s->x, s->n, s->x, s->n, s->width, scratch, &r->xx));
    CM_TRY(make_table(s->y, s->m, s->y, s->m, s->width, scratch, &r->yy));
    CM_TRY(make_table(s->x, s->n, s->y, s->m, s->width, scratch, &r->xy));
    cm_parallel(cm_threads_available(), r->subsets, subset_from_tables, r);
    return CM_OK;
}

/* --- subset by subset -------------------------------------------------------------- */

static void gather(const float *x, const size_t *picks, size_t n, size_t width, float *out) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < width; k++) out[i * width + k] = x[picks[i] * width + k];
}

static double sum_kernel(const float *dots, size_t n, size_t width, double *diagonal) {
    double sum = 0;
    *diagonal = 0;
    for (size_t i = 0; i < n; i++) {
        double part = 0;
        for (size_t j = 0; j < n; j++) part += kernel((double)dots[i * n + j], width);
        sum += part;
        *diagonal += kernel((double)dots[i * n + i], width);
    }
    return sum;
}

static cm_status from_subsets(kid_run *r, cm_arena *scratch) {
    const cm_sets *s = r->sets;
    const size_t n = r->size;
    float *x = CM_PUSH(scratch, float, n * s->width), *y = CM_PUSH(scratch, float, n * s->width), *dots = CM_PUSH(scratch, float, n * n);
    CM_TRY(cm_arena_check(scratch));
    for (size_t i = 0; i < r->subsets; i++) {
        double dx, dy, none;
        gather(s->x, r->picks + 2 * i * n, n, s->width, x);
        gather(s->y, r->picks + (2 * i + 1) * n, n, s->width, y);
        cm_dense_product(x, n, x, n, s->width, dots);
        const double xx = sum_kernel(dots, n, s->width, &dx);
        cm_dense_product(y, n, y, n, s->width, dots);
        const double yy = sum_kernel(dots, n, s->width, &dy);
        cm_dense_product(x, n, y, n, s->width, dots);
        r->distances[i] = unbiased(xx, dx, yy, dy, sum_kernel(dots, n, s->width, &none), n);
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

cm_status cm_kid_subsets(const cm_sets *s, size_t subsets, size_t size, bool whole, cm_arena *scratch, double *mean, double *deviation) {
    if (size < 2 || s->n < size || s->m < size)
        return cm_fail(CM_EUNDEFINED, "KID by subsets of %zu pictures, of which there are %zu and %zu", size, s->n, s->m);
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
    double mean, deviation;
    CM_TRY(cm_kid_subsets(s, SUBSETS, SIZE, s->n <= TABLE_ROWS && s->m <= TABLE_ROWS, scratch, &mean, &deviation));
    cm_set_value(out, "", mean);
    out->parts[0].deviation = deviation;
    return CM_OK;
}
