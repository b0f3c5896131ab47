// SPDX-License-Identifier: Apache-2.0
/* HOLA: its loss, targets and bounds; which layers a factor selects. Goldens: tests/golden/train. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/generator/pipeline.h"
#include "core/io/jsonl.h"
#include "core/io/safetensors.h"
#include "core/tensor/tape.h"
#include "core/train/hola_floor.h"
#include "core/train/hola_settings.h"
#include "tests/unit/train_golden.h"

/* --- the loss -------------------------------------------------------------------- */

/* Lets the observer see two layers of given probabilities, and takes loss and gradients. */
static void hola_case(const cm_safetensors *f, const char *name, cm_hola_terms terms, bool summed) {
    cm_ctx g;
    cm_hola h;
    cm_ctx_init(&g, cm_ops_ref(), 1);
    const cm_hola_config config = {.factor_count = 1, .factors = {16}, .terms = terms, .summed = summed};
    cm_hola_init(&h, &config, 96, 64);
    const cm_hola_group first[2] = {{1, 4, {golden_values(f, "mask1")}}, {4, 6, {golden_values(f, "mask2")}}},
                        last[1] = {{2, 3, {golden_values(f, "mask2")}}};
    const cm_hola_image images[3] = {{2, first}, {0, NULL}, {1, last}};
    cm_tape_open(&g);
    cm_hola_begin(&h);
    char key[32];
    cm_tensor *probs[2];
    for (int i = 0; i < 2; i++) {
        snprintf(key, sizeof key, "probs%d", i);
        probs[i] = cm_tensor_copy(&g, CM_SHAPE(3, 2, 24, 9), golden_values(f, key));
        probs[i]->needs_grad = true;
        const cm_attention_site site = {.name = "a", .n = 3, .heads = 2, .height = 6, .width = 4, .keys = 9};
        cr_assert(h.observer.wants(h.observer.arg, &site));
        h.observer.give(h.observer.arg, &site, probs[i]);
    }
    cm_tensor *loss = cm_hola_loss(&g, &h, images);
    cr_assert_eq(cm_ctx_check(&g), CM_OK);
    snprintf(key, sizeof key, "loss_%s", name);
    cr_expect_float_eq(loss->data[0] / *(const float *)golden_values(f, key), 1, 1e-6, "%s: %g", name, loss->data[0]);
    cm_tape_backward(&g, loss, 1);
    for (int i = 0; i < 2; i++) {
        snprintf(key, sizeof key, "grad_%s%d", name, i);
        cr_expect_lt(relative_error(probs[i]->grad, golden_values(f, key), 3 * 2 * 24 * 9), 1e-6, "%s, layer %d", name,
                     i);
    }
    cm_ctx_free(&g);
}

Test(hola, value_and_gradient_are_torchs) {
    cm_safetensors *f = train_golden("hola");
    hola_case(f, "both", CM_HOLA_BOTH, false);
    hola_case(f, "mean", CM_HOLA_MEAN, false);
    hola_case(f, "token", CM_HOLA_TOKEN, false);
    hola_case(f, "paper", CM_HOLA_BOTH, true);
    cm_safetensors_close(&f);
}

Test(hola, wants_only_layers_of_half_the_latents_side_and_of_the_names_given) {
    cm_hola h;
    cm_hola_config config = {.factor_count = 1, .factors = {16}};
    cm_hola_init(&h, &config, 96, 64);
    cr_expect(h.observer.wants(&h, &(cm_attention_site){.name = "up_blocks.1.attentions.0", .height = 6, .width = 4}));
    cr_expect_not(
        h.observer.wants(&h, &(cm_attention_site){.name = "up_blocks.1.attentions.0", .height = 12, .width = 8}));
    config.names[config.name_count++] = "down_blocks.";
    cm_hola_init(&h, &config, 96, 64);
    cr_expect_not(
        h.observer.wants(&h, &(cm_attention_site){.name = "up_blocks.1.attentions.0", .height = 6, .width = 4}));
    cr_expect(
        h.observer.wants(&h, &(cm_attention_site){.name = "down_blocks.1.attentions.0", .height = 6, .width = 4}));
}

