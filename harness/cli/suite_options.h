// SPDX-License-Identifier: Apache-2.0
/* Options that say what a suite says, for bench and score: they become changes of the suite's document
 * (harness/suite/suite.h). */
#ifndef CM_HARNESS_CLI_SUITE_OPTIONS_H
#define CM_HARNESS_CLI_SUITE_OPTIONS_H

#include <jansson.h>

#include "harness/cli/command.h"
#include "harness/run/evaluation.h"

/* An option and the key whose value it is. */
typedef struct cm_suite_option {
    const char *option, *key;
} cm_suite_option;

/* Adds to `changes` what the user gave of these, which end in {NULL}; of the sampling settings of suites. */
cm_status cm_suite_settings_read(const cm_args *a, json_t *changes);
cm_status cm_suite_options_read(const cm_args *a, const cm_suite_option *options, json_t *changes);
/* A row more under a list's key. */
cm_status cm_suite_options_add(json_t *changes, const char *key, json_t *row);

cm_status cm_read_shard(const char *text, size_t *shard, size_t *shards); /* "3/8"; NULL: 0, 0 */
cm_status cm_read_batch(const cm_args *a, size_t *batch);

#endif
