// SPDX-License-Identifier: Apache-2.0
/* The Fréchet distance without each prompt's images, and each prompt's part in the difference of two arms, for the
 * price of a few distances each.
 *
 * With A of frechet_spectrum.h, leaving out a cluster of k of n rows is a change of rank k, A' ~ A - U U'. The root's
 * trace falls by
 *
 *     1/pi  int_0^inf  sqrt(t) tr[ (1 - U'(A+t)^-1 U)^-1  U'(A+t)^-2 U ]  dt
 *
 * (sqrt(a) = 1/pi int a / (a+t) dt/sqrt(t), and Woodbury's formula). In A's eigenvectors every term is a sum over
 * eigenvalues, so that one eigenproblem serves all prompts; the trapezoid rule over log t converges exponentially
 * (Trefethen and Weideman 2014). It holds with fewer rows than features too, where leaving a row out lowers the rank.
 * Exact to about 1e-6 of the change.
 */
#ifndef CM_METRICS_FRECHET_LEAVE_H
#define CM_METRICS_FRECHET_LEAVE_H

#include "metrics/clusters.h"
#include "metrics/frechet.h"

/* The distance of all the clusters' rows of x from the reference, and without each cluster [count]. CM_EUNDEFINED:
 * fewer than 2 rows are left somewhere, or a feature is not finite. */
cm_status cm_frechet_leave_out(const cm_frechet_side *side, const float *x, const cm_clusters *c, cm_arena *scratch,
                               double *value, double *without);

/* Each prompt's part in distance(a) - distance(b): its rows' first-order parts at the moments of both arms' rows
 * together. That is the midpoint rule: their sum is the difference to second order in what differs. Both arms have the
 * same prompts, parts [a->count]. The moments stay when a prompt's images change arms, so that flips of the parts'
 * signs are exactly such exchanges. The derivative at a Gaussian: Rippl, Munk and Sturm 2016, "Limit laws of the
 * empirical Wasserstein distance: Gaussian distributions". */
cm_status cm_frechet_contrast(const cm_frechet_side *side, const float *xa, const cm_clusters *a, const float *xb,
                              const cm_clusters *b, cm_arena *scratch, double *parts);

#endif
