// SPDX-License-Identifier: Apache-2.0
/* The permutations of numpy.random.RandomState(seed): the published subsets of KID and splits of IS are drawn with it.
 *
 * MT19937 (Matsumoto and Nishimura 1998), seeded by a 32-bit number, and a Fisher-Yates shuffle from the end whose
 * bounded numbers are masked and drawn again when too large. NumPy promises never to change it.
 */
#ifndef CM_METRICS_NUMPY_RANDOM_H
#define CM_METRICS_NUMPY_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct cm_numpy_random {
    uint32_t state[624];
    size_t at;
} cm_numpy_random;

void cm_numpy_seed(cm_numpy_random *r, uint32_t seed);
uint32_t cm_numpy_next(cm_numpy_random *r);
/* permutation(n); its first m are choice(n, m, replace=False). n below 2^32. */
void cm_numpy_permutation(cm_numpy_random *r, size_t n, size_t *out);

#endif
