// SPDX-License-Identifier: Apache-2.0
#include "metrics/frechet.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

static const float *row_of(const float *x, const size_t *picks, size_t i, size_t width) {
    return x + (picks ? picks[i] : i) * width;
}

/* A NaN anywhere makes a mean not finite. */
static cm_status mean_of(const float *x, const size_t *picks, size_t n, size_t width, double *mean) {
    memset(mean, 0, width * sizeof *mean);
    for (size_t i = 0; i < n; i++) {
        const float *r = row_of(x, picks, i, width);
        for (size_t k = 0; k < width; k++) mean[k] += (double)r[k];
    }
    for (size_t k = 0; k < width; k++) {
        mean[k] /= (double)n;
        if (!isfinite(mean[k])) return cm_fail(CM_EUNDEFINED, "feature %zu is not finite", k);
    }
    return CM_OK;
}

/* Rows [begin, begin + n) less the mean, in double. */
static void centre_rows(const float *x, const size_t *picks, size_t begin, size_t n, size_t width, const double *mean,
                        double *rows) {
    for (size_t i = 0; i < n; i++) {
        const float *r = row_of(x, picks, begin + i, width);
        for (size_t k = 0; k < width; k++) rows[i * width + k] = (double)r[k] - mean[k];
    }
}

static cm_status centre(const float *x, const size_t *picks, size_t n, size_t width, double *mean, double *rows) {
    CM_TRY(mean_of(x, picks, n, width, mean));
    centre_rows(x, picks, 0, n, width, mean, rows);
    return CM_OK;
}

static void mirror(double *a, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) a[i * n + j] = a[j * n + i];
}

/* out [m,m] = rows rows' (rows [m,k]) or rows' rows (rows [k,m], transposed), times alpha. */
static void square(const double *rows, size_t m, size_t k, bool transposed, double alpha, double *out) {
    cblas_dsyrk(CblasRowMajor, CblasUpper, transposed ? CblasTrans : CblasNoTrans, (int)m, (int)k, alpha, rows,
                (int)(transposed ? m : k), 0.0, out, (int)m);
    mirror(out, m);
}

cm_status cm_moments_merge(cm_moments *into, const cm_moments *from) {
    if (into->width != from->width)
        return cm_fail(CM_EUSAGE, "features of width %zu and %zu cannot be merged", into->width, from->width);
    const size_t width = into->width;
    const double a = (double)into->n, b = (double)from->n, cross = a * b / (a + b);
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j < width; j++)
            into->scatter[i * width + j] += from->scatter[i * width + j] +
                                            cross * (from->mean[i] - into->mean[i]) * (from->mean[j] - into->mean[j]);
    for (size_t i = 0; i < width; i++) into->mean[i] += (from->mean[i] - into->mean[i]) * b / (a + b);
    into->n += from->n;
    return CM_OK;
}

/* A block of rows at a time, always the same blocks: memory does not grow with n, and sums do not depend on anything
 * else. */
enum { BLOCK = 1024 };

cm_status cm_moments_of(const float *x, const size_t *picks, size_t n, size_t width, cm_arena *out, cm_moments *m) {
    if (n < 2) return cm_fail(CM_EUNDEFINED, "moments of %zu sample%s: at least 2 are needed", n, n == 1 ? "" : "s");
    const size_t most = n < BLOCK ? n : BLOCK;
    cm_moments r = {n, width, CM_PUSH(out, double, width), CM_PUSH(out, double, width *width)};
    const cm_arena_mark mark = cm_arena_get_mark(out);
    double *rows = CM_PUSH(out, double, most *width);
    CM_TRY(cm_arena_check(out));
    CM_TRY(mean_of(x, picks, n, width, r.mean));
    for (size_t i = 0; i < n; i += most) {
        const size_t count = n - i < most ? n - i : most;
        centre_rows(x, picks, i, count, width, r.mean, rows);
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)width, (int)count, 1.0, rows, (int)width, i ? 1.0 : 0.0,
                    r.scatter, (int)width);
    }
    mirror(r.scatter, width);
    cm_arena_reset(out, mark);
    *m = r;
    return CM_OK;
}

