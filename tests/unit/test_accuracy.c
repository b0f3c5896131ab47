// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "metrics/accuracy.h"
#include "prompts/prompt_set.h"

static cm_arena arena;
static cm_parsed seen;
static cm_description text;
static cm_questions questions;

static int slot(int group, const char *key) {
    const int s = cm_slot_find(group, key);
    cr_assert_geq(s, 0, "%d %s", group, key);
    return s;
}

static void see(int group, const char *key, const char *value) {
    const cm_slot *s = &cm_slots[slot(group, key)];
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->values[i], value) == 0) seen.slot[s - cm_slots] = i;
}

/* A red striped long sleeve shirt and bald hair, asked; the picture has both, everywhere class 4. */
static void setup(void) {
    cm_arena_init(&arena, 0);
    text = (cm_description){.count = 2};
    text.phrases[0] = (cm_phrase){.group = 6,
                                  .classes = 1u << CM_UPPER,
                                  .attribute_count = 5,
                                  .attributes = {{"color", "red"},
                                                 {"pattern", "striped"},
                                                 {"sleeve length", "long sleeve"},
                                                 {"type", "shirt"},
                                                 {"graphic", "skull"}}};
    text.phrases[1] =
        (cm_phrase){.group = 3, .classes = 1u << CM_HAIR, .attribute_count = 1, .attributes = {{"hair style", "bald"}}};
    cr_assert_eq(cm_questions_build(&text, CM_ALL_SLOTS, &arena, &questions), CM_OK);
    memset(&seen, 0, sizeof seen);
    seen.asked = CM_ALL_SLOTS;
    cm_image_new(&arena, 64, 96, 1, &seen.classes);
    memset(seen.classes.pixels, CM_UPPER, 64 * 96);
    see(6, "color", "red");
    see(6, "pattern", "striped");
    see(6, "sleeve length", "long sleeve");
    see(6, "type", "shirt");
    see(3, "hair style", "bald");
}

static void teardown(void) {
    cm_arena_free(&arena);
}

TestSuite(accuracy, .init = setup, .fini = teardown);

static cm_accuracy answer(void) {
    cm_accuracy a;
    cr_assert_eq(cm_accuracy_answer(&questions, &seen, &arena, &a), CM_OK);
    return a;
}

Test(accuracy, every_attribute_with_a_slot_is_one_question) {
    const cm_accuracy a = answer();
    cr_expect_eq(a.asked[CM_SLOT_OBJECT], 1);
    cr_expect_eq(a.asked[CM_SLOT_TEXTURE], 2);
    cr_expect_eq(a.asked[CM_SLOT_SHAPE], 2);
}

Test(accuracy, what_is_as_asked_is_right) {
    const cm_accuracy a = answer();
    for (int k = 0; k < 3; k++) cr_expect_float_eq(cm_accuracy_percent(&a, (cm_slot_kind)k), 100, 1e-12);
    cr_expect_eq(a.miss_count, 0);
}

Test(accuracy, a_wrong_colour_is_one_miss_that_says_what_was_seen) {
    see(6, "color", "blue");
    const cm_accuracy a = answer();
    cr_expect_float_eq(cm_accuracy_percent(&a, CM_SLOT_TEXTURE), 50, 1e-12);
    cr_assert_eq(a.miss_count, 1);
    cr_expect_str_eq(a.misses[0], "tops.color: asked red, seen blue");
}

Test(accuracy, texture_and_shape_fail_where_the_object_is_absent) {
    see(6, "type", "none");
    const cm_accuracy a = answer();
    cr_expect_eq(a.right[CM_SLOT_OBJECT], 0);
    cr_expect_eq(a.right[CM_SLOT_TEXTURE], 0);
    cr_expect_eq(a.right[CM_SLOT_SHAPE], 1); /* the bald head needs no hair */
    cr_expect_str_eq(a.misses[0], "tops.color: asked red, not there");
}

Test(accuracy, an_object_without_pixels_is_absent) {
    memset(seen.classes.pixels, CM_BACKGROUND, 64 * 96);
    seen.classes.pixels[0] = seen.classes.pixels[1] = seen.classes.pixels[2] = CM_UPPER;
    cm_accuracy a = answer();
    cr_expect_eq(a.right[CM_SLOT_OBJECT] + a.right[CM_SLOT_TEXTURE], 0);
    seen.classes.pixels[3] = seen.classes.pixels[4] = CM_UPPER;
    a = answer();
    cr_expect_eq(a.right[CM_SLOT_TEXTURE], 2);
}

Test(accuracy, another_type_of_the_thing_does_not_fail_its_colour) {
    see(6, "type", "hoodie");
    const cm_accuracy a = answer();
    cr_expect_eq(a.right[CM_SLOT_OBJECT], 0);
    cr_expect_eq(a.right[CM_SLOT_TEXTURE], 2);
}

