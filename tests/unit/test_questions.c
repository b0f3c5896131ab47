// SPDX-License-Identifier: Apache-2.0
/* Which questions are asked: the rule on drawings, the card that says so, and the counts over prompts. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/train/slot_check.h"
#include "prompts/asked_slots.h"
#include "tests/unit/scratch.h"

static int slot(int group, const char *key) {
    const int s = cm_slot_find(group, key);
    cr_assert_geq(s, 0, "%d %s", group, key);
    return s;
}

static cm_slot_tally tally;

/* `people` who have value `is` of a slot and nothing else, named `seen` by the parser; things are there. */
static void add(int of, int is, int seen_value, size_t people) {
    cm_person p;
    int seen[CM_MAX_SLOTS];
    for (int i = 0; i < CM_MAX_SLOTS; i++) p.value[i] = -1, seen[i] = 1;
    p.value[of] = is;
    seen[of] = seen_value;
    for (size_t i = 0; i < people; i++) cm_slot_tally_add(&tally, &p, seen);
}

/* --- the rule -------------------------------------------------------------------------- */

Test(questions, a_colour_is_asked_when_it_is_ten_points_better_than_the_commonest) {
    const int color = slot(6, "color");
    add(color, 0, 0, 50);
    add(color, 1, 1, 11);
    add(color, 1, 0, 39);
    cm_slot_check c = cm_slot_check_of(&tally, color);
    cr_expect_eq(c.n, 100);
    cr_expect_float_eq(c.right, 0.61, 1e-12);
    cr_expect_float_eq(c.commonest, 0.50, 1e-12);
    cr_expect(c.asked);
    add(color, 1, 0, 2); /* 61 of 102, of whom 52 have the commonest: 8.8 points */
    cr_expect_not(cm_slot_check_of(&tally, color).asked);
}

Test(questions, the_commonest_answer_given_to_all_is_not_asked) {
    const int material = slot(6, "material");
    add(material, 0, 0, 70);
    add(material, 4, 0, 30);
    const cm_slot_check c = cm_slot_check_of(&tally, material);
    cr_expect_float_eq(c.right, c.commonest, 1e-12);
    cr_expect_not(c.asked);
}

Test(questions, a_thing_that_is_always_seen_says_as_little_as_one_never_seen) {
    const int belt = slot(12, "type");
    for (int always = 0; always < 2; always++) {
        memset(&tally, 0, sizeof tally);
        add(belt, 0, always, 85);
        add(belt, 1, always, 15);
        const cm_slot_check c = cm_slot_check_of(&tally, belt);
        cr_expect_eq(c.n, 15);
        cr_expect_float_eq(c.right, 0.5, 1e-12);
        cr_expect_not(c.asked);
    }
    memset(&tally, 0, sizeof tally);
    add(belt, 0, 0, 85);
    add(belt, 1, 1, 9);
    add(belt, 1, 0, 6);
    cr_expect_float_eq(cm_slot_check_of(&tally, belt).right, (1 + 9.0 / 15) / 2, 1e-12);
    cr_expect(cm_slot_check_of(&tally, belt).asked);
}

Test(questions, people_without_the_garment_do_not_answer_for_its_type) {
    const int hat = slot(11, "type");
    add(hat, 0, 0, 900);
    add(hat, 1, 0, 50);
    add(hat, 2, 0, 50);
    const cm_slot_check c = cm_slot_check_of(&tally, hat);
    cr_expect_eq(c.n, 100);
    cr_expect_eq(c.right, 0);
    cr_expect_not(c.asked);
}

Test(questions, the_colour_of_a_thing_that_is_not_seen_is_not_right) {
    const int type = slot(12, "type"), color = slot(12, "color");
    cm_person p;
    int seen[CM_MAX_SLOTS] = {0};
    for (int i = 0; i < CM_MAX_SLOTS; i++) p.value[i] = -1;
    p.value[type] = 1;
    p.value[color] = seen[color] = 3;
    cm_slot_tally_add(&tally, &p, seen);
    cr_expect_eq(cm_slot_check_of(&tally, color).right, 0);
    seen[type] = 1;
    cm_slot_tally_add(&tally, &p, seen);
    cr_expect_float_eq(cm_slot_check_of(&tally, color).right, 0.5, 1e-12);
}

Test(questions, nothing_known_is_not_asked_nor_is_what_nobody_asks) {
    cr_expect_not(cm_slot_check_of(&tally, slot(6, "color")).asked);
    add(slot(0, "age"), 0, 0, 50);
    add(slot(0, "age"), 1, 1, 50);
    cr_expect_not(cm_slot_check_of(&tally, slot(0, "age")).asked);
}

Test(questions, a_kinds_share_is_over_the_slots_that_are_asked) {
    const int tops = slot(6, "color"), shoes = slot(9, "color");
    bool asked[CM_MAX_SLOTS] = {false};
    add(tops, 0, 0, 30);
    add(tops, 1, 0, 10);
    add(shoes, 8, 0, 60);
    cr_expect(isnan(cm_slot_tally_share(&tally, asked, CM_SLOT_TEXTURE)));
    asked[tops] = true;
    cr_expect_float_eq(cm_slot_tally_share(&tally, asked, CM_SLOT_TEXTURE), 0.75, 1e-12);
    asked[shoes] = true;
    cr_expect_float_eq(cm_slot_tally_share(&tally, asked, CM_SLOT_TEXTURE), 0.30, 1e-12);
    cr_expect(isnan(cm_slot_tally_share(&tally, asked, CM_SLOT_SHAPE)));
}