Test(hola, without_a_layer_of_that_size_it_is_an_error_that_says_so) {
    cm_ctx g;
    cm_hola h;
    cm_ctx_init(&g, cm_ops_ref(), 1);
    cm_hola_init(&h, &(cm_hola_config){.factor_count = 1, .factors = {16}}, 96, 64);
    cm_hola_begin(&h);
    cr_expect_null(cm_hola_loss(&g, &h, NULL));
    cr_expect_eq(cm_ctx_check(&g), CM_EUSAGE);
    cm_ctx_free(&g);
}

/* --- the forms, from label map to gradient ------------------------------------------- */

/* One person as make.py describes it. */
typedef struct one_person {
    cm_people_dataset dataset;
    bool drawn;
    uint8_t groups[96 * 64];
    cm_description caption;
} one_person;

static void make_person(const cm_safetensors *f, one_person *p) {
    static const struct {
        int group;
        uint32_t classes;
        size_t begin, end;
    } phrases[] = {{-1, ((1u << CM_CLASSES) - 1u) & ~1u, 1, 3},
                   {2, 1u << 0, 3, 5},
                   {6, 1u << 4, 5, 8},
                   {7, 1u << 4, 8, 10},
                   {11, 1u << 1, 10, 12},
                   {12, 1u << 8, 12, 14}};
    memset(p, 0, sizeof *p);
    p->drawn = true;
    p->dataset = (cm_people_dataset){.count = 1,
                                     .width = 64,
                                     .height = 96,
                                     .drawn = &p->drawn,
                                     .classes = (uint8_t *)golden_values(f, "labels"),
                                     .groups = p->groups};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        p->caption.phrases[p->caption.count++] = (cm_phrase){.group = phrases[i].group,
                                                             .classes = phrases[i].classes,
                                                             .token_begin = phrases[i].begin,
                                                             .token_end = phrases[i].end};
}

static cm_hola_settings settings_of(const char *text, json_t **recipe) {
    cm_hola_settings s;
    *recipe = json_loads(text, 0, NULL);
    cr_assert(*recipe, "%s", text);
    cr_assert_eq(cm_hola_settings_read(*recipe, &s), CM_OK, "%s", cm_why());
    return s;
}

static void show_layers(const cm_safetensors *f, cm_ctx *g, cm_hola *h, cm_tensor *probs[2]) {
    static const size_t sizes[2][2] = {{12, 8}, {6, 4}};
    for (int k = 0; k < 2; k++) {
        char key[16];
        snprintf(key, sizeof key, "probs%d", k);
        const cm_attention_site site = {
            .name = "a", .n = 1, .heads = 2, .height = sizes[k][0], .width = sizes[k][1], .keys = 16};
        probs[k] = cm_tensor_copy(g, CM_SHAPE(1, 2, site.height * site.width, 16), golden_values(f, key));
        probs[k]->needs_grad = true;
        if (h->observer.wants(h, &site)) h->observer.give(h, &site, probs[k]);
    }
}

static double far_from(const float *got, const double *want, size_t n) {
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) error += pow((double)got[i] - want[i], 2), size += want[i] * want[i];
    return sqrt(error / size);
}

