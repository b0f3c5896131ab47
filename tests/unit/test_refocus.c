// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "metrics/refocus.h"

enum { H = 6, W = 4, CELLS = H * W, KEYS = 9, HEADS = 2 };

static cm_arena arena;
static float probs[2 * HEADS * CELLS * KEYS]; /* both halves of guidance */
static cm_image classes;
static const cm_token_span spans[2] = {{1, 4}, {5, 6}};

/* The picture is 16 times the maps: left half class 4, right upper quarter class 6, else background. */
static void setup(void) {
    cm_arena_init(&arena, 0);
    cm_image_new(&arena, W * 16, H * 16, 1, &classes);
    for (size_t y = 0; y < H * 16; y++)
        for (size_t x = 0; x < W * 16; x++) classes.pixels[y * W * 16 + x] = x < W * 8 ? 4 : y < H * 8 ? 6 : 0;
    cm_rng r = cm_rng_named(1, "maps");
    for (size_t i = 0; i < sizeof probs / sizeof probs[0]; i++) probs[i] = (float)cm_rng_uniform(&r);
}

static void teardown(void) {
    cm_arena_free(&arena);
}

TestSuite(refocus, .init = setup, .fini = teardown);

/* left, right: the classes of the two phrases' regions; both are garments. */
static cm_refocus *watch_classes(uint32_t left, uint32_t right, size_t factor) {
    const cm_refocus_phrase phrases[2] = {{spans[0], left, true}, {spans[1], right, true}};
    cm_refocus *r;
    cr_assert_eq(cm_refocus_begin(&arena, phrases, 2, factor, H * 16, W * 16, &r), CM_OK);
    return r;
}

static cm_refocus *watch(size_t factor) {
    return watch_classes(1u << 4, 1u << 6, factor);
}

static bool show_layer(cm_refocus *r, int index, float *values, size_t n, size_t heads, size_t height, size_t width) {
    const cm_attention_observer *o = cm_refocus_observer(r);
    const cm_attention_site site = {index ? "second" : "first", index, n, heads, height, width, KEYS};
    cm_tensor t = {.data = values, .ndim = 4, .shape = {n, heads, height * width, KEYS}};
    if (!o->wants(o->arg, &site)) return false;
    o->give(o->arg, &site, &t);
    return true;
}

static bool show(cm_refocus *r, float *values, size_t n, size_t heads, size_t height, size_t width) {
    return show_layer(r, 0, values, n, heads, height, width);
}

static float region(uint32_t bits, size_t cell) {
    const uint8_t c = classes.pixels[(cell / W * 16 + 8) * W * 16 + cell % W * 16 + 8];
    return (float)(bits >> c & 1);
}

/* The closed form, head by head. */
static double hola_of(const float *p, size_t heads, const uint32_t *regions) {
    double sum = 0;
    for (size_t head = 0; head < heads; head++)
        for (size_t i = 0; i < CELLS; i++)
            for (size_t g = 0; g < 2; g++) {
                const float *row = p + (head * CELLS + i) * KEYS;
                double mean = 0;
                for (size_t j = spans[g].begin; j < spans[g].end; j++) {
                    const double d = (double)row[j] - (double)region(regions[g], i);
                    sum += d * d;
                    mean += (double)row[j];
                }
                mean /= (double)(spans[g].end - spans[g].begin);
                sum += pow(mean - (double)region(regions[g], i), 2);
            }
    return sum / (double)(heads * CELLS * (3 + 1 + 2));
}

Test(refocus, hola_is_the_closed_form_over_heads_of_the_prompts_half) {
    const uint32_t regions[2] = {1u << 4, 1u << 6};
    cm_refocus *r = watch(16);
    cm_refocus_scores s;
    cr_assert(show(r, probs, 2, HEADS, H, W));
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &s), CM_OK, "%s", cm_why());
    cr_expect_float_eq(s.hola, hola_of(probs + HEADS * CELLS * KEYS, HEADS, regions), 1e-9);
}

