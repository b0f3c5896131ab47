// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/system.h"
#include "core/generator/trained_for.h"
#include "core/io/jsonl.h"
#include "prompts/prompt_set.h"
#include "tests/unit/scratch.h"

static cm_model model;
static cm_arena arena;

static void open_named(const char *name, const char *unet) {
    const cm_model_options o = {.unet = unet};
    cr_assert_eq(cm_model_open(&model, name, &o), CM_OK, "%s", cm_why());
}

static void begin(void) {
    cm_arena_init(&arena, 0);
}

static void end(void) {
    cm_model_close(&model);
    cm_arena_free(&arena);
    scratch_done();
}

TestSuite(trained_for, .init = begin, .fini = end);

static const char *of_size(size_t width, size_t height) {
    const char *line;
    cr_assert_eq(cm_far_size(&model, width, height, &arena, &line), CM_OK);
    return line;
}

Test(trained_for, sizes_from_half_to_twice_the_trained_pixels_are_near) {
    open_named("nano:daring", NULL);
    cr_expect_null(of_size(64, 96));
    cr_expect_null(of_size(64, 64));
    cr_expect_null(of_size(64, 48), "half");
    cr_expect_null(of_size(128, 96), "twice, and the ratio of the sides twice");
    cr_expect_not_null(of_size(64, 40));
    cr_expect_not_null(of_size(128, 104));
    cr_expect_not_null(of_size(96, 64), "the ratio of the sides is 2.25 times");
    const char *line = of_size(512, 512);
    cr_assert_not_null(line);
    cr_expect(strstr(line, "512x512 is far from 64x96, the size that the model was trained at"), "%s", line);
}

Test(trained_for, sdxl_was_trained_at_ratios_up_to_four) {
    open_named(CM_TESTS_DIR "/golden/pipeline/xl", NULL);
    const size_t side = model.default_width;
    cr_assert_eq(side, model.default_height);
    cr_expect_null(of_size(side / 2, 2 * side));
    cr_expect_not_null(of_size(side / 4, 4 * side));
}

Test(trained_for, random_weights_were_trained_for_nothing) {
    open_named("random:nano", NULL);
    cr_expect_null(of_size(512, 64));
    cm_unknown_words u;
    cm_unknown_words_begin(&u, &model);
    cr_expect_eq(cm_unknown_words_add(&u, "a kangaroo"), CM_OK);
    cr_expect_eq(u.count, 0);
    cm_unknown_words_end(&u);
}

/* What is told of these texts; NULL is the end. */
static const char *of_texts(const char *const *texts) {
    cm_unknown_words u;
    const char *line;
    cm_unknown_words_begin(&u, &model);
    for (; *texts; texts++) cr_assert_eq(cm_unknown_words_add(&u, *texts), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_unknown_words_tell(&u, &arena, &line), CM_OK);
    cm_unknown_words_end(&u);
    return line;
}

Test(trained_for, words_of_several_pieces_are_counted_once_and_three_are_named) {
    open_named("nano:daring", NULL);
    cr_expect_null(
        of_texts((const char *const[]){"a RED shirt, blue pants", "", "!?!? ...", "\xE2\x98\x83\x1B[31m\xE2\x80\xAE",
                                       "1999", "red<|endoftext|>shirt", NULL}));
    cr_expect_str_eq(of_texts((const char *const[]){"a red kangaroo", NULL}),
                     "1 word is not in the model's vocabulary, which only spells it: 'kangaroo'");
    cr_expect_str_eq(of_texts((const char *const[]){"a Kangaroo, kangaroo", "zeppelin",
                                                    "KANGAROO; <|endoftext|>caf\xC3\xA9", "quagmire red", NULL}),
                     "4 words are not in the model's vocabulary, which only spells them: 'kangaroo', 'zeppelin', "
                     "'caf\xC3\xA9', ...");
}

Test(trained_for, a_word_behind_the_models_length_is_named_too) {
    open_named("nano:daring", NULL);
    const char *text = "kangaroo";
    for (int i = 0; i < 100; i++) text = cm_arena_print(&arena, "red shirt, %s", text);
    const char *line = of_texts((const char *const[]){text, NULL});
    cr_expect(line && strstr(line, "'kangaroo'"), "%s", line);
}

Test(trained_for, many_unknown_words_are_each_counted_once) {
    open_named("nano:daring", NULL);
    cm_unknown_words u;
    cm_unknown_words_begin(&u, &model);
    for (int i = 0; i < 2 * 400; i++) {
        const char text[] = {'z', (char)('a' + i % 400 / 20), 'q', (char)('a' + i % 20), 'x', '\0'};
        cr_assert_eq(cm_unknown_words_add(&u, text), CM_OK);
    }
    cr_expect_eq(u.count, 400);
    cm_unknown_words_end(&u);
}