static void form_case(const char *name, const char *recipe_text) {
    cm_safetensors *f = train_golden("hola_forms");
    json_t *recipe;
    const cm_hola_settings s = settings_of(recipe_text, &recipe);
    cm_arena arena;
    cm_arena_init(&arena, 0);
    one_person p;
    cm_hola h;
    cm_hola_image image;
    size_t left;
    cm_ctx g;
    cm_tensor *probs[2];
    make_person(f, &p);
    cm_ctx_init(&g, cm_ops_ref(), 1);
    cm_hola_init(&h, &s.loss, 96, 64);
    cm_hola_survey survey = {0};
    if (!s.rules.keep_empty && s.loss.factor_count == 2) survey.left_out[1 + 11][1] = true; /* the hat, at 6x4 */
    cr_assert_eq(cm_hola_targets(&s.rules, &survey, &h, &p.dataset, 0, &p.caption, &arena, &image, &left), CM_OK);
    cr_expect_eq(left, (size_t)(s.rules.keep_empty ? 0 : 1), "%s: the belt", name);
    cm_tape_open(&g);
    cm_hola_begin(&h);
    show_layers(f, &g, &h, probs);
    cm_tensor *loss = cm_hola_loss(&g, &h, &image);
    cr_assert_eq(cm_ctx_check(&g), CM_OK, "%s", g.why);
    char key[32];
    snprintf(key, sizeof key, "loss_%s", name);
    cr_expect_float_eq((double)loss->data[0] / *(const double *)golden_values(f, key), 1, 1e-6, "%s: %.9g", name,
                       (double)loss->data[0]);
    cm_tape_backward(&g, loss, 1);
    for (size_t k = 0; k < 2; k++) {
        snprintf(key, sizeof key, "grad_%s%zu", name, k);
        if (cm_safetensors_find(f, key))
            cr_expect_lt(far_from(probs[k]->grad, golden_values(f, key), cm_count(probs[k])), 1e-6, "%s %zu", name, k);
        else cr_expect_null(probs[k]->grad, "%s: no gradient at size %zu", name, k);
    }
    cm_ctx_free(&g);
    cm_arena_free(&arena);
    json_decref(recipe);
    cm_safetensors_close(&f);
}

Test(hola, each_form_is_torchs_from_the_label_map_on) {
    form_case("authors", "{\"hola_form\": \"authors\"}");
    form_case("paper", "{\"hola_form\": \"paper\"}");
    form_case("garments", "{\"hola_form\": \"garments\", \"hola_factor\": [8, 16]}");
    form_case("shared", "{\"hola_form\": \"garments\", \"hola_factor\": [8, 16], \"hola_targets\": \"shared\"}");
    form_case(
        "shared_all",
        "{\"hola_form\": \"garments\", \"hola_factor\": 8, \"hola_targets\": \"shared\", \"hola_phrases\": \"all\","
        " \"hola_scale\": \"summed\"}");
}

Test(hola, shared_targets_can_all_be_met) {
    cm_safetensors *f = train_golden("hola_forms");
    json_t *recipe;
    const cm_hola_settings s =
        settings_of("{\"hola_form\": \"garments\", \"hola_phrases\": \"all\", \"hola_targets\": \"shared\"}", &recipe);
    cm_arena arena;
    cm_arena_init(&arena, 0);
    one_person p;
    cm_hola h;
    cm_hola_image image;
    cm_hola_bounds b;
    size_t left;
    make_person(f, &p);
    cm_hola_init(&h, &s.loss, 96, 64);
    cr_assert_eq(cm_hola_targets(&s.rules, &(cm_hola_survey){0}, &h, &p.dataset, 0, &p.caption, &arena, &image, &left),
                 CM_OK);
    cr_assert_eq(cm_hola_floor(&s.loss, &image, 0, 24, 77, &arena, &b, NULL), CM_OK);
    cr_expect_lt(b.floor, 1e-9);
    cr_expect_gt(b.even, 1e-3);
    cm_arena_free(&arena);
    json_decref(recipe);
    cm_safetensors_close(&f);
}

/* --- the bounds ---------------------------------------------------------------------- */

/* Two groups of one and three tokens that both want the one cell: minimise 2 (a-1)^2 + 4 (b-0.5)^2 with a + 3 b = 1.
 * With the multiplier u: a = 1 - u/4, b = 0.5 - 3u/8; a + 3b = 2.5 - 11u/8 = 1 at u = 12/11: a = 8/11, b = 1/11. */
Test(hola, the_floor_is_the_least_value_on_the_simplex) {
    const float one = 1.0f, half = 0.5f;
    const cm_hola_config c = {.factor_count = 1, .factors = {16}};
    const cm_hola_group groups[] = {{1, 2, {&one}}, {2, 5, {&half}}};
    const cm_hola_image image = {2, groups};
    cm_arena arena;
    cm_arena_init(&arena, 0);
    cm_hola_bounds b;
    double kept[2];
    cr_assert_eq(cm_hola_floor(&c, &image, 0, 1, 10, &arena, &b, kept), CM_OK);
    cr_expect_float_eq(kept[0], 8.0 / 11, 1e-12);
    cr_expect_float_eq(kept[1], 3.0 / 11, 1e-12);
    cr_expect_float_eq(b.floor, (2 * pow(3.0 / 11, 2) + 4 * pow(0.5 - 1.0 / 11, 2)) / 6, 1e-12);
    cr_expect_float_eq(b.even, (2 * 0.81 + 4 * 0.16) / 6, 1e-9);
    cm_arena_free(&arena);
}

