// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/io/safetensors.h"
#include "tests/unit/failing_alloc.h"
#include "tests/unit/scratch.h"

static void put(const char *name, const char *text) {
    scratch_write(name, text, strlen(text));
}

static cm_status add_number(cm_records *r, int number) {
    json_t *line = json_pack("{s:i}", "n", number);
    const cm_status s = cm_records_add(r, line);
    json_decref(line);
    return s;
}

static void expect_text(const char *name, const char *want) {
    cm_arena a;
    char *text;
    cm_arena_init(&a, 0);
    cr_assert_eq(cm_read_text(scratch(name), 1 << 20, &a, &text, NULL), CM_OK);
    cr_assert_str_eq(text, want);
    cm_arena_free(&a);
}

Test(jsonl, reads_lines_and_skips_blank_ones) {
    json_t *all;
    put("f", "{\"a\":1}\n\n  \r\n{\"a\":2}\r\n[3]");
    cr_assert_eq(cm_jsonl_read(scratch("f"), &all), CM_OK, "%s", cm_why());
    cr_assert_eq(json_array_size(all), 3);
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(all, 1), "a")), 2);
    json_decref(all);
    put("f", "");
    cr_assert_eq(cm_jsonl_read(scratch("f"), &all), CM_OK);
    cr_assert_eq(json_array_size(all), 0);
    json_decref(all);
    scratch_done();
}

Test(jsonl, a_byte_order_mark_is_passed_over) {
    json_t *value;
    put("f", "\xEF\xBB\xBF{\"a\": 1}\n{\"a\": 2}\n");
    cr_assert_eq(cm_jsonl_read(scratch("f"), &value), CM_OK, "%s", cm_why());
    cr_assert_eq(json_array_size(value), 2);
    json_decref(value);
    put("f", "\xEF\xBB\xBF{\"a\": 1}\n");
    cr_assert_eq(cm_json_read(scratch("f"), &value), CM_OK, "%s", cm_why());
    cr_assert_eq(json_integer_value(json_object_get(value, "a")), 1);
    json_decref(value);
    scratch_done();
}

static cm_status read_each(int which, json_t **value) {
    cm_safetensors *f = NULL;
    if (which == 0) return cm_json_read(scratch("f"), value);
    if (which == 1) return cm_jsonl_read(scratch("f"), value);
    const cm_status s = cm_safetensors_open(&f, scratch("t.safetensors"));
    cm_safetensors_close(&f);
    return s;
}

