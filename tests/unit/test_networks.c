// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/jsonl.h"
#include "core/networks/clip.h"
#include "core/networks/nano_scorers.h"
#include "core/networks/unet.h"
#include "core/networks/vae.h"
#include "core/tensor/tape.h"

static json_t *architecture(const char *part) {
    char path[512];
    json_t *config = NULL;
    snprintf(path, sizeof path, CM_SOURCE_DIR "/core/models/architectures/%s/config.json", part);
    cr_assert_eq(cm_json_read(path, &config), CM_OK, "%s", cm_why());
    return config;
}

/* Own configurations: the shipped ones may be tuned. */
static json_t *parsed(const char *text) {
    json_t *config = json_loads(text, 0, NULL);
    cr_assert(config);
    return config;
}

static json_t *unet_config(void) {
    return parsed(
        "{\"block_out_channels\": [32, 48], \"down_block_types\": [\"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\"],"
        "\"up_block_types\": [\"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\"], \"in_channels\": 16, \"out_channels\": "
        "16,"
        "\"layers_per_block\": 1, \"norm_num_groups\": 8, \"attention_head_dim\": 4, \"cross_attention_dim\": 24}");
}

static json_t *score_architecture(const char *part) {
    json_t *config = architecture(part);
    json_object_set_new(config, "slots", json_pack("[i,i,i]", 2, 5, 3));
    if (json_object_get(config, "regions")) json_object_set_new(config, "slot_regions", json_pack("[i,i,i]", 1, 20, 6));
    return config;
}

static cm_unet *make_unet(const json_t *config, cm_params *p, cm_arena *a) {
    cm_unet_config c;
    cm_unet *n = NULL;
    cr_assert_eq(cm_unet_configure(config, &c), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_unet_build(&n, &c, p, a), CM_OK, "%s", cm_why());
    return n;
}

static cm_tensor *waves(cm_ctx *g, int ndim, const size_t *shape) {
    cm_tensor *x = cm_tensor_new(g, ndim, shape);
    for (size_t i = 0; i < cm_count(x); i++) x->data[i] = sinf(0.7f * (float)i) * cosf(0.013f * (float)i);
    return x;
}

static bool all_finite(const cm_tensor *x) {
    for (size_t i = 0; i < cm_count(x); i++)
        if (!isfinite(x->data[i])) return false;
    return true;
}

/* --- numbers of weights ------------------------------------------------------------- */

static void unet_has(const char *name, size_t want) {
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_params *p;
    json_t *config = architecture(name);
    cr_assert_eq(cm_params_plan(&p), CM_OK);
    make_unet(config, p, &a);
    cr_expect_eq(cm_params_values(p), want, "%s: %zu", name, cm_params_values(p));
    cm_params_close(&p);
    json_decref(config);
    cm_arena_free(&a);
}

static void text_tower_has(const char *name, size_t want, bool projects) {
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_params *p;
    cm_clip_text_config tc;
    cm_clip_text text;
    json_t *config = architecture(name);
    cr_assert_eq(cm_params_plan(&p), CM_OK);
    cr_assert_eq(cm_clip_text_configure(config, &tc), CM_OK, "%s", cm_why());
    cm_clip_text_build(&text, &tc, p, &a);
    cr_expect_eq(cm_params_values(p), want, "%s: %zu", name, cm_params_values(p));
    cr_expect_eq(text.projection != NULL, projects, "%s: the class, not projection_dim, says whether it projects",
                 name);
    cm_params_close(&p);
    json_decref(config);
    cm_arena_free(&a);
}

Test(networks, stable_diffusion_1_5_has_the_published_numbers_of_weights) {
    unet_has("sd15/unet", 859520964);
    text_tower_has("sd15/text_encoder", 123060480, false);

    cm_arena a;
    cm_arena_init(&a, 0);
    cm_params *p;
    cm_vae_config vc;
    cm_vae *vae;
    json_t *config = architecture("sd15/vae");
    cr_assert_eq(cm_params_plan(&p), CM_OK);
    cr_assert_eq(cm_vae_configure(config, &vc), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_vae_build(&vae, &vc, p, &a), CM_OK);
    cr_expect_eq(cm_params_values(p), 83653863, "%zu", cm_params_values(p));
    cr_expect_eq(cm_vae_factor(vae), 8);
    cm_params_close(&p);
    json_decref(config);
    cm_arena_free(&a);
}