/* No attention map that a search finds is below the floor. */
Test(hola, no_attention_map_is_below_the_floor) {
    float h[5] = {0.9f, 0.4f, 0.7f, 0.0f, 0.2f};
    const cm_hola_group groups[] = {
        {1, 3, {&h[0]}}, {3, 4, {&h[1]}}, {4, 8, {&h[2]}}, {8, 10, {&h[3]}}, {10, 13, {&h[4]}}};
    const cm_hola_image image = {5, groups};
    cm_arena arena;
    cm_arena_init(&arena, 0);
    for (int terms = CM_HOLA_BOTH; terms <= CM_HOLA_TOKEN; terms++) {
        const cm_hola_config c = {.factor_count = 1, .factors = {16}, .terms = (cm_hola_terms)terms};
        cm_hola_bounds b;
        double best = 1e9;
        cr_assert_eq(cm_hola_floor(&c, &image, 0, 1, 16, &arena, &b, NULL), CM_OK);
        cm_rng r = cm_rng_make(1, (uint64_t)terms);
        for (int i = 0; i < 20000; i++) {
            double sum = 0, m[16], value = 0;
            for (int j = 0; j < 16; j++) sum += m[j] = -log(1 - cm_rng_uniform(&r)) * (cm_rng_uniform(&r) < 0.5);
            for (int g = 0; g < 5; g++) {
                double mean = 0;
                for (size_t j = groups[g].begin; j < groups[g].end; j++) {
                    mean += m[j] / sum / (double)(groups[g].end - groups[g].begin);
                    if (terms != CM_HOLA_MEAN) value += pow(m[j] / sum - (double)h[g], 2);
                }
                if (terms != CM_HOLA_TOKEN) value += pow(mean - (double)h[g], 2);
            }
            best = fmin(best, value * cm_hola_share(&c, &image, 0, 1));
        }
        cr_expect_gt(best, b.floor);
        cr_expect_lt(best, 1.6 * b.floor, "the search comes near it: %g, %g", best, b.floor);
    }
    cm_arena_free(&arena);
}

/* --- regions ------------------------------------------------------------------------- */

Test(hola, bilinear_masks_are_resized_as_torch_does) {
    cm_safetensors *f = train_golden("hola");
    for (int k = 1; k <= 2; k++) {
        bool chosen[256] = {false};
        float mask[24];
        chosen[k] = true;
        cm_region_at(CM_REGION_BILINEAR, golden_values(f, "labels"), 96, 64, chosen, 6, 4, mask);
        cr_expect_lt(relative_error(mask, golden_values(f, k == 1 ? "mask1" : "mask2"), 24), 1e-6);
    }
    cm_safetensors_close(&f);
}

Test(hola, area_masks_keep_every_pixel_whatever_the_ratio) {
    static const size_t sizes[][2] = {{6, 4}, {12, 8}, {5, 3}, {7, 5}, {96, 64}};
    uint8_t map[96 * 64] = {0};
    bool chosen[256] = {false};
    float mask[96 * 64];
    size_t area = 0;
    chosen[9] = true;
    for (size_t i = 0; i < 96 * 64; i += 37) map[i] = 9, area++;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t cells = sizes[k][0] * sizes[k][1];
        double sum = 0;
        cm_region_at(CM_REGION_AREA, map, 96, 64, chosen, sizes[k][0], sizes[k][1], mask);
        for (size_t i = 0; i < cells; i++) sum += (double)mask[i] / (double)cells;
        cr_expect_float_eq(sum, (double)area / (96 * 64), 1e-7);
    }
    const uint8_t odd[5] = {9, 0, 9, 9, 0}; /* 5 pixels on 2 cells: the middle one is halved */
    cm_region_at(CM_REGION_AREA, odd, 1, 5, chosen, 1, 2, mask);
    cr_expect_float_eq(mask[0], 1.5 / 2.5, 1e-7);
    cr_expect_float_eq(mask[1], 1.5 / 2.5, 1e-7);
}