/* Eigenvalues, ascending, of the symmetric a [n,n]; with vectors a becomes them, by column. */
static cm_status eigen(double *a, size_t n, bool vectors, double *values) {
    const lapack_int info =
        LAPACKE_dsyevd(LAPACK_ROW_MAJOR, vectors ? 'V' : 'N', 'U', (lapack_int)n, a, (lapack_int)n, values);
    return info == 0 ? CM_OK : cm_fail(CM_EUNDEFINED, "eigenvalues of a covariance did not converge");
}

/* a := its symmetric root; negative eigenvalues are rounding and become 0. */
static cm_status symmetric_root(double *a, size_t n, cm_arena *scratch) {
    double *values = CM_PUSH(scratch, double, n), *scaled = CM_PUSH(scratch, double, n *n);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(eigen(a, n, true, values));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) scaled[i * n + j] = a[i * n + j] * sqrt(sqrt(fmax(values[j], 0)));
    square(scaled, n, n, false, 1, a);
    return CM_OK;
}

cm_status cm_frechet_prepare(const cm_moments *m, cm_arena *out, cm_frechet_side *side) {
    const size_t w = m->width;
    const double divisor = m->n > 1 ? (double)(m->n - 1) : 1;
    cm_frechet_side r = {.n = m->n, .width = w, .rank = w, .triangular = m->n > w || m->n == 0};
    r.mean = CM_PUSH(out, double, w);
    r.factor = CM_PUSH(out, double, w *w);
    CM_TRY(cm_arena_check(out));
    memcpy(r.mean, m->mean, w * sizeof(double));
    for (size_t i = 0; i < w * w; i++) r.factor[i] = m->scatter[i] / divisor;
    for (size_t i = 0; i < w; i++) r.trace += r.factor[i * w + i];
    if (r.triangular) r.triangular = LAPACKE_dpotrf(LAPACK_ROW_MAJOR, 'U', (lapack_int)w, r.factor, (lapack_int)w) == 0;
    if (r.triangular) {
        for (size_t i = 0; i < w; i++) memset(r.factor + i * w, 0, i * sizeof(double));
    } else {
        const cm_arena_mark mark = cm_arena_get_mark(out);
        for (size_t i = 0; i < w * w; i++) r.factor[i] = m->scatter[i] / divisor;
        CM_TRY(symmetric_root(r.factor, w, out));
        cm_arena_reset(out, mark);
    }
    *side = r;
    return CM_OK;
}

cm_status cm_frechet_prepare_rows(const float *x, size_t n, size_t width, cm_arena *out, cm_frechet_side *side) {
    if (n > width || n < 2) {
        cm_moments m;
        CM_TRY(cm_moments_of(x, NULL, n, width, out, &m));
        return cm_frechet_prepare(&m, out, side);
    }
    cm_frechet_side r = {.n = n,
                         .width = width,
                         .rank = n,
                         .mean = CM_PUSH(out, double, width),
                         .factor = CM_PUSH(out, double, n *width)};
    CM_TRY(cm_arena_check(out));
    CM_TRY(centre(x, NULL, n, width, r.mean, r.factor));
    const double scale = 1 / sqrt((double)(n - 1));
    for (size_t i = 0; i < n * width; i++) {
        r.factor[i] *= scale;
        r.trace += r.factor[i] * r.factor[i];
    }
    *side = r;
    return CM_OK;
}

static cm_status root_trace(double *a, size_t n, cm_arena *scratch, double *trace) {
    double *values = CM_PUSH(scratch, double, n);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(eigen(a, n, false, values));
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += sqrt(fmax(values[i], 0));
    *trace = sum;
    return CM_OK;
}

static double mean_gap(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* out [rank,rank] = T C T', C [width,width] symmetric and full; C is destroyed. */
static void surround(const cm_frechet_side *side, double *c, double *half, double *out) {
    const int w = (int)side->width, r = (int)side->rank;
    if (side->triangular) {
        cblas_dtrmm(CblasRowMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, w, w, 1.0, side->factor, w, c, w);
        cblas_dtrmm(CblasRowMajor, CblasRight, CblasUpper, CblasTrans, CblasNonUnit, w, w, 1.0, side->factor, w, c, w);
        memcpy(out, c, side->width * side->width * sizeof *out);
        return;
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, r, w, w, 1.0, side->factor, w, c, w, 0.0, half, w);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, r, r, w, 1.0, half, w, side->factor, w, 0.0, out, r);
}

