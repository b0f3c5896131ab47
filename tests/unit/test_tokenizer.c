// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/system.h"
#include "core/io/jsonl.h"
#include "core/networks/tokenizer.h"
#include "core/networks/unicode.h"
#include "tests/unit/scratch.h"

static cm_tokenizer *tokenizer;
static cm_arena arena;

static void setup(void) {
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_tokenizer_open(&tokenizer, CM_TESTS_DIR "/golden/tokenizer/sd"), CM_OK, "%s", cm_why());
}

static void teardown(void) {
    if (tokenizer) cm_tokenizer_close(&tokenizer);
    cm_arena_free(&arena);
}

TestSuite(tokenizer, .init = setup, .fini = teardown);

static cm_tokens tokens_of(const char *text) {
    cm_tokens t = {0};
    cr_assert_eq(cm_tokenize(tokenizer, text, &arena, &t), CM_OK, "%s", cm_why());
    return t;
}

/* The text that tokens first..last cover. */
static const char *covered(const char *text, const cm_tokens *t, size_t first, size_t last) {
    return cm_arena_print(&arena, "%.*s", (int)(t->end[last] - t->begin[first]), text + t->begin[first]);
}

Test(tokenizer, begins_and_ends_a_text_and_pads_to_the_models_length) {
    const cm_tokens t = tokens_of("a red shirt");
    cr_expect_eq(t.length, 77);
    cr_expect_eq(t.length, cm_tokenizer_length(tokenizer));
    cr_expect_eq(t.ids[0], cm_tokenizer_bos(tokenizer));
    cr_expect_eq(t.used, t.total);
    for (size_t i = t.used - 1; i < 77; i++) cr_expect_eq(t.ids[i], cm_tokenizer_eos(tokenizer));
    cr_expect_str_eq(cm_tokenizer_text(tokenizer, t.ids[1]), "a</w>");
    cr_expect_null(cm_tokenizer_text(tokenizer, cm_tokenizer_size(tokenizer)));
    cr_expect_null(cm_tokenizer_text(tokenizer, -1));
    cr_expect_eq(t.cut_from, strlen("a red shirt"));
}

Test(tokenizer, offsets_are_the_bytes_of_the_text_as_it_was_written) {
    const char *text = "A  STRIPED\tCafe\xCC\x81, Ang\xC5\xBFtro\xCC\x88m!";
    const cm_tokens t = tokens_of(text);
    const char *joined = "";
    for (size_t i = 1; i + 1 < t.used; i++) {
        cr_expect_lt(t.begin[i], t.end[i]);
        cr_expect(i == 1 || t.begin[i] >= t.begin[i - 1]);
        joined = cm_arena_print(&arena, "%s%s", joined, cm_tokenizer_text(tokenizer, t.ids[i]));
    }
    cr_expect_str_eq(covered(text, &t, 1, 1), "A");
    cr_expect_str_eq(covered(text, &t, 2, 2), "STRIPED");
    size_t cafe = 0;
    for (size_t i = 1; i + 1 < t.used; i++)
        if (t.begin[i] == 11) cafe = i;
    cr_assert_neq(cafe, 0);
    size_t last = cafe;
    while (t.begin[last + 1] < 17) last++;
    cr_expect_str_eq(covered(text, &t, cafe, last), "Cafe\xCC\x81", "a composed letter covers the mark too");
    cr_expect_str_eq(covered(text, &t, t.used - 2, t.used - 2), "!");
    cr_expect_eq(t.begin[0], 0);
    cr_expect_eq(t.end[0], 0);
    cr_expect_eq(t.begin[t.used - 1], strlen(text));
}

Test(tokenizer, a_text_too_long_is_cut_behind_the_last_token_that_fits) {
    char text[401] = "";
    for (int i = 0; i < 100; i++) memcpy(text + 4 * i, "red ", 4);
    const cm_tokens t = tokens_of(text);
    cr_expect_eq(t.total, 102);
    cr_expect_eq(t.used, 77);
    cr_expect_eq(t.ids[76], cm_tokenizer_eos(tokenizer));
    cr_expect_eq(t.cut_from, 75 * 4);
    text[75 * 4] = 0;
    const cm_tokens fits = tokens_of(text);
    cr_expect_eq(fits.total, 77);
    cr_expect_eq(fits.cut_from, 300, "nothing is cut");
    cr_expect_arr_eq(fits.ids, t.ids, 77 * sizeof(int));
}