Test(networks, stable_diffusion_xl_has_the_published_numbers_of_weights) {
    unet_has("sdxl/unet", 2567463684);
    unet_has("sdxl-refiner/unet", 2259526660);
    text_tower_has("sdxl/text_encoder_2", 694659840, true);
}

/* --- configurations ------------------------------------------------------------------- */

static const struct {
    const char *key, *value;
} refused_unet[] = {
    {"addition_embed_type", "\"image\""},
    {"class_embed_type", "\"timestep\""},
    {"resnet_time_scale_shift", "\"scale_shift\""},
    {"only_cross_attention", "true"},
    {"dual_cross_attention", "true"},
    {"act_fn", "\"mish\""},
    {"encoder_hid_dim", "1024"},
    {"mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\""},
    {"mid_block_type", "3"},
    {"_class_name", "\"UNetMotionModel\""},
    {"cross_attention_dim", "null"},
    {"flip_sin_to_cos", "null"},
    {"transformer_layers_per_block", "[1, [1, 2]]"},
    {"transformer_layers_per_block", "[1, 2, 3]"},
    {"reverse_transformer_layers_per_block", "2"},
    {"reverse_transformer_layers_per_block", "[1, [1, 2, 1, 2]]"},
    {"only_cross_attention", "[false, false, false]"},
    {"time_cond_proj_dim", "2"},
    {"an_off_key_from_the_future", "false"},
    {"down_block_types", "[\"CrossAttnDownBlock2D\", \"AttnDownBlock2D\"]"},
    {"up_block_types", "[\"UpBlock2D\"]"},
    {"block_out_channels", "[64]"},
    {"block_out_channels", "[30, 48]"},
    {"block_out_channels", "[]"},
    {"attention_head_dim", "[4, 5]"},
    {"attention_head_dim", "[4, 4, 4]"},
    {"layers_per_block", "0"},
    {"layers_per_block", "[1, 100]"},
    {"norm_eps", "\"small\""},
    {"use_linear_projection", "3"},
    {"cross_attention_dim", "[24, 64]"},
    {"attention_head_dim", "0"},
    {"in_channels", "-4"},
    {"a_key_from_the_future", "7"},
};

Test(networks, a_unet_config_that_asks_for_the_unknown_is_refused_by_key) {
    for (size_t i = 0; i < sizeof refused_unet / sizeof refused_unet[0]; i++) {
        json_t *config = unet_config();
        cm_unet_config c;
        json_object_set_new(config, refused_unet[i].key, json_loads(refused_unet[i].value, JSON_DECODE_ANY, NULL));
        cr_expect_eq(cm_unet_configure(config, &c), CM_EFORMAT, "%s %s", refused_unet[i].key, refused_unet[i].value);
        cr_expect(strstr(cm_why(), refused_unet[i].key), "'%s' does not name %s", cm_why(), refused_unet[i].key);
        json_decref(config);
    }
}

Test(networks, lists_of_one_value_a_block_are_read_for_their_block) {
    json_t *config = unet_config();
    json_object_set_new(config, "attention_head_dim", json_pack("[i,i]", 2, 6));
    json_object_set_new(config, "transformer_layers_per_block", json_pack("[i,i]", 1, 3));
    json_object_set_new(config, "layers_per_block", json_pack("[i,i]", 2, 1));
    json_object_set_new(config, "an_unknown_key_that_is_off", json_null());
    cm_unet_config c;
    cr_assert_eq(cm_unet_configure(config, &c), CM_OK, "%s", cm_why());
    cr_expect_eq(c.heads[0], 2);
    cr_expect_eq(c.heads[1], 6);
    cr_expect_eq(c.down_depth[1][0], 3);
    cr_expect(c.up_depth[0][1] == 3 && c.up_depth[1][2] == 1 && c.mid_depth == 3);
    cr_expect_eq(c.layers[0], 2);
    json_decref(config);
}