/* Every allocation of a reader fails once: it is never the text that is at fault. */
Test(jsonl, an_allocation_that_fails_is_not_a_text_that_is_no_json) {
    static const char header[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    unsigned char bytes[100] = {sizeof header - 1};
    memcpy(bytes + 8, header, sizeof header - 1);
    scratch_write("t.safetensors", bytes, 8 + sizeof header - 1 + 4);
    put("f", "{\"a\": [1, 2.5, \"text\", null, {\"b\": true}], \"longer\": \"\\u00e4\"}");
    for (int which = 0; which < 3; which++) {
        cm_status s = CM_ENOMEM;
        long n = 0;
        for (; s == CM_ENOMEM && n < 1000; n++) {
            json_t *value = NULL;
            cm_test_fail_malloc = n;
            s = read_each(which, &value);
            cm_test_fail_malloc = -1;
            cr_assert(s == CM_OK || s == CM_ENOMEM, "reader %d, allocation %ld: %s", which, n, cm_why());
            json_decref(value);
        }
        cr_expect(s == CM_OK && n > 5, "reader %d: %ld", which, n);
    }
    scratch_done();
}

Test(jsonl, a_bad_line_is_named_by_its_number) {
    static const char *const bad[] = {"{\"a\":1,}",          "{\"a\":1} x",      "{'a':1}",
                                      "{\"a\":1,\"a\":2}",   "{\"a\":\"\xff\"}", "{\"a\":01}",
                                      "{\"a\":\"\\ud800\"}", "{\"a\"",           "nul",
                                      "{\"a\":1e999}",       "{\"a\":\"\xc3(\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *all = NULL;
        char text[200];
        snprintf(text, sizeof text, "{\"a\":1}\n\n%s\n{}\n", bad[i]);
        put("prompts.jsonl", text);
        cr_assert_eq(cm_jsonl_read(scratch("prompts.jsonl"), &all), CM_EFORMAT, "%s", bad[i]);
        cr_assert(strstr(cm_why(), "prompts.jsonl:3: not JSON"), "%s for %s", cm_why(), bad[i]);
        cr_assert_null(strchr(cm_why(), '\n'));
        cr_assert_null(all);
    }
    scratch_done();
}

Test(jsonl, a_bad_whole_file_is_named_with_its_line) {
    json_t *value = NULL;
    put("config.json", "{\n  \"a\": 1,\n  \"b\": ]\n}\n");
    cr_assert_eq(cm_json_read(scratch("config.json"), &value), CM_EFORMAT);
    cr_assert(strstr(cm_why(), "config.json:3: not JSON"), "%s", cm_why());
    put("config.json", "{\"a\": 1} trailing");
    cr_assert_eq(cm_json_read(scratch("config.json"), &value), CM_EFORMAT);
    cr_assert_eq(cm_json_read(scratch("absent.json"), &value), CM_EIO);
    char deep[5001];
    memset(deep, '[', 5000);
    deep[5000] = 0;
    put("deep.json", deep);
    cr_assert_eq(cm_json_read(scratch("deep.json"), &value), CM_EFORMAT);
    scratch_done();
}

Test(jsonl, numbers_of_pythons_json_are_read_in_configurations_alone) {
    json_t *value = NULL;
    put("config.json",
        "{\"least\": -Infinity, \"list\": [NaN,Infinity], \"text\": \"a \\\" NaN, -Infinity\", \"NaN\": 1}");
    cr_assert_eq(cm_json_read_config(scratch("config.json"), &value), CM_OK, "%s", cm_why());
    cr_assert_str_eq(cm_json_text_or(value, "least", ""), "-Infinity");
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(value, "list"), 0)), "NaN");
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(value, "list"), 1)), "Infinity");
    cr_assert_str_eq(cm_json_text_or(value, "text", ""), "a \" NaN, -Infinity");
    cr_assert_eq(cm_json_number_or(value, "NaN", 0), 1);
    json_decref(value);
    cr_assert_eq(cm_json_read(scratch("config.json"), &value), CM_EFORMAT);
    static const char *const bad[] = {"{\"a\": Inf}",   "{\"a\": -NaN}", "{\"a\": NaN",
                                      "{\"a\": \"NaN}", "{NaN: 1",       "\\\"NaN"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put("config.json", bad[i]);
        cr_assert_eq(cm_json_read_config(scratch("config.json"), &value), CM_EFORMAT, "%s", bad[i]);
    }
    scratch_done();
}

Test(jsonl, a_seed_from_2_to_63_on_is_the_negative_one_that_torch_takes_for_the_same) {
    json_t *all = NULL;
    put("prompts.jsonl", "{\"prompt\": \"\\\"seed\\\": 18446744073709551615\", \"seed\" : "
                         "9223372036854775808}\n{\"seed\":18446744073709551615}\n{\"seed\": 9223372036854775807}\n");
    cr_assert_eq(cm_jsonl_read(scratch("prompts.jsonl"), &all), CM_OK, "%s", cm_why());
    cr_assert_str_eq(cm_json_text_or(json_array_get(all, 0), "prompt", ""), "\"seed\": 18446744073709551615");
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(all, 0), "seed")), INT64_MIN);
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(all, 1), "seed")), -1);
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(all, 2), "seed")), INT64_MAX);
    json_decref(all);
    static const char *const bad[] = {"{\"seed\": 18446744073709551616}", "{\"sead\": 18446744073709551615}",
                                      "{\"seed\": 18446744073709551615, \"x\": 99999999999999999999}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put("prompts.jsonl", bad[i]);
        cr_assert_eq(cm_jsonl_read(scratch("prompts.jsonl"), &all), CM_EFORMAT, "%s", bad[i]);
    }
    scratch_done();
}

Test(jsonl, a_value_is_written_and_read_back) {
    json_t *value = json_pack("{s:f, s:s, s:[i,n,b]}", "third", 1.0 / 3, "name", "caf\xc3\xa9", "list", 1, 1), *back;
    cr_assert_eq(cm_json_write(scratch("v.json"), value), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_json_read(scratch("v.json"), &back), CM_OK, "%s", cm_why());
    cr_assert(json_equal(value, back), "numbers come back bit for bit");
    json_decref(back);
    limit_files(10);
    cr_assert_eq(cm_json_write(scratch("w.json"), value), CM_EIO);
    unlimit_files();
    cr_assert_eq(scratch_files(), 1);
    json_decref(value);
    scratch_done();
}

