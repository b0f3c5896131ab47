// SPDX-License-Identifier: Apache-2.0
/* The drawn people: the same from the same seed, texts that agree with slots, maps that agree with both. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/base/threads.h"
#include "core/data/people/people.h"
#include "core/data/people/people_words.h"
#include "core/io/jsonl.h"
#include "core/networks/tokenizer.h"

enum { SEEDS = 300 };

static void person(cm_person *p, uint64_t seed) {
    cm_person_sample(p, NULL, seed);
}

static const char *value(const cm_person *p, int group, const char *key) {
    const int s = cm_slot_find(group, key);
    cr_assert_geq(s, 0, "no slot %d.%s", group, key);
    return p->value[s] < 0 ? "" : cm_slots[s].values[p->value[s]];
}

static bool worn(const cm_person *p, int group) {
    return p->value[cm_slot_find(group, "type")] > 0;
}

static size_t count(const cm_image *map, uint8_t what) {
    size_t n = 0;
    for (size_t i = 0; i < map->width * map->height; i++) n += map->pixels[i] == what;
    return n;
}

Test(people, a_seed_is_one_person_whenever_and_however_large_it_is_drawn) {
    cm_arena a;
    cm_arena_init(&a, 0);
    for (uint64_t seed = 0; seed < 40; seed++) {
        cm_person p, q;
        cm_drawing d, e, big;
        person(&p, seed);
        cr_assert_eq(cm_person_draw(&p, 64, 96, &a, &d), CM_OK);
        cr_assert_eq(cm_person_draw(&p, 128, 192, &a, &big), CM_OK);
        person(&q, seed);
        cr_assert(memcmp(&p, &q, sizeof p) == 0);
        cr_assert_eq(cm_person_draw(&q, 64, 96, &a, &e), CM_OK);
        cr_assert(memcmp(d.picture.pixels, e.picture.pixels, 64 * 96 * 3) == 0);
        cr_assert(memcmp(d.groups.pixels, e.groups.pixels, 64 * 96) == 0);
        size_t differ = 0; /* the map of a picture twice as large, seen at every second pixel */
        for (size_t y = 0; y < 96; y++)
            for (size_t x = 0; x < 64; x++)
                differ += d.classes.pixels[y * 64 + x] != big.classes.pixels[(2 * y + 1) * 128 + 2 * x + 1];
        cr_assert_lt(differ, 64 * 96 / 20, "seed %d: %zu pixels differ", (int)seed, differ);
        cm_arena_clear(&a);
    }
    cm_arena_free(&a);
}

static void draw_again(void *arg, size_t i, int worker) {
    (void)worker;
    const cm_drawing *first = (const cm_drawing *)arg + i;
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_person p;
    cm_drawing d;
    person(&p, i);
    cr_assert_eq(cm_person_draw(&p, 64, 96, &a, &d), CM_OK);
    cr_assert(memcmp(d.picture.pixels, first->picture.pixels, 64 * 96 * 3) == 0, "person %zu differs", i);
    cm_arena_free(&a);
}

Test(people, several_threads_draw_what_one_draws) {
    enum { N = 60 };
    cm_drawing all[N];
    cm_arena a;
    cm_arena_init(&a, 0);
    for (uint64_t seed = 0; seed < N; seed++) {
        cm_person p;
        person(&p, seed);
        cr_assert_eq(cm_person_draw(&p, 64, 96, &a, &all[seed]), CM_OK);
    }
    cm_parallel(4, N, draw_again, all);
    cm_arena_free(&a);
}

Test(people, neighbouring_seeds_are_different_people) {
    size_t same = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cm_person p, q;
        person(&p, seed);
        person(&q, seed + 1);
        same += memcmp(p.value, q.value, sizeof p.value) == 0;
    }
    cr_assert_eq(same, 0);
}

Test(people, the_simple_world_has_plain_backgrounds_and_quiet_arms) {
    const cm_people_options simple = {.simple = true};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cm_person p;
        cm_person_sample(&p, &simple, seed);
        cr_assert(strncmp(value(&p, 2, "background"), "plain", 5) == 0);
    }
}

