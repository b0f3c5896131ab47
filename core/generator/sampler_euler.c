// SPDX-License-Identifier: Apache-2.0
/* Euler's method on dx/dsigma (Karras et al. 2022, algorithm 2 without churn), as diffusers' EulerDiscreteScheduler. */
#include <math.h>

#include "core/generator/sampler_state.h"

/* Noise level of a training step; the floor keeps a schedule with zero terminal signal finite. */
static double sigma_of(const cm_schedule *s, size_t t) {
    const double a = fmax(s->alphas_cumprod[t], 0x1p-24);
    return sqrt((1 - a) / a);
}

/* Linear between the training steps' levels. */
static double sigma_at(const cm_schedule *s, double t) {
    const size_t below = (size_t)t, above = below + 1 < s->train_steps ? below + 1 : below;
    const double part = t - (double)below;
    return sigma_of(s, below) * (1 - part) + sigma_of(s, above) * part;
}

static cm_status begin(const cm_schedule *s, size_t steps, cm_arena *out, cm_sampler_state **state) {
    cm_sampler_state *r = NULL;
    CM_TRY(cm_sampler_state_new(s, steps, CM_SPACING_LINSPACE, false, out, &r));
    for (size_t i = 0; i < steps; i++) r->sigmas[i] = sigma_at(s, r->timesteps[i]);
    r->sigmas[steps] = 0;
    const double most = r->sigmas[0];
    r->init_scale = s->spacing == CM_SPACING_LEADING ? sqrt(most * most + 1) : most;
    *state = r;
    return CM_OK;
}

static float init_scale(const cm_sampler_state *state) {
    return (float)state->init_scale;
}

static float timestep(const cm_sampler_state *state, size_t i) {
    return (float)state->timesteps[i];
}

static float input_scale(const cm_sampler_state *state, size_t i) {
    return (float)(1 / sqrt(state->sigmas[i] * state->sigmas[i] + 1));
}

static void step(cm_sampler_state *state, size_t i, const float *eps, size_t n, float *x) {
    const double sigma = state->sigmas[i], change = state->sigmas[i + 1] - sigma;
    const bool v = state->schedule->prediction == CM_PREDICT_V;
    const double below = 1 / (sigma * sigma + 1), root = sqrt(below);
    for (size_t j = 0; j < n; j++) {
        /* slope = (x - clean) / sigma; for v: clean = x / (sigma^2+1) - v sigma / sqrt(sigma^2+1) */
        const double slope = v ? x[j] * sigma * below + eps[j] * root : eps[j];
        x[j] = (float)(x[j] + slope * change);
    }
}

const cm_sampler cm_sampler_euler = {
    "euler", "Euler on noise levels (Karras et al. 2022)", begin, init_scale, timestep, input_scale, step,
};
