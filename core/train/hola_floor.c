// SPDX-License-Identifier: Apache-2.0
#include "core/train/hola_floor.h"

#include <math.h>
#include <stdlib.h>

/* One group in one cell. */
typedef struct claim {
    double target, tokens, channels;
    size_t group;
} claim;

/* u at which the group's attention ends */
static double end_of(const claim *c) {
    return 2 * c->channels * c->target / c->tokens;
}

static int by_end(const void *a, const void *b) {
    const double x = end_of(a), y = end_of(b);
    return (x < y) - (x > y);
}

/* u of a cell: claims in falling order of their ends. */
static double water_level(const claim *claims, size_t n) {
    double wanted = 0, slope = 0, level = 0;
    for (size_t i = 0; i < n; i++) {
        wanted += claims[i].tokens * claims[i].target;
        slope += claims[i].tokens * claims[i].tokens / (2 * claims[i].channels);
        level = fmax(0, (wanted - 1) / slope);
        if (i + 1 < n && level >= end_of(&claims[i + 1])) break; /* those that follow get nothing */
    }
    return level;
}

static size_t list_claims(const cm_hola_config *c, const cm_hola_image *image, size_t size, size_t cell,
                          claim *claims) {
    size_t n = 0;
    for (size_t i = 0; i < image->count; i++) {
        const cm_hola_group *g = &image->groups[i];
        if (!g->target[size]) continue;
        const double tokens = (double)(g->end - g->begin);
        const double channels = (c->terms != CM_HOLA_MEAN ? tokens : 0) + (c->terms != CM_HOLA_TOKEN ? 1 : 0);
        claims[n++] = (claim){(double)g->target[size][cell], tokens, channels, i};
    }
    qsort(claims, n, sizeof *claims, by_end);
    return n;
}

cm_status cm_hola_floor(const cm_hola_config *c, const cm_hola_image *image, size_t size, size_t cells, size_t keys,
                        cm_arena *scratch, cm_hola_bounds *bounds, double *kept) {
    const cm_arena_mark mark = cm_arena_get_mark(scratch);
    claim *claims = CM_PUSH(scratch, claim, image->count + 1);
    CM_TRY(cm_arena_check(scratch));
    const double share = cm_hola_share(c, image, size, cells);
    *bounds = (cm_hola_bounds){0, 0};
    for (size_t i = 0; kept && i < image->count; i++) kept[i] = 0;
    for (size_t cell = 0; cell < cells; cell++) {
        const size_t n = list_claims(c, image, size, cell, claims);
        const double level = water_level(claims, n);
        for (size_t i = 0; i < n; i++) {
            const claim *k = &claims[i];
            const double a = fmax(0, k->target - level * k->tokens / (2 * k->channels)), even = 1 / (double)keys;
            bounds->floor += share * k->channels * (a - k->target) * (a - k->target);
            bounds->even += share * k->channels * (even - k->target) * (even - k->target);
            if (kept) kept[k->group] += k->tokens * a;
        }
    }
    cm_arena_reset(scratch, mark);
    return CM_OK;
}