/* --- what is small --------------------------------------------------------------------- */

Test(hola, groups_smaller_than_a_cell_are_found_and_left_out) {
    cm_arena arena;
    cm_people_dataset dataset;
    cm_tokenizer *t;
    cm_hola h;
    cm_hola_survey s;
    char *models, folder[1024];
    json_t *recipe, *people = json_object();
    cm_hola_settings settings = settings_of("{\"hola_form\": \"garments\", \"hola_factor\": [8, 16]}", &recipe);
    cm_arena_init(&arena, 0);
    cr_assert_eq(cm_models_folder(&arena, &models), CM_OK);
    snprintf(folder, sizeof folder, "%s/nano/tokenizer", models);
    cr_assert_eq(cm_tokenizer_open(&t, folder), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_people_dataset_init(&dataset, people, "train", 64, &arena), CM_OK);
    cm_hola_init(&h, &settings.loss, 96, 64);
    cr_assert_eq(cm_hola_look(&settings.rules, &h, t, &dataset, 64, &arena, &s), CM_OK, "%s", cm_why());
    const size_t tops = 1 + 6, belts = 1 + 12;
    cr_expect_gt(s.cases[tops], 20u);
    cr_expect_not(s.left_out[tops][0]);
    cr_expect_gt(s.cases[belts], 0u);
    cr_expect(s.left_out[belts][0] && s.left_out[belts][1]);
    cr_expect_eq(s.cases[1 + 2], 0u, "the background is not asked about");
    for (size_t p = 0; p < CM_HOLA_PHRASES; p++)
        cr_expect_eq(s.lost[p][0] + s.lost[p][1], 0u, "area masks lose nothing");
    settings.rules.masks = CM_REGION_BILINEAR;
    cr_assert_eq(cm_hola_look(&settings.rules, &h, t, &dataset, 64, &arena, &s), CM_OK);
    cr_expect_gt(s.lost[belts][1], s.cases[belts] / 2, "bilinear ones lose belts at 6x4");
    cm_tokenizer_close(&t);
    json_decref(people);
    json_decref(recipe);
    cm_arena_free(&arena);
}

/* --- settings ---------------------------------------------------------------------------- */

static void refused(const char *recipe_text, const char *says) {
    cm_hola_settings s;
    json_t *r = json_loads(recipe_text, 0, NULL);
    cr_assert(r);
    cr_expect_eq(cm_hola_settings_read(r, &s), CM_EUSAGE, "%s", recipe_text);
    cr_expect(strstr(cm_why(), says), "%s: %s", recipe_text, cm_why());
    json_decref(r);
}

Test(hola, what_a_recipe_cannot_mean_is_refused_by_its_key) {
    refused("{\"hola_form\": \"code\"}", "hola_form");
    refused("{\"hola_phrases\": [\"top\"]}", "tops");
    refused("{\"hola_phrases\": []}", "hola_phrases");
    refused("{\"hola_factor\": [8, 8]}", "twice");
    refused("{\"hola_factor\": 0}", "hola_factor");
    refused("{\"hola_factor\": []}", "hola_factor");
    refused("{\"hola_layers\": [1]}", "hola_layers");
    refused("{\"hola_begin\": 0.5, \"hola_end\": 0.5}", "never");
    refused("{\"hola_masks\": \"classes\"}", "hola_masks");
}

Test(hola, a_key_changes_one_setting_of_its_form) {
    json_t *r;
    cm_hola_settings s =
        settings_of("{\"hola_form\": \"paper\", \"hola_masks\": \"area\", \"hola_phrases\": [\"tops\", \"shot\"]}", &r);
    cr_expect(s.loss.summed && s.rules.keep_empty && s.rules.masks == CM_REGION_AREA && s.rules.phrase[0] &&
              s.rules.phrase[1 + 6]);
    cr_expect_not(s.rules.phrase[1 + 2]);
    json_decref(r);
}

/* --- the authors' layers -------------------------------------------------------------------- */

