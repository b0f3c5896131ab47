// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/name_table.h"
#include "core/io/jsonl.h"
#include "prompts/human_set.h"
#include "prompts/prompt_lint.h"

enum { COUNT = 2048, FEW = 100 };

static cm_arena arena;
static json_t *lines;

static void begin(void) {
    cm_arena_init(&arena, 0);
    lines = NULL;
}

static void end(void) {
    json_decref(lines);
    cm_arena_free(&arena);
}

TestSuite(human_set, .init = begin, .fini = end);

static const char *text_of(size_t i, const char *key) {
    const json_t *v = json_object_get(json_array_get(lines, i), key);
    cr_assert(json_is_string(v), "line %zu lacks %s", i + 1, key);
    return json_string_value(v);
}

static void read_set(const char *path) {
    cr_assert_eq(cm_jsonl_read(path, &lines), CM_OK, "%s", cm_why());
}

/* Without the tokens, which take CLIP's vocabulary. */
static void check_row(const cm_human_row *row, size_t line) {
    json_t *made, *frozen = json_array_get(lines, line);
    cr_assert_eq(cm_human_row_json(row, text_of(line, "id"), NULL, 0, &arena, &made), CM_OK, "%s", cm_why());
    const char *key;
    json_t *value;
    json_object_foreach(made, key, value) {
        if (strcmp(key, "tokens") != 0 && strcmp(key, "spans") != 0)
            cr_assert(json_equal(value, json_object_get(frozen, key)), "line %zu: another %s", line + 1, key);
    }
    json_decref(made);
}

Test(human_set, the_frozen_sets_are_what_their_seed_makes) {
    cm_human_row *rows = CM_PUSH(&arena, cm_human_row, COUNT);
    size_t places[FEW];
    cr_assert_eq(cm_human_set_make(COUNT, COUNT, &arena, rows), CM_OK, "%s", cm_why());
    read_set(CM_SOURCE_DIR "/prompts/sets/human-2048.jsonl");
    cr_assert_eq(json_array_size(lines), COUNT + 1);
    for (size_t i = 0; i < COUNT; i++) check_row(&rows[i], i + 1);
    json_decref(lines);
    read_set(CM_SOURCE_DIR "/prompts/sets/human-100.jsonl");
    cr_assert_eq(cm_human_set_subset(rows, COUNT, FEW, &arena, places), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < FEW; i++) {
        char id[16];
        snprintf(id, sizeof id, "h%04zu", places[i] + 1);
        cr_assert_str_eq(text_of(i + 1, "id"), id);
        check_row(&rows[places[i]], i + 1);
    }
}

/* How often the rarest value is said. */
static size_t rarest(const char *path) {
    cm_human_facts f;
    cm_name_table table;
    cm_prompt_set set;
    cr_assert_eq(cm_human_facts_list(&arena, &f), CM_OK);
    cr_assert_eq(f.count, 422);
    size_t *said = CM_PUSH_ZERO(&arena, size_t, f.count), least = COUNT;
    cr_assert_eq(cm_name_table_init(&table, f.count, &arena), CM_OK);
    for (size_t i = 0; i < f.count; i++) cm_name_table_add(&table, f.name[i], i, NULL);
    cr_assert_eq(cm_prompt_set_read(path, NULL, &arena, &set), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < set.count; i++)
        for (size_t k = 0; k < set.prompts[i].dense.count; k++)
            for (size_t a = 0; a < set.prompts[i].dense.phrases[k].attribute_count; a++) {
                const cm_phrase *p = &set.prompts[i].dense.phrases[k];
                char name[128];
                snprintf(name, sizeof name, "%d/%s/%s", p->group, p->attributes[a].key, p->attributes[a].value);
                const cm_name_entry *e = cm_name_table_find(&table, name);
                cr_assert(e, "%s is no value", name);
                said[e->value]++;
            }
    for (size_t i = 0; i < f.count; i++)
        if (said[i] < least) least = said[i];
    return least;
}

Test(human_set, every_value_is_said) {
    cr_assert_eq(rarest(CM_SOURCE_DIR "/prompts/sets/human-2048.jsonl"), 26);
    cr_assert_eq(rarest(CM_SOURCE_DIR "/prompts/sets/human-100.jsonl"), 1);
}

Test(human_set, shots_and_styles_keep_their_shares) {
    static const size_t want[2][CM_SHOTS] = {{819, 410, 512, 205, 102}, {40, 20, 25, 10, 5}};
    static const char *const paths[] = {CM_SOURCE_DIR "/prompts/sets/human-2048.jsonl",
                                        CM_SOURCE_DIR "/prompts/sets/human-100.jsonl"};
    for (int k = 0; k < 2; k++) {
        size_t shots[CM_SHOTS] = {0}, sentences = 0;
        json_decref(lines);
        read_set(paths[k]);
        for (size_t i = 1; i < json_array_size(lines); i++) {
            for (int s = 0; s < CM_SHOTS; s++) shots[s] += strcmp(text_of(i, "shot"), cm_human_shots[s].name) == 0;
            sentences += strcmp(text_of(i, "style"), "sentence") == 0;
        }
        cr_assert_arr_eq(shots, want[k], sizeof shots);
        cr_assert_eq(2 * sentences, json_array_size(lines) - 1);
    }
}