Test(people, what_is_worn_is_in_the_maps_and_what_is_not_is_not) {
    cm_arena a;
    cm_arena_init(&a, 0);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cm_person p;
        cm_drawing d;
        person(&p, seed);
        cr_assert_eq(cm_person_draw(&p, 64, 96, &a, &d), CM_OK);
        static const struct {
            int group, least;
        } groups[] = {{5, 150}, {6, 20},  {7, 150}, {8, 60}, {10, 12}, {11, 30},
                      {12, 4},  {13, 30}, {15, 4},  {18, 8}, {19, 3}};
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
            const int g = groups[i].group;
            const size_t n = count(&d.groups, (uint8_t)(1 + g));
            if (!worn(&p, g)) cr_assert_eq(n, 0, "seed %d: %s seen but not worn", (int)seed, cm_groups[g].name);
            else
                cr_assert_geq(n, (size_t)groups[i].least, "seed %d: only %zu pixels of %s", (int)seed, n,
                              cm_groups[g].name);
        }
        const bool hat = worn(&p, 11) || worn(&p, 15);
        cr_assert_eq(count(&d.classes, CM_HAT) > 0, hat);
        cr_assert_eq(count(&d.classes, CM_SKIRT) > 0, strcmp(value(&p, 8, "type"), "skirt") == 0);
        if (strcmp(value(&p, 3, "hair style"), "bald") == 0) cr_assert_eq(count(&d.classes, CM_HAIR), 0);
        else cr_assert_gt(count(&d.classes, CM_HAIR), 4, "seed %d has no hair", (int)seed);
        cr_assert_gt(count(&d.classes, CM_FACE), 40);
        cr_assert_gt(count(&d.classes, CM_LEFT_SHOE), 4, "seed %d", (int)seed);
        cr_assert_gt(count(&d.classes, CM_RIGHT_SHOE), 4, "seed %d", (int)seed);
        const size_t background = count(&d.classes, CM_BACKGROUND);
        cr_assert(background > 2500 && background < 5400, "seed %d: background %zu", (int)seed, background);
        cr_assert_eq(background, count(&d.groups, 1 + 2));
        cm_arena_clear(&a);
    }
    cm_arena_free(&a);
}

/* The mean colour of a region. */
static void mean_color(const cm_drawing *d, uint8_t group, double rgb[3]) {
    double n = 0;
    memset(rgb, 0, 3 * sizeof *rgb);
    for (size_t i = 0; i < d->groups.width * d->groups.height; i++)
        if (d->groups.pixels[i] == group) {
            for (int c = 0; c < 3; c++) rgb[c] += d->picture.pixels[3 * i + (size_t)c];
            n++;
        }
    for (int c = 0; c < 3; c++) rgb[c] /= n;
}

Test(people, a_solid_top_shows_the_colour_that_is_said) {
    cm_arena a;
    cm_arena_init(&a, 0);
    size_t seen = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cm_person p;
        cm_drawing d;
        double c[3];
        person(&p, seed);
        if (!worn(&p, 6) || strcmp(value(&p, 6, "pattern"), "solid") != 0) continue;
        cr_assert_eq(cm_person_draw(&p, 64, 96, &a, &d), CM_OK);
        mean_color(&d, 1 + 6, c);
        const char *said = value(&p, 6, "color");
        if (strcmp(said, "red") == 0) cr_assert(c[0] > 1.7 * c[1] && c[0] > 1.7 * c[2], "seed %d", (int)seed);
        if (strcmp(said, "blue") == 0) cr_assert(c[2] > 1.3 * c[0] && c[2] > 1.2 * c[1], "seed %d", (int)seed);
        if (strcmp(said, "green") == 0) cr_assert(c[1] > 1.3 * c[0] && c[1] > 1.1 * c[2], "seed %d", (int)seed);
        if (strcmp(said, "white") == 0) cr_assert(c[0] > 170 && c[1] > 170 && c[2] > 170, "seed %d", (int)seed);
        if (strcmp(said, "black") == 0) cr_assert(c[0] < 100 && c[1] < 100 && c[2] < 110, "seed %d", (int)seed);
        seen++;
        cm_arena_clear(&a);
    }
    cr_assert_gt(seen, 40);
    cm_arena_free(&a);
}