Test(tokenizer, text_that_is_not_utf8_is_refused_with_its_byte) {
    static const struct {
        const char *text, *byte;
    } bad[] = {
        {"red \xFF", "byte 4"},         {"\x80", "byte 0"},          {"ab\xC3", "byte 2"},
        {"\xC0\xAF", "byte 0"},         {"x\xE0\x9F\xBF", "byte 1"}, {"\xED\xA0\x80", "byte 0"},
        {"\xF4\x90\x80\x80", "byte 0"}, {"\xE2\x82zz", "byte 0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cm_tokens t = {.length = 5};
        cr_expect_eq(cm_tokenize(tokenizer, bad[i].text, &arena, &t), CM_EFORMAT, "text %zu", i);
        cr_expect(strstr(cm_why(), bad[i].byte), "%s", cm_why());
        cr_expect_eq(t.length, 5, "untouched on failure");
    }
}

Test(tokenizer, a_very_long_word_takes_no_more_than_a_moment) {
    const size_t n = 1 << 18;
    char *text = malloc(n + 1);
    memset(text, 'e', n);
    text[n] = 0;
    const double from = cm_now();
    const cm_tokens t = tokens_of(text);
    cr_expect_gt(t.total, 77);
    cr_expect_lt(cm_now() - from, 30.0, "quadratic work would take minutes");
    free(text);
}

/* --- files that are not as they should be --------------------------------------------- */

static const char small_vocab[] = "{\"a\":0,\"b</w>\":1,\"ab</w>\":2,\"<|startoftext|>\":3,\"<|endoftext|>\":4}";

static void check_refused(const char *vocab, const char *merges, const char *config, const char *reason) {
    char folder[] = "/tmp/cm_tokenizer_XXXXXX", path[3][80];
    static const char *const names[3] = {"vocab.json", "merges.txt", "tokenizer_config.json"};
    const char *const texts[3] = {vocab, merges, config};
    cr_assert(mkdtemp(folder));
    for (int i = 0; i < 3; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
        if (texts[i]) cr_assert_eq(cm_write_whole(path[i], texts[i], strlen(texts[i])), CM_OK);
    }
    cm_tokenizer *t = NULL;
    const cm_status s = cm_tokenizer_open(&t, folder);
    if (reason) {
        cr_expect_neq(s, CM_OK, "wanted: %s", reason);
        cr_expect(strstr(cm_why(), reason), "'%s' does not say '%s'", cm_why(), reason);
        cr_expect_null(t);
    } else {
        cr_expect_eq(s, CM_OK, "%s", cm_why());
    }
    if (t) cm_tokenizer_close(&t);
    for (int i = 0; i < 3; i++) unlink(path[i]);
    rmdir(folder);
}

Test(tokenizer, a_folder_that_makes_no_sense_is_refused_with_file_and_place) {
    const char *merges = "#version: 0.2\na b</w>\n";
    check_refused(small_vocab, merges, NULL, NULL);
    check_refused(small_vocab, "a b</w>\r\n\n", "{\"model_max_length\": 1000000000000000019884624838656}", NULL);
    check_refused(NULL, merges, NULL, "vocab.json");
    check_refused(small_vocab, NULL, NULL, "merges.txt");
    check_refused("{\"a\":0,", merges, NULL, "vocab.json:1");
    check_refused("[1]", merges, NULL, "no object of tokens");
    check_refused("{\"a\":\"x\"}", merges, NULL, "the id of \"a\"");
    check_refused("{\"a\":-1}", merges, NULL, "the id of \"a\"");
    check_refused("{\"a\":99999999999}", merges, NULL, "the id of \"a\"");
    check_refused("{\"a\":1,\"b\":1}", merges, NULL, "are both 1");
    check_refused(small_vocab, "#version: 0.2\na\n", NULL, "merges.txt:2");
    check_refused(small_vocab, "#version: 0.2\na b</w> c\n", NULL, "merges.txt:2");
    check_refused(small_vocab, "a b</w>\na a\n", NULL, "merges.txt:2");
    check_refused("{\"a\":0,\"b</w>\":1,\"ab</w>\":2}", merges, NULL, "<|startoftext|>");
    check_refused(small_vocab, merges, "{\"model_max_length\": 1}", "model_max_length");
    check_refused(small_vocab, merges, "{\"model_max_length\": ", "tokenizer_config.json:1");
    check_refused(small_vocab, merges, "{\"bos_token\": \"<s>\"}", "<s>");
    check_refused(small_vocab, merges, "{\"bos_token\": {\"content\": \"a\", \"lstrip\": true}}", "lstrip");
    check_refused(small_vocab, merges, "{\"added_tokens_decoder\": {\"x\": {\"content\": \"a\"}}}", "'x'");
}

/* --- normalisation ----------------------------------------------------------------------- */

static const char *normalised(const char *text) {
    const size_t bytes = strlen(text);
    cm_char *in = CM_PUSH(&arena, cm_char, bytes + 1), *out = CM_PUSH(&arena, cm_char, CM_NFC_ROOM * bytes + 1);
    size_t n, at = 0;
    cr_assert_eq(cm_unicode_read(text, 0, bytes, in, &n), CM_OK);
    n = cm_unicode_nfc(in, n, out);
    char *result = CM_PUSH(&arena, char, 4 * n + 1);
    for (size_t i = 0; i < n; i++) at += cm_unicode_write(out[i].code, result + at);
    result[at] = 0;
    return result;
}

Test(tokenizer, normal_form_c_composes_orders_and_leaves_excluded_pairs_apart) {
    cr_expect_str_eq(normalised("e\u0301"), "\u00e9");
    cr_expect_str_eq(normalised("a\u0301\u0323"), "\u1ea1\u0301", "marks in the order of their classes");
    cr_expect_str_eq(normalised("\u212b"), "\u00c5", "the Angstrom sign is a letter");
    cr_expect_str_eq(normalised("\u0958"), "\u0915\u093c", "excluded from composition");
    cr_expect_str_eq(normalised("\u1100\u1161\u11a8"), "\uac01");
    cr_expect_str_eq(normalised("\uac00\u11a8"), "\uac01");
    cr_expect_str_eq(normalised("\u1f82"), "\u1f82", "four parts, and back");
    cr_expect_str_eq(normalised("e\u0334\u0301"), "\u00e9\u0334", "a lower class does not stand in between");
    cr_expect_str_eq(normalised("e\u0300\u0301"), "\u00e8\u0301", "an equal class does");
}

/* --- which token pads --------------------------------------------------------------- */

static void put_json(const char *name, const json_t *value) {
    remove(scratch(name));
    if (!json_is_null(value)) cr_assert_eq(cm_json_write(scratch(name), value), CM_OK, "%s", cm_why());
}

static void copy_vocabulary(const char *name) {
    char *text;
    size_t n;
    const char *path = cm_arena_print(&arena, CM_TESTS_DIR "/golden/tokenizer/sd/%s", name);
    cr_assert_eq(cm_read_text(path, 1 << 20, &arena, &text, &n), CM_OK, "%s", cm_why());
    scratch_write(name, text, n);
}

Test(tokenizer, pads_as_special_tokens_map_says_where_transformers_reads_it) {
    json_t *rows = NULL, *row;
    size_t i, k;
    copy_vocabulary("vocab.json"), copy_vocabulary("merges.txt");
    cr_assert_eq(cm_json_read(CM_TESTS_DIR "/golden/tokenizer/pads.json", &rows), CM_OK, "%s", cm_why());
    json_array_foreach(rows, i, row) {
        cm_tokenizer *t = NULL;
        cm_tokens got;
        put_json("tokenizer_config.json", json_object_get(row, "config"));
        put_json("special_tokens_map.json", json_object_get(row, "map"));
        cr_assert_eq(cm_tokenizer_open(&t, scratch_folder), CM_OK, "row %zu: %s", i, cm_why());
        cr_assert_eq(cm_tokenize(t, json_string_value(json_object_get(row, "text")), &arena, &got), CM_OK);
        const json_t *ids = json_object_get(row, "ids");
        for (k = 0; k < json_array_size(ids); k++)
            cr_expect_eq(got.ids[k], json_integer_value(json_array_get(ids, k)), "row %zu: token %zu is %d", i, k,
                         got.ids[k]);
        cm_tokenizer_close(&t);
    }
    cr_expect_eq(i, 9);
    scratch_write("special_tokens_map.json", "[1]", 3);
    remove(scratch("tokenizer_config.json"));
    cm_tokenizer *none = NULL;
    cr_expect_eq(cm_tokenizer_open(&none, scratch_folder), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "special_tokens_map.json: not a JSON object"), "%s", cm_why());
    json_decref(rows);
    scratch_done();
}

