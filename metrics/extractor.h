// SPDX-License-Identifier: Apache-2.0
/* Networks that look at images, by name: what every score is made with.
 *
 *     cm_extractor *e;
 *     CM_TRY(cm_extractor_open(&e, "inception", "pt_inception-2015-12-05-6726825d.pth", NULL));
 *
 * weights is one of
 *     a file or folder of that network
 *     NULL      the ones shipped with the program, where it has them: "nano-features", "nano-clip", "nano-parser"
 *     "nano"    the same; in Inception's place the shipped feature network
 *     "random"  seeded random weights, to measure speed and to show how protocols differ; not for shipped networks
 *     "mock"    no network: results follow from the images' bytes, so that tests need no weights
 * Scores whose weights are not the network's own are labelled so. Several threads may run one extractor, each with its
 * own context.
 */
#ifndef CM_METRICS_EXTRACTOR_H
#define CM_METRICS_EXTRACTOR_H

#include "core/networks/clip_pair.h"
#include "core/tensor/tensor.h"
#include "metrics/accuracy.h"

/* features: pooled, or the image embedding; spatial: Inception's for sFID; logits: without the last layer's bias. */
typedef enum cm_output { CM_OUT_FEATURES, CM_OUT_SPATIAL, CM_OUT_LOGITS, CM_OUTPUTS } cm_output;

typedef struct cm_extractor cm_extractor;

enum { CM_NETWORK_FILES = 6 };
typedef struct cm_network_row {
    const char *name, *about;
    const char *files[CM_NETWORK_FILES]; /* usual names of its weights below a --weights folder; NULL after the last */
    bool shipped;                        /* its weights come with the program: none need be brought */
} cm_network_row;
extern const cm_network_row cm_networks[];
extern const size_t cm_network_count;
const cm_network_row *cm_network_find(const char *name); /* NULL: none of that name */

/* tokenizer: of a CLIP pair, where it does not lie beside the weights (clip_pair.h); or NULL. */
cm_status cm_extractor_open(cm_extractor **out, const char *network, const char *weights, const char *tokenizer);
void cm_extractor_close(cm_extractor **e);

const char *cm_extractor_label(
    const cm_extractor *e); /* "" for the network's own weights, else "random", "nano" or "mock" */
const char *cm_extractor_hash(const cm_extractor *e);               /* SHA-256 over the weights */
size_t cm_extractor_width(const cm_extractor *e, cm_output output); /* values an image; 0: has no such output */
void cm_extractor_size(const cm_extractor *e, size_t *width, size_t *height); /* of the images it takes */
bool cm_extractor_reads(const cm_extractor *e);                               /* has it a text tower? */
bool cm_extractor_parses(const cm_extractor *e);                              /* is it a parser? */
cm_slot_set cm_extractor_asked(const cm_extractor *e); /* the slots that a parser is asked about; of others none */
const cm_tokenizer *cm_extractor_tokenizer(const cm_extractor *e); /* of its text tower; NULL: none */

/* pixels [n,height,width,3], made ready by the protocol's rule. out[output]: [n,width], where it is not NULL. g is
 * reset. CM_EUNDEFINED names the first image whose features are not finite. CM_EUSAGE from a parser, which has no
 * features. */
cm_status cm_extractor_run(const cm_extractor *e, cm_ctx *g, const float *pixels, size_t n,
                           float *const out[CM_OUTPUTS]);

/* texts, cleaned as the protocol wants it -> out [n,width of CM_OUT_FEATURES]; readings: NULL, or [n]. g is reset.
 * CM_EUSAGE where there is no text tower, or no tokenizer. */
cm_status cm_extractor_read(const cm_extractor *e, cm_ctx *g, cm_text_cleaning cleaning, const char *const *texts,
                            size_t n, float *out, cm_clip_reading *readings);

/* pixels as above -> seen [n]; its maps of classes have the size of the images taken and live in `out`. g is reset.
 * CM_EUSAGE where it is no parser. */
cm_status cm_extractor_parse(const cm_extractor *e, cm_ctx *g, const float *pixels, size_t n, cm_arena *out,
                             cm_parsed *seen);

#endif