Test(refocus, hola_over_steps_is_the_mean_of_the_steps) {
    const uint32_t regions[2] = {1u << 4, 1u << 6};
    cm_refocus *r = watch(16);
    cm_refocus_scores s;
    show(r, probs, 1, HEADS, H, W);
    show(r, probs + HEADS * CELLS * KEYS, 1, HEADS, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &s), CM_OK);
    const double want = (hola_of(probs, HEADS, regions) + hola_of(probs + HEADS * CELLS * KEYS, HEADS, regions)) / 2;
    cr_expect_float_eq(s.hola, want, 1e-9);
}

Test(refocus, attention_exactly_on_its_region_scores_perfectly) {
    const uint32_t regions[2] = {1u << 4, 1u << 6};
    cm_refocus *r = watch(16);
    cm_refocus_scores s;
    memset(probs, 0, sizeof probs);
    for (size_t i = 0; i < CELLS; i++)
        for (size_t g = 0; g < 2; g++)
            for (size_t j = spans[g].begin; j < spans[g].end; j++) probs[i * KEYS + j] = region(regions[g], i);
    show(r, probs, 1, 1, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &s), CM_OK);
    cr_expect_float_eq(s.hola, 0, 1e-12);
    cr_expect_float_eq(s.iou, 1, 1e-12);
    cr_expect_float_eq(s.mass, 1, 1e-12);
}

static void fill_even(float *p, size_t cells) {
    for (size_t i = 0; i < cells * KEYS; i++) p[i] = 1.0f / KEYS;
}

Test(refocus, even_attention_has_what_is_told_as_even) {
    cm_refocus *r = watch(16);
    cm_refocus_scores s;
    fill_even(probs, CELLS);
    show(r, probs, 1, 1, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &s), CM_OK);
    cr_expect_float_eq(s.mass, (0.5 + 0.25) / 2, 1e-6);
    cr_expect_float_eq(s.area, (0.5 + 0.25) / 2, 1e-6);
    cr_expect_float_eq(s.hola, s.even, 1e-6);
    cr_expect_float_eq(s.share, (3.0 + 1.0) / 2 / KEYS, 1e-6, "three tokens and one of nine");
    cr_expect_float_eq(s.share_even, s.share, 1e-6);
}

/* Cells of the left half give 0.1 to each of phrase 0's three tokens, all others 0.02; phrase 1 has 0.001 everywhere.
 */
Test(refocus, the_share_is_of_all_attention_so_a_starved_phrase_is_seen) {
    cm_refocus *r = watch(16);
    cm_refocus_scores s;
    for (size_t i = 0; i < CELLS; i++) {
        for (size_t j = 1; j < 4; j++) probs[i * KEYS + j] = i % W < W / 2 ? 0.1f : 0.02f;
        probs[i * KEYS + 5] = i % W >= W / 2 && i / W < H / 2 ? 0.001f : 0.0f;
    }
    show(r, probs, 1, 1, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &s), CM_OK);
    cr_expect_float_eq(s.share, (0.3 + 0.001) / 2, 1e-6, "%g", s.share);
    cr_expect_float_eq(s.mass, (0.1 / 0.12 + 1) / 2, 1e-6, "its own attention is all inside: %g", s.mass);
}

/* The second layer has a quarter of the cells and is not watched; its upper left cell covers pixels of both halves'
 * left. */
Test(refocus, each_layer_counts_once_for_the_share_whatever_its_size) {
    cm_refocus *r = watch(16);
    cm_refocus_scores s;
    cm_refocus_kept k;
    float small[CELLS / 4 * KEYS] = {0};
    for (size_t i = 0; i < CELLS; i++) probs[i * KEYS + 5] = 0.5f;
    for (size_t i = 0; i < CELLS / 4; i++)
        small[i * KEYS + 5] = i % 2 ? 0.25f : 0.0f; /* two cells wide: right half only */
    for (size_t i = 0; i < CELLS; i++) probs[i * KEYS + 1] = probs[i * KEYS + 2] = probs[i * KEYS + 3] = 0;
    show_layer(r, 0, probs, 1, 1, H, W);
    show_layer(r, 1, small, 1, 1, H / 2, W / 2);
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &s), CM_OK);
    cr_expect_float_eq(s.share, (0 + (0.5 + 0.25) / 2) / 2, 1e-6, "%g", s.share);
    cr_expect_float_eq(s.mass, (0 + 0.25) / 2, 1e-6, "of the watched layer alone: %g", s.mass);
    cr_assert_eq(cm_refocus_kept_by_layer(r, &classes, &arena, &arena, &k), CM_OK);
    cr_assert(k.phrases == 2 && k.layers == 2);
    cr_expect(k.layer[0].watched && !k.layer[1].watched && strcmp(k.layer[1].name, "second") == 0);
    cr_expect(k.layer[1].height == H / 2 && k.layer[1].width == W / 2);
    cr_expect_float_eq(k.area[1], 0.25, 1e-9);
    cr_expect_float_eq(k.all[2], 0.5, 1e-6);
    cr_expect_float_eq(k.inside[2], 0.5 * 0.25, 1e-6);
    cr_expect_float_eq(k.all[3], 0.125, 1e-6);
    cr_expect_float_eq(k.inside[3], 0.25 * 0.25, 1e-6, "a cell and a half of the right column of three: %g",
                       k.inside[3]);
}

