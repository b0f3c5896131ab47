// SPDX-License-Identifier: Apache-2.0
#include "core/generator/sampler.h"

#include <math.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/generator/sampler_state.h"
#include "core/io/jsonl.h"

const cm_sampler *const cm_samplers[] = {&cm_sampler_ddim, &cm_sampler_ddpm,    &cm_sampler_pndm,     &cm_sampler_lms,
                                         &cm_sampler_euler, &cm_sampler_euler_a, &cm_sampler_dpmpp_2m, &cm_sampler_dpmpp_2m_karras,
                                         NULL};

const cm_sampler *cm_sampler_find(const char *name) {
    for (size_t i = 0; cm_samplers[i]; i++) {
        if (strcmp(cm_samplers[i]->name, name) == 0) return cm_samplers[i];
    }
    return NULL;
}

cm_status cm_sampler_choose(const char *what, const char *name, const cm_sampler **sampler) {
    const char *names[32] = {NULL};
    for (size_t i = 0; cm_samplers[i] && i < 31; i++) names[i] = cm_samplers[i]->name;
    *sampler = cm_sampler_find(name);
    return *sampler ? CM_OK : cm_unknown_choice(what, name, names);
}

const cm_sampler *cm_sampler_for_class(const char *class_name) {
    static const struct {
        const char *name;
        const cm_sampler *sampler;
    } classes[] = {{"DDIMScheduler", &cm_sampler_ddim},
                   {"DDPMScheduler", &cm_sampler_ddpm},
                   {"PNDMScheduler", &cm_sampler_pndm},
                   {"LMSDiscreteScheduler", &cm_sampler_lms},
                   {"EulerDiscreteScheduler", &cm_sampler_euler},
                   {"EulerAncestralDiscreteScheduler", &cm_sampler_euler_a},
                   {"DPMSolverMultistepScheduler", &cm_sampler_dpmpp_2m}};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strcmp(class_name, classes[i].name) == 0) return classes[i].sampler;
    return &cm_sampler_ddim;
}

/* --- the schedule --------------------------------------------------------- */

/* The cosine schedule's share of signal at u in [0,1] (Nichol and Dhariwal 2021, eq. 17). */
static double cosine_alpha(double u) {
    const double c = cos((u + 0.008) / 1.008 * acos(-1.0) / 2);
    return c * c;
}

static cm_status beta_at(const json_t *config, size_t i, size_t n, double *beta) {
    const char *kind = cm_json_text_or(config, "beta_schedule", "linear");
    const double from = cm_json_number_or(config, "beta_start", 0.0001), to = cm_json_number_or(config, "beta_end", 0.02);
    const double u = n > 1 ? (double)i / (double)(n - 1) : 0;
    if (strcmp(kind, "linear") == 0) {
        *beta = from + (to - from) * u;
    } else if (strcmp(kind, "scaled_linear") == 0) {
        const double root = sqrt(from) + (sqrt(to) - sqrt(from)) * u;
        *beta = root * root;
    } else if (strcmp(kind, "squaredcos_cap_v2") == 0) {
        *beta = fmin(1 - cosine_alpha((double)(i + 1) / (double)n) / cosine_alpha((double)i / (double)n), 0.999);
    } else {
        return cm_fail(CM_EFORMAT, "scheduler: beta_schedule '%s' is none of linear, scaled_linear, squaredcos_cap_v2", kind);
    }
    return CM_OK;
}

static cm_status fill_alphas(const json_t *config, size_t n, double *alphas) {
    const json_t *trained = json_object_get(config, "trained_betas");
    if (json_is_array(trained) && json_array_size(trained) != n) {
        return cm_fail(CM_EFORMAT, "scheduler: trained_betas has %zu values for %zu training steps",
                       json_array_size(trained), n);
    }
    double product = 1;
    for (size_t i = 0; i < n; i++) {
        double beta = 0;
        if (json_is_array(trained)) {
            beta = json_number_value(json_array_get(trained, i));
        } else {
            CM_TRY(beta_at(config, i, n, &beta));
        }
        if (!(beta > 0 && beta < 1)) return cm_fail(CM_EFORMAT, "scheduler: beta %zu is %g, outside (0,1)", i, beta);
        product *= 1 - beta;
        alphas[i] = product;
    }
    return CM_OK;
}

/* Shifts and scales the roots so that the last is 0 and the first stays (Lin et al. 2023, algorithm 1). */
static void rescale_to_zero_snr(double *alphas, size_t n) {
    const double first = sqrt(alphas[0]), last = sqrt(alphas[n - 1]);
    for (size_t i = 0; i < n; i++) {
        const double root = (sqrt(alphas[i]) - last) * first / (first - last);
        alphas[i] = root * root;
    }
}

