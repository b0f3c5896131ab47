// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/io/image.h"
#include "core/io/jsonl.h"
#include "core/tensor/ops.h"
#include "metrics/extractor.h"
#include "metrics/metric.h"
#include "metrics/picture_rules.h"
#include "tests/unit/failing_alloc.h"

#define NANO CM_TESTS_DIR "/golden/nano/"
enum { IMAGES = 3, WIDTH = 64, HEIGHT = 96, VALUES = WIDTH * HEIGHT * 3 };

static cm_arena arena;
static cm_ctx g;
static cm_extractor *e;

static void begin(void) {
    cm_arena_init(&arena, 0);
    cm_ctx_init(&g, cm_backend_find("f32"), 1);
}

static void end(void) {
    cm_extractor_close(&e);
    cm_ctx_free(&g);
    cm_arena_free(&arena);
}

TestSuite(extractor, .init = begin, .fini = end);

static void open_network(const char *network, const char *weights) {
    cm_extractor_close(&e);
    cr_assert_eq(cm_extractor_open(&e, network, weights, NULL), CM_OK, "%s", cm_why());
}

/* A batch in which one picture's features are not finite fails, and says which; the others alone do not. */
Test(extractor, names_the_picture_whose_features_are_not_finite) {
    size_t width, height;
    open_network("inception", "nano");
    cm_extractor_size(e, &width, &height);
    const size_t values = width * height * 3, f = cm_extractor_width(e, CM_OUT_FEATURES);
    float *pixels = CM_PUSH_ZERO(&arena, float, 3 * values), *features = CM_PUSH_ZERO(&arena, float, 3 * f);
    float *const out[CM_OUTPUTS] = {[CM_OUT_FEATURES] = features};
    for (size_t i = 0; i < values; i++) pixels[values + i] = NAN;
    cr_expect_eq(cm_extractor_run(e, &g, pixels, 3, out), CM_EUNDEFINED);
    cr_expect(strstr(cm_why(), "image 1 is not finite"), "%s", cm_why());
    cr_expect_eq(cm_extractor_run(e, &g, pixels, 1, out), CM_OK, "%s", cm_why());
    cr_expect_eq(cm_extractor_run(e, &g, pixels + 2 * values, 1, out), CM_OK, "%s", cm_why());
}

/* --- the shipped networks, against what the program said of three images before they were rows ------------------ */

typedef struct nano_images {
    json_t *rows;  /* nano.jsonl: id, prompt, features, clip, slots, classes */
    float *pixels; /* [IMAGES,HEIGHT,WIDTH,3], by the rule "nano" */
    cm_image bytes[IMAGES];
} nano_images;

static nano_images read_images(void) {
    nano_images n = {.pixels = CM_PUSH(&arena, float, IMAGES *VALUES)};
    cr_assert_eq(cm_jsonl_read(NANO "nano.jsonl", &n.rows), CM_OK, "%s", cm_why());
    cr_assert_eq(json_array_size(n.rows), IMAGES);
    for (size_t i = 0; i < IMAGES; i++) {
        const char *path = cm_arena_print(&arena, NANO "%s.png", cm_json_text_or(json_array_get(n.rows, i), "id", ""));
        cr_assert_eq(cm_image_read(path, 3, &arena, &n.bytes[i]), CM_OK, "%s", cm_why());
        cr_assert_eq(cm_picture_prepare(cm_picture_rule_find("nano"), &n.bytes[i], WIDTH, HEIGHT, &arena,
                                        n.pixels + i * VALUES),
                     CM_OK);
    }
    return n;
}

static double number(const nano_images *n, size_t row, const char *key, size_t at) {
    const json_t *v = json_object_get(json_array_get(n->rows, row), key);
    return json_number_value(json_is_array(v) ? json_array_get(v, at) : v);
}

Test(extractor, shipped_networks_need_no_weights_and_carry_no_label) {
    static const char *const names[] = {"nano-features", "nano-clip", "nano-parser"};
    static const size_t widths[] = {128, 128, 0};
    for (size_t i = 0; i < 3; i++) {
        size_t width, height;
        char hash[65];
        open_network(names[i], NULL);
        cm_extractor_size(e, &width, &height);
        cr_expect(width == WIDTH && height == HEIGHT, "%s: %zux%zu", names[i], width, height);
        cr_expect_str_empty(cm_extractor_label(e));
        cr_expect_eq(cm_extractor_width(e, CM_OUT_FEATURES), widths[i], "%s", names[i]);
        cr_expect_eq(cm_extractor_reads(e), i == 1);
        cr_expect_eq(cm_extractor_parses(e), i == 2);
        memcpy(hash, cm_extractor_hash(e), sizeof hash);
        cr_expect_eq(strlen(hash), 64);
        open_network(names[i], "nano");
        cr_expect_str_eq(cm_extractor_hash(e), hash);
        cr_expect_str_empty(cm_extractor_label(e));
    }
}

