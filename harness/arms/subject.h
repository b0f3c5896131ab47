// SPDX-License-Identifier: Apache-2.0
/* Subjects: what a run asks for images: a model, or the mock.
 *
 * "mock:NAME" paints an image that follows from (NAME, prompt, seed) alone and gives made-up attention, so
 * that order, resuming and records can be tested without weights. An opened subject is only read: several
 * threads may make images with it at once, each with its own context.
 */
#ifndef CM_HARNESS_ARMS_SUBJECT_H
#define CM_HARNESS_ARMS_SUBJECT_H

#include "core/generator/pipeline.h"

typedef struct cm_subject cm_subject;

/* Is there such a model, as far as names and folders say? No weights are opened. */
cm_status cm_subject_check(const char *model, const cm_model_options *o);
cm_status cm_subject_open(cm_subject **out, const char *model, const cm_model_options *o);
void cm_subject_close(cm_subject **s);
const char *cm_subject_hash(const cm_subject *s); /* SHA-256 over the weights */

const cm_model *cm_subject_model(const cm_subject *s);                    /* NULL: the mock */
void cm_subject_size(const cm_subject *s, size_t *width, size_t *height); /* its own */
const char *cm_subject_sampler(const cm_subject *s);                      /* its own */

/* The cross-attention layers that an observer meets in images of that size, in their order; the count may exceed max.
 */
size_t cm_subject_sites(const cm_subject *s, size_t height, size_t width, size_t max, cm_attention_site *sites,
                        cm_arena *out);

cm_status cm_subject_tokens(const cm_subject *s, const char *text, cm_arena *out, cm_tokens *tokens);
cm_status cm_subject_make(const cm_subject *s, cm_ctx *g, const cm_request *r, cm_arena *out, cm_result *result);

#endif
