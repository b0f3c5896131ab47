// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "tests/unit/failing_alloc.h"

Test(arena, pushes_are_aligned_and_apart) {
    cm_arena a;
    cm_arena_init(&a, 4096);
    unsigned char *p[100];
    for (size_t i = 0; i < 100; i++) {
        p[i] = cm_arena_push(&a, i * 37);
        cr_assert_eq((uintptr_t)p[i] % 64, 0);
        memset(p[i], (int)i, i * 37);
    }
    for (size_t i = 0; i < 100; i++) {
        for (size_t k = 0; k < i * 37; k++) cr_assert_eq(p[i][k], i);
    }
    cm_arena_free(&a);
}

Test(arena, zeroed_after_reuse) {
    cm_arena a;
    cm_arena_init(&a, 0);
    memset(cm_arena_push(&a, 1000), 0xff, 1000);
    cm_arena_clear(&a);
    const unsigned char *p = cm_arena_push_zero(&a, 1000);
    for (int i = 0; i < 1000; i++) cr_assert_eq(p[i], 0);
    cm_arena_free(&a);
}

Test(arena, a_warm_arena_asks_nothing_of_the_system) {
    cm_arena a;
    cm_arena_init(&a, 1024);
    const cm_arena_mark mark = cm_arena_get_mark(&a);
    void *first[20];
    for (int i = 0; i < 20; i++) first[i] = cm_arena_push(&a, 300);
    cm_arena_reset(&a, mark);
    cr_assert_eq(a.used, 0);
    cm_test_fail_from = 0;
    for (int i = 0; i < 20; i++) cr_assert_eq(cm_arena_push(&a, 300), first[i]);
    cm_test_fail_from = -1;
    cr_assert_eq(cm_arena_check(&a), CM_OK);
    cm_arena_free(&a);
}

Test(arena, a_reset_keeps_what_was_before_the_mark) {
    cm_arena a;
    cm_arena_init(&a, 256);
    char *kept = cm_arena_string(&a, "kept");
    const cm_arena_mark mark = cm_arena_get_mark(&a);
    for (int i = 0; i < 50; i++) memset(cm_arena_push(&a, 100), 'x', 100);
    cm_arena_reset(&a, mark);
    memset(cm_arena_push(&a, 100), 'y', 100);
    cr_assert_str_eq(kept, "kept");
    cm_arena_free(&a);
}

Test(arena, text_is_printed_whole) {
    cm_arena a;
    cm_arena_init(&a, 64);
    cr_assert_str_eq(cm_arena_print(&a, "%s-%d", "block", 3), "block-3");
    cr_assert_eq(strlen(cm_arena_print(&a, "%500s", "")), 500);
    cm_arena_free(&a);
}

static cm_status use(cm_arena *a) {
    for (size_t i = 1; i < 12; i++) {
        char *p = cm_arena_push(a, i * 1000);
        if (p) memset(p, 1, i * 1000);
    }
    return cm_arena_check(a);
}

Test(arena, failure_is_sticky_wherever_it_happens_and_nothing_leaks) {
    cm_status s = CM_ENOMEM;
    int n = 0;
    for (; s != CM_OK && n < 100; n++) {
        cm_arena a;
        cm_arena_init(&a, 4096);
        cm_test_fail_from = n;
        s = use(&a);
        cm_test_fail_from = -1;
        if (s != CM_OK) {
            cr_assert_eq(s, CM_ENOMEM);
            cr_assert_null(cm_arena_push(&a, 1));
        }
        cm_arena_free(&a);
    }
    cr_assert(n > 3 && n < 100, "%d", n);
}

Test(arena, a_size_beyond_reason_fails_without_asking) {
    cm_arena a;
    cm_arena_init(&a, 0);
    cr_assert_null(cm_arena_push(&a, SIZE_MAX - 10));
    cr_assert_eq(cm_arena_check(&a), CM_ENOMEM);
    cm_arena_free(&a);
}