/* From the covariance: the eigenvalues of T C T'. */
static cm_status distance_from(const cm_frechet_side *side, const cm_moments *m, cm_arena *scratch, double *distance) {
    const size_t w = side->width, rank = side->rank;
    const double divisor = m->n > 1 ? (double)(m->n - 1) : 1;
    double *covariance = CM_PUSH(scratch, double, w *w), *half = CM_PUSH(scratch, double, rank *w),
           *out = CM_PUSH(scratch, double, rank *rank);
    CM_TRY(cm_arena_check(scratch));
    double trace = 0, root;
    for (size_t i = 0; i < w * w; i++) covariance[i] = m->scatter[i] / divisor;
    for (size_t i = 0; i < w; i++) trace += covariance[i * w + i];
    surround(side, covariance, half, out);
    CM_TRY(root_trace(out, rank, scratch, &root));
    *distance = mean_gap(m->mean, side->mean, w) + side->trace + trace - 2 * root;
    return CM_OK;
}

/* The rows as they are, no more than features: Y = Xc T', and the smaller of Y Y' and Y' Y has the eigenvalues. */
static cm_status distance_of_few(const cm_frechet_side *side, const float *x, const size_t *picks, size_t n,
                                 cm_arena *scratch, double *distance) {
    const size_t w = side->width, rank = side->rank, least = n < rank ? n : rank;
    double *mean = CM_PUSH(scratch, double, w), *rows = CM_PUSH(scratch, double, n *w);
    double *y = CM_PUSH(scratch, double, n *rank), *gram = CM_PUSH(scratch, double, least *least);
    CM_TRY(cm_arena_check(scratch));
    CM_TRY(centre(x, picks, n, w, mean, rows));
    double trace = 0, root;
    for (size_t i = 0; i < n * w; i++) trace += rows[i] * rows[i];
    trace /= (double)(n - 1);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)rank, (int)w, 1.0, rows, (int)w, side->factor,
                (int)w, 0.0, y, (int)rank);
    square(y, least, n < rank ? rank : n, n >= rank, 1 / (double)(n - 1), gram);
    CM_TRY(root_trace(gram, least, scratch, &root));
    *distance = mean_gap(mean, side->mean, w) + side->trace + trace - 2 * root;
    return CM_OK;
}

static cm_status distance_of(const cm_frechet_side *side, const float *x, const size_t *picks, size_t n,
                             cm_arena *scratch, double *distance) {
    cm_moments m;
    if (n <= side->width) return distance_of_few(side, x, picks, n, scratch, distance);
    CM_TRY(cm_moments_of(x, picks, n, side->width, scratch, &m));
    return distance_from(side, &m, scratch, distance);
}

cm_status cm_frechet_distance(const cm_frechet_side *side, const float *x, const size_t *picks, size_t n,
                              cm_arena *scratch, double *distance) {
    if (n < 2)
        return cm_fail(CM_EUNDEFINED, "a Fréchet distance of %zu sample%s: at least 2 are needed", n,
                       n == 1 ? "" : "s");
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const cm_status s = distance_of(side, x, picks, n, scratch, distance);
    cm_arena_reset(scratch, mark);
    return s;
}

cm_status cm_frechet_of_moments(const cm_frechet_side *side, const cm_moments *m, cm_arena *scratch, double *distance) {
    if (side->width != m->width)
        return cm_fail(CM_EUSAGE, "features of width %zu and %zu cannot be compared", side->width, m->width);
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    const cm_status s = distance_from(side, m, scratch, distance);
    cm_arena_reset(scratch, mark);
    return s;
}

cm_status cm_frechet_between(const cm_moments *a, const cm_moments *b, cm_arena *scratch, double *distance) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    cm_frechet_side side;
    cm_status s = cm_frechet_prepare(a, scratch, &side);
    if (s == CM_OK) s = cm_frechet_of_moments(&side, b, scratch, distance);
    cm_arena_reset(scratch, mark);
    return s;
}

cm_status cm_frechet_comparable(size_t n_a, size_t n_b, bool unequal) {
    if (n_a == n_b || unequal) return CM_OK;
    return cm_fail(CM_EUSAGE, "a Fréchet distance falls with the number of images: %zu and %zu do not compare", n_a,
                   n_b);
}

const char *cm_frechet_warning(size_t n, size_t width, cm_arena *out) {
    if (n > width) return "";
    return cm_arena_print(out, "N=%zu is not above %zu features: singular covariance, the value is far above its limit",
                          n, width);
}
