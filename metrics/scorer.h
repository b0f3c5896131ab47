// SPDX-License-Identifier: Apache-2.0
/* Scorers: the networks that look at pictures.
 *
 * "nano" is the shipped set: parser with attribute heads, feature network, CLIP pair. "mock" looks
 * at bytes only, so that the harness can be tested without weights. Pictures are made ready by
 * the rule "nano" of picture_rules.h.
 */
#ifndef CM_METRICS_SCORER_H
#define CM_METRICS_SCORER_H

#include "core/io/image.h"
#include "core/tensor/tensor.h"
#include "metrics/accuracy.h"

typedef struct cm_scorer cm_scorer;

/* What a scorer saw in a picture. */
typedef struct cm_look {
    cm_parsed parsed;
    const float *features; /* [cm_scorer_width] */
    double clip;           /* 100 x cosine with the prompt */
} cm_look;

cm_status cm_scorer_open(cm_scorer **out, const char *name);
void cm_scorer_close(cm_scorer **s);
const char *cm_scorer_name(const cm_scorer *s);
const char *cm_scorer_hash(const cm_scorer *s); /* SHA-256 over the weights */
size_t cm_scorer_width(const cm_scorer *s);     /* of a feature vector */
void cm_scorer_size(const cm_scorer *s, size_t *width, size_t *height); /* of the pictures it looks at */

/* needs: bits of metric.h; what is not needed stays zero. prompt: NULL without CM_NEED_CLIP. g is reset.
 * Several threads may look at once, each with its own g. */
cm_status cm_scorer_look(const cm_scorer *s, cm_ctx *g, const cm_image *picture, const char *prompt, unsigned needs,
                         cm_arena *out, cm_look *look);

#endif
