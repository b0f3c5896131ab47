// SPDX-License-Identifier: Apache-2.0
#include "metrics/frechet_spectrum.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#define LEAST_VALUE 1e-12 /* of the largest eigenvalue: less is rounding */

static const float *row_at(const cm_spectrum *s, size_t i) {
    const cm_row_set *set = &s->set;
    return i < set->n[0] ? set->x[0] + i * s->width : set->x[1] + (i - set->n[0]) * s->width;
}

static void centre(const cm_spectrum *s, size_t begin, size_t n, double *out) {
    for (size_t i = 0; i < n; i++) {
        const float *x = row_at(s, begin + i);
        for (size_t k = 0; k < s->width; k++) out[i * s->width + k] = (double)x[k] - s->mean[k];
    }
}

static cm_status make_mean(const cm_spectrum *s) {
    memset(s->mean, 0, s->width * sizeof *s->mean);
    for (size_t i = 0; i < s->n; i++) {
        const float *x = row_at(s, i);
        for (size_t k = 0; k < s->width; k++) s->mean[k] += (double)x[k];
    }
    for (size_t k = 0; k < s->width; k++) {
        s->mean[k] /= (double)s->n;
        if (!isfinite(s->mean[k])) return cm_fail(CM_EUNDEFINED, "feature %zu is not finite", k);
    }
    return CM_OK;
}

void cm_spectrum_product(const double *a, bool turn_a, const double *b, bool turn_b, size_t m, size_t n, size_t inner,
                         double *c) {
    if (!inner) memset(c, 0, m * n * sizeof *c);
    if (!m || !n || !inner) return;
    cblas_dgemm(CblasRowMajor, turn_a ? CblasTrans : CblasNoTrans, turn_b ? CblasTrans : CblasNoTrans, (int)m, (int)n,
                (int)inner, 1.0, a, (int)(turn_a ? m : inner), b, (int)(turn_b ? inner : n), 0.0, c, (int)n);
}

cm_status cm_spectrum_eigen(double *a, size_t n, double *values) {
    const lapack_int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, a, (lapack_int)n, values);
    return info == 0 ? CM_OK : cm_fail(CM_EUNDEFINED, "eigenvalues of a covariance did not converge");
}

/* The eigenvalues of a [n,n] become the spectrum's; its eigenvectors above rounding begin at row *first. */
static cm_status take_eigen(cm_spectrum *s, double *a, size_t n, double *values, size_t *first) {
    size_t i = 0;
    CM_TRY(cm_spectrum_eigen(a, n, values));
    for (size_t k = 0; k < n; k++) s->root += sqrt(fmax(values[k], 0));
    while (i < n && values[i] <= LEAST_VALUE * values[n - 1]) i++;
    s->values = values + i;
    s->count = n - i;
    *first = i;
    return CM_OK;
}

/* No more rows than A has: the eigenvectors of their small Gram matrix are the coordinates. */
static cm_status from_gram(const cm_frechet_side *side, cm_spectrum *s, cm_arena *out) {
    const size_t n = s->n, w = s->width, r = side->rank;
    double *values = CM_PUSH(out, double, n), *z = CM_PUSH(out, double, n *n);
    const cm_arena_mark mark = cm_arena_get_mark(out);
    double *gram = CM_PUSH(out, double, n *n), *rows = CM_PUSH(out, double, n *w), *v = CM_PUSH(out, double, n *r);
    CM_TRY(cm_arena_check(out));
    centre(s, 0, n, rows);
    for (size_t i = 0; i < n * w; i++) s->trace += rows[i] * rows[i] / (double)(n - 1);
    cm_spectrum_product(rows, false, side->factor, true, n, r, w, v);
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, (int)n, (int)r, 1 / (double)(n - 1), v, (int)r, 0.0, gram,
                (int)n);
    size_t first;
    CM_TRY(take_eigen(s, gram, n, values, &first));
    for (size_t j = 0; j < s->count; j++) {
        const double scale = sqrt((double)(n - 1) * s->values[j]);
        for (size_t i = 0; i < n; i++) z[i * s->count + j] = scale * gram[(first + j) * n + i];
    }
    s->z = z;
    cm_arena_reset(out, mark);
    return CM_OK;
}

static cm_status moments_of(const cm_row_set *set, size_t width, cm_arena *out, cm_moments *m) {
    cm_moments second;
    CM_TRY(cm_moments_of(set->x[0], NULL, set->n[0], width, out, m));
    if (!set->n[1]) return CM_OK;
    CM_TRY(cm_moments_of(set->x[1], NULL, set->n[1], width, out, &second));
    return cm_moments_merge(m, &second);
}

static cm_status from_covariance(const cm_frechet_side *side, cm_spectrum *s, cm_arena *out) {
    const size_t w = s->width, r = side->rank;
    double *values = CM_PUSH(out, double, r), *basis = CM_PUSH(out, double, w *r);
    const cm_arena_mark mark = cm_arena_get_mark(out);
    cm_moments m;
    CM_TRY(moments_of(&s->set, w, out, &m));
    double *half = CM_PUSH(out, double, r *w), *a = CM_PUSH(out, double, r *r);
    CM_TRY(cm_arena_check(out));
    for (size_t i = 0; i < w * w; i++) m.scatter[i] /= (double)(m.n - 1);
    for (size_t i = 0; i < w; i++) s->trace += m.scatter[i * w + i];
    cm_spectrum_product(side->factor, false, m.scatter, false, r, w, w, half);
    cm_spectrum_product(half, false, side->factor, true, r, r, w, a);
    size_t first;
    CM_TRY(take_eigen(s, a, r, values, &first));
    cm_spectrum_product(side->factor, true, a + first * r, true, w, s->count, r, basis);
    s->basis = basis;
    cm_arena_reset(out, mark);
    return CM_OK;
}

cm_status cm_spectrum_of(const cm_frechet_side *side, cm_row_set set, cm_arena *out, cm_spectrum *s) {
    cm_spectrum r = {
        .set = set, .n = set.n[0] + set.n[1], .width = side->width, .mean = CM_PUSH(out, double, side->width)};
    CM_TRY(cm_arena_check(out));
    CM_TRY(make_mean(&r));
    CM_TRY(r.n <= side->rank ? from_gram(side, &r, out) : from_covariance(side, &r, out));
    *s = r;
    return CM_OK;
}

void cm_spectrum_rows(const cm_spectrum *s, size_t begin, size_t n, double *rows, double *z) {
    centre(s, begin, n, rows);
    if (s->z) memcpy(z, s->z + begin * s->count, n * s->count * sizeof *z);
    else cm_spectrum_product(rows, false, s->basis, false, n, s->count, s->width, z);
}

double cm_spectrum_distance(const cm_spectrum *s, const cm_frechet_side *side) {
    double gap = 0;
    for (size_t k = 0; k < s->width; k++) gap += (s->mean[k] - side->mean[k]) * (s->mean[k] - side->mean[k]);
    return gap + side->trace + s->trace - 2 * s->root;
}
