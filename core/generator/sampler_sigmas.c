// SPDX-License-Identifier: Apache-2.0
/* Noise levels, for the samplers that walk along them. */
#include <math.h>

#include "core/generator/sampler_state.h"

/* The floor keeps a schedule with zero terminal signal finite. */
double cm_sigma_of(const cm_schedule *s, size_t t) {
    const double a = fmax(s->alphas_cumprod[t], 0x1p-24);
    return sqrt((1 - a) / a);
}

double cm_schedule_sigma(const cm_schedule *s, double t) {
    const size_t below = (size_t)t, above = below + 1 < s->train_steps ? below + 1 : below;
    const double part = t - (double)below;
    return cm_sigma_of(s, below) * (1 - part) + cm_sigma_of(s, above) * part;
}

double cm_sigma_timestep(const cm_schedule *s, double sigma) {
    size_t below = 0;
    while (below + 2 < s->train_steps && cm_sigma_of(s, below + 1) <= sigma) below++;
    if (s->train_steps < 2) return 0;
    const double low = log(cm_sigma_of(s, below)), high = log(cm_sigma_of(s, below + 1));
    const double part = fmin(1, fmax(0, (log(fmax(sigma, 1e-10)) - low) / (high - low)));
    return (double)below + part;
}

void cm_sigmas_fill(cm_sampler_state *state) {
    for (size_t i = 0; i < state->steps; i++) state->sigmas[i] = cm_schedule_sigma(state->schedule, state->timesteps[i]);
    state->sigmas[state->steps] = 0;
}

void cm_sigmas_karras(cm_sampler_state *state, double most, double least) {
    const double rho = 7, from = pow(most, 1 / rho), to = pow(least, 1 / rho);
    for (size_t i = 0; i < state->steps; i++) {
        const double u = state->steps > 1 ? (double)i / (double)(state->steps - 1) : 0;
        state->sigmas[i] = pow(from + u * (to - from), rho);
        state->timesteps[i] = cm_sigma_timestep(state->schedule, state->sigmas[i]);
    }
    state->sigmas[state->steps] = 0;
}

void cm_sigma_clean(cm_prediction kind, double sigma, double *of_x, double *of_out) {
    const double below = 1 / (sigma * sigma + 1);
    *of_x = kind == CM_PREDICT_V ? below : 1;
    *of_out = kind == CM_PREDICT_V ? -sigma * sqrt(below) : -sigma;
}
