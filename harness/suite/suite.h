// SPDX-License-Identifier: Apache-2.0
/* Suites: the whole experiment as a JSON table, in harness/suites/ or any file (docs/SUITES.md).
 *
 *     {"about": "...", "prompts": "people-64", "metrics": "nano", "sampler": "ddim", "steps": 20, "guidance": 3,
 *      "width": 64, "height": 96, "run_seed": 1, "backend": "auto",
 *      "arms": [{"name": "hq", "model": "nano:hq"}, {"name": "theirs", "images": "out/theirs"},
 *               {"name": "script", "exec": "python sd.py --prompts {prompts} --out {out}"}],
 *      "pairs": [["daring", "hq"]], "reference": {"seed": 5, "count": 1024}, "speed": [...]}
 *
 * An arm is a model, a folder of images, or a command; a model may have its own unet, vae, config, recipe, sampler,
 * steps, guidance, negative, width, height and backend. An arm without any of these three is one that the command line
 * must give
 * (--arm NAME=MODEL); until then it is "not run". The command line makes such a document, or changes one: so everything
 * is checked in one place, here. Models are looked at when they are opened.
 */
#ifndef CM_HARNESS_SUITE_SUITE_H
#define CM_HARNESS_SUITE_SUITE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/generator/settings.h"
#include "metrics/compare.h"

typedef enum cm_arm_kind { CM_ARM_ABSENT, CM_ARM_MODEL, CM_ARM_IMAGES, CM_ARM_COMMAND, CM_ARM_KINDS } cm_arm_kind;
extern const char *const cm_arm_kind_names[CM_ARM_KINDS]; /* "absent", "model", "images", "command" */

typedef struct cm_arm {
    const char *name, *about;
    cm_arm_kind kind;
    const char *model, *unet, *vae, *config; /* of a model; the last three NULL: none */
    const char *images, *command;
    bool in_order;        /* images: the i-th is the i-th prompt's, whatever its name */
    cm_settings settings; /* the suite's, with those that the arm has of its own */
    const json_t *own;    /* the arm's row */
} cm_arm;

/* Drawn people: seeds seed to seed + count - 1. */
typedef struct cm_drawn_set {
    const char *name;
    uint64_t seed;
    size_t count;
    bool simple; /* the easier world: plain backgrounds, few poses */
} cm_drawn_set;

typedef struct cm_suite {
    const char *name, *about;
    const char *prompts_path, *prompt_column; /* NULL: no prompts; the usual columns */
    size_t count;                             /* only the first that many of them; 0: all */
    const char *metrics, *primary; /* "fid@clean,acc"; the score that decides, NULL: acc_all, else the first */
    const char *weights, *networks, *tokenizer; /* of the scores' networks, as score's options; NULL: none */
    const char *reference;                      /* a path; NULL: drawn people, or none */
    cm_drawn_set drawn, ceiling;                /* count 0: none */
    cm_settings settings;
    size_t images, kid_subset, attention_factor, illustrated; /* images: of a prompt */
    uint64_t run_seed;
    double timeout; /* of a command, seconds; 0: none */
    size_t arm_count, pair_count;
    cm_arm *arms;
    cm_arm_pair *pairs;
    const json_t *gates; /* a list, or NULL (docs/SUITES.md) */
    json_t *document;    /* owns the texts */
} cm_suite;

/* What the command line says. */
typedef struct cm_suite_choice {
    const char *suite;     /* a name or path; NULL: everything is in `changes` */
    const char *name;      /* of a run without a suite */
    const char *arms;      /* "hq,daring": only these; NULL: all */
    const json_t *changes; /* keys that take the suite's place; "arms" and "pairs" are added to its own; NULL: none */
} cm_suite_choice;

cm_status cm_suite_open(const cm_suite_choice *choice, cm_arena *out, cm_suite *s);
void cm_suite_close(cm_suite *s);

/* "NAME=MODEL,steps=20,sampler=euler": a row for the arms of `changes`. key: "model", "images" or "exec", whose value
 * the first part is; a command is taken whole. *row is new. */
cm_status cm_suite_arm_row(const char *option, const char *key, const char *text, json_t **row);

/* A prompt set's file: a path by itself, or a name in prompts/sets. */
cm_status cm_find_prompts(const char *name, cm_arena *out, const char **path);

#endif
