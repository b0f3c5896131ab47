// SPDX-License-Identifier: Apache-2.0
/* What HOLA can reach: a cell's attention sums to 1 over all tokens, its targets need not.
 *
 * Least value over all attention maps, cell by cell: with a(g) the attention that each of the k(g) tokens of group g
 * gets, minimise sum over g of w(g) (a(g) - h(g))^2 where sum k(g) a(g) <= 1 and a >= 0; w is the number of channels of
 * the group (tokens + 1). Its solution fills water: a(g) = max(0, h(g) - u k(g) / (2 w(g))), with u = 0 or such that
 * the sum is 1. Beside it the value of attention that is even, 1/keys on every token: what a network that looks nowhere
 * in particular has.
 */
#ifndef CM_CORE_TRAIN_HOLA_FLOOR_H
#define CM_CORE_TRAIN_HOLA_FLOOR_H

#include "core/train/hola.h"

typedef struct cm_hola_bounds {
    double floor, even; /* values of the loss of one image at maps of one size */
} cm_hola_bounds;

/* size: index into the factors; cells: of maps of that size; keys: tokens of a prompt (77). kept [image->count], where
 * not NULL: the attention in cells, summed over tokens and cells, that each group has at the minimum. Both 0 where the
 * image has no group at that size. */
cm_status cm_hola_floor(const cm_hola_config *c, const cm_hola_image *image, size_t size, size_t cells, size_t keys,
                        cm_arena *scratch, cm_hola_bounds *bounds, double *kept);

#endif