Test(tokenizer, added_tokens_of_older_files_are_their_ids) {
    json_t *rows = NULL, *row;
    size_t i, k;
    copy_vocabulary("vocab.json"), copy_vocabulary("merges.txt");
    cr_assert_eq(cm_json_read(CM_TESTS_DIR "/golden/tokenizer/added.json", &rows), CM_OK, "%s", cm_why());
    json_array_foreach(rows, i, row) {
        cm_tokenizer *t = NULL;
        cm_tokens got;
        put_json("tokenizer_config.json", json_object_get(row, "config"));
        put_json("added_tokens.json", json_object_get(row, "added"));
        remove(scratch("special_tokens_map.json"));
        if (json_is_object(json_object_get(row, "map")))
            put_json("special_tokens_map.json", json_object_get(row, "map"));
        cr_assert_eq(cm_tokenizer_open(&t, scratch_folder), CM_OK, "row %zu: %s", i, cm_why());
        cr_assert_eq(cm_tokenize(t, json_string_value(json_object_get(row, "text")), &arena, &got), CM_OK);
        const json_t *ids = json_object_get(row, "ids");
        for (k = 0; k < json_array_size(ids); k++)
            cr_expect_eq(got.ids[k], json_integer_value(json_array_get(ids, k)), "row %zu: token %zu is %d", i, k,
                         got.ids[k]);
        cm_tokenizer_close(&t);
    }
    cr_expect_eq(i, 20);
    json_decref(rows);
    scratch_done();
}

