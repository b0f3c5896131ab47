// SPDX-License-Identifier: Apache-2.0
/* The linker sends every aligned_alloc of the test program to failing_alloc.c, which can refuse. */
#ifndef CM_TESTS_UNIT_FAILING_ALLOC_H
#define CM_TESTS_UNIT_FAILING_ALLOC_H

extern long cm_test_fail_once; /* after so many allocations one fails; negative: none */
extern long cm_test_fail_from; /* after so many allocations all fail; negative: none */

#endif
