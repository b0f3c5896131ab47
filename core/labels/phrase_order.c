// SPDX-License-Identifier: Apache-2.0
#include "core/labels/phrase_order.h"

#include "core/base/rng.h"
#include "core/labels/labels.h"

enum { FIRST_SHUFFLED = 3, FIRST_RARE = 14 };

static int is_left_out(cm_rng *r, int group, double drop) {
    if (group == CM_GROUP_SHOT || drop <= 0) return 0;
    return cm_rng_uniform(r) < drop || (group >= FIRST_RARE && cm_rng_uniform(r) < .5);
}

size_t cm_phrase_order(const int *groups, size_t count, uint64_t seed, double drop, size_t *order) {
    cm_rng r = cm_rng_named(seed, "people/description");
    size_t fixed = 0, kept = 0;
    while (fixed < count && groups[fixed] < FIRST_SHUFFLED) fixed++;
    for (size_t i = 0; i < count; i++) order[i] = i;
    cm_rng_shuffle(&r, order + fixed, count - fixed);
    for (size_t i = 0; i < count; i++)
        if (!is_left_out(&r, groups[order[i]], drop)) order[kept++] = order[i];
    return kept;
}