static cm_status read_spacing(const json_t *config, cm_spacing *out) {
    static const struct {
        const char *name;
        cm_spacing spacing;
    } names[] = {{"", CM_SPACING_DEFAULT}, {"leading", CM_SPACING_LEADING}, {"trailing", CM_SPACING_TRAILING},
                 {"linspace", CM_SPACING_LINSPACE}};
    const char *name = cm_json_text_or(config, "timestep_spacing", "");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, name) == 0) {
            *out = names[i].spacing;
            return CM_OK;
        }
    }
    return cm_fail(CM_EFORMAT, "scheduler: timestep_spacing '%s' is none of leading, trailing, linspace", name);
}

static cm_status read_prediction(const json_t *config, cm_prediction *out) {
    const char *name = cm_json_text_or(config, "prediction_type", "epsilon");
    if (strcmp(name, "epsilon") == 0) {
        *out = CM_PREDICT_EPSILON;
    } else if (strcmp(name, "v_prediction") == 0) {
        *out = CM_PREDICT_V;
    } else {
        return cm_fail(CM_EFORMAT, "scheduler: prediction_type '%s' is none of epsilon, v_prediction", name);
    }
    return CM_OK;
}

/* Settings that would change the result and that no sampler of ours follows are refused by name. */
static cm_status refuse_unknown(const json_t *config) {
    static const char *const flags[] = {"thresholding", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas",
                                        "use_flow_sigmas", "euler_at_final"};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (cm_json_bool_or(config, flags[i], false)) return cm_fail(CM_EUNAVAILABLE, "scheduler: %s is not supported", flags[i]);
    }
    static const char *const texts[][2] = {
        {"interpolation_type", "linear"}, {"final_sigmas_type", "zero"},  {"timestep_type", "discrete"},
        {"variance_type", "fixed_small"}, {"solver_type", "midpoint"},     {"algorithm_type", "dpmsolver++"}};
    if (cm_json_size_or(config, "solver_order", 2) != 2) return cm_fail(CM_EUNAVAILABLE, "scheduler: only solver_order 2 is supported");
    const bool pndm = strcmp(cm_json_text_or(config, "_class_name", ""), "PNDMScheduler") == 0;
    if (pndm && !cm_json_bool_or(config, "skip_prk_steps", false))
        return cm_fail(CM_EUNAVAILABLE, "scheduler: PNDM's Runge-Kutta steps are not supported, only skip_prk_steps true");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *is = cm_json_text_or(config, texts[i][0], texts[i][1]);
        if (strcmp(is, texts[i][1]) != 0) {
            return cm_fail(CM_EUNAVAILABLE, "scheduler: %s '%s' is not supported, only '%s'", texts[i][0], is, texts[i][1]);
        }
    }
    return CM_OK;
}

cm_status cm_schedule_configure(const json_t *config, cm_arena *out, cm_schedule *s) {
    cm_schedule r = {0};
    r.train_steps = cm_json_size_or(config, "num_train_timesteps", 1000);
    if (r.train_steps == 0 || r.train_steps > 100000) {
        return cm_fail(CM_EFORMAT, "scheduler: num_train_timesteps is %zu", r.train_steps);
    }
    CM_TRY(refuse_unknown(config));
    r.steps_offset = (int)cm_json_size_or(config, "steps_offset", 0);
    const json_t *to_one = json_object_get(config, "set_alpha_to_one");
    r.final_alpha = to_one ? json_is_true(to_one) : -1;
    r.karras = cm_json_bool_or(config, "use_karras_sigmas", false);
    r.clip_sample = cm_json_bool_or(config, "clip_sample", true);
    r.clip_range = cm_json_number_or(config, "clip_sample_range", 1.0);
    CM_TRY(read_spacing(config, &r.spacing));
    CM_TRY(read_prediction(config, &r.prediction));
    r.alphas_cumprod = CM_PUSH(out, double, r.train_steps);
    CM_TRY(cm_arena_check(out));
    CM_TRY(fill_alphas(config, r.train_steps, r.alphas_cumprod));
    if (cm_json_bool_or(config, "rescale_betas_zero_snr", false)) rescale_to_zero_snr(r.alphas_cumprod, r.train_steps);
    *s = r;
    return CM_OK;
}

/* --- the steps ------------------------------------------------------------ */

/* diffusers' three spacings ("Common Diffusion Noise Schedules and Sample Steps are Flawed", table 2). */
static double timestep_at(const cm_schedule *s, cm_spacing spacing, bool whole, size_t steps, size_t i) {
    const double train = (double)s->train_steps, back = (double)(steps - 1 - i);
    double t = 0;
    switch (spacing) {
    case CM_SPACING_DEFAULT:
    case CM_SPACING_LEADING: t = back * (double)(s->train_steps / steps) + s->steps_offset; break;
    case CM_SPACING_TRAILING: t = nearbyint(train - (double)i * (train / (double)steps)) - 1; break;
    case CM_SPACING_LINSPACE:
        t = steps > 1 ? back * (train - 1) / (double)(steps - 1) : 0;
        if (whole) t = nearbyint(t);
        break;
    }
    return fmax(0, fmin(t, train - 1));
}