/* --- the card -------------------------------------------------------------------------- */

static cm_status read_card(const char *text, cm_slot_set *asked, bool *known) {
    const char *card = scratch("card.json");
    if (text) scratch_write("card.json", text, strlen(text));
    (void)card;
    return cm_asked_slots_read(scratch_folder, asked, known);
}

Test(questions, a_card_says_which_slots_are_asked, .fini = scratch_done) {
    cm_slot_set asked;
    bool known;
    cr_assert_eq(read_card(NULL, &asked, &known), CM_OK);
    cr_expect(!known && asked == CM_ALL_SLOTS, "without a card all are asked");
    cr_assert_eq(read_card("{\"stage\": \"parser\"}", &asked, &known), CM_OK);
    cr_expect(!known && asked == CM_ALL_SLOTS, "a card without the key");
    cr_assert_eq(
        read_card(
            "{\"questions\": {\"margin\": 0.1, \"slots\": {\"tops.material\": {\"right\": 0.7, \"asked\": false}, "
            "\"tops.color\": {\"asked\": true}}}}",
            &asked, &known),
        CM_OK);
    cr_expect(known && asked == (CM_ALL_SLOTS & ~((cm_slot_set)1 << slot(6, "material"))));
    json_t *left_out = cm_slots_left_out(asked);
    cr_assert(json_array_size(left_out) == 1);
    cr_expect_str_eq(json_string_value(json_array_get(left_out, 0)), "tops.material");
    json_decref(left_out);
    cr_expect_null(cm_slots_left_out(CM_ALL_SLOTS));
}

Test(questions, a_card_that_is_none_is_refused_by_name, .fini = scratch_done) {
    cm_slot_set asked;
    bool known;
    cr_expect_eq(read_card("{\"questions\": {\"slots\": {\"tops.colour\": {\"asked\": true}}}}", &asked, &known),
                 CM_EFORMAT);
    cr_expect(strstr(cm_why(), "tops.colour") && strstr(cm_why(), "'tops.color'") && strstr(cm_why(), "card.json"),
              "%s", cm_why());
    cr_expect_eq(read_card("{\"questions\": {\"slots\": {\"tops.color\": {\"asked\": 1}}}}", &asked, &known),
                 CM_EFORMAT);
    cr_expect(strstr(cm_why(), "neither true nor false"), "%s", cm_why());
    cr_expect_eq(read_card("{\"questions\": {}}", &asked, &known), CM_EFORMAT);
    cr_expect_eq(read_card("{", &asked, &known), CM_EFORMAT);
}

Test(questions, the_shipped_parsers_card_says_it) {
    cm_slot_set asked;
    bool known;
    cr_assert_eq(cm_asked_slots_read(CM_SOURCE_DIR "/core/models/nano/parser", &asked, &known), CM_OK, "%s", cm_why());
    cr_expect(known);
    cr_expect(asked >> slot(6, "color") & 1);
}

/* --- the counts ------------------------------------------------------------------------ */

Test(questions, every_attribute_of_a_prompt_is_counted_once) {
    cm_arena arena;
    cm_arena_init(&arena, 0);
    cm_description d = {.count = 3};
    d.phrases[0] =
        (cm_phrase){.group = 6,
                    .attribute_count = 4,
                    .attributes = {{"color", "red"}, {"material", "cotton"}, {"type", "shirt"}, {"pattern", "zigzag"}}};
    d.phrases[1] = (cm_phrase){.group = 0, .attribute_count = 2, .attributes = {{"age", "adult"}, {"gender", "male"}}};
    d.phrases[2] =
        (cm_phrase){.group = 12, .attribute_count = 1, .attributes = {{"color", "black"}}}; /* asks for a belt, too */
    const cm_slot_set asked = CM_ALL_SLOTS & ~((cm_slot_set)1 << slot(6, "material"));
    cm_question_counts c = {0};
    for (int i = 0; i < 2; i++) cr_assert_eq(cm_questions_asked(&d, asked, &arena, &c), CM_OK);
    cr_expect_eq(c.asked, 2 * 5);
    cr_expect_eq(c.left_out, 2 * 1);
    cr_expect_eq(c.unknown, 2 * 1);
    cr_expect_eq(c.other, 2 * 1);
    cr_expect_eq(cm_question_counts_all(&c), 2 * 8);
    cr_expect_eq(c.of_slot[slot(6, "material")], 2);
    cm_questions q;
    cr_assert_eq(cm_questions_build(&d, asked, &arena, &q), CM_OK);
    cr_expect(q.count == 5 && q.left_out == 1);
    for (size_t i = 0; i < q.count; i++) cr_expect_neq(q.list[i].slot, slot(6, "material"));
    cm_arena_free(&arena);
}
