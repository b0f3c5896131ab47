// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/generator/pipeline.h"
#include "core/generator/sampler.h"

static cm_arena arena;

static void open_arena(void) {
    cm_arena_init(&arena, 0);
}

static void close_arena(void) {
    cm_arena_free(&arena);
}

TestSuite(generator, .init = open_arena, .fini = close_arena);

static cm_schedule schedule(const char *text) {
    cm_schedule s;
    json_t *config = json_loads(text, 0, NULL);
    cr_assert_eq(cm_schedule_configure(config, NULL, &arena, &s), CM_OK, "%s", cm_why());
    json_decref(config);
    return s;
}

Test(generator, finds_samplers_by_name_and_by_class) {
    cr_assert_str_eq(cm_sampler_find("ddim")->name, "ddim");
    cr_assert_null(cm_sampler_find("DDIM"));
    cr_assert_str_eq(cm_sampler_for_class("EulerDiscreteScheduler")->name, "euler");
    cr_assert_str_eq(cm_sampler_for_class("PNDMScheduler")->name, "pndm");
    cr_assert_str_eq(cm_sampler_for_class("DDIMParallelScheduler")->name, "ddim");
    cr_assert_null(cm_sampler_for_class("HeunDiscreteScheduler"));
}

Test(generator, alphas_fall_from_nearly_one) {
    const cm_schedule s = schedule("{\"beta_schedule\":\"scaled_linear\",\"beta_start\":0.00085,\"beta_end\":0.012}");
    cr_assert_eq(s.train_steps, 1000);
    cr_assert_float_eq(s.alphas_cumprod[0], 1 - 0.00085, 1e-7);
    for (size_t i = 1; i < 1000; i++) cr_assert_lt(s.alphas_cumprod[i], s.alphas_cumprod[i - 1]);
    cr_assert_float_eq(s.alphas_cumprod[999], 0.00466, 1e-4);
}

Test(generator, zero_terminal_snr_ends_in_no_signal_and_keeps_the_first) {
    const cm_schedule s = schedule("{\"rescale_betas_zero_snr\":true,\"prediction_type\":\"v_prediction\"}");
    cr_assert_float_eq(s.alphas_cumprod[0], 1 - 0.0001, 1e-7);
    cr_assert_eq(s.alphas_cumprod[999], 0);
}

/* What a sampler's schedule says of a file; "" when it takes it. */
static const char *said(const char *sampler, const char *text) {
    cm_schedule s;
    json_t *config = json_loads(text, 0, NULL);
    const cm_status status = cm_schedule_configure(config, cm_sampler_find(sampler), &arena, &s);
    json_decref(config);
    return status == CM_OK ? "" : cm_why();
}

static void check_said(const char *sampler, const char *text, const char *wanted) {
    const char *is = said(sampler, text);
    cr_assert(wanted[0] ? strstr(is, wanted) != NULL : !is[0], "%s %s: '%s', not '%s'", sampler, text, is, wanted);
}

