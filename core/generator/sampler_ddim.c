// SPDX-License-Identifier: Apache-2.0
/* DDIM with eta 0 (Song et al. 2021, eq. 12), as diffusers' DDIMScheduler takes it. */
#include <math.h>

#include "core/generator/sampler_state.h"

static cm_status begin(const cm_schedule *s, size_t steps, size_t n, cm_arena *out, cm_sampler_state **state) {
    return cm_sampler_state_new(s, &(cm_sampler_plan){.spacing = CM_SPACING_LEADING}, steps, n, out, state);
}

/* The step's end lies a fixed number of training steps before its beginning, whatever the spacing. */
static double alpha_after(const cm_sampler_state *state, size_t i) {
    const cm_schedule *s = state->schedule;
    const double before = state->timesteps[i] - (double)(s->train_steps / state->steps);
    if (before >= 0) return s->alphas_cumprod[(size_t)before];
    return s->final_alpha != 0 ? 1 : s->alphas_cumprod[0];
}

static void step(cm_sampler_state *state, size_t i, const float *out, float *x) {
    const cm_schedule *s = state->schedule;
    const double a = s->alphas_cumprod[(size_t)state->timesteps[i]], next = alpha_after(state, i);
    const double signal = sqrt(a), noise = sqrt(1 - a), signal_next = sqrt(next), noise_next = sqrt(1 - next);
    for (size_t j = 0; j < state->values; j++) {
        const double xj = x[j];
        double clean, e;
        if (s->prediction == CM_PREDICT_V) {
            clean = signal * xj - noise * out[j];
            e = signal * out[j] + noise * xj;
        } else {
            clean = (xj - noise * out[j]) / signal;
            e = out[j];
        }
        if (s->clip_sample) clean = fmax(-s->clip_range, fmin(clean, s->clip_range));
        x[j] = (float)(signal_next * clean + noise_next * e);
    }
}

const cm_sampler cm_sampler_ddim = {
    .name = "ddim", .about = "DDIM, eta 0 (Song et al. 2021)", .begin = begin, .init_scale = cm_sampler_init_scale,
    .timestep = cm_sampler_timestep, .input_scale = cm_sampler_no_scale, .mix = cm_sampler_mix_alphas, .step = step,
};