static cm_status push_arrays(cm_sampler_state *r, const cm_sampler_plan *plan, cm_arena *out) {
    for (size_t i = 0; i < plan->past; i++) r->past[i] = CM_PUSH(out, float, r->values);
    if (plan->keeps) r->kept = CM_PUSH(out, float, r->values);
    if (plan->random) r->fresh = CM_PUSH(out, float, r->values);
    return cm_arena_check(out);
}

cm_status cm_sampler_state_new(const cm_schedule *s, const cm_sampler_plan *plan, size_t steps, size_t values, cm_arena *out,
                               cm_sampler_state **state) {
    if (steps == 0) return cm_fail(CM_EUSAGE, "steps: 0 makes no picture; 1 to %zu", s->train_steps);
    if (steps > s->train_steps) {
        return cm_fail(CM_EUSAGE, "steps: %zu is more than the %zu the model was trained with", steps, s->train_steps);
    }
    cm_sampler_state *r = CM_PUSH_ZERO(out, cm_sampler_state, 1);
    double *timesteps = CM_PUSH(out, double, steps + 1), *sigmas = CM_PUSH(out, double, steps + 1);
    CM_TRY(cm_arena_check(out));
    const cm_spacing spacing = s->spacing == CM_SPACING_DEFAULT ? plan->spacing : s->spacing;
    *r = (cm_sampler_state){.schedule = s, .steps = steps, .evaluations = steps, .values = values, .timesteps = timesteps,
                            .sigmas = sigmas, .init_scale = 1};
    for (size_t i = 0; i < steps; i++) timesteps[i] = timestep_at(s, spacing, !plan->fractions, steps, i);
    *state = r;
    return push_arrays(r, plan, out);
}

/* --- what samplers share ----------------------------------------------------- */

size_t cm_sampler_evaluations(const cm_sampler_state *state) {
    return state->evaluations;
}

void cm_sampler_set_noise(cm_sampler_state *state, cm_noise noise) {
    state->noise = noise;
}

const float *cm_sampler_draw(cm_sampler_state *state) {
    state->noise.draw(state->noise.arg, state->values, state->fresh);
    return state->fresh;
}

float *cm_sampler_push_past(cm_sampler_state *state, size_t length) {
    float *oldest = state->past[length - 1];
    memmove(state->past + 1, state->past, (length - 1) * sizeof *state->past);
    return state->past[0] = oldest;
}

void cm_sampler_mix_alphas(const cm_sampler_state *state, size_t i, double *of_clean, double *of_noise) {
    const double a = state->schedule->alphas_cumprod[(size_t)state->timesteps[i]];
    *of_clean = sqrt(a);
    *of_noise = sqrt(1 - a);
}

cm_status cm_sampler_resume_at(const cm_sampler *s, cm_sampler_state *state, size_t first) {
    if (s->whole) return cm_fail(CM_EUSAGE, "sampler %s cannot begin in the middle of its steps", s->name);
    if (first >= state->evaluations)
        return cm_fail(CM_EUSAGE, "beginning at step %zu of %zu leaves none", first + 1, state->evaluations);
    state->first = first;
    return CM_OK;
}

cm_status cm_sampler_begin_at(const cm_sampler *s, cm_sampler_state *state, size_t first, const float *noise, float *x) {
    double of_clean, of_noise;
    CM_TRY(cm_sampler_resume_at(s, state, first));
    s->mix(state, first, &of_clean, &of_noise);
    for (size_t j = 0; j < state->values; j++) x[j] = (float)(of_clean * (double)x[j] + of_noise * (double)noise[j]);
    return CM_OK;
}

/* The network's v is of the mixture whose weights' squares sum to 1. */
void cm_sampler_clean(const cm_sampler *s, const cm_sampler_state *state, size_t i, const float *out, float *x) {
    double signal, noise;
    s->mix(state, i, &signal, &noise);
    const bool v = state->schedule->prediction == CM_PREDICT_V;
    const double square = signal * signal + noise * noise;
    const double of_x = v ? signal / square : 1 / signal, of_out = v ? noise / sqrt(square) : noise / signal;
    for (size_t j = 0; j < state->values; j++) x[j] = (float)(of_x * (double)x[j] - of_out * (double)out[j]);
}

float cm_sampler_init_scale(const cm_sampler_state *state) {
    return (float)state->init_scale;
}

float cm_sampler_timestep(const cm_sampler_state *state, size_t i) {
    return (float)state->timesteps[i];
}

float cm_sampler_no_scale(const cm_sampler_state *state, size_t i) {
    (void)state;
    (void)i;
    return 1;
}

float cm_sampler_sigma_scale(const cm_sampler_state *state, size_t i) {
    return (float)(1 / sqrt(state->sigmas[i] * state->sigmas[i] + 1));
}