Test(people, spans_of_a_description_are_its_phrases) {
    cm_arena a;
    cm_arena_init(&a, 0);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cm_person p;
        cm_description d;
        person(&p, seed);
        cr_assert_eq(cm_person_describe(&p, seed, 0, &a, &d), CM_OK);
        cr_assert_eq(d.phrases[0].group, CM_GROUP_SHOT);
        for (size_t i = 0; i < 3; i++) cr_assert_eq(d.phrases[i + 1].group, (int)i);
        size_t at = 0;
        for (size_t i = 0; i < d.count; i++) {
            const cm_phrase *h = &d.phrases[i];
            cr_assert_eq(h->begin, at);
            cr_assert_eq(h->end - h->begin, strlen(h->text));
            cr_assert(strncmp(d.text + h->begin, h->text, h->end - h->begin) == 0);
            at = h->end + 2;
        }
        cr_assert_eq(at, strlen(d.text) + 2);
        cm_arena_clear(&a);
    }
    cm_arena_free(&a);
}

Test(people, attributes_of_a_description_are_the_slots_and_none_is_missing) {
    cm_arena a;
    cm_arena_init(&a, 0);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cm_person p;
        cm_description d;
        person(&p, seed);
        bool said[CM_MAX_SLOTS] = {false};
        cr_assert_eq(cm_person_describe(&p, seed, 0, &a, &d), CM_OK);
        for (size_t i = 0; i < d.count; i++)
            for (size_t k = 0; k < d.phrases[i].attribute_count; k++) {
                const cm_attribute *t = &d.phrases[i].attributes[k];
                const int s = cm_slot_find(d.phrases[i].group, t->key);
                cr_assert_geq(s, 0, "%s has no slot", t->key);
                cr_assert_str_eq(cm_slots[s].values[p.value[s]], t->value);
                cr_assert_not_null(strstr(d.phrases[i].text, t->value));
                said[s] = true;
            }
        for (int s = 0; s < cm_slot_count; s++) {
            const bool none =
                cm_slots[s].kind == CM_SLOT_OBJECT && strcmp(cm_slots[s].values[0], "none") == 0 && p.value[s] == 0;
            cr_assert_eq(said[s],
                         p.value[s] >= 0 && !none &&
                             !(cm_slots[s].group == 3 &&
                               p.value[cm_slots[s].object_slot < 0 ? s : cm_slots[s].object_slot] < 0),
                         "seed %d: %s", (int)seed, cm_slots[s].name);
        }
        cm_arena_clear(&a);
    }
    cm_arena_free(&a);
}

static bool is_word(const char *const *words, size_t n, const char *text, size_t length) {
    for (size_t i = 0; i < n; i++)
        if (strlen(words[i]) == length && strncmp(words[i], text, length) == 0) return true;
    return false;
}

static void check_words(const char *const *words, size_t n, const char *text) {
    while (*text) {
        size_t length = 0;
        while (isalpha((unsigned char)text[length])) length++;
        cr_assert(length == 0 || is_word(words, n, text, length), "not in the vocabulary: %.*s", (int)length, text);
        text += length ? length : 1;
    }
}

Test(people, every_word_of_both_texts_is_in_the_vocabulary) {
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *const *words;
    size_t n;
    cr_assert_eq(cm_people_words(&a, &words, &n), CM_OK);
    for (uint64_t seed = 0; seed < 4 * SEEDS; seed++) {
        const cm_arena_mark mark = cm_arena_get_mark(&a);
        cm_person p;
        cm_description d;
        person(&p, seed);
        cr_assert_eq(cm_person_describe(&p, seed, 0, &a, &d), CM_OK);
        check_words(words, n, d.text);
        check_words(words, n, cm_person_alt_text(&p, seed, &a));
        cm_arena_reset(&a, mark);
    }
    cm_arena_free(&a);
}

