// SPDX-License-Identifier: Apache-2.0
/* Feature networks by name: what published scores look at pictures with.
 *
 *     cm_extractor *e;
 *     CM_TRY(cm_extractor_open(&e, "inception", "pt_inception-2015-12-05-6726825d.pth", NULL));
 *
 * weights: a file or folder of that network; "random": seeded random weights, to measure speed and to show how protocols
 * differ; "nano": in Inception's place the small shipped network. Scores with either are labelled so. Several threads
 * may run one extractor, each with its own context.
 */
#ifndef CM_METRICS_EXTRACTOR_H
#define CM_METRICS_EXTRACTOR_H

#include "core/networks/clip_pair.h"
#include "core/tensor/tensor.h"

/* features: pooled, or the image embedding; spatial: Inception's for sFID; logits: without the last layer's bias. */
typedef enum cm_output { CM_OUT_FEATURES, CM_OUT_SPATIAL, CM_OUT_LOGITS, CM_OUTPUTS } cm_output;

typedef struct cm_extractor cm_extractor;

enum { CM_NETWORK_FILES = 6 };
typedef struct cm_network_row {
    const char *name, *about;
    const char *files[CM_NETWORK_FILES]; /* usual names of its weights below a --weights folder; NULL after the last */
} cm_network_row;
extern const cm_network_row cm_networks[];
extern const size_t cm_network_count;
const cm_network_row *cm_network_find(const char *name); /* NULL: none of that name */

/* tokenizer: of a CLIP pair, where it does not lie beside the weights (clip_pair.h); or NULL. */
cm_status cm_extractor_open(cm_extractor **out, const char *network, const char *weights, const char *tokenizer);
void cm_extractor_close(cm_extractor **e);

const char *cm_extractor_label(const cm_extractor *e); /* "" for weights that were brought, else "random" or "nano" */
const char *cm_extractor_hash(const cm_extractor *e);  /* SHA-256 over the weights */
size_t cm_extractor_width(const cm_extractor *e, cm_output output); /* values a picture; 0: has no such output */
void cm_extractor_size(const cm_extractor *e, size_t *width, size_t *height); /* of the pictures it takes */
const cm_clip_pair *cm_extractor_pair(const cm_extractor *e); /* NULL: has no text tower */

/* pixels [n,height,width,3], made ready by the protocol's rule. out[output]: [n,width], where it is not NULL. g is reset.
 * CM_EUNDEFINED names the first picture whose features are not finite. */
cm_status cm_extractor_run(const cm_extractor *e, cm_ctx *g, const float *pixels, size_t n, float *const out[CM_OUTPUTS]);

#endif
