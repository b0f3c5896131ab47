// SPDX-License-Identifier: Apache-2.0
/* Suites: what a run measures, as a JSON table in harness/suites/ (or any file).
 *
 *     {"about": "...", "prompts": "people-64", "scorer": "nano",
 *      "sampler": "ddim", "steps": 20, "guidance": 3, "negative": "", "width": 64, "height": 96,
 *      "run_seed": 1, "backend": "openblas", "attention_factor": 16, "illustrated": 6,
 *      "arms": [{"name": "hq", "model": "nano:hq", "about": "..."}], "pairs": [["daring", "hq"]],
 *      "reference": {"name": "...", "seed": 5, "count": 1024}, "ceiling": {"seed": 6, "count": 256},
 *      "speed": [{"model": "random:sd15", "backend": "openblas", "width": 512, "height": 512, "steps": 1,
 *                 "repeats": 1, "warm_up": 64, "stages": ["unet_step", "decode"],
 *                 "note": "..."}]}
 *
 * Names of arms, and of the suite's file, keep to core/base/names.h. An arm, a pair or a speed row more is a line more. A suite with speed rows needs no arms. prompts is a name in prompts/sets or a path. A speed row
 * whose "repeats" is 0 is not measured: its record carries the note only.
 */
#ifndef CM_HARNESS_SUITE_H
#define CM_HARNESS_SUITE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/generator/sampler.h"
#include "core/tensor/ops.h"

typedef struct cm_arm {
    const char *name, *model, *about;
} cm_arm;

typedef struct cm_pair {
    size_t a, b; /* indices of arms; reported is a - b */
} cm_pair;

/* Drawn people: seeds seed to seed + count - 1. */
typedef struct cm_drawn_set {
    const char *name;
    uint64_t seed;
    size_t count;
    bool simple;      /* the easier world: plain backgrounds, few poses */
} cm_drawn_set;

typedef struct cm_suite {
    const char *name, *about, *prompts_path, *scorer, *negative, *backend_name;
    const cm_sampler *sampler;
    const cm_ops *backend;
    size_t steps, width, height, attention_factor, illustrated;
    double guidance;
    uint64_t run_seed;
    size_t arm_count, pair_count;
    cm_arm *arms;
    cm_pair *pairs;
    cm_drawn_set reference, ceiling;
    json_t *document; /* owns the texts */
} cm_suite;

typedef struct cm_suite_choice {
    const char *suite;   /* name or path */
    const char *prompts; /* instead of the suite's; NULL */
    const char *arms;    /* "hq,daring": only these; NULL: all */
} cm_suite_choice;

/* Everything is checked here: names, sizes, models' names are checked when they are opened. */
cm_status cm_suite_open(const cm_suite_choice *choice, cm_arena *out, cm_suite *s);
void cm_suite_close(cm_suite *s);

/* A prompt set's file: a path by itself, or a name in prompts/sets. */
cm_status cm_find_prompts(const char *name, cm_arena *out, const char **path);

#endif