Test(extractor, nano_features_are_what_they_were) {
    const nano_images n = read_images();
    float features[IMAGES * 128], alone[128], *const out[CM_OUTPUTS] = {features}, *const one[CM_OUTPUTS] = {alone};
    open_network("nano-features", NULL);
    cr_assert_eq(cm_extractor_run(e, &g, n.pixels, IMAGES, out), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < IMAGES; i++)
        for (size_t k = 0; k < 128; k++)
            cr_expect_float_eq(features[i * 128 + k], number(&n, i, "features", k), 1e-5, "image %zu, feature %zu", i,
                               k);
    cr_assert_eq(cm_extractor_run(e, &g, n.pixels + VALUES, 1, one), CM_OK);
    cr_expect_arr_eq(alone, features + 128, sizeof alone, "features depend on what else is looked at");
    open_network("inception", "nano");
    cr_expect_str_eq(cm_extractor_label(e), "nano");
    cr_assert_eq(cm_extractor_run(e, &g, n.pixels + VALUES, 1, one), CM_OK);
    cr_expect_arr_eq(alone, features + 128, sizeof alone, "in Inception's place it is another network");
    json_decref(n.rows);
}

Test(extractor, clip_at_nano_is_what_it_was) {
    const nano_images n = read_images();
    cm_description prompts[IMAGES];
    const cm_description *list[IMAGES];
    cm_text_score scores[IMAGES];
    open_network("nano-clip", NULL);
    float *embeddings = CM_PUSH(&arena, float, IMAGES * 128), *const out[CM_OUTPUTS] = {embeddings};
    cr_assert_eq(cm_extractor_run(e, &g, n.pixels, IMAGES, out), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < IMAGES; i++) {
        prompts[i] =
            (cm_description){.text = cm_arena_string(&arena, cm_json_text_or(json_array_get(n.rows, i), "prompt", ""))};
        list[i] = &prompts[i];
    }
    const cm_metric *m = cm_metric_find("clip@nano");
    cr_assert_eq(cm_text_image_scores(m->of_text, e, &g, embeddings, list, IMAGES, &arena, scores), CM_OK, "%s",
                 cm_why());
    for (size_t i = 0; i < IMAGES; i++) {
        cr_expect_float_eq(scores[i].value, number(&n, i, "clip", 0), 1e-5, "image %zu: %.8f", i, scores[i].value);
        cr_expect(scores[i].read > 0.9 && !scores[i].doubtful);
    }
    json_decref(n.rows);
}

Test(extractor, the_nano_parser_sees_what_it_saw) {
    const nano_images n = read_images();
    cm_parsed seen[IMAGES];
    open_network("nano-parser", NULL);
    cr_assert_eq(cm_extractor_parse(e, &g, n.pixels, IMAGES, &arena, seen), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < IMAGES; i++) {
        size_t counts[CM_CLASSES] = {0};
        for (int s = 0; s < cm_slot_count; s++)
            cr_expect_eq(seen[i].slot[s], (int)number(&n, i, "slots", (size_t)s), "image %zu, %s", i, cm_slots[s].name);
        for (size_t k = 0; k < WIDTH * HEIGHT; k++) counts[seen[i].classes.pixels[k]]++;
        for (size_t c = 0; c < CM_CLASSES; c++) /* a pixel between two classes may go to the other on another machine */
            cr_expect(fabs((double)counts[c] - number(&n, i, "classes", c)) <= 3, "image %zu, class %zu: %zu pixels", i,
                      c, counts[c]);
    }
    json_decref(n.rows);
}

/* --- the mock -------------------------------------------------------------------------------------------------- */

Test(extractor, a_mocks_features_are_the_means_of_eight_bands_of_bytes) {
    static const char *const names[] = {"inception", "nano-features", "dinov2-vit-l-14"};
    const nano_images n = read_images();
    double want[8] = {0};
    for (size_t i = 0; i < VALUES; i++) want[i / (VALUES / 8)] += n.bytes[1].pixels[i] / 255.0 / (VALUES / 8);
    for (size_t k = 0; k < 3; k++) {
        float features[2 * 8], *const out[CM_OUTPUTS] = {features};
        open_network(names[k], "mock");
        cr_expect_str_eq(cm_extractor_label(e), "mock");
        cr_assert_eq(cm_extractor_width(e, CM_OUT_FEATURES), 8);
        cr_assert_eq(cm_extractor_run(e, &g, n.pixels, 2, out), CM_OK, "%s", cm_why());
        for (size_t i = 0; i < 8; i++) cr_expect_float_eq(features[8 + i], want[i], 1e-5, "%s: band %zu", names[k], i);
    }
    json_decref(n.rows);
}