Test(accuracy, a_value_without_a_slots_word_is_counted_and_not_asked) {
    text.phrases[0].attributes[0].value = "vermilion";
    cr_assert_eq(cm_questions_build(&text, CM_ALL_SLOTS, &arena, &questions), CM_OK);
    cr_expect_eq(questions.unknown, 1);
    cr_expect_eq(answer().asked[CM_SLOT_TEXTURE], 1);
}

Test(accuracy, every_question_has_its_answer_by_name) {
    see(6, "color", "blue");
    see(6, "pattern", "striped");
    cm_accuracy a;
    cr_assert_eq(cm_metric_answers(&text, &seen, &arena, &a), CM_OK);
    cr_assert_eq(a.count, 5);
    cr_expect_str_eq(cm_answer_slot(&a.answers[0]), "tops.color");
    cr_expect_str_eq(cm_answer_wanted(&a.answers[0]), "red");
    cr_expect_str_eq(cm_answer_seen(&a.answers[0]), "blue");
    cr_expect(!a.answers[0].right && !a.answers[0].absent && a.answers[1].right);
    cr_expect_str_eq(cm_answer_slot(&a.answers[4]), "hair.style");
    see(6, "type", "none");
    cr_assert_eq(cm_metric_answers(&text, &seen, &arena, &a), CM_OK);
    cr_expect(a.answers[1].absent && !a.answers[1].right, "a pattern without a shirt");
    cr_expect_str_eq(cm_answer_seen(&a.answers[1]), "not there");
}

Test(accuracy, parts_are_the_groups_that_were_asked_about_and_sum_to_all) {
    see(6, "color", "blue");
    const cm_accuracy a = answer();
    cr_assert_eq(a.part_count, 2);
    cr_expect_eq(a.parts[0].group, 3); /* hair stands before tops, whatever the phrases' order */
    cr_expect_eq(a.parts[1].group, 6);
    cr_expect(a.parts[0].asked[CM_SLOT_SHAPE] == 1 && a.parts[0].right[CM_SLOT_SHAPE] == 1);
    cr_expect(a.parts[1].asked[CM_SLOT_TEXTURE] == 2 && a.parts[1].right[CM_SLOT_TEXTURE] == 1);
    for (int k = 0; k < 3; k++) {
        cr_expect_eq(a.parts[0].asked[k] + a.parts[1].asked[k], a.asked[k]);
        cr_expect_eq(a.parts[0].right[k] + a.parts[1].right[k], a.right[k]);
    }
}

Test(accuracy, nothing_asked_is_no_number) {
    questions.count = 0;
    const cm_accuracy a = answer();
    cr_expect(isnan(cm_accuracy_percent(&a, CM_SLOT_OBJECT)));
}

Test(accuracy, every_shipped_prompt_can_be_asked_in_full) {
    cm_prompt_set set;
    cr_assert_eq(cm_prompt_set_read(CM_SOURCE_DIR "/prompts/sets/people-512.jsonl", NULL, &arena, &set), CM_OK, "%s",
                 cm_why());
    cr_expect_eq(set.count, 512);
    for (size_t i = 0; i < set.count; i++) {
        size_t asked[3] = {0};
        cr_assert_eq(cm_questions_build(&set.prompts[i].dense, CM_ALL_SLOTS, &arena, &questions), CM_OK);
        for (size_t k = 0; k < questions.count; k++) asked[questions.list[k].kind]++;
        cr_expect(questions.unknown == 0 && asked[0] && asked[1] && asked[2], "prompt %s", set.prompts[i].id);
    }
}

/* A drawing's own attributes answer its own description's questions. */
Test(accuracy, a_person_agrees_with_its_own_description) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        cm_person p;
        cm_drawing d;
        const cm_people_options options = {0};
        cm_person_sample(&p, &options, seed);
        cr_assert_eq(cm_person_draw(&p, 64, 96, &arena, &d), CM_OK);
        cr_assert_eq(cm_person_describe(&p, seed, 0, &arena, &text), CM_OK);
        cr_assert_eq(cm_questions_build(&text, CM_ALL_SLOTS, &arena, &questions), CM_OK);
        for (int s = 0; s < cm_slot_count; s++) seen.slot[s] = p.value[s] < 0 ? 0 : p.value[s];
        seen.classes = d.classes;
        const cm_accuracy a = answer();
        cr_expect_eq(questions.unknown, 0);
        for (size_t m = 0; m < a.miss_count; m++) /* only what the drawing hides: socks in boots, a belt under a coat */
            cr_expect(strstr(a.misses[m], "not there"), "seed %d: %s", (int)seed, a.misses[m]);
        cr_expect_geq(a.right[0] + a.right[1] + a.right[2], (a.asked[0] + a.asked[1] + a.asked[2]) * 8 / 10, "seed %d",
                      (int)seed);
    }
}
