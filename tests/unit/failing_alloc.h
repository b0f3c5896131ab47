// SPDX-License-Identifier: Apache-2.0
/* The linker sends every allocation of the test program (not those of shared libraries) to failing_alloc.c, which
 * counts them and can refuse an aligned_alloc, the one that arenas use, and a malloc, which the JSON reader uses. */
#ifndef CM_TESTS_UNIT_FAILING_ALLOC_H
#define CM_TESTS_UNIT_FAILING_ALLOC_H

extern long cm_test_fail_once;           /* after so many aligned allocations one fails; negative: none */
extern long cm_test_fail_from;           /* after so many aligned allocations all fail; negative: none */
extern long cm_test_fail_malloc;         /* after so many calls of malloc one fails; negative: none */
extern _Atomic long cm_test_allocations; /* of every kind, so far */

#endif