Test(refocus, what_a_layer_keeps_is_the_mean_over_heads_steps_and_cells) {
    cm_refocus *r = watch(16);
    cm_refocus_kept k;
    show(r, probs, 2, HEADS, H, W);
    show(r, probs, 1, HEADS, H, W);
    cr_assert_eq(cm_refocus_kept_by_layer(r, &classes, &arena, &arena, &k), CM_OK);
    double want = 0, inside = 0;
    for (size_t i = 0; i < 2 * HEADS * CELLS; i++) {
        want += (double)probs[i * KEYS + 5] / (2 * HEADS * CELLS);
        inside += (double)probs[i * KEYS + 5] * (double)region(1u << 6, i % CELLS) / (2 * HEADS * CELLS);
    }
    cr_expect_float_eq(k.all[1], want, 1e-7);
    cr_expect_float_eq(k.inside[1], inside, 1e-7);
}

/* Two phrases of one token each claim the whole of every cell: attention sums to 1, so each gets a half of it at best,
 * 4 channels being off by a half. */
Test(refocus, the_floor_is_what_attention_that_sums_to_one_can_reach) {
    const cm_refocus_phrase phrases[2] = {{{1, 2}, 1u << 4, true}, {{5, 6}, 1u << 4, true}};
    cm_refocus *r;
    cm_refocus_scores s;
    memset(classes.pixels, 4, classes.width * classes.height);
    cr_assert_eq(cm_refocus_begin(&arena, phrases, 2, 16, H * 16, W * 16, &r), CM_OK);
    memset(probs, 0, sizeof probs);
    for (size_t i = 0; i < CELLS; i++) probs[i * KEYS + 1] = probs[i * KEYS + 5] = 0.5f;
    show(r, probs, 1, 1, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &s), CM_OK);
    cr_expect_float_eq(s.floor, 0.25, 1e-9);
    cr_expect_float_eq(s.hola, s.floor, 1e-9, "this attention is the best there is");
    cr_expect_float_eq(s.even, pow(1 - 1.0 / KEYS, 2), 1e-9);
}

Test(refocus, a_small_region_has_its_cells_share_of_area_and_is_not_lost) {
    memset(classes.pixels, 0, classes.width * classes.height);
    classes.pixels[0] = 4; /* one pixel of 256 of the first cell */
    cm_refocus *r = watch(16);
    cm_refocus_scores s;
    memset(probs, 0, sizeof probs);
    for (size_t j = 1; j < 4; j++) probs[j] = 0.2f; /* all of its attention in that cell */
    show(r, probs, 1, 1, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &s), CM_OK);
    cr_expect(s.phrases == 2 && s.lost == 1);
    cr_expect_float_eq(s.share, 0.6, 1e-6);
    cr_expect_float_eq(s.iou, 1, 1e-9, "the one cell with the most attention is the one with the region");
    cr_expect_float_eq(s.mass, 1.0 / 256, 1e-9);
}

