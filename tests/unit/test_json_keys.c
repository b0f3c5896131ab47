// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/io/json_keys.h"
#include "core/io/jsonl.h"
#include "core/train/trainer.h"
#include "tests/unit/scratch.h"

static const cm_json_key keys[] = {{.name = "id", .type = CM_JSON_NAME},
                                   {.name = "seed", .type = CM_JSON_WHOLE},
                                   {"steps", CM_JSON_WHOLE, 1, 1000},
                                   {.name = "rate", .type = CM_JSON_NUMBER},
                                   {.name = "negative", .type = CM_JSON_TEXT},
                                   {.name = "simple", .type = CM_JSON_BOOL},
                                   {.name = "arms", .type = CM_JSON_LIST},
                                   {.name = "shard", .type = CM_JSON_OBJECT},
                                   {0}};

static cm_status check(const char *text) {
    json_t *o = json_loads(text, JSON_DECODE_ANY, NULL);
    cr_assert(o, "%s", text);
    const cm_status s = cm_json_check(o, "file", keys);
    json_decref(o);
    return s;
}

static cm_status check_row(const char *text, cm_strays *strays) {
    json_t *o = json_loads(text, JSON_DECODE_ANY, NULL);
    cr_assert(o, "%s", text);
    const cm_status s = cm_json_check_foreign(o, keys, strays);
    json_decref(o);
    return s;
}

Test(json_keys, a_table_takes_its_keys_and_types) {
    cr_assert_eq(check("{}"), CM_OK);
    cr_assert_eq(check("{\"id\":\"a\",\"seed\":0,\"steps\":1000,\"rate\":-1,\"negative\":\"\",\"simple\":false,"
                       "\"arms\":[],\"shard\":{}}"),
                 CM_OK, "%s", cm_why());
    cr_assert_eq(check("{\"rate\":3}"), CM_OK);
}

Test(json_keys, what_is_wrong_is_said_in_one_line) {
    static const char *const bad[][2] = {
        {"[]", "file: not a JSON object"},
        {"{\"stps\":3}", "file: unknown key \"stps\"; the closest is \"steps\""},
        {"{\"colour\":3}", "file: unknown key \"colour\""},
        {"{\"steps\":\"20\"}", "file: \"steps\" is \"20\", not a whole number"},
        {"{\"steps\":20.0}", "file: \"steps\" is 20.0, not a whole number"},
        {"{\"steps\":null}", "file: \"steps\" is null, not a whole number"},
        {"{\"steps\":0}", "file: \"steps\" is 0, not within 1 to 1000"},
        {"{\"steps\":1001}", "file: \"steps\" is 1001, not within 1 to 1000"},
        {"{\"seed\":-1}", "file: \"seed\" is -1, which is below 0"},
        {"{\"id\":\"\"}", "file: \"id\" is \"\", not a text that is not empty"},
        {"{\"negative\":3}", "file: \"negative\" is 3, not a text"},
        {"{\"simple\":1}", "file: \"simple\" is 1, not true or false"},
        {"{\"rate\":\"x\"}", "file: \"rate\" is \"x\", not a number"},
        {"{\"arms\":{}}", "file: \"arms\" is {}, not a list"},
        {"{\"shard\":[]}", "file: \"shard\" is [], not an object"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(check(bad[i][0]), CM_EFORMAT, "%s", bad[i][0]);
        cr_expect_str_eq(cm_why(), bad[i][1]);
    }
}

Test(json_keys, a_row_from_elsewhere_may_have_more_keys_but_no_misspelt_ones, .init = cr_redirect_stderr) {
    cm_strays strays = {0};
    cr_assert_eq(check_row("{\"id\":\"a\",\"url\":1,\"width\":2}", &strays), CM_OK, "%s", cm_why());
    cr_assert_eq(check_row("{\"id\":\"b\"}", &strays), CM_OK);
    cr_assert_eq(check_row("{\"id\":\"c\",\"url\":1,\"negative_prompt\":\"x\",\"seed\":null}", &strays), CM_OK, "%s",
                 cm_why());
    cr_assert_eq(strays.rows, 2);
    cm_strays_warn(&strays, "p.jsonl");
    cr_assert_eq(strays.rows, 0);
    cm_strays_warn(&strays, "p.jsonl");
    fflush(stderr);
    cr_assert_stderr_eq_str("warning: p.jsonl: 2 rows with keys that mean nothing here: \"url\", \"width\", "
                            "\"negative_prompt\" (known is \"negative\")\n");
}

Test(json_keys, a_misspelling_is_within_two_letters) {
    static const char *const near[] = {"sead", "negativ", "negatve", "Negative", "step", "sed"};
    cm_strays strays = {0};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"%s\":1}", near[i]);
        cr_assert_eq(check_row(text, &strays), CM_EFORMAT, "%s", near[i]);
        cr_expect(strstr(cm_why(), "the closest is"), "%s", cm_why());
    }
    cr_assert_eq(check_row("{\"negative\":3}", &strays), CM_EFORMAT);
    cr_assert_eq(strays.rows, 0);
}

Test(json_keys, a_wrong_value_gets_the_names_and_the_nearest) {
    static const char *const few[] = {"ddim", "euler", NULL};
    cr_assert_eq(cm_unknown_choice("--sampler", "eulr", few), CM_EUSAGE);
    cr_assert_str_eq(cm_why(), "--sampler: 'eulr' is none of ddim, euler; the closest is 'euler'");
    cr_assert_eq(cm_unknown_choice("--sampler", "zzzzzz", few), CM_EUSAGE);
    cr_assert_str_eq(cm_why(), "--sampler: 'zzzzzz' is none of ddim, euler");
}

Test(json_keys, a_training_recipe_has_only_keys_that_its_stage_reads) {
    json_t *r = json_pack("{s:i, s:f}", "steps", 3, "kl", 1e-6);
    cr_assert_eq(cm_recipe_check(r, "vae"), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_recipe_check(r, "unet"), CM_EUSAGE);
    cr_assert_str_eq(cm_why(), "recipe: \"kl\" means nothing to stage unet (it is read by: vae)");
    json_object_set_new(r, "bacth", json_integer(3));
    cr_assert_eq(cm_recipe_check(r, "vae"), CM_EFORMAT);
    cr_assert_str_eq(cm_why(), "recipe: unknown key \"bacth\"; the closest is \"batch\"");
    json_decref(r);
}

Test(json_keys, a_mark_before_utf8_is_read_over_and_utf16_is_named) {
    json_t *v = NULL;
    scratch_write("bom.json", "\xef\xbb\xbf{\"a\":1}", 10);
    cr_assert_eq(cm_json_read(scratch("bom.json"), &v), CM_OK, "%s", cm_why());
    json_decref(v);
    scratch_write("bom.jsonl", "\xef\xbb\xbf{\"a\":1}\r\n\r\n{\"a\":2}\r\n", 23);
    cr_assert_eq(cm_jsonl_read(scratch("bom.jsonl"), &v), CM_OK, "%s", cm_why());
    cr_assert_eq(json_array_size(v), 2);
    json_decref(v);
    scratch_write("wide.json", "\xff\xfe{\0}\0", 6);
    cr_assert_eq(cm_json_read(scratch("wide.json"), &v), CM_EFORMAT);
    cr_assert(strstr(cm_why(), "UTF-16"), "%s", cm_why());
    scratch_done();
}