Test(networks, other_configs_are_refused_with_the_key_too) {
    json_t *config = parsed(
        "{\"block_out_channels\": [32, 32], \"down_block_types\": [\"DownEncoderBlock2D\", \"DownEncoderBlock2D\"],"
        "\"up_block_types\": [\"UpDecoderBlock2D\", \"AttnUpDecoderBlock2D\"]}");
    cm_vae_config vc;
    cr_expect_eq(cm_vae_configure(config, &vc), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "AttnUpDecoderBlock2D"), "%s", cm_why());
    json_decref(config);
    cm_clip_text_config tc;
    config = json_pack("{s:s}", "hidden_act", "relu");
    cr_expect_eq(cm_clip_text_configure(config, &tc), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "hidden_act"), "%s", cm_why());
    json_decref(config);
    cm_clip_vision_config vic;
    config = json_pack("{s:[i,i],s:i}", "image_size", 96, 60, "patch_size", 8);
    cr_expect_eq(cm_clip_vision_configure(config, &vic), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "image_size"), "%s", cm_why());
    json_decref(config);
    config = json_array();
    cr_expect_eq(cm_unet_configure(config, &(cm_unet_config){0}), CM_EFORMAT);
    json_decref(config);
}

/* --- weights from files ------------------------------------------------------------------ */

Test(networks, missing_misshapen_and_extra_weights_are_all_listed) {
    char folder[] = "/tmp/cm_networks_XXXXXX", path[64];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/w.safetensors", folder);
    json_t *config = unet_config();
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_params *p;
    cr_assert_eq(cm_params_create(&p, 1), CM_OK);
    cm_param(p, CM_INIT_ONE, CM_SHAPE(7), "not.of.this.network");
    cm_param(p, CM_INIT_ONE, CM_SHAPE(3, 3), "conv_in.weight");
    cm_param(p, CM_INIT_ONE, CM_SHAPE(32), "conv_in.bias");
    cr_assert_eq(cm_params_save(p, path, CM_F32, NULL, NULL), CM_OK, "%s", cm_why());
    cm_params_close(&p);

    cr_assert_eq(cm_params_open(&p, path), CM_OK, "%s", cm_why());
    make_unet(config, p, &a);
    cr_expect_eq(cm_params_check(p, true), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "time_embedding.linear_1.weight"), "%s", cm_why());
    cr_expect(strstr(cm_why(), "conv_in.weight is [3,3], not [32,16,3,3]"), "%s", cm_why());
    cr_expect(strstr(cm_why(), "not.of.this.network"), "%s", cm_why());
    cr_expect_null(strstr(cm_why(), "conv_in.bias"), "%s", cm_why());
    cm_params_close(&p);
    unlink(path);
    rmdir(folder);
    json_decref(config);
    cm_arena_free(&a);
}

/* --- cross-attention ---------------------------------------------------------------------- */

typedef struct witness {
    size_t count;
    cm_attention_site seen[32];
    double worst; /* largest distance of a row's sum from 1 */
} witness;

static bool wants_some(void *arg, const cm_attention_site *site) {
    witness *w = arg;
    w->seen[w->count++] = *site;
    return site->height == 4;
}

static void check_rows(void *arg, const cm_attention_site *site, cm_tensor *probs) {
    witness *w = arg;
    cr_expect_eq(cm_count(probs), site->n * site->heads * site->height * site->width * site->keys);
    for (size_t r = 0; r < cm_count(probs) / site->keys; r++) {
        double sum = 0;
        for (size_t k = 0; k < site->keys; k++) sum += (double)probs->data[r * site->keys + k];
        w->worst = fmax(w->worst, fabs(sum - 1));
    }
}