/* Every span is as many tokens as it says, in order, and none of those that were cut off. */
Test(human_set, spans_lie_in_the_encoded_text) {
    read_set(CM_SOURCE_DIR "/prompts/sets/human-100.jsonl");
    for (size_t i = 1; i < json_array_size(lines); i++) {
        const json_t *row = json_array_get(lines, i), *spans = json_object_get(json_object_get(row, "spans"), "clip");
        const json_int_t total = json_integer_value(json_object_get(json_object_get(row, "tokens"), "clip"));
        json_int_t at = 1;
        cr_assert_eq(json_array_size(spans), json_array_size(json_object_get(row, "groups")));
        for (size_t k = 0; k < json_array_size(spans); k++) {
            const json_t *s = json_array_get(spans, k);
            if (json_is_null(s)) {
                cr_assert_gt(total, 77);
                continue;
            }
            cr_assert_geq(json_integer_value(json_array_get(s, 0)), at);
            cr_assert_gt(json_integer_value(json_array_get(s, 1)), json_integer_value(json_array_get(s, 0)));
            at = json_integer_value(json_array_get(s, 1));
        }
        cr_assert_leq(at, total < 77 ? total - 1 : 76);
    }
}

/* Garments and attributes that are for adults are never of the young. */
Test(human_set, minors_wear_everyday_clothes) {
    cm_rng r = cm_rng_make(3, 1);
    size_t minors = 0;
    for (int i = 0; i < 20000; i++) {
        cm_human h;
        cm_human_sample(&h, &r, i % CM_SHOTS, i % 21 - 1, 1);
        minors += !h.adult;
        for (size_t k = 0; k < h.count && !h.adult; k++) {
            const cm_human_part *p = &h.parts[k];
            cr_assert_neq(p->group, 1);
            if (!p->type) continue;
            cr_assert_not(p->type->only & CM_FOR_ADULTS, "%s", p->type->value);
            for (size_t f = 0; f + 1 < p->count; f++)
                for (int s = 0; s < CM_HUMAN_SLOTS && p->type->slots[s].key; s++) {
                    bool adult;
                    if (strcmp(p->type->slots[s].key, p->facts[f].key) == 0 &&
                        cm_human_list_has(p->type->slots[s].values, p->facts[f].value, &adult))
                        cr_assert_not(adult, "%s %s", p->facts[f].value, p->type->value);
                }
        }
    }
    cr_assert_gt(minors, 2000);
}

static size_t contradictions;
static void count_contradiction(void *arg, const char *text) {
    (void)arg;
    if (!contradictions++) cr_log_error("%s", text);
}

Test(human_set, other_seeds_have_no_contradiction_either) {
    enum { MORE = 400 };
    cm_human_row *rows = CM_PUSH(&arena, cm_human_row, MORE);
    cr_assert_eq(cm_human_set_make(77, MORE, &arena, rows), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < MORE; i++) {
        const cm_description *d = &rows[i].dense;
        cm_lint_contradictions(d->text, d, count_contradiction, NULL);
        for (size_t k = 0; k < d->count; k++)
            cr_assert_eq(
                strncmp(d->text + d->phrases[k].begin, d->phrases[k].text, d->phrases[k].end - d->phrases[k].begin), 0);
    }
    cr_assert_eq(contradictions, 0);
}

Test(human_set, questions_ask_in_words) {
    cm_description d = {
        .count = 2,
        .phrases = {
            {.group = 8,
             .attribute_count = 4,
             .attributes = {{"color", "red"}, {"pattern", "solid color"}, {"material", "cotton"}, {"type", "pants"}}},
            {.group = 3, .attribute_count = 2, .attributes = {{"hair style", "bun"}, {"hair length", "above chin"}}}}};
    json_t *q = cm_human_questions(&d);
    char *text = json_dumps(q, JSON_COMPACT);
    cr_assert_str_eq(
        text,
        "{\"object\":[[0,\"type\",\"Are there pants?\"]],\"texture\":[[0,\"color\",\"Are the pants red?\"],"
        "[0,\"pattern\",\"Are the pants of one solid color?\"],[0,\"material\",\"Are the pants made of cotton?\"]],"
        "\"shape\":[[1,\"hair style\",\"Is the hair in a bun?\"],[1,\"hair length\",\"Does the hair end above "
        "chin?\"]]}");
    free(text);
    json_decref(q);
}
