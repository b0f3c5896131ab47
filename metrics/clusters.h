// SPDX-License-Identifier: Apache-2.0
/* A set's images by prompt: a prompt's images come, and are left out, together. */
#ifndef CM_METRICS_CLUSTERS_H
#define CM_METRICS_CLUSTERS_H

#include <stddef.h>

/* Rows first[g] to first[g + 1] - 1 are cluster g's. */
typedef struct cm_clusters {
    size_t count;         /* clusters */
    const size_t *prompt; /* [count], ascending */
    const size_t *first;  /* [count + 1]; first[count]: rows in all */
} cm_clusters;

static inline size_t cm_cluster_rows(const cm_clusters *c, size_t g) {
    return c->first[g + 1] - c->first[g];
}

static inline size_t cm_cluster_total(const cm_clusters *c) {
    return c->first[c->count];
}

static inline size_t cm_cluster_largest(const cm_clusters *c) {
    size_t most = 0;
    for (size_t g = 0; g < c->count; g++) most = cm_cluster_rows(c, g) > most ? cm_cluster_rows(c, g) : most;
    return most;
}

#endif