Test(networks, the_observer_sees_every_cross_attention_by_diffusers_name_and_in_the_order_listed) {
    json_t *config = unet_config();
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_params *p;
    cr_assert_eq(cm_params_create(&p, 3), CM_OK);
    cm_unet *n = make_unet(config, p, &a);
    cm_ctx g;
    cm_ctx_init(&g, cm_ops_ref(), 1);
    witness w = {0};
    const cm_attention_observer observer = {&w, wants_some, check_rows};
    cm_tensor *text = waves(&g, CM_SHAPE(2, 5, 24));
    cm_unet_text *prepared = cm_unet_prepare_text(&g, n, text, &a);
    cm_ctx_reset(&g); /* kept text outlives the pass */
    cm_tensor *latents = waves(&g, CM_SHAPE(2, 7, 6, 16));
    const float t[2] = {10, 500};
    cm_tensor *plain = cm_unet_forward(&g, n, latents, t, prepared);
    g.observer = &observer;
    cm_tensor *watched = cm_unet_forward(&g, n, latents, t, prepared);
    cr_assert_eq(cm_ctx_check(&g), CM_OK, "%s", cm_why());
    cr_expect(all_finite(watched));
    cr_expect_arr_eq(plain->data, watched->data, cm_count(plain) * sizeof(float), "looking changed the result");
    cr_expect_lt(w.worst, 1e-5);

    cm_attention_site sites[32];
    cr_assert_eq(cm_unet_sites(n, 7, 6, 32, sites, &a), w.count);
    cr_assert_eq(w.count, 7);
    cr_expect_str_eq(sites[1].name, "down_blocks.1.attentions.0.transformer_blocks.0.attn2");
    cr_expect_str_eq(sites[2].name, "mid_block.attentions.0.transformer_blocks.0.attn2");
    cr_expect_str_eq(sites[6].name, "up_blocks.1.attentions.1.transformer_blocks.0.attn2");
    for (size_t i = 0; i < w.count; i++) {
        cr_expect_str_eq(w.seen[i].name, sites[i].name);
        cr_expect_eq(w.seen[i].index, (int)i);
        cr_expect_eq(sites[i].index, (int)i);
        cr_expect_eq(w.seen[i].height, sites[i].height);
        cr_expect_eq(w.seen[i].width, sites[i].width);
        cr_expect_eq(w.seen[i].keys, 5);
    }
    cr_expect_eq(cm_unet_sites(n, 7, 6, 2, sites, &a), 7, "the count may exceed the room");
    cm_ctx_free(&g);
    cm_params_close(&p);
    json_decref(config);
    cm_arena_free(&a);
}

Test(networks, a_unet_pass_gives_its_memory_back_but_for_the_result) {
    json_t *config = unet_config();
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_params *p;
    cr_assert_eq(cm_params_create(&p, 3), CM_OK);
    cm_unet *n = make_unet(config, p, &a);
    cm_ctx g;
    cm_ctx_init(&g, cm_ops_ref(), 1);
    cm_unet_text *text = cm_unet_prepare_text(&g, n, waves(&g, CM_SHAPE(1, 5, 24)), &a);
    cm_tensor *latents = waves(&g, CM_SHAPE(1, 8, 8, 16));
    const float t = 1;
    cm_drop(&g, cm_unet_forward(&g, n, latents, &t, text));
    const size_t used = g.memory.used;
    cm_drop(&g, cm_unet_forward(&g, n, latents, &t, text));
    cr_assert_eq(cm_ctx_check(&g), CM_OK, "%s", cm_why());
    cr_expect_lt(g.memory.used - used, 256u << 10, "the second pass took %zu KiB more", (g.memory.used - used) >> 10);
    cm_ctx_free(&g);
    cm_params_close(&p);
    json_decref(config);
    cm_arena_free(&a);
}

/* --- text encoder ------------------------------------------------------------------------- */