static const struct {
    const char *file, *text, *says;
} refused_settings[] = {
    {"added_tokens.json", "{\"<x>\": 1.5}", "the id of \"<x>\""},
    {"added_tokens.json", "[1]", "not a JSON object"},
    {"tokenizer_config.json", "{\"padding_side\": \"left\"}", "padding_side"},
    {"tokenizer_config.json", "{\"truncation_sid\": \"left\"}", "the closest is \"truncation_side\""},
    {"tokenizer_config.json", "{\"tokenizer_class\": \"T5Tokenizer\"}", "tokenizer_class"},
    {"tokenizer_config.json", "{\"additional_special_tokens\": [\"<none>\"]}", "\"<none>\" is not in the vocabulary"},
    {"merges.txt", "", "no merges"},
    {"merges.txt", "#version: 0.2\n", "no merges"},
};

Test(tokenizer, what_would_change_the_ids_is_followed_or_refused) {
    for (size_t i = 0; i < sizeof refused_settings / sizeof refused_settings[0]; i++) {
        cm_tokenizer *t = NULL;
        copy_vocabulary("vocab.json"), copy_vocabulary("merges.txt");
        scratch_write(refused_settings[i].file, refused_settings[i].text, strlen(refused_settings[i].text));
        cr_expect_neq(cm_tokenizer_open(&t, scratch_folder), CM_OK, "row %zu", i);
        cr_expect(strstr(cm_why(), refused_settings[i].says), "'%s' lacks '%s'", cm_why(), refused_settings[i].says);
        cm_tokenizer_close(&t);
        scratch_done();
    }
}
