// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/failing_alloc.h"

#include <stdlib.h>

long cm_test_fail_once = -1, cm_test_fail_from = -1, cm_test_fail_malloc = -1;
_Atomic long cm_test_allocations;

void *__real_aligned_alloc(size_t align, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);

void *__wrap_aligned_alloc(size_t align, size_t bytes) {
    cm_test_allocations++;
    if (cm_test_fail_once >= 0 && cm_test_fail_once-- == 0) return NULL;
    if (cm_test_fail_from == 0) return NULL;
    if (cm_test_fail_from > 0) cm_test_fail_from--;
    return __real_aligned_alloc(align, bytes);
}

void *__wrap_malloc(size_t bytes) {
    cm_test_allocations++;
    if (cm_test_fail_malloc >= 0 && cm_test_fail_malloc-- == 0) return NULL;
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes) {
    cm_test_allocations++;
    return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes) {
    cm_test_allocations++;
    return __real_realloc(old, bytes);
}
