// SPDX-License-Identifier: Apache-2.0
/* Which phrases a caption says, and in what order, as in the authors' loader: the shot (always), groups 0, 1, 2, then
 * the others shuffled; groups are left out by chance, the rare ones (14 and above) more often. */
#ifndef CM_CORE_LABELS_PHRASE_ORDER_H
#define CM_CORE_LABELS_PHRASE_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* groups [count]: of the phrases, rising, from CM_GROUP_SHOT on. order [count]: receives the indices of those that
 * stay; returns how many. drop: probability that a phrase is left out; the rare ones are so half the time besides. 0:
 * all stay. What is drawn depends on the seed and on the groups only. */
size_t cm_phrase_order(const int *groups, size_t count, uint64_t seed, double drop, size_t *order);

#endif
