// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/status.h"

static cm_status inner(void) {
    return cm_fail(CM_EFORMAT, "line %d: bad", 3);
}

static cm_status outer(void) {
    CM_TRY(inner());
    return CM_OK;
}

Test(status, the_reason_comes_up_with_the_code) {
    cr_assert_eq(outer(), CM_EFORMAT);
    cr_assert_str_eq(cm_why(), "line 3: bad");
}

Test(status, an_outer_function_says_where) {
    cr_assert_eq(cm_fail_in(inner(), "%s", "file.json"), CM_EFORMAT);
    cr_assert_str_eq(cm_why(), "file.json: line 3: bad");
}

Test(status, a_reason_may_quote_the_last_one) {
    inner();
    cm_fail(CM_EIO, "first: %s", cm_why());
    cr_assert_str_eq(cm_why(), "first: line 3: bad");
}

Test(status, long_reasons_are_cut_not_overrun) {
    static char text[10000];
    memset(text, 'a', sizeof text - 1);
    cm_fail(CM_EIO, "%s", text);
    const size_t most = strlen(cm_why());
    cr_assert(most > 500 && most < 10000);
    for (int i = 0; i < 3; i++) cm_fail_in(CM_EIO, "%s", text);
    cr_assert_eq(strlen(cm_why()), most);
}

Test(status, a_reason_is_one_line) {
    cm_fail(CM_EFORMAT, "tensor '%s': bad", "a\nb\x1b[31m\x7f");
    cr_assert_str_eq(cm_why(), "tensor 'a?b?[31m?': bad");
    cm_fail_in(CM_EFORMAT, "%s", "x\ry");
    cr_assert_str_eq(cm_why(), "x?y: tensor 'a?b?[31m?': bad");
}