Test(extractor, a_mocks_clip_score_is_a_hundred_times_the_first_band) {
    const nano_images n = read_images();
    const cm_description prompt = {.text = (char *)"whatever"}, *list = &prompt;
    float embedding[2], features[8], *const out[CM_OUTPUTS] = {embedding}, *const bands[CM_OUTPUTS] = {features};
    cm_text_score score;
    open_network("nano-features", "mock");
    cr_assert_eq(cm_extractor_run(e, &g, n.pixels, 1, bands), CM_OK);
    open_network("nano-clip", "mock");
    cr_assert_eq(cm_extractor_width(e, CM_OUT_FEATURES), 2);
    cr_assert_eq(cm_extractor_run(e, &g, n.pixels, 1, out), CM_OK);
    cr_assert_eq(cm_text_image_scores(cm_metric_find("clip@nano")->of_text, e, &g, embedding, &list, 1, &arena, &score),
                 CM_OK);
    cr_expect_float_eq(score.value, 100 * (double)features[0], 1e-4);
    cr_expect_eq(score.read, 1);
    json_decref(n.rows);
}

Test(extractor, a_mock_parses_by_single_bytes) {
    const nano_images n = read_images();
    cm_parsed seen[2];
    open_network("nano-parser", "mock");
    cr_assert_eq(cm_extractor_parse(e, &g, n.pixels + VALUES, 2, &arena, seen), CM_OK);
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *bytes = n.bytes[1 + i].pixels;
        for (int s = 0; s < cm_slot_count; s++)
            cr_expect_eq(seen[i].slot[s], bytes[s * 37 % VALUES] % cm_slots[s].count);
        for (size_t k = 0; k < WIDTH * HEIGHT; k++)
            cr_assert_eq(seen[i].classes.pixels[k], bytes[k * 3 % VALUES] % CM_CLASSES);
    }
    json_decref(n.rows);
}

/* --- refusals -------------------------------------------------------------------------------------------------- */

Test(extractor, a_network_says_what_it_cannot_do) {
    const float pixels[1] = {0};
    const char *text = "red";
    float x[8];
    float *const out[CM_OUTPUTS] = {x};
    cm_parsed seen;
    open_network("nano-parser", "mock");
    cr_expect_eq(cm_extractor_run(e, &g, pixels, 1, out), CM_EUSAGE);
    cr_expect_eq(cm_extractor_read(e, &g, CM_CLEAN_OPENAI, &text, 1, x, NULL), CM_EUSAGE);
    open_network("nano-features", "mock");
    cr_expect_eq(cm_extractor_parse(e, &g, pixels, 1, &arena, &seen), CM_EUSAGE);
    cr_expect_eq(cm_extractor_read(e, &g, CM_CLEAN_OPENAI, &text, 1, x, NULL), CM_EUSAGE);
}

Test(extractor, weights_that_do_not_belong_are_refused_in_one_line) {
    static const struct {
        const char *network, *weights, *says;
    } bad[] = {{"inception", NULL, "not shipped"},
               {"nano-clip", "random", "'random': its weights are the shipped ones"},
               {"nano-parser", "/nowhere", "'/nowhere'"},
               {"clip-vit-b-32", "nano", "Inception's place only"},
               {"inceptoin", "mock", "none of the networks"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cm_extractor *none = NULL;
        cr_expect_eq(cm_extractor_open(&none, bad[i].network, bad[i].weights, NULL), CM_EUSAGE, "%s", bad[i].network);
        cr_expect(!none && strstr(cm_why(), bad[i].says) && strstr(cm_why(), bad[i].network), "%s", cm_why());
    }
}

/* Every allocation of an arena fails once. */
Test(extractor, opening_and_parsing_survive_any_allocation_that_fails) {
    static const char *const names[] = {"nano-features", "nano-clip", "nano-parser"};
    float *pixels = CM_PUSH_ZERO(&arena, float, VALUES);
    for (size_t i = 0; i < 3; i++) {
        cm_status s = CM_ENOMEM;
        long n = 0;
        for (; s != CM_OK; n++) {
            cm_extractor *one = NULL;
            cm_parsed seen;
            cm_arena out;
            cm_arena_init(&out, 0);
            cm_test_fail_once = n;
            s = cm_extractor_open(&one, names[i], NULL, NULL);
            if (s == CM_OK && cm_extractor_parses(one)) s = cm_extractor_parse(one, &g, pixels, 1, &out, &seen);
            cm_test_fail_once = -1;
            cr_assert(s == CM_OK || s == CM_ENOMEM, "%s, allocation %ld: %s", names[i], n, cm_why());
            cm_extractor_close(&one);
            cm_arena_free(&out);
        }
        cr_expect_gt(n, 2, "%s", names[i]);
    }
}
