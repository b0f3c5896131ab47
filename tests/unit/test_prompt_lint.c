// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/progress.h"
#include "prompts/prompt_lint.h"
#include "tests/unit/scratch.h"

static char found[4000];

static void take(void *arg, cm_lint_kind kind, const char *place, const char *text) {
    (void)arg;
    const size_t n = strlen(found);
    const char *colon = strrchr(place, ':') + 1;
    snprintf(found + n, sizeof found - n, "%s%s %s: %s", n ? "; " : "", colon + (*colon == ' '), cm_lint_names[kind],
             text);
}

static cm_lint_counts counts;

/* "2 duplicate: ...; 3 cut off: ..." */
static const char *lint(const char *name, const char *text) {
    const cm_lint_options o = {.tell = take};
    found[0] = '\0';
    cm_log_level(CM_QUIET);
    scratch_write(name, text, strlen(text));
    cr_assert_eq(cm_prompt_lint(scratch(name), &o, &counts), CM_OK, "%s", cm_why());
    return found;
}

TestSuite(prompt_lint, .fini = scratch_done);

Test(prompt_lint, a_clean_file_has_no_findings) {
    cr_assert_str_eq(lint("a.txt",
                          "a headshot, an adult woman, red hair\na man in pleated trousers and a red shirt, in Rome\n"),
                     "");
    cr_assert_eq(counts.prompts, 2);
}

Test(prompt_lint, contradictions_are_named) {
    cr_assert_str_eq(lint("a.txt", "a man in a sleeveless long-sleeve shirt"),
                     "1 contradiction: 'sleeveless' and 'long sleeve' in 'a sleeveless long-sleeve shirt'");
    cr_assert_str_eq(lint("a.txt", "a headshot, black leather boots"),
                     "1 contradiction: 'headshot' does not show 'black leather boots'");
    cr_assert_str_eq(lint("a.txt", "a toddler with a beard"), "1 contradiction: 'toddler' and 'beard' in one prompt");
    cr_assert_str_eq(lint("a.txt", "a woman in maxi pants"), "1 contradiction: 'pants' and 'maxi' in 'maxi pants'");
    cr_assert_str_eq(lint("a.txt", "a female toddler, a humane manly sleeveless dress"), "");
}

Test(prompt_lint, what_does_not_fit_77_tokens_is_told) {
    char text[800];
    size_t n = 0;
    for (int i = 0; i < 75; i++) n += (size_t)snprintf(text + n, sizeof text - n, "a ");
    cr_assert_str_eq(lint("a.txt", text), "");
    snprintf(text + n, sizeof text - n, "red shirt");
    cr_assert_str_eq(lint("a.txt", text), "1 cut off: at least 79 tokens, 77 are read: lost is 'red shirt'");
    cr_assert_str_eq(
        lint("a.jsonl",
             "{\"kind\":\"set\",\"set\":\"x\",\"version\":1}\n{\"prompt\":\"x\",\"tokens\":{\"clip\":80}}\n"),
        "2 cut off: 80 tokens, 77 are read");
}

Test(prompt_lint, unknown_words_and_attributes_are_told) {
    cr_assert_str_eq(lint("a.txt", "a man in a brwon coton shirt\na brwon hat\n"),
                     "1 unknown: 'brwon': is 'brown' meant?; 1 unknown: 'coton': is 'cotton' meant?");
    cr_assert_str_eq(lint("a.jsonl", "{\"prompt\":\"red shirt\",\"groups\":[{\"group\":6,\"text\":\"red "
                                     "shirt\",\"attributes\":{\"colr\":\"red\",\"type\":\"shirt\"}}]}"),
                     "1 unknown: tops has no attribute 'colr'; the closest is 'color'");
    cr_assert_str_eq(lint("a.jsonl", "{\"prompt\":\"jade shirt\",\"groups\":[{\"group\":6,\"text\":\"jade "
                                     "shirt\",\"attributes\":{\"color\":\"jade\"}}]}"),
                     "1 unknown: tops: 'jade' is no known color, so no question is asked about it");
    cr_assert_str_eq(lint("a.jsonl", "{\"prompt\":\"blue shirt\",\"groups\":[{\"group\":6,\"text\":\"blue "
                                     "shirt\",\"attributes\":{\"color\":\"red\"}}]}"),
                     "1 contradiction: the phrase 'blue shirt' does not say its color 'red'");
}

Test(prompt_lint, duplicates_and_empty_texts_are_told) {
    cr_assert_str_eq(lint("a.txt", "a red  shirt\nA red shirt\n"), "2 duplicate: the same prompt as line 1");
    cr_assert_str_eq(lint("a.jsonl", "{\"id\":\"a\",\"prompt\":\"\"}\n{\"id\":\"b\",\"prompt\":\"a "
                                     "hat\",\"negative\":\"\"}\n{\"id\":\"a\",\"prompt\":\"x\"}\n"),
                     "3 row: id 'a' stands twice, first in line 1; 1 empty: the prompt is empty; "
                     "2 empty: the negative is empty: leave it out where none is meant");
    cr_assert_eq(counts.found[CM_LINT_ROW], 1);
    cr_assert_str_eq(
        lint("a.json", "[{\"caption\": \"a hat\"}, {\"caption\": \"x\", \"id\": \"a/b\"}, {\"caption\": \"a hat\"}]"),
        "entry 2 row: id 'a/b' has '/' in it; only letters, digits and . _ - can name a file; "
        "entry 3 duplicate: the same prompt as entry 1");
}

Test(prompt_lint, good_words_are_no_slips) {
    static const char *const good[] = {"plain",   "women",   "shirts",  "dresses", "belted",
                                       "stripes", "leather", "weather", "books"};
    cm_arena arena;
    cm_lint_words *w;
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_lint_words_open(&w, &arena), CM_OK);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) cr_assert_null(cm_lint_misspelt(w, good[i]), "%s", good[i]);
    cr_assert_str_eq(cm_lint_misspelt(w, "sneekers"), "sneakers");
    cr_assert_str_eq(cm_lint_misspelt(w, "turtelneck"), "turtleneck");
    cm_arena_free(&arena);
}

Test(prompt_lint, the_shipped_sets_are_clean_but_for_what_is_cut_by_design) {
    static const struct {
        const char *path;
        size_t cut;
    } sets[] = {{CM_SOURCE_DIR "/prompts/sets/people-64.jsonl", 0},
                {CM_SOURCE_DIR "/prompts/sets/people-512.jsonl", 0},
                {CM_SOURCE_DIR "/prompts/sets/human-100.jsonl", 9},
                {CM_SOURCE_DIR "/prompts/sets/human-2048.jsonl", 76}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const cm_lint_options o = {.tell = take};
        size_t all = 0;
        cr_assert_eq(cm_prompt_lint(sets[i].path, &o, &counts), CM_OK, "%s", cm_why());
        for (int k = 0; k < CM_LINT_KINDS; k++) all += counts.found[k];
        cr_assert_eq(counts.found[CM_LINT_CUT], sets[i].cut, "%s", sets[i].path);
        cr_assert_eq(all, sets[i].cut, "%s: %s", sets[i].path, found);
    }
}
