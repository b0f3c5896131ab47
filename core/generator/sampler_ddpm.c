// SPDX-License-Identifier: Apache-2.0
/* DDPM's own reverse process (Ho et al. 2020, eq. 6 and 7, the smaller variance or the larger), as diffusers'
 * DDPMScheduler. */
#include <math.h>

#include "core/generator/sampler_parts.h"

static cm_status begin(const cm_schedule *s, size_t steps, size_t n, cm_arena *out, cm_sampler_state **state) {
    const cm_sampler_plan plan = {.spacing = CM_SPACING_LEADING, .keeps = true, .random = true};
    return cm_sampler_state_new(s, &plan, steps, n, out, state);
}

static void step(cm_sampler_state *state, size_t i, const float *out, float *x) {
    const cm_schedule *s = state->schedule;
    const double a = s->alphas_cumprod[(size_t)state->timesteps[i]];
    const double next = i + 1 < state->steps ? s->alphas_cumprod[(size_t)state->timesteps[i + 1]] : 1;
    const double beta = 1 - a / next;
    const double of_clean = sqrt(next) * beta / (1 - a), of_x = sqrt(a / next) * (1 - next) / (1 - a);
    const double spread = sqrt(s->large_variance ? beta : fmax((1 - next) / (1 - a) * beta, 1e-20));
    const cm_parts p = cm_sampler_parts(s->prediction, sqrt(a), sqrt(1 - a));
    const float *fresh = state->timesteps[i] > 0 ? cm_sampler_draw(state) : NULL;
    float *clean = state->kept;
    for (size_t j = 0; j < state->values; j++)
        clean[j] = (float)(p.clean_x * (double)x[j] + p.clean_out * (double)out[j]);
    cm_sampler_limit(state, clean);
    for (size_t j = 0; j < state->values; j++)
        x[j] = (float)(of_clean * (double)clean[j] + of_x * (double)x[j] + (fresh ? spread * (double)fresh[j] : 0));
}

const cm_sampler cm_sampler_ddpm = {
    .name = "ddpm",
    .about = "DDPM's reverse process, the smaller variance (Ho et al. 2020)",
    .random = true,
    .begin = begin,
    .init_scale = cm_sampler_init_scale,
    .timestep = cm_sampler_timestep,
    .input_scale = cm_sampler_no_scale,
    .mix = cm_sampler_mix_alphas,
    .step = step,
};