Test(trained_for, every_word_of_the_shipped_prompts_is_known) {
    static const char *const sets[] = {CM_SOURCE_DIR "/prompts/sets/people-64.jsonl",
                                       CM_SOURCE_DIR "/prompts/sets/people-512.jsonl"};
    open_named("nano:daring", NULL);
    cm_unknown_words u;
    cm_unknown_words_begin(&u, &model);
    cr_assert_not_null(u.tokenizer, "nano's vocabulary is a small one");
    for (size_t k = 0; k < 2; k++) {
        cm_prompt_set set;
        cr_assert_eq(cm_prompt_set_read(sets[k], NULL, &arena, &set), CM_OK, "%s", cm_why());
        cr_assert_geq(set.count, 64);
        for (size_t i = 0; i < set.count; i++) cr_assert_eq(cm_unknown_words_add(&u, set.prompts[i].dense.text), CM_OK);
    }
    cr_expect_eq(u.count, 0, "%s", u.count ? u.first[0] : "");
    cm_unknown_words_end(&u);
}

/* nano's vocabulary in the scratch folder, with so many words more. */
static void write_vocabulary(size_t more) {
    static const char *const from = CM_SOURCE_DIR "/core/models/nano/tokenizer";
    json_t *vocabulary = NULL;
    char *merges;
    size_t length;
    cr_assert_eq(cm_json_read(cm_arena_print(&arena, "%s/vocab.json", from), &vocabulary), CM_OK, "%s", cm_why());
    const size_t count = json_object_size(vocabulary);
    for (size_t i = 0; i < more; i++)
        json_object_set_new(vocabulary, cm_arena_print(&arena, "more%zu</w>", i),
                            json_integer((json_int_t)(count + i)));
    cr_assert_eq(cm_json_write(scratch("vocab.json"), vocabulary), CM_OK, "%s", cm_why());
    json_decref(vocabulary);
    cr_assert_eq(cm_read_text(cm_arena_print(&arena, "%s/merges.txt", from), 1 << 20, &arena, &merges, &length), CM_OK);
    scratch_write("merges.txt", merges, length);
}

Test(trained_for, a_vocabulary_as_large_as_clips_never_warns) {
    write_vocabulary(CM_SMALL_VOCABULARY);
    cr_assert_eq(cm_tokenizer_open(&model.tokenizer, scratch_folder), CM_OK, "%s", cm_why());
    cr_expect_null(of_texts((const char *const[]){"a kangaroo", NULL}));
}

/* --- weights that wait until they are wanted ------------------------------------------------------ */

/* nano's UNet as bf16 in the scratch folder, with one value in its largest weight; returns that weight's name. */
static const char *write_unet(float value) {
    const cm_params *p = model.params[1];
    const size_t count = cm_params_count(p);
    const float **values = CM_PUSH(&arena, const float *, count);
    size_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        values[i] = cm_params_at(p, i)->data;
        if (cm_count(cm_params_at(p, i)) > cm_count(cm_params_at(p, largest))) largest = i;
    }
    const size_t n = cm_count(cm_params_at(p, largest));
    cr_assert_geq(n, 1 << 16, "params.c lets such a weight wait");
    float *changed = CM_PUSH(&arena, float, n);
    memcpy(changed, values[largest], n * sizeof *changed);
    changed[n / 2] = value;
    values[largest] = changed;
    cr_assert_eq(cm_params_save(p, scratch("diffusion_pytorch_model.safetensors"), CM_BF16, values, NULL), CM_OK, "%s",
                 cm_why());
    json_t *config = NULL;
    cr_assert_eq(cm_json_read(cm_arena_print(&arena, "%s/config.json", model.entry.unet), &config), CM_OK);
    cr_assert_eq(cm_json_write(scratch("config.json"), config), CM_OK);
    json_decref(config);
    return cm_arena_string(&arena, cm_params_name(p, largest));
}

Test(trained_for, an_export_as_f16_looks_at_weights_that_were_not_fetched_yet) {
    open_named("nano:daring", NULL);
    const char *name = write_unet(98304);
    cm_model_close(&model);
    open_named("nano:daring", scratch_folder);
    cr_expect_eq(cm_model_export(&model, CM_F16, scratch("f16")), CM_EUNDEFINED);
    cr_expect(strstr(cm_why(), name) && strstr(cm_why(), "98304, which f16 cannot"), "%s", cm_why());
}
