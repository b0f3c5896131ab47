// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/base/name_table.h"
#include "core/base/system.h"

Test(name_table, a_name_stands_for_the_first_number_it_was_given) {
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_name_table t;
    cm_name_entry *e;
    cr_assert_eq(cm_name_table_init(&t, 2, &a), CM_OK);
    cr_assert_null(cm_name_table_find(&t, "p1"));
    cr_assert(cm_name_table_add(&t, "p1", 7, NULL));
    cr_assert(cm_name_table_add(&t, "", 8, NULL), "the empty name is a name");
    cr_assert(!cm_name_table_add(&t, "p1", 9, &e));
    cr_assert_eq(e->value, 7);
    cr_assert_eq(cm_name_table_find(&t, "")->value, 8);
    cm_arena_free(&a);
}

/* 200,000 names compared with each other would be 2e10 comparisons: minutes. */
Test(name_table, many_names_are_found_in_no_time, .timeout = 30) {
    enum { MANY = 200000 };
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_name_table t;
    cr_assert_eq(cm_name_table_init(&t, MANY, &a), CM_OK);
    for (size_t i = 0; i < MANY; i++) cr_assert(cm_name_table_add(&t, cm_arena_print(&a, "p%zu", i), i, NULL));
    for (size_t i = 0; i < MANY; i += 3) {
        char name[32];
        snprintf(name, sizeof name, "p%zu", i);
        cr_assert_eq(cm_name_table_find(&t, name)->value, i);
    }
    cm_arena_free(&a);
}
