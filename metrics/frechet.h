// SPDX-License-Identifier: Apache-2.0
/* Fréchet distance between two sets of features, as Gaussians:
 *
 *     d = |mu1 - mu2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)
 *
 * (Dowson and Landau 1982; Heusel et al. 2017), S the covariance over N - 1, all in double. The
 * square root's trace comes from symmetric eigenproblems only, chosen by rank: with S1 = T' T the
 * eigenvalues of T S2 T'; T is Cholesky's factor at full rank, the centred rows themselves where there are no more of
 * them than features, else S1's symmetric root; with few samples on the other side the same nonzero eigenvalues come
 * from their small Gram matrix.
 *
 * The distance falls with N: only values over equal N may be compared.
 */
#ifndef CM_METRICS_FRECHET_H
#define CM_METRICS_FRECHET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"

typedef struct cm_moments {
    size_t n, width; /* n 0: of unknown number, scatter is the covariance */
    double *mean;    /* [width] */
    double *scatter; /* [width,width]: sum of (x - mean)(x - mean)' */
} cm_moments;

/* x [n,width]; picks: NULL, or the rows to take, n of them. */
cm_status cm_moments_of(const float *x, const size_t *picks, size_t n, size_t width, cm_arena *out, cm_moments *m);
cm_status cm_moments_merge(cm_moments *into, const cm_moments *from); /* as if all samples had come together */

/* The side that stays: its mean, trace and factor are made once. */
typedef struct cm_frechet_side {
    size_t n, width, rank; /* rank: rows of the factor */
    bool triangular;       /* the factor is Cholesky's, upper */
    double trace;
    double *mean;   /* [width] */
    double *factor; /* T [rank,width], S = T' T */
} cm_frechet_side;

cm_status cm_frechet_prepare(const cm_moments *m, cm_arena *out, cm_frechet_side *side);
/* The same from rows x [n,width]; where they are no more than features, they are the factor. */
cm_status cm_frechet_prepare_rows(const float *x, size_t n, size_t width, cm_arena *out, cm_frechet_side *side);

/* Distance of n rows (picks as above) of x [.,width] from the prepared side. CM_EUNDEFINED for n < 2 or a NaN. */
cm_status cm_frechet_distance(const cm_frechet_side *side, const float *x, const size_t *picks, size_t n,
                              cm_arena *scratch, double *distance);
cm_status cm_frechet_of_moments(const cm_frechet_side *side, const cm_moments *m, cm_arena *scratch, double *distance);
/* Between two sets of moments. */
cm_status cm_frechet_between(const cm_moments *a, const cm_moments *b, cm_arena *scratch, double *distance);

/* CM_EUSAGE naming both numbers unless they are equal or `unequal` says that it is meant. */
cm_status cm_frechet_comparable(size_t n_a, size_t n_b, bool unequal);

/* "N=64 is fewer than 128 features: ..." or "" : what a reader must be told. */
const char *cm_frechet_warning(size_t n, size_t width, cm_arena *out);

#endif
