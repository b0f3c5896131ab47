// SPDX-License-Identifier: Apache-2.0
/* Scores of picture and prompt: what each protocol makes of the embeddings, and how long texts are cut. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "metrics/metric.h"
#include "prompts/read_groups.h"

#define PAIR CM_TESTS_DIR "/golden/clip_pair/hf"

static cm_arena arena;
static cm_extractor *network;
static cm_ctx g;
static float *picture;

static void begin(void) {
    cm_arena_init(&arena, 0);
    cm_ctx_init(&g, cm_backend_find("f32"), 1);
    cr_assert_eq(cm_extractor_open(&network, "clip-vit-b-32", PAIR, NULL), CM_OK, "%s", cm_why());
    const size_t width = cm_extractor_width(network, CM_OUT_FEATURES);
    picture = CM_PUSH(&arena, float, width);
    for (size_t i = 0; i < width; i++) picture[i] = (float)(i % 5) - 1.5f;
}

static void end(void) {
    cm_extractor_close(&network);
    cm_ctx_free(&g);
    cm_arena_free(&arena);
}

TestSuite(text_image, .init = begin, .fini = end);

static const char *const dense =
    "a full-body shot, a young adult female, red striped cotton shirt, blue jeans, brown long hair";

static cm_description described(const char *text) {
    cm_description d = {0};
    cr_assert_eq(cm_read_groups(text, &arena, &d), CM_OK, "%s", cm_why());
    d.text = (char *)text;
    return d;
}

static double cosine_with(const char *text) {
    const size_t width = cm_extractor_width(network, CM_OUT_FEATURES);
    float *e = CM_PUSH(&arena, float, width);
    double c;
    cr_assert_eq(cm_extractor_read(network, &g, CM_CLEAN_TRANSFORMERS, &text, 1, e, NULL), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_cosine(picture, e, width, &c), CM_OK);
    return c;
}

static cm_text_score score(const char *protocol, const cm_description *d) {
    cm_text_score s;
    const cm_metric *p = cm_metric_find(protocol);
    cr_assert(p && p->of_text, "%s", protocol);
    cr_assert_eq(cm_text_image_scores(p->of_text, network, &g, picture, &d, 1, &arena, &s), CM_OK, "%s: %s", protocol,
                 cm_why());
    return s;
}

/* The folder is transformers'; Hessel's, T2I-CompBench's, MLPerf's and HPSv2's programs read it through ftfy all the
 * same. */
Test(text_image, a_text_is_cleaned_as_the_protocols_own_program_does) {
    static const struct {
        const char *protocol;
        bool mends;
    } rows[] = {{"clip@mlperf", true}, {"clip@t2icomp", true},  {"hpsv2@2.0", true},      {"hpsv2@2.1", true},
                {"clip@tm", false},    {"clip@humansd", false}, {"clip-windowed", false}, {"clip@heim", false}};
    const cm_description plain = described("red hair");
    cm_description escaped = plain, misread = plain;
    escaped.text = (char *)"re&#100; ha\x01ir";
    cr_assert(fabs(cosine_with(plain.text) - cosine_with(escaped.text)) > 1e-3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const bool same = score(rows[i].protocol, &plain).value == score(rows[i].protocol, &escaped).value;
        cr_expect_eq(same, rows[i].mends, "%s", rows[i].protocol);
    }
    cr_expect_eq(cm_metric_find("clip@hessel")->of_text->cleaning, CM_CLEAN_OPENAI);
    misread.text = (char *)"it\xc3\xa2\xe2\x82\xac\xe2\x84\xa2s red";
    cr_expect(score("clip@mlperf", &misread).doubtful && !score("clip@mlperf", &plain).doubtful &&
              !score("clip@tm", &misread).doubtful);
}

Test(text_image, protocols_are_their_formulas) {
    const cm_description d = described(dense);
    const double c = cosine_with(dense),
                 h = cosine_with("A photo depicts a full-body shot, a young adult female, red striped "
                                 "cotton shirt, blue jeans, brown long hair");
    cr_expect_float_eq(score("clip@mlperf", &d).value, 100 * c, 1e-6);
    cr_expect_float_eq(score("clip@t2icomp", &d).value, c, 1e-8);
    cr_expect_float_eq(score("clip@hessel", &d).value, h < 0 ? 0 : 2.5 * h, 1e-7);
    const char *const others[] = {"clip@tm", "clip@heim", "clip@humansd"};
    for (size_t i = 0; i < 3; i++) {
        const cm_text_image *t = cm_metric_find(others[i])->of_text;
        cr_expect_float_eq(score(others[i], &d).value, 100 * c, 1e-6, "%s", others[i]);
        cr_expect(cm_text_image_total(t, -3) == 0 && cm_text_image_total(t, 3) == 3);
    }
    cr_expect(cm_text_image_total(cm_metric_find("clip@mlperf")->of_text, -3) == -3);
    cr_expect_float_eq(score("hpsv2@2.1", &d).value, c, 1e-8);
}