/* The architecture's topology with narrow layers: its sites are the same. */
static cm_unet *narrow(const char *architecture, cm_params **p, json_t **config, cm_arena *arena) {
    char path[1024], *models;
    cm_unet_config c;
    cm_unet *n;
    cr_assert_eq(cm_models_folder(arena, &models), CM_OK);
    snprintf(path, sizeof path, "%s/architectures/%s/unet/config.json", models, architecture);
    cr_assert_eq(cm_json_read(path, config), CM_OK, "%s", cm_why());
    json_t *widths = json_object_get(*config, "block_out_channels");
    for (size_t i = 0; i < json_array_size(widths); i++) json_array_set_new(widths, i, json_integer(32));
    json_object_set_new(*config, "attention_head_dim", json_integer(1));
    json_object_set_new(*config, "cross_attention_dim", json_integer(8));
    cr_assert_eq(cm_unet_configure(*config, &c), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_params_create(p, 1), CM_OK);
    cr_assert_eq(cm_unet_build(&n, &c, *p, arena), CM_OK, "%s", cm_why());
    return n;
}

Test(attention_size, the_authors_sizes_select_the_layers_of_the_paper) {
    static const size_t buckets[][2] = {{768, 1536},  {832, 1408},  {896, 1344}, {832, 1152}, {1024, 1280}, {768, 896},
                                        {832, 896},   {1088, 1088}, {1536, 768}, {1408, 832}, {1344, 896},  {1152, 832},
                                        {1280, 1024}, {896, 768},   {896, 832},  {1024, 1024}};
    cm_arena arena;
    cm_params *p;
    json_t *config;
    size_t all;
    cm_arena_init(&arena, 0);
    cm_unet *sd = narrow("sd15", &p, &config, &arena);
    cr_expect_eq(cm_attention_layers(sd, 8, 512, 512, 16, &arena, &all), 5u);
    cr_expect_eq(all, 16u);
    cm_params_close(&p);
    json_decref(config);
    cm_unet *xl = narrow("sdxl", &p, &config, &arena);
    for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++)
        cr_expect_eq(cm_attention_layers(xl, 8, buckets[i][1], buckets[i][0], 16, &arena, &all), 10u, "%zux%zu",
                     buckets[i][0], buckets[i][1]);
    cr_expect_eq(all, 70u);
    cm_attention_site *sites = CM_PUSH(&arena, cm_attention_site, 70);
    cm_unet_sites(xl, 128, 128, 70, sites, &arena);
    for (size_t i = 0; i < 70; i++) {
        const bool half =
            strncmp(sites[i].name, "down_blocks.1.", 14) == 0 || strncmp(sites[i].name, "up_blocks.1.", 12) == 0;
        cr_expect_eq(cm_attention_has_size(&sites[i], cm_attention_size_of(1024, 1024, 16)), half, "%s", sites[i].name);
    }
    cm_params_close(&p);
    json_decref(config);
    cm_arena_free(&arena);
}

Test(attention_size, rounds_half_to_even_as_python) {
    const cm_attention_size a = cm_attention_size_of(200, 136, 16), b = cm_attention_size_of(216, 24, 16);
    cr_expect_eq(a.height, 12u); /* 12.5 */
    cr_expect_eq(a.width, 8u);   /* 8.5 */
    cr_expect_eq(b.height, 14u); /* 13.5 */
    cr_expect_eq(b.width, 2u);   /* 1.5 */
}

Test(attention_size, a_size_without_a_layer_is_refused_with_those_near_it) {
    cm_arena arena;
    cm_params *p;
    json_t *config;
    cm_arena_init(&arena, 0);
    cm_unet *sd = narrow("sd15", &p, &config, &arena);
    cr_expect_eq(cm_attention_check(sd, 8, 512, 512, 16, &arena), CM_OK);
    cr_expect_eq(cm_attention_check(sd, 8, 200, 136, 16, &arena), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "136x200"), "%s", cm_why());
    cr_expect(strstr(cm_why(), "the nearest sizes"), "%s", cm_why());
    cr_expect_eq(cm_attention_check(sd, 8, 512, 512, 3, &arena), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "another factor"), "%s", cm_why());
    cm_params_close(&p);
    json_decref(config);
    cm_arena_free(&arena);
}
