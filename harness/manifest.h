// SPDX-License-Identifier: Apache-2.0
/* The header of a run: all that its pictures and scores depend on, and where they were made. */
#ifndef CM_HARNESS_MANIFEST_H
#define CM_HARNESS_MANIFEST_H

#include <jansson.h>

#include "harness/suite.h"
#include "metrics/scorer.h"
#include "prompts/prompt_set.h"

/* hashes[arm_count]: of the arms' weights. machine: keys to add (compiler, cpu, libraries, ...), or NULL. */
json_t *cm_manifest_make(const cm_suite *s, const cm_prompt_set *prompts, const char *const *hashes,
                         const cm_scorer *scorer, int threads, const json_t *machine);

/* CM_EUSAGE naming the first thing that differs and would change pictures or scores. */
cm_status cm_manifest_check(const json_t *found, const json_t *wanted);
/* The same for any two headers, under these keys, NULL after the last; _continue: where a folder's run is to go on. */
cm_status cm_manifest_same(const json_t *found, const json_t *wanted, const char *const *keys);
cm_status cm_manifest_continue(const json_t *found, const json_t *wanted, const char *const *keys);

#endif
