// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <string.h>

#include "core/data/people/people.h"
#include "prompts/read_attributes.h"
#include "prompts/read_groups.h"

static cm_arena arena;

static void setup(void) {
    cm_arena_init(&arena, 0);
}

static void teardown(void) {
    cm_arena_free(&arena);
}

TestSuite(read_attributes, .init = setup, .fini = teardown);

/* "tops: color=red type=shirt | ..." of a text. */
static const char *read(const char *text) {
    cm_description d;
    char *said = cm_arena_string(&arena, "");
    cr_assert_eq(cm_read_groups(text, &arena, &d), CM_OK);
    cm_read_attributes(&d);
    for (size_t i = 0; i < d.count; i++) {
        const cm_phrase *p = &d.phrases[i];
        said =
            cm_arena_print(&arena, "%s%s%s:", said, i ? " | " : "", p->group < 0 ? "shot" : cm_groups[p->group].name);
        for (size_t k = 0; k < p->attribute_count; k++)
            said = cm_arena_print(&arena, "%s %s=%s", said, p->attributes[k].key, p->attributes[k].value);
    }
    return said;
}

Test(read_attributes, values_of_the_phrases_group_are_its_attributes) {
    cr_assert_str_eq(read("a young adult female, Red Striped long sleeve cotton shirt, black wavy hair"),
                     "person: age=young adult gender=female | tops: type=shirt color=red pattern=striped sleeve "
                     "length=long sleeve material=cotton"
                     " | hair: hair style=wavy hair color=black");
}

Test(read_attributes, words_inside_of_longer_values_say_nothing) {
    cr_assert_str_eq(read("short sleeve dress, blue polo shirt"),
                     "one-piece outfits: type=dress sleeve length=short sleeve | tops: type=polo shirt color=blue");
}

Test(read_attributes, parts_of_other_words_are_no_values) {
    cr_assert_str_eq(read("a reddish greenish-blue shirt"), "tops: type=shirt");
}

Test(read_attributes, of_two_values_of_one_slot_none_is_taken) {
    cr_assert_str_eq(read("a black and white shirt"), "tops: type=shirt");
    cr_assert_str_eq(read("a red, red shirt"), "tops: type=shirt color=red");
}

Test(read_attributes, attributes_that_are_there_stay) {
    cm_description d;
    cr_assert_eq(cm_read_groups("a red shirt", &arena, &d), CM_OK);
    d.phrases[0].attributes[d.phrases[0].attribute_count++] = (cm_attribute){"color", "blue"};
    cm_read_attributes(&d);
    cr_assert_eq(d.phrases[0].attribute_count, 1);
    cr_assert_str_eq(d.phrases[0].attributes[0].value, "blue");
}

Test(read_attributes, the_people_describe_themselves_in_words_that_are_read_back) {
    size_t said = 0, same = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        cm_person person;
        cm_description d, found;
        cm_person_sample(&person, &(cm_people_options){0}, seed);
        cr_assert_eq(cm_person_describe(&person, seed, 0.0, &arena, &d), CM_OK);
        cr_assert_eq(cm_read_groups(d.text, &arena, &found), CM_OK);
        cm_read_attributes(&found);
        for (size_t i = 0; i < d.count; i++)
            for (size_t k = 0; k < d.phrases[i].attribute_count; k++) {
                const cm_attribute *want = &d.phrases[i].attributes[k];
                said += cm_slot_find(d.phrases[i].group, want->key) >= 0;
                for (size_t j = 0; j < found.count; j++)
                    for (size_t m = 0; m < found.phrases[j].attribute_count; m++)
                        same += found.phrases[j].group == d.phrases[i].group &&
                                !strcmp(found.phrases[j].attributes[m].key, want->key) &&
                                !strcmp(found.phrases[j].attributes[m].value, want->value);
            }
    }
    cr_assert_geq(said, 400);
    cr_assert_geq((double)same, 0.95 * (double)said, "%zu of %zu", same, said);
}
