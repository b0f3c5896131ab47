// SPDX-License-Identifier: Apache-2.0
/* DDIM with eta 0 (Song et al. 2021, eq. 12), as diffusers' DDIMScheduler takes it. */
#include <math.h>

#include "core/generator/sampler_state.h"

static cm_status begin(const cm_schedule *s, size_t steps, cm_arena *out, cm_sampler_state **state) {
    return cm_sampler_state_new(s, steps, CM_SPACING_LEADING, true, out, state);
}

static float init_scale(const cm_sampler_state *state) {
    return (float)state->init_scale;
}

static float timestep(const cm_sampler_state *state, size_t i) {
    return (float)state->timesteps[i];
}

static float input_scale(const cm_sampler_state *state, size_t i) {
    (void)state;
    (void)i;
    return 1;
}

/* The step's end lies a fixed number of training steps before its beginning, whatever the spacing. */
static double alpha_after(const cm_sampler_state *state, size_t i) {
    const cm_schedule *s = state->schedule;
    const double before = state->timesteps[i] - (double)(s->train_steps / state->steps);
    if (before >= 0) return s->alphas_cumprod[(size_t)before];
    return s->set_alpha_to_one ? 1 : s->alphas_cumprod[0];
}

static void step(cm_sampler_state *state, size_t i, const float *eps, size_t n, float *x) {
    const cm_schedule *s = state->schedule;
    const double a = s->alphas_cumprod[(size_t)state->timesteps[i]], next = alpha_after(state, i);
    const double signal = sqrt(a), noise = sqrt(1 - a), signal_next = sqrt(next), noise_next = sqrt(1 - next);
    for (size_t j = 0; j < n; j++) {
        const double xj = x[j], out = eps[j];
        double clean, e;
        if (s->prediction == CM_PREDICT_V) {
            clean = signal * xj - noise * out;
            e = signal * out + noise * xj;
        } else {
            clean = (xj - noise * out) / signal;
            e = out;
        }
        if (s->clip_sample) clean = fmax(-s->clip_range, fmin(clean, s->clip_range));
        x[j] = (float)(signal_next * clean + noise_next * e);
    }
}

const cm_sampler cm_sampler_ddim = {
    "ddim", "DDIM, eta 0 (Song et al. 2021)", begin, init_scale, timestep, input_scale, step,
};
