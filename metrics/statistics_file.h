// SPDX-License-Identifier: Apache-2.0
/* Files of statistics: a set's mean and covariance, as pytorch-fid and clean-fid keep them (.npz with mu and sigma).
 *
 * Ours also say how many images they are of, by which protocol and from which weights; the others' readers leave
 * these keys alone. What a file says of itself must fit the claim; what it does not say is a warning.
 */
#ifndef CM_METRICS_STATISTICS_FILE_H
#define CM_METRICS_STATISTICS_FILE_H

#include "metrics/frechet.h"

typedef struct cm_statistics_claim {
    const char *protocol, *weights; /* "fid@clean"; SHA-256 over the network's weights */
    size_t width;
    size_t n; /* images; reading: how many are to be compared, 0: any number will do */
} cm_statistics_claim;

bool cm_statistics_is(const char *path); /* a .npz that holds mu and sigma? */
/* m->n is 0 where the file does not say. CM_EUSAGE for another protocol, other weights, another N; CM_EFORMAT for a
 * wrong shape, a NaN, a covariance that is not symmetric. */
cm_status cm_statistics_read(const char *path, const cm_statistics_claim *claim, cm_arena *out, cm_moments *m);
cm_status cm_statistics_write(const char *path, const cm_statistics_claim *claim, const cm_moments *m);

#endif