Test(people, every_word_is_one_token_and_other_text_is_still_encoded) {
    cm_arena a;
    cm_arena_init(&a, 0);
    const char *const *words;
    size_t n;
    cm_tokenizer *t;
    cm_tokens ids;
    cr_assert_eq(cm_people_words(&a, &words, &n), CM_OK);
    cr_assert_eq(cm_tokenizer_open(&t, CM_SOURCE_DIR "/core/models/nano/tokenizer"), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_tokenizer_length(t), 77);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(cm_tokenize(t, words[i], &a, &ids), CM_OK);
        cr_assert_eq(ids.total, 3, "%s is %zu tokens", words[i], ids.total - 2);
        cr_assert_str_eq(cm_tokenizer_text(t, ids.ids[1]), cm_arena_print(&a, "%s</w>", words[i]));
    }
    cr_assert_eq(cm_tokenize(t, "a turquoise kimono \xc3\xa9\xe7\x8c\xab 7", &a, &ids), CM_OK, "%s", cm_why());
    for (size_t i = 1; i + 1 < ids.used; i++) cr_assert_neq(ids.ids[i], cm_tokenizer_eos(t));
    cm_tokenizer_close(&t);
    cm_arena_free(&a);
}

Test(people, descriptions_fit_the_text_encoder) {
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_tokenizer *t;
    size_t over = 0;
    cr_assert_eq(cm_tokenizer_open(&t, CM_SOURCE_DIR "/core/models/nano/tokenizer"), CM_OK);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const cm_arena_mark mark = cm_arena_get_mark(&a);
        cm_person p;
        cm_description d;
        cm_tokens ids;
        person(&p, seed);
        cr_assert_eq(cm_person_describe(&p, seed, 0, &a, &d), CM_OK);
        cr_assert_eq(cm_tokenize(t, d.text, &a, &ids), CM_OK);
        cr_assert_leq(ids.total, 77);
        over += ids.total > 60;
        cm_arena_reset(&a, mark);
    }
    cr_assert_lt(over, SEEDS / 20);
    cm_tokenizer_close(&t);
    cm_arena_free(&a);
}

/* The sets are frozen: a change of sampling or of words that would alter them must be seen here. */
Test(people, prompt_sets_are_the_descriptions_of_their_people) {
    json_t *large, *small;
    cr_assert_eq(cm_jsonl_read(CM_SOURCE_DIR "/prompts/sets/people-512.jsonl", &large), CM_OK);
    cr_assert_eq(cm_jsonl_read(CM_SOURCE_DIR "/prompts/sets/people-64.jsonl", &small), CM_OK);
    cr_assert_eq(json_array_size(large), 512);
    cr_assert_eq(json_array_size(small), 64);
    cm_arena a;
    cm_arena_init(&a, 0);
    for (size_t i = 0; i < 512; i++) {
        const json_t *line = json_array_get(large, i);
        const json_int_t seed = json_integer_value(json_object_get(line, "seed_of_person"));
        cm_person p;
        cm_description d;
        cr_assert_eq(seed, ((json_int_t)1 << 40) + (json_int_t)i);
        person(&p, (uint64_t)seed);
        cr_assert_eq(cm_person_describe(&p, (uint64_t)seed, 0, &a, &d), CM_OK);
        cr_assert_str_eq(json_string_value(json_object_get(line, "prompt")), d.text);
        if (i < 64) cr_assert(json_equal(line, json_array_get(small, i)));
        cm_arena_clear(&a);
    }
    json_decref(large);
    json_decref(small);
    cm_arena_free(&a);
}