Test(text_image, phrases_are_read_one_by_one) {
    const cm_description d = described(dense);
    double sum = 0;
    cr_assert(d.count >= 3);
    for (size_t i = 0; i < d.count; i++) sum += cosine_with(d.phrases[i].text);
    cr_expect_float_eq(score("clip-phrases", &d).value, 100 * sum / (double)d.count, 1e-6);
    const cm_description none = {.text = "nothing of it"};
    cr_expect(isnan(score("clip-phrases", &none).value));
}

static cm_description long_text(size_t times) {
    char *text = cm_arena_string(&arena, "a red shirt");
    for (size_t i = 0; i < times; i++) text = cm_arena_print(&arena, "%s, red hair", text);
    return (cm_description){.text = text};
}

/* Every word stands in one window, in order; every window fits. */
Test(text_image, windows_hold_the_whole_text) {
    const cm_description d = long_text(40);
    const cm_tokenizer *t = cm_extractor_tokenizer(network);
    const char **pieces;
    size_t count, hairs = 0;
    cr_assert_eq(cm_text_windows(t, d.text, &arena, &pieces, &count), CM_OK, "%s", cm_why());
    cr_assert(count > 1);
    for (size_t i = 0; i < count; i++) {
        cm_tokens tokens;
        cr_assert_eq(cm_tokenize(t, pieces[i], &arena, &tokens), CM_OK);
        cr_expect_eq(tokens.cut_from, strlen(pieces[i]), "window %zu is cut", i);
        cr_expect(pieces[i][0] != ' ' && pieces[i][0] != ',' && pieces[i][strlen(pieces[i]) - 1] != ',');
        if (i) cr_expect(!strncmp(pieces[i], "red hair", 8), "a phrase is torn: %s", pieces[i]);
        for (const char *at = pieces[i]; (at = strstr(at, "hair")); at++) hairs++;
    }
    cr_expect_eq(hairs, 40);
    cr_expect_float_eq(score("clip-windowed", &d).read, 1, 1e-12);
    cr_expect(score("clip@mlperf", &d).read < 0.9);
    const cm_description brief = described(dense);
    if (score("clip@mlperf", &brief).read == 1)
        cr_expect_float_eq(score("clip-windowed", &brief).value, score("clip@mlperf", &brief).value, 1e-9);
}

Test(text_image, pictures_side_by_side_have_the_same_scores) {
    const cm_description d = described(dense), none = {.text = "a red shirt"}, *prompts[3] = {&d, &none, &d};
    const size_t width = cm_extractor_width(network, CM_OUT_FEATURES);
    float *pictures = CM_PUSH(&arena, float, 3 * width);
    for (size_t i = 0; i < 3 * width; i++) pictures[i] = picture[i % width];
    const char *const names[] = {"clip@mlperf", "clip-windowed", "clip-phrases"};
    for (size_t k = 0; k < 3; k++) {
        cm_text_score s[3];
        cr_assert_eq(cm_text_image_scores(cm_metric_find(names[k])->of_text, network, &g, pictures, prompts, 3, &arena,
                                          s),
                     CM_OK);
        cr_expect_float_eq(s[0].value, score(names[k], &d).value, 1e-3, "%s", names[k]);
        cr_expect_float_eq(s[2].value, s[0].value, 1e-3, "%s", names[k]);
        if (k == 2) cr_expect(isnan(s[1].value));
        else cr_expect_float_eq(s[1].value, score(names[k], &none).value, 1e-3, "%s", names[k]);
    }
}

Test(text_image, windows_of_odd_texts) {
    const cm_tokenizer *t = cm_extractor_tokenizer(network);
    const char **pieces;
    size_t count;
    cr_assert_eq(cm_text_windows(t, " , ", &arena, &pieces, &count), CM_OK);
    cr_expect_eq(count, 0);
    char word[4000];
    memset(word, 'q', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    cr_assert_eq(cm_text_windows(t, word, &arena, &pieces, &count), CM_OK, "%s", cm_why());
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += strlen(pieces[i]);
    cr_expect(count > 1 && bytes == sizeof word - 1, "%zu pieces of %zu bytes", count, bytes);
}

Test(text_image, an_embedding_of_zeros_has_no_angle) {
    double c;
    const float zero[2] = {0, 0}, one[2] = {1, 0};
    cr_expect_eq(cm_cosine(zero, one, 2, &c), CM_EUNDEFINED);
}