Test(networks, the_text_encoder_refuses_ids_and_lengths_it_cannot_hold) {
    json_t *config =
        parsed("{\"vocab_size\": 512, \"hidden_size\": 32, \"intermediate_size\": 64, \"num_hidden_layers\": 2,"
               "\"num_attention_heads\": 4, \"max_position_embeddings\": 77, \"eos_token_id\": 511}");
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_params *p;
    cm_clip_text_config c;
    cm_clip_text n;
    cr_assert_eq(cm_params_create(&p, 1), CM_OK);
    cr_assert_eq(cm_clip_text_configure(config, &c), CM_OK);
    cm_clip_text_build(&n, &c, p, &a);
    cm_ctx g;
    cm_ctx_init(&g, cm_ops_ref(), 1);
    int ids[78] = {510, 5, 512};
    cm_tensor *hidden;
    cr_expect_eq(cm_clip_text_forward(&g, &n, ids, 1, 3, &hidden, NULL, NULL), CM_EUSAGE);
    cr_expect(strstr(cm_why(), "512"), "%s", cm_why());
    ids[2] = -1;
    cr_expect_eq(cm_clip_text_forward(&g, &n, ids, 1, 3, &hidden, NULL, NULL), CM_EUSAGE);
    ids[2] = 511;
    cr_expect_eq(cm_clip_text_forward(&g, &n, ids, 1, 78, &hidden, NULL, NULL), CM_EUSAGE);
    cr_expect_eq(cm_clip_text_forward(&g, &n, ids, 1, 77, &hidden, NULL, NULL), CM_OK, "%s", cm_why());
    cm_ctx_free(&g);
    cm_params_close(&p);
    json_decref(config);
    cm_arena_free(&a);
}

/* --- score networks ------------------------------------------------------------------------- */

static double step_down(cm_ctx *g, cm_params *p, cm_tensor *loss, float rate) {
    const double value = (double)loss->data[0];
    cm_tape_backward(g, loss, 1.0f);
    for (size_t i = 0; i < cm_params_count(p); i++) {
        cm_tensor *w = cm_params_at(p, i);
        for (size_t k = 0; k < cm_count(w); k++) w->data[k] -= rate * w->grad[k];
    }
    cm_params_zero_grad(p);
    return value;
}

Test(networks, the_parser_answers_for_every_pixel_and_slot_and_can_be_trained) {
    json_t *config = score_architecture("nano/parser");
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_params *p;
    cm_parser *n;
    cr_assert_eq(cm_params_create(&p, 3), CM_OK);
    cr_assert_eq(cm_parser_build(&n, config, p, &a), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_params_make_trainable(p), CM_OK);
    cr_expect_eq(cm_parser_slot_logits(n), 10);
    cr_expect(cm_params_values(p) > 600000 && cm_params_values(p) < 1000000, "%zu weights", cm_params_values(p));
    cm_ctx g;
    cm_ctx_init(&g, cm_ops_f32(), 1);
    double losses[6];
    int labels[24 * 20];
    for (int i = 0; i < 24 * 20; i++) labels[i] = i / 160;
    for (int step = 0; step < 6; step++) {
        cm_ctx_reset(&g);
        cm_tape_open(&g);
        cm_tensor *classes, *slots;
        cm_parser_forward(&g, n, waves(&g, CM_SHAPE(1, 24, 20, 3)), &classes, &slots);
        cr_assert_eq(cm_ctx_check(&g), CM_OK, "%s", cm_why());
        cr_expect_eq(classes->shape[1] * classes->shape[2] * classes->shape[3], 24u * 20 * 18);
        cr_expect_eq(cm_count(slots), 10);
        cm_tensor *rows = cm_view(&g, classes, CM_SHAPE(24 * 20, 18));
        cm_tensor *answer = cm_slice_last(&g, slots, 2, 5);
        cm_tensor *terms[2] = {cm_cross_entropy(&g, rows, labels, NULL, NULL),
                               cm_cross_entropy(&g, answer, &(int){3}, NULL, NULL)};
        losses[step] = step_down(&g, p, cm_weighted_sum(&g, terms, (float[]){1, 1}, 2), 0.02f);
    }
    cr_expect_lt(losses[5], 0.8 * losses[0], "%g to %g", losses[0], losses[5]);
    cm_ctx_free(&g);
    cm_params_close(&p);
    json_decref(config);
    cm_arena_free(&a);
}

