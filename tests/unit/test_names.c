// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/names.h"
#include "core/io/record_lines.h"
#include "tests/unit/scratch.h"

Test(names, of_arms_suites_and_scores_that_are_in_use_are_good) {
    static const char *const good[] = {"hq",
                                       "published scores",
                                       "fid@clean[random].mean",
                                       "SDXL 1.0 (base)",
                                       "sd15-v1.5+lora:2",
                                       "cfg=7.5",
                                       "a_b",
                                       "\xc3\xbc-bung",
                                       "\xe4\xba\xba\xe7\x89\xa9",
                                       "3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) cr_expect(cm_name_is_good(good[i]), "%s", good[i]);
    char longest[CM_NAME_BYTES + 2];
    memset(longest, 'a', sizeof longest);
    longest[CM_NAME_BYTES] = 0;
    cr_expect(cm_name_is_good(longest));
    longest[CM_NAME_BYTES] = 'a';
    longest[CM_NAME_BYTES + 1] = 0;
    cr_expect(!cm_name_is_good(longest));
}

Test(names, that_could_be_commands_markup_paths_or_lists_are_refused) {
    static const char *const bad[] = {"",
                                      "`touch x`",
                                      "a\"b",
                                      "a'b",
                                      "a\\b",
                                      "a\nEOD\n",
                                      "a\tb",
                                      "<b>",
                                      "a&b",
                                      "../a",
                                      ".a",
                                      "-a",
                                      "=1+1",
                                      "@a",
                                      "a/b",
                                      "a,b",
                                      "a ",
                                      " a",
                                      "a|b",
                                      "a$b",
                                      "a;b",
                                      "a*",
                                      "a#b",
                                      "a\x7f",
                                      "a\xe2\x80\xae b",
                                      "a\xc2\xa0 b",
                                      "a\xff",
                                      "\xc0\xaf",
                                      "a\xed\xa0\x80",
                                      "a\xe2\x82",
                                      "+a",
                                      "[a](b)",
                                      "a%s",
                                      "a\x1b[2J"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect(!cm_name_is_good(bad[i]), "%zu", i);
        cr_expect_eq(cm_name_check("arm", bad[i]), CM_EFORMAT);
    }
    cr_expect(strstr(cm_why(), "letters, digits"), "%s", cm_why());
}

static void expect_refused(const char *record, const char *what) {
    char text[400];
    json_t *all = NULL;
    snprintf(text, sizeof text, "{\"kind\":\"run\"}\n\n%s\n{}\n", record);
    scratch_write("records.jsonl", text, strlen(text));
    cr_expect_eq(cm_record_lines_all(scratch("records.jsonl"), &all), CM_EFORMAT, "%s", record);
    cr_expect(strstr(cm_why(), "records.jsonl:3: ") && strstr(cm_why(), what), "%s", cm_why());
    cr_expect_null(all);
}

Test(names, in_every_kind_of_record_keep_the_rule) {
    expect_refused("{\"kind\":\"run\",\"suite\":\"`id`\"}", "suite '");
    expect_refused("{\"kind\":\"run\",\"arms\":[{\"name\":\"a\"},{\"name\":\"\\u0060id\\u0060\"}]}", "arm '");
    expect_refused("{\"kind\":\"image\",\"arm\":\"a\\nEOD\"}", "arm 'a?EOD'");
    expect_refused("{\"kind\":\"score\",\"score\":\"<b>\"}", "score '");
    expect_refused("{\"kind\":\"pair\",\"a\":\"hq\",\"b\":\"\\\"\"}", "arm '");
    expect_refused("{\"kind\":\"pair\",\"a\":3,\"b\":\"hq\"}", "\"a\": not a text");
    expect_refused("[1]", "a record is an object");
    expect_refused("{\"kind\":\"score\",\"valeu\":1}", "unknown key \"valeu\"; the closest is \"value\"");
    expect_refused("{\"kind\":\"speed\",\"medain_s\":1}", "the closest is \"median_s\"");
    scratch_done();
}

Test(names, a_torn_last_line_is_left_out_and_a_broken_one_before_it_is_an_error) {
    static const char torn[] = "{\"n\":1}\n{\"n\":2}\n{\"kind\":\"im",
                      broken[] = "{\"n\":1}\n{\"kind\":\"im\n{\"n\":2}\n",
                      open[] = "{\"n\":1}\n{\"n\":2,\"a_key_of_later_versions\":1}",
                      zeros[] = "{\"n\":1}\n{\"n\":2}\n\0\0\0\0";
    json_t *all = NULL;
    scratch_write("r", torn, sizeof torn - 1);
    cr_assert_eq(cm_record_lines_all(scratch("r"), &all), CM_OK, "%s", cm_why());
    cr_expect_eq(json_array_size(all), 2);
    json_decref(all);
    scratch_write("r", open, sizeof open - 1);
    cr_assert_eq(cm_record_lines_all(scratch("r"), &all), CM_OK, "%s", cm_why());
    cr_expect_eq(json_array_size(all), 2);
    json_decref(all);
    scratch_write("r", zeros, sizeof zeros - 1);
    cr_assert_eq(cm_record_lines_all(scratch("r"), &all), CM_OK, "%s", cm_why());
    cr_expect_eq(json_array_size(all), 2);
    json_decref(all);
    scratch_write("r", broken, sizeof broken - 1);
    cr_expect_eq(cm_record_lines_all(scratch("r"), &all), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "r:2: not JSON"), "%s", cm_why());
    scratch_done();
}

Test(names, a_record_is_read_again_at_its_offset) {
    char text[200000] = "{\"n\":0}\n";
    size_t n = strlen(text);
    for (int i = 1; i < 3000; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "\n{\"n\":%d,\"text\":\"%0*d\"}\n", i, i % 40 + 1, 0);
    scratch_write("r", text, n);
    cm_record_lines *lines;
    const json_t *record;
    long long at[3000];
    cr_assert_eq(cm_record_lines_open(&lines, scratch("r")), CM_OK);
    for (int i = 0; i < 3000; i++) {
        cr_assert_eq(cm_record_lines_next(lines, &record), CM_OK);
        cr_assert_eq(json_integer_value(json_object_get(record, "n")), i);
        at[i] = cm_record_lines_offset(lines);
    }
    cr_assert_eq(cm_record_lines_next(lines, &record), CM_OK);
    cr_assert_null(record);
    for (int i = 2999; i >= 0; i -= 7) {
        cr_assert_eq(cm_record_lines_again(lines, at[i], &record), CM_OK, "%s", cm_why());
        cr_assert_eq(json_integer_value(json_object_get(record, "n")), i);
    }
    cm_record_lines_close(&lines);
    scratch_done();
}
