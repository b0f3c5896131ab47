// SPDX-License-Identifier: Apache-2.0
/* Headers of runs: which two belong to one run, and what they are together. */
#ifndef CM_HARNESS_RECORDS_RUN_HEADERS_H
#define CM_HARNESS_RECORDS_RUN_HEADERS_H

#include <jansson.h>

#include "core/base/status.h"

enum { CM_RECORDS_FORMAT = 3, CM_RECORDS_OLDEST = 2 /* that verify reads */ };

/* Keys whose values two headers must agree on for their folders to be shards of one run; NULL after the last. */
extern const char *const cm_shard_keys[];
/* CM_EUSAGE naming what differs first; _continue: in a folder whose run is to go on. */
cm_status cm_headers_same(const json_t *found, const json_t *wanted, const char *const *keys);
cm_status cm_headers_continue(const json_t *found, const json_t *wanted, const char *const *keys);
/* The header of a folder to which metrics are added: *out, new, has the plans of both. CM_EUSAGE naming what differs
 * where they are not of the same images, networks and settings. Prompts or a reference that one of them lacks come from
 * the other. */
cm_status cm_headers_join(const json_t *found, const json_t *wanted, json_t **out);
/* The header with what its arms' models are, which is known once they were open. New. */
json_t *cm_header_complete(const json_t *header, const json_t *all);

#endif