/* Weights of before parsers looked into regions are read as they were, and sizes need not be even. */
Test(networks, a_parser_looks_into_regions_only_where_its_config_says_so) {
    for (int regions = 0; regions < 2; regions++) {
        json_t *config = score_architecture("nano/parser");
        cm_arena a;
        cm_arena_init(&a, 0);
        cm_params *p;
        cm_parser *n;
        if (!regions) json_object_del(config, "regions");
        cr_assert_eq(cm_params_create(&p, 3), CM_OK);
        cr_assert_eq(cm_parser_build(&n, config, p, &a), CM_OK, "%s", cm_why());
        cm_ctx g;
        cm_ctx_init(&g, cm_ops_ref(), 1);
        cm_tensor *classes, *maps, *slots;
        cm_parser_forward_all(&g, n, waves(&g, CM_SHAPE(2, 19, 13, 3)), &classes, &maps, &slots);
        cr_assert_eq(cm_ctx_check(&g), CM_OK, "%s", cm_why());
        cr_expect(cm_count(classes) == 2u * 19 * 13 * 18 && cm_count(slots) == 20 && all_finite(slots));
        if (regions) cr_expect(maps && cm_count(maps) == 2u * 19 * 13 * 21);
        else cr_expect_null(maps);
        cm_ctx_free(&g);
        cm_params_close(&p);
        json_decref(config);
        cm_arena_free(&a);
    }
}

Test(networks, the_feature_network_pools_its_width_and_can_be_trained) {
    json_t *config = score_architecture("nano/features");
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_params *p;
    cm_feature_net *n;
    cr_assert_eq(cm_params_create(&p, 3), CM_OK);
    cr_assert_eq(cm_feature_net_build(&n, config, p, &a), CM_OK, "%s", cm_why());
    cr_assert_eq(cm_params_make_trainable(p), CM_OK);
    cr_expect_eq(cm_feature_net_width(n), 128);
    cr_expect(cm_params_values(p) > 350000 && cm_params_values(p) < 650000, "%zu weights", cm_params_values(p));
    cm_ctx g;
    cm_ctx_init(&g, cm_ops_f32(), 1);
    double losses[6];
    for (int step = 0; step < 6; step++) {
        cm_ctx_reset(&g);
        cm_tape_open(&g);
        cm_tensor *pooled, *slots;
        cm_feature_net_forward(&g, n, waves(&g, CM_SHAPE(1, 40, 36, 3)), &pooled, &slots);
        cr_assert_eq(cm_ctx_check(&g), CM_OK, "%s", cm_why());
        cr_expect_eq(cm_count(pooled), 128);
        losses[step] = step_down(&g, p, cm_cross_entropy(&g, slots, &(int){7}, NULL, NULL), 0.02f);
    }
    cr_expect_lt(losses[5], 0.8 * losses[0], "%g to %g", losses[0], losses[5]);
    cm_ctx_free(&g);
    cm_params_close(&p);
    json_decref(config);
    cm_arena_free(&a);
}

Test(networks, score_networks_refuse_configs_that_do_not_divide) {
    cm_arena a;
    cm_arena_init(&a, 0);
    cm_params *p;
    cm_parser *parser;
    cm_feature_net *features;
    cr_assert_eq(cm_params_plan(&p), CM_OK);
    json_t *config = architecture("nano/parser");
    cr_expect_eq(cm_parser_build(&parser, config, p, &a), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "slots"), "%s", cm_why());
    json_decref(config);
    config = score_architecture("nano/parser");
    json_object_set_new(config, "groups", json_integer(7));
    cr_expect_eq(cm_parser_build(&parser, config, p, &a), CM_EFORMAT);
    json_decref(config);
    config = score_architecture("nano/parser");
    json_object_set_new(config, "slot_regions", json_pack("[i,i,i]", 1, 21, 6));
    cr_expect_eq(cm_parser_build(&parser, config, p, &a), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "slot_regions"), "%s", cm_why());
    json_decref(config);
    config = score_architecture("nano/features");
    json_object_set_new(config, "stages", json_pack("[[i,i]]", 8, 8));
    json_object_set_new(config, "repeats", json_integer(1));
    cr_expect_eq(cm_feature_net_build(&features, config, p, &a), CM_EFORMAT);
    cr_expect(strstr(cm_why(), "stages"), "%s", cm_why());
    json_decref(config);
    cm_params_close(&p);
    cm_arena_free(&a);
}
