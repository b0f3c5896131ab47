// SPDX-License-Identifier: Apache-2.0
/* One picture of a run: generated, written, scored, recorded. */
#ifndef CM_HARNESS_SHOOT_H
#define CM_HARNESS_SHOOT_H

#include <jansson.h>

#include "harness/crew.h"
#include "harness/subject.h"
#include "harness/suite.h"
#include "metrics/nano_scores.h"
#include "metrics/refocus.h"
#include "metrics/scorer.h"
#include "prompts/prompt_set.h"

typedef struct cm_shoot {
    const cm_suite *suite;
    const char *prompts;        /* the set's name */
    const char *folder;         /* of the run */
    const char *arm;
    const cm_subject *subject;
    const cm_scorer *scorer;
} cm_shoot;

/* Makes the picture of a prompt into images/ARM/ID.png (and attention/ARM/ID-GROUP.png when illustrated), and its
 * record. scores[CM_SCORES]: NaN where there is none. The seed is the prompt's own, else from (run seed, id), so
 * that every arm starts from the same noise. */
cm_status cm_shoot_prompt(const cm_shoot *s, const cm_prompt *p, bool illustrated, cm_worker_place *w, double *scores,
                          json_t **record);

/* Scores of a picture that is there, without attention: into scores, and "scores", "counts", "misses" of record. */
cm_status cm_shoot_score(const cm_scorer *scorer, const cm_image *picture, const cm_prompt *p, const cm_refocus *refocus,
                         const cm_phrase *const *phrases, size_t phrase_count, cm_worker_place *w, double *scores,
                         json_t *record);

#endif
