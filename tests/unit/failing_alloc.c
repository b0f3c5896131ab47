// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/failing_alloc.h"

#include <stdlib.h>

long cm_test_fail_once = -1, cm_test_fail_from = -1;

void *__real_aligned_alloc(size_t align, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);

void *__wrap_aligned_alloc(size_t align, size_t bytes) {
    if (cm_test_fail_once >= 0 && cm_test_fail_once-- == 0) return NULL;
    if (cm_test_fail_from == 0) return NULL;
    if (cm_test_fail_from > 0) cm_test_fail_from--;
    return __real_aligned_alloc(align, bytes);
}
