// SPDX-License-Identifier: Apache-2.0
/* Every function of core/tensor/nn.h once or more, for the two tests of gradients:
 * against PyTorch (tests/golden) and against differences (tests/unit). The inputs lie in
 * tests/golden/gradients/gradients.safetensors as "CASE.INPUT"; those whose name begins
 * with an underscore are constants.
 */
#ifndef CM_TESTS_CASES_GRADIENT_CASES_H
#define CM_TESTS_CASES_GRADIENT_CASES_H

#include <stdbool.h>

#include "core/tensor/nn.h"

enum { GRADIENT_INPUTS = 4 };

typedef struct gradient_case {
    const char *name;
    const char *inputs[GRADIENT_INPUTS];
    cm_tensor *(*build)(cm_ctx *g, cm_tensor **in);
    bool kinked; /* not smooth near its inputs: differences say nothing */
} gradient_case;

extern const gradient_case gradient_cases[]; /* ended by one without name */

/* sum of y dy, as a [1,1] tensor: so that every element of y has its own gradient */
cm_tensor *gradient_against(cm_ctx *g, cm_tensor *y, cm_tensor *dy);

#endif