Test(records, lines_are_on_disk_as_soon_as_added) {
    cm_records *r;
    json_t *existing;
    cr_assert_eq(cm_records_open(&r, scratch("r"), &existing), CM_OK, "%s", cm_why());
    cr_assert_eq(json_array_size(existing), 0);
    json_decref(existing);
    cr_assert_eq(add_number(r, 1), CM_OK);
    expect_text("r", "{\"n\":1}\n");
    cr_assert_eq(add_number(r, 2), CM_OK);
    expect_text("r", "{\"n\":1}\n{\"n\":2}\n");
    cm_records_close(&r);
    cr_assert_null(r);
    scratch_done();
}

/* Cut anywhere, as a kill may do, the file goes on after its last whole line. */
Test(records, a_half_written_last_line_is_dropped_when_reopened) {
    static const char *const whole = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n";
    for (size_t cut = 0; cut <= strlen(whole); cut++) {
        cm_records *r;
        json_t *existing;
        scratch_write("r", whole, cut);
        cr_assert_eq(cm_records_open(&r, scratch("r"), &existing), CM_OK, "%s", cm_why());
        cr_assert_eq(json_array_size(existing), cut / 8, "cut at %zu", cut);
        for (int n = (int)(cut / 8) + 1; n <= 3; n++) cr_assert_eq(add_number(r, n), CM_OK);
        cm_records_close(&r);
        json_decref(existing);
        expect_text("r", whole);
    }
    scratch_done();
}

Test(records, a_damaged_line_inside_is_an_error_not_dropped) {
    cm_records *r = NULL;
    put("r", "{\"n\":1}\n{\"n\":\n{\"n\":3}\n");
    cr_assert_eq(cm_records_open(&r, scratch("r"), NULL), CM_EFORMAT);
    cr_assert(strstr(cm_why(), "r:2: not JSON"), "%s", cm_why());
    cr_assert_null(r);
    expect_text("r", "{\"n\":1}\n{\"n\":\n{\"n\":3}\n");
    cr_assert_eq(cm_records_open(&r, scratch("no/such/r"), NULL), CM_EIO);
    scratch_done();
}

Test(records, a_full_disk_is_an_error_and_whole_lines_stay) {
    cm_records *r;
    json_t *existing;
    cr_assert_eq(cm_records_open(&r, scratch("r"), NULL), CM_OK);
    limit_files(20);
    cr_assert_eq(add_number(r, 1), CM_OK);
    cr_assert_eq(add_number(r, 2), CM_OK);
    cr_assert_eq(add_number(r, 3), CM_EIO);
    cr_assert(strstr(cm_why(), "cannot write"), "%s", cm_why());
    cm_records_close(&r);
    unlimit_files();
    cr_assert_eq(cm_records_open(&r, scratch("r"), &existing), CM_OK, "%s", cm_why());
    cr_assert_eq(json_array_size(existing), 2);
    cm_records_close(&r);
    json_decref(existing);
    cr_assert_eq(cm_records_open(&r, "/dev/full", NULL), CM_OK, "%s", cm_why());
    cr_assert_eq(add_number(r, 1), CM_EIO);
    cr_assert(strstr(cm_why(), "No space left"), "%s", cm_why());
    cm_records_close(&r);
    scratch_done();
}

Test(jsonl, typed_reads_name_the_key) {
    json_t *o = json_pack("{s:i, s:f, s:s, s:b, s:i}", "size", 5, "number", 2.5, "text", "t", "yes", 1, "negative", -1);
    size_t size = 9;
    double number = 9;
    const char *text = NULL;
    cr_assert(cm_json_size(o, "size", &size) == CM_OK && size == 5);
    cr_assert(cm_json_number(o, "number", &number) == CM_OK && number == 2.5);
    cr_assert(cm_json_number(o, "size", &number) == CM_OK && number == 5);
    cr_assert(cm_json_text(o, "text", &text) == CM_OK && strcmp(text, "t") == 0);
    cr_assert_eq(cm_json_size(o, "negative", &size), CM_EFORMAT);
    cr_assert_str_eq(cm_why(), "\"negative\": not a whole number of 0 or more");
    cr_assert_eq(cm_json_size(o, "number", &size), CM_EFORMAT);
    cr_assert_eq(cm_json_size(o, "absent", &size), CM_EFORMAT);
    cr_assert_str_eq(cm_why(), "\"absent\": absent");
    cr_assert_eq(cm_json_text(NULL, "text", &text), CM_EFORMAT);
    cr_assert_eq(size, 5, "untouched on failure");
    cr_assert_eq(cm_json_size_or(o, "absent", 3), 3);
    cr_assert_eq(cm_json_number_or(o, "text", 3), 3);
    cr_assert(cm_json_bool_or(o, "yes", false) && cm_json_bool_or(o, "absent", true));
    cr_assert_str_eq(cm_json_text_or(o, "absent", "x"), "x");
    json_decref(o);
}