Test(people, dropping_leaves_groups_out_and_their_order_follows_the_seed) {
    cm_arena a;
    cm_arena_init(&a, 0);
    size_t all = 0, kept = 0, moved = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cm_person p;
        cm_description whole, part, other;
        person(&p, seed);
        cr_assert_eq(cm_person_describe(&p, 1, 0, &a, &whole), CM_OK);
        cr_assert_eq(cm_person_describe(&p, 2, 0, &a, &other), CM_OK);
        cr_assert_eq(cm_person_describe(&p, seed, .3, &a, &part), CM_OK);
        cr_assert_eq(whole.count, other.count);
        moved += strcmp(whole.text, other.text) != 0;
        all += whole.count - 1;
        kept += part.count - 1;
        cm_arena_clear(&a);
    }
    cr_assert_gt(moved, SEEDS / 2);
    cr_assert((double)kept / (double)all > .63 && (double)kept / (double)all < .74, "%zu of %zu", kept, all);
    cm_arena_free(&a);
}

Test(people, a_swap_exchanges_the_colours_of_two_garments_and_nothing_else) {
    size_t swaps = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cm_person p, q;
        int g[2];
        person(&p, seed);
        if (!cm_person_swap(&p, seed, &q, g)) continue;
        swaps++;
        const int a = cm_slot_find(g[0], "color"), b = cm_slot_find(g[1], "color");
        cr_assert(worn(&p, g[0]) && worn(&p, g[1]));
        cr_assert_neq(p.value[a], p.value[b]);
        cr_assert_eq(q.value[a], p.value[b]);
        cr_assert_eq(q.value[b], p.value[a]);
        for (int s = 0; s < cm_slot_count; s++)
            if (strcmp(cm_slots[s].key, "color") != 0 && strcmp(cm_slots[s].key, "pattern") != 0)
                cr_assert_eq(p.value[s], q.value[s]);
        cr_assert(memcmp(p.numbers, q.numbers, sizeof p.numbers) == 0);
    }
    cr_assert_gt(swaps, SEEDS / 2);
}

Test(people, a_size_that_cannot_be_drawn_is_refused) {
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_person p;
    cm_drawing d;
    person(&p, 1);
    cr_assert_eq(cm_person_draw(&p, 0, 96, &a, &d), CM_EUSAGE);
    cr_assert_eq(cm_person_draw(&p, 64, 100000, &a, &d), CM_EUSAGE);
    cr_assert_eq(cm_person_draw(&p, 100, 64, &a, &d), CM_OK);
    cm_arena_free(&a);
}

/* Every type and colour is seen in training, a fifth of their pairs is not. */
Test(people, pairs_can_be_held_out) {
    size_t worn_pairs = 0, out = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        cm_person any, seen, held, again;
        cm_person_sample(&any, NULL, seed);
        cm_person_sample(&seen, &(cm_people_options){.pairs = CM_PAIRS_SEEN}, seed);
        cm_person_sample(&held, &(cm_people_options){.pairs = CM_PAIRS_HELD_OUT}, seed);
        cm_person_sample(&again, NULL, held.seed);
        cr_assert_eq(cm_person_held_out(&seen), 0u);
        cr_assert_gt(cm_person_held_out(&held), 0u);
        cr_assert(memcmp(&again, &held, sizeof held) == 0, "its seed alone gives the same person");
        cr_assert_eq(held.seed >> 62, 0u);
        out += cm_person_held_out(&any);
        for (int g = 5; g <= 8; g++) worn_pairs += worn(&any, g);
        cr_assert((cm_person_held_out(&any) == 0 ? seen.seed : held.seed) == any.seed, "who fits is taken as he is");
    }
    cr_expect_gt(5 * out, 6 * worn_pairs / 10);
    cr_expect_lt(5 * out, 14 * worn_pairs / 10);
}

Test(people, nobody_that_is_trained_on_has_a_held_out_seed) {
    static const uint64_t above = (uint64_t)1 << 41; /* all ranges of docs/DATA.md */
    for (uint64_t people_seed = 1; people_seed <= 2; people_seed++)
        for (int i = 0; i < 20000; i++) {
            char id[32];
            snprintf(id, sizeof id, "train/%d", i);
            cr_assert_gt(cm_seed_for(people_seed, id), above, "person %d of %d", i, (int)people_seed);
        }
}
