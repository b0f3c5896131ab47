// SPDX-License-Identifier: Apache-2.0
/* DDIM with eta 0 (Song et al. 2021, eq. 12), as diffusers' DDIMScheduler takes it. */
#include <math.h>

#include "core/generator/sampler_parts.h"

static cm_status begin(const cm_schedule *s, size_t steps, size_t n, cm_arena *out, cm_sampler_state **state) {
    return cm_sampler_state_new(s, &(cm_sampler_plan){.spacing = CM_SPACING_LEADING, .keeps = true}, steps, n, out,
                                state);
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
    const double signal_next = sqrt(next), noise_next = sqrt(1 - next);
    const cm_parts p = cm_sampler_parts(s->prediction, sqrt(a), sqrt(1 - a));
    float *clean = state->kept;
    for (size_t j = 0; j < state->values; j++)
        clean[j] = (float)(p.clean_x * (double)x[j] + p.clean_out * (double)out[j]);
    cm_sampler_limit(state, clean);
    for (size_t j = 0; j < state->values; j++) {
        const double e = p.noise_x * (double)x[j] + p.noise_out * (double)out[j];
        x[j] = (float)(signal_next * (double)clean[j] + noise_next * e);
    }
}

const cm_sampler cm_sampler_ddim = {
    .name = "ddim",
    .about = "DDIM, eta 0 (Song et al. 2021)",
    .begin = begin,
    .init_scale = cm_sampler_init_scale,
    .timestep = cm_sampler_timestep,
    .input_scale = cm_sampler_no_scale,
    .mix = cm_sampler_mix_alphas,
    .step = step,
};