Test(generator, schedules_that_it_would_not_follow_are_refused_by_name) {
    static const char *const rows[][3] = {
        {"ddim", "{\"beta_schedule\":\"sigmoid\"}",
         "beta_schedule 'sigmoid' is not supported here; linear, scaled_linear, squaredcos_cap_v2"},
        {"ddpm", "{\"beta_schedule\":\"sigmoid\"}", ""},
        {"euler", "{\"timestep_spacing\":\"even\"}", "timestep_spacing 'even'"},
        {"pndm", "{\"prediction_type\":\"sample\"}", "prediction_type 'sample'"},
        {"euler_a", "{\"prediction_type\":\"sample\"}", "prediction_type 'sample'"},
        {"euler", "{\"prediction_type\":\"sample\"}", ""},
        {"ddim", "{\"prediction_type\":\"flow_prediction\"}", "flow_prediction"},
        {"lms", "{\"use_flow_sigmas\":true}", "flow matching"},
        {"euler", "{\"use_karras_sigmas\":true,\"use_beta_sigmas\":true}", "only one of"},
        {"dpmpp_2m_karras", "{\"use_exponential_sigmas\":true}", "only one of"},
        {"dpmpp_2m", "{\"solver_order\":4}", "from 1 to 3"},
        {"dpmpp_2m", "{\"algorithm_type\":\"dpmsolver\"}", "final_sigmas_type"},
        {"dpmpp_2m", "{\"algorithm_type\":\"data_prediction\"}", "algorithm_type 'data_prediction'"},
        {"dpmpp_2m", "{\"variance_type\":\"learned\"}", "variance_type 'learned'"},
        {"dpmpp_2m", "{\"lambda_min_clipped\":\"-Infinity\"}", ""},
        {"dpmpp_2m", "{\"lambda_min_clipped\":\"Infinity\"}", "lambda_min_clipped"},
        {"ddpm", "{\"variance_type\":\"learned_range\"}", "variance_type 'learned_range'"},
        {"ddpm", "{\"variance_type\":\"fixed_large\"}", ""},
        {"pndm", "{\"_class_name\":\"PNDMScheduler\"}", "Runge-Kutta"},
        {"pndm", "{\"_class_name\":\"PNDMScheduler\",\"skip_prk_steps\":true}", ""},
        {"pndm", "{\"skip_prk_steps\":false}", "Runge-Kutta"},
        {"ddim", "{\"num_train_timesteps\":0}", "num_train_timesteps"},
        {"ddim", "{\"trained_betas\":[0.1,0.2]}", "list of 1000 numbers"},
        {"ddim", "{\"trained_betas\":[0.1,\"a\"],\"num_train_timesteps\":2}", "list of numbers"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_said(rows[i][0], rows[i][1], rows[i][2]);
}

Test(generator, a_wrong_type_is_no_default) {
    static const char *const rows[][3] = {
        {"ddim", "{\"num_train_timesteps\":\"1000\"}", "\"num_train_timesteps\" is \"1000\""},
        {"ddim", "{\"beta_end\":null}", "\"beta_end\" is null"},
        {"ddim", "{\"beta_start\":true}", "\"beta_start\" is true"},
        {"ddim", "{\"clip_sample\":1}", "\"clip_sample\" is 1"},
        {"ddim", "{\"steps_offset\":1.0}", "\"steps_offset\" is 1.0"},
        {"ddim", "{\"trained_betas\":\"a\"}", "trained_betas"},
        {"ddim", "{\"trained_betas\":null}", ""},
        {"ddim", "{\"clip_sample\":null}", ""},
        {"euler", "{\"sigma_min\":null}", ""},
        {"euler", "{\"sigma_min\":\"a\"}", "sigma_min"},
        {"euler", "{\"timestep_spacing\":null}", "timestep_spacing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_said(rows[i][0], rows[i][1], rows[i][2]);
}

Test(generator, only_keys_that_the_sampler_reads_count_and_others_must_be_known) {
    check_said("euler",
               "{\"solver_type\":\"logrho\",\"solver_order\":9,\"euler_at_final\":3,\"clip_sample\":\"x\",\"sde\":0}",
               "unknown key \"sde\"");
    check_said("euler", "{\"solver_type\":\"logrho\",\"solver_order\":9,\"euler_at_final\":3,\"clip_sample\":\"x\"}",
               "");
    check_said("dpmpp_2m",
               "{\"solver_type\":\"bh2\",\"solver_order\":1,\"euler_at_final\":true,\"interpolation_type\":0}", "");
    check_said("ddim", "{\"beta_strat\":0.1}", "unknown key \"beta_strat\"; the closest is \"beta_start\"");
    check_said("ddim", "{\"_name_or_path\":\"x\"}", "");
}

static cm_status choose(const char *text, const char *otherwise, const cm_sampler *asked, const char **name) {
    const cm_sampler *sampler = NULL;
    json_t *config = json_loads(text, 0, NULL);
    const cm_status s = cm_sampler_of_config(config, otherwise, asked, &sampler);
    json_decref(config);
    *name = s == CM_OK ? sampler->name : "";
    return s;
}

Test(generator, an_unknown_scheduler_is_named_and_a_sampler_asked_for_frees_from_it) {
    static const char *const lacking[] = {"LCMScheduler",
                                          "TCDScheduler",
                                          "HeunDiscreteScheduler",
                                          "KDPM2DiscreteScheduler",
                                          "IPNDMScheduler",
                                          "CMStochasticIterativeScheduler",
                                          "UniPCMultistepScheduler",
                                          "DPMSolverSinglestepScheduler",
                                          "Mine"};
    static const char *const never[] = {"EDMEulerScheduler", "EDMDPMSolverMultistepScheduler",
                                        "FlowMatchEulerDiscreteScheduler"};
    const cm_sampler *asked = cm_sampler_find("euler");
    const char *name;
    char text[120];
    for (size_t i = 0; i < sizeof lacking / sizeof lacking[0]; i++) {
        snprintf(text, sizeof text, "{\"_class_name\":\"%s\"}", lacking[i]);
        cr_assert_eq(choose(text, NULL, NULL, &name), CM_EUNAVAILABLE, "%s", lacking[i]);
        cr_assert(strstr(cm_why(), lacking[i]) && strstr(cm_why(), "--sampler"), "%s", cm_why());
        cr_assert_eq(choose(text, NULL, asked, &name), CM_OK, "%s", cm_why());
        cr_assert_str_eq(name, "euler");
    }
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        snprintf(text, sizeof text, "{\"_class_name\":\"%s\"}", never[i]);
        cr_assert_eq(choose(text, NULL, asked, &name), CM_EUNAVAILABLE, "%s", never[i]);
    }
    cr_assert_eq(choose("{}", "PNDMScheduler", NULL, &name), CM_OK, "%s", cm_why());
    cr_assert_str_eq(name, "pndm");
    cr_assert_eq(choose("{}", NULL, NULL, &name), CM_EFORMAT);
    cr_assert_eq(choose("{\"_class_name\":3}", NULL, NULL, &name), CM_EFORMAT);
}

Test(generator, takes_one_to_all_training_steps) {
    const cm_schedule s = schedule("{}");
    cm_sampler_state *state;
    for (size_t i = 0; cm_samplers[i]; i++) {
        cr_assert_eq(cm_samplers[i]->begin(&s, 0, 1, &arena, &state), CM_EUSAGE);
        cr_assert_eq(cm_samplers[i]->begin(&s, 1001, 1, &arena, &state), CM_EUSAGE);
        for (size_t steps = 1; steps <= 1000; steps += 111) {
            cr_assert_eq(cm_samplers[i]->begin(&s, steps, 1, &arena, &state), CM_OK);
            const size_t asked = cm_sampler_evaluations(state);
            cr_assert_geq(asked, steps); /* pndm takes its first step twice */
            for (size_t k = 1; k < asked; k++) {
                if (cm_samplers[i] == cm_sampler_find("pndm") && k == 2) continue;
                cr_assert_leq(cm_samplers[i]->timestep(state, k), cm_samplers[i]->timestep(state, k - 1));
            }
        }
    }
}

/* A network that knows the noise leads every sampler back to the clean value, whatever the steps. */
static void check_oracle(const cm_sampler *sampler, const char *config, size_t steps) {
    const cm_schedule s = schedule(config);
    const float clean = 0.4f, noise = -1.3f;
    cm_sampler_state *state;
    cr_assert_eq(sampler->begin(&s, steps, 1, &arena, &state), CM_OK);
    double a, b;
    sampler->mix(state, 0, &a, &b);
    float x = (float)(a * clean + b * noise);
    for (size_t i = 0; i < cm_sampler_evaluations(state); i++) {
        sampler->mix(state, i, &a, &b);
        const float v = (float)((a * noise - b * clean) / sqrt(a * a + b * b));
        const float *out = s.prediction == CM_PREDICT_V ? &v : &noise;
        float predicted = x;
        cm_sampler_clean(sampler, state, i, out, &predicted);
        cr_assert_float_eq(predicted, clean, 1e-4, "%s %s, step %zu of %zu: %g", sampler->name, config, i, steps,
                           (double)predicted);
        sampler->step(state, i, out, &x);
    }
    cr_assert_float_eq(x, clean, 1e-4, "%s %s, %zu steps: %g", sampler->name, config, steps, (double)x);
}

Test(generator, a_network_that_knows_the_noise_gives_back_the_clean_value) {
    static const char *const configs[] = {
        "{\"clip_sample\":false,\"set_alpha_to_one\":true,\"timestep_spacing\":\"leading\"}",
        "{\"clip_sample\":false,\"set_alpha_to_one\":true,\"timestep_spacing\":\"leading\",\"prediction_type\":\"v_"
        "prediction\"}",
        "{\"clip_sample\":true,\"set_alpha_to_one\":true,\"timestep_spacing\":\"trailing\"}"};
    for (size_t i = 0; cm_samplers[i]; i++) {
        /* those that add noise do not come back, and Karras' levels lie between the training steps */
        if (cm_samplers[i]->random || cm_samplers[i] == cm_sampler_find("dpmpp_2m_karras")) continue;
        for (size_t k = 0; k < 3; k++) {
            if (k == 1 && cm_samplers[i] == cm_sampler_find("pndm"))
                continue; /* v is no constant: its mean over steps is near */
            check_oracle(cm_samplers[i], configs[k], 1);
            check_oracle(cm_samplers[i], configs[k], 10);
            check_oracle(cm_samplers[i], configs[k], 50);
        }
    }
}

/* Those that add noise, and Karras' levels, too: at each step what was mixed comes apart again. */
Test(generator, what_a_step_predicts_is_the_clean_value_of_the_mixture) {
    static const char *const configs[] = {"{}", "{\"prediction_type\":\"v_prediction\"}"};
    for (size_t i = 0; cm_samplers[i]; i++) {
        for (size_t k = 0; k < 2; k++) {
            const cm_schedule s = schedule(configs[k]);
            cm_sampler_state *state;
            cr_assert_eq(cm_samplers[i]->begin(&s, 7, 1, &arena, &state), CM_OK);
            for (size_t j = 0; j < cm_sampler_evaluations(state); j++) {
                double a, b;
                cm_samplers[i]->mix(state, j, &a, &b);
                const double e = -1.3, clean = 0.4, v = (a * e - b * clean) / sqrt(a * a + b * b);
                const float out = (float)(k ? v : e);
                float x = (float)(a * clean + b * e);
                cm_sampler_clean(cm_samplers[i], state, j, &out, &x);
                cr_assert_float_eq(x, clean, 2e-4, "%s, %s, step %zu: %g", cm_samplers[i]->name, configs[k], j,
                                   (double)x);
            }
        }
    }
}

Test(generator, capture_keeps_the_share_of_each_span_at_each_step_of_the_last_of_the_batch) {
    static const cm_token_span spans[2] = {{1, 2}, {0, 2}};
    const cm_capture_plan plan = {.keys = 2, .spans = spans, .span_count = 2, .steps = 2};
    cm_capture *c = cm_capture_new(&arena, &plan);
    const cm_attention_observer *o = cm_capture_observer(c);
    const cm_attention_site site = {.name = "mid", .n = 2, .heads = 2, .height = 1, .width = 2, .keys = 2};
    float values[16] = {9, 9, 9, 9, 9, 9, 9, 9, /* the prompt's: */ 1, 0, 0, 1, /* second head */ 0, 1, 0, 1};
    cm_tensor probs = {.data = values, .ndim = 4, .shape = {2, 2, 2, 2}};
    cr_assert(o->wants(o->arg, &site));
    o->give(o->arg, &site, &probs);
    for (size_t i = 8; i < 16; i++) values[i] = 0.25f;
    o->give(o->arg, &site, &probs);
    o->give(o->arg, &site, &probs); /* one more than asked for */
    const cm_attention_map *maps;
    cr_assert_eq(cm_capture_maps(c, &maps), 1);
    cr_assert_str_eq(maps[0].layer, "mid");
    cr_assert_eq(maps[0].steps, 2);
    const float want[8] = {0.5f, 1, 1, 1, 0.25f, 0.25f, 0.5f, 0.5f};
    for (size_t i = 0; i < 8; i++) cr_assert_float_eq(maps[0].shares[i], want[i], 1e-6);
}

Test(generator, capture_takes_the_layers_of_the_papers_rule_only) {
    const cm_capture_plan plan = {.factor = 16, .pixel_height = 96, .pixel_width = 64, .keys = 77};
    const cm_attention_observer *o = cm_capture_observer(cm_capture_new(&arena, &plan));
    cm_attention_site site = {.name = "a", .n = 1, .heads = 1, .height = 6, .width = 4, .keys = 77};
    cr_assert(o->wants(o->arg, &site));
    site.height = 12;
    cr_assert_not(o->wants(o->arg, &site));
    site.height = 6;
    site.keys = 24;
    cr_assert_not(o->wants(o->arg, &site));
}

Test(generator, model_table_names_the_shipped_and_the_random_ones) {
    cm_model_entry *entries;
    size_t count, random = 0;
    cr_assert_eq(cm_models_list(&arena, &entries, &count), CM_OK, "%s", cm_why());
    for (size_t i = 0; i < count; i++) {
        random += entries[i].random;
        cr_assert_eq(entries[i].text_encoder[0], '/');
    }
    cr_assert_eq(random, 3);
}

Test(generator, an_unknown_model_is_wrong_usage_and_lists_what_there_is) {
    cm_model m;
    cr_assert_eq(cm_model_open(&m, "something", &(cm_model_options){0}), CM_EUSAGE);
    cr_assert_not_null(strstr(cm_why(), "nano:daring"));
    cr_assert_eq(cm_model_open(&m, "nano:darin", &(cm_model_options){0}), CM_EUSAGE);
    cr_assert(strstr(cm_why(), "the closest is 'nano:daring'"), "%s", cm_why());
}
