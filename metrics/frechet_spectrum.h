// SPDX-License-Identifier: Apache-2.0
/* The eigenvectors behind a Fréchet distance's root, as coordinates of the rows.
 *
 * With the reference's S1 = T' T and A = T S2 T' (frechet.h), a row x has z = (x - mean) T' q along each eigenvector q
 * of A; over all n rows sum z z' = (n - 1) diag(values). Eigenvalues below 1e-12 of the largest are rounding and are
 * left out.
 */
#ifndef CM_METRICS_FRECHET_SPECTRUM_H
#define CM_METRICS_FRECHET_SPECTRUM_H

#include "metrics/frechet.h"

/* Rows of one set or of two, one after the other: x [n,width] each. */
typedef struct cm_row_set {
    const float *x[2];
    size_t n[2];
} cm_row_set;

typedef struct cm_spectrum {
    cm_row_set set;
    size_t n, width, count; /* rows; features; eigenvalues */
    double *mean, *values;  /* [width]; [count], ascending */
    double *z;              /* [n,count], where there are no more rows than A has; else NULL and */
    double *basis;          /* [width,count]: z = (x - mean) basis */
    double trace, root;     /* of the covariance; sum of the roots of A's eigenvalues */
} cm_spectrum;

/* CM_EUNDEFINED for a feature that is not finite; at least 2 rows. */
cm_status cm_spectrum_of(const cm_frechet_side *side, cm_row_set set, cm_arena *out, cm_spectrum *s);
/* Rows [begin, begin + n): less the mean [n,width], and their z [n,count]. */
void cm_spectrum_rows(const cm_spectrum *s, size_t begin, size_t n, double *rows, double *z);
/* The Fréchet distance that it stands for. */
double cm_spectrum_distance(const cm_spectrum *s, const cm_frechet_side *side);

/* c [m,n] = op(a) op(b), dense, row after row; inner: the size that is summed over. */
void cm_spectrum_product(const double *a, bool turn_a, const double *b, bool turn_b, size_t m, size_t n, size_t inner,
                         double *c);
/* Eigenvalues of the symmetric a [n,n], ascending; a's rows become the eigenvectors. */
cm_status cm_spectrum_eigen(double *a, size_t n, double *values);

#endif
