// SPDX-License-Identifier: Apache-2.0
/* What the comparisons of columns and of sets share. */
#ifndef CM_METRICS_COMPARE_PARTS_H
#define CM_METRICS_COMPARE_PARTS_H

#include "metrics/compare.h"

/* The paired test of two arms on their common prompts: a - b and its p. CM_EUNDEFINED: they have none. */
typedef cm_status cm_arm_test(void *arg, size_t a, size_t b, double *difference, double *p);

/* Sets `leading` of arms [n] as compare.h says. */
cm_status cm_compare_lead(cm_arm_value *arms, size_t n, bool higher_is_better, cm_arm_test *test, void *arg,
                          cm_arena *scratch);

/* This thread's reason, kept in `out`. */
const char *cm_compare_why(cm_arena *out);

/* Effect and detectable difference from the standard error of the paired difference, which has units - 1 degrees of
 * freedom; NaN where they say nothing. */
void cm_compare_size(cm_pair_value *v, double error, size_t units);

enum { CM_FEWEST_PROMPTS = 6 }; /* 2/2^5 > 0.05: signs of five prompts never reach 5 % */

#endif
