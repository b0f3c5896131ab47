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
        for (size_t x = 0; x < W * 16; x++)
            classes.pixels[y * W * 16 + x] = x < W * 8 ? 4 : y < H * 8 ? 6 : 0;
    cm_rng r = cm_rng_named(1, "maps");
    for (size_t i = 0; i < sizeof probs / sizeof probs[0]; i++) probs[i] = (float)cm_rng_uniform(&r);
}

static void teardown(void) {
    cm_arena_free(&arena);
}

TestSuite(refocus, .init = setup, .fini = teardown);

static cm_refocus *watch(size_t count, size_t factor) {
    cm_refocus *r;
    cr_assert_eq(cm_refocus_begin(&arena, spans, count, factor, H * 16, W * 16, &r), CM_OK);
    return r;
}

static bool show(cm_refocus *r, float *values, size_t n, size_t heads, size_t height, size_t width) {
    const cm_attention_observer *o = cm_refocus_observer(r);
    const cm_attention_site site = {"attn2", 0, n, heads, height, width, KEYS};
    cm_tensor t = {.data = values, .ndim = 4, .shape = {n, heads, height * width, KEYS}};
    if (!o->wants(o->arg, &site)) return false;
    o->give(o->arg, &site, &t);
    return true;
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
    cm_refocus *r = watch(2, 16);
    cm_refocus_scores s;
    cr_assert(show(r, probs, 2, HEADS, H, W));
    cr_assert_eq(cm_refocus_score(r, &classes, regions, &arena, &s), CM_OK, "%s", cm_why());
    cr_expect_float_eq(s.hola, hola_of(probs + HEADS * CELLS * KEYS, HEADS, regions), 1e-9);
}

Test(refocus, hola_over_steps_is_the_mean_of_the_steps) {
    const uint32_t regions[2] = {1u << 4, 1u << 6};
    cm_refocus *r = watch(2, 16);
    cm_refocus_scores s;
    show(r, probs, 1, HEADS, H, W);
    show(r, probs + HEADS * CELLS * KEYS, 1, HEADS, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, regions, &arena, &s), CM_OK);
    const double want = (hola_of(probs, HEADS, regions) + hola_of(probs + HEADS * CELLS * KEYS, HEADS, regions)) / 2;
    cr_expect_float_eq(s.hola, want, 1e-9);
}

Test(refocus, attention_exactly_on_its_region_scores_perfectly) {
    const uint32_t regions[2] = {1u << 4, 1u << 6};
    cm_refocus *r = watch(2, 16);
    cm_refocus_scores s;
    memset(probs, 0, sizeof probs);
    for (size_t i = 0; i < CELLS; i++)
        for (size_t g = 0; g < 2; g++)
            for (size_t j = spans[g].begin; j < spans[g].end; j++) probs[i * KEYS + j] = region(regions[g], i);
    show(r, probs, 1, 1, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, regions, &arena, &s), CM_OK);
    cr_expect_float_eq(s.hola, 0, 1e-12);
    cr_expect_float_eq(s.iou, 1, 1e-12);
    cr_expect_float_eq(s.mass, 1, 1e-12);
}

Test(refocus, even_attention_has_the_regions_share_inside) {
    const uint32_t regions[2] = {1u << 4, 1u << 6};
    cm_refocus *r = watch(2, 16);
    cm_refocus_scores s;
    for (size_t i = 0; i < CELLS * KEYS; i++) probs[i] = 1.0f / KEYS;
    show(r, probs, 1, 1, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, regions, &arena, &s), CM_OK);
    cr_expect_float_eq(s.mass, (0.5 + 0.25) / 2, 1e-6);
}

Test(refocus, a_region_that_is_not_in_the_picture_has_no_overlap_and_no_mass) {
    const uint32_t regions[2] = {1u << 16, 1u << 6}; /* no bag */
    cm_refocus *r = watch(1, 16);
    cm_refocus_scores s;
    show(r, probs, 1, HEADS, H, W);
    cr_assert_eq(cm_refocus_score(r, &classes, regions, &arena, &s), CM_OK);
    cr_expect(s.iou == 0 && s.mass == 0 && s.hola > 0);
}

Test(refocus, only_layers_of_the_asked_size_are_watched) {
    float small[CELLS / 4 * KEYS] = {0};
    cr_expect_not(show(watch(2, 16), small, 1, 1, H / 2, W / 2));
    cr_expect(show(watch(2, 0), small, 1, 1, H / 2, W / 2));
}

Test(refocus, no_layer_or_no_phrase_is_undefined) {
    const uint32_t regions[2] = {1u << 4, 1u << 6};
    cm_refocus_scores s = {7, 7, 7};
    cr_expect_eq(cm_refocus_score(watch(2, 16), &classes, regions, &arena, &s), CM_EUNDEFINED);
    cm_refocus *r = watch(0, 16);
    show(r, probs, 1, 1, H, W);
    cr_expect_eq(cm_refocus_score(r, &classes, regions, &arena, &s), CM_EUNDEFINED);
    cr_expect(s.hola == 7);
}

Test(refocus, the_map_for_pictures_is_the_groups_mean_over_tokens_and_heads) {
    cm_refocus *r = watch(2, 16);
    show(r, probs, 1, HEADS, H, W);
    size_t h, w;
    const double *map = cm_refocus_map(r, 0, &arena, &h, &w);
    cr_assert(map && h == H && w == W);
    double want = 0;
    for (size_t head = 0; head < HEADS; head++)
        for (size_t j = 1; j < 4; j++) want += (double)probs[(head * CELLS + 5) * KEYS + j] / (3 * HEADS);
    cr_expect_float_eq(map[5], want, 1e-9);
}
