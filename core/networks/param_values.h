// SPDX-License-Identifier: Apache-2.0
/* The values of one weight, made from a seed or widened from a file, in pieces on all threads. */
#ifndef CM_CORE_NETWORKS_PARAM_VALUES_H
#define CM_CORE_NETWORKS_PARAM_VALUES_H

#include <stdbool.h>

#include "core/io/safetensors.h"

typedef struct cm_made_values {
    bool normal; /* around 0, else uniform around the middle */
    float bound; /* the standard deviation, or how far from the middle; 0: all are the middle */
    float middle;
    uint32_t key[2]; /* of the weight's random numbers */
} cm_made_values;

void cm_values_make(const cm_made_values *m, size_t count, float *values);
/* Into values, which may be where they are stored; NULL: only looked through. Is every one a finite number? */
bool cm_values_widen(const cm_stored *s, float *values);

#endif
