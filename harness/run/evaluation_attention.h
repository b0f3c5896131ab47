// SPDX-License-Identifier: Apache-2.0
/* The attention of one image's phrases while a model makes it, and what its record says of it. */
#ifndef CM_HARNESS_RUN_EVALUATION_ATTENTION_H
#define CM_HARNESS_RUN_EVALUATION_ATTENTION_H

#include "harness/run/evaluation_parts.h"
#include "harness/arms/subject.h"
#include "metrics/refocus.h"

/* The phrases that have tokens: those whose attention is looked at. */
typedef struct cm_watch {
    const cm_phrase *phrases[CM_GROUPS + 1];
    size_t count;
    cm_refocus *refocus; /* NULL: nobody looks */
} cm_watch;

/* Lives in w->maps. */
cm_status cm_watch_begin(const cm_evaluation *e, const cm_settings *m, const cm_description *d, const cm_tokens *t,
                         cm_worker *w, cm_watch *watch);
/* Adds "watched", "lost", "scores", "even", "floor" and "kept" (docs/RECORDS.md). */
cm_status cm_watch_score(const cm_evaluation *e, const cm_watch *watch, const cm_image *image, cm_worker *w,
                         json_t *record);
/* Writes a map a phrase and adds "attention". */
cm_status cm_watch_illustrate(const cm_evaluation *e, const cm_side *s, size_t row, const cm_watch *watch,
                              const cm_image *image, cm_arena *scratch, json_t *record);

/* The cross-attention layers of images of this size, for an arm's record: new. CM_EUSAGE where the suite's factor
 * selects none. */
cm_status cm_watch_layers(const cm_evaluation *e, const cm_settings *m, const cm_subject *subject, cm_arena *scratch,
                          json_t **layers);

cm_status cm_evaluation_write_image(const cm_evaluation *e, const char *relative, const cm_image *image,
                                    cm_arena *scratch);

#endif