Test(refocus, a_phrase_whose_region_is_lost_is_counted_and_does_not_score) {
    cm_refocus_scores alone, both;
    cm_refocus *r = watch_classes(0, 1u << 6, 16), *with_bag = watch_classes(1u << 16, 1u << 6, 16);
    show(r, probs, 1, HEADS, H, W);
    show(with_bag, probs, 1, HEADS, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &alone), CM_OK);
    cr_assert_eq(cm_refocus_score(with_bag, &classes, &arena, &both), CM_OK);
    cr_expect(alone.phrases == 1 && alone.lost == 0 && both.phrases == 2 && both.lost == 1);
    cr_expect(both.iou == alone.iou && both.mass == alone.mass && both.share == alone.share);
    cr_expect_float_eq(both.hola, alone.hola, 1e-12);
}

Test(refocus, a_picture_without_any_region_is_undefined_and_tells_how_many) {
    cm_refocus_scores s = {.hola = 7};
    cm_refocus *r = watch_classes(1u << 16, 1u << 1, 16);
    show(r, probs, 1, HEADS, H, W);
    cr_expect_eq(cm_refocus_score(r, &classes, &arena, &s), CM_EUNDEFINED);
    cr_expect(s.phrases == 2 && s.lost == 2 && s.hola == 7);
}

Test(refocus, only_garments_count_for_the_share) {
    const cm_refocus_phrase phrases[2] = {{spans[0], 1u << 4, false}, {spans[1], 1u << 6, true}};
    cm_refocus *r;
    cm_refocus_scores s;
    cr_assert_eq(cm_refocus_begin(&arena, phrases, 2, 16, H * 16, W * 16, &r), CM_OK);
    fill_even(probs, CELLS);
    show(r, probs, 1, 1, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &s), CM_OK);
    cr_expect_float_eq(s.share, 1.0 / KEYS, 1e-6);
}

Test(refocus, a_size_that_no_layer_has_leaves_the_share_alone) {
    float small[CELLS / 4 * KEYS];
    cm_refocus_scores s;
    cm_refocus *r = watch(16), *all = watch(0);
    fill_even(small, CELLS / 4);
    show(r, small, 1, 1, H / 2, W / 2);
    show(all, small, 1, 1, H / 2, W / 2);
    cr_assert_eq(cm_refocus_score(r, &classes, &arena, &s), CM_OK);
    cr_expect(isnan(s.hola) && isnan(s.iou) && isnan(s.mass) && s.share > 0);
    cr_assert_eq(cm_refocus_score(all, &classes, &arena, &s), CM_OK);
    cr_expect(s.hola > 0 && s.mass > 0);
}

Test(refocus, odd_sizes_are_rounded_half_to_even_as_in_the_authors_code) {
    const cm_refocus_phrase phrase = {spans[0], 1u << 4, true};
    cm_refocus *r;
    cm_refocus_kept k;
    fill_even(probs, CELLS);
    cr_assert_eq(cm_refocus_begin(&arena, &phrase, 1, 16, 6 * 16 + 8, 4 * 16, &r), CM_OK); /* 6.5 is 6 */
    show(r, probs, 1, 1, 6, 4);
    cr_assert_eq(cm_refocus_kept_by_layer(r, &classes, &arena, &arena, &k), CM_OK);
    cr_expect(k.layer[0].watched);
}

Test(refocus, no_layer_or_no_phrase_is_undefined) {
    cm_refocus_scores s = {.hola = 7};
    cm_refocus *r;
    cr_expect_eq(cm_refocus_score(watch(16), &classes, &arena, &s), CM_EUNDEFINED);
    cr_assert_eq(cm_refocus_begin(&arena, NULL, 0, 16, H * 16, W * 16, &r), CM_OK);
    cr_expect_not(show(r, probs, 1, 1, H, W), "nobody looks");
    cr_expect_eq(cm_refocus_score(r, &classes, &arena, &s), CM_EUNDEFINED);
    cr_expect(s.hola == 7);
}

Test(refocus, the_map_for_pictures_is_the_groups_mean_over_tokens_and_heads) {
    cm_refocus *r = watch(16);
    show(r, probs, 1, HEADS, H, W);
    size_t h, w;
    const double *map = cm_refocus_map(r, 0, &arena, &h, &w);
    cr_assert(map && h == H && w == W);
    double want = 0;
    for (size_t head = 0; head < HEADS; head++)
        for (size_t j = 1; j < 4; j++) want += (double)probs[(head * CELLS + 5) * KEYS + j] / (3 * HEADS);
    cr_expect_float_eq(map[5], want, 1e-9);
}
