// SPDX-License-Identifier: Apache-2.0
/* The table of published scores: each with the protocol that its name stands for.
 *
 * A protocol says which network looks, how a picture is made ready for it (picture_rules.h), which of the network's
 * outputs counts, and how the score is made from it: by a function over two sets of features, or of a picture and its
 * prompt (text_image.h). A score more is a row more here and a file beside it (docs/HOWTO-metric.md). docs/SCORES.md says
 * what each means and its traps.
 */
#ifndef CM_METRICS_PROTOCOL_H
#define CM_METRICS_PROTOCOL_H

#include "metrics/extractor.h"
#include "metrics/set_score.h"
#include "metrics/text_image.h"

typedef enum cm_needs_reference { CM_REFERENCE_NONE, CM_REFERENCE_STATISTICS, CM_REFERENCE_PICTURES } cm_needs_reference;

typedef struct cm_protocol {
    const char *name;                 /* "fid@clean" */
    const char *network;              /* "inception" (extractor.h) */
    const char *rule;                 /* how pictures are made ready: a row of picture_rules.h */
    cm_output output;                 /* that the score is made from */
    cm_needs_reference reference;     /* none; at least statistics (mean and covariance); pictures */
    bool higher_is_better;
    bool equal_n;                     /* only sets of equal size compare */
    cm_set_score *of_sets;            /* NULL: of a picture and its prompt */
    const cm_text_image *of_text;
    const char *about, *source;       /* one line each: what it is; whose convention, and paper */
} cm_protocol;

extern const cm_protocol cm_protocols[];
extern const size_t cm_protocol_count;
const cm_protocol *cm_protocol_find(const char *name); /* NULL: none of that name */

#endif
