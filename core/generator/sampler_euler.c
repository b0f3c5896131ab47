// SPDX-License-Identifier: Apache-2.0
/* Samplers on dx/dsigma (Karras et al. 2022): Euler's method (algorithm 2 without churn), the ancestral one that
 * adds noise, and linear multistep, as diffusers' EulerDiscrete-, EulerAncestralDiscrete- and LMSDiscreteScheduler. */
#include <math.h>
#include <string.h>

#include "core/generator/sampler_parts.h"

enum { ORDER = 4 };

/* diffusers' "log_linear": even in the logarithm from the schedule's most to its least, which ends the last step. */
static void fill_log_linear(cm_sampler_state *r) {
    const double most = log(cm_sigma_of(r->schedule, r->schedule->train_steps - 1)),
                 least = log(cm_sigma_of(r->schedule, 0));
    for (size_t i = 0; i <= r->steps; i++) r->sigmas[i] = exp(most + (double)i / (double)r->steps * (least - most));
}

static cm_status begin_levels(const cm_schedule *s, const cm_sampler_plan *plan, size_t steps, size_t n, cm_arena *out,
                              cm_sampler_state **state) {
    cm_sampler_state *r = NULL;
    CM_TRY(cm_sampler_state_new(s, plan, steps, n, out, &r));
    cm_sigmas_fill(r);
    if (s->log_linear) fill_log_linear(r);
    if (s->levels != CM_LEVELS_STEPS) cm_sigmas_between(r, r->sigmas[0], r->sigmas[s->log_linear ? steps : steps - 1]);
    for (size_t i = 0; s->continuous && s->prediction == CM_PREDICT_V && i < steps; i++)
        r->timesteps[i] = 0.25 * log(r->sigmas[i]);
    const double most = r->sigmas[0];
    r->init_scale = s->spacing == CM_SPACING_LEADING ? sqrt(most * most + 1) : most;
    *state = r;
    return CM_OK;
}

static cm_status begin(const cm_schedule *s, size_t steps, size_t n, cm_arena *out, cm_sampler_state **state) {
    const cm_sampler_plan plan = {.spacing = CM_SPACING_LINSPACE, .fractions = true};
    return begin_levels(s, &plan, steps, n, out, state);
}

/* dx/dsigma = (x - clean) / sigma = x * *of_x + out * *of_out */
static void slope(const cm_sampler_state *state, size_t i, double *of_x, double *of_out) {
    const double sigma = state->sigmas[i];
    cm_sigma_clean(state->schedule->prediction, sigma, of_x, of_out);
    *of_x = (1 - *of_x) / sigma;
    *of_out = -*of_out / sigma;
}

static void mix(const cm_sampler_state *state, size_t i, double *of_clean, double *of_noise) {
    *of_clean = 1;
    *of_noise = state->sigmas[i];
}

static void step(cm_sampler_state *state, size_t i, const float *out, float *x) {
    const double change = state->sigmas[i + 1] - state->sigmas[i];
    double of_x, of_out;
    slope(state, i, &of_x, &of_out);
    for (size_t j = 0; j < state->values; j++)
        x[j] = (float)((double)x[j] + change * (of_x * (double)x[j] + of_out * (double)out[j]));
}

const cm_sampler cm_sampler_euler = {
    .name = "euler",
    .about = "Euler on noise levels (Karras et al. 2022)",
    .begin = begin,
    .init_scale = cm_sampler_init_scale,
    .timestep = cm_sampler_timestep,
    .input_scale = cm_sampler_sigma_scale,
    .mix = mix,
    .step = step,
};

/* --- ancestral ------------------------------------------------------------------ */

static cm_status begin_ancestral(const cm_schedule *s, size_t steps, size_t n, cm_arena *out,
                                 cm_sampler_state **state) {
    const cm_sampler_plan plan = {.spacing = CM_SPACING_LINSPACE, .fractions = true, .random = true};
    return begin_levels(s, &plan, steps, n, out, state);
}

/* Down to a level below the next, and up again by fresh noise. */
static void step_ancestral(cm_sampler_state *state, size_t i, const float *out, float *x) {
    const double sigma = state->sigmas[i], next = state->sigmas[i + 1];
    const double up = sqrt(next * next * (sigma * sigma - next * next)) / sigma, down = sqrt(next * next - up * up);
    const float *fresh = cm_sampler_draw(state);
    double of_x, of_out;
    slope(state, i, &of_x, &of_out);
    for (size_t j = 0; j < state->values; j++) {
        const double along = of_x * (double)x[j] + of_out * (double)out[j];
        x[j] = (float)((double)x[j] + (down - sigma) * along + up * (double)fresh[j]);
    }
}

const cm_sampler cm_sampler_euler_a = {
    .name = "euler_a",
    .about = "Euler with fresh noise at every step (ancestral)",
    .random = true,
    .begin = begin_ancestral,
    .init_scale = cm_sampler_init_scale,
    .timestep = cm_sampler_timestep,
    .input_scale = cm_sampler_sigma_scale,
    .mix = mix,
    .step = step_ancestral,
};

/* --- linear multistep ------------------------------------------------------------- */

static cm_status begin_multistep(const cm_schedule *s, size_t steps, size_t n, cm_arena *out,
                                 cm_sampler_state **state) {
    const cm_sampler_plan plan = {.spacing = CM_SPACING_LINSPACE, .fractions = true, .past = ORDER};
    return begin_levels(s, &plan, steps, n, out, state);
}

/* Lagrange's polynomial of slope i-k among the `order` last ones, at sigma. */
static double lagrange(const cm_sampler_state *state, size_t i, size_t order, size_t k, double sigma) {
    double product = 1;
    for (size_t j = 0; j < order; j++)
        if (j != k) product *= (sigma - state->sigmas[i - j]) / (state->sigmas[i - k] - state->sigmas[i - j]);
    return product;
}

/* Its integral over the step; two points of Gauss are exact up to its third degree. */
static double weight(const cm_sampler_state *state, size_t i, size_t order, size_t k) {
    const double from = state->sigmas[i], half = (state->sigmas[i + 1] - from) / 2, off = half / sqrt(3);
    return half * (lagrange(state, i, order, k, from + half - off) + lagrange(state, i, order, k, from + half + off));
}

static void step_multistep(cm_sampler_state *state, size_t i, const float *out, float *x) {
    const size_t order = i + 1 < ORDER ? i + 1 : ORDER;
    float *newest = cm_sampler_push_past(state, ORDER);
    double of_x, of_out, w[ORDER];
    slope(state, i, &of_x, &of_out);
    for (size_t k = 0; k < order; k++) w[k] = weight(state, i, order, k);
    for (size_t j = 0; j < state->values; j++) {
        newest[j] = (float)(of_x * (double)x[j] + of_out * (double)out[j]);
        double change = 0;
        for (size_t k = 0; k < order; k++) change += w[k] * (double)state->past[k][j];
        x[j] = (float)((double)x[j] + change);
    }
}

const cm_sampler cm_sampler_lms = {
    .name = "lms",
    .about = "linear multistep of order 4 on noise levels (Karras et al. 2022)",
    .whole = true,
    .begin = begin_multistep,
    .init_scale = cm_sampler_init_scale,
    .timestep = cm_sampler_timestep,
    .input_scale = cm_sampler_sigma_scale,
    .mix = mix,
    .step = step_multistep,
};
