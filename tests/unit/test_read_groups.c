// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "prompts/prompt_set.h"
#include "prompts/read_groups.h"

static cm_arena arena;

static void open_arena(void) {
    cm_arena_init(&arena, 0);
}

static void close_arena(void) {
    cm_arena_free(&arena);
}

TestSuite(read_groups, .init = open_arena, .fini = close_arena);

/* "tops: red shirt; shoes: boots" */
static const char *read(const char *text) {
    static char all[1000];
    cm_description d;
    all[0] = '\0';
    cr_assert_eq(cm_read_groups(text, &arena, &d), CM_OK, "%s: %s", text, cm_why());
    for (size_t i = 0; i < d.count; i++) {
        const cm_phrase *p = &d.phrases[i];
        const size_t n = strlen(all);
        cr_assert_eq(strncmp(text + p->begin, p->text, p->end - p->begin), 0);
        cr_assert_eq(strlen(p->text), p->end - p->begin);
        snprintf(all + n, sizeof all - n, "%s%s: %s", i ? "; " : "", cm_prompt_group_name(p->group), p->text);
    }
    return all;
}

Test(read_groups, dense_descriptions_come_back) {
    cm_prompt_set set;
    cr_assert_eq(cm_prompt_set_read(CM_SOURCE_DIR "/prompts/sets/people-512.jsonl", NULL, &arena, &set), CM_OK, "%s",
                 cm_why());
    for (size_t i = 0; i < set.count; i++) {
        const cm_description *want = &set.prompts[i].dense;
        cm_description got;
        cr_assert_eq(cm_read_groups(want->text, &arena, &got), CM_OK);
        const size_t shot = got.count - want->count; /* the set's groups leave it out */
        cr_assert_eq(shot, 1, "%s", want->text);
        for (size_t k = 0; k < want->count; k++) {
            cr_assert_eq(got.phrases[k + 1].group, want->phrases[k].group, "%s", want->phrases[k].text);
            cr_assert_str_eq(got.phrases[k + 1].text, want->phrases[k].text);
        }
    }
}

Test(read_groups, the_authors_own_words) {
    cr_assert_str_eq(
        read("a upper body shot, an adult Caucasian female, fit body, small road with trees, wavy blonde hair "
             "above chest, solid color cotton polo shirt, plaid pleated skirt, white high heels, baseball cap"),
        "shot: a upper body shot; person: an adult Caucasian female; body shape: fit body; background: small road; "
        "hair: wavy blonde hair above chest; tops: solid color cotton polo shirt; bottoms: plaid pleated skirt; "
        "shoes: white high heels; hats: baseball cap");
}

Test(read_groups, prose) {
    cr_assert_str_eq(read("A man in a black and white T-shirt and blue jeans, standing on the beach. Brown boots"),
                     "person: A man; tops: a black and white T-shirt; bottoms: blue jeans; background: the beach; "
                     "shoes: Brown boots");
    cr_assert_str_eq(read("shirtless, shirts"), "tops: shirts");
}

Test(read_groups, nothing_named_is_undefined) {
    cm_description d;
    cr_assert_eq(cm_read_groups("a blue moon", &arena, &d), CM_EUNDEFINED);
    cr_assert_eq(cm_read_groups("", &arena, &d), CM_EUNDEFINED);
    cr_assert_eq(cm_read_groups(", ,, and and in", &arena, &d), CM_EUNDEFINED);
    cr_assert_eq(cm_read_groups("\xc3\xa9t\xc3\xa9", &arena, &d), CM_EUNDEFINED);
}
